"""Any other system: the `reserve.alert/1` object by POST (CONTRACT 2).

A group is one POST: `{"schema": "reserve.alert-group/1", "group", "entity", "method", "alerts": [the objects with news]}`.

`Idempotency-Key` is `<fingerprint>/<revision>`, of a group `<group>/<digest of those>`: delivery is at least once.
`X-Reserve-Page` leads to the page of the entity.
`X-Reserve-Timestamp` is Unix seconds; a receiver refuses old ones. `X-Reserve-Signature` is `sha256=` and the hex
HMAC-SHA256 of time stamp, a point and the body.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Sequence
from typing import Self

from monitor.core.values.canonical import canonical_bytes
from monitor.notify.alert import Alert
from monitor.notify.channel import Beat, Group, Notice, Receipt
from monitor.notify.http import Http, read_secret
from monitor.notify.settings import NO_LINKS, Links, WebhookSettings
from monitor.notify.text import page

GROUP_SCHEMA = "reserve.alert-group/1"


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Value of `X-Reserve-Signature`."""
    return "sha256=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


class WebhookChannel:
    """Tells one address every change, as it was published."""

    refresh_s = None
    ends_disturb = True

    def __init__(
        self, name: str, settings: WebhookSettings, links: Links = NO_LINKS, clock: Callable[[], float] = time.time
    ) -> None:
        self.name = name
        self._settings = settings
        self._links = links
        self._clock = clock
        self._http = Http(settings.timeout_s)

    @property
    def grouping(self) -> Self:
        """Many alerts are better told as one."""
        return self

    async def deliver(self, notice: Notice) -> Receipt:
        """POST the published bytes; any 2xx is acceptance."""
        alert = notice.alert
        return await self._post(f"{alert.fingerprint}/{alert.revision}", alert.body, alert)

    async def deliver_group(self, group: Group) -> Receipt:
        """POST the published objects of the changed members as one list."""
        alerts = [notice.alert for notice in group.changed]
        news = hashlib.sha256(canonical_bytes([[alert.fingerprint, alert.revision] for alert in alerts])).hexdigest()[:32]
        value = {
            "schema": GROUP_SCHEMA,
            "group": group.key,
            "entity": alerts[0].entity,
            "method": alerts[0].method,
            "alerts": [dict(alert.value) for alert in alerts],
        }
        return await self._post(f"{group.key}/{news}", canonical_bytes(value), alerts[0])

    async def _post(self, key: str, body: bytes, alert: Alert) -> Receipt:
        timestamp = str(int(self._clock()))
        headers = {"Idempotency-Key": key, "X-Reserve-Timestamp": timestamp}
        if self._links.status_url is not None:
            headers["X-Reserve-Page"] = page(self._links.status_url, alert)
        if self._settings.secret_file is not None:
            headers["X-Reserve-Signature"] = signature(read_secret(self._settings.secret_file), timestamp, body)
        await self._http.post(self._settings.url, body, headers)
        return Receipt()

    async def refresh(self, standing: Sequence[Notice], beats: Sequence[Beat]) -> int:  # noqa: ARG002 - nothing is told again
        """Nothing: the receiver remembers."""
        return 0

    async def close(self) -> None:
        """End connections."""
        await self._http.close()
