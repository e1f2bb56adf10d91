"""Segments of a source partition, and why counting by them is exact (JOURNAL 3).

A segment is named by its start offset a. It ends at the smaller of a + `segment_records` and the offset of the first
visible record in it whose log time lies in a later UTC day than that of its first visible record. That record, and every
offset below it that a reader can ever see, are fixed by the log; so the ends are the same for whoever reads, and each
segment begins where the one before it ends.

What is said of a segment is cumulative: [a, upto) contains so much. It is a pure function of that range of an immutable log
and of the rules, so a zombie, a worker after a rebalance or one that starts over from a lost commit says the same again,
and of two statements the one with the greater `upto` contains the other. The reader of the journal keeps the maximum, which
is therefore the whole segment once its end was said. Nothing of the next segment is sent before the end of this one is
acknowledged in every journal partition and committed: so a statement about the next one proves that this one is complete,
and a crash at any point starts again at a segment's beginning, with all of it to be said again. Redelivery starts inside
the look-back and changes nothing. Aborted transactions leave offsets nobody sees: ends and `upto` are offsets, not counts
of records, and the reader's position carries a segment across them. Where retention has passed the commit, or the log was
made anew (its id differs), ranges do not join: the reader of the journal sees a hole and says so. What repeats a trade is
decided by the same fixed range and the fixed look-back before it (`lookback`).

This module has no input or output: the worker, the offline reader and the simulation drive the same code.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from monitor.core.journal.records import Source, SourcePartition, Statement
from monitor.core.values.times import exact_time, from_ms
from streams.intake.segment.rules import IntakeRules
from streams.wire import REJECTED_TOPICS, Invalid, Judge, Reason, rejected_body, rejected_entity

LAST_MS = 253_402_300_799_999
"""End of the year 9999: a log time beyond it, or before 1970, is taken as that end or as 1970."""
_DAY_MS = 86_400_000

Addressed = tuple[int, Statement]
"""A journal partition and what is said there."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Visible records of one source partition in log order, as columns. `original` gives key and headers of a record.

    `oldest_ms` and `newest_ms` are the bounds of all log times, looked for once.
    """

    offsets: Sequence[int]
    times_ms: Sequence[int]
    values: Sequence[bytes | None]
    original: Callable[[int], tuple[bytes | None, Sequence[tuple[str, bytes]]]] = lambda _index: (None, ())
    oldest_ms: int = field(init=False)
    newest_ms: int = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "oldest_ms", min(self.times_ms, default=0))
        object.__setattr__(self, "newest_ms", max(self.times_ms, default=0))

    def __len__(self) -> int:
        return len(self.offsets)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A refused record, as it came, with the reason and where it lies."""

    where: SourcePartition
    offset: int
    time_ms: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Flush:
    """What is sent at one time of one segment: `contents` first, and when they are acknowledged `progress`."""

    start: int
    upto: int
    final: bool
    contents: tuple[Addressed, ...]
    progress: tuple[Addressed, ...]


@dataclass(slots=True)
class Counts:
    """Outcomes of a segment's records so far; disjoint, and together all that were visible."""

    applied: int = 0
    duplicate: int = 0
    late: int = 0
    dead_letter: int = 0

    def body(self) -> dict[str, int]:
        """As it stands in a progress record."""
        return {"applied": self.applied, "duplicate": self.duplicate, "late": self.late, "dead_letter": self.dead_letter}


@dataclass(slots=True)
class Segment:
    """What is known of one segment apart from its trades. Times are ns; `day_end_ms` None before a record was seen."""

    start: int
    limit: int
    position: int
    day_end_ms: int | None = None
    counts: Counts = field(default_factory=Counts)
    newest_log_ms: int | None = None
    short: bool = False

    @property
    def ended(self) -> bool:
        """Whether every record of the segment was read."""
        return self.position >= self.limit


