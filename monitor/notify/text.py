"""The words of an alert that several channels share. Figures are the exact digits that were published, in threes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from monitor.core.attribution.story import that_changed, value_change
from monitor.core.values.wording import count_of, figure
from monitor.notify.alert import Alert
from monitor.notify.channel import Group

CAUSES_SHOWN = 5
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
_MEASURES = frozenset({"unit", "currency"})
_SHARES = frozenset({"coverage", "coverage_lower", "coverage_upper"})
_OF_UNIT = frozenset({"required", "held", "shortfall", "client_liability"})
_PLACES = frozenset({"event_id", "partition", "offset", "revision"})
"""Numbers that name something."""


def title(alert: Alert, firing: bool) -> str:
    """State, name and whom it concerns, in one line; a rehearsal says so first."""
    state = f"{alert.severity.upper()}" if firing else "RESOLVED"
    about = " ".join(part for part in (alert.alertname, alert.entity, alert.method, alert.subject) if part)
    return f"{'[REHEARSAL] ' if alert.rehearsal else ''}{state} {about}"


def summary(alert: Alert) -> str:
    """The alert's summary; of a rehearsal it says so first, where it does not yet."""
    marked = alert.rehearsal and not alert.summary.startswith("REHEARSAL")
    return f"REHEARSAL: {alert.summary}" if marked else alert.summary


def group_title(group: Group) -> str:
    """How many fire, and whom they concern, in one line; a rehearsal says so first."""
    worst, count = group.worst, len(group.standing)
    state = f"{worst.severity.upper()} {count_of(count, 'alert')}" if count else "RESOLVED all alerts of a group"
    about = " ".join(part for part in (worst.entity, worst.method or worst.alertname) if part)
    return f"{'[REHEARSAL] ' if worst.rehearsal else ''}{state} {about}"


def group_lines(group: Group, limit: int) -> list[str]:
    """What fires, one a line, the worst first; of more than `limit` how many follow."""
    lines = [f"{alert.severity} {alert.alertname} {alert.subject or ''}: {alert.summary}" for alert in group.standing[:limit]]
    return [*lines, f"and {len(group.standing) - limit} more"] if len(group.standing) > limit else lines


def page(status_url: str, alert: Alert) -> str:
    """Address of the status page of the alert's entity, for people; `/status/<entity>` is the same for programs.

    An alert of the dispatcher itself is in no journal and of no entity: the page of all.
    """
    if alert.value.get("journal") is None:
        return f"{status_url}/"
    return f"{status_url}/?entity={alert.entity}"


def board(boards_url: str, alert: Alert) -> str:
    """Address of the Grafana board of the alert's entity; of that of operations for an alert of the dispatcher itself."""
    place = "reserve-operations" if alert.value.get("journal") is None else f"reserve-entity?var-entity={alert.entity}"
    return f"{boards_url.rstrip('/')}/d/{place}"


def figures(alert: Alert) -> dict[str, str]:
    """Name and figure of all that was published with the alert: shares in percent, all else with its unit and digits in threes.

    What is not known says `unknown`.
    """
    found = alert.value.get("figures")
    if not isinstance(found, Mapping):
        return {}
    return {name: _figure(name, found) for name in found if name not in _MEASURES}


def _figure(name: str, found: Mapping[str, Any]) -> str:
    """A number in what it is counted in; any other text as it is."""
    value = found[name]
    if value is None:
        return "unknown"
    if name in _PLACES or not _NUMBER.fullmatch(str(value)):
        return str(value)
    unit = "1" if name in _SHARES else found.get("unit") if name in _OF_UNIT else None
    return figure(str(value), str(unit or found.get("currency") or "")).rstrip()


def causes(alert: Alert) -> list[str]:
    """The events that caused the change, one a line; of more than five the first five and how many there are."""
    told = alert.value.get("causes")
    if not isinstance(told, list):
        return []
    found = that_changed([one for one in told if isinstance(one, Mapping)])
    lines = [_cause(one) for one in found[:CAUSES_SHOWN]]
    return [*lines, f"and {len(found) - CAUSES_SHOWN} more"] if len(found) > CAUSES_SHOWN else lines


def _cause(cause: Mapping[str, Any]) -> str:
    event = cause.get("event_id")
    place = f"{cause.get('topic')} partition {cause.get('partition')} offset {cause.get('offset')}"
    told, change = f"{event} ({place})" if event else place, value_change(cause)
    return f"{told}: {change}" if change else told


def clipped(text: str, limit: int) -> str:
    """`text` within `limit` characters."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
