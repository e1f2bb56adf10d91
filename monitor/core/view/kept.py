"""What one evaluation of a book hands on to the next: what has not changed is not read again.

Everything that can change what is kept of an asset is named here: its holdings, the prices that were looked at for it, the
instants at which a price grows too old, refusals of prices, doubts about balances. What all of it depends on (the health of
feeds, groups that are not whole, which roles were ever seen, what people dismissed) is compared whole, and anything new
begins anew.
"""

from __future__ import annotations

from typing import Any

from monitor.core.book.book import Book
from monitor.core.book.completeness import Completeness
from monitor.core.journal.vocabulary import ROLES
from monitor.core.view.memo import Memo

MOST_NOTES = 50_000
"""Beyond so many different notes of gaps and feeds all is read anew: most are of times long past."""


class Kept:
    """The memo of one book's evaluations at its clock, carried on from each to the next."""

    def __init__(self) -> None:
        self._memo = Memo()
        self._book: Book | None = None
        self._at = 0
        self._completeness: Completeness | None = None
        self._common: Any = None
        self._seen = (0, 0, 0, 0)
        self._doubted: frozenset[str] = frozenset()

    def memo(self, book: Book, at: int) -> Memo:
        """For an evaluation at `at` (ns): with what is known already, less what may have changed since."""
        book.advance(at)
        completeness, common = Completeness(book, at), _common(book, at)
        follows = self._follows(book, at) and common == self._common and self._memo.notes_kept <= MOST_NOTES
        if follows and self._completeness is not None and completeness.says_as(self._completeness):
            self._forget(self._memo, book, at)
        else:
            self._memo = Memo()
        self._memo.carry_on(completeness)
        self._book, self._at, self._completeness, self._common = book, at, completeness, common
        self._seen, self._doubted = _counts(book), book.doubts.assets()
        return self._memo

    def _follows(self, book: Book, at: int) -> bool:
        """Whether the evaluation is of the same book and of its clock, up to which prices are known too."""
        return self._book is book and self._at <= at == book.clock and at <= book.shared.prices.clock

    def _forget(self, memo: Memo, book: Book, at: int) -> None:
        holdings, pairs, refused, markets = self._seen
        for role, asset in book.positions.changes.since(holdings):
            memo.holding_changed(role, asset)
        for pair in book.shared.prices.changes.since(pairs):
            memo.changed.note(pair[0])
            memo.market_changed("/".join(pair))
        for pair in book.shared.refused_prices.changes.since(refused):
            memo.market_changed("/".join(pair))
        for market in book.trades.changes.since(markets):
            memo.market_changed(market)
        for asset in self._doubted | book.doubts.assets():
            for role in ROLES:
                memo.holding_changed(role, asset)
        memo.come_to(at)


def _counts(book: Book) -> tuple[int, int, int, int]:
    shared = book.shared
    of_prices = shared.prices.changes.count, shared.refused_prices.changes.count
    return book.positions.changes.count, *of_prices, book.trades.changes.count


def _common(book: Book, at: int) -> Any:
    """What any reading may depend on beside its own asset and the health of feeds."""
    seen = tuple(bool(book.positions.assets(role, at + 1)) for role in ROLES)
    return book.config.digest, seen, book.rejections.dismissed()
