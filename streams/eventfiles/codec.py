"""Lines of event files, read in one way by everything that reads them (CONTRACT 3, event files).

A line is an object of `topic`, `key`, `timestamp` and `value`, no more. The value's bytes are kept as they stand, whatever
they are: only intake judges them; the value null is a tombstone. A line that is no such object is a `UsageError`.
"""

from __future__ import annotations

import gzip
import re
import sys
import zlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from monitor.core.journal.vocabulary import SOURCE_TOPICS
from monitor.core.values.times import LAST_OWN_NS, BadTime, parse_time
from monitor.errors import UsageError

_GZIP_MAGIC = b"\x1f\x8b"
_NULL = b"null"
_VALUE = re.compile(rb'"value"\s*:\s*')


class _Line(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    topic: str
    timestamp: str
    value: msgspec.Raw
    key: str | None = None


_decode = msgspec.json.Decoder(_Line).decode


@dataclass(frozen=True, slots=True)
class LoggedRecord:
    """What one line says: `logged_at` (ns) is the log time, `value` the record's bytes, None for a tombstone."""

    topic: str
    key: str | None
    logged_at: int
    value: bytes | None


@dataclass(frozen=True, slots=True)
class EventLine:
    """A record at its place in files: `line` counts from 1 in its file, `offset` from 0 over all of them."""

    path: Path
    line: int
    offset: int
    record: LoggedRecord


def decode_line(text: bytes, place: str, topics: Collection[str] | None = SOURCE_TOPICS) -> LoggedRecord:
    """The record in a line; UsageError naming `place` where it is none or of another topic than `topics` (None: any)."""
    try:
        try:
            raw = _decode(text)
        except RecursionError:
            raw = _with_deep_value(text)
        logged_at = _time(raw.timestamp)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, BadTime) as error:
        raise UsageError(f"{place}: not an event line: {error}") from None
    if logged_at > LAST_OWN_NS:  # the clock follows it: every day until then would be closed
        raise UsageError(f"{place}: log time {raw.timestamp[:40]} lies beyond the year 2199: no record can be of that time")
    if topics is not None and raw.topic not in topics:
        raise UsageError(f"{place}: {raw.topic[:60]!r} is no source topic; they are {', '.join(topics)}")
    value = bytes(raw.value)
    return LoggedRecord(raw.topic, raw.key, logged_at, None if value == _NULL else value)


def _with_deep_value(text: bytes) -> _Line:
    """A line whose value is nested too deeply to be walked through, where it stands last; intake will refuse it."""
    found = _VALUE.search(text)
    if found is None:
        raise msgspec.DecodeError("it is nested too deeply")
    line = _decode(text[: found.end()] + b"null}")
    line.value = msgspec.Raw(text[found.end() :].rstrip().removesuffix(b"}"))
    return line


def event_lines(paths: Iterable[Path], topics: Iterable[str] = SOURCE_TOPICS) -> Iterator[EventLine]:
    """The lines of event files, plain or gzip, as one log in the order given; empty lines count and are skipped.

    `UsageError`, naming file and line, for what cannot be read.
    """
    offset, known = -1, tuple(topics)
    for path in paths:
        for number, text in enumerate(binary_lines(path), 1):
            offset += 1
            if text.strip():
                yield EventLine(path, number, offset, decode_line(text, f"{path}:{number}", known))


def binary_lines(path: Path) -> Iterator[bytes]:
    """The lines of a file, plain or gzip (told by its first bytes), or of stdin (`-`); UsageError where it cannot be read."""
    number = 0
    try:
        with _opened(path) as lines:
            for text in lines:
                number += 1
                yield text
    except (OSError, EOFError, zlib.error) as error:
        where = f" after line {number}" if number else ""
        said = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise UsageError(f"{path}: cannot be read{where}: {said}") from error


def _opened(path: Path) -> Any:
    if str(path) == "-":
        return sys.stdin.buffer
    with path.open("rb") as probe:
        packed = probe.read(2) == _GZIP_MAGIC
    return gzip.open(path, "rb") if packed else path.open("rb")


@lru_cache(maxsize=4096)
def _time(text: str) -> int:
    return parse_time(text)
