"""Records tried against a feed or a topic: what becomes of each, without a broker and without a trace (FEEDS, Tools)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from monitor.core.journal.vocabulary import TRADES
from monitor.core.values.times import from_ms
from streams.eventfiles.hints import hint
from streams.intake.segment.rules import IntakeRules
from streams.wire import Invalid, Judge, Known, SourceFormat
from streams.wire.feeds import FeedPlan, RecordPlace, RefusedEvent

TrialOutcome = Literal["event", "dead_letter", "filtered"]


class TriedRecord(NamedTuple):
    """A record as it is tried: its name for people (a line's number, or partition:offset), its bytes and its place."""

    name: int | str
    value: bytes | None
    place: RecordPlace


@dataclass(frozen=True, slots=True)
class TriedEvent:
    """One event, dead letter, or number of elements left out, of the record named `record`."""

    record: int | str
    index: int | None
    outcome: TrialOutcome
    canonical: dict[str, Any]
    reason: str | None = None
    detail: str | None = None
    filtered: int = 0
    next: str | None = None
    """What to look at in the feed, for people."""
    left_out: Sequence[str] = ()
    """Why elements were left out."""

    def shown(self) -> dict[str, Any]:
        """As `--json` prints it."""
        told: dict[str, Any] = {"record": self.record, "outcome": self.outcome}
        if self.outcome == "filtered":
            return told | {"count": self.filtered, "why": list(self.left_out)}
        told |= {"index": self.index, "canonical": self.canonical}
        return told if self.reason is None else told | {"reason": self.reason, "detail": self.detail, "next": self.next}


def tried(plan: FeedPlan, known: Known, records: Iterable[TriedRecord]) -> Iterator[TriedEvent]:
    """What the feed makes of records; repeats are not looked for."""
    feed = plan.feed
    judge = Judge(SourceFormat(feed.kind, feed.epoch, feed.max_ahead_ns, feed.late_after_ns), known)
    for name, value, place in records:
        reading = plan.read(value, place)
        for event in reading.events:
            if isinstance(event, RefusedEvent):
                found: Any = event.invalid
                canonical = event.readable
            else:
                canonical = event.canonical
                found = judge.judged(canonical, from_ms(place.time_ms))
            if isinstance(found, Invalid):
                following = hint(plan, found, canonical, event.index)
                yield TriedEvent(name, event.index, "dead_letter", canonical, found.reason.value, found.detail, next=following)
            else:
                yield TriedEvent(name, event.index, "event", canonical)
        if reading.filtered:
            why = plan.left_out(value, place)
            yield TriedEvent(name, None, "filtered", {}, filtered=reading.filtered, left_out=why)


@dataclass(frozen=True, slots=True)
class Judged:
    """A record that is about to be sent: its number from 1, its key, and why it would be refused or left out, if it would."""

    number: int
    value: bytes
    key: str | None
    refused: str | None
    left_out: str | None = None


def judged(rules: IntakeRules, topic: str, values: Sequence[bytes], now: int) -> list[Judged]:
    """What becomes of records if they are logged in `topic` (a kind or `<kind>/<feed>`) at `now` (ns)."""
    plan = rules.plan(topic)
    found: list[Judged] = []
    for number, value in enumerate(values, 1):
        left_out = None
        if plan is None:
            verdict = rules.judge(topic).verdict(value, now)
            told = [f"{verdict.reason.value}: {verdict.detail}"] if isinstance(verdict, Invalid) else []
            canonical = rules.judge(topic).readable(value)
        else:
            record = TriedRecord(number, value, RecordPlace(plan.feed.epoch, 0, number, now // 1_000_000))
            events = list(tried(plan, rules.known, [record]))
            told = [f"{one.reason}: {one.detail}" for one in events if one.outcome == "dead_letter"]
            if all(one.outcome == "filtered" for one in events):
                why = "; ".join(reason for one in events for reason in one.left_out)
                left_out = why or "see `where` and `each` of the feed"
            canonical = events[0].canonical
        found.append(Judged(number, value, _key(topic, canonical), told[0] if told else None, left_out))
    return found


def _key(topic: str, canonical: dict[str, Any]) -> str | None:
    """That of intake's promise: all records of a trade id in one partition (CONTRACT 1)."""
    entity = canonical.get("entity")
    if topic.partition("/")[0] == TRADES:
        return f"{entity}|{canonical.get('market')}"
    return entity if isinstance(entity, str) else None
