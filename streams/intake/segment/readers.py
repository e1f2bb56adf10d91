"""Which content a source topic has."""

from __future__ import annotations

from monitor.core.journal.records import SourcePartition
from monitor.core.journal.vocabulary import TRADES
from streams.intake.segment.content import Content, Findings
from streams.intake.segment.records import StatedRecords
from streams.intake.segment.rules import IntakeRules
from streams.intake.segment.segments import SegmentReader
from streams.intake.segment.trades import CountedTrades
from streams.wire import lean_trades


def reader_of(where: SourcePartition, rules: IntakeRules, log: str, start: int) -> SegmentReader:
    """A reader of `where` that begins a segment at offset `start`; `log` names the log its records are of."""
    return SegmentReader(rules, log, start, [content_of(where, rules, log)])


def content_of(where: SourcePartition, rules: IntakeRules, log: str) -> Content:
    """What is made of the records of `where`."""
    findings = Findings(where, rules)
    if where.topic == TRADES:
        return CountedTrades(findings, log, lean_trades(rules.sources[where.topic]))
    return StatedRecords(findings)
