"""Evidence of a running daemon: exported while it works and after a kill, verified without Kafka, one figure proven."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from monitor.audit.bundle import OUTPUTS
from monitor.audit.container import Reader
from monitor.audit.signatures.keys import new_key
from monitor.core.journal.vocabulary import ASSESSMENTS
from monitor.core.values.times import SECOND, exact_time
from monitor.events import Event
from streams.demo.simulator import Simulator
from streams.eventfiles.publisher import Publisher
from streams.kafka.embedded import EmbeddedBroker
from streams.kafka.topics import TopicNames, create_topics, topic_specs

from .daemon_settings import ENTITY, applied, daemon_of, status_when

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.broker, pytest.mark.timeout(150)]


async def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, *(str(word) for word in arguments)]
    return await asyncio.to_thread(subprocess.run, words, capture_output=True, text=True, timeout=100, check=False, cwd=ROOT)


async def audit(*arguments: str | Path) -> str:
    result = await command("-m", "monitor", "audit", *arguments)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


async def simulated(publisher: Publisher, seconds: int, run: str) -> None:
    simulator = Simulator({ENTITY: "JPY"}, 1, run)
    began = time.time_ns() - seconds * SECOND
    events = list(simulator.opening(began))
    for number in range(seconds):
        events += simulator.second(began + number * SECOND, number, 20)
    for event in events:
        await publisher.publish_event(event)


def a_checkpoint_now() -> Event:
    now = time.time_ns()
    value: dict[str, Any] = {
        "event_id": "o-1", "entity": ENTITY, "kind": "checkpoint", "at": exact_time(now), "by": ["auditor"],
        "reason": "visit", "expires_at": None, "body": {},
    }  # fmt: skip
    return Event("reserve.operations", ENTITY, now, value)


async def test_a_bundle_of_a_running_daemon_verifies_without_kafka(tmp_path: Path) -> None:
    public = new_key(tmp_path / "k.pem").public.text
    bundle, names = tmp_path / "a.bundle", TopicNames()
    async with EmbeddedBroker() as broker:
        kafka = broker.settings.model_copy(update={"journal_partitions": 2})
        await create_topics(kafka, topic_specs(kafka, names))
        daemon = daemon_of(tmp_path, kafka, audit={"keys": [str(tmp_path / "k.pem")]})
        config = tmp_path / f"reserve-{daemon.url.rpartition(':')[2]}.yaml"
        await daemon.start()
        try:
            async with Publisher(kafka, names) as publisher:
                await simulated(publisher, 3, "first")
                found = await status_when(daemon.url, lambda status: applied(status, "market.trades") >= 60)
                first = found["checkpoint"]
                await daemon.kill()
                await daemon.start()
                await simulated(publisher, 3, "second")
                await status_when(daemon.url, lambda status: applied(status, "market.trades") >= 120)
                await publisher.publish_event(a_checkpoint_now())
                found = await status_when(daemon.url, lambda status: status["checkpoint"]["tree_size"] > first["tree_size"])
            await audit("export", "--entity", ENTITY, "--out", bundle, "--config", config)
            entries = [line for topic in OUTPUTS.values() for line in Reader(bundle).lines(topic)]
            entry = next(Reader(bundle).lines(OUTPUTS[ASSESSMENTS]))
            (tmp_path / "figure.proof").write_text(await audit("prove", json.loads(entry)["digest"], "--config", config))
        finally:
            await daemon.stop()
    (tmp_path / "first.json").write_text(json.dumps(first))
    verified = json.loads(await audit("verify", bundle, "--key", public, "--checkpoint", tmp_path / "first.json", "--json"))
    assert verified["result"] == "match"
    assert verified["checkpoints"] == verified["checkpoints_signed"] >= 2
    assert verified["entries"] == len(entries) >= found["checkpoint"]["tree_size"]
    second = await command("examples/verify_bundle.py", bundle, public)
    assert second.returncode == 0, second.stderr
    assert "match: entry" in await audit("verify", tmp_path / "figure.proof", "--key", public)
