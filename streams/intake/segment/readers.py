"""Which contents a topic has: one a feed, or the one of a kind that is read without feeds."""

from __future__ import annotations

from collections.abc import Sequence

from monitor.core.journal.records import SourcePartition
from monitor.core.journal.vocabulary import TRADES
from streams.intake.segment.content import Content, Findings
from streams.intake.segment.events import Sighted, events_of_feed, events_of_records
from streams.intake.segment.lean_events import LeanSight
from streams.intake.segment.records import StatedRecords
from streams.intake.segment.rules import IntakeRules
from streams.intake.segment.segments import SegmentReader
from streams.intake.segment.snapshots import WholeBalances
from streams.intake.segment.trades.counted import CountedTrades
from streams.intake.segment.trades.put_back import PastRules
from streams.wire import lean_trades
from streams.wire.feeds.lean import lean_feed


def reader_of(where: SourcePartition, rules: IntakeRules, log: str, start: int) -> SegmentReader:
    """A reader of `where` that begins a segment at offset `start`; `log` names the log its records are of."""
    return reader_of_topic([where], rules, log, start)


def reader_of_topic(
    places: Sequence[SourcePartition],
    rules: IntakeRules,
    log: str,
    start: int,
    *,
    several: bool = False,
    changes: Sequence[tuple[int, int]] = (),
) -> SegmentReader:
    """A reader of one topic's partition for all feeds that look at it; `places` name it once for each.

    `several`: whether the topic has more partitions than this one. `changes`: under which rules (their number) from which
    offset on the log was read before.
    """
    past = PastRules(rules.rules.number, changes)
    contents = [content_of(where, rules, log, past, first=where is places[0], several=several) for where in places]
    return SegmentReader(rules, log, start, contents)


def content_of(
    where: SourcePartition, rules: IntakeRules, log: str, past: PastRules, *, first: bool = True, several: bool = False
) -> Content:
    """What is made of the records of `where`; the `first` of a topic's feeds tells of records that nobody can read."""
    findings = Findings(where, rules, tells_unreadable=first)
    sighted = _sighted(where, rules)
    if where.kind == TRADES:
        return CountedTrades(findings, sighted, log, several=several, past=past)
    plan = rules.plan(where.topic)
    if plan is not None and plan.feed.snapshot_by:
        return WholeBalances(findings, sighted, plan.feed)
    return StatedRecords(findings, sighted)


def _sighted(where: SourcePartition, rules: IntakeRules) -> Sighted:
    judge = rules.judge(where.topic)
    plan, signers = rules.plan(where.topic), rules.signers.get(where.topic)
    if plan is not None:
        lean = lean_feed(plan.feed) if signers is None else None
        return events_of_feed(plan, judge, where, signers) if lean is None else LeanSight(lean, plan, judge, where)
    return events_of_records(judge, lean_trades(rules.sources[where.topic]) if where.kind == TRADES else None, signers)
