"""An archive as it is read: its partitions, manifests and records. What is read is checked against what was written."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator

from monitor.archive.manifest import HEAD, MANIFEST_END, ArchiveHead, BadArchive, ObjectManifest, folder, offset_in
from monitor.archive.records import ArchivedRecord, BadLine, record_of
from monitor.archive.target import Target
from monitor.core.values.canonical import digest_of_bytes


class Archive:
    """Reads one archive. `BadArchive` where something is missing or is not as it was written."""

    def __init__(self, target: Target) -> None:
        self.target = target

    def head(self) -> ArchiveHead:
        """What the archive is of; `BadArchive` where there is none."""
        data = self.target.get(HEAD)
        if data is None:
            raise BadArchive(f"{self.target.place} holds no archive: there is no {HEAD}")
        return ArchiveHead.of(data)

    def partitions(self) -> list[tuple[str, int]]:
        """Topic and partition of all that is archived, sorted."""
        names = (name.split("/") for name, _ in self.target.names("") if name.endswith(MANIFEST_END))
        found = {(parts[0], parts[1]) for parts in names if len(parts) > 2 and parts[1].isdecimal()}
        return sorted((topic, int(partition)) for topic, partition in found)

    def manifests(self, topic: str, partition: int) -> Iterator[ObjectManifest]:
        """In the order of their offsets."""
        names = [name for name, _ in self.target.names(folder(topic, partition)) if name.endswith(MANIFEST_END)]
        yield from (self._manifest(name) for name in sorted(names, key=offset_in))

    def newest(self, topic: str, partition: int) -> ObjectManifest | None:
        """The last one; None where nothing of the partition is archived."""
        names = [name for name, _ in self.target.names(folder(topic, partition)) if name.endswith(MANIFEST_END)]
        return self._manifest(max(names, key=offset_in)) if names else None

    def records(self, topic: str, partition: int, start: int = 0) -> Iterator[ArchivedRecord]:
        """Every archived record from offset `start` on."""
        for manifest in self.manifests(topic, partition):
            if manifest.last_offset >= start:
                yield from (record for record in self.records_in(manifest) if record.offset >= start)

    def records_in(self, manifest: ObjectManifest) -> Iterator[ArchivedRecord]:
        """The records of one object, whose compressed bytes are checked first."""
        content = self.target.get(manifest.object)
        if content is None:
            raise BadArchive(f"{manifest.object} is missing: its manifest is there")
        found = digest_of_bytes(content)
        if found != manifest.object_digest:
            raise BadArchive(f"{manifest.object} is not as it was written: SHA-256 {found}, not {manifest.object_digest}")
        try:
            with gzip.GzipFile(fileobj=io.BytesIO(content)) as lines:
                yield from (record_of(line.removesuffix(b"\n")) for line in lines)
        except (BadLine, OSError, EOFError, zlib.error) as error:
            raise BadArchive(f"{manifest.object}: {error}") from error

    def _manifest(self, name: str) -> ObjectManifest:
        data = self.target.get(name)
        if data is None:
            raise BadArchive(f"{name} is gone")
        return ObjectManifest.of(name, data)
