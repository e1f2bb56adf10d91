"""Records tried against a feed: what becomes of each, without a broker and without a trace (FEEDS, Tools)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from monitor.core.values.times import from_ms
from streams.wire import Invalid, Judge, Known, SourceFormat
from streams.wire.feeds import FeedPlan, RecordPlace, RefusedEvent

Outcome = Literal["event", "dead_letter", "filtered"]


@dataclass(frozen=True, slots=True)
class TriedEvent:
    """One event, dead letter, or number of elements left out, of the record `record` (from 0)."""

    record: int
    index: int | None
    outcome: Outcome
    canonical: dict[str, Any]
    reason: str | None = None
    detail: str | None = None
    filtered: int = 0

    def shown(self) -> dict[str, Any]:
        """As `--json` prints it."""
        told: dict[str, Any] = {"record": self.record, "outcome": self.outcome}
        if self.outcome == "filtered":
            return told | {"count": self.filtered}
        told |= {"index": self.index, "canonical": self.canonical}
        return told if self.reason is None else told | {"reason": self.reason, "detail": self.detail}


def tried(plan: FeedPlan, known: Known, records: Iterable[tuple[bytes | None, int]]) -> Iterator[TriedEvent]:
    """What the feed makes of records, given as bytes with their log time in ms; repeats are not looked for."""
    feed = plan.feed
    judge = Judge(SourceFormat(feed.kind, feed.epoch, feed.max_ahead_ns, feed.late_after_ns), known)
    for number, (value, time_ms) in enumerate(records):
        reading = plan.read(value, RecordPlace(feed.epoch, 0, number, time_ms))
        for event in reading.events:
            if isinstance(event, RefusedEvent):
                found: Any = event.invalid
                canonical = event.readable
            else:
                canonical = event.canonical
                found = judge.judged(canonical, from_ms(time_ms))
            if isinstance(found, Invalid):
                yield TriedEvent(number, event.index, "dead_letter", canonical, found.reason.value, found.detail)
            else:
                yield TriedEvent(number, event.index, "event", canonical)
        if reading.filtered:
            yield TriedEvent(number, None, "filtered", {}, filtered=reading.filtered)
