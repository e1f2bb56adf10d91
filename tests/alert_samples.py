"""Alerts in the form of `reserve.alert/1`."""

import time
from typing import Any

from monitor.core.alerts.life import Identity
from monitor.core.values.times import SECOND, format_time
from monitor.notify.alert import Alert, alert_of


def alert_value(**changes: Any) -> dict[str, Any]:
    """A published alert; `changes` replace fields, `fingerprint` follows the identity, `at` (ns) is the time of the change."""
    at = changes.pop("at", None) or time.time_ns() - 5 * SECOND
    identity = Identity(
        changes.get("alertname", "ReserveShortfall"),
        changes.get("entity", "jp-main"),
        changes.get("method", "jp.psa_custody"),
        changes.get("rule", "headline"),
        changes.get("subject"),
    )
    resolved = changes.get("status") == "resolved"
    value = {
        "schema": "reserve.alert/1",
        "fingerprint": identity.fingerprint,
        "alertname": identity.alertname,
        "entity": identity.entity,
        "method": identity.method,
        "rule": identity.rule,
        "subject": identity.subject,
        "severity": "critical",
        "status": "firing",
        "revision": 1,
        "starts_at": format_time(at if not resolved else at - 60 * SECOND),
        "updated_at": format_time(at),
        "ends_at": format_time(at) if resolved else None,
        "cure_by": "2026-01-09",
        "summary": "Reserve of jp-main is short by 25000000 JPY",
        "description": "Required 1850000000 JPY, available 1825000000 JPY.",
        "runbook_url": "https://runbooks.example/reserve#reserveshortfall",
        "figures": {"required": "1850000000", "available": "1825000000", "surplus": "-25000000", "coverage": None},
        "causes": [{"topic": "custody.balances", "epoch": 0, "partition": 3, "offset": 881, "event_id": "b-1"}],
        "reason": "recovered" if resolved else "entered",
        "mode": "in_force",
        "assessment_digest": "sha256:ab",
        "rehearsal": False,
        "journal": {"partition": 0, "offset": 12345},
        "config_digest": "sha256:cd",
        "chain": {"sequence": changes.get("revision", 1), "previous_digest": None},
        "digest": f"sha256:{changes.get('revision', 1)}",
    }
    return value | changes


def an_alert(**changes: Any) -> Alert:
    """The same, as channels see it."""
    return alert_of(alert_value(**changes))
