"""The next of many instants, looked up far more often than they change."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable


class Instants:
    """Instants (ns) that `source` names whenever they have changed."""

    __slots__ = ("_sorted", "_source")

    def __init__(self, source: Callable[[], Iterable[int]]) -> None:
        self._source = source
        self._sorted: list[int] | None = None

    def changed(self) -> None:
        """Ask the source anew at the next look-up."""
        self._sorted = None

    def after(self, instant: int) -> int | None:
        """The first instant above `instant`."""
        if self._sorted is None:
            self._sorted = sorted(set(self._source()))
        place = bisect_right(self._sorted, instant)
        return self._sorted[place] if place < len(self._sorted) else None

    def within(self, low: int, high: int) -> bool:
        """Whether one lies in [`low`, `high`)."""
        found = self.after(low - 1)
        return found is not None and found < high


class Newest:
    """The newest event time (ns) of each of many names, to find the next one that grows too old."""

    __slots__ = ("_names", "_times")

    def __init__(self) -> None:
        self._names: dict[str, int] = {}
        self._times: list[int] = []

    def put(self, name: str, event_time: int | None) -> None:
        """`own` is the newest of `name` now; None: it has none."""
        known = self._names.pop(name, None)
        if known is not None:
            del self._times[bisect_left(self._times, known)]
        if event_time is not None:
            self._names[name] = event_time
            insort(self._times, event_time)

    def get(self, name: str) -> int | None:
        """The newest of `name`."""
        return self._names.get(name)

    def between(self, low: int, high: int) -> list[str]:
        """The names whose newest lies in (`low`, `high`]."""
        first = self.after(low)
        return [] if first is None or first > high else [name for name, time in self._names.items() if low < time <= high]

    def after(self, instant: int) -> int | None:
        """The least of them above `instant`."""
        place = bisect_right(self._times, instant)
        return self._times[place] if place < len(self._times) else None
