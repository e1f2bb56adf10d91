"""A view that reads some parts as they are now and the others as they were: never a copy, and nothing is written.

Prices are always those of now, since they are replaced first. A read that was not made before is made now: what asks for it
was replaced already.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from typing import Literal, TypeVar

from monitor.core.attribution.kept_reads import KeptReads, ReadsOfAsset
from monitor.core.attribution.readings import Readings, ReadKey
from monitor.core.book.book import Book
from monitor.core.book.declarations import Attributes, DatedDeclaration
from monitor.core.evaluation.evaluation import Prepared
from monitor.core.journal.vocabulary import CAUSE_PARTS, CausePart, Effect
from monitor.core.values.figure import Figure
from monitor.core.view.incident_view import KnownIncidents
from monitor.core.view.memory.memo import Memo
from monitor.core.view.view import View

T = TypeVar("T")
U = TypeVar("U")


class SplitView(View):
    """`View` that notes in `made` all that is read.

    Of an asset of which nothing has changed since a kept `memo` read it, that is what was read then. With `before` (what
    was read then, and the instant in ns) the parts beside `renewed` are answered from there, and nothing is noted.
    """

    def __init__(
        self,
        prepared: Prepared,
        book: Book,
        at: int,
        before: tuple[Readings, int] | None = None,
        renewed: frozenset[CausePart] = frozenset(),
        *,
        memo: Memo | None = None,
    ) -> None:
        super().__init__(book, at, prepared.zone, prepared.calendar, prepared.currency, memo=memo)
        self.made = Readings()
        self._former, self._former_at = (Readings(), at) if before is None else before
        self._renewed = frozenset(CAUSE_PARTS) if before is None else renewed
        self._notes = before is None
        self._of_asset: ReadsOfAsset | None = None
        self._left: dict[Hashable, frozenset[str]] = {}
        self._terms = [""]
        self._times: dict[str, dict[ReadKey, str]] = {}

    def finished(self) -> Readings:
        """What was read, each date with the part whose clock it belongs to."""
        for term, read in self._times.items():
            self.made.values[self.made.clock_of(term)].update(read)
        return self.made

    def _part(self, part: CausePart, key: ReadKey, fresh: Callable[[], T]) -> T:
        if part not in self._renewed and key in self._former.values[part]:
            value: T = self._former.values[part][key]
        else:
            value = fresh()
        if self._of_asset is not None:
            self._of_asset.made[part, key] = value
        elif self._notes:
            self.made.note(part, key, value, self._terms[-1])
        return value

    def _past_of(self, asset: str, currency: str) -> None:
        """Prices of the past are read of a pair."""
        pair = f"{asset}/{currency}"
        if self._of_asset is None:
            self.made.past.add(pair)
        else:
            self._of_asset.past[pair] = None

    # --- asset by asset

    def each(self, key: Hashable, assets: tuple[str, ...], make: Callable[[str], T]) -> Mapping[str, T]:
        """See `View`."""
        return self._with_reads(key, assets, make, super().each)

    def summed(self, key: Hashable, assets: tuple[str, ...], make: Callable[[str], Figure]) -> Figure:
        """See `View`."""
        return self._with_reads(key, assets, make, super().summed)

    def summed_before(self, key: Hashable, assets: tuple[str, ...], make: Callable[[str], Figure]) -> Figure:
        """See `View`."""
        return self._with_reads(key, assets, make, super().summed_before)

    def sums_before(self, key: Hashable, assets: tuple[str, ...], make: Callable[[str], Figure]) -> Iterator[None]:
        """See `View`."""
        return super().sums_before(key, assets, self._noting_of(self._kept_of(key), make) if self._notes else make)

    def _with_reads(
        self,
        key: Hashable,
        assets: tuple[str, ...],
        make: Callable[[str], T],
        read: Callable[[Hashable, tuple[str, ...], Callable[[str], T]], U],
    ) -> U:
        """What `read` gives; what `make` read of each asset is noted, whether it is made now or was before."""
        if not self._notes:
            return read(key, assets, make)
        place, kept = (key, self._gaps.effect), self._kept_of(key)
        found = read(key, assets, self._noting_of(kept, make))
        left = self._left.get(place)
        if left is None:
            kept.leave(assets, self.made, self._terms[-1])
        else:
            kept.leave_some([asset for asset in assets if asset not in left], self.made, self._terms[-1])
        self._left[place] = frozenset(assets).union(left or ())
        return found

    def _kept_of(self, key: Hashable) -> KeptReads:
        kept: KeptReads = self._carried.beside.setdefault((key, self._gaps.effect), KeptReads())
        return kept

    def _noting_of(self, kept: KeptReads, make: Callable[[str], T]) -> Callable[[str], T]:
        def noting(asset: str) -> T:
            self._of_asset = reads = ReadsOfAsset()
            found = make(asset)
            self._of_asset = None
            kept.put(asset, reads)
            return found

        return noting

    # --- dates

    @property
    def now(self) -> int:
        """See `View`; of a term whose part is not replaced yet, that of before."""
        instant = self._reckoned_from()
        self._noted("now", str(instant))
        return instant

    def local_date(self, instant: int | None = None) -> date:
        """See `View`."""
        if instant is not None:
            return self.zone.local_date(instant)
        day = self.zone.local_date(self._reckoned_from())
        self._noted("today", day.isoformat())
        return day

    def _reckoned_from(self) -> int:
        return self.at if self._former.clock_of(self._terms[-1]) in self._renewed else self._former_at

    def _noted(self, kind: str, text: str) -> None:
        term = self._terms[-1]
        if self._notes:
            self._times.setdefault(term, {})[kind, term] = text

    @contextmanager
    def _of_term(self, name: str, effect: Effect) -> Iterator[None]:
        self._terms.append(name)
        with self.reading(effect):
            yield
        self._terms.pop()

    term = _of_term

    # --- prices

    def price(self, asset: str, currency: str | None = None) -> Figure:
        """See `View`."""
        into = currency or self.currency
        return self._part("price", ("price", asset, into), lambda: super(SplitView, self).price(asset, into))

    def price_at(self, asset: str, instant: int, currency: str | None = None) -> Figure:
        """See `View`."""
        self._past_of(asset, currency or self.currency)
        return super().price_at(asset, instant, currency)

    def daily_closes(self, asset: str, first: date, last: date) -> dict[date, Decimal]:
        """See `View`."""
        self._past_of(asset, self.currency)
        return super().daily_closes(asset, first, last)

    def _worth_of_loss(self, asset: str, quantity: Figure, instant: int) -> Figure:
        self._past_of(asset, self.currency)
        return super()._worth_of_loss(asset, quantity, instant)

    def stands_on(self, asset: str, currency: str) -> tuple[tuple[str, bool], ...]:
        """The pairs (`BASE/QUOTE`) that a price at `at` stands on, each with whether it is of the entity's own last trade."""
        pairs = self._prices.stands_on(asset, currency)
        return tuple(("/".join(pair), self._prices.own_trade(pair)) for pair in pairs)

    # --- balances

    def role_seen(self, role: str) -> bool:
        """See `View`."""
        return bool(self.assets(role))

    def assets(self, role: str) -> tuple[str, ...]:
        """See `View`."""
        return self._part("balance", ("assets", role), lambda: super(SplitView, self).assets(role))

    def quantity(self, role: str, asset: str, storages: frozenset[str] | None = None) -> Figure:
        """See `View`."""
        key = ("held", role, asset, _words(storages))
        return self._part("balance", key, lambda: super(SplitView, self).quantity(role, asset, storages))

    def positive_quantity(self, role: str, asset: str) -> Figure:
        """See `View`."""
        key = ("positive", role, asset)
        return self._part("balance", key, lambda: super(SplitView, self).positive_quantity(role, asset))

    def quantity_at(self, role: str, asset: str, storages: frozenset[str] | None, instant: int) -> Figure:
        """See `View`."""
        key = ("held_at", role, asset, _words(storages), self._instant(instant))
        return self._part("balance", key, lambda: super(SplitView, self).quantity_at(role, asset, storages, instant))

    def assets_at(self, role: str, instant: int) -> tuple[str, ...]:
        """See `View`."""
        key = ("assets_at", role, self._instant(instant))
        return self._part("balance", key, lambda: super(SplitView, self).assets_at(role, instant))

    def first_record_date(self, kind: Literal["balance", "trade"], of: str | None = None) -> date | None:
        """See `View`."""
        part: CausePart = "balance" if kind == "balance" else "volume"
        key = ("first", kind) if of is None else ("first", kind, of)
        text = self._part(part, key, lambda: _day_text(super(SplitView, self).first_record_date(kind, of)))
        return None if text is None else date.fromisoformat(text)

    def _instant(self, instant: int) -> str:
        return "now" if instant > self.at else str(instant)

    # --- trades

    def trades_seen(self) -> bool:
        """See `View`."""
        return self._part("volume", ("seen",), super().trades_seen)

    def _traded_24h(self, instrument: str, capacity: str | None) -> dict[str, Decimal]:
        key = ("traded_24h", instrument, capacity or "")
        return self._part("volume", key, lambda: super(SplitView, self)._traded_24h(instrument, capacity))

    def trade_value_day(self, day: date, instrument: str, capacity: str) -> dict[str, Decimal]:
        """See `View`."""
        key = ("traded_day", instrument, capacity, day.isoformat())
        return self._part("volume", key, lambda: super(SplitView, self).trade_value_day(day, instrument, capacity))

    # --- incidents and declarations

    def _known_incidents(self) -> KnownIncidents:
        return self._part("incident", ("incidents",), self._incidents_now)

    def _incidents_now(self) -> KnownIncidents:
        """With the newest receipt that counts in place of the instant: time alone changes nothing until one is received."""
        known = super()._known_incidents()
        received = (r.received_at for _, one in known.revisions for r in one.recoveries if r.received_at <= known.at)
        return known._replace(at=max(received, default=0))

    def came(self, kind: str, **attributes: str) -> bool:
        """See `View`."""
        key = ("came", kind, *_texts(attributes.items()))
        return self._part("declaration", key, lambda: super(SplitView, self).came(kind, **attributes))

    def _in_effect(self, kind: str, key: Attributes) -> DatedDeclaration | int | None:
        return self._part("declaration", ("declared", kind, *_texts(key)), lambda: super(SplitView, self)._in_effect(kind, key))

    def _all_in_effect(self, kind: str) -> tuple[DatedDeclaration, ...]:
        return self._part("declaration", ("declarations", kind), lambda: super(SplitView, self)._all_in_effect(kind))

    # --- what is known of sources

    def impaired(self, topic: str) -> bool:
        """See `View`."""
        return self._part("data_quality", ("impaired", topic), lambda: super(SplitView, self).impaired(topic))

    def doubtful(self, asset: str) -> bool:
        """See `View`."""
        return self._part("data_quality", ("doubtful", asset), lambda: super(SplitView, self).doubtful(asset))

    def _lossy_24h(self) -> bool:
        return self._part("data_quality", ("lossy",), super()._lossy_24h)


def _words(storages: frozenset[str] | None) -> str:
    return "*" if storages is None else " ".join(sorted(storages))


def _texts(attributes: object) -> tuple[str, ...]:
    return tuple(f"{name}={text}" for name, text in sorted(attributes))  # type: ignore[call-overload]


def _day_text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
