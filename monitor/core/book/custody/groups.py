"""Positions that belong together: a transfer or a whole snapshot applies at once, or after 5 s with a gap (JOURNAL 4).

What is missing may be of any account and role, so the gap is of every role, and no time ends it: only the last member does,
or people who dismiss the group. Members that disagree on the size never make it whole. An id that comes again once its
group is whole, with what is no repeat, is a group anew. What people dismissed is remembered too: a member that was missing
may come late, and a dismissal may be read before the group.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

from monitor.core.book.custody.position import AccountKey, Position, position_from, position_text, precedes
from monitor.core.values.times import HOUR, SECOND

PATIENCE_NS = 5 * SECOND
REMEMBERED_NS = 48 * HOUR
GroupMember = tuple[AccountKey, Position]


@dataclass(slots=True)
class _Group:
    """Members so far, by key: the newest of each while they wait, None once they are applied.

    `since` is the event time of the earliest, `first` the clock when one came first; `again`: the id was used before.
    """

    first: int
    size: int
    since: int
    again: bool = False
    disagrees: bool = False
    waits: bool = True
    members: dict[AccountKey, Position | None] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Whether every member has come."""
        return not self.disagrees and len(self.members) >= self.size


@dataclass(slots=True)
class _Dismissed:
    """A group of which people said that nothing is missing: when, by which operation, its size (0: none has come), who came."""

    at: int
    by: str
    size: int = 0
    keys: set[AccountKey] = field(default_factory=set)

    def takes(self, key: AccountKey, size: int) -> bool:
        """Whether a member of another account is one that was missing, and not of a group anew."""
        self.size = self.size or size
        if key in self.keys or len(self.keys) >= self.size:
            return False
        self.keys.add(key)
        return True


