"""deploy/README.md, "Rotate a password or a certificate": the steps as written, with a dispatcher that runs meanwhile."""

from __future__ import annotations

import asyncio
import re
import secrets
import shlex
import shutil
from pathlib import Path

import pytest

from deploy.kafka.acls import ADMINISTRATOR, DISPATCHER
from monitor.errors import ConnectionProblem
from monitor.settings.kafka import KafkaSettings
from streams.demo.child import DaemonProcess, free_port
from streams.kafka.clients import consumer, ended, started
from streams.kafka.topics import TopicNames, create_topics, topic_specs
from tests.deploy.test_documents_elsewhere import documented
from tests.deploy.tools import DEPLOY
from tests.secure.test_principals import CERTIFICATES, FOLDER, by_certificate, by_password, pytestmark, written

__all__ = ["pytestmark"]


OTHERS = r"kafka-(?:topics|get-offsets)\.sh|kafka-configs\.sh .*--entity-type topics"


async def alter(password: str) -> None:
    (line,) = (line for line in documented() if line.startswith("kafka-configs.sh") and "--entity-type users" in line)
    await ran(line.replace("BROKER", CERTIFICATES).replace("$NEW", password))


async def ran(line: str) -> str:
    """What a command of Kafka's says, called as it is written."""
    name, *arguments = shlex.split(line)
    process = await asyncio.create_subprocess_exec(
        FOLDER / name, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


@pytest.mark.usefixtures("topics")
@pytest.mark.parametrize("line", sorted({line for line in documented() if re.match(OTHERS, line)}))
async def test_the_other_commands_of_kafka_run_as_they_are_written(line: str) -> None:
    """docs/operations.md; a snapshot topic that was deleted is made again by `topics create`, as it says."""
    administrator = KafkaSettings(**by_certificate(ADMINISTRATOR))
    said = await ran(re.sub(r"\b(?:BROKER|FIRST|SECOND)\b", CERTIFICATES, line))
    if "get-offsets" in line:
        assert min(said.split()).startswith("reserve.journal:0:")
    made = await create_topics(administrator, topic_specs(administrator, TopicNames()))
    assert bool(made) is ("--delete" in line)


async def lets_in(password: Path) -> bool:
    kafka = KafkaSettings(**by_password(DISPATCHER, password))
    try:
        await ended(await started(consumer(kafka), kafka))
    except ConnectionProblem as error:
        if "kafka.password_file" not in str(error):
            raise
        return False
    return True


async def runs(configuration: Path, folder: Path, port: int) -> DaemonProcess:
    stage = DaemonProcess(configuration, folder / "dispatcher.log", port, ("dispatcher",))
    await stage.start()
    await stage.ready(120)
    return stage


@pytest.fixture
async def topics() -> None:
    administrator = KafkaSettings(**by_certificate(ADMINISTRATOR))
    await create_topics(administrator, topic_specs(administrator, TopicNames()))


@pytest.mark.usefixtures("topics")
async def test_a_password_is_replaced(tmp_path: Path) -> None:
    kept, file = FOLDER / f"{DISPATCHER}.password", tmp_path / "password"
    shutil.copy(kept, file)
    port, new = free_port(), secrets.token_hex(24)
    stage = await runs(written(tmp_path, "dispatcher", by_password(DISPATCHER, file), port), tmp_path, port)
    try:
        await alter(new)
        try:
            assert not await lets_in(kept), "the old one lets nobody in"
            assert not stage.ended, "what is connected goes on"
            file.write_text(new)
            await stage.stop()
            stage = await runs(tmp_path / "dispatcher.yaml", tmp_path, port)
        finally:
            await alter(kept.read_text().strip())
    finally:
        await stage.stop()


@pytest.mark.usefixtures("topics")
async def test_a_certificate_is_replaced(tmp_path: Path) -> None:
    port, connection = free_port(), by_certificate(DISPATCHER)
    for name in ("cert_file", "key_file"):  # a rotation replaces what these names stand for
        connection[name] = str(shutil.copy(connection[name], tmp_path / name))
    stage = await runs(written(tmp_path, "dispatcher", connection, port), tmp_path, port)
    try:
        (tmp_path / "new").mkdir()
        await signed_anew(tmp_path / "new")
        for name, ending in (("cert_file", "pem"), ("key_file", "key")):
            shutil.copy(tmp_path / "new" / f"{DISPATCHER}.{ending}", connection[name])
        assert not stage.ended, "what is connected goes on"
        await stage.stop()
        stage = await runs(tmp_path / "dispatcher.yaml", tmp_path, port)
    finally:
        await stage.stop()


async def signed_anew(folder: Path) -> None:
    """A second certificate of the dispatcher, by the same authority."""
    for name in ("ca.pem", "ca.key", "broker.pem"):
        shutil.copy(FOLDER / name, folder / name)
    process = await asyncio.create_subprocess_exec(DEPLOY / "kafka/secure/credentials", folder, DISPATCHER)
    assert await process.wait() == 0
    assert (folder / f"{DISPATCHER}.pem").read_bytes() != (FOLDER / f"{DISPATCHER}.pem").read_bytes()
