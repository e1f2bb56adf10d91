"""What the engine returns: idempotent statements for the output topics (JOURNAL 7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from monitor.core.journal.records import EVENTS_IN_RECORD, SourcePartition


@dataclass(frozen=True, slots=True)
class Output:
    """One record for an output topic, named by its default name; `key` is its Kafka key.

    `value` is the whole object of CONTRACT 2, digest included; None is a tombstone. `caused_at` (ns, alerts only) is the
    log time of the newest event that caused the change plus the dwell it had to stand: latency is measured from there.
    """

    topic: str
    key: str
    entity: str
    value: dict[str, Any] | None
    caused_at: int | None = None


@dataclass(frozen=True, slots=True)
class TooOld:
    """A record that intake took and whose age makes it say nothing: its place is among the dead letters (CONTRACT 7).

    Only who knows what was said before can tell. It lies at `place` (`SourcePartition.place`), was logged at `logged` and is
    as of `event_time` (ns); `entity` is None for a price, which is of nobody.
    """

    where: SourcePartition
    place: int
    logged: int
    event_time: int
    entity: str | None

    @property
    def offset(self) -> int:
        """The offset of its record."""
        return self.where.offset_of(self.place)

    @property
    def index(self) -> int | None:
        """Which of the events of its record it is; None where a record is one event."""
        return None if self.where.feed is None else self.place % EVENTS_IN_RECORD
