"""The same topics from two places: Kafka, as far as it keeps them, and an archive."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Protocol

from aiokafka import TopicPartition

from monitor.archive.reading import Archive
from monitor.archive.records import ArchivedRecord
from monitor.core.values.times import MINUTE, parse_time
from monitor.settings.kafka import KafkaSettings
from streams.kafka.reading import offset_at, read_range
from streams.kafka.topics import TopicNames, require_there

MILLISECOND = 1_000_000
DISORDER_NS = MINUTE
"""How far the time stamps of one partition may be out of order."""


@dataclass(frozen=True, slots=True)
class Span:
    """Log times (ns) that are asked for, both ends included; None: no end. What lies outside may be given too."""

    since: int | None = None
    until: int | None = None


ALWAYS = Span()


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

    def records(self, topic: str, partition: int, span: Span = ALWAYS) -> AsyncGenerator[ArchivedRecord, None]:
        """Every record of a span of time, in order."""


class KafkaLog:
    """What the broker keeps now."""

    settle_s: float | None = 2.0

    def __init__(self, settings: KafkaSettings, names: TopicNames) -> None:
        self._settings, self._names = settings, names
        self.partitions = settings.journal_partitions
        self.broker_time = not settings.embedded
        self._there = set[str]()

    async def records(self, topic: str, partition: int, span: Span = ALWAYS) -> AsyncGenerator[ArchivedRecord, None]:
        """See TopicLog. ConfigurationError for a topic that is not there."""
        if topic not in self._there:
            await require_there(self._settings, self._names, topic)
            self._there.add(topic)
        place = TopicPartition(self._names.of(topic), partition)
        start = 0 if span.since is None else await offset_at(self._settings, place, span.since // MILLISECOND)
        async with aclosing(read_range(self._settings, {place: start})) as found:
            async for one in found:
                if span.until is not None and one.timestamp * MILLISECOND > span.until + DISORDER_NS:
                    return
                yield ArchivedRecord(one.offset, one.timestamp, one.key, one.value)


class ArchiveLog:
    """What an archive holds: days that are over."""

    settle_s: float | None = None

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        head = archive.head()
        self.partitions, self.broker_time = head.partitions, head.broker_time

    async def records(self, topic: str, partition: int, span: Span = ALWAYS) -> AsyncGenerator[ArchivedRecord, None]:
        """See TopicLog. Objects of other days are not read."""
        for manifest in self._archive.manifests(topic, partition):
            before = span.until is not None and parse_time(manifest.first_time) > span.until
            if before or (span.since is not None and parse_time(manifest.last_time) < span.since):
                continue
            for record in self._archive.records_in(manifest):
                yield record
