"""Whether a price that is far from the ones before it is to be believed (CONTRACT 7, `prices.outlier_ratio`).

Prices that follow one another within the ratio are a run. A run is confirmed once two sources speak in it, once one of it was
logged `confirm_s` after another, or by a person; the oldest there is stands for itself. Of an unconfirmed run the nearest
confirmed one before it is the measure: far from that, the price is in doubt. A price a day older says nothing against a newer
one. All this is a function of the prices that are kept, so a restored engine finds the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import NamedTuple

from monitor.core.journal.ordering import Order
from monitor.core.journal.records import SourcePartition
from monitor.core.values.money import EXACT
from monitor.core.values.times import DAY

MOST_LOOKED_AT = 512
"""Prices looked at, newest first: the oldest of so many stands for itself."""


class DatedPrice(NamedTuple):
    """A price; None: busts leave it unknown. `source` is a feed of `market.prices`, None of a trade of the entity."""

    order: Order
    price: Decimal | None
    source: str | None


@dataclass(frozen=True, slots=True)
class Guard:
    """The ratio beyond which a price is in doubt, how long until it confirms itself, and what people have confirmed."""

    ratio: Decimal
    confirm_ns: int
    confirmed: dict[SourcePartition, tuple[int, ...]]

    def apart(self, one: Decimal, other: Decimal) -> bool:
        """Whether two prices are further apart than the ratio, whichever is the greater."""
        low, high = (one, other) if one < other else (other, one)
        return high > EXACT.multiply(low, self.ratio)

    def measure(
        self, newest: DatedPrice, price: Decimal, earlier: Iterable[DatedPrice], later: Iterable[DatedPrice]
    ) -> Decimal | None:
        """The price that speaks against `newest`, whose price is `price`; None: it is believed.

        `earlier` are those before it, newest first; `later` those after it that are known, oldest first.
        """
        own_run = run = _Run(self, newest, price)
        for one in islice(earlier, MOST_LOOKED_AT):
            if run.confirmed or one.order[0] <= newest.order[0] - DAY:
                break
            if one.price is None:
                continue
            if self.apart(one.price, run.edge):
                if run is own_run and self._goes_on(own_run, price, later):
                    break
                run = _Run(self, one, one.price)
            else:
                run.take(one, one.price)
        return run.value if run is not own_run and self.apart(run.value, price) else None

    def _goes_on(self, run: _Run, price: Decimal, later: Iterable[DatedPrice]) -> bool:
        """Whether those after it confirm a run; they are read only where one before it speaks against it."""
        run.edge = price
        for one in islice(later, MOST_LOOKED_AT):
            if one.price is not None and (self.apart(one.price, run.edge) or run.take(one, one.price)):
                break
        return run.confirmed


class _Run:
    """Prices that follow one another within the ratio: `value` is where it was met, `edge` the last one taken."""

    def __init__(self, guard: Guard, first: DatedPrice, value: Decimal) -> None:
        self._guard = guard
        self.value = self.edge = value
        self._source = first.source
        self._several = False
        self._least = self._most = first.order[2]
        self.confirmed = False
        self.take(first, value)

    def take(self, one: DatedPrice, price: Decimal) -> bool:
        """One more of it; whether it is confirmed now."""
        self.edge = price
        logged = one.order[2]
        if logged < self._least:
            self._least = logged
        elif logged > self._most:
            self._most = logged
        if one.source != self._source:
            self._several = True
        self.confirmed = self.confirmed or self._several or self._by_time() or self._by_a_person(one)
        return self.confirmed

    def _by_time(self) -> bool:
        """One source confirms itself only by what it says at another moment."""
        return self._most - self._least >= self._guard.confirm_ns and self._most > self._least

    def _by_a_person(self, one: DatedPrice) -> bool:
        if not self._guard.confirmed:
            return False
        where = SourcePartition(one.order[3], one.order[4], one.order[5])
        return where.offset_of(one.order[6]) in self._guard.confirmed.get(where, ())
