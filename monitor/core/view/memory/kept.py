"""What one evaluation of a book hands on to the next: what has not changed is not read again.

Everything that can change what is kept of an asset is named here: its holdings, the prices that were looked at for it, the
instants at which a price grows too old, refusals of prices, doubts about balances. What all of it depends on (the health of
feeds, groups that are not whole, which roles were ever seen, what people dismissed) is compared whole, and anything new
begins anew.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from monitor.core.book.book import Book
from monitor.core.book.completeness import Completeness
from monitor.core.book.custody.position import RoleAsset
from monitor.core.book.prices import Pair
from monitor.core.journal.vocabulary import ROLES
from monitor.core.values.changes import Changes
from monitor.core.values.times import DAY
from monitor.core.view.memory.memo import Memo

MOST_NOTES = 50_000
"""Beyond so many different notes of gaps and feeds all is read anew: most are of times long past."""


LONGEST = 16 * DAY
"""Reads of long ago are kept for so long at most: the horizon moves on, and what lies a month behind it is summed up."""

DAYS_KEPT = 8
"""Ends of days of which reads are kept: the newest in several zones."""


class _Changed(NamedTuple):
    """What of a book may be read otherwise than before."""

    holdings: Changes[RoleAsset]
    pairs: Changes[Pair]
    refused: Changes[Pair]
    markets: Changes[str]


class Kept:
    """The memo of one book's evaluations at its clock, carried on from each to the next; or of one instant that is past."""

    def __init__(self) -> None:
        self._memo = Memo()
        self._book: Book | None = None
        self._at = 0
        self._live = True
        self._completeness: Completeness | None = None
        self._common: Any = None
        self._seen: tuple[int, ...] = ()
        self._seen_old: tuple[int, ...] = ()
        self._begun = 0
        self._doubted: frozenset[str] = frozenset()

    def memo(self, book: Book, at: int) -> Memo:
        """For evaluations at `at` (ns): with what is known already, less what may have changed since.

        Prices may be known up to a later instant than the book's clock, where somebody looks at it before its evaluation:
        nothing is kept of such a look, since a price that it cannot see yet would not be told of again.
        """
        book.advance(at)
        if book.clock <= at < book.shared.prices.clock:
            return Memo()
        completeness, common = Completeness(book, at), _common(book, at)
        full = self._memo.notes_kept > MOST_NOTES or book.clock - self._begun > LONGEST
        follows = self._follows(book, at) and common == self._common and not full
        if follows and self._completeness is not None and completeness.says_as(self._completeness):
            self._forget(self._memo, book, at)
        else:
            self._memo, self._begun = Memo(), book.clock
        self._memo.carry_on(completeness)
        self._book, self._at, self._live = book, at, at >= book.clock
        self._completeness, self._common = completeness, common
        self._seen, self._seen_old = (tuple(one.count for one in several) for several in (_changed(book, at), _old(book)))
        self._doubted = book.doubts.assets()
        return self._memo

    def says_as_before(self, book: Book, at: int) -> bool:
        """Whether all that any reading may depend on beside its own asset is what it was at the last evaluation of the clock."""
        before = self._completeness
        return before is not None and Completeness(book, at).says_as(before) and _common(book, at) == self._common

    def _follows(self, book: Book, at: int) -> bool:
        """Whether the evaluation is of the same book and of its clock, up to which prices are known too; or of the same past."""
        if self._book is not book or self._live != (at >= book.clock):
            return False
        return self._at <= at == book.clock and at <= book.shared.prices.clock if self._live else self._at == at

    def _forget(self, memo: Memo, book: Book, at: int) -> None:
        old, seen = _old(book), self._seen_old
        for _, asset in old.holdings.since(seen[0]):
            memo.old.forget(asset)
        for pairs_of, count in ((old.pairs, seen[1]), (old.refused, seen[2])):
            for pair in pairs_of.since(count):
                memo.old.market_changed("/".join(pair))
        for market in old.markets.since(seen[3]):
            memo.old.market_changed(market)
        self._forget_newer(memo, book, at)

    def _forget_newer(self, memo: Memo, book: Book, at: int) -> None:
        changed, (holdings, pairs, refused, markets) = _changed(book, at), self._seen
        for role, asset in changed.holdings.since(holdings):
            memo.holding_changed(role, asset)
        for pair in changed.pairs.since(pairs):
            memo.changed.note(pair[0])
            memo.market_changed("/".join(pair))
        for pair in changed.refused.since(refused):
            memo.market_changed("/".join(pair))
        for market in changed.markets.since(markets):
            memo.market_changed(market)
        for asset in self._doubted | book.doubts.assets():
            memo.old.forget(asset)
            for role in ROLES:
                memo.holding_changed(role, asset)
        memo.come_to(at)


class KeptDays:
    """The memos of the ends of closed days, of the last `DAYS_KEPT` that were looked at."""

    def __init__(self) -> None:
        self._days: dict[int, Kept] = {}

    def memo(self, book: Book, at: int) -> Memo:
        """For evaluations at the last instant of a day: see `Kept.memo`."""
        kept = self._days.pop(at, None) or Kept()
        self._days[at] = kept
        if len(self._days) > DAYS_KEPT:
            del self._days[next(iter(self._days))]
        return kept.memo(book, at)


def _changed(book: Book, at: int) -> _Changed:
    """Of a past instant, which is the end of a quarter of an hour, only what came of those that have ended."""
    positions, prices, refused, trades = book.positions, book.shared.prices, book.shared.refused_prices, book.trades
    if at >= book.clock:
        return _Changed(positions.changes, prices.changes, refused.changes, trades.changes)
    return _Changed(positions.past, prices.past, refused.changes, trades.past)


def _old(book: Book) -> _Changed:
    """What came so late that it is of instants long past."""
    shared = book.shared
    return _Changed(book.positions.old, shared.prices.old, shared.refused_prices.changes, book.trades.old)


def _common(book: Book, at: int) -> Any:
    """What any reading may depend on beside its own asset and the health of feeds."""
    seen = tuple(book.positions.seen(role, at + 1) for role in ROLES)
    return book.config.digest, seen, book.rejections.dismissed()
