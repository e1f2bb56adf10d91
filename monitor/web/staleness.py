"""What an answer says once the calculation behind it no longer moves: nothing is known any more (CONTRACT 7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from monitor.core.journal.vocabulary import WORST_FIRST
from monitor.core.values.times import SECOND, parse_time

STALE_AFTER_S = 30.0
"""Default of `http.stale_after_s`; an idle partition ticks three times as often."""


def judged(status: Mapping[str, Any], now_ns: int, stale_after_s: float) -> Mapping[str, Any]:
    """The status object as it is to be believed at `now_ns`.

    Older than `stale_after_s` every state is `unknown`, with `was` beside it and `stale_since`, the time of the newest
    evaluation; the figures stay, as the last that were known.
    """
    if now_ns - parse_time(status["at"]) <= stale_after_s * SECOND:
        return status
    since = status["at"]
    methods = [_unknown(assessment, since) for assessment in status["methods"]]
    return {**status, "state": "unknown", "was": worst_state(status["methods"]), "stale_since": since, "methods": methods}


def worst_state(assessments: Sequence[Mapping[str, Any]]) -> str:
    """The worst state of the methods in force, and where there are none of all; `unknown` without any."""
    binding = [one for one in assessments if one["mode"] == "in_force"] or assessments
    return min((str(one["state"]) for one in binding), key=WORST_FIRST.index, default="unknown")


def _unknown(assessment: Mapping[str, Any], since: str) -> dict[str, Any]:
    return {**assessment, "state": "unknown", "was": assessment["state"], "stale_since": since}
