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
of records, and the reader's position carries a segment across them. Where feeds make several events of a record, a
segment also ends behind the record with which they become too many: that too is fixed by the log and the rules. Where
retention has passed the commit, or the log was made anew (its id differs), ranges do not join: the reader of the journal
sees a hole and says so. What repeats a trade is decided by the same fixed range and the fixed look-back before it
(`lookback`).

This module has no input or output: the worker, the offline reader and the simulation drive the same code.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from monitor.core.journal.records import Source, Statement
from monitor.core.values.times import exact_time, from_ms
from streams.intake.segment.batches import Addressed, Batch, Flush, clamped
from streams.intake.segment.content import Content
from streams.intake.segment.rules import IntakeRules
from streams.wire.rejected import DeadLetter

_DAY_MS = 86_400_000
EVENTS_A_RECORD = 10
"""A segment of feeds also ends behind the record with which its events are so many times `segment_records`."""


@dataclass(slots=True)
class Segment:
    """What is known of one segment apart from its contents. `day_end_ms` None before a record was seen."""

    start: int
    limit: int
    position: int
    events: int = 0
    day_end_ms: int | None = None
    newest_log_ms: int | None = None
    short: bool = False

    @property
    def ended(self) -> bool:
        """Whether every record of the segment was read."""
        return self.position >= self.limit


