"""What an entity traded, as far as one evaluation knows: values by quote currency, and whether some may be missing."""

from __future__ import annotations

from decimal import Decimal

from monitor.core.book.book import Book
from monitor.core.journal.vocabulary import TRADES
from monitor.core.values.times import HOUR, hour_of
from monitor.core.view.asset_sight import AssetSight
from monitor.core.view.gaps import Gaps


class Traded:
    """Trades for one evaluation at `at` (ns)."""

    def __init__(self, book: Book, at: int, gaps: Gaps, kinds: AssetSight) -> None:
        self._trades = book.trades
        self._at = at
        self._gaps = gaps
        self._kinds = kinds

    def seen(self) -> bool:
        """Whether any trade was executed by then."""
        first = self._trades.first_executed()
        return first is not None and first <= self._at

    def last_24h(self) -> tuple[int, int]:
        """The UTC hour of `at` and the 23 before it: begin and end in ns."""
        end = hour_of(self._at) + HOUR
        return end - 24 * HOUR, end

    def value(self, instrument: str, capacity: str | None, begin: int, end: int) -> dict[str, Decimal]:
        """|buys| + |sells| executed in [begin, end) by quote currency, exact, sorted; `capacity` None is all."""
        left_out = self._kinds.market_left_out if self._kinds.leaves_out else None
        return self._trades.value_between(instrument, capacity, begin, end, left_out)

    def below_zero(self, begin: int, end: int) -> bool:
        """Whether more was taken back in that time than was ever told: gap `records_lost`."""
        if not self._trades.below_zero_between(begin, end):
            return False
        self._gaps.add("records_lost", TRADES, since=begin)
        return True
