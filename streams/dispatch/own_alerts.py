"""The dispatcher's own alerts: no outputs of the engine, so in no chain and in no topic but the record of what was told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from monitor.core.alerts.life import Identity
from monitor.core.values.times import SECOND, format_time
from monitor.notify.alert import SCHEMA, Alert, alert_of
from monitor.notify.channel import Beat
from streams.progress import Pulse

WATCHDOG = "DispatcherWatchdog"
"""Not `Watchdog`: Prometheus sends that one, and as one alert either of them would hide that the other has stopped."""

HEARTBEAT = "EvaluationHeartbeat"
HEARTBEAT_VALID_NS = 180 * SECOND
"""An entity is evaluated every 60 s at least (the journal's ticks); three of them missed end its sign of life."""


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


class SignsOfLife:
    """What stands while all is well: that alerts get through, and that each entity is evaluated.

    `pulse` is asked at each sign, so it may know its entities later; None in a process that evaluates nothing.
    """

    def __init__(self, pulse: Pulse | None) -> None:
        self._pulse = pulse
        self._started_at = ""

    def began(self, now_ns: int) -> None:
        """The dispatcher has started."""
        self._started_at = format_time(now_ns)

    def signs(self, now_ns: int, refresh_s: float) -> list[Beat]:
        """The watchdog's, valid for three refreshes, and one of each entity whose newest evaluation is not too long ago."""
        pulse = {} if self._pulse is None else self._pulse()
        fresh = [(entity, at) for entity, at in sorted(pulse.items()) if at + HEARTBEAT_VALID_NS > now_ns]
        return [self._watchdog(now_ns + int(3 * refresh_s * SECOND)), *(self._heartbeat(entity, at) for entity, at in fresh)]

    def _watchdog(self, valid_until: int) -> Beat:
        return Beat(
            WATCHDOG,
            None,
            self._started_at,
            valid_until,
            "The dispatcher reads the alerts and reaches this Alertmanager",
            "Always firing. Route it to a dead-man's switch outside: when it stays away, alerts do not get through.",
        )

    def _heartbeat(self, entity: str, evaluated: int) -> Beat:
        return Beat(
            HEARTBEAT,
            entity,
            self._started_at,
            evaluated + HEARTBEAT_VALID_NS,
            f"The reserve of {entity} is being evaluated",
            f"Always firing while the calculation moves; last evaluation at {format_time(evaluated)}.",
        )
