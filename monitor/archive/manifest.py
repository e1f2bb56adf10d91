"""What stands beside each object: which records it holds, their digest, and the manifest before it (`reserve.archive-object/1`).

The manifests of a partition are a chain by their digests, so that none can be left out, moved or replaced unseen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from monitor.core.values.canonical import canonical_bytes, digest_of
from monitor.errors import MonitorError
from monitor.nesting import json_of

SCHEMA = "reserve.archive-object/1"
HEAD_SCHEMA = "reserve.archive/1"
HEAD = "archive.json"
MANIFEST_END = ".json"
OBJECT_END = ".ndjson.gz"
REPORTS = "reports/"
"""Where reports lie, beside the topics: `reports/ENTITY/DATE/SEQUENCE.json`, and the other form beside it."""


STAMPS = "stamps/"
"""Where time stamps of checkpoints lie: `stamps/ENTITY/TREE_SIZE.json`."""


def stamp_name(entity: str, tree_size: int) -> str:
    """Where the time stamp of an entity's checkpoint lies."""
    return f"{STAMPS}{entity}/{tree_size:020}.json"


class BadArchive(MonitorError):
    """What lies in the archive is not what was written."""


@dataclass(frozen=True, slots=True)
class ArchiveHead:
    """What the whole archive is of: how many journal partitions there are, and whether the journal keeps the broker's time."""

    partitions: int
    broker_time: bool

    def content(self) -> bytes:
        """Canonical JSON."""
        return canonical_bytes({"schema": HEAD_SCHEMA, "partitions": self.partitions, "broker_time": self.broker_time})

    @classmethod
    def of(cls, data: bytes) -> Self:
        """The head that `content` wrote; `BadArchive` for anything else."""
        try:
            found = json_of(data)
            head = cls(int(found["partitions"]), bool(found["broker_time"]))
        except (ValueError, KeyError, TypeError) as error:
            raise BadArchive(f"{HEAD} cannot be read: {error!r}") from None
        if head.content() != data:
            raise BadArchive(f"{HEAD} is of another release of this program, which can read it")
        return head


@dataclass(frozen=True, slots=True)
class ObjectManifest:
    """One object: the records of `topic` (its default name) and `partition` from `first_offset` to `last_offset`.

    `day` is the UTC day of the first record; times are the log's. `line_bytes` and `digest` are of the lines, `object_bytes` and
    `object_digest` of the compressed file `object`; `last_digest` is that of the last line, and `previous` of the manifest
    before, null for the first. `release` is the program that wrote it.
    """

    topic: str
    partition: int
    day: str
    first_offset: int
    last_offset: int
    records: int
    first_time: str
    last_time: str
    line_bytes: int
    digest: str
    last_digest: str
    object: str
    object_bytes: int
    object_digest: str
    previous: str | None
    release: str

    def content(self) -> bytes:
        """Canonical JSON, with its own digest as `manifest_digest`."""
        return canonical_bytes({**self._fields(), "manifest_digest": self.own_digest})

    @property
    def own_digest(self) -> str:
        """What the next manifest names as `previous`."""
        return digest_of(self._fields())

    def _fields(self) -> dict[str, Any]:
        return {"schema": SCHEMA, **asdict(self)}

    @property
    def name(self) -> str:
        """Where it lies."""
        return f"{folder(self.topic, self.partition)}{self.day}/{self.first_offset:020}{MANIFEST_END}"

    @classmethod
    def of(cls, name: str, data: bytes) -> Self:
        """The manifest that was written under `name`; `BadArchive` for anything else."""
        try:
            found: Mapping[str, Any] = json_of(data)
            schema = found["schema"]
            if schema != SCHEMA:
                raise BadArchive(f"{name} is a {schema}, which another release of this program reads")
            manifest = cls(**{key: value for key, value in found.items() if key not in {"schema", "manifest_digest"}})
            same = manifest.content() == data and manifest.name == name
        except (ValueError, KeyError, TypeError) as error:
            raise BadArchive(f"{name} cannot be read: {error!r}") from None
        if not same:
            raise BadArchive(f"{name} is not as it was written, or lies in another place")
        return manifest


def folder(topic: str, partition: int) -> str:
    """Where the objects and manifests of a partition lie, by day."""
    return f"{topic}/{partition:04}/"


def object_name(topic: str, partition: int, day: str, first_offset: int, digest: str) -> str:
    """An object's place: its name says what is in it, so that two different ones never share it."""
    return f"{folder(topic, partition)}{day}/{first_offset:020}-{digest.removeprefix('sha256:')[:16]}{OBJECT_END}"


def offset_in(name: str) -> int:
    """The first offset that the name of a manifest says."""
    try:
        return int(name.rpartition("/")[2].removesuffix(MANIFEST_END))
    except ValueError:
        raise BadArchive(f"{name} is no name of a manifest") from None
