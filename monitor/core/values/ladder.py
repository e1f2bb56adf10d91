"""A sum as a step function of event time, kept by its changes: a late correction is one more change (DESIGN 4).

`Boundaries` says at which instants steps are told apart: the starts of local days of the zones in use. A day's closing is
then the sum of all changes before the day's end, whoever changed and in whatever order it became known.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

from monitor.core.values.calendar import Zone
from monitor.core.values.money import EXACT, ZERO

_REMEMBERED = 8192


class Boundaries:
    """Starts of local days of some zones: multiples of `grain` (ns), an hour or a quarter of one."""

    __slots__ = ("_starts", "grain", "zones")

    def __init__(self, zones: Sequence[Zone]) -> None:
        self.zones = tuple(zones)
        self.grain = min(zone.grain for zone in self.zones)
        self._starts: dict[int, int] = {}

    def before(self, instant: int) -> int:
        """The newest boundary at or before `instant`."""
        start = instant - instant % self.grain
        found = self._starts.get(start)
        if found is None:
            if len(self._starts) >= _REMEMBERED:
                self._starts.clear()
            found = self._starts[start] = max(zone.start_of(start) for zone in self.zones)
        return found

    def holds(self, instant: int) -> bool:
        """Whether `instant` is a boundary."""
        return instant % self.grain == 0 and self.before(instant) == instant


class Ladder:
    """Changes of an exact sum by instant."""

    __slots__ = ("_changes", "_keys", "_summed", "_sums")

    def __init__(self) -> None:
        self._keys: list[int] = []
        self._changes: list[Decimal] = []
        self._sums: list[Decimal] = []
        self._summed = 0

    def add(self, key: int, change: Decimal) -> None:
        """The sum changes by `change` from `key` (ns) on."""
        if not change:
            return
        keys = self._keys
        place = len(keys) - 1 if keys and keys[-1] == key else bisect_left(keys, key)
        if place < len(keys) and keys[place] == key:
            self._changes[place] = EXACT.add(self._changes[place], change)
        else:
            keys.insert(place, key)
            self._changes.insert(place, change)
        self._summed = min(self._summed, place)

    def sum_before(self, instant: int) -> Decimal:
        """The sum of all changes with a key below `instant`."""
        place = bisect_left(self._keys, instant)
        self._sum_up(place)
        return self._sums[place - 1] if place else ZERO

    def steps_before(self, instant: int) -> Iterator[tuple[int, Decimal]]:
        """(key, sum from it on) of every change before `instant`, ascending."""
        place = bisect_left(self._keys, instant)
        self._sum_up(place)
        return zip(self._keys[:place], self._sums[:place], strict=True)

    def changes_before(self, instant: int) -> Iterator[tuple[int, Decimal]]:
        """(key, change) of every change before `instant`, ascending."""
        place = bisect_left(self._keys, instant)
        return zip(self._keys[:place], self._changes[:place], strict=True)

    def coalesce(self, limit: int, key_of: Callable[[int], int]) -> None:
        """Changes with a key below `limit` move to `key_of` of their key, which must not be later and keep their order."""
        place = bisect_left(self._keys, limit)
        if all(key_of(key) == key for key in self._keys[:place]):
            return
        merged: dict[int, Decimal] = {}
        for key, change in zip(self._keys[:place], self._changes[:place], strict=True):
            moved = key_of(key)
            merged[moved] = EXACT.add(merged.get(moved, ZERO), change)
        self._keys[:place] = merged
        self._changes[:place] = merged.values()
        self._summed = 0

    def _sum_up(self, upto: int) -> None:
        if self._summed >= upto:
            return
        del self._sums[self._summed :]
        running = self._sums[-1] if self._sums else ZERO
        for change in self._changes[self._summed : upto]:
            running = EXACT.add(running, change)
            self._sums.append(running)
        self._summed = upto
