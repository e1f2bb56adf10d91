"""A broker with its topics, an assessor's pen, and dispatchers started and stopped at will."""

import asyncio
import contextlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from typing import Any

from monitor.core.journal.vocabulary import ALERTS
from monitor.notify.settings import AnyChannelSettings
from monitor.settings.kafka import KafkaSettings
from streams.dispatch.worker import Dispatcher
from streams.kafka import topics
from streams.kafka.clients import producer
from streams.kafka.embedded import EmbeddedBroker
from tests.alert_samples import alert_value
from tests.receivers import until


class Observed:
    """Counts outcomes by channel."""

    def __init__(self) -> None:
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.oldest: dict[str, int | None] = {}
        self.forks: list[int] = []

    def delivered(self, channel: str, outcome: str) -> None:
        self.outcomes[channel, outcome] += 1

    def outbox_oldest(self, channel: str, at_ns: int | None) -> None:
        self.oldest[channel] = at_ns

    def chain_forked(self, partition: int) -> None:
        self.forks.append(partition)


class Bench:
    """A broker with its topics, an assessor's pen, and dispatchers started and stopped at will."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self.kafka = kafka
        self.names = topics.TopicNames()
        self.observed = Observed()
        self.started = 0

    async def publish(self, partition: int = 0, **changes: Any) -> dict[str, Any]:
        value = alert_value(**changes)
        await self.write(partition, value["fingerprint"].encode(), json.dumps(value).encode())
        return value

    async def publish_many(self, changes: Sequence[dict[str, Any]]) -> None:
        """Spread over the partitions, as fast as it goes."""
        pen = producer(self.kafka, linger_ms=5)
        await pen.start()
        for number, one in enumerate(changes):
            value = alert_value(**one)
            body = json.dumps(value).encode()
            await pen.send(ALERTS, body, key=value["fingerprint"].encode(), partition=number % 2)
        await pen.stop()

    async def write(self, partition: int, key: bytes, body: bytes | None) -> None:
        pen = producer(self.kafka, linger_ms=0)
        await pen.start()
        await pen.send_and_wait(ALERTS, body, key=key, partition=partition)
        await pen.stop()

    @contextlib.asynccontextmanager
    async def dispatcher(
        self, channels: dict[str, AnyChannelSettings], group: str | None = None, **more: Any
    ) -> AsyncIterator[Dispatcher]:
        """In a group of its own unless one is named: the broker makes a second member of a group wait long."""
        self.started += 1
        kafka = self.kafka.model_copy(update={"prefix": group or f"group-{self.started}"})
        made = Dispatcher(kafka, self.names, channels, self.observed, **more)
        await made.start()
        running = asyncio.create_task(made.run())
        try:
            await until(lambda: made.ready, 20, "the dispatcher being ready")
            yield made
        finally:
            await made.stop()
            await running


@contextlib.asynccontextmanager
async def a_bench() -> AsyncIterator[Bench]:
    async with EmbeddedBroker() as broker:
        kafka = broker.settings.model_copy(update={"journal_partitions": 2})
        await topics.create_topics(kafka, topics.topic_specs(kafka, topics.TopicNames()))
        yield Bench(kafka)
