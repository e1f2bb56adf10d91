"""Against Apache Kafka with TLS, users and ACLs (`make kafka-up SECURE=1`): every command that asks a broker works by the
principal that deploy/README.md gives it, and is refused, in a sentence, by one that must not."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.kafka.acls import ADMINISTRATOR, ARCHIVER, ASSESSOR, COMPLIANCE, DISPATCHER, FEEDS, FINANCE, INTAKE, READER, REPAIR
from monitor.errors import CHECK_FAILED, CONFIGURATION, CONNECTION, GOOD, UNKNOWN
from monitor.settings.kafka import KafkaSettings
from streams.demo.child import DaemonProcess, free_port
from streams.kafka.clients import ended, producer, started
from streams.kafka.topics import TopicNames, create_topics, topic_specs
from tests.integration.daemon_settings import status_when
from tests.secure.test_principals import PARTITIONS, by_certificate, by_password, pytestmark

__all__ = ["pytestmark"]
ENTITY = "jp-main"


class Site:
    """Every stage by its own principal, each in a process of its own, and what the commands say."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = {stage: free_port() for stage in (INTAKE, ASSESSOR, DISPATCHER, ARCHIVER)}
        self.stages = {
            one: DaemonProcess(self.config(one), folder / f"{one}.log", port, (one.removeprefix("reserve-"),))
            for one, port in self.ports.items()
        }

    def config(self, principal: str) -> Path:
        connection = by_certificate(principal) if principal in {ASSESSOR, ADMINISTRATOR} else by_password(principal)
        content = {
            "kafka": connection | {"journal_partitions": PARTITIONS},
            "http": {"port": self.ports.get(principal, self.ports[ASSESSOR])},
            "entities": {ENTITY: {"reporting_currency": "JPY", "methods": [{"id": "jp.psa_custody"}]}},
            "archive": {"target": str(self.folder / "archive")},
        }
        path = self.folder / f"{principal}.yaml"
        path.write_text(yaml.safe_dump(content))
        return path

    async def said(self, principal: str, *arguments: str, stdin: str = "") -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "monitor", *arguments, "--config", str(self.config(principal)),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await process.communicate(stdin.encode())
        assert process.returncode is not None
        return process.returncode, output.decode()


def line(topic: str, **value: Any) -> str:
    now = datetime.now(UTC).isoformat()
    body = {"event_id": f"{topic}-{now}", "as_of": now} | value
    return json.dumps({"topic": topic, "key": None, "timestamp": now, "value": body}) + "\n"


def balances() -> str:
    held = {"entity": ENTITY, "account": "a", "storage": "cold", "asset": "BTC"}
    return line("custody.balances", role="client_liability", quantity="5", **held) + line(
        "custody.balances", role="client_asset", quantity="5", **held
    )


def declaration() -> str:
    now = datetime.now(UTC).isoformat()
    value: dict[str, Any] = {"event_id": f"d-{now}", "entity": ENTITY, "kind": "capital", "effective_from": now}
    value |= {"amount": "500000000", "currency": "JPY", "attributes": {}}
    return json.dumps({"topic": "entity.declarations", "key": None, "timestamp": now, "value": value}) + "\n"


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    site = Site(tmp_path)
    try:
        administrator = KafkaSettings(**by_certificate(ADMINISTRATOR))
        await create_topics(administrator, topic_specs(administrator, TopicNames()))
        for stage in site.stages.values():
            await stage.start()
        for stage in site.stages.values():
            await stage.ready(120)
        yield site
    finally:
        for stage in site.stages.values():
            await stage.stop()


async def refused_record() -> str:
    """A record that is none; the name of its dead letter."""
    kafka = KafkaSettings(**by_password(FEEDS))
    client = await started(producer(kafka), kafka)
    try:
        sent = await client.send_and_wait("custody.balances", b"no record", key=b"x", partition=0)
    finally:
        await ended(client)
    return f"custody.balances/0/0/{sent.offset}"


