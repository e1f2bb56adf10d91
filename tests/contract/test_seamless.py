"""What the embedded broker shows while a large record and small ones of other producers come at once.

It gives offsets first and puts a batch into the log afterwards. Of ten large records about six are passed over by a plain reader.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from monitor.settings.kafka import KafkaSettings
from streams.intake.fetching import best_fetch
from streams.kafka.clients import consumer, ended, producer, started
from streams.kafka.embedded import EmbeddedBroker
from streams.kafka.topics import TopicSpec, create_topics

LARGE = bytes(15_000_000)
SMALL_ONES = 3
TOPICS = 8

Take = Callable[[], Awaitable[Sequence[int]]]
"""Offsets that came since the last call."""


@pytest.fixture
async def broker() -> AsyncIterator[KafkaSettings]:
    async with EmbeddedBroker() as broker:
        yield broker.settings


async def write(pens: Sequence[AIOKafkaProducer], topic: str) -> int:
    """One large record, and small ones meanwhile; how many there are then."""
    large = asyncio.create_task(pens[0].send_and_wait(topic, LARGE, partition=0))

    async def small(pen: AIOKafkaProducer) -> int:
        for count in itertools.count():
            if large.done():
                return count
            await pen.send_and_wait(topic, b"x", partition=0)
        raise AssertionError

    counts = await asyncio.gather(*(small(pen) for pen in pens[1:]))
    await large
    return 1 + sum(counts)


def by_records(client: AIOKafkaConsumer) -> Take:
    async def take() -> list[int]:
        return [one.offset for records in (await client.getmany(timeout_ms=50)).values() for one in records]

    return take


def by_columns(client: AIOKafkaConsumer) -> Take:
    fetch = best_fetch(client)

    async def take() -> list[int]:
        return [offset for batch in (await fetch(50)).values() for offset in batch.offsets]

    return take


async def up_to_the_last(take: Take, writing: "asyncio.Task[int]") -> list[int]:
    """Offsets as they are shown, up to the last that was written."""
    shown: list[int] = []
    async with asyncio.timeout(30):
        while not (writing.done() and shown and shown[-1] == writing.result() - 1):
            shown += await take()
    return shown


@pytest.mark.broker
@pytest.mark.parametrize("way", [by_records, by_columns])
async def test_a_reader_passes_over_no_record_that_is_shown_late(
    broker: KafkaSettings, way: Callable[[AIOKafkaConsumer], Take]
) -> None:
    async with AsyncExitStack() as stack:
        pens = []
        for _ in range(1 + SMALL_ONES):
            pens.append(await started(producer(broker, linger_ms=0), broker))
            stack.push_async_callback(ended, pens[-1])
        client = await started(consumer(broker, max_partition_fetch_bytes=2 * len(LARGE)), broker)
        stack.push_async_callback(ended, client)
        take = way(client)
        for number in range(TOPICS):
            place = TopicPartition(f"race-{number}", 0)
            await create_topics(broker, [TopicSpec(place.topic, place.topic, 1, {})])
            client.assign([place])
            client.seek(place, 0)
            writing = asyncio.create_task(write(pens, place.topic))
            shown = await up_to_the_last(take, writing)
            assert shown == list(range(await writing))
