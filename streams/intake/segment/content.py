"""What a reader makes of the records of its segments: the part that differs from topic to topic."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from monitor.core.journal.records import Source, SourcePartition, Statement
from monitor.core.journal.vocabulary import PRICES
from monitor.core.values.times import from_ms
from streams.intake.segment.batches import Addressed, Batch, Counts, clamped
from streams.intake.segment.events import Events, Sighted
from streams.intake.segment.rules import IntakeRules
from streams.wire import REJECTED_TOPICS, Invalid, Reason, rejected_body, rejected_entity, rejected_price
from streams.wire.rejected import DeadLetter


class Findings:
    """What was found in one feed's records: outcomes of the open segment, dead letters, what is stated at once.

    `unsafe_keys`: records, since reading began, whose key may part the records of one trade id (JOURNAL 4).
    `tells_unreadable`: of a record that cannot be read at all one feed of a topic sends the dead letter, all count it.
    `stated_below`: records below this offset are counted only, what is stated of them was acknowledged before.
    """

    def __init__(self, where: SourcePartition, rules: IntakeRules, *, tells_unreadable: bool = True) -> None:
        self.where = where
        self.rules = rules
        self._tells_unreadable = tells_unreadable
        self.counts = Counts()
        self.unsafe_keys = 0
        self.stated_below = 0
        self.heard_ms: int | None = None
        self.dead_letters: list[DeadLetter] = []
        self._whole_letter: int | None = None
        self._statements: list[Addressed] = []
        self._stated = False

    def heard(self, time_ms: int | None) -> None:
        """A heartbeat of the feed was logged at `time_ms`, or none."""
        if time_ms is not None:
            self.heard_ms = max(time_ms, self.heard_ms or 0)

    def take(self) -> list[Addressed]:
        """What was stated since the last time."""
        taken, self._statements = self._statements, []
        return taken

    def take_stated(self) -> bool:
        """Whether anything was stated, or became a dead letter, since the last time."""
        taken, self._stated = self._stated, False
        return taken

    def state(self, statement: Statement) -> None:
        """Say `statement`, which is of one record, in its entity's journal partition, or in all if it is no entity's."""
        source = statement.source
        if source is not None and source.offset is not None and source.offset < self.stated_below:
            return
        self._stated = True
        if statement.entity is None:
            self._statements.extend((partition, statement) for partition in range(self.rules.journal_partitions))
        else:
            self._statements.append((self.rules.partition_of(statement.entity), statement))

    def refuse(self, events: Events, row: int, invalid: Invalid, now: int) -> None:
        """Keep a refused event as a dead letter, and state the gap it leaves if it is a known entity's (CONTRACT 2)."""
        batch = events.batch
        offset, logged_at, readable = batch.offsets[row], from_ms(clamped(batch.times_ms[row])), events.readable(row)
        self.counts.dead_letter += 1
        if offset < self.stated_below:
            return
        self._stated = True
        if self._tells_unreadable or not events.said_by_all(row):
            self.dead_letters.append(self._letter(events, row, invalid, rejected_entity(readable, self.rules.known)))
        if self.where.kind in REJECTED_TOPICS or self.where.kind == PRICES:
            source = Source(self.where, offset=offset, index=events.index(row))
            marked = self._marked(invalid.reason, readable)
            if marked is not None:
                entity, body = marked
                self.state(Statement("rejected", entity, now, body, source, logged_at, auth=events.auth(row)))

    def _letter(self, events: Events, row: int, invalid: Invalid, entity: str | None) -> DeadLetter:
        """The dead letter of an event. A record is kept once: each element of a large frame would bring all of it again."""
        batch = events.batch
        offset, logged_at, value = batch.offsets[row], from_ms(clamped(batch.times_ms[row])), batch.values[row]
        key, headers = batch.original(row)
        left_out = len(value) if value is not None and self._whole_letter == offset else None
        if left_out is not None:
            value, headers = None, ()
        self._whole_letter = offset
        reason, detail, index, number = invalid.reason, invalid.detail, events.letter_index(row), self.rules.rules.number
        return DeadLetter(self.where, offset, logged_at, key, value, headers, reason, detail, index, entity, left_out, number)

    def _marked(self, reason: Reason, readable: Mapping[str, Any]) -> tuple[str | None, dict[str, Any]] | None:
        """Entity and body of the gap that a refused record leaves, if any; a price is nobody's and so everybody's."""
        if self.where.kind == PRICES:
            body = rejected_price(reason, readable)
            return None if body is None else (None, body)
        entity = rejected_entity(readable, self.rules.known)
        return None if entity is None else (entity, rejected_body(self.where.kind, reason, readable))


class Content(ABC):
    """What is made of a partition's records, segment by segment."""

    def __init__(self, findings: Findings, sighted: Sighted) -> None:
        self.findings = findings
        self.sighted = sighted

    @property
    def joins(self) -> bool:
        """Whether nothing is said of its records but with a flush, and many taken in at once cost it less than few."""
        return False

    def opened(self, start: int, time_ms: int) -> bool:  # noqa: ARG002 - most contents look at nothing before the segment
        """The first visible record of the segment at `start` is about to be taken in; its log time is `time_ms`.

        Whether the log's head is gone and may have held what this segment has to be compared with.
        """
        return False

    @abstractmethod
    def take_in(self, events: Events, now: int) -> None:
        """Take in events, all of the open segment; those that a feed left out are counted by the caller."""

    def said(self, now: int, start: int, upto: int) -> list[Addressed]:  # noqa: ARG002 - most contents state at once
        """What a flush says of [start, upto), apart from what was stated at once."""
        return []

    def applied(self) -> dict[int, int]:
        """Trades counted so far in the segment by journal partition; partitions without any may be left out."""
        return {}

    def closed(self) -> None:
        """The segment is over: what was counted of it belongs to the past."""
        self.findings.counts, self.findings.heard_ms = Counts(), None

    def remember_from(self, start: int) -> int:
        """The offset from which the log must be read so that a segment may begin at `start`."""
        return start

    def remember(self, batch: Batch, start: int) -> None:  # noqa: B027 - most contents remember nothing
        """Note what lies below `start`, without counting it."""

    def hidden(self, log_start: int, first_ms: int) -> None:  # noqa: B027 - as above
        """Note that the log begins at `log_start`, above its first offset ever, with a record of log time `first_ms`."""
