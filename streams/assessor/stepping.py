"""A journal record that the engine cannot take: which it is, and the operation that steps over it (JOURNAL 1).

No record that intake accepts should be one. Should one be all the same, its partition stands still until a person says, on
record, that it goes on without it: a `dismissal` of the journal record, behind it in the same journal partition. So whoever
reads that journal again stops at the same place and goes on for the same reason.
"""

from __future__ import annotations

from monitor.core.configuration.controls import Controls
from monitor.core.journal.records import JournalRecord, Statement
from monitor.core.journal.vocabulary import JOURNAL


def steps_over(statement: Statement, partition: int, offset: int, controls: Controls) -> bool:
    """Whether a record is the operation that steps over the journal record at (partition, offset).

    Where dismissals need two people, it is judged at the instant at which it was written.
    """
    if statement.kind != "operation" or statement.body["kind"] != "dismissal":
        return False
    if controls.dismissal_refusal(statement.body, statement.at) is not None:
        return False
    body = statement.body["body"]
    return (body.get("topic"), body.get("partition"), body.get("offset")) == (JOURNAL, partition, offset)


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
