"""Archives in a folder, filled as the archiver fills them, for the tests that read them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from monitor.archive.manifest import HEAD, ArchiveHead
from monitor.archive.reading import Archive
from monitor.archive.records import ArchivedRecord
from monitor.archive.target import Target, open_target
from monitor.core.journal.vocabulary import JOURNAL
from monitor.settings.sections import ArchiveSettings
from streams.archiver.partition import ArchivePartition

RELEASE = "1.0"
LIMIT = 64_000_000
MIDNIGHT = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp() * 1000)
HOUR_MS = 3_600_000


def hourly(count: int, first: int = 0, start_ms: int = MIDNIGHT + HOUR_MS // 2) -> list[ArchivedRecord]:
    """Records an hour apart, from offset `first` on."""
    return [ArchivedRecord(n, start_ms + n * HOUR_MS, b"e-1", f'{{"n":{n}}}'.encode()) for n in range(first, first + count)]


def archive_in(folder: Path) -> Archive:
    """The archive in a folder, made if it is not there."""
    return begun(open_target(str(folder), ArchiveSettings(), make=True))


def begun(target: Target) -> Archive:
    """The archive at a target, of one journal partition."""
    target.put_new(HEAD, ArchiveHead(1, broker_time=False).content())
    return Archive(target)


def filled(
    folder: Path, records: Sequence[ArchivedRecord], topic: str = JOURNAL, partition: int = 0, limit: int = LIMIT
) -> Archive:
    """The archive in a folder with these records, the last day settled."""
    return fill(archive_in(folder), records, topic, partition, limit)


def fill(
    archive: Archive, records: Sequence[ArchivedRecord], topic: str = JOURNAL, partition: int = 0, limit: int = LIMIT
) -> Archive:
    """The archive with these records more, the last day settled."""
    writer = ArchivePartition(archive, topic, partition, limit, RELEASE)
    begin = writer.begin()
    writer.take([record for record in records if record.offset >= begin])
    if records:
        writer.settle(records[-1].time + 48 * HOUR_MS * 1_000_000)
    writer.close()
    return archive


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its content."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def written_anew(path: Path, content: bytes) -> None:
    """Another content in the place of a file."""
    path.write_bytes(content)


def offsets(records: Iterable[ArchivedRecord]) -> list[int]:
    """Their offsets."""
    return [record.offset for record in records]
