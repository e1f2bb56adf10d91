"""Against Apache Kafka with TLS, SCRAM, certificates and ACLs (`make kafka-up SECURE=1`): every principal can do its work, and
nothing else. One test a line of the table in deploy/kafka/acls.py."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError

from deploy.kafka.acls import ADMINISTRATOR, ASSESSOR, DISPATCHER, FEEDS, FINANCE, INTAKE, Grant, all_topics, grants
from monitor.errors import ConnectionProblem
from monitor.settings.kafka import KafkaSettings
from streams.demo.child import DaemonProcess, free_port
from streams.kafka.clients import consumer, producer, started
from streams.kafka.topics import TopicNames, create_topics, topic_specs

FOLDER = Path(os.environ.get("KAFKA_SECURE", "absent"))
USERS = os.environ.get("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:9092")
CERTIFICATES = f"127.0.0.1:{int(USERS.rpartition(':')[2]) + 2}"
PARTITIONS = 16
GRANTS = {grant.principal: grant for grant in grants(KafkaSettings())}

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not FOLDER.is_dir(), reason="needs `make kafka-up SECURE=1` and KAFKA_SECURE, the folder it prints"),
]


def by_password(principal: str, password: Path | None = None) -> dict[str, Any]:
    return {
        "bootstrap_servers": USERS,
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "username": principal,
        "password_file": str(password or FOLDER / f"{principal}.password"),
        "ca_file": str(FOLDER / "ca.pem"),
    }


def by_certificate(principal: str) -> dict[str, Any]:
    return {
        "bootstrap_servers": CERTIFICATES,
        "security_protocol": "SSL",
        "ca_file": str(FOLDER / "ca.pem"),
        "cert_file": str(FOLDER / f"{principal}.pem"),
        "key_file": str(FOLDER / f"{principal}.key"),
    }


@pytest.fixture
async def topics() -> tuple[str, ...]:
    kafka = KafkaSettings(**by_certificate(ADMINISTRATOR))
    await create_topics(kafka, topic_specs(kafka, TopicNames()))
    return all_topics(kafka)


async def written_to(kafka: KafkaSettings, topics: tuple[str, ...]) -> list[str]:
    """The topics that take a record from this principal."""
    client = await started(producer(kafka, request_timeout_ms=5000, enable_idempotence=False), kafka)
    taken = []
    for topic in topics:
        try:
            await client.send_and_wait(topic, b"forged", key=b"forged", partition=0)
        except TopicAuthorizationFailedError:
            continue
        taken.append(topic)
    await client.stop()
    return taken


async def read_from(kafka: KafkaSettings, topics: tuple[str, ...]) -> list[str]:
    """The topics that this principal can fetch: what it may not even see is not in the list that the broker gives."""
    client = await started(consumer(kafka, auto_offset_reset="earliest", fetch_max_wait_ms=100), kafka)
    seen = await client.topics()
    given = [topic for topic in topics if topic in seen and await fetched(client, TopicPartition(topic, 0))]
    await client.stop()
    return given


async def fetched(client: AIOKafkaConsumer, place: TopicPartition) -> bool:
    """Whether the broker answers a fetch, if without records, or refuses it. Silence, as of a topic just made, is neither."""
    client.assign([place])
    async with asyncio.timeout(60):
        while client.highwater(place) is None:
            try:
                await client.getmany(timeout_ms=200)
            except TopicAuthorizationFailedError:
                return False
    return True


@pytest.mark.parametrize("principal", sorted(GRANTS))
async def test_a_principal_reads_and_writes_only_what_its_line_says(principal: str, topics: tuple[str, ...]) -> None:
    grant: Grant = GRANTS[principal]
    kafka = KafkaSettings(**by_password(principal))
    others = tuple(topic for topic in topics if topic not in grant.writes)  # no garbage where stages read
    assert await written_to(kafka, others) == [], f"{principal} can forge"
    assert set(await read_from(kafka, topics)) == set(grant.reads)


async def test_a_wrong_password_and_a_foreign_certificate_are_refused(tmp_path: Path) -> None:
    wrong = tmp_path / "password"
    wrong.write_text("not the password")
    with pytest.raises((ConnectionProblem, KafkaError)):
        await started(producer(KafkaSettings(**by_password(INTAKE, wrong))), KafkaSettings(**by_password(INTAKE, wrong)))
    without = KafkaSettings(**{**by_certificate(INTAKE), "cert_file": None, "key_file": None})
    with pytest.raises((ConnectionProblem, KafkaError)):
        await started(producer(without), without)


@pytest.fixture
async def stages(topics: tuple[str, ...], tmp_path: Path) -> AsyncIterator[dict[str, DaemonProcess]]:
    """Each stage in a process of its own, by its own principal: the assessor, so Faust, by certificate."""
    assert topics
    running: dict[str, DaemonProcess] = {}
    try:
        for stage, connection in (
            ("intake", by_password(INTAKE)),
            ("assessor", by_certificate(ASSESSOR)),
            ("dispatcher", by_password(DISPATCHER)),
        ):
            port = free_port()
            path = written(tmp_path, stage, connection, port)
            running[stage] = DaemonProcess(path, tmp_path / f"{stage}.log", port, (stage,))
            await running[stage].start()
        for one in running.values():
            await one.ready(120)
        yield running
    finally:
        for one in running.values():
            await one.stop()


def written(folder: Path, name: str, connection: dict[str, Any], port: int = 0) -> Path:
    path = folder / f"{name}.yaml"
    content = {
        "kafka": connection | {"journal_partitions": PARTITIONS},
        "http": {"port": port},
        "entities": {"jp-main": {"reporting_currency": "JPY", "methods": [{"id": "jp.psa_custody"}]}},
    }
    path.write_text(yaml.safe_dump(content))
    return path


async def called(*arguments: str) -> int:
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "monitor", *arguments)
    return await process.wait()


async def test_every_stage_works_with_its_own_principal(stages: dict[str, DaemonProcess], tmp_path: Path) -> None:
    feeds = written(tmp_path, "feeds", by_password(FEEDS))
    sent = "custody.balances,market.trades,market.prices,security.incidents"
    assert await called("simulate", "--for", "3s", "--topics", sent, "--config", str(feeds)) == 0
    finance = written(tmp_path, "finance", by_certificate(FINANCE))
    assert await called("simulate", "--for", "1s", "--topics", "entity.declarations", "--config", str(finance)) == 0
    async with aiohttp.ClientSession() as session, asyncio.timeout(90):
        while True:
            async with session.get(f"{stages['assessor'].url}/status/jp-main") as answer:
                body = await answer.json()
                if answer.status == 200 and body["methods"] and body["methods"][0]["required"] is not None:
                    break
            await asyncio.sleep(0.5)
    for stage, process in stages.items():
        assert not process.ended, f"{stage}: {process.last_words()}"
