"""The operation that steps over a journal record which no engine can take (JOURNAL 1): the engine and verifiers ask the same."""

from __future__ import annotations

from monitor.core.journal.records import Statement
from monitor.core.journal.vocabulary import JOURNAL


def steps_over(statement: Statement, partition: int) -> int | None:
    """The offset in a journal partition of the record that this one steps over; None where it is no such operation."""
    if statement.kind != "operation" or statement.body["kind"] != "dismissal":
        return None
    body = statement.body["body"]
    offset = body.get("offset")
    return offset if (body.get("topic"), body.get("partition")) == (JOURNAL, partition) and type(offset) is int else None
