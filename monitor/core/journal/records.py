"""What the journal holds: one record form for every kind, its canonical bytes, and which partition it belongs to.

Every record is an idempotent statement, never an increment (JOURNAL 1, 3, 4).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from monitor.core.journal.vocabulary import ENTITY_KINDS, PARTITION_KINDS
from monitor.core.values.canonical import canonical_bytes
from monitor.core.values.times import exact_time, recent_time

VERSION = 1
EVENTS_IN_RECORD = 1 << 20
"""A feed makes fewer events of one source record."""


class BadRecord(ValueError):
    """The bytes are not a journal record this version reads."""


@dataclass(frozen=True, slots=True, order=True)
class SourcePartition:
    """A partition of a source topic in one epoch: what segments and offsets are counted in."""

    topic: str
    epoch: int
    partition: int

    @property
    def kind(self) -> str:
        """The kind of its events: the default name of a source topic."""
        return self.topic.partition("/")[0]

    @property
    def feed(self) -> str | None:
        """The feed's own name where `topic` is that of one feed of a kind (`<kind>/<feed>`), else None."""
        return self.topic.partition("/")[2] or None

    def place(self, offset: int, index: int = 0) -> int:
        """A number that orders the events of this partition: the offset or, in a feed, offset and index."""
        return offset * EVENTS_IN_RECORD + index if "/" in self.topic else offset

    def offset_of(self, place: int) -> int:
        """The offset of a place."""
        return place // EVENTS_IN_RECORD if "/" in self.topic else place


@dataclass(slots=True)  # not frozen, as the next two: each is made of every record, and to freeze one takes thrice as long
class Source:
    """Where a record comes from: one `offset`, or the range [`start`, `upto`) of a segment; a bust has `offset` and `start`.

    `index` tells the events of one source record apart, where a feed makes several of it.
    """

    where: SourcePartition
    offset: int | None = None
    start: int | None = None
    upto: int | None = None
    index: int = 0


@dataclass(frozen=True, slots=True, order=True)
class Rules:
    """Number and digest of all that intake's verdict depends on (JOURNAL 3)."""

    number: int
    digest: str


@dataclass(slots=True)
class Statement:
    """A journal record as its writer makes it. Times are nanoseconds; `body` is the kind's own object."""

    kind: str
    entity: str | None
    at: int
    body: Mapping[str, Any]
    source: Source | None = None
    logged_at: int | None = None
    rules: Rules | None = None
    auth: str = "none"


@dataclass(slots=True)
class JournalRecord:
    """A statement at its place in the journal, as the engine reads it.

    `offset` and `journal_time` (ns) are the log's own; `digest` is the SHA-256 of the record's bytes.
    """

    statement: Statement
    offset: int
    journal_time: int
    digest: bytes


def journal_partition(entity: str, partitions: int) -> int:
    """The journal partition of an entity: first 8 bytes of SHA-256 of its slug, big-endian, modulo the partition count."""
    return int.from_bytes(hashlib.sha256(entity.encode()).digest()[:8], "big") % partitions


def encode_statement(statement: Statement) -> bytes:
    """Canonical bytes of a statement."""
    return canonical_bytes(statement_object(statement))


def statement_object(statement: Statement) -> dict[str, Any]:
    """A statement as the JSON object that stands in the journal."""
    return {
        "v": VERSION,
        "kind": statement.kind,
        "entity": statement.entity,
        "at": exact_time(statement.at),
        "src": None if statement.source is None else _source_object(statement.source),
        "logged_at": None if statement.logged_at is None else exact_time(statement.logged_at),
        "rules": None if statement.rules is None else {"number": statement.rules.number, "digest": statement.rules.digest},
        "auth": statement.auth,
        "body": dict(statement.body),
    }


def decode_record(data: bytes, offset: int, journal_time: int) -> JournalRecord:
    """The record in `data`; `BadRecord` when it is not one or is of a newer version."""
    return record_of(data, offset, journal_time, json.loads)


def record_of(data: bytes, offset: int, journal_time: int, loads: Callable[[bytes], Any]) -> JournalRecord:
    """As `decode_record`, read by `loads`: it gives what `json.loads` gives, and a ValueError where there is nothing to give."""
    try:
        raw = loads(data)
        _refuse_foreign(raw["v"], raw["kind"], raw["entity"], offset)
        statement = statement_of(raw)
    except BadRecord:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadRecord(f"journal record at offset {offset} cannot be read: {error}") from error
    return JournalRecord(statement, offset, journal_time, hashlib.sha256(data).digest())


def _refuse_foreign(version: int, kind: str, entity: object, offset: int) -> None:
    if version > VERSION:
        raise BadRecord(
            f"journal record at offset {offset} has version {version}, this release reads up to {VERSION}: upgrade it first"
        )
    if not (entity is None or isinstance(entity, str)):
        raise BadRecord(f"journal record at offset {offset} is of {entity!r}, which is no entity")
    if kind not in ENTITY_KINDS and kind not in PARTITION_KINDS:
        raise BadRecord(f"journal record at offset {offset} is of the unknown kind {kind!r}")


def statement_of(raw: Mapping[str, Any]) -> Statement:
    """The statement that `statement_object` wrote."""
    return Statement(
        raw["kind"],
        raw["entity"],
        recent_time(raw["at"]),
        raw["body"],
        None if raw["src"] is None else _source(raw["src"]),
        None if raw["logged_at"] is None else recent_time(raw["logged_at"]),
        None if raw["rules"] is None else Rules(raw["rules"]["number"], raw["rules"]["digest"]),
        raw["auth"],
    )


def _source_object(source: Source) -> dict[str, Any]:
    where = source.where
    result: dict[str, Any] = {"topic": where.topic, "epoch": where.epoch, "partition": where.partition}
    for name in ("offset", "start", "upto"):
        value = getattr(source, name)
        if value is not None:
            result[name] = value
    if source.index:
        result["index"] = source.index
    return result


def _source(raw: Mapping[str, Any]) -> Source:
    where = _where(raw["topic"], raw["epoch"], raw["partition"])
    return Source(where, raw.get("offset"), raw.get("start"), raw.get("upto"), raw.get("index", 0))


@lru_cache(maxsize=4096, typed=True)
def _where(topic: str, epoch: int, partition: int) -> SourcePartition:
    """The same source partition is the same object; ValueError for what can be none."""
    topic.encode()  # half a surrogate pair has no bytes
    if not (type(epoch) is type(partition) is int and 0 <= epoch < 2**53 and 0 <= partition < 2**53):
        raise ValueError(f"{epoch!r}/{partition!r} is no epoch and partition")
    return SourcePartition(topic, epoch, partition)


@lru_cache(maxsize=4096)
def one_text(text: str) -> str:
    """The same name is the same object: what is kept of a hundred thousand records holds it once."""
    return text
