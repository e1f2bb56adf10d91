"""Secrets stay where they are: canaries in every secret that can be set, and a search of all that the program shows and keeps."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiokafka import TopicPartition

from monitor.settings.kafka import KafkaSettings
from streams.demo.child import free_port
from streams.kafka.clients import consumer
from streams.kafka.embedded import EmbeddedBroker
from streams.kafka.topics import TopicNames, create_topics, topic_specs
from tests.integration.daemon_settings import daemon_of, status_when, written

pytestmark = [pytest.mark.broker, pytest.mark.timeout(180)]

PAGES = ("/", "/metrics", "/version", "/status", "/status/jp-main", "/livez", "/readyz")
CANARY = "7f3a91c2canary"


def secret(folder: Path, name: str) -> str:
    path = folder / name
    path.write_text(f"{name}-{CANARY}\n")
    path.chmod(0o600)
    return str(path)


def channels(folder: Path) -> dict[str, Any]:
    """One of each kind, at an address where nobody answers, so that every delivery fails and says why."""
    nobody = f"127.0.0.1:{free_port()}"
    return {
        "hook": {
            "type": "webhook",
            "url": f"http://user-{CANARY}:pass-{CANARY}@{nobody}/h?token=query-{CANARY}",
            "secret_file": secret(folder, "hook"),
        },
        "pager": {"type": "alertmanager", "urls": [f"http://{nobody}"], "bearer_token_file": secret(folder, "bearer")},
        "on-call": {"type": "pagerduty", "routing_key_file": secret(folder, "pagerduty"), "url": f"http://{nobody}"},
        "chat": {"type": "slack", "token_file": secret(folder, "slack"), "channel": "C1", "url": f"http://{nobody}"},
    }


async def said(*arguments: str) -> tuple[int, str]:
    """Exit code, and all that a command says on both outputs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "monitor", *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


async def kept(kafka: KafkaSettings) -> str:
    """Every record of every topic, keys, values and headers."""
    topics = [spec.name for spec in topic_specs(kafka, TopicNames())]
    reader = consumer(kafka, auto_offset_reset="earliest")
    await reader.start()
    try:
        await reader.topics()
        reader.assign([TopicPartition(one, number) for one in topics for number in reader.partitions_for_topic(one) or ()])
        found = []
        while batch := await reader.getmany(timeout_ms=2000):
            found += [str((one.key, one.value, one.headers)) for records in batch.values() for one in records]
        return "\n".join(found)
    finally:
        await reader.stop()


def incident() -> str:
    now = datetime.now(UTC).isoformat()
    value = {
        "incident_id": "i-1", "revision": 1, "entity": "jp-main", "kind": "key_compromise", "severity": "critical",
        "status": "confirmed", "occurred_at": now, "detected_at": now, "updated_at": now, "losses": [], "loss_estimate": None,
        "recoveries": [], "reported_by": "internal", "summary": "a trial",
    }  # fmt: skip
    return json.dumps({"topic": "security.incidents", "key": None, "timestamp": now, "value": value}) + "\n"


async def test_a_working_daemon_shows_and_keeps_no_secret(tmp_path: Path) -> None:
    async with EmbeddedBroker() as broker:
        kafka = broker.settings.model_copy(update={"journal_partitions": 2})
        await create_topics(kafka, topic_specs(kafka, TopicNames()))
        sections: dict[str, Any] = {"alerting": {"channels": channels(tmp_path)}, "log": {"level": "debug", "format": "json"}}
        daemon = daemon_of(tmp_path, kafka, **sections)
        log = tmp_path / f"daemon-{daemon.url.rpartition(':')[2]}.log"
        await daemon.start()
        try:
            await daemon.ready(60)
            events = tmp_path / "events.jsonl"
            events.write_text(incident())
            config, _ = written(tmp_path, kafka, **sections)
            code, output = await said("replay", "--events", str(events), "--config", str(config))
            assert code == 0, output
            await status_when(daemon.url, lambda status: bool(status["alerts"]))
            await tried(log, list(sections["alerting"]["channels"]))
            async with aiohttp.ClientSession() as session:
                for page in PAGES:
                    async with session.get(daemon.url + page) as answer:
                        assert CANARY not in await answer.text(), page
            for command in (("config", "show"), ("config", "check"), ("alerts", "list", "--json"), ("alerts", "test", "hook")):
                _, output = await said(*command, "--config", str(config))
                assert output
                assert CANARY not in output, command
            assert CANARY not in command_lines()
            records = await kept(kafka)
            assert "SecurityIncidentOpen" in records
            assert CANARY not in records
        finally:
            await daemon.stop()
        assert CANARY not in log.read_text()


async def tried(log: Path, names: list[str]) -> None:
    """Until the log speaks of every channel: each was tried, and failed."""
    for _ in range(600):
        text = await asyncio.to_thread(log.read_text)
        if all(f'"channel": "{name}"' in text for name in names):
            return
        await asyncio.sleep(0.1)
    pytest.fail(f"not every channel was tried: {text[-500:]}")


def command_lines() -> str:
    """What everybody on this machine can see of its processes."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it ended meanwhile
            found.append(path.read_text(errors="replace"))
    return "\n".join(found)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
async def test_a_refused_connection_and_a_broken_file_do_not_tell_the_password(tmp_path: Path, mechanism: str) -> None:
    kafka = KafkaSettings(
        bootstrap_servers=f"127.0.0.1:{free_port()}",
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism=mechanism,  # type: ignore[arg-type] # one of the closed set, by the parameter
        username="reserve-intake",
        password_file=Path(secret(tmp_path, "kafka")),
    )
    config, _ = written(tmp_path, kafka, log={"level": "debug"})
    for command in (("run",), ("topics", "check"), ("config", "show"), ("config", "check")):
        _, output = await said(*command, "--config", str(config))
        assert output, command
        assert CANARY not in output, command
