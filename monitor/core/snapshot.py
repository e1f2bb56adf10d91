"""Snapshots: the engine's state as named buckets of at most 256 KiB, only the changed ones written again (JOURNAL 6)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from monitor.core.canonical import canonical_bytes, digest_of_bytes

STATE_VERSION = 1
BUCKET_BYTES = 256 * 1024
_PART = "~"


class NewerState(Exception):
    """The snapshot was written by a newer release, whose state this one cannot read."""

    def __init__(self, version: int) -> None:
        super().__init__(f"the snapshot has state version {version}, this release reads up to {STATE_VERSION}: run the newer one")
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


class Cutter:
    """Remembers what the last cut wrote, and cuts values into buckets of bounded size."""

    def __init__(self) -> None:
        self._written: dict[str, tuple[str, ...]] = {}
        self._digests: dict[str, str] = {}

    def cut(self, values: Iterable[tuple[str, Any]], unchanged: Iterable[str], names: set[str]) -> Iterator[tuple[str, bytes]]:
        """Buckets of `values` whose bytes differ from the last cut; `unchanged` names values that need no look at all."""
        live: set[str] = set()
        for name in unchanged:
            live.add(name)
            names.update(self._written.get(name, ()))
        for name, value in values:
            live.add(name)
            parts: list[str] = []
            for part, data in _parts(name, canonical_bytes(value)):
                parts.append(part)
                names.add(part)
                digest = digest_of_bytes(data)
                if self._digests.get(part) != digest:
                    self._digests[part] = digest
                    yield part, data
            self._forget(set(self._written.get(name, ())) - set(parts))
            self._written[name] = tuple(parts)
        for name in [name for name in self._written if name not in live]:
            self._forget(self._written.pop(name))

    def knows(self, name: str) -> bool:
        """Whether the last cut wrote a value of this name."""
        return name in self._written

    def restored(self, buckets: Mapping[str, bytes]) -> None:
        """Takes the buckets of a restored snapshot as written, so that the next cut writes only what differs."""
        for part, data in sorted(buckets.items(), key=lambda item: _order(item[0])):
            name = part.partition(_PART)[0]
            self._written[name] = (*self._written.get(name, ()), part)
            self._digests[part] = digest_of_bytes(data)

    def _forget(self, parts: Iterable[str]) -> None:
        for part in parts:
            self._digests.pop(part, None)


def values_of(buckets: Mapping[str, bytes], version: int) -> dict[str, Any]:
    """The values a cut wrote, by name; `NewerState` for a newer version, `TornSnapshot` when a part is missing or cut off."""
    if version > STATE_VERSION:
        raise NewerState(version)
    texts: dict[str, list[bytes]] = {}
    for part in sorted(buckets, key=_order):
        name, _, number = part.partition(_PART)
        pieces = texts.setdefault(name, [])
        if int(number or 0) != len(pieces):
            raise TornSnapshot(f"snapshot lacks part {len(pieces)} of {name!r}")
        pieces.append(buckets[part])
    try:
        return {name: json.loads(b"".join(pieces)) for name, pieces in texts.items()}
    except ValueError as error:
        raise TornSnapshot(f"snapshot cannot be read: {error}") from error


def _parts(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    yield name, data[:BUCKET_BYTES]
    for number, start in enumerate(range(BUCKET_BYTES, len(data), BUCKET_BYTES), start=1):
        yield f"{name}{_PART}{number}", data[start : start + BUCKET_BYTES]


def _order(part: str) -> tuple[str, int]:
    name, _, number = part.partition(_PART)
    return name, int(number or 0)
