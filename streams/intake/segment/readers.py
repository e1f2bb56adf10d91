"""Which reader a source topic has."""

from __future__ import annotations

from monitor.core.journal.records import SourcePartition
from monitor.core.journal.vocabulary import PRICES, TRADES
from streams.intake.segment.records import PriceReader, RecordReader
from streams.intake.segment.rules import IntakeRules
from streams.intake.segment.segments import SegmentReader
from streams.intake.segment.trades import TradeReader


def reader_of(where: SourcePartition, rules: IntakeRules, log: str, start: int) -> SegmentReader:
    """A reader of `where` that begins a segment at offset `start`; `log` names the log its records are of."""
    if where.topic == TRADES:
        return TradeReader(where, rules, log, start)
    if where.topic == PRICES:
        return PriceReader(where, rules, log, start)
    return RecordReader(where, rules, log, start)
