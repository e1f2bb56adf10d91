"""The same topics from two places: Kafka, as far as it keeps them, and an archive."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from aiokafka import TopicPartition

from monitor.archive.reading import Archive
from monitor.archive.records import ArchivedRecord
from monitor.settings.kafka import KafkaSettings
from streams.kafka.reading import read_range
from streams.kafka.topics import TopicNames


class TopicLog(Protocol):
    """Topics are named by default. `partitions`: of the journal. `broker_time`: the journal keeps the broker's time stamps.

    `settle_s`: how long after the end of the journal what its last records led to is there too; None where it never comes.
    """

    @property
    def partitions(self) -> int: ...

    @property
    def broker_time(self) -> bool: ...

    @property
    def settle_s(self) -> float | None: ...

    def records(self, topic: str, partition: int) -> AsyncGenerator[ArchivedRecord, None]:
        """Every record there is, in order."""


class KafkaLog:
    """What the broker keeps now."""

    settle_s: float | None = 2.0

    def __init__(self, settings: KafkaSettings, names: TopicNames) -> None:
        self._settings, self._names = settings, names
        self.partitions = settings.journal_partitions
        self.broker_time = not settings.embedded

    async def records(self, topic: str, partition: int) -> AsyncGenerator[ArchivedRecord, None]:
        """See TopicLog."""
        async for one in read_range(self._settings, {TopicPartition(self._names.of(topic), partition): 0}):
            yield ArchivedRecord(one.offset, one.timestamp, one.key, one.value)


class ArchiveLog:
    """What an archive holds: days that are over."""

    settle_s: float | None = None

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        head = archive.head()
        self.partitions, self.broker_time = head.partitions, head.broker_time

    async def records(self, topic: str, partition: int) -> AsyncGenerator[ArchivedRecord, None]:
        """See TopicLog."""
        for record in self._archive.records(topic, partition):
            yield record
