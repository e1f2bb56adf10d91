"""Writing and reading the journal on a real broker (JOURNAL 1, 5)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka import TopicPartition

from monitor.core.journal.records import Statement, encode_statement
from monitor.core.journal.vocabulary import JOURNAL
from monitor.core.values.canonical import digest_of
from monitor.core.values.times import SECOND
from monitor.errors import CONFIGURATION, ConfigurationError
from streams.journal.writer import (
    PART_BYTES,
    JournalProducer,
    configuration_statements,
    journal_records,
    newest_configuration,
    publish_configuration,
)
from streams.kafka.clients import ended, producer, started
from streams.kafka.reading import read_range
from tests.contract.conftest import PARTITIONS, Broker

AT = 1_767_582_245 * SECOND


def _content(revision: int, **more: Any) -> dict[str, Any]:
    return {"schema": "reserve.configuration/1", "revision": revision, "entities": {}, **more}


def _tick(number: int) -> Statement:
    return Statement("tick", None, AT + number * SECOND, {})


@pytest.fixture
async def journal(broker: Broker) -> AsyncIterator[JournalProducer]:
    await broker.create()
    client = JournalProducer(broker.settings, broker.names)
    await client.start()
    yield client
    await client.stop()


async def test_statements_land_on_their_partition_in_order(broker: Broker, journal: JournalProducer) -> None:
    sent = [await journal.send(number % PARTITIONS, _tick(number)) for number in range(200)]
    places = [(await one).partition for one in sent]
    assert places == [number % PARTITIONS for number in range(200)]
    for partition in range(PARTITIONS):
        records = [record async for record in journal_records(broker.settings, broker.names, partition)]
        assert [record.statement for record in records] == [_tick(number) for number in range(partition, 200, PARTITIONS)]
        assert [record.offset for record in records] == list(range(50))
        assert all(record.journal_time > 0 for record in records)


async def test_reading_starts_and_ends_where_asked(broker: Broker, journal: JournalProducer) -> None:
    for sent in [await journal.send(1, _tick(number)) for number in range(30)]:
        await sent
    found = [record.offset async for record in journal_records(broker.settings, broker.names, 1, start=10, upto=20)]
    assert found == list(range(10, 20))
    assert [record async for record in journal_records(broker.settings, broker.names, 2)] == []


async def test_reading_finds_the_last_record_however_it_was_batched(broker: Broker, journal: JournalProducer) -> None:
    for number in range(5):
        await (await journal.send(0, _tick(number)))
    for sent in [await journal.send(0, _tick(number)) for number in range(5, 3000)]:
        await sent
    found = [record.offset async for record in journal_records(broker.settings, broker.names, 0)]
    assert found == list(range(3000))


async def test_several_partitions_are_read_to_their_ends_in_one_go(broker: Broker, journal: JournalProducer) -> None:
    for sent in [await journal.send(number % 3, _tick(number)) for number in range(300)]:
        await sent
    starts = {TopicPartition(broker.names.of(JOURNAL), partition): 0 for partition in range(PARTITIONS)}
    counts = dict.fromkeys(range(PARTITIONS), 0)
    async for record in read_range(broker.settings, starts):
        counts[record.partition] += 1
    assert counts == {0: 100, 1: 100, 2: 100, 3: 0}


async def test_another_partition_count_refuses_to_start(broker: Broker) -> None:
    await broker.create()
    client = JournalProducer(broker.settings.model_copy(update={"journal_partitions": 8}), broker.names)
    with pytest.raises(ConfigurationError, match=r"has 4 partitions, kafka.journal_partitions is 8") as refused:
        await client.start()
    assert refused.value.exit_code == CONFIGURATION


async def test_a_configuration_reaches_every_partition_once(broker: Broker, journal: JournalProducer) -> None:
    content = _content(3)
    assert await publish_configuration(broker.settings, broker.names, content, AT, journal)
    assert not await publish_configuration(broker.settings, broker.names, content, AT + SECOND, journal)
    for partition in range(PARTITIONS):
        known = await newest_configuration(broker.settings, broker.names, partition)
        assert known is not None
        assert (known.revision, known.digest, known.content) == (3, digest_of(content), content)
        records = [record async for record in journal_records(broker.settings, broker.names, partition)]
        assert len(records) == 1


async def test_a_higher_revision_replaces_and_a_lower_one_is_refused(broker: Broker, journal: JournalProducer) -> None:
    await publish_configuration(broker.settings, broker.names, _content(3), AT, journal)
    assert await publish_configuration(broker.settings, broker.names, _content(4), AT, journal)
    with pytest.raises(ConfigurationError, match=r"revision 3 .* lower than 4") as refused:
        await publish_configuration(broker.settings, broker.names, _content(3), AT, journal)
    assert refused.value.exit_code == CONFIGURATION


async def test_other_content_under_the_same_revision_is_refused(broker: Broker, journal: JournalProducer) -> None:
    await publish_configuration(broker.settings, broker.names, _content(3), AT, journal)
    with pytest.raises(ConfigurationError, match="raise `revision`") as refused:
        await publish_configuration(broker.settings, broker.names, _content(3, publish_interval_s=5), AT, journal)
    assert refused.value.exit_code == CONFIGURATION


async def test_a_large_configuration_goes_in_parts_and_comes_back_whole(broker: Broker, journal: JournalProducer) -> None:
    content = _content(1, packs={f"pack.{number}": {"text": 'quote " and \\ ü' * 20} for number in range(6000)})
    statements = configuration_statements(content, AT)
    assert len(statements) > 1
    assert all(len(encode_statement(statement)) < PART_BYTES for statement in statements)
    await publish_configuration(broker.settings, broker.names, content, AT, journal)
    known = await newest_configuration(broker.settings, broker.names)
    assert known is not None
    assert known.content == content


async def test_a_configuration_behind_later_records_is_found(broker: Broker, journal: JournalProducer) -> None:
    await publish_configuration(broker.settings, broker.names, _content(2), AT, journal)
    for sent in [await journal.send(0, _tick(number)) for number in range(500)]:
        await sent
    known = await newest_configuration(broker.settings, broker.names)
    assert known is not None
    assert known.revision == 2


async def test_an_unfinished_configuration_does_not_count(broker: Broker, journal: JournalProducer) -> None:
    await publish_configuration(broker.settings, broker.names, _content(1), AT, journal)
    content = _content(2, packs={"big": "x" * (2 * PART_BYTES)})
    for statement in configuration_statements(content, AT)[:-1]:
        await (await journal.send(0, statement))
    known = await newest_configuration(broker.settings, broker.names)
    assert known is not None
    assert known.revision == 1
    assert await publish_configuration(broker.settings, broker.names, content, AT, journal)


async def test_a_dead_letter_of_ten_megabytes_passes_unchanged(broker: Broker) -> None:
    await broker.create()
    value = bytes(range(256)) * 40_960
    topic = broker.names.of("reserve.dead-letters")
    client = await started(producer(broker.settings), broker.settings)
    try:
        await client.send_and_wait(topic, value, key=b"k", partition=0)
    finally:
        await ended(client)
    records = [record async for record in read_range(broker.settings, {TopicPartition(topic, 0): 0})]
    assert [record.value for record in records] == [value]
