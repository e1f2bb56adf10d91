"""Who may approve what, and whether an act of people was approved by two of them (section `controls`, CONTRACT 7).

An operation that needs two people carries their `signatures` in its journal body: [{`by`, `key`, `signature`, `right`}].
Whether a signature is right is a fact about the record alone, which intake puts on record and a verifier finds again; who
may sign, and whether the two are two, is judged here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from monitor.core.journal.vocabulary import ApprovalRefusal, ControlledChange
from monitor.core.values.times import parse_time

SIGNATURES_NEEDED = 2


@dataclass(frozen=True, slots=True)
class Controls:
    """`approvers`: public key (as text) by identity. `approvals`: journal bodies of promotions that the configuration carries."""

    approvers: Mapping[str, str] = field(default_factory=dict)
    four_eyes: frozenset[ControlledChange] = frozenset()
    approvals: tuple[Mapping[str, Any], ...] = ()

    def refusal(self, body: Mapping[str, Any], at: int) -> ApprovalRefusal | None:
        """Why the operation with this journal body is not approved by two people at `at` (ns); None where it is."""
        if not self.approvers:
            return "no_approvers"
        signatures = body.get("signatures", ())
        for one in signatures:
            if (found := self._fault(one, body["by"])) is not None:
                return found
        if len({one["key"] for one in signatures}) < min(len(signatures), SIGNATURES_NEEDED):
            return "same_key"
        if len(signatures) < SIGNATURES_NEEDED:
            return "too_few_signatures"
        expires_at = body["expires_at"]
        return "expired" if expires_at is not None and at >= parse_time(expires_at) else None

    def dismissal_refusal(self, body: Mapping[str, Any], at: int) -> ApprovalRefusal | None:
        """Why a dismissal does not count at `at` (ns); None where it does, also where one person may dismiss."""
        return self.refusal(body, at) if "dismissals" in self.four_eyes else None

    def _fault(self, one: Mapping[str, Any], named: list[str]) -> ApprovalRefusal | None:
        if one["right"] is not True:
            return "bad_signature"
        if self.approvers.get(one["by"]) != one["key"]:
            return "unknown_key"
        return None if one["by"] in named else "not_named"


def parse_controls(raw: Mapping[str, Any] | None) -> Controls:
    """The section of a configuration's content; a record of an earlier release, or of a site without it, has none."""
    if raw is None:
        return Controls()
    return Controls(dict(raw["approvers"]), frozenset(raw["four_eyes"]), tuple(raw["approvals"]))


def dismissed_alert(operation: Mapping[str, Any], controls: Controls, at: int) -> str | None:
    """The fingerprint of the alert that an operation read at `at` (ns) ends; None where it ends none, or may not."""
    if operation["kind"] != "dismissal" or controls.dismissal_refusal(operation, at) is not None:
        return None
    alert = operation["body"].get("alert")
    return None if alert is None else str(alert)
