"""Dead-lettered records of a known entity: they mark figures until something newer and valid comes (CONTRACT 2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from monitor.core.book.declarations import attributes_key
from monitor.core.journal.ordering import Order, place_text
from monitor.core.journal.records import BadRecord, SourcePartition, Statement
from monitor.core.journal.vocabulary import BALANCES, DECLARATIONS, INCIDENTS

REJECTIONS_REMEMBERED = 1000
"""Rejections and dismissals remembered; of more the oldest go, while the others still mark."""

RejectedIdentity = tuple[str, ...]


class RejectedRecord(NamedTuple):
    """One rejected record; `identity` is empty, and `name` (its event id) None, where it could not be read."""

    where: SourcePartition
    place: int
    logged: int
    identity: RejectedIdentity
    name: str | None = None

    @property
    def offset(self) -> int:
        """Its offset in the source partition."""
        return self.where.offset_of(self.place)

    @property
    def subject(self) -> str:
        """What tells it apart: its topic, and its event id or its place there."""
        return f"{self.where.topic}/{self.name or f'{self.where.partition}:{self.offset}'}"


def position_identity(role: str, asset: str, account: str) -> RejectedIdentity:
    """What a position is about."""
    return (BALANCES, role, asset, account)


def incident_identity(incident: str) -> RejectedIdentity:
    """What an incident is about."""
    return (INCIDENTS, incident)


def declaration_identity(kind: str, attributes: Mapping[str, str]) -> RejectedIdentity:
    """What a declaration is about."""
    return (DECLARATIONS, kind, *(text for pair in attributes_key(kind, attributes) for text in pair))


class Rejections:
    """The rejections of an entity that still mark, and what people dismissed."""

    def __init__(self, dirty: set[str]) -> None:
        self._dirty = dirty
        self._marks: dict[tuple[SourcePartition, int], RejectedRecord] = {}
        self._dismissed: dict[tuple[SourcePartition, int], None] = {}

    @property
    def marks(self) -> bool:
        """Whether any rejection still marks."""
        return bool(self._marks)

    def put(self, statement: Statement) -> None:
        """Take a `rejected` record."""
        source = statement.source
        if source is None or source.offset is None or statement.logged_at is None:
            raise BadRecord("a rejected record without source offset or log time")
        place = (source.where, source.where.place(source.offset, source.index))
        if place not in self._dismissed:
            self._marks[place] = RejectedRecord(*place, statement.logged_at, _identity(statement.body), _name(statement.body))
            _bound(self._marks)
            self._dirty.add("rejections")

    def refuse(self, order: Order, identity: RejectedIdentity, name: str | None) -> None:
        """The book itself refuses the record at `order`, whose event id is `name`: it marks as a dead letter does."""
        place = (SourcePartition(order[3], order[4], order[5]), order[6])
        if place not in self._dismissed:
            self._marks[place] = RejectedRecord(*place, order[2], identity, name)
            _bound(self._marks)
            self._dirty.add("rejections")

    def valid(self, identity: RejectedIdentity, order: Order) -> None:
        """A valid record came: rejections of the same before it in the log mark no longer."""
        if not self._marks:
            return
        ended = [
            place
            for place, mark in self._marks.items()
            if mark.identity == identity
            and (mark.logged, mark.where.epoch, mark.where.partition, mark.place) < (order[2], *order[4:])
        ]
        for place in ended:
            del self._marks[place]
            self._dirty.add("rejections")

    def dismiss(self, body: Mapping[str, Any]) -> tuple[SourcePartition, int]:
        """Take the body of a `dismissal` operation: {topic, epoch, partition, offset}, of a feed also {feed, index}.

        Returns the source partition and the offset.
        """
        feed = body.get("feed")
        where = SourcePartition(f"{body['topic']}/{feed}" if feed else body["topic"], int(body["epoch"]), int(body["partition"]))
        place = (where, where.place(int(body["offset"]), int(body.get("index") or 0)))
        self._marks.pop(place, None)
        self._dismissed[place] = None
        _bound(self._dismissed)
        self._dirty.add("rejections")
        return where, int(body["offset"])

    def is_dismissed(self, where: SourcePartition, offset: int) -> bool:
        """Whether people dismissed what stands there: the operation may be read before the record."""
        return any(one == where and one.offset_of(place) == offset for one, place in self._dismissed)

    def since(self, topic: str) -> int | None:
        """Log time of the first rejection of a topic or of one of its feeds that still marks; None if none does."""
        if not self._marks:
            return None
        return min((mark.logged for mark in self._marks.values() if topic in (mark.where.topic, mark.where.kind)), default=None)

    def marking(self) -> list[RejectedRecord]:
        """Those that still mark, by what tells them apart."""
        return sorted(self._marks.values(), key=_subject)

    def dismissed(self) -> dict[SourcePartition, tuple[int, ...]]:
        """Offsets dismissed, by source partition."""
        found: dict[SourcePartition, tuple[int, ...]] = {}
        for where, place in self._dismissed:
            found[where] = (*found.get(where, ()), where.offset_of(place))
        return found

    def names(self) -> Iterator[str]:
        """Names of the buckets."""
        if self._marks or self._dismissed:
            yield "rejections"

    def bucket(self, name: str) -> Any:
        """The bucket as JSON values; None when it is empty."""
        if name != "rejections" or not (self._marks or self._dismissed):
            return None
        marks = [[*_place(m.where), place_text(m.place), str(m.logged), list(m.identity), m.name] for m in self._marks.values()]
        return {"marks": marks, "dismissed": [[*_place(where), place_text(place)] for where, place in self._dismissed]}

    def restore(self, buckets: Mapping[str, Any]) -> None:
        """Take the state of the bucket `rejections`."""
        raw = buckets.get("rejections") or {"marks": [], "dismissed": []}
        for topic, epoch, partition, place, logged, identity, name in raw["marks"]:
            where = SourcePartition(topic, epoch, partition)
            self._marks[where, int(place)] = RejectedRecord(where, int(place), int(logged), tuple(identity), name)
        for topic, epoch, partition, place in raw["dismissed"]:
            self._dismissed[SourcePartition(topic, epoch, partition), int(place)] = None


def _identity(body: Mapping[str, Any]) -> RejectedIdentity:
    topic = body["topic"]
    if topic == BALANCES and body["role"] and body["asset"] and body["account"]:
        return position_identity(body["role"], body["asset"], body["account"])
    if topic == INCIDENTS and body["incident_id"]:
        return incident_identity(body["incident_id"])
    if topic == DECLARATIONS and body["kind"] and body["attributes"] is not None:
        return declaration_identity(body["kind"], body["attributes"])
    return ()


def _name(body: Mapping[str, Any]) -> str | None:
    name = body["event_id"] or body["incident_id"]
    return None if name is None else str(name)


def _subject(mark: RejectedRecord) -> tuple[str, int, int, int]:
    return mark.subject, mark.where.epoch, mark.where.partition, mark.place


def _bound(kept: dict[Any, Any]) -> None:
    while len(kept) > REJECTIONS_REMEMBERED:
        del kept[next(iter(kept))]


def _place(where: SourcePartition) -> tuple[str, int, int]:
    return where.topic, where.epoch, where.partition
