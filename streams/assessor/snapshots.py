"""Snapshots of one journal partition in the Faust table: buckets first, then the manifest that names them (JOURNAL 6).

Every key is written once: a bucket under its generation, which is the journal position of its snapshot, and the manifest
under its own. So a worker that lost the partition and writes on can at worst add an older whole snapshot beside a newer
one; the newest complete one is what counts.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from monitor.core.journal.snapshot import Cut
from monitor.core.values.canonical import canonical_bytes, digest_of_bytes

_SEND_S = 60.0


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a complete snapshot consists of.

    `generations` and `digests` are by bucket; `outputs` is, by output topic, the offset behind the last record published
    up to `position`, and `heads` the last chain sequence of each entity by then: where a take-over starts to compare.
    """

    position: int
    version: int
    generations: Mapping[str, int]
    digests: Mapping[str, str]
    outputs: Mapping[str, int]
    heads: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A manifest with the bytes of every bucket it names, digests checked."""

    manifest: Manifest
    buckets: Mapping[str, bytes]


class SnapshotStore:
    """The snapshots of one journal partition. `table` is the Faust table, shared by all partitions."""

    def __init__(self, table: Any, partition: int) -> None:
        self._table = table
        self._partition = partition

    def newest(self) -> Snapshot | None:
        """The newest complete snapshot in the recovered table; None when there is none."""
        manifests = [_manifest(data) for key, data in self._entries("manifest").items() if data]
        for manifest in sorted(manifests, key=lambda one: one.position, reverse=True):
            buckets = self._buckets_of(manifest)
            if buckets is not None:
                return Snapshot(manifest, buckets)
        return None

    async def write(self, cut: Cut, previous: Manifest | None, outputs: Mapping[str, int], heads: Mapping[str, int]) -> Manifest:
        """Write what changed, then the manifest, each acknowledged before the next; then remove what no manifest needs.

        A closing record follows the manifest, so that a broker whose end offset lags by a batch still shows the manifest.
        """
        generations = {} if previous is None else dict(previous.generations)
        digests = {} if previous is None else dict(previous.digests)
        sent = []
        for name, data in cut.buckets:
            sent.append(self._put(self._key("bucket", cut.position, name), data))
            generations[name], digests[name] = cut.position, digest_of_bytes(data)
            await asyncio.sleep(0)
        await _acknowledged(sent)
        names = sorted(cut.names)
        manifest = Manifest(
            cut.position,
            cut.version,
            {name: generations[name] for name in names},
            {name: digests[name] for name in names},
            dict(outputs),
            dict(heads),
        )
        await _acknowledged([self._put(self._key("manifest", cut.position), canonical_bytes(asdict(manifest)))])
        await _acknowledged([self._put(self._key("closing"), str(cut.position).encode()), *self._removals(manifest)])
        return manifest

    def _buckets_of(self, manifest: Manifest) -> dict[str, bytes] | None:
        buckets = {}
        for name, generation in manifest.generations.items():
            data = self._table.data.get(self._key("bucket", generation, name))
            if not data or digest_of_bytes(data) != manifest.digests[name]:
                return None
            buckets[name] = data
        return buckets

    def _removals(self, manifest: Manifest) -> list[asyncio.Future[Any]]:
        needed = {self._key("bucket", generation, name) for name, generation in manifest.generations.items()}
        needed.add(self._key("manifest", manifest.position))
        outdated = [
            key
            for kind in ("bucket", "manifest")
            for key in self._entries(kind)
            if key not in needed and int(key.split(b"/")[2]) <= manifest.position
        ]
        return [self._remove(key) for key in outdated]

    def _entries(self, kind: str) -> dict[bytes, bytes]:
        start = f"{self._partition}/{kind}/".encode()
        return {key: value for key, value in self._table.data.items() if key.startswith(start)}

    def _key(self, kind: str, generation: int | None = None, name: str | None = None) -> bytes:
        parts = [str(self._partition), kind, *(str(part) for part in (generation, name) if part is not None)]
        return "/".join(parts).encode()

    def _put(self, key: bytes, value: bytes) -> asyncio.Future[Any]:
        self._table.data[key] = value
        sent: asyncio.Future[Any] = self._table.send_changelog(self._partition, key, value)
        return sent

    def _remove(self, key: bytes) -> asyncio.Future[Any]:
        self._table.data.pop(key, None)
        sent: asyncio.Future[Any] = self._table.send_changelog(self._partition, key, None)
        return sent


async def _acknowledged(sent: list[asyncio.Future[Any]]) -> None:
    if sent:
        await asyncio.wait_for(asyncio.gather(*sent), _SEND_S)


def _manifest(data: bytes) -> Manifest:
    return Manifest(**json.loads(data))
