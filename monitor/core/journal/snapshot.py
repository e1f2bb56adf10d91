"""Snapshots: the engine's state as named buckets of at most 256 KiB, only the changed ones written again (JOURNAL 6)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monitor.core.values.canonical import canonical_bytes, digest_of, digest_of_bytes

STATE_VERSION = 11
OLDEST_READ = 7
"""Version 1 had no Merkle tree, 2 no subjects and values of causes, 3 no footings, 5 no course of margins, 6 no first trade of
each capacity: only the journal can give them. 7 does not say when a close was published: it counts as long ago.
8 does not say in which order accounts were heard of: those it holds stand in another one than a reading of the journal gives.
9 holds what an open segment says of markets in one bucket, 10 all that a market traded in one."""

BUCKET_BYTES = 256 * 1024
_PART = "~"


class NewerState(Exception):
    """The snapshot was written by a newer release, whose state this one cannot read."""

    def __init__(self, version: int) -> None:
        super().__init__(f"the snapshot has state version {version}, this release reads up to {STATE_VERSION}: run the newer one")
        self.version = version


class OlderState(Exception):
    """The snapshot was written by an older release and lacks what only the journal can give: read the journal again."""

    def __init__(self, version: int) -> None:
        super().__init__(f"the snapshot has state version {version}, this release needs {OLDEST_READ}: the journal is read again")
        self.version = version


class TornSnapshot(Exception):
    """A snapshot is read wrongly: the engine went on while its buckets were being cut, or a bucket is missing."""


@dataclass(frozen=True, slots=True)
class Cut:
    """The state right after `position`: every bucket's name, and lazily those that changed since the last cut.

    Bucket bytes are canonical JSON, at most about 256 KiB each. `names` is complete once `buckets` is exhausted; the
    caller may yield to its loop between buckets, but must not apply a record before the last one (`TornSnapshot`).
    """

    position: int
    version: int
    buckets: Iterator[tuple[str, bytes]]
    names: set[str]


def snapshot_digest(position: int, version: int, digests: Mapping[str, str]) -> str:
    """What a snapshot is called by on record: over its position, its version and the digest of each of its buckets."""
    return digest_of({"position": position, "version": version, "buckets": dict(digests)})


class Cutter:
    """Remembers what the last cut wrote, and cuts values into buckets of bounded size."""

    def __init__(self) -> None:
        self._written: dict[str, dict[str, str]] = {}

    def cut(self, values: Iterable[tuple[str, Any]], names: set[str]) -> Iterator[tuple[str, bytes]]:
        """Buckets of `values` whose bytes differ from the last cut; a value of None is gone, one not given stays as it was.

        `names` is filled, and the cut remembered, when the last bucket was taken: one given up half way was none.
        """
        written = dict(self._written)
        for name, value in values:
            before = written.pop(name, {})
            if value is None:
                continue
            digests = written[name] = {}
            for part, data in _parts(name, canonical_bytes(value)):
                digests[part] = digest_of_bytes(data)
                if before.get(part) != digests[part]:
                    yield part, data
        names.update(part for digests in written.values() for part in digests)
        self._written = written

    def restored(self, buckets: Mapping[str, bytes]) -> None:
        """Takes the buckets of a restored snapshot as written, so that the next cut writes only what differs."""
        for part, data in buckets.items():
            self._written.setdefault(part.partition(_PART)[0], {})[part] = digest_of_bytes(data)


class StateValues(Mapping[str, Any]):
    """The values that a cut wrote, by name, each read when it is asked for: a million accounts at once are a gigabyte."""

    def __init__(self, buckets: Mapping[str, bytes], parts: Mapping[str, Sequence[str]]) -> None:
        self._buckets = buckets
        self._parts = parts

    def __getitem__(self, name: str) -> Any:
        """`TornSnapshot` where it is cut off."""
        try:
            return json.loads(b"".join(self._buckets[part] for part in self._parts[name]))
        except ValueError as error:
            raise TornSnapshot(f"snapshot cannot be read: {name!r}: {error}") from error

    def __iter__(self) -> Iterator[str]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def below(self, prefix: str) -> StateValues:
        """Those whose names begin so, by the rest of their names."""
        parts = {name.removeprefix(prefix): parts for name, parts in self._parts.items() if name.startswith(prefix)}
        return StateValues(self._buckets, parts)

    def rooms(self, prefix: str) -> dict[str, StateValues]:
        """Those whose names begin so, by the next step of their names and then by the rest."""
        found: dict[str, dict[str, Sequence[str]]] = {}
        for name, parts in self._parts.items():
            if name.startswith(prefix):
                room, _, rest = name.removeprefix(prefix).partition("/")
                found.setdefault(room, {})[rest] = parts
        return {room: StateValues(self._buckets, parts) for room, parts in found.items()}


def values_of(buckets: Mapping[str, bytes], version: int) -> StateValues:
    """The values a cut wrote, by name.

    Raises `NewerState` or `OlderState` for another version, `TornSnapshot` when a part is missing.
    """
    if version > STATE_VERSION:
        raise NewerState(version)
    if version < OLDEST_READ:
        raise OlderState(version)
    parts: dict[str, list[str]] = {}
    for part in sorted(buckets, key=_order):
        name, _, number = part.partition(_PART)
        several = parts.setdefault(name, [])
        if int(number or 0) != len(several):
            raise TornSnapshot(f"snapshot lacks part {len(several)} of {name!r}")
        several.append(part)
    return StateValues(buckets, parts)


def _parts(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    yield name, data[:BUCKET_BYTES]
    for number, start in enumerate(range(BUCKET_BYTES, len(data), BUCKET_BYTES), start=1):
        yield f"{name}{_PART}{number}", data[start : start + BUCKET_BYTES]


def _order(part: str) -> tuple[str, int]:
    name, _, number = part.partition(_PART)
    return name, int(number or 0)
