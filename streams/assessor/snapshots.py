"""Snapshots of one journal partition in the Faust table: buckets first, then the manifest that names them (JOURNAL 6).

Every key is written once: a bucket under its generation, which is the journal position of its snapshot, and the manifest
under its own. So a worker that lost the partition and writes on can at worst add an older whole snapshot beside a newer
one; the newest complete one is what counts.

The table holds all of it in memory, so what it holds is compressed, and unpacked bucket by bucket when it is asked for. A
manifest that names many buckets is more than one message takes: what follows its first piece is written before it.
"""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from monitor.core.journal.snapshot import BUCKET_BYTES, Cut
from monitor.core.values.canonical import canonical_bytes, digest_of_bytes
from streams.slices import Slices

_SEND_S = 60.0
_FAST = 1
_PACKED = b"x"
"""What compressed values begin with, and no JSON text: an older release wrote that as it is."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a complete snapshot consists of.

    `generations` and `digests` are by bucket; `outputs` is, by output topic, the offset behind the last record published
    up to `position`, and `heads` the last chain sequence of each entity by then: where a take-over starts to compare.
    `last` is the SHA-256 (hex) of the record at `position`; empty where an older release wrote it.
    """

    position: int
    version: int
    generations: Mapping[str, int]
    digests: Mapping[str, str]
    outputs: Mapping[str, int]
    heads: Mapping[str, int]
    last: str = ""

    def packed(self) -> bytes:
        """Its canonical text, compressed."""
        named = {"generations": dict(self.generations), "digests": dict(self.digests)}
        published = {"outputs": dict(self.outputs), "heads": dict(self.heads), "last": self.last}
        return zlib.compress(canonical_bytes({"position": self.position, "version": self.version} | named | published), _FAST)


class Buckets(Mapping[str, bytes]):
    """The bytes of a snapshot's buckets by name, each unpacked when it is asked for."""

    def __init__(self, packed: Mapping[str, bytes]) -> None:
        self._packed = packed

    def __getitem__(self, name: str) -> bytes:
        return _unpacked(self._packed[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A manifest with the bytes of every bucket it names, digests checked."""

    manifest: Manifest
    buckets: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Begun:
    """A snapshot whose buckets are written and, with `sent`, not all acknowledged; the other fields as in its manifest."""

    position: int
    version: int
    generations: Mapping[str, int]
    digests: Mapping[str, str]
    previous: Manifest | None
    sent: list[asyncio.Future[Any]]


class SnapshotStore:
    """The snapshots of one journal partition. `table` is the Faust table, shared by all partitions."""

    def __init__(self, table: Any, partition: int) -> None:
        self._table = table
        self._partition = partition
        self._swept = False
        """Whether a complete snapshot of this worker has removed all that none needs."""

    def newest(self, behind: int = -1) -> Snapshot | None:
        """The newest complete snapshot in the recovered table of a position beyond `behind`; None when there is none.

        Takes seconds of a million accounts.
        """
        self._swept = False
        found = (self._manifest(key, data) for key, data in self._entries("manifest").items() if data)
        manifests = [manifest for manifest in found if manifest is not None and manifest.position > behind]
        for manifest in sorted(manifests, key=lambda one: one.position, reverse=True):
            buckets = self._buckets_of(manifest)
            if buckets is not None:
                return Snapshot(manifest, buckets)
        return None

    async def begin(self, cut: Cut, previous: Manifest | None, slices: Slices) -> Begun:
        """Write what changed, without waiting for acknowledgements. Nothing may be applied to the engine meanwhile."""
        generations = {} if previous is None else dict(previous.generations)
        digests = {} if previous is None else dict(previous.digests)
        sent = []
        for name, data in cut.buckets:
            sent.append(self._put(self._key("bucket", cut.position, name), zlib.compress(data, _FAST)))
            generations[name], digests[name] = cut.position, digest_of_bytes(data)
            await slices.give_way()
        names = sorted(cut.names)
        kept = {name: generations[name] for name in names}
        return Begun(cut.position, cut.version, kept, {name: digests[name] for name in names}, previous, sent)

    async def complete(self, begun: Begun, outputs: Mapping[str, int], heads: Mapping[str, int], last: str = "") -> Manifest:
        """The manifest, once all that it names is acknowledged; then remove what no manifest needs.

        A closing record follows the manifest, so that a broker whose end offset lags by a batch still shows the manifest.
        """
        await _acknowledged(begun.sent)
        manifest = Manifest(begun.position, begun.version, begun.generations, begun.digests, dict(outputs), dict(heads), last)
        await self._write_manifest(manifest)
        closing = self._put(self._key("closing"), str(begun.position).encode())
        await _acknowledged([closing, *self._removals(manifest, begun.previous)])
        return manifest

    async def _write_manifest(self, manifest: Manifest) -> None:
        first, *rest = _pieces(manifest.packed())
        await _acknowledged([self._put(self._piece(manifest.position, n), piece) for n, piece in enumerate(rest, 1)])
        await _acknowledged([self._put(self._key("manifest", manifest.position), first)])

    def _manifest(self, key: bytes, data: bytes) -> Manifest | None:
        """The manifest that begins so; None while its other pieces have not come."""
        position, pieces = int(key.split(b"/")[2]), [data]
        while piece := self._table.data.get(self._piece(position, len(pieces))):
            pieces.append(piece)
        try:
            return Manifest(**json.loads(_unpacked(b"".join(pieces))))
        except zlib.error:
            return None

    def _buckets_of(self, manifest: Manifest) -> Buckets | None:
        packed = {}
        for name, generation in manifest.generations.items():
            data = self._table.data.get(self._key("bucket", generation, name))
            if not data or not _is_whole(data, manifest.digests[name]):
                return None
            packed[name] = data
        return Buckets(packed)

    def _removals(self, manifest: Manifest, previous: Manifest | None) -> list[asyncio.Future[Any]]:
        """What this one does not need of what the one before did; at first of all there is, which a crash may have left."""
        needed = self._keys_of(manifest)
        there = self._keys_of(previous) if self._swept and previous is not None else self._entries("bucket", "manifest", "piece")
        self._swept = True
        outdated = [
            key
            for key in there
            if key not in needed
            and int(key.split(b"/")[2]) <= manifest.position
            and not key.startswith(self._piece(manifest.position))
        ]
        return [self._remove(key) for key in outdated]

    def _keys_of(self, manifest: Manifest) -> set[bytes]:
        """Where a snapshot lies in the table."""
        keys = {self._key("bucket", generation, name) for name, generation in manifest.generations.items()}
        number = 1
        while (piece := self._piece(manifest.position, number)) in self._table.data:
            keys.add(piece)
            number += 1
        return keys | {self._key("manifest", manifest.position)}

    def _entries(self, *kinds: str) -> dict[bytes, bytes]:
        starts = tuple(f"{self._partition}/{kind}/".encode() for kind in kinds)
        return {key: value for key, value in list(self._table.data.items()) if key.startswith(starts)}

    def _piece(self, position: int, number: int | None = None) -> bytes:
        return self._key("piece", position, "" if number is None else str(number))

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


def _pieces(data: bytes) -> list[bytes]:
    return [data[start : start + BUCKET_BYTES] for start in range(0, len(data), BUCKET_BYTES)]


def _unpacked(data: bytes) -> bytes:
    return zlib.decompress(data) if data.startswith(_PACKED) else data


def _is_whole(data: bytes, digest: str) -> bool:
    try:
        return digest_of_bytes(_unpacked(data)) == digest
    except zlib.error:
        return False
