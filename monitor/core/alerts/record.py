"""The one constructor of an alert's record (CONTRACT 2 `reserve.alerts`): all of it but its place in the chain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from monitor.core.alerts.life import Identity, Life
from monitor.core.journal.vocabulary import AlertReason
from monitor.core.values.canonical import digest_of
from monitor.core.values.times import format_time

SCHEMA = "reserve.alert/1"
_CHAINED = frozenset({"chain", "digest"})


@dataclass(frozen=True, slots=True)
class AlertContent:
    """What an alert shows: texts for people, figures as strings, and the cure date where there is one.

    `over`: summary and description once it has ended. `facts`: see `life.Finding`.
    """

    summary: str
    description: str
    figures: Mapping[str, str | None] = field(default_factory=dict)
    cure_by: str | None = None
    over: tuple[str, str] | None = None
    facts: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """Digest of all of it."""
        return digest_of([self.summary, self.description, dict(self.figures), self.cure_by])

    @staticmethod
    def of_record(record: Mapping[str, Any]) -> AlertContent:
        """What a record shows."""
        return AlertContent(record["summary"], record["description"], record["figures"], record["cure_by"])


@dataclass(frozen=True, slots=True)
class Draft:
    """A change to publish. `repeats`: the record that goes out again as it was; `caused_at` (ns): see `Output`."""

    identity: Identity
    life: Life
    reason: AlertReason
    content: AlertContent | None
    causes: list[dict[str, Any]]
    runbook_base_url: str
    caused_at: int | None = None
    repeats: Mapping[str, Any] | None = None


def alert_record(draft: Draft, assessment_digest: str | None, evidence: dict[str, Any], change: str = "") -> dict[str, Any]:
    """The record of a change; `evidence` says from what it was made, method and journal position among it.

    `change`: a sentence on what moved the figures of its assessment; the description ends with it.
    """
    if draft.repeats is not None:
        again = {name: value for name, value in draft.repeats.items() if name not in _CHAINED}
        return again | {"reason": draft.reason} | evidence
    own = _own(draft)
    if change:
        own["description"] = " ".join(filter(None, (own.get("description"), change)))
    return {"assessment_digest": assessment_digest} | own | {"result_digest": digest_of(own)} | evidence


def _own(draft: Draft) -> dict[str, Any]:
    life, content = draft.life, draft.content
    shown = {} if content is None else _shown(content, life)
    return {
        "schema": SCHEMA,
        "fingerprint": draft.identity.fingerprint,
        **asdict(draft.identity),
        "severity": life.severity,
        "status": life.status,
        "revision": life.revision,
        "starts_at": format_time(life.starts_at or 0),
        "updated_at": format_time(life.changed_at),
        "ends_at": None if life.ends_at is None else format_time(life.ends_at),
        "runbook_url": f"{draft.runbook_base_url}#{draft.identity.alertname.lower()}",
        "causes": draft.causes,
        "reason": draft.reason,
        "mode": life.mode,
        "rehearsal": life.rehearsal,
        **shown,
    }


def _shown(content: AlertContent, life: Life) -> dict[str, Any]:
    """Its texts. While it fires and is over for now it says that, not what no longer holds."""
    summary, description = content.summary, content.description
    over_for_now = life.status == "firing" and life.clear_since is not None
    if content.over is not None and (over_for_now or life.status == "resolved"):
        summary, description = content.over
        summary = f"{summary}; this alert ends if it stays so" if over_for_now else summary
    return {"summary": summary, "description": description, "figures": dict(content.figures), "cure_by": content.cure_by}
