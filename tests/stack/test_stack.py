"""The whole product with the real servers: Apache Kafka, Prometheus, Alertmanager, and the daemon as separate processes."""

import asyncio
from pathlib import Path

import pytest

from tests.receivers import until
from tests.stack.plant import FEED_LIMIT_S, Daemon, Plant, a_plant
from tests.stack.servers import REPOSITORY, Prometheus, eventually, fetch

pytestmark = [pytest.mark.stack, pytest.mark.timeout(420)]

OUTAGE_S = 20.0
"""Longer than Alertmanager's resolve_timeout here (5 s) and than twenty repeats: what minutes are with the shipped times."""


async def test_the_life_of_a_shortfall_through_restart_and_outage(tmp_path: Path) -> None:
    async with a_plant(tmp_path) as plant:
        core, dispatcher = plant.daemon("core", "intake", "assessor"), plant.daemon("dispatcher", "dispatcher")
        async with core.running(), dispatcher.running(), plant.prometheus(core, dispatcher).running() as prometheus:
            plant.feeds.keep_alive()
            await plant.feeds.open_book()
            await plant.settle(core, "adequate")
            await _scraped(prometheus)
            await _shortfall_reaches_everybody(plant)
            await _restart_repeats_nothing(plant, core, dispatcher)
            await _outage_resolves_nothing(plant, dispatcher)
            await plant.feeds.guarantee("60")
            await _resolved_everywhere(plant)


async def test_a_dead_feed_and_a_dead_daemon_are_heard(tmp_path: Path) -> None:
    async with a_plant(tmp_path) as plant:
        daemon = plant.daemon("daemon", "intake", "assessor", "dispatcher")
        async with daemon.running(), plant.prometheus(daemon).running() as prometheus:
            plant.feeds.keep_alive()
            await plant.feeds.open_book()
            await plant.settle(daemon, "adequate")
            for sign in ("Watchdog", "DispatcherWatchdog", "EvaluationHeartbeat", "ReserveMonitorHeartbeat"):
                await until(lambda sign=sign: plant.told.statuses("dead-mans-switch", sign) != [], 30, sign)  # type: ignore[misc]
            before = len(_stale(plant))
            assert before == 0 or _stale(plant)[-1] == "resolved", "while nothing had come yet, it was silent too"
            unknown = len(plant.told.of("on-call", "ReserveUnknown"))
            await plant.feeds.fall_silent()
            await until(lambda: _stale(plant)[before:] == ["firing"], FEED_LIMIT_S + 20, "SourceStale")
            assert plant.told.of("on-call", "SourceStale")[-1][1]["subject"] == "custody.balances"
            assert len(plant.told.of("on-call", "ReserveUnknown")) == unknown, "explained by the dead feed"
            plant.feeds.keep_alive()
            await until(lambda: _stale(plant)[-1] == "resolved", 30, "the feed's return")
            await daemon.stop(kill=True)
            await until(
                lambda: plant.told.statuses("dead-mans-switch", "DispatcherWatchdog")[-1] == "resolved",
                30,
                "the dead-man's switch",
            )

            async def down() -> bool:
                return [value for _, value in await prometheus.query('up{job="reserve-monitor"}')] == [0.0]

            await eventually(down, 10, "Prometheus seeing it")
            assert plant.told.statuses("dead-mans-switch", "Watchdog")[-1] == "firing", "Prometheus itself is alive"


async def _scraped(prometheus: Prometheus) -> None:
    """Both processes are scraped, every shipped rule is loaded and evaluated without error, the state is the right one."""

    async def adequate() -> bool:
        found = await prometheus.query('reserve_state{entity="jp-main",method="jp.psa_custody"} == 1')
        return [labels["state"] for labels, _ in found] == ["adequate"]

    async def both_up() -> bool:
        return [value for _, value in await prometheus.query('up{job="reserve-monitor"}')] == [1.0, 1.0]

    await eventually(adequate, 20, "Prometheus knowing the state")
    await eventually(both_up, 20, "Prometheus seeing both processes")
    groups = (await fetch(f"{prometheus.url}/api/v1/rules"))["data"]["groups"]
    loaded = [rule["name"] for group in groups for rule in group["rules"]]
    shipped = sum(path.read_text().count("- alert:") for path in (REPOSITORY / "deploy/prometheus/rules").glob("*.yml"))
    assert len(loaded) >= shipped > 0
    assert not [rule["lastError"] for group in groups for rule in group["rules"] if rule.get("lastError")]


