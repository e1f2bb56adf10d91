"""Secrets stay where they are: canaries in every secret that can be set, and a search of all that the program shows and keeps."""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
import tarfile
import zlib
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiokafka import TopicPartition

from monitor.audit.signatures.keys import new_key
from monitor.settings.kafka import KafkaSettings
from streams.demo.child import DaemonProcess, free_port
from streams.kafka.clients import consumer
from streams.kafka.embedded import EmbeddedBroker
from streams.kafka.topics import TopicNames, create_topics, snapshot_topic, topic_specs
from tests.integration.daemon_settings import ENTITY, written

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


def unpacked(value: bytes | None) -> str:
    """A value as text; snapshots lie compressed in their table."""
    content = value or b""
    with suppress(zlib.error):
        content = zlib.decompress(content)
    return content.decode(errors="replace")


def in_bundle(path: Path) -> str:
    """Every member of a bundle, unpacked."""
    with tarfile.open(path) as bundle:
        members = [file.read() for one in bundle.getmembers() if (file := bundle.extractfile(one)) is not None]
    return "\n".join((gzip.decompress(one) if one.startswith(b"\x1f\x8b") else one).decode(errors="replace") for one in members)


async def kept(kafka: KafkaSettings, topics: list[str] | None = None) -> str:
    """Every record of some topics or of all, keys, values and headers."""
    topics = topics or [spec.name for spec in topic_specs(kafka, TopicNames())]
    reader = consumer(kafka, auto_offset_reset="earliest")
    await reader.start()
    try:
        await reader.topics()
        reader.assign([TopicPartition(one, number) for one in topics for number in reader.partitions_for_topic(one) or ()])
        found = []
        while batch := await reader.getmany(timeout_ms=2000):
            found += [f"{one.key!r} {one.headers} {unpacked(one.value)}" for records in batch.values() for one in records]
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


def secret_sections(folder: Path) -> dict[str, Any]:
    """Everything that names a secret: channels, logins, the key that signs, the key of a bucket."""
    key = folder / "audit.pem"
    new_key(key)
    return {
        "alerting": {"channels": channels(folder)},
        "http": {"auth": {"token_file": secret(folder, "token")}},
        "audit": {"keys": [str(key)]},
        "archive": {"access_key_id": "archiver", "secret_key_file": secret(folder, "bucket")},
        "log": {"level": "debug", "format": "json"},
    }


def shows_no_secret(text: str, folder: Path) -> bool:
    """Neither the canary nor a line of the private key."""
    key = (folder / "audit.pem").read_text().splitlines()[1]
    return CANARY not in text and key not in text


async def test_a_working_daemon_shows_and_keeps_no_secret(tmp_path: Path) -> None:
    async with EmbeddedBroker() as broker:
        kafka = broker.settings.model_copy(update={"journal_partitions": 2})
        await create_topics(kafka, topic_specs(kafka, TopicNames()))
        sections, port = secret_sections(tmp_path), free_port()
        sections["http"]["port"] = port
        config, _ = written(tmp_path, kafka, port, **sections)
        log = tmp_path / "daemon.log"
        daemon = DaemonProcess(config, log, port)
        await daemon.start()
        try:
            await daemon.ready(60)
            events = tmp_path / "events.jsonl"
            events.write_text(incident())
            code, output = await said("replay", "--events", str(events), "--config", str(config))
            assert code == 0, output
            await tried(log, list(sections["alerting"]["channels"]))
            await snapshots_of(kafka)
            login = {"Authorization": f"Bearer {(tmp_path / 'token').read_text().strip()}"}
            async with aiohttp.ClientSession() as session:
                for page in PAGES:
                    for headers in ({}, login):
                        async with session.get(daemon.url + page, headers=headers) as answer:
                            assert answer.status in ({200, 503} if headers or page in {"/livez", "/readyz"} else {401}), page
                            assert shows_no_secret(await answer.text(), tmp_path), page
            bundle = tmp_path / "jp-main.bundle"
            for command in (
                ("config", "show"), ("config", "check"), ("alerts", "list", "--json"), ("alerts", "test", "hook"), ("status",),
                ("archive", "list"), ("audit", "export", "--entity", ENTITY, "--out", str(bundle)),
            ):  # fmt: skip
                _, output = await said(*command, "--config", str(config))
                assert output
                assert shows_no_secret(output, tmp_path), command
            assert shows_no_secret(in_bundle(bundle), tmp_path)
            assert shows_no_secret(command_lines(), tmp_path)
            records = await kept(kafka)
            assert "SecurityIncidentOpen" in records
            assert shows_no_secret(records, tmp_path)
        finally:
            await daemon.stop()
        assert shows_no_secret(log.read_text(), tmp_path)


async def snapshots_of(kafka: KafkaSettings) -> None:
    """Until the state with the incident lies in a snapshot."""
    async with asyncio.timeout(60):
        while "a trial" not in await kept(kafka, [snapshot_topic(kafka)]):  # noqa: ASYNC110 - a topic is no event
            await asyncio.sleep(0.5)


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
