"""Cells of trades and their exact totals (JOURNAL 3)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple, TypeVar

from monitor.core.values.ladder import Boundaries
from monitor.core.values.money import EXACT, ZERO

_T = TypeVar("_T")


class CellKey(NamedTuple):
    """What trades are told apart by, besides the hour; side `""` where the trade names none."""

    market: str
    capacity: str
    instrument: str
    side: str

    @property
    def quote(self) -> str:
        """The currency of the cell's values."""
        return self.market.partition("/")[2]


class Total(NamedTuple):
    """Trades of a cell: their number, quantity in base and value in quote currency."""

    trades: int
    quantity: Decimal
    value: Decimal

    def plus(self, other: Total) -> Total:
        """The exact sum."""
        return Total(self.trades + other.trades, EXACT.add(self.quantity, other.quantity), EXACT.add(self.value, other.value))

    def minus(self, other: Total) -> Total:
        """The exact difference."""
        return Total(
            self.trades - other.trades, EXACT.subtract(self.quantity, other.quantity), EXACT.subtract(self.value, other.value)
        )

    @property
    def below_zero(self) -> bool:
        """Whether more was taken back than had come."""
        return self.trades < 0 or self.quantity < 0 or self.value < 0


NO_TRADES = Total(0, ZERO, ZERO)


def sum_up(by_key: dict[int, _T], span: range, boundaries: Boundaries, nothing: _T, add: Callable[[_T, _T], _T]) -> bool:
    """Move the hours in `span` to the start of their local day; whether there were any."""
    hours = span if span.start else range(min(by_key, default=span.stop), span.stop, span.step)
    old = [key for key in hours if key in by_key] if len(hours) < len(by_key) else sorted(key for key in by_key if key in hours)
    for key in old:
        start = boundaries.before(key)
        if start != key:
            by_key[start] = add(by_key.get(start, nothing), by_key.pop(key))
    return bool(old)


def drop_before(by_key: dict[int, Any], oldest: int) -> bool:
    """Forget keys before `oldest`; whether there were any."""
    gone = [key for key in by_key if key < oldest]
    for key in gone:
        del by_key[key]
    return bool(gone)
