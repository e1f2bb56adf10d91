"""Which events may have moved an entity's figures: the newest few of each part, for `why` and for alerts (CONTRACT 2)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from monitor.core.journal.records import JournalRecord, Source, Statement
from monitor.core.journal.vocabulary import CAUSE_PARTS, JOURNAL

CAUSES_A_PART = 10
"""Causes kept of one subject, and told of one part: an explanation names the newest, not all of a busy second."""

SUBJECTS_A_PART = 64
"""Subjects of one part whose causes are kept: those that spoke last."""

DELTAS = ("required_delta", "available_delta", "coverage_delta")

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


@dataclass(slots=True)  # not frozen: of a busy second a hundred are made, and to freeze one takes thrice as long
class Cause:
    """One event: its place in the journal and in its source, its name if it has one, and when it became known (ns).

    `subject` is what it speaks of: role, asset and account; `BTC/JPY`; a declaration's kind; an incident; a market. `before`
    and `after` are what was known of that until then, and what it says. `touches`: the storages of a position before and
    after it, the markets of trades.
    """

    number: int
    part: str
    topic: str
    epoch: int
    partition: int
    offset: int
    event_id: str | None
    logged_at: int
    index: int = 0
    subject: tuple[str, ...] = ()
    before: str | None = None
    after: str | None = None
    touches: tuple[str, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether it said anything new, as far as that is known."""
        return self.after is None or self.before != self.after

    def told(self) -> dict[str, Any]:
        """The form of `causes`, of a `why` and of an alert: with what it speaks of, and the old and the new value."""
        about = " ".join(self.subject) if self.subject else None
        return self.printed() | {"subject": about, "before": self.before, "after": self.after}

    def printed(self) -> dict[str, Any]:
        """Its place and its name."""
        place = {"topic": self.topic, "epoch": self.epoch, "partition": self.partition, "offset": self.offset}
        return place | ({"index": self.index} if self.index else {}) | {"event_id": self.event_id}

    def state(self) -> list[Any]:
        """JSON values for a snapshot."""
        place = [self.topic, self.epoch, self.partition, self.offset]
        known = [list(self.subject), self.before, self.after]
        return [self.number, self.part, *place, self.event_id, str(self.logged_at), *known, self.index, list(self.touches)]

    @staticmethod
    def of_state(state: list[Any]) -> Cause:
        """The cause that `state` wrote."""
        number, part, topic, epoch, partition, offset, event_id, logged_at, *known, touches = state
        subject, before, after, index = known
        place = (topic, epoch, partition, offset)
        return Cause(number, part, *place, event_id, int(logged_at), index, tuple(subject), before, after, tuple(touches))


def cause_of(record: JournalRecord, before: str | None = None, storage: str | None = None) -> Cause | None:
    """The event a journal record speaks of, numbered by its offset; None for ticks and records without a source.

    `before`: what was known of its subject until then; `storage`: where a position was until then.
    """
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
        subject_of(statement),
        before,
        _value(statement),
        _touches(statement, storage),
    )


def subject_of(statement: Statement) -> tuple[str, ...]:
    """What a journal record speaks of; nothing where that is a whole source."""
    body = statement.body
    match statement.kind:
        case "position":
            return body["role"], body["asset"], body["account"]
        case "price":
            return (f"{body['asset']}/{body['currency']}",)
        case "declaration":
            return body["kind"], *(f"{name}={text}" for name, text in sorted(body["attributes"].items()))
        case "incident":
            return (str(body["incident_id"]),)
        case "flow" | "bust":
            return (str(body["market"]),) if "market" in body else ()
        case "rejected" if statement.entity is None:
            return (f"{body['asset']}/{body['currency']}",)
        case "operation":
            return (str(body["kind"]),)
    return ()


def incident_value(body: Mapping[str, Any]) -> str:
    """An incident as one value: its revision, severity and status."""
    return f"revision {body['revision']}, {body['severity']}, {body['status']}"


def _value(statement: Statement) -> str | None:
    body = statement.body
    match statement.kind:
        case "position":
            return str(body["quantity"])
        case "price":
            return str(body["price"])
        case "declaration":
            return f"{body['amount']} {body['currency']}"
        case "incident":
            return incident_value(body)
    return None


def _touches(statement: Statement, storage: str | None) -> tuple[str, ...]:
    body = statement.body
    match statement.kind:
        case "position":
            return tuple(sorted({body["storage"], storage or body["storage"]}))
        case "flow":
            return tuple(sorted({cell["market"] for cell in body["cells"]}))
        case "bust":
            return (str(body["market"]),)
    return ()


