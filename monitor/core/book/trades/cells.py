"""Cells of trades and their exact totals (JOURNAL 3)."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from monitor.core.values.money import EXACT, ZERO


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
