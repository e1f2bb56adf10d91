"""PagerDuty Events v2: trigger and resolve by fingerprint, a group by its key; acknowledging is never ours.

The vendor's client is synchronous, so each attempt runs in a thread. Its own retries are off: they would hold the lane
and hide what happens; 400 is final, all else is tried again by the dispatcher.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping, Sequence
from typing import Any, Self

import pagerduty

from monitor.notify import text
from monitor.notify.alert import Alert
from monitor.notify.channel import Beat, Group, Notice, Receipt, Refused, Undelivered
from monitor.notify.http import failure, read_secret
from monitor.notify.settings import NO_LINKS, Links, PagerDutySettings

_SUMMARY = 1024
_LISTED = 200
_RETRIED_INSIDE = (429, 500, 502, 503, 504)


class _Client(pagerduty.EventsApiV2Client):
    """The vendor's client, which takes plain HTTP too: the settings allow that at a loopback address alone."""

    @property
    def url(self) -> str:
        return self._base

    @url.setter
    def url(self, address: str) -> None:
        self._base = address


class PagerDutyChannel:
    """One routing key. A resolve goes through the same key, else it would be dropped."""

    refresh_s = None
    ends_disturb = True

    def __init__(self, name: str, settings: PagerDutySettings, links: Links = NO_LINKS) -> None:
        self.name = name
        self._settings = settings
        self._links = links
        self._client: tuple[str, _Client] | None = None

    @property
    def grouping(self) -> Self:
        """Many alerts are better told as one."""
        return self

    async def deliver(self, notice: Notice) -> Receipt:
        """Trigger or resolve; acceptance is the service's 202 with the key."""
        event = trigger_event(notice.alert, self._links) if notice.firing else None
        return await self._enqueue(notice.alert.fingerprint, event)

    async def deliver_group(self, group: Group) -> Receipt:
        """One incident with the worst, the others as its details; it is resolved when the last is over.

        What happens to the others in between is no news to a pager, unless it is graver.
        """
        if not group.standing:
            return await self._enqueue(group.key, None)
        graver = any(n.firing and (n.told is None or n.told.severity != n.alert.severity) for n in group.changed)
        if group.begun and not graver:
            return Receipt()
        return await self._enqueue(group.key, group_event(group, self._links))

    async def _enqueue(self, dedup_key: str, event: Mapping[str, Any] | None) -> Receipt:
        """Trigger with an event, resolve without one."""
        routing_key = read_secret(self._settings.routing_key_file)
        action = "resolve" if event is None else "trigger"
        try:
            await asyncio.to_thread(self._send, routing_key, action, dedup_key, event or {})
        except pagerduty.Error as error:
            raise _failure(error) from error
        return Receipt()

    async def refresh(self, standing: Sequence[Notice], beats: Sequence[Beat]) -> int:  # noqa: ARG002 - nothing is told again
        """Nothing: PagerDuty remembers."""
        return 0

    async def close(self) -> None:
        """End connections."""
        client, self._client = self._client, None
        if client is not None:
            client[1].close()

    def _send(self, routing_key: str, action: str, dedup_key: str, event: Mapping[str, Any]) -> None:
        self._client_for(routing_key).send_event(action, dedup_key=dedup_key, **event)

    def _client_for(self, routing_key: str) -> _Client:
        if self._client is None or self._client[0] != routing_key:
            client = _Client(routing_key, base_url=self._settings.url)
            client.timeout = math.ceil(self._settings.timeout_s)
            client.max_network_attempts = 0
            client.max_http_attempts = -1  # below the count of attempts before the first one: every answer is given back
            client.retry = dict.fromkeys(_RETRIED_INSIDE, 1)
            client.sleep_timer = 0
            self._client = routing_key, client
        return self._client[1]


def trigger_event(alert: Alert, to: Links) -> dict[str, Any]:
    """Payload and links of a trigger event in the vendor's fields."""
    details = {
        "description": alert.description,
        "fingerprint": alert.fingerprint,
        "reason": alert.reason,
        "revision": alert.revision,
        "method": alert.method,
        "subject": alert.subject,
        "cure_by": alert.cure_by,
        "figures": text.figures(alert),
        "causes": text.causes(alert),
        "assessment_digest": alert.value.get("assessment_digest"),
        "rehearsal": alert.rehearsal,
    }
    mark, said = "[REHEARSAL] " if alert.rehearsal else "", alert.summary.removeprefix(f"{alert.entity}: ")
    event: dict[str, Any] = {
        "payload": {
            "summary": text.clipped(f"{mark}{alert.alertname} {alert.entity}: {said}", _SUMMARY),
            "source": alert.entity,
            "severity": alert.severity,
            "timestamp": alert.starts_at,
            "component": alert.subject or alert.rule,
            "group": alert.method or alert.entity,
            "class": alert.alertname,
            "custom_details": {name: value for name, value in details.items() if value is not None},
        }
    }
    return event | _links(alert, to)


def group_event(group: Group, to: Links) -> dict[str, Any]:
    """The trigger event of a group: that of its worst alert, with the list of all that fire."""
    event = trigger_event(group.worst, to)
    payload = event["payload"]
    payload["summary"] = text.clipped(f"{text.group_title(group)}; worst: {group.worst.summary}", _SUMMARY)
    payload["component"] = "group"
    payload["custom_details"] |= {"alerts_firing": len(group.standing), "alerts": text.group_lines(group, _LISTED)}
    return event


def _links(alert: Alert, to: Links) -> dict[str, Any]:
    links = []
    if alert.runbook_url.startswith("http"):
        links.append({"href": alert.runbook_url, "text": "Runbook"})
    if to.status_url is not None:
        links.append({"href": text.page(to.status_url, alert), "text": "Status"})
    if to.boards_url is not None:
        links.append({"href": text.board(to.boards_url, alert), "text": "Board"})
    return {"links": links} if links else {}


def _failure(error: pagerduty.Error) -> Undelivered | Refused:
    response = error.response
    if response is None:
        return Undelivered(f"PagerDuty: {error}")
    status = response.status_code
    return failure(status, f"PagerDuty answered {status}: {error}", response.headers.get("Retry-After"))
