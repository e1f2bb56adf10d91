"""A feed that says zero for 300 assets for 20 s, and a theft three seconds later, on a clock of the test's own.

The real lane and the real PagerDuty and Slack channels against the receivers' models, each call taking its time; only HTTP
is left out. It fails where alerts are told in the order of arrival, where a limit of the rate holds up the first critical
of its kind, or where an end is told of what was never told.
"""

import asyncio
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from monitor.core.values.times import SECOND, format_time
from monitor.notify.alert import Alert
from monitor.notify.channel import Channel, Told
from monitor.notify.pagerduty import PagerDutyChannel
from monitor.notify.settings import ChannelSettings, Links, PagerDutySettings, SlackSettings, WebhookSettings
from monitor.notify.slack import SlackChannel
from monitor.notify.webhook import WebhookChannel
from streams.dispatch.lane import Lane
from tests.alert_samples import an_alert
from tests.receivers import PagerDutyReceiver, Received, SlackReceiver, WebhookReceiver
from tests.virtual_time import run_virtually

BEGAN = 1_770_000_000 * SECOND
ASSETS = 300
ANSWER_S = 0.2


class Nobody:
    def delivered(self, channel: str, outcome: str) -> None:
        return

    def outbox_oldest(self, channel: str, at_ns: int | None) -> None:
        return

    def chain_forked(self, partition: int) -> None:
        return


@dataclass
class Heard:
    """Calls in order, with the seconds of the test's clock."""

    calls: list[tuple[float, str, dict[str, Any]]] = field(default_factory=list)

    def note(self, what: str, body: dict[str, Any]) -> None:
        self.calls.append((asyncio.get_running_loop().time(), what, body))


class Pager(PagerDutyChannel):
    """Its events go to the receiver's model."""

    def __init__(self, receiver: PagerDutyReceiver, heard: Heard, key: Path) -> None:
        settings = PagerDutySettings(type="pagerduty", routing_key_file=key)
        super().__init__("pager", settings, Links("https://status.example"))
        self.receiver, self.heard, self.limits = receiver, heard, settings

    async def _enqueue(self, dedup_key: str, event: Any) -> Any:
        await asyncio.sleep(ANSWER_S)
        action = "resolve" if event is None else "trigger"
        body = {"routing_key": "R0", "event_action": action, "dedup_key": dedup_key, **(event or {})}
        assert self.receiver.respond(Received("/v2/enqueue", {}, json.dumps(body).encode(), {}, 0.0)).status == 202
        self.heard.note(action, body)
        return await super()._enqueue(dedup_key, event)

    def _send(self, routing_key: str, action: str, dedup_key: str, event: Any) -> None:
        """Heard already."""


class Chat(SlackChannel):
    """Its calls go to the receiver's model."""

    def __init__(self, receiver: SlackReceiver, heard: Heard, token: Path) -> None:
        settings = SlackSettings(type="slack", token_file=token, channel="C1")
        super().__init__("chat", settings, Links("https://status.example"))
        self.receiver, self.heard, self.limits = receiver, heard, settings

    def _client(self) -> Any:
        return self

    async def call(self, method: str, **body: Any) -> Any:
        await asyncio.sleep(ANSWER_S)
        body["blocks"] = [block.to_dict() for block in body.get("blocks", [])]
        headers = {"Authorization": f"Bearer {self.receiver.token}"}
        query = {name: str(value) for name, value in body.items()}
        answer = self.receiver.respond(Received(f"/api/{method}", headers, json.dumps(body).encode(), query, 0.0))
        found = json.loads(answer.text or "")  # type: ignore[attr-defined]
        if not found["ok"]:
            raise refusal(found, 200, {})
        self.heard.note(method, body)
        return found

    async def chat_postMessage(self, **body: Any) -> Any:  # noqa: N802 - the vendor's name
        return await self.call("chat.postMessage", **body)

    async def chat_update(self, **body: Any) -> Any:
        return await self.call("chat.update", **body)

    async def conversations_history(self, **body: Any) -> Any:
        return await self.call("conversations.history", **body)


def refusal(data: dict[str, Any], status: int, headers: dict[str, str]) -> SlackApiError:
    answer = AsyncSlackResponse(
        client=None, http_verb="POST", api_url="", req_args={}, data=data, headers=headers, status_code=status
    )
    return SlackApiError(data["error"], answer)  # type: ignore[no-untyped-call]


class Hook(WebhookChannel):
    """Its posts go to the receiver's model."""

    def __init__(self, receiver: WebhookReceiver, heard: Heard, _secret: Path) -> None:
        settings = WebhookSettings(type="webhook", url="http://hook")
        super().__init__("hook", settings)
        self.receiver, self.heard, self.limits = receiver, heard, settings
        self._http = self  # type: ignore[assignment]

    async def post(self, _url: str, body: bytes, headers: dict[str, str]) -> None:
        await asyncio.sleep(ANSWER_S)
        received = Received("/", headers, body, {}, 0.0)
        self.receiver.accepted.append(received)
        self.heard.note("post", received.json)

    async def close(self) -> None:
        return


