"""Every source topic but trades: each record is stated by itself.

The statements are upserts: what a zombie or a restarted worker says again changes nothing.
"""

from __future__ import annotations

from monitor.core.journal.records import Source, Statement
from monitor.core.values.times import from_ms
from streams.intake.segment.batches import clamped
from streams.intake.segment.content import Content
from streams.intake.segment.events import Events
from streams.wire import Invalid, Trade, is_late


class StatedRecords(Content):
    """Records that the authority judges one by one: every valid one becomes one statement.

    Prices too, all of them: which is the newest before an instant within a second decides what an incident is worth.
    """

    def take_in(self, events: Events, now: int) -> None:
        findings, batch = self.findings, events.batch
        source_format = findings.rules.sources[findings.where.topic]
        for row in range(events.begin, events.end):
            logged_at = from_ms(clamped(batch.times_ms[row]))
            verdict = events.verdict(row, logged_at)
            if isinstance(verdict, Invalid):
                findings.refuse(events, row, verdict, now)
                continue
            if isinstance(verdict, Trade):
                raise TypeError(f"{findings.where.topic} gave a trade")
            if is_late(source_format, verdict.event_time, logged_at):
                findings.counts.late += 1
            else:
                findings.counts.applied += 1
            source = Source(findings.where, offset=batch.offsets[row], index=events.index(row))
            auth = events.auth(row)
            findings.state(Statement(verdict.kind, verdict.entity, now, verdict.body, source, logged_at, auth=auth))
