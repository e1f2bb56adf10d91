"""The earliest event time a journal record speaks of: which closed days it may change (JOURNAL 2, Corrections)."""

from __future__ import annotations

from monitor.core.journal.records import Statement
from monitor.core.values.times import parse_time

_FIELDS = {
    "position": "as_of",
    "price": "as_of",
    "declaration": "effective_from",
    "incident": "occurred_at",
    "bust": "executed_at",
}


def event_time_of(statement: Statement) -> int | None:
    """Event time in ns of an event, for a flow its earliest hour; None for records that are not about an instant."""
    if statement.kind == "flow":
        hours = [parse_time(hour) for hour in {cell["hour"] for cell in statement.body["cells"]}]
        return min(hours, default=None)
    name = _FIELDS.get(statement.kind)
    return None if name is None else parse_time(statement.body[name])
