"""The object that is being filled: records go in, and where it ends is a function of the log alone.

An object ends before the first record of a later UTC day than that of its first record, and before the record that would
make it larger than the limit; so whoever reads the log again makes the same objects. Small ones wait in memory, larger
ones in a temporary file.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import tempfile
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import IO, Any, cast

from monitor.archive.manifest import ObjectManifest, object_name
from monitor.archive.records import ArchivedRecord, line_of
from monitor.core.values.canonical import digest_of_bytes
from monitor.core.values.times import exact_time
from monitor.errors import ConnectionProblem

_IN_MEMORY = 256 * 1024
_LEVEL = 6


def utc_day(time_ms: int) -> date:
    """The UTC day of a log time."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).date()


@dataclass(frozen=True, slots=True)
class Sealed:
    """An object with nothing more to come, and its manifest."""

    manifest: ObjectManifest
    content: bytes


class Contents:
    """What an object holds, counted as its records come; at most `limit` bytes of lines, but always one record."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._hash = hashlib.sha256()
        self._bytes = self._records = 0
        self._first: ArchivedRecord | None = None
        self._last: tuple[ArchivedRecord, bytes] | None = None

    @property
    def day(self) -> date | None:
        """The UTC day it is of; None while it is empty."""
        return None if self._first is None else utc_day(self._first.time_ms)

    @property
    def first_time(self) -> int | None:
        """Log time (ns) of its first record; None while it is empty."""
        return None if self._first is None else self._first.time

    def take(self, record: ArchivedRecord, line: bytes) -> bool:
        """Whether the record, with its line and the line's end, is in it now; if not, it ends before this record."""
        if self.day is not None and (utc_day(record.time_ms) > self.day or self._bytes + len(line) > self._limit):
            return False
        self._hash.update(line)
        self._bytes += len(line)
        self._records += 1
        self._first = self._first or record
        self._last = record, line[:-1]
        return True

    def facts(self) -> dict[str, Any]:
        """What the manifest says of the records. ValueError while it is empty."""
        if self._first is None or self._last is None:
            raise ValueError("an object without records is none")
        last, line = self._last
        return {
            "day": str(self.day),
            "first_offset": self._first.offset,
            "last_offset": last.offset,
            "records": self._records,
            "first_time": exact_time(self._first.time),
            "last_time": exact_time(last.time),
            "line_bytes": self._bytes,
            "digest": f"sha256:{self._hash.hexdigest()}",
            "last_digest": digest_of_bytes(line),
        }


class OpenObject:
    """The object of one partition that is being filled; `limit`: bytes of lines in it."""

    def __init__(self, topic: str, partition: int, limit: int, release: str) -> None:
        self._topic, self._partition, self._release = topic, partition, release
        self.contents = Contents(limit)
        self._spool: IO[bytes] = tempfile.SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 - closed by `close`
        self._packed = gzip.GzipFile("", "wb", _LEVEL, cast("Any", self._spool), mtime=0)

    def take(self, record: ArchivedRecord) -> bool:
        """Whether the record is in it now; if not, it ends before this record. ConnectionProblem: see `_no_room`."""
        line = line_of(record) + b"\n"
        taken = self.contents.take(record, line)
        if taken:
            try:
                self._packed.write(line)
            except OSError as error:
                raise _no_room(error) from error
        return taken

    def seal(self, previous: ObjectManifest | None) -> Sealed:
        """Ends it; `previous`: the manifest of the object before. ValueError for an empty one; ConnectionProblem: see `take`."""
        facts = self.contents.facts()
        try:
            self._packed.close()
            self._spool.seek(0)
            content = self._spool.read()
        except OSError as error:
            raise _no_room(error) from error
        self.close()
        manifest = ObjectManifest(
            topic=self._topic,
            partition=self._partition,
            object=object_name(self._topic, self._partition, facts["day"], facts["first_offset"], facts["digest"]),
            object_bytes=len(content),
            object_digest=digest_of_bytes(content),
            previous=None if previous is None else previous.own_digest,
            release=self._release,
            **facts,
        )
        return Sealed(manifest, content)

    def close(self) -> None:
        """Drops what it holds; the writer first, which else would end its file in a closed one when it is collected."""
        for file in (self._packed, self._spool):
            with contextlib.suppress(OSError):  # what cannot be written any more is not wanted any more
                file.close()


def _no_room(error: OSError) -> ConnectionProblem:
    """Where the folder of temporary files takes nothing, the object waits as for a store that does not answer."""
    return ConnectionProblem(f"{tempfile.gettempdir()} takes no temporary file: {error.strerror}: make room there, or set TMPDIR")
