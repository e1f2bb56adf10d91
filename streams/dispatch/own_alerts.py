"""The dispatcher's own alerts: no outputs of the engine, so in no chain and in no topic but the record of what was told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from monitor.core.alerts.life import Identity
from monitor.core.values.times import SECOND, format_time
from monitor.notify.alert import SCHEMA, Alert, alert_of


@dataclass(frozen=True, slots=True)
class Began:
    """An own alert that fires: since when, and the revision it was last told at."""

    starts_at: str
    revision: int


def next_state(known: Began | None, now_ns: int) -> Began:
    """The state after a change: revisions are seconds, so that they rise over restarts without a memory."""
    revision = max(now_ns // SECOND, 0 if known is None else known.revision + 1)
    return Began(format_time(now_ns) if known is None else known.starts_at, revision)


@dataclass(frozen=True, slots=True)
class Said:
    """The texts and figures of one state."""

    summary: str
    description: str
    figures: Mapping[str, str]


def own_alert(identity: Identity, began: Began, now_ns: int, said: Said, *, firing: bool, runbook_base_url: str) -> Alert:
    """The alert as every channel takes it; critical, with no method and no evidence."""
    now = format_time(now_ns)
    value: dict[str, Any] = {
        "schema": SCHEMA,
        "fingerprint": identity.fingerprint,
        "alertname": identity.alertname,
        "entity": identity.entity,
        "method": None,
        "rule": identity.rule,
        "subject": identity.subject,
        "severity": "critical",
        "status": "firing" if firing else "resolved",
        "revision": began.revision,
        "starts_at": began.starts_at,
        "updated_at": now,
        "ends_at": None if firing else now,
        "cure_by": None,
        "summary": said.summary,
        "description": said.description,
        "runbook_url": f"{runbook_base_url}#{identity.alertname.lower()}",
        "figures": dict(said.figures),
        "causes": [],
        "reason": "entered" if firing else "recovered",
        "mode": None,
        "assessment_digest": None,
        "rehearsal": False,
        "journal": None,
        "chain": None,
        "digest": None,
    }
    return alert_of(value)
