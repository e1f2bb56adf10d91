"""The pace of fetches: rare where nothing comes, quick while something does, and counted at the client that sends them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from aiokafka import TopicPartition

from monitor.core.journal.vocabulary import ALERTS
from monitor.core.values.times import SECOND
from monitor.settings.kafka import KafkaSettings
from streams.assessor.worker import Assessor
from streams.intake.worker import Intake
from streams.kafka.clients import consumer, ended, started
from streams.kafka.embedded import EmbeddedBroker
from streams.kafka.pace import FetchPace, busy_wait_ms, idle_wait_ms
from streams.kafka.topics import TopicNames, create_topics, topic_specs
from tests.intake_broker import Counting, configuration, until

pytestmark = [pytest.mark.broker, pytest.mark.timeout(60)]
NAMES = TopicNames()


class Nobody:
    """An observer that looks at nothing."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None


class Sent:
    """Fetches that a consumer sends from now on: the wait that each asks for."""

    def __init__(self, client: Any) -> None:
        self.waits: list[int] = []
        fetching: Any = client._client
        send = fetching.send

        async def counted(node: int, request: Any, **more: Any) -> Any:
            if type(request).__name__.startswith("FetchRequest"):
                self.waits.append(request._max_wait_ms)
            return await send(node, request, **more)

        fetching.send = counted

    async def next(self) -> int:
        """What a fetch asks for that is sent after those of now."""
        count = len(self.waits)
        while len(self.waits) < count + 2:  # noqa: ASYNC110 - the first may have been made before
            await asyncio.sleep(0.01)
        return self.waits[-1]


async def test_a_quiet_consumer_asks_rarely_and_what_another_hears_makes_it_quick() -> None:
    async with EmbeddedBroker() as broker:
        kafka = broker.settings.model_copy(update={"journal_partitions": 2})
        await create_topics(kafka, topic_specs(kafka, NAMES))
        clients = [await started(consumer(kafka), kafka) for _ in range(2)]
        now = [time.monotonic() - 100]
        mine, other = (FetchPace(client, busy_wait_ms(kafka), idle_wait_ms(kafka), lambda: now[0]) for client in clients)
        try:
            clients[0].assign([TopicPartition(ALERTS, number) for number in range(2)])
            sent = Sent(clients[0])
            mine.after({"tp": ["record"]})
            assert await sent.next() == busy_wait_ms(kafka)
            now[0] += 3
            mine.after({})
            assert await sent.next() == idle_wait_ms(kafka) == 100
            begun, count = time.monotonic(), len(sent.waits)
            await asyncio.sleep(0.6)
            assert len(sent.waits) - count <= (time.monotonic() - begun) / 0.1 + 2
            other.after({"tp": ["record"]})
            mine.after({})
            assert await sent.next() == busy_wait_ms(kafka)
            now[0] += 300
            mine.after({})
            assert await sent.next() == idle_wait_ms(kafka)
            FetchPace.passed_on()
            now[0] = time.monotonic()
            mine.after({})
            assert await sent.next() == busy_wait_ms(kafka), "what a stage sends, the next is about to hear"
        finally:
            for client in clients:
                await ended(client)
    assert idle_wait_ms(KafkaSettings()) > idle_wait_ms(KafkaSettings(embedded=True))


async def test_an_intake_that_reads_nothing_asks_rarely() -> None:
    async with EmbeddedBroker() as broker:
        kafka = broker.settings.model_copy(update={"journal_partitions": 2})
        await create_topics(kafka, topic_specs(kafka, NAMES))
        intake = Intake(kafka, NAMES, configuration(2), Counting())
        await intake.start()
        working = asyncio.create_task(intake.run())
        sent = Sent(intake._client)
        try:
            while idle_wait_ms(kafka) not in sent.waits:  # noqa: ASYNC110 - another test of this process may have heard something
                await asyncio.sleep(0.01)
        finally:
            await intake.stop()
            await working


async def test_an_assessor_that_hears_only_the_time_asks_rarely() -> None:
    async with EmbeddedBroker() as broker:
        kafka = broker.settings.model_copy(update={"journal_partitions": 2})
        await create_topics(kafka, topic_specs(kafka, NAMES))
        assessor = Assessor(kafka, NAMES, Nobody(), idle_ns=SECOND // 2)
        await assessor.start()
        working = asyncio.create_task(assessor.run())
        client = assessor._app.consumer._thread._ensure_consumer()
        sent = Sent(client)
        try:
            await until(lambda: assessor.ready)
            while idle_wait_ms(kafka) not in sent.waits:  # noqa: ASYNC110 - before that it may have been told of another test's records
                await asyncio.sleep(0.01)
            heard = min(engine.position for engine in assessor.engines.values())
            count = len(sent.waits)
            await until(lambda: min(engine.position for engine in assessor.engines.values()) >= heard + 3)
            assert set(sent.waits[count:]) == {idle_wait_ms(kafka)}, "ticks came, and were taken for something"
        finally:
            await assessor.stop()
            await working
