"""Positions that belong together: a transfer or a whole snapshot applies at once, or after 5 s with a gap (JOURNAL 4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from monitor.core.book.custody.position import Key, Position, position_from, position_text
from monitor.core.values.times import HOUR, SECOND

PATIENCE_NS = 5 * SECOND
REMEMBERED_NS = 48 * HOUR
Member = tuple[Key, Position]


@dataclass(slots=True)
class _Open:
    """Members so far, by key: the newest of each."""

    first: int
    size: int
    members: dict[Key, Position] = field(default_factory=dict)


@dataclass(slots=True)
class _Applied:
    """When it was applied, and the members that came if some are missing still. `since` is the event time of the first."""

    at: int
    size: int
    since: int
    came: dict[Key, None] = field(default_factory=dict)


class Groups:
    """The groups of an entity, by id, on the engine clock."""

    def __init__(self, dirty: set[str]) -> None:
        self._dirty = dirty
        self._open: dict[str, _Open] = {}
        self._applied: dict[str, _Applied] = {}

    def put(self, group: str, size: int, key: Key, position: Position, clock: int) -> list[Member]:
        """Take a member; the positions to apply now: none while the group is incomplete, all when this completes it."""
        self._dirty.add("groups")
        applied = self._applied.get(group)
        if applied is not None:
            if applied.came:
                applied.came[key] = None
                if len(applied.came) >= applied.size:
                    applied.came = {}
            return [(key, position)]
        waiting = self._open.setdefault(group, _Open(clock, size))
        waiting.size = max(waiting.size, size)
        known = waiting.members.get(key)
        if known is None or known < position:
            waiting.members[key] = position
        return self._apply(group, clock) if len(waiting.members) >= waiting.size else []

    def advance(self, clock: int) -> list[Member]:
        """The positions of groups that have waited long enough."""
        due = [group for group, waiting in self._open.items() if waiting.first + PATIENCE_NS <= clock]
        members = [member for group in due for member in self._apply(group, self._open[group].first + PATIENCE_NS)]
        forgotten = [group for group, applied in self._applied.items() if applied.at + REMEMBERED_NS <= clock]
        for group in forgotten:
            del self._applied[group]
        if due or forgotten:
            self._dirty.add("groups")
        return members

    def _apply(self, group: str, at: int) -> list[Member]:
        """Members to apply now; `at` is when it was due, so that a clock that jumps changes nothing."""
        waiting = self._open.pop(group)
        members = waiting.members
        missing = len(members) < waiting.size
        since = min(position.event_time for position in members.values())
        self._applied[group] = _Applied(at, waiting.size, since, dict.fromkeys(members) if missing else {})
        return list(members.items())

    def incomplete(self, role: str) -> int | None:
        """Event time of the first member of an applied group of the role that misses members; None if there is none."""
        return min((g.since for g in self._applied.values() if any(key[0] == role for key in g.came)), default=None)

    def next_change(self, after: int) -> int | None:
        """The next instant above `after` at which a group applies incomplete, or is forgotten so that its gap ends."""
        times = [waiting.first + PATIENCE_NS for waiting in self._open.values()]
        times += [applied.at + REMEMBERED_NS for applied in self._applied.values() if applied.came]
        return min((t for t in times if t > after), default=None)

    def names(self) -> Iterator[str]:
        """Names of the buckets."""
        if self._open or self._applied:
            yield "groups"

    def bucket(self, name: str) -> Any:
        """The bucket as JSON values; None when it is empty."""
        if name != "groups" or not (self._open or self._applied):
            return None
        waiting = [
            [group, str(g.first), g.size, [[*key, position_text(p)] for key, p in g.members.items()]]
            for group, g in self._open.items()
        ]
        applied = [[group, str(g.at), g.size, str(g.since), [list(key) for key in g.came]] for group, g in self._applied.items()]
        return {"open": waiting, "applied": applied}

    def restore(self, buckets: Mapping[str, Any]) -> None:
        """Take the state of the bucket `groups`."""
        raw = buckets.get("groups") or {"open": [], "applied": []}
        for group, first, size, members in raw["open"]:
            found = {(role, asset, account): position_from(p) for role, asset, account, p in members}
            self._open[group] = _Open(int(first), size, found)
        for group, at, size, since, came in raw["applied"]:
            self._applied[group] = _Applied(int(at), size, int(since), dict.fromkeys(tuple(key) for key in came))
