"""Marked alerts that are no alerts: they test a channel or rehearse a shortage, and say at every place what they are.

Their fingerprint is that of no real alert: rule and subject are the rehearsal's own. They are in no topic and in no chain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from monitor.core.alerts.life import Identity
from monitor.core.values.times import SECOND, format_time
from monitor.notify.alert import SCHEMA, Alert, alert_of

ALERTNAME = "DeliveryTest"
RULE = "delivery_test"
SHORTAGE_RULE = "rehearsal"


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """What a rehearsal says: whom it concerns, how grave it is, and its words."""

    identity: Identity
    severity: str
    summary: str
    description: str
    figures: Mapping[str, Any] = field(default_factory=dict)

    def at(self, began_ns: int, ended_ns: int | None = None) -> Alert:
        """The alert: firing since `began_ns`, or resolved at `ended_ns`."""
        firing = ended_ns is None
        now = began_ns if ended_ns is None else ended_ns
        one = self.identity
        return alert_of(
            {
                "schema": SCHEMA,
                "fingerprint": one.fingerprint,
                "alertname": one.alertname,
                "entity": one.entity,
                "method": one.method,
                "rule": one.rule,
                "subject": one.subject,
                "severity": self.severity,
                "status": "firing" if firing else "resolved",
                "revision": began_ns // SECOND if firing else began_ns // SECOND + 1,
                "starts_at": format_time(began_ns),
                "updated_at": format_time(now),
                "ends_at": None if firing else format_time(now),
                "cure_by": None,
                "summary": self.summary,
                "description": self.description,
                "runbook_url": "",
                "figures": dict(self.figures),
                "causes": [],
                "reason": "entered" if firing else "ended",
                "mode": None,
                "assessment_digest": None,
                "rehearsal": True,
                "journal": None,
                "chain": None,
                "digest": None,
            }
        )


def delivery_test(channel: str, installation: str, severity: str) -> Rehearsed:
    """The test of a channel."""
    return Rehearsed(
        Identity(ALERTNAME, installation, None, RULE, channel),
        severity,
        f"Test of the channel {channel}: nothing has happened",
        "Sent by `reserve-monitor alerts test`. No reserve is short; the resolve follows by itself.",
    )


def shortage(entity: str, title: str, outcome: Mapping[str, Any]) -> Rehearsed:
    """One method as a scenario would leave it: `outcome` is that of printed.outcome_object."""
    after, currency = outcome["after"], outcome["currency"]
    broken = ", ".join(outcome["broken"]) or "no rule that is not broken already"
    figures = {name: after[name] for name in ("required", "available", "surplus", "coverage")}
    return Rehearsed(
        Identity("ReserveShortfall", entity, outcome["method"], SHORTAGE_RULE, outcome["scenario"]),
        "critical",
        f"REHEARSAL: {entity} under {outcome['method']} as if: {title}. Nothing has happened",
        f"REHEARSAL of `reserve-monitor rehearse`: as if {title}, {outcome['method']} would be {after['state']} and these rules "
        f"would break: {broken}. The figures are those of the scenario, in {currency}; the book, the record and real alerts are "
        "untouched, and the end follows by itself.",
        figures | {"currency": currency, "state": after["state"]},
    )
