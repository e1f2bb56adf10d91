"""Every source topic but trades: each record is stated by itself.

The statements are upserts: what a zombie or a restarted worker says again changes nothing.
"""

from __future__ import annotations

from monitor.core.journal.records import Source, Statement
from monitor.core.values.times import from_ms
from streams.intake.segment.batches import Batch, clamped
from streams.intake.segment.content import Content
from streams.wire import Invalid, Trade, is_late


class StatedRecords(Content):
    """Records that the authority judges one by one: every valid one becomes one statement.

    Prices too, all of them: which is the newest before an instant within a second decides what an incident is worth.
    """

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
            findings.state(Statement(verdict.kind, verdict.entity, now, verdict.body, source, logged_at))
