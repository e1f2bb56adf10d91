"""What goes into a segment and what comes out: batches of records, flushes, counts of outcomes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

from monitor.core.journal.records import Statement

LAST_MS = 253_402_300_799_999
"""End of the year 9999: a log time beyond it, or before 1970, is taken as that end or as 1970."""

_SELDOM = frozenset({"filtered", "conflict"})

Addressed = tuple[int, Statement]
"""A journal partition and what is said there."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Visible records of one source partition in log order, as columns. `original` gives key and headers of a record.

    `headed`: whether any has headers, as far as known. `oldest_ms` and `newest_ms` are the bounds of all log times,
    looked for once.
    """

    offsets: Sequence[int]
    times_ms: Sequence[int]
    values: Sequence[bytes | None]
    original: Callable[[int], tuple[bytes | None, Sequence[tuple[str, bytes]]]] = lambda _index: (None, ())
    headed: bool = True
    oldest_ms: int = field(init=False)
    newest_ms: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "oldest_ms", min(self.times_ms, default=0))
        object.__setattr__(self, "newest_ms", max(self.times_ms, default=0))

    def __len__(self) -> int:
        return len(self.offsets)

    def first(self, count: int) -> Batch:
        """So many of its records."""
        return Batch(self.offsets[:count], self.times_ms[:count], self.values[:count], self.original, self.headed)


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


def clamped(time_ms: int) -> int:
    """A log time that can be written as a date."""
    return min(max(time_ms, 0), LAST_MS)
