"""The alert as channels see it: the `reserve.alert/1` object of the topic, read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from monitor.core.journal.vocabulary import ALERT_STATUSES, SEVERITIES
from monitor.core.values.canonical import canonical_bytes
from monitor.core.values.times import parse_time
from monitor.nesting import json_of

SCHEMA = "reserve.alert/1"


class BadAlert(ValueError):
    """The bytes are not an alert of a version this release reads."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One state of one alert. Times are RFC 3339 text as published; `value` is the whole published object, `body` its bytes."""

    fingerprint: str
    alertname: str
    entity: str
    method: str | None
    rule: str
    subject: str | None
    severity: str
    firing: bool
    revision: int
    starts_at: str
    updated_at: str
    ends_at: str | None
    cure_by: str | None
    summary: str
    description: str
    runbook_url: str
    reason: str
    shadow: bool
    rehearsal: bool
    value: Mapping[str, Any]
    body: bytes

    @property
    def updated_ns(self) -> int:
        """When this state began, in nanoseconds."""
        return parse_time(self.updated_at)

    @property
    def chain_place(self) -> tuple[str, int, str] | None:
        """Entity, sequence and digest in the entity's chain; None for an alert that is in no chain."""
        chain = self.value.get("chain")
        digest = self.value.get("digest")
        if not isinstance(chain, dict) or not isinstance(chain.get("sequence"), int) or not isinstance(digest, str):
            return None
        return self.entity, chain["sequence"], digest

    def labels(self, severity: str, rehearsal: bool) -> dict[str, str]:
        """The identity at Alertmanager (CONTRACT 2) with a severity and mark it has or had; what is null has no label."""
        labels = {
            "alertname": self.alertname,
            "entity": self.entity,
            "method": self.method,
            "rule": self.rule,
            "subject": self.subject,
            "severity": severity,
            "rehearsal": "true" if rehearsal else None,
        }
        return {name: text for name, text in labels.items() if text}


def alert_of(value: Mapping[str, Any]) -> Alert:
    """The alert in a decoded object; `BadAlert` when a field is missing or of another type."""
    return _checked(value, canonical_bytes(dict(value)))


def read_alert(body: bytes) -> Alert:
    """The alert in a record's bytes; `BadAlert` when it is none."""
    try:
        value = json_of(body)
    except ValueError as error:
        raise BadAlert(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise BadAlert("not a JSON object")
    return _checked(value, body)


def _checked(value: Mapping[str, Any], body: bytes) -> Alert:
    schema = value.get("schema")
    if schema != SCHEMA:
        raise BadAlert(f"schema is {schema!r}, this release reads {SCHEMA}")
    severity, status = _text(value, "severity"), _text(value, "status")
    if severity not in SEVERITIES or status not in ALERT_STATUSES:
        raise BadAlert(f"severity {severity!r} or status {status!r} is unknown")
    revision = value.get("revision")
    if type(revision) is not int:
        raise BadAlert(f"revision is {revision!r}, not an integer")
    return Alert(
        fingerprint=_text(value, "fingerprint"),
        alertname=_text(value, "alertname"),
        entity=_text(value, "entity"),
        method=_text_or_none(value, "method"),
        rule=_text(value, "rule"),
        subject=_text_or_none(value, "subject"),
        severity=severity,
        firing=status == "firing",
        revision=revision,
        starts_at=_time(value, "starts_at"),
        updated_at=_time(value, "updated_at"),
        ends_at=None if value.get("ends_at") is None else _time(value, "ends_at"),
        cure_by=_text_or_none(value, "cure_by"),
        summary=_text(value, "summary"),
        description=_text(value, "description"),
        runbook_url=_text(value, "runbook_url"),
        reason=_text(value, "reason"),
        shadow=value.get("mode") == "shadow",
        rehearsal=value.get("rehearsal") is True,
        value=value,
        body=body,
    )


def _text(value: Mapping[str, Any], name: str) -> str:
    found = value.get(name)
    if not isinstance(found, str):
        raise BadAlert(f"{name} is {found!r}, not text")
    return found


def _text_or_none(value: Mapping[str, Any], name: str) -> str | None:
    return None if value.get(name) is None else _text(value, name)


def _time(value: Mapping[str, Any], name: str) -> str:
    text = _text(value, name)
    try:
        parse_time(text)
    except ValueError as error:
        raise BadAlert(f"{name}: {error}") from error
    return text
