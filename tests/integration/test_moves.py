"""docs/operations.md tried on a daemon with its commands: a topic made anew, a lost snapshot table, another cluster."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiokafka import TopicPartition

from monitor.core.journal.vocabulary import ASSESSMENTS, BALANCES, DECLARATIONS, JOURNAL, PRICES, SOURCE_TOPICS
from monitor.core.values.times import SECOND, format_time
from monitor.settings.kafka import KafkaSettings
from streams.demo.child import DaemonProcess
from streams.kafka.clients import admin, ended, producer, started
from streams.kafka.embedded import EmbeddedBroker
from streams.kafka.reading import read_range
from streams.kafka.topics import TopicNames, topic_specs

from .daemon_settings import applied, asked, daemon_of, status_when
from .test_daemon import command

pytestmark = [pytest.mark.broker, pytest.mark.timeout(150)]
FIGURES = {"state": "adequate", "required": "100000000", "available": "100000000", "coverage": "1", "gaps": []}
SNAPSHOTS = "reserve-monitor.assessor-snapshots-changelog"


def opening(folder: Path) -> Path:
    """An event file: what the entity holds and owes, and what it is worth, of now."""
    at = format_time(time.time_ns() - 5 * SECOND)
    position = {"entity": "jp-main", "asset": "BTC", "as_of": at}
    values: list[tuple[str, dict[str, Any]]] = [
        (BALANCES, {"event_id": "b-1", "account": "vault", "role": "client_asset", "storage": "cold", "quantity": "1000"}),
        (BALANCES, {"event_id": "b-2", "account": "hot", "role": "client_asset", "storage": "hot", "quantity": "10"}),
        (BALANCES, {"event_id": "b-3", "account": "own", "role": "guarantee_asset", "storage": "cold", "quantity": "20"}),
        (BALANCES, {"event_id": "b-4", "account": "book", "role": "client_liability", "storage": "ledger", "quantity": "1005"}),
    ]
    price = {
        "event_id": "p-1",
        "asset": "BTC",
        "currency": "JPY",
        "price": "10000000",
        "as_of": at,
        "source": "desk",
        "kind": "spot",
    }
    declared: dict[str, Any] = {
        "entity": "jp-main",
        "effective_from": "2020-01-01T00:00:00Z",
        "effective_to": None,
        "currency": "JPY",
        "attributes": {},
    }
    sums = [
        (DECLARATIONS, declared | {"event_id": f"d-{kind}", "kind": kind, "amount": "500000000"})
        for kind in ("capital", "net_assets")
    ]
    lines = [*((topic, value | position) for topic, value in values), *sums, (PRICES, price)]
    file = folder / "opening.jsonl"
    file.write_text("".join(json.dumps({"topic": t, "key": None, "timestamp": at, "value": v}) + "\n" for t, v in lines))
    return file


def whole(status: dict[str, Any]) -> bool:
    return [applied(status, topic) for topic in (BALANCES, DECLARATIONS, PRICES)] == [4, 2, 1]


async def told(daemon: DaemonProcess, *arguments: str) -> str:
    """What a command of the documents says, on the daemon's configuration."""
    done = await asyncio.to_thread(command, *arguments, "--config", str(configuration(daemon)))
    assert done.returncode == 0, done.stderr
    return done.stdout


def configuration(daemon: DaemonProcess) -> Path:
    return Path(next(argument for argument in daemon._arguments if argument.endswith(".yaml")))


def headline(status: dict[str, Any]) -> dict[str, Any]:
    (found,) = [one for one in status["methods"] if one["method"] == "jp.psa_custody"]
    return {name: found[name] for name in ("state", "required", "available", "coverage", "gaps")}


async def test_a_topic_made_anew_and_a_lost_snapshot_table(tmp_path: Path) -> None:
    async with EmbeddedBroker() as broker:
        kafka = broker.settings.model_copy(update={"journal_partitions": 2})
        daemon, events = daemon_of(tmp_path, kafka), opening(tmp_path)
        await told(daemon, "topics", "create")
        await told(daemon, "replay", "--events", str(events))
        await daemon.start()
        try:
            before = await status_when(daemon.url, whole)
            assert await daemon.stop() == 0
            await removed(kafka, PRICES, SNAPSHOTS)
            await told(daemon, "topics", "create")
            content = yaml.safe_load(configuration(daemon).read_text())
            configuration(daemon).write_text(yaml.safe_dump(content | {"revision": 1, "sources": {PRICES: {"epoch": 1}}}))
            await daemon.start()
            again = opening(tmp_path)
            again.write_text(again.read_text().splitlines(keepends=True)[-1])
            await told(daemon, "replay", "--events", str(again))
            after = await status_when(daemon.url, lambda status: applied(status, PRICES) == 2)
        finally:
            await daemon.stop()
    assert headline(before) == headline(after) == FIGURES
    assert applied(after, BALANCES) == 4


