"""The dispatcher on the embedded broker, against receivers that are real HTTP servers."""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from monitor.kafka_settings import KafkaSettings
from monitor.notify.settings import AlertmanagerSettings, AnyChannelSettings, PagerDutySettings, SlackSettings, WebhookSettings
from streams import topics
from streams.clients import producer
from streams.dispatch.standing import standing_alerts
from streams.dispatcher import Dispatcher
from streams.embedded import EmbeddedBroker
from tests.alert_samples import alert_value
from tests.receivers import AlertmanagerReceiver, PagerDutyReceiver, SlackReceiver, WebhookReceiver, until

pytestmark = pytest.mark.broker

FAST: dict[str, Any] = {"retry_first_s": 0.01, "retry_max_s": 0.05, "timeout_s": 1}


class Observed:
    """Counts outcomes by channel."""

    def __init__(self) -> None:
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.oldest: dict[str, int | None] = {}
        self.forks: list[int] = []

    def delivered(self, channel: str, outcome: str) -> None:
        self.outcomes[channel, outcome] += 1

    def outbox_oldest(self, channel: str, at_ns: int | None) -> None:
        self.oldest[channel] = at_ns

    def chain_forked(self, partition: int) -> None:
        self.forks.append(partition)


class Bench:
    """A broker with its topics, an assessor's pen, and dispatchers started and stopped at will."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self.kafka = kafka
        self.names = topics.TopicNames()
        self.observed = Observed()
        self.started = 0

    async def publish(self, partition: int = 0, **changes: Any) -> dict[str, Any]:
        value = alert_value(**changes)
        await self.write(partition, value["fingerprint"].encode(), json.dumps(value).encode())
        return value

    async def write(self, partition: int, key: bytes, body: bytes | None) -> None:
        pen = producer(self.kafka, linger_ms=0)
        await pen.start()
        await pen.send_and_wait(topics.ALERTS, body, key=key, partition=partition)
        await pen.stop()

    @contextlib.asynccontextmanager
    async def dispatcher(
        self, channels: dict[str, AnyChannelSettings], group: str | None = None, **more: Any
    ) -> AsyncIterator[Dispatcher]:
        """In a group of its own unless one is named: the broker makes a second member of a group wait long."""
        self.started += 1
        kafka = self.kafka.model_copy(update={"prefix": group or f"group-{self.started}"})
        made = Dispatcher(kafka, self.names, channels, self.observed, **more)
        await made.start()
        running = asyncio.create_task(made.run())
        try:
            await until(lambda: made.ready, 20, "the dispatcher being ready")
            yield made
        finally:
            await made.stop()
            await running


@contextlib.asynccontextmanager
async def a_bench() -> AsyncIterator[Bench]:
    async with EmbeddedBroker() as broker:
        kafka = broker.settings.model_copy(update={"journal_partitions": 2})
        await topics.create_topics(kafka, topics.topic_specs(kafka, topics.TopicNames()))
        yield Bench(kafka)


def webhook(receiver: WebhookReceiver, **changes: Any) -> WebhookSettings:
    return WebhookSettings(type="webhook", url=receiver.url, **(FAST | changes))


async def test_all_channels_are_told_of_a_life(tmp_path: Path) -> None:
    for name, secret in (("hook", "s3"), ("key", "R0"), ("token", "xoxb")):
        (tmp_path / name).write_text(secret)
    async with (
        a_bench() as bench,
        AlertmanagerReceiver().serve() as am,
        WebhookReceiver(secret="s3").serve() as hook,
        PagerDutyReceiver(routing_key="R0").serve() as pd,
        SlackReceiver(token="xoxb").serve() as slack,
        bench.dispatcher(
            {
                "pager": AlertmanagerSettings(type="alertmanager", urls=(am.url,), resend_s=0.2, **FAST),
                "hook": webhook(hook, secret_file=tmp_path / "hook"),
                "pd": PagerDutySettings(type="pagerduty", routing_key_file=tmp_path / "key", url=pd.url, **FAST),
                "chat": SlackSettings(type="slack", token_file=tmp_path / "token", channel="C1", url=f"{slack.url}/api", **FAST),
            },
            pulse=lambda: {"jp-main": 2**62},
        ),
    ):
        fired = await bench.publish(severity="warning")
        await until(lambda: len(am.firing("ReserveShortfall")) == len(pd.open) == len(slack.parents) == len(hook.alerts) == 1)
        assert hook.alerts == [fired]
        await bench.publish(mode="shadow", method="kr.vaupa_reserve")
        await bench.publish(revision=2, severity="critical")
        await until(lambda: len(hook.alerts) == 2)
        await until(lambda: [one["severity"] for one in am.firing("ReserveShortfall")] == ["critical"])
        await bench.publish(revision=3, status="resolved")
        await until(lambda: not am.firing("ReserveShortfall") and not pd.open and len(hook.alerts) == 3)
        await until(lambda: slack.parents[0]["text"].startswith("RESOLVED"))
        assert len(slack.parents) == 1
        assert not [alert for alert in hook.alerts if alert["mode"] == "shadow"]
        await until(
            lambda: {one["alertname"] for one in am.firing()} == {"DispatcherWatchdog", "EvaluationHeartbeat"},
            what="signs of life",
        )
        assert bench.observed.outcomes["hook", "delivered"] == 3
        assert set(bench.observed.oldest.values()) == {None}


async def test_a_restart_tells_nothing_twice_and_what_changed_meanwhile() -> None:
    async with a_bench() as bench, WebhookReceiver().serve() as hook, AlertmanagerReceiver().serve() as am:
        channels: dict[str, AnyChannelSettings] = {
            "hook": webhook(hook),
            "pager": AlertmanagerSettings(type="alertmanager", urls=(am.url,), resend_s=0.2, **FAST),
        }
        async with bench.dispatcher(channels):
            stays = await bench.publish(entity="stays")
            changes = await bench.publish(1, entity="changes", severity="warning")
            await until(lambda: len(hook.alerts) == 2 and len(am.firing("ReserveShortfall")) == 2)
        assert len(am.firing("ReserveShortfall")) == 2, "stopping resolves nothing"
        requests = len(hook.requests)
        await bench.publish(1, entity="changes", revision=2, severity="critical")
        await bench.publish(1, entity="changes", severity="warning")  # a paused assessor writes its old state last
        am.known.clear()
        async with bench.dispatcher(channels):
            await until(lambda: len(am.firing("ReserveShortfall")) == 2, what="an Alertmanager without memory learning it anew")
        assert [(alert["fingerprint"], alert["revision"]) for alert in hook.alerts] == [
            (stays["fingerprint"], 1),
            (changes["fingerprint"], 1),
            (changes["fingerprint"], 2),
        ]
        assert len(hook.requests) == requests + 1
        assert {one["severity"] for one in am.firing("ReserveShortfall")} == {"critical"}


async def test_an_old_label_set_is_ended_by_the_dispatcher_after_a_restart() -> None:
    async with a_bench() as bench, AlertmanagerReceiver().serve() as am:
        channels: dict[str, AnyChannelSettings] = {"pager": AlertmanagerSettings(type="alertmanager", urls=(am.url,), **FAST)}
        async with bench.dispatcher(channels):
            await bench.publish(severity="warning")
            await until(lambda: len(am.firing("ReserveShortfall")) == 1)
        await bench.publish(revision=2, severity="critical")
        async with bench.dispatcher(channels):
            await until(lambda: [one["severity"] for one in am.firing("ReserveShortfall")] == ["critical"])


async def test_a_channel_that_is_down_is_told_on_another_and_gets_what_is_relevant_in_order() -> None:
    async with (
        a_bench() as bench,
        WebhookReceiver(status=503).serve() as down,
        WebhookReceiver().serve() as up,
        bench.dispatcher({"down": webhook(down, undelivered_after_s=0.1), "up": webhook(up)}),
    ):
        expected = []
        for entity, revision, status in (("a", 1, "firing"), ("b", 1, "firing"), ("a", 2, "resolved"), ("c", 1, "firing")):
            value = await bench.publish(entity=entity, revision=revision, status=status)
            expected.append((value["fingerprint"], revision, status))
        await until(lambda: len(up.alerts) == 5, what="the change and the alert about the other channel")
        failing = up.alerts[-1]
        assert (failing["alertname"], failing["subject"], failing["status"]) == ("AlertDeliveryFailing", "down", "firing")
        assert bench.observed.oldest["down"] is not None
        down.status = None
        await until(lambda: len(down.alerts) == 3)
        assert down.states == [expected[2], expected[1], expected[3]]
        await until(lambda: up.alerts[-1]["status"] == "resolved" and up.alerts[-1]["alertname"] == "AlertDeliveryFailing")


async def test_a_failure_told_before_a_crash_ends_after_it() -> None:
    async with a_bench() as bench, WebhookReceiver(status=503).serve() as down, WebhookReceiver().serve() as up:
        channels: dict[str, AnyChannelSettings] = {"down": webhook(down, undelivered_after_s=0.1), "up": webhook(up)}
        async with bench.dispatcher(channels, "same"):
            await bench.publish()
            await until(lambda: up.alerts[-1:] != [] and up.alerts[-1]["alertname"] == "AlertDeliveryFailing")
        down.status = None
        async with bench.dispatcher(channels, "same"):
            await until(lambda: up.alerts[-1]["status"] == "resolved")
            assert len(down.alerts) == 1


async def test_a_new_channel_hears_what_fires_and_not_what_ended_before() -> None:
    async with a_bench() as bench, WebhookReceiver().serve() as hook:
        await bench.publish(entity="over", revision=2, status="resolved")
        firing = await bench.publish(1, entity="open", revision=4)
        async with bench.dispatcher({"hook": webhook(hook)}):
            await until(lambda: len(hook.alerts) == 1)
        assert hook.states == [(firing["fingerprint"], 4, "firing")]


async def test_tombstones_and_nonsense_disturb_nobody() -> None:
    async with a_bench() as bench, WebhookReceiver().serve() as hook, bench.dispatcher({"hook": webhook(hook)}) as dispatcher:
        gone = await bench.publish(entity="gone")
        await until(lambda: len(hook.alerts) == 1)
        await bench.write(0, gone["fingerprint"].encode(), None)
        await bench.write(0, b"nonsense", b"{")
        await bench.publish(entity="next", chain={"sequence": 1, "previous_digest": None}, digest="sha256:x")
        await bench.publish(entity="next", rule="hot_ratio", chain={"sequence": 1, "previous_digest": None}, digest="sha256:y")
        await until(lambda: len(hook.alerts) == 3)
        assert bench.observed.forks == [0]
        assert gone["fingerprint"] not in dispatcher.lanes[0].told


async def test_two_dispatchers_share_the_alerts_and_one_takes_over() -> None:
    async with a_bench() as bench, WebhookReceiver().serve() as hook:
        channels: dict[str, AnyChannelSettings] = {"hook": webhook(hook)}
        async with bench.dispatcher(channels, "shared") as first:
            async with bench.dispatcher(channels, "shared"):
                await until(lambda: first.ready, 20)
                for number in range(6):
                    await bench.publish(number % 2, entity=f"e-{number}")
                await until(lambda: len(hook.alerts) == 6)
                assert len(hook.requests) == 6, "each alert is told by one of them"
            await bench.publish(0, entity="e-0", revision=2)
            await bench.publish(1, entity="e-1", revision=2)
            await until(lambda: len(hook.alerts) == 8, 20, "the survivor telling of both partitions")
        assert len(hook.requests) == 8, "what the other one told is known to the survivor"


async def test_the_standing_alerts_are_those_of_the_highest_revision() -> None:
    async with a_bench() as bench:
        await bench.publish(entity="a", revision=2)
        await bench.publish(entity="a", revision=1)
        await bench.publish(1, entity="b", revision=1, status="resolved")
        await bench.write(1, b"nonsense", b"{}")
        unreadable: list[str] = []
        found = await standing_alerts(bench.kafka, bench.names, unreadable.append)
        assert [(alert.entity, alert.revision, alert.firing) for alert in found] == [("a", 2, True), ("b", 1, False)]
        assert len(unreadable) == 1
