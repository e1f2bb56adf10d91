"""The dispatcher against a real Alertmanager with the shipped routes, on the embedded broker."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from monitor.notify.settings import AlertmanagerSettings
from streams.dispatch.worker import Dispatcher
from tests.bench import Bench, a_bench
from tests.receivers import until
from tests.stack.servers import Alertmanager, Notifications, alertmanager_configuration, eventually

pytestmark = [pytest.mark.stack, pytest.mark.timeout(240)]


class Stage:
    """A broker, an Alertmanager with the shipped routes, and what it tells people."""

    def __init__(self, bench: Bench, am: Alertmanager, told: Notifications) -> None:
        self.bench, self.am, self.told = bench, am, told

    def dispatcher(self, *ams: Alertmanager, **settings: Any) -> contextlib.AbstractAsyncContextManager[Dispatcher]:
        urls = tuple(one.url for one in ams or (self.am,))
        limits = {"resend_s": 1, "retry_first_s": 0.05, "retry_max_s": 0.5, "timeout_s": 2} | settings
        channel = AlertmanagerSettings(type="alertmanager", urls=urls, **limits)
        return self.bench.dispatcher({"pager": channel}, pulse=dict)

    async def severities(self, alertname: str = "ReserveShortfall") -> list[str]:
        return sorted(labels["severity"] for labels in await self.am.firing(alertname))


@contextlib.asynccontextmanager
async def a_stage(folder: Path) -> AsyncIterator[Stage]:
    async with (
        a_bench() as bench,
        Notifications().serve() as told,
        Alertmanager(folder / "am", alertmanager_configuration(told.url)).running() as am,
    ):
        yield Stage(bench, am, told)


async def test_a_life_reaches_people_once_and_a_new_severity_is_a_new_alert(tmp_path: Path) -> None:
    async with a_stage(tmp_path) as stage, stage.dispatcher():
        await stage.bench.publish(alertname="SecurityIncidentOpen", severity="warning", subject="i-1", method=None)
        await until(lambda: stage.told.statuses("tickets", "SecurityIncidentOpen") == ["firing"], what="the ticket")
        await stage.bench.publish(alertname="SecurityIncidentOpen", subject="i-1", method=None, revision=2, reason="escalated")
        await until(lambda: stage.told.statuses("on-call", "SecurityIncidentOpen") == ["firing"], what="the page")
        assert await stage.severities("SecurityIncidentOpen") == ["critical"], "the old label set has ended"
        await until(lambda: stage.told.statuses("tickets", "SecurityIncidentOpen") == ["firing", "resolved"])
        await stage.bench.publish(alertname="SecurityIncidentOpen", subject="i-1", method=None, revision=3, status="resolved")
        await until(lambda: stage.told.statuses("on-call", "SecurityIncidentOpen") == ["firing", "resolved"])
        assert await stage.severities("SecurityIncidentOpen") == []


async def test_a_restarted_dispatcher_neither_repeats_nor_resolves(tmp_path: Path) -> None:
    async with a_stage(tmp_path) as stage:
        async with stage.dispatcher():
            await stage.bench.publish()
            await until(lambda: stage.told.statuses("on-call", "ReserveShortfall") == ["firing"])
        assert await stage.severities() == ["critical"], "a dispatcher that stops resolves nothing"
        async with stage.dispatcher():
            await until(lambda: stage.told.statuses("dead-mans-switch", "DispatcherWatchdog") != [])
            await stage.bench.publish(revision=2, reason="updated", summary="short by 30000000 JPY")
            other = await stage.bench.publish(1, entity="kr-main")
            await until(lambda: len(stage.told.statuses("on-call", "ReserveShortfall")) == 2)
        assert [labels["entity"] for _, labels in stage.told.of("on-call", "ReserveShortfall")] == ["jp-main", other["entity"]]


async def test_an_outage_of_the_dispatcher_resolves_nothing_and_trips_the_switch(tmp_path: Path) -> None:
    async with a_stage(tmp_path) as stage:
        async with stage.dispatcher():
            await stage.bench.publish()
            await until(
                lambda: "firing" in stage.told.statuses("dead-mans-switch", "DispatcherWatchdog"), what="the sign of life"
            )
            await until(lambda: stage.told.statuses("on-call", "ReserveShortfall") == ["firing"])

        async def tripped() -> bool:
            return await stage.am.firing("DispatcherWatchdog") == []

        took = await eventually(tripped, 15, "the sign of life ending by itself")
        assert took > 0, "it was alive until the dispatcher ended"
        assert await stage.severities() == ["critical"], "the alert outlives the dispatcher"
        await until(lambda: stage.told.statuses("dead-mans-switch", "DispatcherWatchdog")[-1] == "resolved", what="the switch")
        assert stage.told.statuses("on-call", "ReserveShortfall") == ["firing"]


async def test_an_alertmanager_without_memory_learns_what_fires(tmp_path: Path) -> None:
    async with a_stage(tmp_path) as stage, stage.dispatcher():
        await stage.bench.publish()
        await until(lambda: stage.told.statuses("on-call", "ReserveShortfall") == ["firing"])
        await stage.am.stop(kill=True)
        await stage.bench.publish(1, entity="kr-main")
        await stage.am.start()

        async def both() -> bool:
            return await stage.severities() == ["critical", "critical"]

        await eventually(both, 20, "the alert from before and the one raised while it was down")


async def test_a_cluster_with_one_member_down_is_told_and_the_member_is_caught_up(tmp_path: Path) -> None:
    async with a_bench() as bench, Notifications().serve() as told:
        configuration = alertmanager_configuration(told.url)
        one = Alertmanager(tmp_path / "one", configuration, clustered=True)
        two = Alertmanager(tmp_path / "two", configuration, peers=(one.cluster,), clustered=True)
        stage = Stage(bench, one, told)
        async with one.running(), two.running(), stage.dispatcher(one, two):
            await bench.publish(entity="a")
            await until(lambda: told.statuses("on-call", "ReserveShortfall") == ["firing"], 30, "the page")
            await two.stop(kill=True)
            await bench.publish(1, entity="b")
            await until(lambda: len(told.statuses("on-call", "ReserveShortfall")) == 2, 30, "the page with one member down")
            await bench.publish(entity="a", revision=2, status="resolved")
            assert bench.observed.outcomes["pager", "peer_failed"] > 0
            await two.start()

            async def caught_up() -> bool:
                return [labels["entity"] for labels in await two.firing("ReserveShortfall")] == ["b"]

            await eventually(caught_up, 20, "the member that was down knowing what fires, and only that")
            assert bench.observed.outcomes["pager", "failed"] == 0


async def test_rehearsals_and_shadow_methods_page_nobody(tmp_path: Path) -> None:
    async with a_stage(tmp_path) as stage, stage.dispatcher():
        await stage.bench.publish(mode="shadow", method="kr.vaupa_reserve")
        await stage.bench.publish(1, entity="drill", rehearsal=True)
        await until(lambda: stage.told.statuses("rehearsal", "ReserveShortfall") == ["firing"])
        await stage.bench.publish(1, entity="drill", rehearsal=False, revision=2, reason="updated")
        await until(lambda: stage.told.statuses("on-call", "ReserveShortfall") == ["firing"], what="the end of the rehearsal")
        await until(lambda: stage.told.statuses("rehearsal", "ReserveShortfall") == ["firing", "resolved"])
        assert {labels["entity"] for labels in await stage.am.firing("ReserveShortfall")} == {"drill"}


async def test_a_dead_feed_inhibits_what_follows_from_it(tmp_path: Path) -> None:
    async with a_stage(tmp_path) as stage, stage.dispatcher():
        await stage.bench.publish(
            alertname="SourceStale", severity="warning", rule="source_stale", subject="custody.balances", method=None
        )
        await until(lambda: stage.told.statuses("on-call", "SourceStale") == ["firing"])
        await stage.bench.publish(alertname="ReserveUnknown")
        await stage.bench.publish(alertname="ReserveShortfall")
        await until(lambda: stage.told.statuses("on-call", "ReserveShortfall") == ["firing"])
        assert stage.told.statuses("on-call", "ReserveUnknown") == [], "known to Alertmanager, and explained by the dead feed"
        assert len(await stage.am.firing("ReserveUnknown")) == 1


async def test_a_storm_arrives_in_time(tmp_path: Path) -> None:
    """A thousand alerts at once: all of them stand at Alertmanager, and the time is printed."""
    async with a_stage(tmp_path) as stage, stage.dispatcher():
        loop = asyncio.get_running_loop()
        began = loop.time()
        await stage.bench.publish_many([{"entity": f"e-{number}"} for number in range(1000)])
        produced = loop.time()

        async def all_stand() -> bool:
            return len(await stage.am.firing("ReserveShortfall")) == 1000

        await eventually(all_stand, 60, "a thousand alerts")
        print(f"1,000 alerts: produced in {produced - began:.2f} s, all at Alertmanager {loop.time() - produced:.2f} s later")  # noqa: T201