async def test_another_cluster_begins_a_new_journal_and_comes_to_the_same_figures(tmp_path: Path) -> None:
    async with EmbeddedBroker() as broker:
        kafka = broker.settings.model_copy(update={"journal_partitions": 2})
        daemon = daemon_of(tmp_path, kafka, sources={topic: {"epoch": 1} for topic in SOURCE_TOPICS}, revision=1)
        await told(daemon, "topics", "create")
        await told(daemon, "replay", "--events", str(opening(tmp_path)))
        await daemon.start()
        try:
            found = await status_when(daemon.url, whole)
        finally:
            assert await daemon.stop() == 0
    assert headline(found) == FIGURES


async def removed(kafka: KafkaSettings, *topics: str) -> None:
    client = await started(admin(kafka), kafka)
    try:
        await client.delete_topics(list(topics))
    finally:
        await ended(client)


async def mirrored(source: KafkaSettings, target: KafkaSettings, *, twice: frozenset[str]) -> None:
    """Every record with its key, value, headers and time, as a mirror copies them; the first of some topics comes twice."""
    client = await started(producer(target), target)
    try:
        for spec in topic_specs(source, TopicNames()):
            places = [TopicPartition(spec.name, number) for number in range(spec.partitions)]
            async for record in read_range(source, dict.fromkeys(places, 0)):
                for _ in range(2 if spec.name in twice and record.offset == 0 else 1):
                    await client.send_and_wait(
                        spec.name, record.value, record.key, partition=record.partition, timestamp_ms=record.timestamp,
                        headers=list(record.headers),
                    )  # fmt: skip
    finally:
        await ended(client)


async def entries(kafka: KafkaSettings) -> list[Any]:
    places = [TopicPartition(ASSESSMENTS, number) for number in range(kafka.journal_partitions)]
    return [record.value async for record in read_range(kafka, dict.fromkeys(places, 0))]


async def entries_beyond(count: int, kafka: KafkaSettings) -> None:
    """Wait until there are more; TimeoutError after a minute. What a status shows can be of before a start's first evaluation."""
    async with asyncio.timeout(60):
        while True:
            if len(await entries(kafka)) > count:
                return
            await asyncio.sleep(0.1)


async def test_a_mirror_goes_on_where_the_journal_is_whole_and_the_epochs_are_raised(tmp_path: Path) -> None:
    for name in ("second", "third"):
        (tmp_path / name).mkdir()
    async with EmbeddedBroker() as first, EmbeddedBroker() as second:
        kafka, other = (one.settings.model_copy(update={"journal_partitions": 1}) for one in (first, second))
        daemon = daemon_of(tmp_path, kafka)
        await told(daemon, "topics", "create")
        await told(daemon, "replay", "--events", str(opening(tmp_path)))
        await daemon.start()
        try:
            before = await status_when(daemon.url, whole)
        finally:
            assert await daemon.stop() == 0
        published = await entries(kafka)
        epochs = {topic: {"epoch": 1} for topic in SOURCE_TOPICS}
        there = daemon_of(tmp_path / "second", other, sources=epochs, revision=1)
        await told(there, "topics", "create")
        await mirrored(kafka, other, twice=frozenset(SOURCE_TOPICS))
        await there.start()
        try:
            after = await status_when(there.url, lambda status: applied(status, BALANCES) >= 4 and not status_waits(status))
            await entries_beyond(len(published), other)
        finally:
            assert await there.stop() == 0
        found = await entries(other)
        assert await stops(tmp_path / "third", kafka) == {"journal partition 0": "stopped: chain_fork"}
    assert headline(before) == headline(after) == FIGURES
    assert found[: len(published)] == published
    sequences = [json.loads(value)["chain"]["sequence"] for value in found]
    assert sequences == sorted(set(sequences))


async def stops(folder: Path, kafka: KafkaSettings) -> dict[str, str]:
    """What a daemon says of its partitions on a mirror whose journal has its first record twice."""
    async with EmbeddedBroker() as third:
        other = third.settings.model_copy(update={"journal_partitions": 1})
        daemon = daemon_of(folder, other, sources={topic: {"epoch": 1} for topic in SOURCE_TOPICS}, revision=1)
        await told(daemon, "topics", "create")
        await mirrored(kafka, other, twice=frozenset({JOURNAL}))
        await daemon.start()
        try:
            async with asyncio.timeout(60):
                while True:
                    _, body = await asked(daemon.url, "/readyz")
                    found = {name: what for name, what in (body or {"checks": {}})["checks"].items() if "partition" in name}
                    if found:
                        return found
                    await asyncio.sleep(0.1)
        finally:
            await daemon.stop()


def status_waits(status: dict[str, Any]) -> bool:
    return headline(status) != FIGURES
