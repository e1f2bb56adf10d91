"""Every source topic but trades: each record is stated by itself, prices at most once a second of own time (JOURNAL 9).

The statements are upserts: what a zombie or a restarted worker says again changes nothing.
"""

from __future__ import annotations

from monitor.core.journal.records import Source, SourcePartition, Statement
from monitor.core.values.times import SECOND, from_ms
from streams.intake.segment.rules import IntakeRules
from streams.intake.segment.segments import Addressed, Batch, Segment, SegmentReader, clamped
from streams.wire import Invalid, Trade, Valid, is_late

_PriceKey = tuple[str, str, str, str, int]


class RecordReader(SegmentReader):
    """A partition of balances, incidents, declarations or operations: every valid record becomes one statement."""

    def __init__(self, where: SourcePartition, rules: IntakeRules, log: str, start: int) -> None:
        self._source = rules.sources[where.topic]
        super().__init__(where, rules, log, start)

    def _opened(self, segment: Segment, time_ms: int) -> None:
        """Nothing depends on what lies before the segment."""

    def _take_in(self, batch: Batch, begin: int, end: int, now: int) -> None:
        counts = self.segment.counts
        for index in range(begin, end):
            logged_at = from_ms(clamped(batch.times_ms[index]))
            verdict = self.judge.verdict(batch.values[index], logged_at)
            if isinstance(verdict, Invalid):
                self._refuse(batch, index, verdict, now)
                continue
            if isinstance(verdict, Trade):
                raise TypeError(f"{self.where.topic} gave a trade")
            if is_late(self._source, verdict.own, logged_at):
                counts.late += 1
            else:
                counts.applied += 1
            source = Source(self.where, offset=batch.offsets[index])
            self._accept(verdict, Statement(verdict.kind, verdict.entity, now, verdict.body, source, logged_at))

    def _accept(self, _verdict: Valid, statement: Statement) -> None:
        self._state(statement)

    def _contents(self, _now: int, _upto: int) -> list[Addressed]:
        return []

    def _applied(self) -> dict[int, int]:
        return {}


class PriceReader(RecordReader):
    """`market.prices`: the newest price of a (asset, currency, kind, source) and second of own time, at each flush."""

    def __init__(self, where: SourcePartition, rules: IntakeRules, log: str, start: int) -> None:
        self._newest: dict[_PriceKey, tuple[tuple[int, int, int], Statement]] = {}
        super().__init__(where, rules, log, start)

    def _accept(self, verdict: Valid, statement: Statement) -> None:
        body = verdict.body
        key = (body["asset"], body["currency"], body["kind"], body["source"], verdict.own // SECOND)
        source = statement.source
        order = (verdict.own, statement.logged_at or 0, (source and source.offset) or 0)
        kept = self._newest.get(key)
        if kept is None or order > kept[0]:
            self._newest[key] = (order, statement)

    def _contents(self, _now: int, _upto: int) -> list[Addressed]:
        for _, statement in self._newest.values():
            self._state(statement)
        self._newest.clear()
        return self.take()
