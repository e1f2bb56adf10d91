"""The brokers of the contract suite: the embedded one, fresh for each test, and Apache Kafka where one is named.

Every test runs unchanged on both. On a shared broker it works under names of its own and removes its topics.
"""

import os
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from monitor.core.journal.vocabulary import SOURCE_TOPICS
from monitor.settings.kafka import KafkaSettings
from streams.kafka.clients import admin, ended, started
from streams.kafka.embedded import EmbeddedBroker
from streams.kafka.topics import TopicNames, TopicSpec, create_topics, topic_specs

PARTITIONS = 4


@dataclass(frozen=True)
class Broker:
    """A running broker and the names a test may use on it."""

    settings: KafkaSettings
    names: TopicNames

    @property
    def specs(self) -> tuple[TopicSpec, ...]:
        return topic_specs(self.settings, self.names)

    async def create(self) -> None:
        await create_topics(self.settings, self.specs)


def _names(prefix: str) -> TopicNames:
    return TopicNames({topic: f"{prefix}.{topic}" for topic in SOURCE_TOPICS}, f"{prefix}.")


@pytest.fixture(params=[pytest.param("embedded", marks=pytest.mark.broker), pytest.param("kafka", marks=pytest.mark.kafka)])
async def broker(request: pytest.FixtureRequest) -> AsyncIterator[Broker]:
    prefix = f"t{uuid.uuid4().hex[:10]}"
    if request.param == "embedded":
        async with EmbeddedBroker() as embedded:
            settings = embedded.settings.model_copy(update={"prefix": prefix, "journal_partitions": PARTITIONS})
            yield Broker(settings, _names(prefix))
        return
    servers = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if not servers:
        pytest.skip("KAFKA_BOOTSTRAP_SERVERS names no Apache Kafka broker (make kafka-up starts one)")
    settings = KafkaSettings(bootstrap_servers=servers, prefix=prefix, journal_partitions=PARTITIONS)
    yield Broker(settings, _names(prefix))
    await _remove_topics(settings, prefix)


async def _remove_topics(settings: KafkaSettings, prefix: str) -> None:
    client = await started(admin(settings), settings)
    try:
        mine = [name for name in await client.list_topics() if name.startswith(prefix)]
        if mine:
            await client.delete_topics(mine)
    finally:
        await ended(client)