class SegmentReader(ABC):
    """One source partition read segment by segment. `feed` and `reach` take in, `take` and `flush` give out."""

    def __init__(self, where: SourcePartition, rules: IntakeRules, log: str, start: int) -> None:
        self.where = where
        self.rules = rules
        self.judge: Judge = rules.judge(where.topic)
        self.dead_letters: list[DeadLetter] = []
        self._log = log
        self._told: tuple[int, int] | None = None
        self._statements: list[Addressed] = []
        self.segment = self._new_segment(start)

    @property
    def position(self) -> int:
        """The offset up to which everything was taken in."""
        return self.segment.position

    @property
    def ended(self) -> bool:
        """Whether the open segment is complete: nothing is taken in before `flush` has closed it."""
        return self.segment.ended

    def feed(self, batch: Batch, begin: int, now: int) -> int:
        """Take in records from index `begin` up to the segment's end; gives the index of the first that was not taken.

        Records below the position are skipped: they were taken in before, or lie before the segment. `now` (ns) is the
        writer's clock, the `at` of what is stated at once.
        """
        segment = self.segment
        offsets = batch.offsets
        begin = bisect_left(offsets, segment.position, begin)
        if segment.ended or begin == len(offsets):
            return begin
        end = bisect_left(offsets, segment.limit, begin)
        if segment.day_end_ms is None and begin < end:
            time_ms = clamped(batch.times_ms[begin])
            segment.day_end_ms = (time_ms // _DAY_MS + 1) * _DAY_MS
            self._opened(segment, time_ms)
        end = self._day_end(batch, begin, end)
        if end > begin:
            newest_ms = batch.newest_ms if end - begin == len(batch) else max(batch.times_ms[begin:end])
            segment.newest_log_ms = max(segment.newest_log_ms or 0, clamped(newest_ms))
            self._take_in(batch, begin, end, now)
        segment.position = offsets[end - 1] + 1 if end > begin else segment.position
        if end < len(offsets):
            segment.limit = min(segment.limit, offsets[end])
            segment.position = segment.limit
        return end

    def reach(self, position: int) -> None:
        """Note that a reader of committed records stands at `position` with nothing visible left below it."""
        segment = self.segment
        segment.position = max(segment.position, min(position, segment.limit))

    def take(self) -> list[Addressed]:
        """Statements that need not wait for a flush; they must be acknowledged before its progress is sent."""
        taken, self._statements = self._statements, []
        return taken

    def flush(self, now: int) -> Flush | None:
        """What has changed since the last flush, at `now` (ns); None if nothing has. Closes an ended segment.

        The caller has at most one flush under way, and gives the partition up if any part of it fails.
        """
        segment = self.segment
        final, upto = segment.ended, min(segment.position, segment.limit)
        if upto == segment.start or (not final and (segment.start, upto) == self._told):
            return None
        self._told = (segment.start, upto)
        contents = (*self.take(), *self._contents(now, upto))
        flush = Flush(segment.start, upto, final, contents, self._progress(now, segment.start, upto, final=final))
        if final:
            self.segment = self._new_segment(upto)
        return flush

    def standing_at(self, start: int, now: int) -> Flush:
        """The progress of an empty range at a committed offset, before anything was taken in (JOURNAL 3)."""
        return Flush(start, start, False, (), self._progress(now, start, start, final=False))

    def _new_segment(self, start: int) -> Segment:
        return Segment(start, start + self.rules.segment_records, start)

    def _day_end(self, batch: Batch, begin: int, end: int) -> int:
        """Index below `end` of the first record of a later day than the segment's first."""
        limit = self.segment.day_end_ms
        times = batch.times_ms
        if limit is None or clamped(batch.newest_ms) < limit:
            return end
        return next((index for index in range(begin, end) if clamped(times[index]) >= limit), end)

    def _progress(self, now: int, start: int, upto: int, *, final: bool) -> tuple[Addressed, ...]:
        segment = self.segment
        newest = None if segment.newest_log_ms is None else exact_time(from_ms(segment.newest_log_ms))
        common: dict[str, Any] = {
            "log": self._log,
            "final": final,
            "counts": segment.counts.body(),
            "newest_log": newest,
            "short": segment.short,
        }
        applied = self._applied()
        source = Source(self.where, start=start, upto=upto)
        made = {
            number: Statement("progress", None, now, common | {"applied": number}, source, rules=self.rules.rules)
            for number in {0, *applied.values()}
        }
        return tuple((partition, made[applied.get(partition, 0)]) for partition in range(self.rules.journal_partitions))

    def _refuse(self, batch: Batch, index: int, invalid: Invalid, now: int) -> None:
        """Keep a refused record as a dead letter, and state the gap it leaves if it is a known entity's (CONTRACT 2)."""
        offset, time_ms, value = batch.offsets[index], batch.times_ms[index], batch.values[index]
        key, headers = batch.original(index)
        self.segment.counts.dead_letter += 1
        letter = DeadLetter(self.where, offset, time_ms, key, value, headers, invalid.reason, invalid.detail)
        self.dead_letters.append(letter)
        if self.where.topic not in REJECTED_TOPICS:
            return
        readable = self.judge.readable(value)
        entity = rejected_entity(readable, self.rules.known)
        if entity is not None:
            body = rejected_body(self.where.topic, invalid.reason, readable)
            source = Source(self.where, offset=offset)
            self._state(Statement("rejected", entity, now, body, source, from_ms(clamped(time_ms))))

    def _state(self, statement: Statement) -> None:
        """Say `statement` in its entity's journal partition, or in all if it is no entity's."""
        if statement.entity is None:
            self._statements.extend((partition, statement) for partition in range(self.rules.journal_partitions))
        else:
            self._statements.append((self.rules.partition_of(statement.entity), statement))

    @abstractmethod
    def _opened(self, segment: Segment, time_ms: int) -> None:
        """The segment's first visible record is about to be taken in; its log time is `time_ms`."""

    @abstractmethod
    def _take_in(self, batch: Batch, begin: int, end: int, now: int) -> None:
        """Take in records [begin, end) of the batch, all of the open segment."""

    @abstractmethod
    def _contents(self, now: int, upto: int) -> list[Addressed]:
        """What else a flush says of [start, upto)."""

    @abstractmethod
    def _applied(self) -> dict[int, int]:
        """Trades counted so far in the segment by journal partition; partitions without any may be left out."""


def clamped(time_ms: int) -> int:
    """A log time that can be written as a date."""
    return min(max(time_ms, 0), LAST_MS)