async def _shortfall_reaches_everybody(plant: Plant) -> None:
    await plant.feeds.guarantee("30")
    await until(lambda: plant.told.statuses("on-call", "ReserveShortfall") == ["firing"], 20, "the page through Alertmanager")
    await until(lambda: _hooked(plant, "ReserveShortfall") == ["firing"], 20, "the webhook")
    await until(lambda: "ReserveShortfall" in _paged(plant), 20, "PagerDuty")
    await until(lambda: any("ReserveShortfall" in message["text"] for message in plant.slack.parents), 20, "Slack")
    await until(
        lambda: len(plant.pd.requests) == len(plant.hook.requests) == plant.slack.calls["chat.postMessage"] >= 2, 20, "the asset"
    )
    alert = next(one for one in plant.hook.alerts if one["alertname"] == "ReserveShortfall")
    named = [str(cause["event_id"]) for cause in alert["causes"] if cause["topic"] == "custody.balances"]
    assert any(name.startswith("b-own-BTC-") for name in named), "it names the event that caused it"


async def _restart_repeats_nothing(plant: Plant, *daemons: Daemon) -> None:
    """Every process is stopped and started again: nobody is told twice, nothing resolves."""
    for daemon in daemons:
        await daemon.stop()
    for daemon in daemons:
        await daemon.start()
    signs = len(_switch(plant))
    await until(lambda: len(_switch(plant)) > signs + 1, 30, "signs of life")
    assert plant.told.statuses("on-call", "ReserveShortfall") == ["firing"]
    alerts = {fingerprint for fingerprint, _, _ in plant.hook.states}
    assert len(plant.hook.accepted) == len(plant.hook.alerts), "no revision twice"
    assert len(plant.slack.parents) == len(alerts) >= 2, "no alert twice"


async def _outage_resolves_nothing(plant: Plant, dispatcher: Daemon) -> None:
    """The dispatcher is killed; meanwhile an incident opens. The switch trips, nothing resolves, the incident arrives after."""
    await dispatcher.stop(kill=True)
    await plant.feeds.incident("i-1", 1, "confirmed")
    await until(
        lambda: plant.told.statuses("dead-mans-switch", "DispatcherWatchdog")[-1] == "resolved", 30, "the dead-man's switch"
    )
    await asyncio.sleep(OUTAGE_S)
    assert plant.told.statuses("on-call", "ReserveShortfall") == ["firing"]
    assert [labels["entity"] for labels in await plant.am.firing("ReserveShortfall")] == ["jp-main"]
    await dispatcher.start()
    await until(lambda: plant.told.statuses("on-call", "SecurityIncidentOpen") == ["firing"], 20, "the incident")
    assert plant.told.statuses("on-call", "ReserveShortfall") == ["firing"]
    assert _hooked(plant, "ReserveShortfall") == ["firing"]


async def _resolved_everywhere(plant: Plant) -> None:
    await until(lambda: plant.told.statuses("on-call", "ReserveShortfall") == ["firing", "resolved"], 20, "the end")
    await until(lambda: _hooked(plant, "ReserveShortfall")[-1] == "resolved", 20, "the webhook's end")
    await until(
        lambda: {event["payload"]["class"] for event in plant.pd.open.values()} == {"SecurityIncidentOpen"}, 20, "PagerDuty"
    )
    parents = [message["text"] for message in plant.slack.parents if "ReserveShortfall" in message["text"]]
    assert len(parents) == 1
    assert parents[0].startswith("RESOLVED")


def _switch(plant: Plant) -> list[str]:
    return plant.told.statuses("dead-mans-switch", "DispatcherWatchdog")


def _stale(plant: Plant) -> list[str]:
    return plant.told.statuses("on-call", "SourceStale")


def _paged(plant: Plant) -> set[str]:
    """Names of what is open at PagerDuty."""
    return {event["payload"]["class"] for event in plant.pd.open.values()}


def _hooked(plant: Plant, alertname: str) -> list[str]:
    """Changes of status of an alert at the webhook."""
    states = [alert["status"] for alert in plant.hook.alerts if alert["alertname"] == alertname]
    return [status for number, status in enumerate(states) if number == 0 or states[number - 1] != status]
