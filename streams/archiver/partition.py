"""One partition on its way into the archive. Knows no Kafka: records come in order, objects go out.

The archive itself is the progress: whoever takes a partition over reads its newest manifest and goes on behind it, first
looking at the last archived record again, which the log must still hold as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from monitor.archive.checking import COMPACTED
from monitor.archive.manifest import BadArchive, ObjectManifest, folder
from monitor.archive.packing import OpenObject, Sealed
from monitor.archive.reading import Archive
from monitor.archive.records import ArchivedRecord, line_of
from monitor.core.values.canonical import digest_of_bytes
from monitor.core.values.times import MINUTE, SECOND

SETTLE = 15 * MINUTE
"""So long after the end of a UTC day, with the log read to its end, nothing more of that day is expected."""


class ArchivePartition:
    """Begin it, give it records, settle it. `limit`: bytes of lines in an object. Not thread-safe; blocks on its target.

    `BadArchive` where log and archive do not agree; ConnectionProblem where the target does not answer: begin anew then.
    """

    def __init__(self, archive: Archive, topic: str, partition: int, limit: int, release: str) -> None:
        self.topic, self.partition = topic, partition
        self._archive, self._limit, self._release = archive, limit, release
        self._newest: ObjectManifest | None = None
        self._open: OpenObject | None = None
        self._expected: int | None = None

    @property
    def waiting_since(self) -> int | None:
        """Log time (ns) of the first record that is not archived yet; None while there is none."""
        return None if self._open is None else self._open.contents.first_time

    def begin(self) -> int:
        """The offset to read from: that of the last archived record, which is compared, or 0."""
        self.close()
        self._newest = self._archive.newest(self.topic, self.partition)
        self._expected = None if self._newest is None else self._newest.last_offset + 1
        return 0 if self._newest is None else self._newest.last_offset

    def take(self, records: Sequence[ArchivedRecord]) -> list[ObjectManifest]:
        """The manifests of objects that these records completed and that are in the archive now."""
        written = []
        for record in records:
            if self._is_archived(record):
                continue
            self._joins(record)
            if self._open is None:
                self._open = self._new()
            if not self._open.take(record):
                written.append(self._store(self._open))
                self._open = self._new()
                self._open.take(record)
            self._expected = record.offset + 1
        return written

    def settle(self, now: int) -> ObjectManifest | None:
        """With the log read to its end: the manifest of a day that is over by `now` (ns), which is in the archive then."""
        day = None if self._open is None else self._open.contents.day
        if self._open is None or day is None or (now - SETTLE) // SECOND < _end_of(day):
            return None
        manifest = self._store(self._open)
        self._open = None
        return manifest

    def close(self) -> None:
        """Forget what is not archived: it will be read again."""
        if self._open is not None:
            self._open.close()
        self._open = None

    def _new(self) -> OpenObject:
        return OpenObject(self.topic, self.partition, self._limit, self._release)

    def _is_archived(self, record: ArchivedRecord) -> bool:
        newest = self._newest
        if newest is None or record.offset > newest.last_offset:
            return False
        if record.offset == newest.last_offset and digest_of_bytes(line_of(record)) != newest.last_digest:
            raise BadArchive(
                f"{self._place} holds another record at offset {record.offset} than the archive {self._archive.target.place}: "
                "the topic was made anew, or the archive is of another system; name another archive.target"
            )
        return True

    def _joins(self, record: ArchivedRecord) -> None:
        if self.topic in COMPACTED or self._expected in (None, record.offset):
            return
        raise BadArchive(
            f"{self._place} goes on at offset {record.offset}, the archive ends before {self._expected}: Kafka deleted what lies "
            "between before it was archived; keep this archive, and begin another with a new archive.target"
        )

    def _store(self, filled: OpenObject) -> ObjectManifest:
        """Object first, read back and compared, then its manifest: only what a manifest names is archived."""
        sealed = filled.seal(self._newest)
        self._put(sealed)
        self._newest = sealed.manifest
        return sealed.manifest

    def _put(self, sealed: Sealed) -> None:
        target, manifest = self._archive.target, sealed.manifest
        target.put_new(manifest.object, sealed.content)
        kept = target.get(manifest.object)
        if kept is None or digest_of_bytes(kept) != manifest.object_digest:
            raise BadArchive(f"{manifest.object} does not hold what was written to it: look at the store, then start again")
        if not target.put_new(manifest.name, manifest.content()) and target.get(manifest.name) != manifest.content():
            raise BadArchive(f"{manifest.name} was written by another archiver from other records: see `archive verify`")

    @property
    def _place(self) -> str:
        return folder(self.topic, self.partition).rstrip("/")


def _end_of(day: date) -> int:
    """Second since 1970 at which a UTC day ends."""
    return int(datetime.combine(day + timedelta(days=1), time(), UTC).timestamp())
