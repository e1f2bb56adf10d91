"""Event files as a journal: the records intake would write for the same log, without a broker (CONTRACT 3, event files).

The same readers judge and count as in the daemon; a line's log time is its clock. Each topic is one partition of epoch 0 of its
own, a line's number over all files its offset. Flow is stated when a segment ends, when the log enters another UTC day,
and at the end; the last record is a tick.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from pathlib import Path
from typing import Any

from monitor.core.journal.outputs import TooOld
from monitor.core.journal.records import JournalRecord, SourcePartition, Statement, encode_statement
from monitor.core.journal.vocabulary import SOURCE_TOPICS, TRADES
from monitor.core.values.canonical import canonical_bytes, digest_of_bytes
from monitor.core.values.times import utc_day
from streams.eventfiles.codec import EventLine, event_lines
from streams.intake.segment.batches import Batch
from streams.intake.segment.readers import reader_of_topic
from streams.intake.segment.rules import IntakeRules
from streams.intake.segment.segments import SegmentReader
from streams.wire import Reason
from streams.wire.rejected import too_old_detail

LOG = "events"
_BATCH = 4096
_GZIP_MAGIC = b"\x1f\x8b"
_NULL = b"null"


@dataclass(frozen=True, slots=True)
class Rejection:
    """A line that intake would dead-letter. `line` counts from 1 within the file, as editors do."""

    path: Path
    line: int
    topic: str
    reason: Reason
    detail: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.topic}: {self.reason.value}: {self.detail}"


class FileLines:
    """Where the lines of several files stand, by their offset over all of them. `then` is told of each line as well."""

    def __init__(self, then: Callable[[EventLine], None] | None = None) -> None:
        self._then = then
        self._files: list[tuple[int, Path]] = []

    def note(self, line: EventLine) -> None:
        """A line was read, in log order."""
        begin = line.offset - line.line + 1
        if not self._files or self._files[-1] != (begin, line.path):
            self._files.append((begin, line.path))
        if self._then is not None:
            self._then(line)

    def tell(self, refused: Iterable[TooOld], on_rejected: Callable[[Rejection], None]) -> None:
        """What the engine found too old, as lines that intake would refuse."""
        for one in refused:
            begin, path = self._files[bisect_right(self._files, one.offset, key=itemgetter(0)) - 1]
            number = one.offset - begin + 1
            on_rejected(Rejection(path, number, one.where.topic, Reason.TOO_OLD, too_old_detail(one)))


def statements(
    paths: Sequence[Path],
    configuration: Mapping[str, Any],
    until_ns: int | None,
    on_rejected: Callable[[Rejection], None],
    *,
    next_look: Callable[[int], int] | None = None,
    on_line: Callable[[EventLine], None] | None = None,
) -> Iterator[JournalRecord]:
    """The journal of partition 0 that the events up to `until_ns` (None: all) make, configuration first, a tick last.

    Every entity is of this one partition. `on_rejected` is told of each line that intake would dead-letter, in log order
    of its topic, `on_line` of each line read. `next_look`: of an instant (ns) the next at which the figures are looked at;
    trades logged by then are told before it, and a tick marks it. Raises `UsageError` for unreadable lines,
    `ConfigurationError` for a mapping that cannot be.
    """
    offline = _Offline(configuration, on_rejected, next_look)
    lines = event_lines(paths, offline.topics)
    return offline.records(lines if on_line is None else _told(lines, on_line), until_ns)


class _Offline:
    def __init__(
        self,
        configuration: Mapping[str, Any],
        on_rejected: Callable[[Rejection], None],
        next_look: Callable[[int], int] | None = None,
    ) -> None:
        self._configuration = configuration
        # Event lines carry no headers: who gives the files vouches for them, not the signers of the sources.
        self._rules = replace(IntakeRules.of(configuration), journal_partitions=1, signers={})
        self._on_rejected = on_rejected
        self._next_look = next_look
        self._readers: dict[tuple[str, ...], SegmentReader] = {}
        self._trades: dict[tuple[str, ...], list[EventLine]] = {}
        self._read_as = _names_of_topics(self._rules)
        self._offset = -1

    def records(self, lines: Iterable[EventLine], until_ns: int | None) -> Iterator[JournalRecord]:
        clock: int | None = None
        look: int | None = None
        for line in lines:
            if until_ns is not None and line.record.logged_at > until_ns:
                continue
            if clock is None:
                yield self._record(self._configured(line.record.logged_at))
                clock = line.record.logged_at
                look = self._look_after(clock)
            if look is not None and line.record.logged_at > look:
                yield from self._flushed(look)
                yield self._record(Statement("tick", None, look, {}))
                look = self._look_after(line.record.logged_at - 1)
            if utc_day(line.record.logged_at) > utc_day(clock):
                yield from self._flushed(clock)
            clock = max(clock, line.record.logged_at)
            names = self._read_as[line.record.topic]
            if not all(name.startswith(TRADES) for name in names):
                yield from self._fed(names, [line])
                continue
            waiting = self._trades.setdefault(names, [])
            waiting.append(line)
            if len(waiting) >= _BATCH:
                yield from self._fed(names, self._drained(names))
        at = until_ns if until_ns is not None else clock
        if at is None:
            return
        if clock is None:
            yield self._record(self._configured(at))
        yield from self._flushed(at)
        yield self._record(Statement("tick", None, at, {}))

    def _look_after(self, instant: int) -> int | None:
        return None if self._next_look is None else self._next_look(instant)

    @property
    def topics(self) -> tuple[str, ...]:
        """What lines may name: source topics, topics that feeds read, and feeds."""
        return tuple(self._read_as)

    def _drained(self, names: tuple[str, ...]) -> list[EventLine]:
        lines, self._trades[names] = self._trades[names], []
        return lines

    def _fed(self, names: tuple[str, ...], lines: list[EventLine]) -> Iterator[JournalRecord]:
        """Take lines of one topic in; what they say at once, and what segments that end within them say."""
        if not lines:
            return
        reader = self._readers.get(names)
        if reader is None:
            places = [SourcePartition(name, self._rules.sources[name].epoch, 0) for name in names]
            reader = self._readers[names] = reader_of_topic(places, self._rules, LOG, lines[0].offset)
        batch = _batch(lines)
        begin = 0
        while begin < len(lines):
            now = lines[begin].record.logged_at
            begin = reader.feed(batch, begin, now)
            self._report(reader, lines)
            for _, statement in reader.take():
                yield self._record(statement)
            if reader.ended:
                yield from self._flush(reader, lines[min(begin, len(lines) - 1)].record.logged_at)

    def _flushed(self, now: int) -> Iterator[JournalRecord]:
        for names in list(self._trades):
            yield from self._fed(names, self._drained(names))
        for reader in self._readers.values():
            yield from self._flush(reader, now)

    def _flush(self, reader: SegmentReader, now: int) -> Iterator[JournalRecord]:
        flush = reader.flush(now)
        if flush is not None:
            for _, statement in (*flush.contents, *flush.progress):
                yield self._record(statement)

    def _report(self, reader: SegmentReader, lines: list[EventLine]) -> None:
        letters = reader.take_dead_letters()
        by_offset = {line.offset: line for line in lines} if letters else {}
        for letter in letters:
            line = by_offset[letter.offset]
            self._on_rejected(Rejection(line.path, line.line, letter.where.topic, letter.reason, letter.detail))

    def _configured(self, at: int) -> Statement:
        data = canonical_bytes(dict(self._configuration))
        body = {
            "part": 1,
            "parts": 1,
            "revision": self._configuration["revision"],
            "digest": digest_of_bytes(data),
            "data": data.decode(),
        }
        return Statement("configuration", None, at, body)

    def _record(self, statement: Statement) -> JournalRecord:
        self._offset += 1
        return JournalRecord(statement, self._offset, statement.at, hashlib.sha256(encode_statement(statement)).digest())


def _told(lines: Iterable[EventLine], on_line: Callable[[EventLine], None]) -> Iterator[EventLine]:
    for line in lines:
        on_line(line)
        yield line


def _batch(lines: list[EventLine]) -> Batch:
    def original(row: int) -> tuple[bytes | None, Sequence[tuple[str, bytes]]]:
        key = lines[row].record.key
        return None if key is None else key.encode(), ()

    times_ms = [line.record.logged_at // 1_000_000 for line in lines]
    return Batch([line.offset for line in lines], times_ms, [line.record.value for line in lines], original)


def _names_of_topics(rules: IntakeRules) -> dict[str, tuple[str, ...]]:
    """By what a line may call its topic the names under which it is read: of a kind, a topic of feeds, or one feed."""
    found = {kind: rules.read_as(kind) for kind in SOURCE_TOPICS}
    for name, plan in rules.plans.items():
        found[name] = (name,)
        if plan.feed.topic not in SOURCE_TOPICS:
            found[plan.feed.topic] = (*found.get(plan.feed.topic, ()), name)
    return found
