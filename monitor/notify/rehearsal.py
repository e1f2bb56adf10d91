"""A marked alert that tests a channel: it looks like every other, and says at every place that it is a rehearsal."""

from __future__ import annotations

from monitor.core.alerts.life import Identity
from monitor.core.values.times import SECOND, format_time
from monitor.notify.alert import SCHEMA, Alert, alert_of

ALERTNAME = "DeliveryTest"
RULE = "delivery_test"


def rehearsal(channel: str, installation: str, severity: str, began_ns: int, ended_ns: int | None = None) -> Alert:
    """The test alert of a channel: firing since `began_ns`, or resolved at `ended_ns`. In no topic, in no chain."""
    firing = ended_ns is None
    now = began_ns if ended_ns is None else ended_ns
    return alert_of(
        {
            "schema": SCHEMA,
            "fingerprint": Identity(ALERTNAME, installation, None, RULE, channel).fingerprint,
            "alertname": ALERTNAME,
            "entity": installation,
            "method": None,
            "rule": RULE,
            "subject": channel,
            "severity": severity,
            "status": "firing" if firing else "resolved",
            "revision": began_ns // SECOND if firing else began_ns // SECOND + 1,
            "starts_at": format_time(began_ns),
            "updated_at": format_time(now),
            "ends_at": None if firing else format_time(now),
            "cure_by": None,
            "summary": f"Test of the channel {channel}: nothing has happened",
            "description": "Sent by `reserve-monitor alerts test`. No reserve is short; the resolve follows by itself.",
            "runbook_url": "",
            "figures": {},
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
