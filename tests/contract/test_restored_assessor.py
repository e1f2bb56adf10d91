"""An archive restored into a new cluster with the assessor at work on it: the chain goes on, a bundle across it matches."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from monitor.archive.reading import Archive
from monitor.archive.records import ArchivedRecord
from monitor.audit.bundle import BundleWriter, Origin
from monitor.audit.checkpoints import signed
from monitor.audit.container import Reader
from monitor.audit.verification import Trust, verify
from monitor.core.engine import Engine
from monitor.core.journal.records import encode_statement
from monitor.core.journal.vocabulary import CHECKPOINTS, JOURNAL, OUTPUT_TOPICS
from monitor.core.values.canonical import canonical_bytes
from monitor.core.values.times import SECOND
from streams.archiver.restoring import restorable, restore
from streams.assessor.cuts import SnapshotCadence
from streams.assessor.worker import Assessor
from streams.journal.writer import JournalProducer
from streams.kafka.clients import admin, ended, started
from streams.kafka.topics import check_topics, create_topics, topic_specs
from streams.lookup.evidence import export_log
from streams.lookup.logs import KafkaLog
from tests.archive_maker import archive_in, fill
from tests.contract.conftest import Broker
from tests.evidence_maker import ENTITY, FIRM, key
from tests.journal_maker import Journal, configuration_text, house, load

pytestmark = pytest.mark.timeout(150)
TIME_TYPE = "message.timestamp.type"


class Nobody:
    """An observer that looks away."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


def last_hour() -> Journal:
    """A shortage, and a checkpoint that was asked for."""
    made = Journal(time.time_ns() // SECOND * SECOND - 3600 * SECOND)
    made.configure(configuration_text({ENTITY: house()}))
    load(made)
    made.at(20).tick()
    made.at(30).operation("checkpoint")
    made.at(40).tick()
    return made


def archived(folder: Path, made: Journal) -> tuple[Archive, int]:
    """The archive of it with all that an assessor published, and how many entries the chain has."""
    archive, engine, entries = archive_in(folder), Engine(0, check_journal_time=True), 0
    written: dict[str, list[ArchivedRecord]] = {topic: [] for topic in (JOURNAL, *OUTPUT_TOPICS, CHECKPOINTS)}
    for record in made.records:
        values = [(output.topic, output.key, output.value) for output in engine.apply(record)]
        values += [(CHECKPOINTS, ENTITY, signed(one, FIRM)) for one in engine.checkpoints()]
        entries += sum(topic != CHECKPOINTS for topic, *_ in values)
        told = [(topic, name.encode(), canonical_bytes(dict(value or {}))) for topic, name, value in values]
        for topic, name, data in [(JOURNAL, None, encode_statement(record.statement)), *told]:
            place = ArchivedRecord(len(written[topic]), record.journal_time // 1_000_000, name, data)
            written[topic].append(place)
    for topic, records in written.items():
        fill(archive, records, topic)
    return archive, entries


async def stamped_by(broker: Broker, whom: str) -> None:
    """Whose time the journal keeps: the runbook's two commands. The embedded broker always keeps the writer's."""
    if broker.settings.embedded:
        return
    client = await started(admin(broker.settings), broker.settings)
    try:
        resource = ConfigResource(ConfigResourceType.TOPIC, broker.names.of(JOURNAL), {TIME_TYPE: whom})
        await client.alter_configs([resource])
    finally:
        await ended(client)
    for _ in range(100):  # an alteration is acknowledged before each broker has heard of it
        if whom == await _stamps(broker):
            return
        await asyncio.sleep(0.1)
    raise AssertionError(f"the journal does not come to take {whom}")


async def _stamps(broker: Broker) -> str:
    """Whose time it keeps by what the broker says now."""
    drifts = await check_topics(broker.settings, topic_specs(broker.settings, broker.names))
    told = [one.found for one in drifts if (one.topic, one.setting) == (broker.names.of(JOURNAL), TIME_TYPE)]
    return told[0] if told else "LogAppendTime"


@contextlib.asynccontextmanager
async def working(broker: Broker) -> AsyncIterator[None]:
    assessor = Assessor(broker.settings, broker.names, Nobody(), SnapshotCadence(records=25, seconds=1.0), FIRM)
    await assessor.start()
    running = asyncio.create_task(assessor.run())
    try:
        yield
    finally:
        await assessor.stop()
        await running


async def test_the_chain_goes_on_and_a_bundle_across_the_restoration_matches(broker: Broker, tmp_path: Path) -> None:
    broker = replace(broker, settings=broker.settings.model_copy(update={"journal_partitions": 1}))
    made = last_hour()
    archive, entries = archived(tmp_path / "archive", made)
    await create_topics(broker.settings, topic_specs(broker.settings, broker.names))
    await stamped_by(broker, "CreateTime")
    parts = await restorable(broker.settings, broker.names, archive)
    await restore(broker.settings, broker.names, archive, parts, lambda *_: None)
    await stamped_by(broker, "LogAppendTime")
    async with working(broker):
        await _write_more(broker, made)
        sequence = 0
        while sequence <= entries:
            sequence = max([one async for one in _sequences(broker)])
            await asyncio.sleep(0.2)
    found = verify(Reader(await _exported(broker, tmp_path / "a.bundle")), Trust((key(1).public,)))
    assert found.last_sequence > entries
    assert found.records > len(made.records)
    assert found.checkpoints == found.signed >= 1


async def _write_more(broker: Broker, made: Journal) -> None:
    """What intake and the owner of the partition write now: the shortage ends."""
    journal = JournalProducer(broker.settings, broker.names)
    await journal.start()
    made.at((time.time_ns() - made.start) / SECOND).position("own", "guarantee_asset", "cold", "BTC", "900")
    made.tick()
    for record in made.records[-2:]:
        await (await journal.send(0, replace(record.statement, at=time.time_ns())))
    await journal.stop()


async def _sequences(broker: Broker) -> AsyncIterator[int]:
    log = KafkaLog(broker.settings, broker.names)
    for topic in OUTPUT_TOPICS:
        async for record in log.records(topic, 0):
            marks = (record.value or b"").partition(b'"sequence":')[2]
            yield int(marks.partition(b"}")[0]) if marks else 0


async def _exported(broker: Broker, path: Path) -> Path:
    origin = Origin(ENTITY, 0, 1, broker_time=not broker.settings.embedded)
    with BundleWriter(path, origin, FIRM, "test") as bundle:
        await export_log(KafkaLog(broker.settings, broker.names), bundle, origin, upto_ns=None, told=lambda *_: None)
    return path
