"""`EvaluationStalled`: that nothing is evaluated, told by the dispatcher itself, since no alert can come from an engine then.

It goes straight to the channels, not through a topic: Kafka being away is the first reason for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from monitor.core.alerts.life import Identity
from streams.dispatch.lane import Lane
from streams.dispatch.own_alerts import Began, Said, next_state, own_alert

ALERTNAME = "EvaluationStalled"
RULE = "evaluation_stalled"

Standstill = Callable[[], str | None]
"""Why nothing is evaluated; an empty text when all is, None while that cannot be told."""


class Stall:
    """Tells every channel when evaluation stands still and when it moves again. `installation`: the prefix of the groups."""

    def __init__(self, lanes: Sequence[Lane], installation: str, runbook_base_url: str, standstill: Standstill) -> None:
        self._lanes = lanes
        self._identity = Identity(ALERTNAME, installation, None, RULE, None)
        self._runbook_base_url = runbook_base_url
        self._standstill = standstill
        self._began: Began | None = None

    def recall(self) -> None:
        """After a start: what a channel was told before goes on until evaluation is seen to move."""
        told = [lane.told[self._identity.fingerprint] for lane in self._lanes if self._identity.fingerprint in lane.told]
        newest = max(told, key=lambda one: one.revision, default=None)
        if self._began is None and newest is not None and newest.firing:
            self._began = Began(newest.starts_at, newest.revision)

    def watch(self, now_ns: int) -> None:
        """Tell the channels of a standstill that began or ended. Call it every few seconds."""
        why = self._standstill()
        if why is None or bool(why) == (self._began is not None):
            return
        began = next_state(self._began, now_ns)
        self._began = began if why else None
        said = (
            Said("No reserve is being evaluated", f"What is known of the reserves is out of date: {why}.", {})
            if why
            else Said("The reserves are being evaluated again", "Every entity's evaluation is up to the present.", {})
        )
        alert = own_alert(self._identity, began, now_ns, said, firing=bool(why), runbook_base_url=self._runbook_base_url)
        for lane in self._lanes:
            lane.offer(alert)