@dataclass
class Floods:
    """The alerts of the story. `at_once`: one evaluation has all of them; else they trickle in, three at a time."""

    at_once: bool
    names: tuple[str, ...] = ("SameAssetShortfall", "ClientAssetShortfall")

    def changes(self, revision: int, status: str, at_s: float) -> Iterator[tuple[float, Alert]]:
        number = 0
        for name in self.names:
            for asset in range(ASSETS):
                when = at_s if self.at_once else at_s + number // 3 * 0.1
                at = BEGAN + int(when * SECOND)
                began = format_time(at if revision == 1 else BEGAN)
                values = {"alertname": name, "rule": name.lower(), "subject": f"A{asset}", "starts_at": began}
                yield when, an_alert(**values, at=at, revision=revision, status=status)
                number += 1

    def story(self) -> list[tuple[float, Alert]]:
        found = [*self.changes(1, "firing", 0.0), *self.changes(2, "resolved", 20.0)]
        at = BEGAN + 23 * SECOND
        theft = {"alertname": "SecurityIncidentOpen", "method": None, "rule": "security_incident_open", "subject": "INC-1"}
        found.append((23.0, an_alert(**theft, at=at)))
        return sorted(found, key=lambda one: one[0])


async def tell(channel: Any, story: list[tuple[float, Alert]]) -> Lane:
    loop = asyncio.get_running_loop()
    ledger: dict[str, Told] = {}
    made: Channel = channel
    limits: ChannelSettings = channel.limits
    lane = Lane(made, limits, Nobody(), lambda _, name, told: ledger.update({name: told}), group_above=10, clock=loop.time)
    lane.start()
    for at_s, alert in story:
        if at_s > loop.time():
            await asyncio.sleep(at_s - loop.time())
        lane.offer(alert)
    await lane.stop(3600)
    assert lane.pending == 0
    return lane


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("R0")
    return path


@pytest.mark.parametrize("at_once", [True, False])
def test_the_pager_is_told_of_the_theft_within_seconds_and_of_no_end_without_a_beginning(
    secret: Path, at_once: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def at_once_in_this_thread(function: Callable[..., Any], *arguments: Any) -> Any:
        return function(*arguments)

    monkeypatch.setattr("monitor.notify.pagerduty.asyncio.to_thread", at_once_in_this_thread)
    receiver, heard = PagerDutyReceiver(routing_key="R0"), Heard()
    run_virtually(tell(Pager(receiver, heard, secret), Floods(at_once).story()))
    theft_at = next(at for at, _, body in heard.calls if body.get("payload", {}).get("class") == "SecurityIncidentOpen")
    assert theft_at <= 28
    triggered: set[str] = set()
    for _, action, body in heard.calls:
        if action == "trigger":
            triggered.add(body["dedup_key"])
        else:
            assert body["dedup_key"] in triggered
    assert [event["payload"]["class"] for event in receiver.open.values()] == ["SecurityIncidentOpen"]
    if at_once:
        assert len(heard.calls) == 3, "the flood is one incident and its end"
        details = heard.calls[0][2]["payload"]["custom_details"]
        assert details["alerts_firing"] == 2 * ASSETS
        assert len(details["alerts"]) > 100


@pytest.mark.parametrize("at_once", [True, False])
def test_the_chat_is_told_of_the_theft_within_seconds_and_shows_one_message_of_the_flood(secret: Path, at_once: bool) -> None:
    receiver, heard = SlackReceiver(token="R0"), Heard()
    run_virtually(tell(Chat(receiver, heard, secret), Floods(at_once).story()))
    theft_at = next(at for at, what, body in heard.calls if what == "chat.postMessage" and "INC-1" in body["text"])
    assert theft_at <= 28
    standing = [parent["text"] for parent in receiver.parents if not parent["text"].startswith("RESOLVED")]
    assert len(standing) == 1
    assert "INC-1" in standing[0]
    if at_once:
        assert len(receiver.parents) == 2
        assert f"{2 * ASSETS} alerts" in heard.calls[0][2]["text"]


def test_a_webhook_is_told_of_the_flood_in_one_post_with_every_alert() -> None:
    receiver, heard = WebhookReceiver(), Heard()
    run_virtually(tell(Hook(receiver, heard, Path()), Floods(at_once=True).story()))
    groups = [body for _, _, body in heard.calls if body["schema"] == "reserve.alert-group/1"]
    assert [len(body["alerts"]) for body in groups] == [2 * ASSETS, 2 * ASSETS]
    assert len({body["group"] for body in groups}) == 1
    last = {alert["fingerprint"]: alert["status"] for alert in receiver.alerts}
    assert sorted(last.values()) == ["firing", *["resolved"] * 2 * ASSETS]


def test_a_chat_that_names_a_long_wait_hears_of_the_theft_within_seconds_of_it(secret: Path) -> None:
    """429 with a minute to wait for everything but that which comes after the theft."""
    receiver, heard = SlackReceiver(token="R0"), Heard()

    class Limited(Chat):
        async def call(self, method: str, **body: Any) -> Any:
            if asyncio.get_running_loop().time() < 23:
                data = {"ok": False, "error": "ratelimited"}
                raise refusal(data, 429, {"Retry-After": "60"})
            return await super().call(method, **body)

    run_virtually(tell(Limited(receiver, heard, secret), Floods(at_once=True).story()))
    theft_at = next(at for at, what, body in heard.calls if what == "chat.postMessage" and "INC-1" in body["text"])
    assert theft_at <= 28
