"""Any other system: the `reserve.alert/1` object by POST (CONTRACT 2).

`Idempotency-Key` is `<fingerprint>/<revision>`: delivery is at least once. `X-Reserve-Timestamp` is Unix seconds; a
receiver refuses old ones. `X-Reserve-Signature` is `sha256=` and the hex HMAC-SHA256 of time stamp, a point and the body.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Sequence

from monitor.notify.channel import Beat, Notice, Receipt
from monitor.notify.http import Http, read_secret
from monitor.notify.settings import WebhookSettings


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Value of `X-Reserve-Signature`."""
    return "sha256=" + hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


class WebhookChannel:
    """Tells one address every change, as it was published."""

    refresh_s = None
    ends_disturb = True

    def __init__(self, name: str, settings: WebhookSettings, clock: Callable[[], float] = time.time) -> None:
        self.name = name
        self._settings = settings
        self._clock = clock
        self._http = Http(settings.timeout_s)

    async def deliver(self, notice: Notice) -> Receipt:
        """POST the published bytes; any 2xx is acceptance."""
        alert = notice.alert
        timestamp = str(int(self._clock()))
        headers = {"Idempotency-Key": f"{alert.fingerprint}/{alert.revision}", "X-Reserve-Timestamp": timestamp}
        if self._settings.secret_file is not None:
            headers["X-Reserve-Signature"] = signature(read_secret(self._settings.secret_file), timestamp, alert.body)
        await self._http.post(self._settings.url, alert.body, headers)
        return Receipt()

    async def refresh(self, standing: Sequence[Notice], beats: Sequence[Beat]) -> int:  # noqa: ARG002 - nothing is told again
        """Nothing: the receiver remembers."""
        return 0

    async def close(self) -> None:
        """End connections."""
        await self._http.close()
