"""What an entity holds in each role, as far as one evaluation knows: completeness of feeds, ages and doubts taken in."""

from __future__ import annotations

from monitor.core.book.book import Book
from monitor.core.book.custody.doubts import Swing
from monitor.core.book.custody.position import Storages
from monitor.core.journal.vocabulary import BALANCES, LIABILITY, Effect
from monitor.core.values.figure import UNKNOWN, Figure
from monitor.core.view.asset_sight import AssetSight
from monitor.core.view.gaps import Gaps
from monitor.core.view.health import SourceHealth
from monitor.core.view.holding import UNHELD, EarlierHolding, Holding, LiveHolding, swung
from monitor.core.view.memory.access import MemoAccess


class Holdings:
    """Holdings for one evaluation at `at` (ns); `live`: at the book's clock, where sums are kept."""

    def __init__(
        self, book: Book, at: int, gaps: Gaps, health: SourceHealth, *, kinds: AssetSight, memo: MemoAccess, live: bool
    ) -> None:
        self._book = book
        self._at = at
        self._gaps = gaps
        self._health = health
        self._completeness = health.completeness
        self._kinds = kinds
        self._memo = memo
        self._live = live

    def assets(self, role: str) -> tuple[str, ...]:
        """Every asset of the role with a position at `at`, without those left out, sorted."""
        return self._memo.value(("assets", role), lambda: self.assets_before(role, self._at + 1))

    def assets_before(self, role: str, instant: int) -> tuple[str, ...]:
        """As `assets`, with a position of event time below `instant`."""
        found = self._book.positions.assets(role, instant)
        return tuple(asset for asset in found if not self._kinds.left_out(asset)) if self._kinds.leaves_out else found

    def of(self, role: str, asset: str) -> Holding:
        """What is held of an asset at `at`; what is not known leaves its gap."""
        return self._memo.kept(("holding", role, asset), lambda: self._read(role, asset))

    def quantity_before(self, role: str, asset: str, storages: Storages, instant: int) -> Figure:
        """The sum of the positions of event time before `instant`, a local day's end, whatever their age."""
        if not self._book.positions.seen(role, instant):
            self._gaps.add("position_missing", role)
            return UNKNOWN
        known = self._book.positions.sum_before(role, asset, storages, instant)
        since = self._completeness.group_incomplete_since(instant - 1)
        if since is not None:
            self._gaps.add("group_incomplete", role, since=since)
            return UNKNOWN
        figure = swung(Figure.of(known), self._swings(role, asset, instant), storages)
        return UNKNOWN if self._completeness.lost(BALANCES) else figure

    def _read(self, role: str, asset: str) -> Holding:
        bounded = self._memo.value(("bounded", role), lambda: self._bounded(role))
        if bounded is None:
            return UNHELD
        if self._live:
            return self._live_holding(role, asset, bounded=bounded)
        return self._earlier_holding(role, asset, bounded=bounded)

    def _live_holding(self, role: str, asset: str, *, bounded: bool) -> Holding:
        positions = self._book.positions
        sums, silent = positions.sums(role, asset), set()
        for (_, source), tally in sums.items():
            if source is not None and tally.accounts and self._health.reads(BALANCES, source):
                silent.add(source)
        if silent:
            sums, bounded = {place: tally for place, tally in sums.items() if place[1] not in silent}, False
        since = positions.stale_since(role, asset)
        if since is not None:
            self._gaps.add("position_stale", role, since=since)
            bounded = False
        swings = [swing for swing in self._swings(role, asset, None) if swing.source not in silent]
        return LiveHolding(sums, positions.stale_sums(role, asset), swings, bounded=bounded)

    def _swings(self, role: str, asset: str, before: int | None) -> list[Swing]:
        """What accounts in doubt may hold besides what they say, now or before an instant, with its gap."""
        found = list(self._book.positions.swings(self._book.doubts, role, asset, before))
        if found:
            effect: Effect = "required" if role == LIABILITY else "available"
            self._gaps.add("position_outlier", role, effect, self._book.doubts.since(role, asset))
        return found

    def _earlier_holding(self, role: str, asset: str, *, bounded: bool) -> Holding:
        positions, before = self._book.positions, self._at + 1
        silent = self._completeness.silent_sources()
        if silent:
            counting = positions.counting_before(role, asset, before)
            silent &= {position.source for position in counting if position.source is not None}
            for source in sorted(silent):
                self._health.reads(BALANCES, source)
        since = positions.stale_before(role, asset, before)
        if since is not None:
            self._gaps.add("position_stale", role, since=since)
        whole = bounded and not silent and since is None
        swings = [swing for swing in self._swings(role, asset, before) if swing.source not in silent]
        return EarlierHolding(positions, role, asset, before, swings, silent=silent, bounded=whole)

    def _bounded(self, role: str) -> bool | None:
        """Whether no account of the role is unheard of, for all that feeds say; None: nothing is known of the role."""
        impaired = self._health.reads(BALANCES)
        if not self.assets(role):
            self._gaps.add("position_missing", role)
            return None
        since = self._completeness.group_incomplete_since()
        if since is not None:
            self._gaps.add("group_incomplete", role, since=since)
        if impaired or since is not None:
            return None
        silent = [source for source in self._completeness.unheard_sources() if self._health.reads(BALANCES, source)]
        return not silent
