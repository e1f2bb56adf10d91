"""Event files as a journal: the records intake would write for the same log, without a broker (CONTRACT 3, event files).

The same readers judge and count as in the daemon; a line's log time is its clock. Each topic is one partition of epoch 0 of its
own, a line's number over all files its offset. Flow is stated when a segment ends, when the log enters another UTC day,
and at the end; the last record is a tick.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from monitor.core.journal.records import JournalRecord, SourcePartition, Statement, encode_statement
from monitor.core.journal.vocabulary import SOURCE_TOPICS, TRADES
from monitor.core.values.canonical import canonical_bytes, digest_of_bytes
from monitor.core.values.times import BadTime, parse_time, utc_day
from monitor.errors import UsageError
from streams.intake.segment.batches import Batch
from streams.intake.segment.readers import reader_of
from streams.intake.segment.rules import IntakeRules
from streams.intake.segment.segments import SegmentReader
from streams.wire import Reason

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


@dataclass(frozen=True, slots=True)
class EventLine:
    """One line: `offset` is its number over all files from 0, `logged_at` (ns) its log time, `value` the record's bytes."""

    path: Path
    line: int
    offset: int
    topic: str
    key: str | None
    logged_at: int
    value: bytes | None


class _Line(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    topic: str
    timestamp: str
    value: msgspec.Raw
    key: str | None = None


def event_lines(paths: Iterable[Path]) -> Iterator[EventLine]:
    """The lines of event files, plain or gzip, as one log in the order given.

    `UsageError`, naming file and line, for what cannot be read; empty lines count and are skipped.
    """
    decode = msgspec.json.Decoder(_Line).decode
    offset = -1
    for path in paths:
        number = 0
        try:
            with _opened(path) as lines:
                for number, text in enumerate(lines, 1):
                    offset += 1
                    if text.strip():
                        raw = decode(text)
                        value = bytes(raw.value)
                        if raw.topic not in SOURCE_TOPICS:
                            topics = ", ".join(SOURCE_TOPICS)
                            raise UsageError(f"{path}:{number}: {raw.topic[:60]!r} is no source topic; they are {topics}")
                        logged_at = _time(raw.timestamp)
                        yield EventLine(path, number, offset, raw.topic, raw.key, logged_at, None if value == _NULL else value)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, BadTime) as error:
            raise UsageError(f"{path}:{number}: not an event line: {error}") from error
        except (OSError, EOFError, zlib.error) as error:
            raise UsageError(f"{path}: cannot be read after line {number}: {error}") from error


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
    lines = event_lines(paths)
    return _Offline(configuration, on_rejected, next_look).records(lines if on_line is None else _told(lines, on_line), until_ns)


class _Offline:
    def __init__(
        self,
        configuration: Mapping[str, Any],
        on_rejected: Callable[[Rejection], None],
        next_look: Callable[[int], int] | None = None,
    ) -> None:
        self._configuration = configuration
        self._rules = replace(IntakeRules.of(configuration), journal_partitions=1)
        self._on_rejected = on_rejected
        self._next_look = next_look
        self._readers: dict[str, SegmentReader] = {}
        self._trades: list[EventLine] = []
        self._offset = -1

    def records(self, lines: Iterable[EventLine], until_ns: int | None) -> Iterator[JournalRecord]:
        clock: int | None = None
        look: int | None = None
        for line in lines:
            if until_ns is not None and line.logged_at > until_ns:
                continue
            if clock is None:
                yield self._record(self._configured(line.logged_at))
                clock = line.logged_at
                look = self._look_after(clock)
            if look is not None and line.logged_at > look:
                yield from self._flushed(look)
                yield self._record(Statement("tick", None, look, {}))
                look = self._look_after(line.logged_at - 1)
            if utc_day(line.logged_at) > utc_day(clock):
                yield from self._flushed(clock)
            clock = max(clock, line.logged_at)
            if line.topic != TRADES:
                yield from self._fed(line.topic, [line])
                continue
            self._trades.append(line)
            if len(self._trades) >= _BATCH:
                yield from self._fed(TRADES, self._drained())
        at = until_ns if until_ns is not None else clock
        if at is None:
            return
        if clock is None:
            yield self._record(self._configured(at))
        yield from self._flushed(at)
        yield self._record(Statement("tick", None, at, {}))

    def _look_after(self, instant: int) -> int | None:
        return None if self._next_look is None else self._next_look(instant)

    def _drained(self) -> list[EventLine]:
        lines, self._trades = self._trades, []
        return lines

    def _fed(self, topic: str, lines: list[EventLine]) -> Iterator[JournalRecord]:
        """Take lines of one topic in; what they say at once, and what segments that end within them say."""
        if not lines:
            return
        reader = self._readers.get(topic)
        if reader is None:
            where = SourcePartition(topic, self._rules.sources[topic].epoch, 0)
            reader = self._readers[topic] = reader_of(where, self._rules, LOG, lines[0].offset)
        batch = Batch(
            [line.offset for line in lines], [line.logged_at // 1_000_000 for line in lines], [line.value for line in lines]
        )
        begin = 0
        while begin < len(lines):
            now = lines[begin].logged_at
            begin = reader.feed(batch, begin, now)
            self._report(reader, lines)
            for _, statement in reader.take():
                yield self._record(statement)
            if reader.ended:
                yield from self._flush(reader, lines[min(begin, len(lines) - 1)].logged_at)

    def _flushed(self, now: int) -> Iterator[JournalRecord]:
        yield from self._fed(TRADES, self._drained())
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
            self._on_rejected(Rejection(line.path, line.line, line.topic, letter.reason, letter.detail))

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


@lru_cache(maxsize=4096)
def _time(text: str) -> int:
    return parse_time(text)


def _opened(path: Path) -> Any:
    with path.open("rb") as probe:
        packed = probe.read(2) == _GZIP_MAGIC
    return gzip.open(path, "rb") if packed else path.open("rb")
