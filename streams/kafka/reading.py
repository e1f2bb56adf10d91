"""Reading topic partitions from an offset to their present end, outside any consumer group."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from monitor.errors import ConnectionProblem, UsageError
from monitor.settings.kafka import KafkaSettings
from streams.kafka.clients import as_it_is, consumer, ended, problem, started

_WAIT_MS = 200
_QUIET_FETCHES = 3
_FOLLOW_MS = 1000
_AT_ONCE = 100


async def read_range(
    settings: KafkaSettings, starts: Mapping[TopicPartition, int], upto: int | None = None
) -> AsyncGenerator[Any, None]:
    """Records of partitions from `starts` (raised to the log's start) on; ends at the present end of each, or before `upto`.

    In order within a partition. On the embedded broker, whose end offsets may be a batch short, a partition has ended only
    when further fetches bring nothing.
    """
    if not starts:
        return
    settings = await as_it_is(settings)
    client = await started(consumer(settings, auto_offset_reset="none"), settings)
    try:
        client.assign(list(starts))
        ends = await _ends(client, starts, upto)
        quiet = 0
        while not (all([await client.position(tp) >= end for tp, end in ends.items()]) and quiet >= _wanted_quiet(settings)):
            batches = await client.getmany(timeout_ms=_WAIT_MS if quiet == 0 else _WAIT_MS // 4)
            quiet = 0 if batches else quiet + 1
            for records in batches.values():
                for record in records:
                    if upto is None or record.offset < upto:
                        yield record
    except KafkaError as error:
        raise ConnectionProblem(f"reading from {settings.bootstrap_servers} failed: {error}") from error
    finally:
        await ended(client)


async def newest(settings: KafkaSettings, topic: str, count: int) -> list[Any]:
    """The newest `count` records of each partition of a topic, by partition; UsageError for a topic that is not there."""
    client = await started(consumer(settings), settings)
    try:
        if topic not in await client.topics():
            raise UsageError(f"there is no topic {topic} at {settings.bootstrap_servers}: see `topic` of the feed")
        partitions = [TopicPartition(topic, number) for number in sorted(client.partitions_for_topic(topic) or ())]
        ends = await client.end_offsets(partitions)
    except KafkaError as error:
        raise await problem(settings, error) from error
    finally:
        await ended(client)
    starts = {tp: max(0, end - count) for tp, end in ends.items()}
    found = [record async for record in read_range(settings, starts)]
    return sorted(found, key=lambda record: (record.partition, record.offset))


async def follow(settings: KafkaSettings, partitions: Sequence[TopicPartition], since_ms: int) -> AsyncIterator[Any]:
    """Records of partitions stamped `since_ms` or later, for ever; in order within a partition.

    A partition without such a record begins at its end. The embedded broker does not find places by time: there all is read.
    """
    settings = await as_it_is(settings)
    client = await started(consumer(settings, auto_offset_reset="earliest", fetch_max_wait_ms=_FOLLOW_MS), settings)
    try:
        client.assign(list(partitions))
        if settings.embedded:
            await client.seek_to_beginning(*partitions)
        else:
            found = await client.offsets_for_times(dict.fromkeys(partitions, since_ms))
            ends = await client.end_offsets(list(partitions))
            for tp in partitions:
                place = found.get(tp)
                client.seek(tp, ends[tp] if place is None else place.offset)
        while True:
            for records in (await client.getmany(timeout_ms=_FOLLOW_MS, max_records=_AT_ONCE)).values():
                for record in records:
                    yield record
    except KafkaError as error:
        raise await problem(settings, error) from error
    finally:
        await ended(client)


async def offset_at(settings: KafkaSettings, place: TopicPartition, since_ms: int) -> int:
    """The first offset stamped `since_ms` or later, else the end; 0 on the embedded broker, which finds no places by time."""
    settings = await as_it_is(settings)
    if settings.embedded:
        return 0
    client = await started(consumer(settings), settings)
    try:
        found = (await client.offsets_for_times({place: since_ms}))[place]
        return int((await client.end_offsets([place]))[place] if found is None else found.offset)
    except KafkaError as error:
        raise await problem(settings, error) from error
    finally:
        await ended(client)


async def end_offsets(settings: KafkaSettings, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
    """Present ends; on the embedded broker possibly a batch short."""
    client = await started(consumer(settings), settings)
    try:
        return dict(await client.end_offsets(partitions))
    except KafkaError as error:
        raise ConnectionProblem(f"the ends of topics on {settings.bootstrap_servers} cannot be read: {error}") from error
    finally:
        await ended(client)


async def _ends(client: Any, starts: Mapping[TopicPartition, int], upto: int | None) -> dict[TopicPartition, int]:
    first = await client.beginning_offsets(list(starts))
    ends = await client.end_offsets(list(starts))
    for tp, start in starts.items():
        client.seek(tp, max(start, first[tp]))
    return {tp: end if upto is None else min(end, upto) for tp, end in ends.items()}


def _wanted_quiet(settings: KafkaSettings) -> int:
    return _QUIET_FETCHES if settings.embedded else 0
