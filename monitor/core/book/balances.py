"""Balances of one entity, many in a row within a second: what each would do again is done once for all of them.

Of an account heard of first, as nearly all are that are read from nothing, only sums are kept besides the balance, and they are
added to the book's at the end. Whatever else a balance may be (of an instant ahead or in a closed day, too old, above the supply,
one of a group, or nothing that can be read) is left to `Book.apply`, which says what a balance does: a property test holds the
two together byte for byte.
"""

from __future__ import annotations

import struct
from decimal import Decimal

from monitor.core.book.book import Book
from monitor.core.book.custody.position import AccountTally, Position
from monitor.core.journal.form.values import are_counts, is_text, may_owe
from monitor.core.journal.records import Statement, one_text
from monitor.core.journal.vocabulary import BALANCES
from monitor.core.values.money import parse_quantity
from monitor.core.values.times import recent_time

_Name = tuple[str, str, str, str | None, str, int]
"""Role, asset, storage, source, topic, and the start of the hour (see `Boundaries.grain`) that event times lie in."""


class _Alike:
    """Balances of one name. `quantities` and `times` (of events) are of first ones, which are not in the book's sums yet.

    `others` are event times of those that are no first ones, `logged` log times of all.
    """

    __slots__ = (
        "holding",
        "known",
        "limit",
        "logged",
        "more",
        "others",
        "owes",
        "quantities",
        "source",
        "storage",
        "supply",
        "times",
    )

    def __init__(self, name: _Name, book: Book) -> None:
        role, asset, storage, source, _, _ = name
        self.owes = may_owe(role, asset, storage, source)
        self.holding = one_text(role), one_text(asset)
        self.storage, self.source = one_text(storage), None if source is None else one_text(source)
        self.known = book.positions.kept.known(self.holding)
        self.supply = book.doubts.supply(asset)
        self.limit = book.positions.age_limit(source)
        self.more = book.positions.more_than_summed(self.holding)
        self.quantities: list[Decimal] = []
        self.times: list[int] = []
        self.others: list[int] = []
        self.logged: list[int] = []


class Balances:
    """Of one entity, while the engine clock has not come to `until`. From the first `take` to `settle` nobody reads the book.

    `since`: event times before it are left to `Book.apply`.
    """

    def __init__(self, book: Book, until: int, since: int) -> None:
        self.until = until
        self._clock = book.clock
        self._book, self._positions, self._kept = book, book.positions, book.positions.kept
        self._since = since
        self._grain = book.positions.boundaries.grain
        self._alike: dict[_Name, _Alike] = {}

    def take(self, statement: Statement, clock: int) -> bool:
        """Takes a balance at the clock `clock` as `Book.apply` would, or does nothing. `Book.replaced` is set."""
        before = None
        try:
            read = self._read(statement, clock)
            if read is None:
                return False
            alike, account, position = read
            if account in alike.known:
                before = self._positions.newest((*alike.holding, account))
                if self._positions.refuses(before, position):
                    return False
            else:
                self._kept.begin(alike.holding, account, position)
        except (LookupError, TypeError, ValueError, struct.error):
            return False  # what is wrong with it says who takes it as it is
        self._book.replaced = before
        alike.logged.append(position.logged)
        if before is None:
            self._open(alike, account, position)
        else:
            alike.others.append(position.event_time)
            if clock > self._book.clock:
                self._book.come_to(clock)
            self._book.hold((*alike.holding, account), position, before)
        self._clock = clock
        return True

    def settle(self) -> None:
        """What was taken is in the book, which has come to the clock of the last one."""
        self._book.forget_deadline()
        self._book.come_to(self._clock)
        self._join()

    def _read(self, statement: Statement, clock: int) -> tuple[_Alike, str, Position] | None:
        """The balance and whose it is, if no more may come of it than is looked after here."""
        body, source, logged = statement.body, statement.source, statement.logged_at
        if source is None or source.offset is None or logged is None or body["group"] is not None:
            return None
        where, place, event_time = source.where, source.offset, recent_time(body["as_of"])
        account, sequence = body["account"], body["sequence"]
        if not (are_counts(place, source.index, sequence) and statement.at >= 0):
            return None
        if not (is_text(account) and is_text(body["event_id"])):
            return None
        topic, hour = where.topic, event_time - event_time % self._grain
        if not self._since <= event_time <= clock:
            return None
        name = (body["role"], body["asset"], body["storage"], body["source"], topic, hour)
        alike = self._alike.get(name) or self._begun(name)
        if alike.limit is not None and self._positions.clock <= event_time + alike.limit < self.until:
            return None
        quantity = parse_quantity(body["quantity"])
        if (alike.supply is not None and quantity > alike.supply) or (not alike.owes and body["quantity"][0] == "-"):
            return None
        if "/" in topic:
            place = where.place(place, source.index)
        order = (event_time, sequence, logged, topic, where.epoch, where.partition, place)
        return alike, account, Position(*order, alike.storage, quantity, alike.source)

    def _open(self, alike: _Alike, account: str, position: Position) -> None:
        """An account has begun."""
        if alike.more:
            self._positions.opened((*alike.holding, account), position)
        if not alike.times:
            self._positions.ready(alike.holding, alike.storage, alike.source)
        alike.quantities.append(position.quantity)
        alike.times.append(position.event_time)

    def _begun(self, name: _Name) -> _Alike:
        found = self._alike[name] = _Alike(name, self._book)
        return found

    def _join(self) -> None:
        """The first balances are added to the sums, and all are heard."""
        for (_, _, _, source, topic, hour), alike in self._alike.items():
            if alike.logged:
                self._hear(source, topic, max(alike.logged), max(alike.times + alike.others))
            if alike.times:
                sums = AccountTally()
                sums.put_all(alike.quantities)
                self._positions.join(alike.holding, alike.storage, alike.source, hour, sums)
                self._positions.note(alike.holding, min(alike.times))
                if alike.limit is not None:
                    ends = (time + alike.limit for time in alike.times)
                    self._positions.join_aged(alike.holding, alike.storage, zip(ends, alike.quantities, strict=True))

    def _hear(self, source: str | None, topic: str, logged: int, event_time: int) -> None:
        self._book.hear(BALANCES, source, logged, event_time)
        feed = topic.partition("/")[2]
        if feed:
            self._book.hear(BALANCES, feed, logged, event_time)


def balances(book: Book, clock: int, until: int, since: int) -> Balances | None:
    """From the engine clock `clock` on, before it comes to `until`; None where a balance may do more than is seen to here."""
    if book.groups.remembers or book.rejections.marks:
        return None
    book.come_to(clock)
    still = book.positions.still_until()
    return Balances(book, until if still is None else min(until, still), since)
