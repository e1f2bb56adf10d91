"""Every source topic but trades: each record is stated by itself, prices at most once a second of own time (JOURNAL 9).

The statements are upserts: what a zombie or a restarted worker says again changes nothing.
"""

from __future__ import annotations

from abc import abstractmethod

from monitor.core.journal.records import Source, Statement
from monitor.core.values.times import SECOND, from_ms
from streams.intake.segment.batches import Addressed, Batch, clamped
from streams.intake.segment.content import Content, Findings
from streams.wire import Invalid, Trade, Valid, is_late

_PriceKey = tuple[str, str, str, str, int]


class JudgedRecords(Content):
    """Records that the authority judges one by one; what becomes of a valid one, `accept` says."""

    def take_in(self, batch: Batch, begin: int, end: int, now: int) -> None:
        findings = self.findings
        source_format = findings.rules.sources[findings.where.topic]
        for index in range(begin, end):
            logged_at = from_ms(clamped(batch.times_ms[index]))
            verdict = findings.judge.verdict(batch.values[index], logged_at)
            if isinstance(verdict, Invalid):
                findings.refuse(batch, index, verdict, now)
                continue
            if isinstance(verdict, Trade):
                raise TypeError(f"{findings.where.topic} gave a trade")
            if is_late(source_format, verdict.own, logged_at):
                findings.counts.late += 1
            else:
                findings.counts.applied += 1
            source = Source(findings.where, offset=batch.offsets[index])
            self.accept(verdict, Statement(verdict.kind, verdict.entity, now, verdict.body, source, logged_at))

    @abstractmethod
    def accept(self, verdict: Valid, statement: Statement) -> None:
        """Take a valid record and what it states."""


class StatedRecords(JudgedRecords):
    """Balances, incidents, declarations and operations: every valid record becomes one statement."""

    def accept(self, verdict: Valid, statement: Statement) -> None:  # noqa: ARG002 - all is in the statement
        self.findings.state(statement)


class ConflatedPrices(JudgedRecords):
    """`market.prices`: the newest price of a (asset, currency, kind, source) and second of own time, at each flush."""

    def __init__(self, findings: Findings) -> None:
        super().__init__(findings)
        self._newest: dict[_PriceKey, tuple[tuple[int, int, int], Statement]] = {}

    def accept(self, verdict: Valid, statement: Statement) -> None:
        body = verdict.body
        key = (body["asset"], body["currency"], body["kind"], body["source"], verdict.own // SECOND)
        source = statement.source
        order = (verdict.own, statement.logged_at or 0, (source and source.offset) or 0)
        kept = self._newest.get(key)
        if kept is None or order > kept[0]:
            self._newest[key] = (order, statement)

    def said(self, now: int, start: int, upto: int) -> list[Addressed]:  # noqa: ARG002 - each carries its own place
        for _, statement in self._newest.values():
            self.findings.state(statement)
        self._newest.clear()
        return self.findings.take()
