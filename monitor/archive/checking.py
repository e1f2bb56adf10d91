"""Checking an archive from end to end: every object against its manifest, every manifest against the one before it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from monitor.archive.manifest import HEAD, REPORTS, STAMPS, BadArchive, ObjectManifest, folder
from monitor.archive.packing import Contents
from monitor.archive.reading import Archive
from monitor.archive.records import ArchivedRecord, line_of
from monitor.core.journal.vocabulary import ALERTS, DELIVERIES, JOURNAL

COMPACTED = frozenset({ALERTS, DELIVERIES})
"""Topics whose offsets may have gaps, since the broker keeps the newest record of a key only."""


@dataclass(slots=True)
class CheckedArchive:
    """What was found right, and what lies there beside it."""

    objects: int = 0
    records: int = 0
    bytes: int = 0
    notes: list[str] = field(default_factory=list)


def check_archive(archive: Archive, told: Callable[[ObjectManifest], None] = lambda _: None) -> CheckedArchive:
    """Reads everything. `BadArchive` names the first thing that is wrong. `told` of each object that is right."""
    archive.head()
    found = CheckedArchive()
    known = {HEAD}
    for topic, partition in archive.partitions():
        before: ObjectManifest | None = None
        for manifest in archive.manifests(topic, partition):
            check_joins(before, manifest)
            _check_object(archive, manifest)
            found.objects += 1
            found.records += manifest.records
            found.bytes += manifest.object_bytes
            known |= {manifest.name, manifest.object}
            before = manifest
            told(manifest)
        if before is not None and topic == JOURNAL and _first_of(archive, partition) > 0:
            found.notes.append(f"{folder(topic, partition)} begins at offset {_first_of(archive, partition)}: what came before "
                               "had left Kafka when the archive began, so figures cannot be computed again from it")  # fmt: skip
    for name, _ in archive.target.names(""):
        if name not in known and not name.startswith((REPORTS, STAMPS)):
            found.notes.append(f"{name} belongs to no manifest: a writer ended between the two, or someone put it there")
    return found


def check_joins(before: ObjectManifest | None, manifest: ObjectManifest) -> None:
    """The manifest follows the one before it, with nothing between; `BadArchive` if not."""
    expected = None if before is None else before.own_digest
    if manifest.previous != expected:
        wanted = "no manifest" if before is None else before.name
        raise BadArchive(f"{manifest.name} does not follow {wanted}: one was left out, moved or replaced")
    if before is not None and manifest.first_offset <= before.last_offset:
        raise BadArchive(f"{manifest.name} begins within {before.name}")
    if before is not None and manifest.topic not in COMPACTED and manifest.first_offset != before.last_offset + 1:
        raise BadArchive(f"{manifest.name} leaves out offsets {before.last_offset + 1} to {manifest.first_offset - 1}")


def _check_object(archive: Archive, manifest: ObjectManifest) -> None:
    """The records that are in the object are those of which the manifest speaks."""
    made = Contents(manifest.line_bytes)
    last: ArchivedRecord | None = None
    for record in archive.records_in(manifest):
        if last is not None and not _follows(manifest, last, record):
            raise BadArchive(f"{manifest.object}: offset {record.offset} follows {last.offset}")
        if not made.take(record, line_of(record) + b"\n"):
            raise BadArchive(f"{manifest.object} holds more than {manifest.name} says, or more than a day")
        last = record
    if last is None:
        raise BadArchive(f"{manifest.object} is empty")
    for name, found in made.facts().items():
        if getattr(manifest, name) != found:
            raise BadArchive(f"{manifest.name} says {name} {getattr(manifest, name)}, its object holds {found}")


def _follows(manifest: ObjectManifest, last: ArchivedRecord, record: ArchivedRecord) -> bool:
    if manifest.topic in COMPACTED:
        return record.offset > last.offset
    return record.offset == last.offset + 1


def _first_of(archive: Archive, partition: int) -> int:
    return next(archive.manifests(JOURNAL, partition)).first_offset