class SegmentReader:
    """One source partition read segment by segment. `feed` and `reach` take in, `take` and `flush` give out.

    `contents` say what is made of its records; `log` names the log they are of.
    """

    def __init__(self, rules: IntakeRules, log: str, start: int, contents: Sequence[Content]) -> None:
        self.contents = contents
        self.segment = Segment(start, start + rules.segment_records, start)
        self._rules = rules
        self._log = log
        self._told: tuple[int, int] | None = None
        self._split = any(content.findings.where.feed for content in contents)
        self._most_events = EVENTS_A_RECORD * rules.segment_records

    @property
    def position(self) -> int:
        """The offset up to which everything was taken in."""
        return self.segment.position

    @property
    def ended(self) -> bool:
        """Whether the open segment is complete: nothing is taken in before `flush` has closed it."""
        return self.segment.ended

    @property
    def joins(self) -> bool:
        """Whether records had better wait for those behind them, as nothing is said of them but with a flush."""
        return all(content.joins for content in self.contents)

    @property
    def cut_at(self) -> int:
        """The offset at which a run of records that begins at the position ends at the latest, whatever comes."""
        blocks = self._rules.block_records
        return min(self.segment.limit, (self.position // blocks + 1) * blocks)

    def remember_from(self) -> int:
        """The offset from which the log must be read before the segment about to begin."""
        return min(content.remember_from(self.segment.start) for content in self.contents)

    def remember(self, batch: Batch) -> None:
        """Take note of the records below the segment's start, without counting anything."""
        for content in self.contents:
            content.remember(batch, self.segment.start)

    def stated(self, below: int) -> None:
        """Note that what is stated at once of the records below an offset was acknowledged: they are counted only."""
        for content in self.contents:
            content.findings.stated_below = below

    def hidden(self, log_start: int, first_ms: int) -> None:
        """Note that the log begins at `log_start`, above its first offset ever, with a record of log time `first_ms`.

        Where that time lies within what must be remembered, less a day for disorder, segments that reach below say `short`.
        """
        for content in self.contents:
            content.hidden(log_start, first_ms)

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
            self._opened(clamped(batch.times_ms[begin]))
        end = self._day_end(batch, begin, end)
        if end > begin:
            end = self._take_in(batch, begin, end, now)
            newest_ms = batch.newest_ms if end - begin == len(batch) else max(batch.times_ms[begin:end])
            segment.newest_log_ms = max(segment.newest_log_ms or 0, clamped(newest_ms))
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
        return [addressed for content in self.contents for addressed in content.findings.take()]

    def take_dead_letters(self) -> list[DeadLetter]:
        """The records refused since the last time."""
        taken: list[DeadLetter] = []
        for content in self.contents:
            taken += content.findings.dead_letters
            content.findings.dead_letters = []
        return taken

    def flush(self, now: int) -> Flush | None:
        """What has changed since the last flush, at `now` (ns); None if nothing has. Closes an ended segment.

        The caller has at most one flush under way, and gives the partition up if any part of it fails.
        """
        segment = self.segment
        final, start, upto = segment.ended, segment.start, min(segment.position, segment.limit)
        if upto == start or (not final and (start, upto) == self._told):
            return None
        self._told = (start, upto)
        contents = self.take() + [one for content in self.contents for one in content.said(now, start, upto)]
        stated = [content.findings.take_stated() for content in self.contents]
        flush = Flush(start, upto, final, tuple(contents), self._progress(now, start, upto, final=final), any(stated))
        if final:
            self.segment = Segment(upto, upto + self._rules.segment_records, upto)
            for content in self.contents:
                content.closed()
        return flush

    def standing_at(self, start: int, now: int) -> Flush:
        """The progress of an empty range at a committed offset, before anything was taken in (JOURNAL 3)."""
        return Flush(start, start, False, (), self._progress(now, start, start, final=False))

    def _take_in(self, batch: Batch, begin: int, end: int, now: int) -> int:
        """Take in records [begin, end), or less where events fill the segment; gives the index behind the last."""
        sighted = [content.sighted(batch, begin, end) for content in self.contents]
        weights = [max(events.weight(record) for events in sighted) for record in range(begin, end)] if self._split else ()
        for record, weight in enumerate(weights, begin):
            self.segment.events += weight
            if self.segment.events >= self._most_events:
                end = record + 1
                self.segment.limit = min(self.segment.limit, batch.offsets[record] + 1)
                sighted = [events.before(end) for events in sighted]
                break
        for content, events in zip(self.contents, sighted, strict=True):
            content.findings.counts.filtered += events.filtered
            content.findings.heard(events.heard_ms)
            content.take_in(events, now)
        return end

    def _opened(self, time_ms: int) -> None:
        """The segment's first visible record is about to be taken in; its log time is `time_ms`."""
        segment = self.segment
        segment.day_end_ms = (time_ms // _DAY_MS + 1) * _DAY_MS
        hidden = [content.opened(segment.start, time_ms) for content in self.contents]
        segment.short = any(hidden)

    def _day_end(self, batch: Batch, begin: int, end: int) -> int:
        """Index below `end` of the first record of a later day than the segment's first."""
        limit = self.segment.day_end_ms
        times = batch.times_ms
        if limit is None or clamped(batch.newest_ms) < limit:
            return end
        return next((index for index in range(begin, end) if clamped(times[index]) >= limit), end)

    def _progress(self, now: int, start: int, upto: int, *, final: bool) -> tuple[Addressed, ...]:
        said = (self._progress_of(content, now, start, upto, final=final) for content in self.contents)
        return tuple(addressed for progress in said for addressed in progress)

    def _progress_of(self, content: Content, now: int, start: int, upto: int, *, final: bool) -> list[Addressed]:
        segment = self.segment
        newest = None if segment.newest_log_ms is None else exact_time(from_ms(segment.newest_log_ms))
        common: dict[str, Any] = {
            "log": self._log,
            "final": final,
            "counts": content.findings.counts.body(),
            "newest_log": newest,
            "short": segment.short,
        }
        heard_ms = content.findings.heard_ms
        if heard_ms is not None:
            common["heartbeat"] = exact_time(from_ms(heard_ms))
        applied = content.applied()
        source = Source(content.findings.where, start=start, upto=upto)
        made = {
            number: Statement("progress", None, now, common | {"applied": number}, source, rules=self._rules.rules)
            for number in {0, *applied.values()}
        }
        return [(partition, made[applied.get(partition, 0)]) for partition in range(self._rules.journal_partitions)]
