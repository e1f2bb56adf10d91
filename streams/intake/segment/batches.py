"""What goes into a segment and what comes out: batches of records, flushes, counts of outcomes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from operator import itemgetter
from typing import Any

from monitor.core.journal.records import Statement

LAST_MS = 253_402_300_799_999
"""End of the year 9999: a log time beyond it, or before 1970, is taken as that end or as 1970."""

_FIRST_PART = 512
_SELDOM = frozenset({"filtered", "conflict"})

Addressed = tuple[int, Statement]
"""A journal partition and what is said there."""


Original = Callable[[int], tuple[bytes | None, Sequence[tuple[str, bytes]]]]
"""Key and headers of the record at an index of a batch."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Visible records of one source partition in log order, as columns. `original` gives key and headers of a record.

    `has_headers` looks whether any has headers; `log_rises`: whether log times never fall.
    """

    offsets: Sequence[int]
    times_ms: Sequence[int]
    values: Sequence[bytes | None]
    original: Original = lambda _index: (None, ())
    has_headers: Callable[[], bool] = lambda: True
    log_rises: bool = field(init=False)
    oldest_ms: int = field(init=False)
    newest_ms: int = field(init=False)

    def __post_init__(self) -> None:
        times = self.times_ms or (0,)
        rises = never_falls(times)
        bounds = (times[0], times[-1]) if rises else (min(times), max(times))
        for name, value in (("log_rises", rises), ("oldest_ms", bounds[0]), ("newest_ms", bounds[1])):
            object.__setattr__(self, name, value)

    def __len__(self) -> int:
        return len(self.offsets)

    def then(self, following: Batch, begin: int) -> Batch:
        """Its records from index `begin` on and those of the batch that follows, as one."""
        own = self.original
        parts = own.cut(begin) if isinstance(own, _Originals) else [(len(self) - begin, begin, own)]
        whole = len(self) - begin + len(following)
        return Batch(
            joined(self.offsets[begin:], following.offsets),
            [*self.times_ms[begin:], *following.times_ms],
            [*self.values[begin:], *following.values],
            _Originals([*parts, (whole, begin - len(self), following.original)]),
            _known(self.has_headers() or following.has_headers()),
        )

    def first(self, count: int) -> Batch:
        """So many of its records."""
        return Batch(self.offsets[:count], self.times_ms[:count], self.values[:count], self.original, self.has_headers)


@dataclass(frozen=True, slots=True)
class Flush:
    """What is sent at one time of one segment: `contents` first, and when they are acknowledged `progress`.

    `stated`: whether anything was stated at once, or became a dead letter, since the flush before.
    """

    start: int
    upto: int
    final: bool
    contents: tuple[Addressed, ...]
    progress: tuple[Addressed, ...]
    stated: bool = False


@dataclass(slots=True)
class Counts:
    """Outcomes of a segment's events so far; disjoint, and together all that were visible.

    `filtered`: left out by a feed. `conflict`: a trade that repeats the id of another with other figures.
    """

    applied: int = 0
    duplicate: int = 0
    late: int = 0
    dead_letter: int = 0
    filtered: int = 0
    conflict: int = 0

    def body(self) -> dict[str, int]:
        """As it stands in a progress record; `filtered` and `conflict` only where something was."""
        return {name: count for name, count in asdict(self).items() if count or name not in _SELDOM}


class _Originals:
    """`original` of batches that follow one another. `parts`: the index behind its records, what to add for its own, its own."""

    def __init__(self, parts: Sequence[tuple[int, int, Original]]) -> None:
        self._parts = parts

    def __call__(self, index: int) -> tuple[bytes | None, Sequence[tuple[str, bytes]]]:
        _, shift, original = self._parts[bisect_right(self._parts, index, key=itemgetter(0))]
        return original(index + shift)

    def cut(self, begin: int) -> list[tuple[int, int, Original]]:
        """Those of the records from index `begin` on: what lies before is held no longer."""
        return [(end - begin, shift + begin, original) for end, shift, original in self._parts if end > begin]


def joined(offsets: Sequence[int], following: Sequence[int]) -> Sequence[int]:
    """As a range where they are one, which holds no numbers. The first, if they are a list, grow by the others."""
    if not offsets:
        return following
    if isinstance(offsets, range) and isinstance(following, range) and offsets.stop == following.start:
        return range(offsets.start, following.stop)
    longer: list[int] = offsets if isinstance(offsets, list) else list(offsets)
    longer.extend(following)
    return longer


def _known(headed: bool) -> Callable[[], bool]:
    """What was found already: to look later would hold the records until then."""
    return lambda: headed


def never_falls(column: Sequence[Any]) -> bool:
    """Whether a column is sorted: most often its first part tells that it is not."""
    return all(list(part) == sorted(part) for part in (column[:_FIRST_PART], column))


def cut(column: Sequence[Any], begin: int, end: int) -> Sequence[Any]:
    """What stands at [begin, end) of a column: itself where that is all."""
    return column if end - begin == len(column) else column[begin:end]


def clamped(time_ms: int) -> int:
    """A log time that can be written as a date."""
    return min(max(time_ms, 0), LAST_MS)
