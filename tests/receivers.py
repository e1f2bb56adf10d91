"""Small real HTTP servers that answer as Alertmanager, PagerDuty, Slack and a webhook do, and fail when told to."""

import asyncio
import contextlib
import hashlib
import hmac
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

from aiohttp import web


@dataclass
class Received:
    """One request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes
    query: dict[str, str]
    at: float
    """Seconds since 1970 when it had been read."""

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """A server on a free loopback port. `status` other than None is answered to everything; `hanging` answers nothing."""

    status: int | None = None
    retry_after: str | None = None
    hanging: bool = False
    swallow_answers: int = 0
    """So many requests are carried out, but their answer is lost."""
    requests: list[Received] = field(default_factory=list)
    accepted: list[Received] = field(default_factory=list)
    url: str = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        received = Received(request.path, dict(request.headers), await request.read(), dict(request.query), time.time())
        self.requests.append(received)
        if self.hanging:
            await asyncio.sleep(3600)
        if self.status is not None:
            headers = {} if self.retry_after is None else {"Retry-After": self.retry_after}
            return web.json_response({"status": "told to fail"}, status=self.status, headers=headers)
        answer = self.respond(received)
        if 200 <= answer.status < 300:
            self.accepted.append(received)
        if self.swallow_answers:
            self.swallow_answers -= 1
            assert request.transport is not None
            request.transport.close()
        return answer

    def respond(self, received: Received) -> web.StreamResponse:
        return web.Response(status=204)

    @contextlib.asynccontextmanager
    async def serve(self, port: int = 0) -> AsyncIterator[Self]:
        app = web.Application(client_max_size=16 * 1024 * 1024)
        app.router.add_route("*", "/{path:.*}", self.handle)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()


@dataclass
class WebhookReceiver(Receiver):
    """Refuses a wrong signature with 401; `alerts` are the accepted objects, repeats left out by their key."""

    secret: str | None = None

    def respond(self, received: Received) -> web.StreamResponse:
        if self.secret is not None:
            signed = received.headers["X-Reserve-Timestamp"].encode() + b"." + received.body
            expected = "sha256=" + hmac.new(self.secret.encode(), signed, hashlib.sha256).hexdigest()
            if not hmac.compare_digest(expected, received.headers.get("X-Reserve-Signature", "")):
                return web.Response(status=401, text="signature does not match")
        return web.Response(status=204)

    @property
    def alerts(self) -> list[dict[str, Any]]:
        found: dict[str, list[dict[str, Any]]] = {}
        for received in self.accepted:
            value = received.json
            found.setdefault(received.headers["Idempotency-Key"], value.get("alerts", [value]))
        return [alert for alerts in found.values() for alert in alerts]

    @property
    def states(self) -> list[tuple[str, int, str]]:
        return [(alert["fingerprint"], alert["revision"], alert["status"]) for alert in self.alerts]


@dataclass
class AlertmanagerReceiver(Receiver):
    """Keeps the newest of each label set, as `POST /api/v2/alerts` does; a label without value or bad times get 400."""

    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    known: dict[tuple[tuple[str, str], ...], dict[str, Any]] = field(default_factory=dict)

    def respond(self, received: Received) -> web.StreamResponse:
        if received.path != "/api/v2/alerts":
            return web.Response(status=404)
        problems = [problem for alert in received.json if (problem := self._take(alert)) is not None]
        return web.json_response("; ".join(problems), status=400) if problems else web.Response(status=200)

    def _take(self, alert: dict[str, Any]) -> str | None:
        if not alert["labels"] or any(not isinstance(text, str) or not text for text in alert["labels"].values()):
            return f"bad labels {alert['labels']}"
        if datetime.fromisoformat(alert["endsAt"]) < datetime.fromisoformat(alert["startsAt"]):
            return "start time must be before end time"
        self.known[tuple(sorted(alert["labels"].items()))] = alert
        return None

    def firing(self, alertname: str | None = None) -> list[dict[str, str]]:
        """Label sets that fire now."""
        return [
            dict(labels)
            for labels, alert in self.known.items()
            if datetime.fromisoformat(alert["endsAt"]) > self.clock() and alertname in {None, dict(labels)["alertname"]}
        ]


@dataclass
class PagerDutyReceiver(Receiver):
    """Events API v2: 202 with the key, 400 with the list of errors; `open` are the dedup keys triggered and not resolved."""

    routing_key: str = ""
    open: dict[str, dict[str, Any]] = field(default_factory=dict)

    def respond(self, received: Received) -> web.StreamResponse:
        event = received.json
        errors = list(self._errors(event)) if received.path == "/v2/enqueue" else ["no such path"]
        if errors:
            answer = {"status": "invalid event", "message": "Event object is invalid", "errors": errors}
            return web.json_response(answer, status=400)
        key = event["dedup_key"]
        if event["event_action"] == "trigger":
            self.open[key] = event
        else:
            self.open.pop(key, None)
        return web.json_response({"status": "success", "message": "Event processed", "dedup_key": key}, status=202)

    def _errors(self, event: dict[str, Any]) -> list[str]:
        found = []
        if event.get("routing_key") != self.routing_key:
            found.append("invalid routing key")
        if event.get("event_action") not in {"trigger", "acknowledge", "resolve"}:
            found.append("'event_action' is invalid")
        if not 0 < len(event.get("dedup_key", "")) <= 255:
            found.append("'dedup_key' must be between 1 and 255")
        if event.get("event_action") == "trigger":
            payload = event.get("payload", {})
            found += [
                f"'payload.{name}' is missing or blank" for name in ("summary", "source", "severity") if not payload.get(name)
            ]
            if payload.get("severity") not in {"critical", "error", "warning", "info"}:
                found.append("'payload.severity' is invalid")
            if len(payload.get("summary", "")) > 1024:
                found.append("'payload.summary' is longer than 1024")
        return found


@dataclass
class SlackReceiver(Receiver):
    """Web API: `chat.postMessage`, `chat.update`, `conversations.history`; errors come with 200 and `ok: false`."""

    token: str = ""
    error: str | None = None
    can_read: bool = True
    plain_text: bool = False
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: Counter[str] = field(default_factory=Counter)

    def respond(self, received: Received) -> web.StreamResponse:
        method = received.path.removeprefix("/api/")
        self.calls[method] += 1
        if received.headers.get("Authorization") != f"Bearer {self.token}":
            return web.json_response({"ok": False, "error": "invalid_auth"})
        if self.plain_text:
            return web.Response(text="upstream error")
        if self.error is not None:
            return web.json_response({"ok": False, "error": self.error})
        if method == "conversations.history":
            return self._history(received.query["channel"])
        body = received.json
        for block in body.get("blocks", []):
            if block["type"] == "header" and len(block["text"]["text"]) > 150:
                return web.json_response({"ok": False, "error": "invalid_blocks"})
            if block["type"] == "section" and len(block.get("text", {}).get("text", "")) > 3000:
                return web.json_response({"ok": False, "error": "invalid_blocks"})
        return self._post(body) if method == "chat.postMessage" else self._update(body)

    def _post(self, body: dict[str, Any]) -> web.StreamResponse:
        ts = f"1770000000.{len(self.messages):06d}"
        self.messages[ts] = body
        return web.json_response({"ok": True, "channel": "C1", "ts": ts, "message": {}})

    def _update(self, body: dict[str, Any]) -> web.StreamResponse:
        if body["ts"] not in self.messages or body["channel"] != "C1":
            return web.json_response({"ok": False, "error": "message_not_found"})
        self.messages[body["ts"]] |= body
        return web.json_response({"ok": True, "channel": "C1", "ts": body["ts"], "text": ""})

    def _history(self, channel: str) -> web.StreamResponse:
        if channel != "C1":
            return web.json_response({"ok": False, "error": "channel_not_found"})
        if not self.can_read:
            return web.json_response({"ok": False, "error": "missing_scope"})
        return web.json_response({"ok": True, "messages": [{"ts": ts, **message} for ts, message in self.messages.items()]})

    @property
    def parents(self) -> list[dict[str, Any]]:
        return [message for message in self.messages.values() if "thread_ts" not in message]

    @property
    def replies(self) -> list[dict[str, Any]]:
        return [message for message in self.messages.values() if "thread_ts" in message]


async def until(condition: Callable[[], bool], within_s: float = 10.0, what: str = "the condition") -> None:
    """Wait until `condition` holds; AssertionError naming `what` when it does not in time."""
    deadline = asyncio.get_running_loop().time() + within_s
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, f"{what} did not come true within {within_s} s"
        await asyncio.sleep(0.005)
