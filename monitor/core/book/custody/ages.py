"""Accounts whose position is too old to count at the clock, and when that of the others will be."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping

from monitor.core.book.custody.position import AccountKey, AccountTally, Position, RoleAsset, Tallies, tally_of

AgeLimit = Callable[[str | None], int | None]
"""The age (ns) up to which a position of a source counts; None is no limit."""

Current = Callable[[AccountKey], Position | None]
"""The position that counts for an account at the clock."""


class Ages:
    """Ages of the positions that count now. Of an entity without `limit` no position is ever too old."""

    def __init__(self, limit: AgeLimit | None) -> None:
        self.limited = limit is not None
        self._limit = limit
        self._stale: Tallies = {}
        self._since: dict[AccountKey, int] = {}
        self._order: dict[RoleAsset, list[tuple[int, AccountKey]]] = {}
        self._due: list[tuple[int, AccountKey]] = []
        self._watched: set[AccountKey] = set()

    def anew(self) -> Ages:
        """The same limit, and nothing watched."""
        return Ages(self._limit)

    def end(self, position: Position) -> int | None:
        """The last instant at which a position is not too old; None: it never is."""
        limit = self.limit(position.source)
        return None if limit is None else position.event_time + limit

    def limit(self, source: str | None) -> int | None:
        """The age (ns) up to which a position of a source counts; None: it always does."""
        return None if self._limit is None else self._limit(source)

    def __contains__(self, key: AccountKey) -> bool:
        return key in self._since

    def watch(self, key: AccountKey, position: Position, clock: int) -> None:
        """Count the account as too old, or remember when it will be."""
        end = self.end(position)
        if end is None:
            return
        if end < clock:
            self._since[key] = end
            heapq.heappush(self._order.setdefault(key[:2], []), (end, key))
            tally_of(self._stale, key[:2], position).put(position.quantity)
        elif key not in self._watched:
            self._watched.add(key)
            heapq.heappush(self._due, (end, key))

    def replaced(self, key: AccountKey, position: Position) -> None:
        """The position counts for the account no longer."""
        if self._since.pop(key, None) is not None:
            self._stale[key[:2]][position.storage, position.source].take(position.quantity)

    def due(self, clock: int) -> Iterator[AccountKey]:
        """Accounts to be watched anew at `clock`: the age that they were watched for is over."""
        while self._due and self._due[0][0] < clock:
            key = heapq.heappop(self._due)[1]
            self._watched.discard(key)
            yield key

    @property
    def due_from(self) -> int | None:
        """The clock from which `due` gives an account; None: at none."""
        return self._due[0][0] + 1 if self._due else None

    def next_change(self, current: Current) -> int | None:
        """The next instant at which a position is too old."""
        while self._due:
            due, key = self._due[0]
            position = current(key)
            end = None if position is None or key in self else self.end(position)
            if end == due:
                return due + 1
            heapq.heappop(self._due)
            self._watched.discard(key)
            if end is not None:
                self._watched.add(key)
                heapq.heappush(self._due, (end, key))
        return None

    def sums(self, of: RoleAsset) -> Mapping[tuple[str, str | None], AccountTally]:
        """Sums by (storage, source) of the accounts too old."""
        return self._stale.get(of, {})

    def since(self, of: RoleAsset) -> int | None:
        """The instant after which the first of them has been so; None if none is."""
        order = self._order.get(of)
        while order and self._since.get(order[0][1]) != order[0][0]:
            heapq.heappop(order)
        return order[0][0] if order else None