class Groups:
    """The groups of an entity, by id, on the engine clock, which never goes back.

    `_waiting` and `_whole` are in the order of that clock, `_incomplete` holds (since, id) of those applied incomplete, and of
    some that no longer are: so what is due is found without a look at the rest.
    """

    def __init__(self, dirty: set[str]) -> None:
        self._dirty = dirty
        self._unfinished: dict[str, _Group] = {}
        self._waiting: dict[str, _Group] = {}
        self._incomplete: list[tuple[int, str]] = []
        self._whole: dict[str, int] = {}
        self._dismissed: dict[str, _Dismissed] = {}

    def put(self, group: str, size: int, key: AccountKey, position: Position, clock: int, *, repeat: bool) -> list[GroupMember]:
        """Take a member; the positions to apply now: none while the group waits, all when this makes it whole.

        `repeat`: the account holds just this position already.
        """
        self._dirty.add("groups")
        found = self._unfinished.get(group)
        if found is None:
            dismissed = self._dismissed.get(group)
            if dismissed is not None and (repeat or dismissed.takes(key, size)):
                return [(key, position)]
            if group in self._whole and repeat:
                return [(key, position)]
            again = group in self._whole or dismissed is not None
            found = _Group(clock, size, position.event_time, again=again)
            self._unfinished[group] = self._waiting[group] = found
        elif found.again and repeat:
            return [(key, position)]
        found.disagrees = found.disagrees or size != found.size
        if position.event_time < found.since:
            found.since = position.event_time
            self._note_incomplete(group, found)
        if not found.waits:
            found.members[key] = None
            return [(key, position), *self._finished(group, clock)]
        known = found.members.get(key)
        if known is None or precedes(known, position):
            found.members[key] = position
        return self._finished(group, clock)

    def dismiss(self, group: str, by: str, clock: int) -> list[GroupMember]:
        """People say by an operation that nothing is missing of the group; the positions to apply now.

        The same operation again says nothing of a group that has taken the id since.
        """
        known, found = self._dismissed.get(group), self._unfinished.get(group)
        if known is not None and (found is None or known.by == by):
            return []
        self._dirty.add("groups")
        self._dismissed.pop(group, None)
        if found is None:
            self._dismissed[group] = _Dismissed(clock, by)
            return []
        del self._unfinished[group]
        self._waiting.pop(group, None)
        self._dismissed[group] = _Dismissed(clock, by, found.size, set(found.members))
        return _applied(found)

    def since(self, group: str) -> int | None:
        """Event time of the earliest member of a group that is not whole."""
        found = self._unfinished.get(group)
        return None if found is None else found.since

    @property
    def remembers(self) -> bool:
        """Whether there is any group that time alone may do something to."""
        return bool(self._waiting or self._whole or self._dismissed)

    def advance(self, clock: int) -> list[GroupMember]:
        """The positions of groups that have waited long enough."""
        members: list[GroupMember] = []
        while self._waiting and self._waiting[group := next(iter(self._waiting))].first + PATIENCE_NS <= clock:
            found = self._waiting.pop(group)
            members += _applied(found)
            self._note_incomplete(group, found)
            self._dirty.add("groups")
        while self._whole and self._whole[oldest := next(iter(self._whole))] + REMEMBERED_NS <= clock:
            del self._whole[oldest]
            self._dirty.add("groups")
        while self._dismissed and self._dismissed[oldest := next(iter(self._dismissed))].at + REMEMBERED_NS <= clock:
            del self._dismissed[oldest]
            self._dirty.add("groups")
        return members

    def _note_incomplete(self, group: str, found: _Group) -> None:
        if not found.waits:
            heappush(self._incomplete, (found.since, group))

    def _finished(self, group: str, clock: int) -> list[GroupMember]:
        """The members that still wait, when their group is whole."""
        found = self._unfinished[group]
        if not found.whole:
            return []
        del self._unfinished[group]
        self._waiting.pop(group, None)
        self._whole.pop(group, None)
        self._whole[group] = clock
        return _applied(found)

    def incomplete_since(self, at: int | None) -> int | None:
        """Event time, up to `at` (None: any), from which a group is applied that is not whole; None if there is none."""
        while self._incomplete and not self._still(*self._incomplete[0]):
            heappop(self._incomplete)
        earliest = self._incomplete[0][0] if self._incomplete else None
        return None if earliest is None or (at is not None and earliest > at) else earliest

    def _still(self, since: int, group: str) -> bool:
        found = self._unfinished.get(group)
        return found is not None and not found.waits and found.since == since

    @property
    def settled_at(self) -> int | None:
        """When every group that waits now will have had its time; None if none waits."""
        return self._waiting[next(reversed(self._waiting))].first + PATIENCE_NS if self._waiting else None

    def next_change(self, after: int) -> int | None:
        """The next instant above `after` at which a group applies incomplete."""
        times = (found.first + PATIENCE_NS for found in self._waiting.values())
        return next((t for t in times if t > after), None)

    def names(self) -> Iterator[str]:
        """Names of the buckets."""
        if self._unfinished or self._whole or self._dismissed:
            yield "groups"

    def bucket(self, name: str) -> Any:
        """The bucket as JSON values; None when it is empty."""
        if name != "groups" or not (self._unfinished or self._whole or self._dismissed):
            return None
        unfinished = [
            [
                group,
                [str(g.first), g.size, str(g.since), g.again, g.disagrees, g.waits],
                [[*key, None if p is None else position_text(p)] for key, p in g.members.items()],
            ]
            for group, g in self._unfinished.items()
        ]
        dismissed = [[group, str(d.at), d.by, d.size, sorted(map(list, d.keys))] for group, d in self._dismissed.items()]
        whole = [[group, str(at)] for group, at in self._whole.items()]
        return {"unfinished": unfinished, "whole": whole, "dismissed": dismissed}

    def restore(self, buckets: Mapping[str, Any]) -> None:
        """Take the state of the bucket `groups`."""
        raw = buckets.get("groups") or {}
        for group, (first, size, since, again, disagrees, waits), members in raw.get("unfinished", ()):
            found = {(role, asset, account): None if p is None else position_from(p) for role, asset, account, p in members}
            restored = self._unfinished[group] = _Group(int(first), size, int(since), again, disagrees, waits, found)
            self._note_incomplete(group, restored)
        waiting = (item for item in self._unfinished.items() if item[1].waits)
        self._waiting = dict(sorted(waiting, key=lambda item: item[1].first))
        self._whole = dict(sorted(((group, int(at)) for group, at in raw.get("whole", ())), key=lambda item: item[1]))
        for group, at, by, size, keys in raw.get("dismissed", ()):
            self._dismissed[group] = _Dismissed(int(at), by, size, {(role, asset, account) for role, asset, account in keys})


def _applied(group: _Group) -> list[GroupMember]:
    """The members that wait; they do so no longer."""
    waiting = [(key, position) for key, position in group.members.items() if position is not None]
    group.waits, group.members = False, dict.fromkeys(group.members)
    return waiting
