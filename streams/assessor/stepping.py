"""A journal record that the engine cannot take: which it is, and the operation that steps over it (JOURNAL 1).

No record that intake accepts should be one. Should one be all the same, its partition stands still until a person says, on
record, that it goes on without it: a `dismissal` of the journal record, behind it in the same journal partition. So whoever
reads that journal again stops at the same place and goes on for the same reason.
"""

from __future__ import annotations

from monitor.core.journal.records import JournalRecord
from monitor.core.journal.vocabulary import JOURNAL


def stuck_on(record: JournalRecord, partition: int, error: Exception) -> str:
    """The record the engine failed on, why, and what to do next."""
    statement, source = record.statement, record.statement.source
    whose = "" if statement.entity is None else f" of {statement.entity}"
    place = "" if source is None else f", from {source.where.topic}/{source.where.epoch}/{source.where.partition}"
    offset = "" if source is None or source.offset is None else f"/{source.offset}"
    return (
        f"the engine cannot take journal record {partition}/{record.offset} ({statement.kind}{whose}{place}{offset}): {error!r}; "
        f"to go on without it: reserve-monitor dlq dismiss {JOURNAL}/0/{partition}/{record.offset} "
        f"--entity {statement.entity or 'ENTITY'} --reason WHY"
    )