def configuration_cause(record: JournalRecord, partition: int) -> Cause:
    """A change of configuration, which has no source but the journal itself: its last part."""
    statement = record.statement
    name = f"configuration/{statement.body['revision']}"
    return Cause(record.offset, "method", JOURNAL, 0, partition, record.offset, name, statement.at)


_Unmade = tuple[JournalRecord, str | None, str | None]
"""What `cause_of` makes a cause of."""


class Causes:
    """The newest causes of each part and subject, in order: what came after a number explains a change since then.

    Kept by role and asset, price, kind or incident, so that many of one do not push out the one of another. Of records one is
    made when somebody asks: of very many most are pushed out before.
    """

    def __init__(self, kept: Iterable[Cause] = ()) -> None:
        self._parts: dict[str, dict[tuple[str, ...], deque[Cause | _Unmade]]] = {}
        for cause in kept:
            self.note(cause)

    def note(self, cause: Cause | None) -> None:
        """Takes the next event; None is none."""
        if cause is not None:
            self._keep(cause.part, cause.subject[:2] if cause.part == "balance" else cause.subject[:1], cause)

    def note_of(self, record: JournalRecord, before: str | None, storage: str | None) -> None:
        """Takes the next event from its record: see `cause_of`."""
        statement = record.statement
        part = _PART_OF_KIND.get(statement.kind)
        if part is None or statement.source is None:
            return
        if part == "balance":
            name: tuple[str, ...] = (statement.body["role"], statement.body["asset"])
        else:
            name = subject_of(statement)[:1]
        self._keep(part, name, (record, before, storage))

    def _keep(self, part: str, name: tuple[str, ...], cause: Cause | _Unmade) -> None:
        subjects = self._parts.get(part)
        if subjects is None:
            subjects = self._parts[part] = {}
        kept = subjects.pop(name, None)
        if kept is None:
            kept = deque(maxlen=CAUSES_A_PART)
        kept.append(cause)
        subjects[name] = kept
        if len(subjects) > SUBJECTS_A_PART:
            del subjects[next(iter(subjects))]

    def since(self, number: int) -> list[Cause]:
        """Those noted after `number`, by part and then in order."""
        found = list[Cause]()
        for part in CAUSE_PARTS:
            kept = list[Cause]()
            for causes in reversed(self._parts.get(part, {}).values()):  # those of which something was noted last first
                if _number_of(causes[-1]) <= number:
                    break
                kept += _made(causes, number)
            kept.sort(key=_number)
            found += kept
        return found

    def state(self) -> dict[str, Any]:
        """JSON values for a snapshot."""
        return {"kept": [cause.state() for cause in self.since(-1)]}

    @staticmethod
    def of_state(state: Mapping[str, Any]) -> Causes:
        """The causes that `state` wrote."""
        return Causes(Cause.of_state(kept) for kept in state["kept"])


def _made(causes: deque[Cause | _Unmade], number: int) -> Iterator[Cause]:
    """Those after `number`, the newest first."""
    for place in range(len(causes) - 1, -1, -1):
        kept = causes[place]
        if _number_of(kept) <= number:
            return
        cause = kept if isinstance(kept, Cause) else cause_of(*kept)
        if cause is not None:
            causes[place] = cause
            yield cause


def _number_of(kept: Cause | _Unmade) -> int:
    return kept.number if isinstance(kept, Cause) else kept[0].offset


def _number(cause: Cause) -> int:
    return cause.number


def telling(causes: Iterable[Cause]) -> list[Cause]:
    """In the order of what they tell: what said something new, acts and facts before prices, the newest first."""
    return sorted(causes, key=lambda one: (not one.changes, _MOST_TELLING.index(one.part), -one.number))


def why(causes: Iterable[Cause]) -> list[dict[str, Any]]:
    """The parts of an explanation in their fixed order, of a figure that is not compared with another: deltas are null."""
    by_part: dict[str, list[dict[str, Any]]] = {}
    for cause in causes:
        by_part.setdefault(cause.part, []).append(cause.told())
    by_part = {part: told[-CAUSES_A_PART:] for part, told in by_part.items()}
    parts = (part for part in CAUSE_PARTS if part in by_part)
    deltas = dict.fromkeys(DELTAS)
    return [{"part": part, **deltas, "causes": by_part[part]} for part in parts]


def _offset(source: Source) -> int:
    """The offset a record speaks of; of a range, its last."""
    if source.offset is not None:
        return source.offset
    return (source.upto or 0) - 1


def _event_id(body: Mapping[str, Any]) -> str | None:
    name = body.get("event_id") or body.get("incident_id") or body.get("trade_id")
    return None if name is None else str(name)
