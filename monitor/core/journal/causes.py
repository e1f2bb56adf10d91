"""Which events may have moved an entity's figures: the newest few of each part, for `why` and for alerts (CONTRACT 2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from monitor.core.journal.records import JournalRecord, Source
from monitor.core.journal.vocabulary import CAUSE_PARTS, JOURNAL

CAUSES_A_PART = 10
"""Causes kept of one part: an explanation names the newest, not all of a busy second."""

_MOST_TELLING = ("incident", "declaration", "balance", "method", "price", "volume", "data_quality")
_PART_OF_KIND = {
    "price": "price",
    "position": "balance",
    "flow": "volume",
    "bust": "volume",
    "incident": "incident",
    "declaration": "declaration",
    "rejected": "data_quality",
    "operation": "data_quality",
    "progress": "data_quality",
}


@dataclass(frozen=True, slots=True)
class Cause:
    """One event: its place in the journal and in its source, its name if it has one, and when it became known (ns)."""

    number: int
    part: str
    topic: str
    epoch: int
    partition: int
    offset: int
    event_id: str | None
    logged_at: int
    index: int = 0

    def printed(self) -> dict[str, Any]:
        """The form of `why[].causes` and of an alert's `causes`."""
        place = {"topic": self.topic, "epoch": self.epoch, "partition": self.partition, "offset": self.offset}
        return place | ({"index": self.index} if self.index else {}) | {"event_id": self.event_id}

    def state(self) -> list[Any]:
        """JSON values for a snapshot."""
        place = [self.topic, self.epoch, self.partition, self.offset]
        state = [self.number, self.part, *place, self.event_id, str(self.logged_at)]
        return [*state, self.index] if self.index else state

    @staticmethod
    def of_state(state: list[Any]) -> Cause:
        """The cause that `state` wrote."""
        number, part, topic, epoch, partition, offset, event_id, logged_at, *index = state
        return Cause(number, part, topic, epoch, partition, offset, event_id, int(logged_at), *index)


def cause_of(record: JournalRecord) -> Cause | None:
    """The event a journal record speaks of, numbered by its offset; None for ticks and records without a source."""
    statement = record.statement
    part = _PART_OF_KIND.get(statement.kind)
    if part is None or statement.source is None:
        return None
    source = statement.source
    return Cause(
        record.offset,
        part,
        source.where.topic,
        source.where.epoch,
        source.where.partition,
        _offset(source),
        _event_id(statement.body),
        statement.at if statement.logged_at is None else statement.logged_at,
        source.index,
    )


def configuration_cause(record: JournalRecord, partition: int) -> Cause:
    """A change of configuration, which has no source but the journal itself: its last part."""
    statement = record.statement
    name = f"configuration/{statement.body['revision']}"
    return Cause(record.offset, "method", JOURNAL, 0, partition, record.offset, name, statement.at)


class Causes:
    """The newest causes of each part, in order: what came after a number explains a change since then."""

    def __init__(self, kept: Iterable[Cause] = ()) -> None:
        self._parts: dict[str, list[Cause]] = {}
        for cause in kept:
            self._parts.setdefault(cause.part, []).append(cause)

    def note(self, cause: Cause | None) -> None:
        """Takes the next event; None is none."""
        if cause is not None:
            kept = self._parts.setdefault(cause.part, [])
            kept.append(cause)
            del kept[:-CAUSES_A_PART]

    def since(self, number: int) -> list[Cause]:
        """Those noted after `number`, by part and then in order."""
        return [cause for part in CAUSE_PARTS for cause in self._parts.get(part, ()) if cause.number > number]

    def state(self) -> dict[str, Any]:
        """JSON values for a snapshot."""
        return {"kept": [cause.state() for cause in self.since(-1)]}

    @staticmethod
    def of_state(state: Mapping[str, Any]) -> Causes:
        """The causes that `state` wrote."""
        return Causes(Cause.of_state(kept) for kept in state["kept"])


def telling(causes: Iterable[Cause]) -> list[Cause]:
    """At most `CAUSES_A_PART` of them for people: acts and facts before prices and trades, of each the newest first."""
    return sorted(causes, key=lambda cause: (_MOST_TELLING.index(cause.part), -cause.number))[:CAUSES_A_PART]


def why(causes: Iterable[Cause]) -> list[dict[str, Any]]:
    """The parts of an explanation in their fixed order, with deltas null: they are not attributed."""
    by_part: dict[str, list[dict[str, Any]]] = {}
    for cause in causes:
        by_part.setdefault(cause.part, []).append(cause.printed())
    parts = (part for part in CAUSE_PARTS if part in by_part)
    return [{"part": part, "required_delta": None, "available_delta": None, "causes": by_part[part]} for part in parts]


def _offset(source: Source) -> int:
    """The offset a record speaks of; of a range, its last."""
    if source.offset is not None:
        return source.offset
    return (source.upto or 0) - 1


def _event_id(body: Mapping[str, Any]) -> str | None:
    name = body.get("event_id") or body.get("incident_id") or body.get("trade_id")
    return None if name is None else str(name)
