"""The daemon as a process: whole and split, asked and stopped, and what it says when it cannot start."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from monitor.core.values.times import SECOND
from monitor.errors import CONFIGURATION, CONNECTION
from monitor.settings.kafka import KafkaSettings
from streams.demo.child import free_port
from streams.demo.simulator import Simulator
from streams.eventfiles.publisher import Publisher
from streams.kafka.embedded import EmbeddedBroker
from streams.kafka.topics import TopicNames, create_topics, topic_specs

from .daemon_settings import ENTITY, applied, asked, daemon_of, status_when, written

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.broker, pytest.mark.timeout(150)]


@pytest.fixture
async def kafka() -> AsyncIterator[KafkaSettings]:
    async with EmbeddedBroker() as broker:
        yield broker.settings.model_copy(update={"journal_partitions": 2})


async def prepared(kafka: KafkaSettings) -> None:
    await create_topics(kafka, topic_specs(kafka, TopicNames()))


async def simulated(kafka: KafkaSettings, seconds: int, rate: float, run: str = "sim") -> list[dict[str, Any]]:
    """Publishes what a simulator makes; gives the trades."""
    simulator = Simulator({ENTITY: "JPY"}, 1, run)
    began = time.time_ns() - seconds * SECOND
    events = list(simulator.opening(began))
    for number in range(seconds):
        events += simulator.second(began + number * SECOND, number, rate)
    async with Publisher(kafka, TopicNames()) as publisher:
        for event in events:
            await publisher.publish_event(event)
    return [event.value for event in events if event.topic == "market.trades"]


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RESERVE_")}
    return subprocess.run(
        [sys.executable, "-m", "monitor", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
        env=environment,
    )


async def in_thread(*arguments: str) -> subprocess.CompletedProcess[str]:
    return await asyncio.to_thread(command, *arguments)


def said(result: subprocess.CompletedProcess[str]) -> str:
    """The one line for the user; logs are on stdout."""
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    return lines[0]


async def test_stages_apart_give_what_was_published_and_a_stop_loses_nothing(kafka: KafkaSettings, tmp_path: Path) -> None:
    await prepared(kafka)
    daemons = [daemon_of(tmp_path, kafka, stage) for stage in ("intake", "assessor", "dispatcher")]
    for daemon in daemons:
        await daemon.start()
    url = daemons[1].url
    try:
        trades = await simulated(kafka, 5, 40)
        found = await status_when(url, lambda status: applied(status, "market.trades") == len(trades))
        assert await daemons[0].stop() == 0
        more = await simulated(kafka, 3, 40, "later")
        await daemons[0].start()
        found = await status_when(url, lambda status: applied(status, "market.trades") == len(trades) + len(more))
        code, _ = await asked(daemons[0].url, f"/status/{ENTITY}")
        assert code == 404
    finally:
        codes = [await daemon.stop() for daemon in daemons]
    assert codes == [0, 0, 0]
    total = sum(Decimal(trade["price"]) * Decimal(trade["quantity"]) for trade in [*trades, *more])
    rows = [row for row in found["trade_flow"] if row["window"] == "24h"]
    assert sum(Decimal(row["value"]) for row in rows) == total
    assert {one["method"]: one["state"] for one in found["methods"]}["jp.psa_custody"] == "adequate"


async def test_the_command_line_asks_the_daemon(kafka: KafkaSettings, tmp_path: Path) -> None:
    await prepared(kafka)
    daemon = daemon_of(tmp_path, kafka)
    config = str(tmp_path / f"reserve-{daemon.url.rpartition(':')[2]}.yaml")
    await daemon.start()
    try:
        trades = await simulated(kafka, 3, 10)
        await status_when(daemon.url, lambda status: applied(status, "market.trades") == len(trades))
        shown = await in_thread("status", ENTITY, "--json", "--config", config)
        everything = await in_thread("status", "--config", config)
        unseen = await in_thread("status", "nobody", "--config", config)
        firing = await in_thread("alerts", "list", "--json", "--config", config)
        again = await in_thread("run", "--config", config)
    finally:
        assert await daemon.stop() == 0
    assert json.loads(shown.stdout)["entity"] == ENTITY
    assert shown.returncode in {0, 5}
    assert ENTITY in everything.stdout
    assert unseen.returncode == 5
    assert "nobody" in said(unseen)
    assert firing.returncode == 0
    assert again.returncode == CONNECTION
    assert "is in use" in said(again)


async def test_a_second_signal_ends_at_once(kafka: KafkaSettings, tmp_path: Path) -> None:
    await prepared(kafka)
    config, port = written(tmp_path, kafka)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "monitor", "run", "--config", str(config), stdout=asyncio.subprocess.DEVNULL, cwd=ROOT
    )
    async with asyncio.timeout(60):
        while (await asked(f"http://127.0.0.1:{port}", "/livez"))[0] != 200:  # noqa: ASYNC110 - another process is waited for
            await asyncio.sleep(0.1)
    process.send_signal(signal.SIGSTOP)  # so that both signals wait together
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGCONT)
    assert await asyncio.wait_for(process.wait(), 30) in {128 + signal.SIGTERM, 128 + signal.SIGINT}


async def test_a_missing_topic_is_one_line(kafka: KafkaSettings, tmp_path: Path) -> None:
    config, _ = written(tmp_path, kafka)
    result = await in_thread("run", "--config", str(config))
    assert result.returncode == CONFIGURATION
    assert "topics create" in said(result)


async def test_another_configuration_under_the_same_revision_is_refused(kafka: KafkaSettings, tmp_path: Path) -> None:
    await prepared(kafka)
    daemon = daemon_of(tmp_path, kafka)
    await daemon.start()
    await daemon.ready(60)
    assert await daemon.stop() == 0
    changed, _ = written(tmp_path, kafka, publish_interval_s=30)
    result = await in_thread("run", "--config", str(changed))
    assert result.returncode == CONFIGURATION
    assert "raise `revision`" in said(result)


async def test_no_broker_is_one_line(tmp_path: Path) -> None:
    config, _ = written(tmp_path, KafkaSettings(bootstrap_servers=f"127.0.0.1:{free_port()}", embedded=True))
    result = await in_thread("run", "--config", str(config))
    assert result.returncode == CONNECTION
    assert "no Kafka broker answers" in said(result)
    replayed = await in_thread("replay", "--events", os.devnull, "--config", str(config))
    assert replayed.returncode == CONNECTION
    assert "Traceback" not in replayed.stderr
