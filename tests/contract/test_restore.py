"""An archive restored into a new cluster: the same records at the same offsets, and from them the same figures."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition

from monitor.archive.reading import Archive
from monitor.archive.records import ArchivedRecord
from monitor.core.engine import Engine
from monitor.core.journal.records import decode_record, encode_statement
from monitor.core.journal.vocabulary import ALERTS, ASSESSMENTS, JOURNAL
from monitor.errors import UsageError
from monitor.settings.kafka import KafkaSettings
from streams.archiver import restoring
from streams.archiver.restoring import restorable, restore
from streams.kafka.embedded import EmbeddedBroker
from streams.kafka.reading import read_range
from streams.kafka.topics import Drift, TopicNames, create_topics, topic_specs
from tests.archive_maker import archive_in, fill, filled, hourly
from tests.journal_maker import Journal, configuration_text, house, load

pytestmark = [pytest.mark.broker, pytest.mark.timeout(100)]
NAMES = TopicNames()


def journal() -> Journal:
    """A shortage and its end."""
    made = Journal()
    made.configure(configuration_text({"jp-main": house()}))
    load(made)
    made.at(20).tick()
    made.position("own", "guarantee_asset", "cold", "BTC", "30")
    made.at(40).tick()
    return made


def archived(folder: Path) -> Archive:
    """The journal, and what an engine published of it."""
    records = journal().records
    kept = [ArchivedRecord(one.offset, one.journal_time // 1_000_000, None, encode_statement(one.statement)) for one in records]
    archive = archive_in(folder)
    fill(archive, kept)
    engine = Engine(0, check_journal_time=False)
    outputs = [output for record in records for output in engine.apply(record)]
    for topic in (ASSESSMENTS, ALERTS):
        values = [json.dumps(one.value).encode() for one in outputs if one.topic == topic]
        fill(archive, [ArchivedRecord(n, kept[-1].time_ms, b"jp-main", value) for n, value in enumerate(values)], topic)
    return archive


async def made(broker: EmbeddedBroker) -> KafkaSettings:
    kafka = broker.settings.model_copy(update={"journal_partitions": 1})
    await create_topics(kafka, topic_specs(kafka, NAMES))
    return kafka


def figures(records: list[Any]) -> dict[str, Any]:
    """The status that an engine comes to on the journal as it is read from a cluster."""
    engine = Engine(0, check_journal_time=True)
    for one in records:
        for _ in engine.apply(decode_record(one.value, one.offset, one.timestamp * 1_000_000)):
            pass
    return engine.status("jp-main")


async def test_the_journal_is_back_at_its_offsets_and_gives_the_same_figures(tmp_path: Path) -> None:
    archive, told = archived(tmp_path), dict[str, int]()
    async with EmbeddedBroker() as broker:
        kafka = await made(broker)
        parts = await restorable(kafka, NAMES, archive)
        assert {part.topic for part in parts} == {JOURNAL, ASSESSMENTS, ALERTS}
        assert await restore(kafka, NAMES, archive, parts, told.__setitem__) == sum(part.records for part in parts)
        found = [one async for one in read_range(kafka, {TopicPartition(JOURNAL, 0): 0})]
        outputs = [one async for one in read_range(kafka, {TopicPartition(ASSESSMENTS, 0): 0})]
        with pytest.raises(UsageError, match="is not empty"):
            await restorable(kafka, NAMES, archive)
    assert [(one.offset, one.value) for one in found] == [(one.offset, one.value) for one in archive.records(JOURNAL, 0)]
    assert [one.value for one in outputs] == [one.value for one in archive.records(ASSESSMENTS, 0)]
    before = Engine(0, check_journal_time=False)
    for record in journal().records:
        for _ in before.apply(record):
            pass
    assert figures(found) == before.status("jp-main")
    assert figures(found)["methods"][0]["state"] == "shortfall"
    assert max(told.values()) == sum(part.records for part in parts)


def test_a_journal_that_takes_the_brokers_time_is_refused_with_what_to_do() -> None:
    kafka = KafkaSettings(bootstrap_servers="kafka:9092", journal_partitions=1)
    stamped = Drift(JOURNAL, "message.timestamp.type", "CreateTime", "LogAppendTime", "alter it")
    restoring._refuse_broker_time(kafka, JOURNAL, [stamped])
    with pytest.raises(UsageError, match=r"--topic reserve.journal --add-config message.timestamp.type=CreateTime"):
        restoring._refuse_broker_time(kafka, JOURNAL, [])


async def test_a_journal_without_its_beginning_is_refused_and_of_outputs_it_is_said(tmp_path: Path) -> None:
    async with EmbeddedBroker() as broker:
        kafka = await made(broker)
        with pytest.raises(UsageError, match=r"from offset 7 to 9: its beginning or a part of it is missing"):
            await restorable(kafka, NAMES, filled(tmp_path / "late", hourly(3, 7)))
        (part,) = await restorable(kafka, NAMES, filled(tmp_path / "alerts", hourly(3, 7), ALERTS))
        assert (part.keeps_offsets, part.first_offset) == (False, 7)
        more = kafka.model_copy(update={"journal_partitions": 2})
        with pytest.raises(UsageError, match="set it to 1"):
            await restorable(more, NAMES, filled(tmp_path / "one", hourly(3)))
