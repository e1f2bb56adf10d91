"""The alerts as they stand in the topic, read once: for people who ask, without being a dispatcher."""

from __future__ import annotations

from collections.abc import Callable

from aiokafka import TopicPartition

from monitor.core.journal.vocabulary import ALERTS, DELIVERIES
from monitor.notify.alert import Alert, BadAlert
from monitor.notify.channel import Told
from monitor.settings.kafka import KafkaSettings
from streams.dispatch.board import Board
from streams.dispatch.ledger import read_memory
from streams.kafka.reading import read_range
from streams.kafka.topics import TopicNames, require_topics, topic_specs


async def standing_alerts(kafka: KafkaSettings, names: TopicNames, unreadable: Callable[[str], None]) -> list[Alert]:
    """The newest state of each alert; `unreadable` is told of each record that is none.

    `ConnectionProblem` without a broker, `ConfigurationError` without the topic.
    """
    spec = next(one for one in topic_specs(kafka, names) if one.default == ALERTS)
    await require_topics(kafka, [spec])
    board = Board()
    async for record in read_range(kafka, {TopicPartition(spec.name, partition): 0 for partition in range(spec.partitions)}):
        try:
            board.apply(record.partition, record.key, record.value)
        except BadAlert as error:
            unreadable(f"partition {record.partition} offset {record.offset}: {error}")
    return [alert for partition in range(spec.partitions) for alert in board.of_partition(partition)]


async def told_so_far(kafka: KafkaSettings, names: TopicNames) -> dict[tuple[str, str], Told]:
    """By channel and fingerprint what was told last, or tried, from the record of what was told."""
    spec = next(one for one in topic_specs(kafka, names) if one.default == DELIVERIES)
    await require_topics(kafka, [spec])
    memories = await read_memory(kafka, spec.name, range(spec.partitions))
    return {
        (channel, fingerprint): one
        for memory in memories.values()
        for channel, told in memory.told.items()
        for fingerprint, one in told.items()
    }
