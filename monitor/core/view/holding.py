"""What an entity holds of one asset in one role, as far as one evaluation knows it: quantities by storage class."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Protocol

from monitor.core.book.custody.doubts import Swing
from monitor.core.book.custody.position import AccountTally, Position, Storages, credit, sum_of
from monitor.core.book.custody.positions import Positions
from monitor.core.values.figure import UNKNOWN, Figure
from monitor.core.values.money import EXACT, ZERO


class Holding(Protocol):
    """Quantities of one asset in one role at one instant."""

    def quantity(self, storages: Storages) -> Figure:
        """Sum over the accounts in these storage classes."""

    def positive(self) -> Figure:
        """Sum over accounts of max(0, quantity)."""


class Unheld:
    """Nothing is known."""

    def quantity(self, storages: Storages) -> Figure:
        """Not known, of whatever storage."""
        del storages
        return UNKNOWN

    def positive(self) -> Figure:
        """Not known."""
        return UNKNOWN


UNHELD = Unheld()


class LiveHolding:
    """At the book's clock, from its running sums: `stale` are those of accounts too old, which do not count.

    `bounded`: every account that there may be is counted; else a figure has no upper end.
    """

    __slots__ = ("_bounded", "_known", "_stale", "_sums", "_swings")

    def __init__(
        self,
        sums: Mapping[tuple[str, str | None], AccountTally],
        stale: Mapping[tuple[str, str | None], AccountTally],
        swings: Sequence[Swing],
        *,
        bounded: bool,
    ) -> None:
        self._sums = sums
        self._stale = stale
        self._swings = swings
        self._bounded = bounded
        self._known: dict[Storages, Figure] = {}

    def quantity(self, storages: Storages) -> Figure:
        """See `Holding`."""
        figure = self._known.get(storages)
        if figure is None:
            figure = self._known[storages] = self._sum(storages, positive=False)
        return figure

    def positive(self) -> Figure:
        """See `Holding`."""
        return self._sum(None, positive=True)

    def _sum(self, storages: Storages, *, positive: bool) -> Figure:
        known = ZERO
        for (storage, source), tally in self._sums.items():
            if storages is None or storage in storages:
                known = EXACT.add(known, tally.positive if positive else tally.quantity)
                if (old := self._stale.get((storage, source)) if self._stale else None) is not None:
                    known = EXACT.subtract(known, old.positive if positive else old.quantity)
        return swung(Figure(known, known if self._bounded else None), self._swings, storages)


class EarlierHolding:
    """Before the book's clock, from the positions of event time below an instant; those too old then do not count.

    `silent`: sources that were silent then, whose accounts do not count. `bounded`: as of `LiveHolding`.
    """

    def __init__(
        self,
        positions: Positions,
        role: str,
        asset: str,
        before: int,
        swings: Sequence[Swing],
        *,
        silent: frozenset[str],
        bounded: bool,
    ) -> None:
        self._positions = positions
        self._swings = swings
        self._role = role
        self._asset = asset
        self._before = before
        self._silent = silent
        self._bounded = bounded
        self._known: dict[Storages, Figure] = {}

    def quantity(self, storages: Storages) -> Figure:
        """See `Holding`."""
        figure = self._known.get(storages)
        if figure is None:
            figure = self._known[storages] = self._sum(storages)
        return figure

    def _sum(self, storages: Storages) -> Figure:
        if not self._silent and self._positions.boundaries.holds(self._before):
            known = self._positions.fresh_sum_before(self._role, self._asset, storages, self._before)
            return swung(self._figure(known), self._swings, storages)
        several = (p.quantity for p in self._counting() if storages is None or p.storage in storages)
        return swung(self._figure(sum_of(several)), self._swings, storages)

    def positive(self) -> Figure:
        """See `Holding`."""
        return swung(self._figure(sum_of(credit(p) for p in self._counting())), self._swings, None)

    def _counting(self) -> Iterator[Position]:
        fresh = self._positions.fresh_before(self._role, self._asset, self._before)
        return (position for position in fresh if position.source not in self._silent)

    def _figure(self, known: Decimal) -> Figure:
        return Figure(known, known if self._bounded else None)


def swung(figure: Figure, swings: Iterable[Swing], storages: Storages) -> Figure:
    """A sum over accounts with what those in doubt may hold besides what they say."""
    wanted = [swing for swing in swings if storages is None or swing.storage in storages]
    if not wanted:
        return figure
    below, above = sum_of(swing.below for swing in wanted), sum_of(swing.above for swing in wanted)
    return figure + Figure(below, above)