async def listed(site: Site, letter: str) -> None:
    async with asyncio.timeout(60):
        while letter not in (await site.said(READER, "dlq", "list"))[1]:
            pass


async def test_every_command_works_by_the_principal_that_the_table_gives_it(site: Site) -> None:
    events, declared = site.folder / "balances.jsonl", site.folder / "declarations.jsonl"
    events.write_text(balances())
    declared.write_text(declaration())
    assert await site.said(FEEDS, "replay", "--events", str(events)) == (0, "2 events published\n")
    assert await site.said(FINANCE, "replay", "--events", str(declared)) == (0, "1 event published\n")
    letter, other = await refused_record(), await refused_record()
    await status_when(site.stages[ASSESSOR].url, lambda status: bool(status["alerts"]))
    await listed(site, other)
    alert, *_ = json.loads((await site.said(READER, "alerts", "list", "--json"))[1])
    bundle = str(site.folder / "jp-main.bundle")
    for principal, *arguments in (
        (READER, "status", ENTITY), (READER, "lag"), (READER, "history", ENTITY), (READER, "alerts", "list", "--all"),
        (READER, "explain", alert["fingerprint"]), (READER, "explain", ENTITY), (READER, "dlq", "show", letter),
        (READER, "topics", "check"), (READER, "audit", "export", "--entity", ENTITY, "--out", bundle),
        (READER, "actions", ENTITY), (READER, "whatif", ENTITY, "--price", "BTC=-0.1"), (READER, "archive", "verify", "--log"),
        (FEEDS, "simulate", "--for", "1s", "--topics", "market.prices"), (COMPLIANCE, "dlq", "list"),
        (COMPLIANCE, "dlq", "dismiss", letter, "--reason", "noise", "--entity", ENTITY),
        (COMPLIANCE, "alerts", "dismiss", alert["fingerprint"], "--reason", "seen"),
        (REPAIR, "dlq", "requeue", other, "--reason", "feed mended"), (ADMINISTRATOR, "topics", "create"),
    ):  # fmt: skip
        code, said = await site.said(principal, *arguments)
        assert code in {GOOD, CHECK_FAILED, UNKNOWN}, (principal, arguments, said)
        assert "refuses" not in said, (principal, arguments, said)
    assert not [principal for principal, stage in site.stages.items() if stage.ended]


@pytest.mark.parametrize(
    "principal",
    [FEEDS, FINANCE, COMPLIANCE, READER, ARCHIVER, DISPATCHER],
)
async def test_who_must_not_is_refused_in_a_sentence(principal: str, site: Site) -> None:
    """Balances, declarations, and what compliance and repair put on record: each is only its own principal's."""
    events, declared = site.folder / "balances.jsonl", site.folder / "declarations.jsonl"
    events.write_text(balances())
    declared.write_text(declaration())
    letter = await refused_record()
    if principal == FEEDS:  # it may not look at the topics of others, and does not say that they are to be made
        code, said = await site.said(principal, "topics", "create", "--dry-run")
        assert (code, "reserve.journal: topic is not shown" in said, "would be created" in said) == (CONFIGURATION, True, False)
    tries = [
        (FEEDS, ("replay", "--events", str(events))),
        (FINANCE, ("replay", "--events", str(declared))),
        (COMPLIANCE, ("dlq", "dismiss", letter, "--reason", "mine", "--entity", ENTITY)),
        (REPAIR, ("dlq", "requeue", letter, "--reason", "mine")),
    ]
    await listed(site, letter)
    for owner, arguments in tries:
        if owner != principal:
            code, said = await site.said(principal, *arguments)
            assert code == CONNECTION, (arguments, said)
            assert "AuthorizationFailed" in said
            assert "Traceback" not in said
    async with asyncio.timeout(60):
        assert letter in (await site.said(READER, "dlq", "list"))[1]
