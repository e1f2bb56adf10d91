"""An archive written back into the empty topics of a new cluster: every record in its order, the journal at its own offsets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from monitor.archive.manifest import ObjectManifest
from monitor.archive.reading import Archive
from monitor.archive.records import ArchivedRecord
from monitor.core.journal.vocabulary import JOURNAL
from monitor.errors import ConnectionProblem, UsageError
from monitor.settings.kafka import KafkaSettings
from streams.kafka.clients import as_it_is, ended, started_producer
from streams.kafka.reading import end_offsets, read_range
from streams.kafka.topics import Drift, TopicNames, check_topics, require_topics, topic_specs

_AT_ONCE = 500
"""Records on their way before their offsets are looked at."""

_TIME = "message.timestamp.type"


@dataclass(frozen=True, slots=True)
class RestoredPartition:
    """One archived partition. `keeps_offsets`: whether its records will have the offsets they had."""

    topic: str
    partition: int
    records: int
    first_offset: int
    last_offset: int

    @property
    def keeps_offsets(self) -> bool:
        """Nothing is missing before or between: compaction and a beginning that was lost leave holes."""
        return self.first_offset == 0 and self.records == self.last_offset + 1


async def restorable(settings: KafkaSettings, names: TopicNames, archive: Archive) -> tuple[RestoredPartition, ...]:
    """What would be written, in order of topic and partition; nothing is.

    UsageError where the archive is of another number of partitions, the journal's offsets cannot be kept, or a topic is not
    empty; ConfigurationError where topics are missing.
    """
    head = archive.head()
    if head.partitions != settings.journal_partitions:
        raise UsageError(
            f"the archive is of a journal of {head.partitions} partitions, and kafka.journal_partitions is "
            f"{settings.journal_partitions}: set it to {head.partitions}"
        )
    settings = await as_it_is(settings)
    await require_topics(settings, topic_specs(settings, names))
    await refuse_broker_time(settings, names)
    parts = tuple(_part(list(archive.manifests(*place))) for place in archive.partitions())
    for part in parts:
        _refuse_holes(part)
        await _refuse_what_is_there(settings, TopicPartition(names.of(part.topic), part.partition))
    return parts


async def restore(
    settings: KafkaSettings,
    names: TopicNames,
    archive: Archive,
    parts: Sequence[RestoredPartition],
    told: Callable[[str, int], None],
) -> int:
    """Writes them, the journal last, so that no assessor begins before its outputs are back; how many records that were.

    `told` of topic and records so far.
    UsageError where a record did not get its offset: somebody else writes to the topic.
    """
    written = 0
    async with _producing(settings) as client:
        for part in sorted(parts, key=lambda one: one.topic == JOURNAL):
            waiting: list[tuple[ArchivedRecord, asyncio.Future[Any]]] = []
            for record in archive.records(part.topic, part.partition):
                sent = await client.send(
                    names.of(part.topic), record.value, record.key, partition=part.partition, timestamp_ms=record.time_ms
                )
                waiting.append((record, sent))
                if len(waiting) >= _AT_ONCE:
                    written += await _settled(part, waiting)
                    told(part.topic, written)
            written += await _settled(part, waiting)
            told(part.topic, written)
    return written


def _part(manifests: list[ObjectManifest]) -> RestoredPartition:
    first, last = manifests[0], manifests[-1]
    return RestoredPartition(
        first.topic, first.partition, sum(one.records for one in manifests), first.first_offset, last.last_offset
    )


def _refuse_holes(part: RestoredPartition) -> None:
    if part.topic == JOURNAL and not part.keeps_offsets:
        raise UsageError(
            f"the archive of {JOURNAL} partition {part.partition} has {part.records} records from offset {part.first_offset} to "
            f"{part.last_offset}: its beginning or a part of it is missing, figures cannot be made again from the rest, and no "
            "offset would be what evidence says. Begin a new journal instead (docs/operations.md, Another cluster)"
        )


async def refuse_broker_time(settings: KafkaSettings, names: TopicNames) -> None:
    """UsageError where the broker would give the journal's records the time of now: the engine then believes none of them.

    The embedded broker keeps the times it is sent, and no topic settings.
    """
    if not settings.embedded:
        _refuse_broker_time(settings, names.of(JOURNAL), await check_topics(settings, topic_specs(settings, names)))


def _refuse_broker_time(settings: KafkaSettings, journal: str, drifts: Iterable[Drift]) -> None:
    """`drifts` from what the journal is once it is in use."""
    if any(drift.topic == journal and drift.setting == _TIME for drift in drifts):
        return
    alter = f"kafka-configs.sh --bootstrap-server {settings.bootstrap_servers} --alter --topic {journal} --add-config {_TIME}"
    raise UsageError(
        f"{journal} takes the broker's time, and restored records must keep theirs: run `{alter}=CreateTime`, restore, and then "
        f"`{alter}=LogAppendTime` before any stage starts"
    )


async def _refuse_what_is_there(settings: KafkaSettings, place: TopicPartition) -> None:
    end = (await end_offsets(settings, [place]))[place]
    there = end > 0
    async for _ in read_range(settings, {place: 0}, 1):
        there = True
        break
    if there:
        raise UsageError(
            f"{place.topic} partition {place.partition} is not empty (its end is {end}): an archive is restored into topics "
            "that were just made; delete it and run `reserve-monitor topics create`, or use another kafka.prefix"
        )


async def _settled(part: RestoredPartition, waiting: list[tuple[ArchivedRecord, asyncio.Future[Any]]]) -> int:
    """Waits for what is on its way; the journal's records must be where they were."""
    for record, sent in waiting:
        offset = (await sent).offset
        if part.keeps_offsets and offset != record.offset:
            raise UsageError(
                f"{part.topic} partition {part.partition}: the record of offset {record.offset} was written at {offset}: "
                "something else writes to it. Stop every stage, delete the topics, and restore again"
            )
    count = len(waiting)
    waiting.clear()
    return count


@asynccontextmanager
async def _producing(settings: KafkaSettings) -> AsyncIterator[AIOKafkaProducer]:
    client = await started_producer(settings)
    try:
        yield client
        await client.flush()
    except KafkaError as error:
        raise ConnectionProblem(f"writing to {settings.bootstrap_servers} failed: {error}") from error
    finally:
        await ended(client)
