"""`AlertDeliveryFailing`: the dispatcher's own alert that a channel cannot be told, told through all the others.

It is no output of the engine: it stands in no chain and in no topic but the record of what was told. Its life is that of
the failure: it begins when a change waits longer than `undelivered_after_s` or is refused, and ends when all is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monitor.core.alerts.life import Identity
from monitor.core.values.times import SECOND, format_time
from monitor.notify.alert import SCHEMA, Alert, alert_of
from monitor.notify.channel import Told
from streams.dispatch.lane import Lane

ALERTNAME = "AlertDeliveryFailing"
RULE = "alert_delivery_failing"


@dataclass(slots=True)
class _Failure:
    starts_at: str
    revision: int


class Failures:
    """Watches the lanes. `installation` (the prefix of the Kafka groups) stands as the alert's entity."""

    def __init__(self, lanes: Sequence[Lane], installation: str, runbook_base_url: str) -> None:
        self._lanes = lanes
        self._installation = installation
        self._runbook = f"{runbook_base_url}#{ALERTNAME.lower()}"
        self._failing: dict[str, _Failure] = {}

    def fingerprint(self, channel: str) -> str:
        """The alert's fingerprint for a channel."""
        return Identity(ALERTNAME, self._installation, None, RULE, channel).fingerprint

    def recall(self) -> None:
        """After a start: what the channels were told before goes on, and ends when it is no longer so."""
        for failing in self._lanes:
            told = self._told(failing.name)
            if told is not None and failing.name not in self._failing:
                self._failing[failing.name] = _Failure(told.starts_at, told.revision)

    def watch(self, now_ns: int) -> None:
        """Tell the other channels of each failure that began or ended. Call it every few seconds."""
        for lane in self._lanes:
            known = self._failing.get(lane.name)
            if lane.failing == (known is not None):
                continue
            revision = max(now_ns // SECOND, 0 if known is None else known.revision + 1)
            failure = _Failure(format_time(now_ns) if known is None else known.starts_at, revision)
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

    def _alert(self, lane: Lane, failure: _Failure, now_ns: int, *, firing: bool) -> Alert:
        now = format_time(now_ns)
        detail = lane.last_failure or next(iter(lane.refused.values()), None)
        texts = (
            (
                f"Alerts do not reach the channel {lane.name}",
                f"{lane.pending} alert(s) wait, {len(lane.refused)} refused. Last: {detail}",
            )
            if firing
            else (f"Alerts reach the channel {lane.name} again", "Everything that was still relevant has been delivered.")
        )
        value: dict[str, Any] = {
            "schema": SCHEMA,
            "fingerprint": self.fingerprint(lane.name),
            "alertname": ALERTNAME,
            "entity": self._installation,
            "method": None,
            "rule": RULE,
            "subject": lane.name,
            "severity": "critical",
            "status": "firing" if firing else "resolved",
            "revision": failure.revision,
            "starts_at": failure.starts_at,
            "updated_at": now,
            "ends_at": None if firing else now,
            "cure_by": None,
            "summary": texts[0],
            "description": texts[1],
            "runbook_url": self._runbook,
            "figures": self._figures(lane),
            "causes": [],
            "reason": "entered" if firing else "recovered",
            "mode": None,
            "assessment_digest": None,
            "rehearsal": False,
            "journal": None,
            "chain": None,
            "digest": None,
        }
        return alert_of(value)

    def _figures(self, lane: Lane) -> Mapping[str, str]:
        return {"pending": str(lane.pending), "refused": str(len(lane.refused))}
