"""The dispatcher on the embedded broker, against receivers that are real HTTP servers."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from monitor.cli.running.alerts import app
from monitor.core.journal.vocabulary import DELIVERIES
from monitor.notify.settings import AlertmanagerSettings, AnyChannelSettings, PagerDutySettings, SlackSettings, WebhookSettings
from streams.dispatch.ledger import read_memory
from streams.lookup.alerts import standing_alerts, told_so_far
from streams.lookup.told import Deliveries, ToldRecord, has_been_told
from tests.bench import a_bench
from tests.receivers import AlertmanagerReceiver, PagerDutyReceiver, SlackReceiver, WebhookReceiver, until

pytestmark = pytest.mark.broker

FAST: dict[str, Any] = {"retry_first_s": 0.01, "retry_max_s": 0.05, "timeout_s": 1}


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
        await until(lambda: bench.observed.outcomes["hook", "delivered"] == 3, what="three told")
        await until(lambda: set(bench.observed.oldest.values()) == {None}, what="nothing left to tell")


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
            if len(expected) == 1:  # an end that comes before its begin was seen is told nobody
                await until(lambda: expected[0] in up.states and bool(down.requests), what="the first on both channels")
        await until(lambda: len(up.alerts) == 5, what="the change and the alert about the other channel")
        [failing] = (alert for alert in up.alerts if alert["alertname"] == "AlertDeliveryFailing")
        assert (failing["subject"], failing["status"]) == ("down", "firing")
        assert bench.observed.oldest["down"] is not None
        # The next one tried is the first again, which would be parked for a minute if another were accepted right behind it.
        await until(lambda: expected[3][0] in down.requests[-1].body.decode(), what="one behind what failed five times")
        down.status = None
        await until(lambda: len(down.alerts) == 3)
        assert down.states == [expected[1], expected[3], expected[2]], "what is new before an end"
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


async def test_the_record_does_not_outlive_the_alert() -> None:
    async with a_bench() as bench, WebhookReceiver().serve() as hook:
        channels: dict[str, AnyChannelSettings] = {"hook": webhook(hook)}
        async with bench.dispatcher(channels):
            await bench.publish()
            await until(lambda: len(hook.alerts) == 1)
            over = await bench.publish(revision=2, status="resolved", updated_at="2099-01-01T00:00:00Z")
            await until(lambda: len(hook.alerts) == 2)
        assert list((await read_memory(bench.kafka, DELIVERIES, [0]))[0].told["hook"]) == [over["fingerprint"]]
        await bench.write(0, over["fingerprint"].encode(), None)
        async with bench.dispatcher(channels):
            pass
        assert (await read_memory(bench.kafka, DELIVERIES, [0]))[0].told["hook"] == {}


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


async def test_what_a_channel_was_not_told_is_known_from_the_record() -> None:
    async with a_bench() as bench, WebhookReceiver().serve() as hook, WebhookReceiver(status=503).serve() as down:
        async with bench.dispatcher({"hook": webhook(hook), "down": webhook(down)}) as dispatcher:
            fires = await bench.publish()
            await until(lambda: len(hook.alerts) == 1 and [one.channel for one in dispatcher.undelivered()] == ["down"])
        told = await told_so_far(bench.kafka, bench.names)
        of_both = {name: has_been_told(fires, told.get((name, fires["fingerprint"]))) for name in ("hook", "down")}
        assert of_both == {"hook": True, "down": False}


async def test_a_process_without_the_dispatcher_knows_by_the_record_whom_an_alert_did_not_reach() -> None:
    """Fails where an alert counts as delivered because nobody here delivers, or before the record was read."""
    async with a_bench() as bench, WebhookReceiver().serve() as hook, WebhookReceiver(status=400).serve() as down:
        record = ToldRecord(bench.kafka, bench.names)
        here = Deliveries(["hook", "down"], record)
        fires = await bench.publish()
        assert (list(here.of([fires]).rows), here.of([fires]).known) == ([], False)
        reading = asyncio.create_task(record.run())
        await until(lambda: [one.channel for one in here.of([fires]).rows] == ["hook", "down"], 20, "that nobody was told")
        assert list(here.of([{**fires, "mode": "shadow"}]).rows) == [], "a shadow method's alert is for nobody"
        async with bench.dispatcher({"hook": webhook(hook), "down": webhook(down)}) as dispatcher:
            await until(lambda: [(one.channel, one.detail) for one in here.of([fires]).rows] == [("down", "refused")], 30)
            assert here.of([fires]).told == {fires["fingerprint"]: ["hook"]}
            await until(lambda: dispatcher.tells(fires["fingerprint"]), 10)
            with_one = Deliveries(["hook", "down"], ToldRecord(bench.kafka, bench.names), dispatcher)
            assert [one.channel for one in with_one.of([fires]).rows] == ["down"], "of its own it knows without the record"
            assert not with_one.of([{**fires, "fingerprint": "f" * 32}]).known, "of another's it does not"
        reading.cancel()


async def test_alerts_list_shows_what_fires_and_prints_the_published_objects(tmp_path: Path) -> None:
    async with a_bench() as bench:
        fires = await bench.publish(entity="a")
        await bench.publish(entity="b", revision=2, status="resolved")
        await bench.publish(1, entity="c", mode="shadow")
        config = tmp_path / "reserve.yaml"
        config.write_text(
            f"kafka: {{bootstrap_servers: '{bench.kafka.bootstrap_servers}', embedded: true, journal_partitions: 2}}\n"
        )

        async def listed(*options: str) -> Any:
            result = await asyncio.to_thread(CliRunner().invoke, app, ["list", "--config", str(config), *options])
            assert result.exit_code == 0, result.output
            return json.loads(result.stdout) if "--json" in options else result.stdout

        assert await listed("--json") == [fires | {"undelivered": [None]}], "no channel is configured and none was ever told"
        assert [one["entity"] for one in await listed("--json", "--all", "--shadow")] == ["a", "b", "c"]
        assert await listed("--entity", "b") == "nothing fires\n"
        assert fires["fingerprint"][:8] in await listed()
