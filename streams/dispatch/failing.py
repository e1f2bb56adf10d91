"""`AlertDeliveryFailing`: the dispatcher's own alert that a channel cannot be told, told through all the others.

It is no output of the engine: it stands in no chain and in no topic but the record of what was told. Its life is that of
the failure: it begins when a change waits longer than `undelivered_after_s` or is refused, and ends when all is told.
"""

from __future__ import annotations

from collections.abc import Sequence

from monitor.core.alerts.life import Identity
from monitor.notify.alert import Alert
from monitor.notify.channel import Told
from streams.dispatch.lane import Lane
from streams.dispatch.own_alerts import Began, Said, next_state, own_alert

ALERTNAME = "AlertDeliveryFailing"
RULE = "alert_delivery_failing"


class Failures:
    """Watches the lanes. `installation` (the prefix of the Kafka groups) stands as the alert's entity."""

    def __init__(self, lanes: Sequence[Lane], installation: str, runbook_base_url: str) -> None:
        self._lanes = lanes
        self._installation = installation
        self._runbook_base_url = runbook_base_url
        self._failing: dict[str, Began] = {}

    def fingerprint(self, channel: str) -> str:
        """The alert's fingerprint for a channel."""
        return self._identity(channel).fingerprint

    def _identity(self, channel: str) -> Identity:
        return Identity(ALERTNAME, self._installation, None, RULE, channel)

    def recall(self) -> None:
        """After a start: what the channels were told before goes on, and ends when it is no longer so."""
        for failing in self._lanes:
            told = self._told(failing.name)
            if told is not None and failing.name not in self._failing:
                self._failing[failing.name] = Began(told.starts_at, told.revision)

    def watch(self, now_ns: int) -> None:
        """Tell the other channels of each failure that began or ended. Call it every few seconds."""
        for lane in self._lanes:
            known = self._failing.get(lane.name)
            if lane.failing == (known is not None):
                continue
            failure = next_state(known, now_ns)
            if known is None:
                self._failing[lane.name] = failure
            else:
                del self._failing[lane.name]
            alert = self._alert(lane, failure, now_ns, firing=known is None)
            for other in self._lanes:
                if other is not lane:
                    other.offer(alert)

    def _told(self, channel: str) -> Told | None:
        """The newest that any channel was told of a failure of `channel`, if that was that it fails."""
        key = self.fingerprint(channel)
        told = [lane.told[key] for lane in self._lanes if key in lane.told]
        newest = max(told, key=lambda one: one.revision, default=None)
        return newest if newest is not None and newest.firing else None

    def _alert(self, lane: Lane, failure: Began, now_ns: int, *, firing: bool) -> Alert:
        detail = lane.last_failure or next(iter(lane.refused.values()), None)
        figures = {"pending": str(lane.pending), "refused": str(len(lane.refused))}
        said = (
            Said(
                f"Alerts do not reach the channel {lane.name}",
                f"{lane.pending} alert(s) wait, {len(lane.refused)} refused. Last: {detail}",
                figures,
            )
            if firing
            else Said(
                f"Alerts reach the channel {lane.name} again", "Everything that was still relevant has been delivered.", figures
            )
        )
        identity = self._identity(lane.name)
        return own_alert(identity, failure, now_ns, said, firing=firing, runbook_base_url=self._runbook_base_url)
