"""How what is broken or not known clears: in words, from the published record alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from monitor.core.values.wording import figure

_GAP_ENDS = {
    "price_missing": "a price of {subject} arrives",
    "price_stale": "a newer price of {subject} arrives",
    "price_outlier": "a second source, a later price or a person confirms the price of {subject}, or another one replaces it",
    "position_missing": "a position in the role {subject} arrives",
    "position_stale": "every account of {subject} reports within its limit again",
    "position_outlier": "a second position or a person confirms what {subject} says, or another one replaces it",
    "declaration_missing": "{subject} is declared",
    "source_behind": "{subject} says something of now",
    "source_silent": "anything arrives from {subject}",
    "source_unhealthy": "the share of refused records of {subject} falls below its limit",
    "record_rejected": "a newer valid record of the same thing arrives, or the dead letter is requeued or dismissed",
    "records_lost": "the hole in {subject} is filled or dismissed as the runbook says",
    "group_incomplete": "the members of the group that are missing arrive, or it is dismissed",
    "quantity_unknown": "a revision of {subject} says what was lost",
    "window_short": "{subject} has history as long as the rule asks",
    "parameter_null": "{subject} has a number: the pack of the method is renewed",
    "not_in_force": "{subject} is in force",
    "no_rate": "the pack of the method has a rate for {subject}",
    "asset_ambiguous": "`assets` of the configuration says what {subject} is, or no longer ignores what is owed",
    "keys_unsafe": "the records of {subject} are keyed as `topics check` says, and the epoch is raised or the last one dismissed",
}


def component_clears(component: Mapping[str, Any]) -> str:
    """What a broken component asks before it is met again."""
    name, unit = component["name"], component["unit"]
    if component["state"] == "unknown" or component["required"] is None or component["held"] is None:
        return f"{name} is decided once what it reads is known"
    low = component["bound"] == "min"
    wanted = f"{'at least' if low else 'at most'} {figure(component['required'], unit)}"
    far = component["shortfall"] if unit != "1" else None
    missing = f", {figure(far, unit)} {'more' if low else 'less'} than now" if far not in {None, "0"} else ""
    cure = f", by {component['cure_by']}" if component["cure_by"] else ""
    return f"{name} is met with {wanted}{missing}{cure}"


def gap_ends(gap: Mapping[str, Any]) -> str:
    """What ends a gap."""
    ends = _GAP_ENDS.get(gap["kind"], "{subject} is known")
    return f"{gap['kind']} {gap['subject']} ends when {ends.format(subject=gap['subject'] or 'it')}"


def clears(value: Mapping[str, Any]) -> Iterator[str]:
    """All that has to happen before an assessment is adequate."""
    broken = (one for one in value["components"] if one["state"] not in {"adequate", "not_applicable"})
    yield from (component_clears(one) for one in broken)
    yield from (gap_ends(gap) for gap in value["gaps"])
