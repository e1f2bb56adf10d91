"""A bundle of evidence read from Kafka: the whole journal partition, the entity's outputs, its checkpoints."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from aiokafka import TopicPartition

from monitor.audit.bundle import OUTPUTS, BundleWriter, Origin
from monitor.core.journal.records import decode_record
from monitor.core.journal.vocabulary import CHECKPOINTS, JOURNAL
from monitor.core.values.times import from_ms
from monitor.errors import UsageError
from monitor.settings.kafka import KafkaSettings
from streams.kafka.reading import read_range
from streams.kafka.topics import TopicNames

_SETTLE_S = 2.0
"""Between the journal's end and the outputs: what the last records led to is published by then."""

Told = Callable[[str, int], None]
"""Told the topic that is read, and how many records of it so far."""


async def export_kafka(
    settings: KafkaSettings, names: TopicNames, bundle: BundleWriter, origin: Origin, *, upto_ns: int | None, told: Told
) -> None:
    """Fills the bundle. `upto_ns`: the journal ends before the first record of a later time, and the outputs with it.

    `UsageError` when nothing was published of the entity.
    """
    source = _Source(settings, names, origin)
    end = 0
    with bundle.journal() as take:
        async for record in source.records(JOURNAL):
            time = from_ms(record.timestamp)
            if upto_ns is not None and time > upto_ns:
                break
            take(decode_record(record.value, record.offset, time), record.value)
            end = record.offset + 1
            told(JOURNAL, end)
    await asyncio.sleep(_SETTLE_S)
    last = 0
    for topic in OUTPUTS:
        with bundle.outputs(topic) as put:
            async for value in source.values(topic):
                if value["journal"]["offset"] < end:
                    put(value)
                    last = max(last, value["chain"]["sequence"])
                    told(topic, value["chain"]["sequence"])
    if not last:
        raise UsageError(f"nothing was published of {origin.entity} in partition {origin.partition}: is its name right?")
    bundle.checkpoints([value async for value in source.values(CHECKPOINTS) if value["last_sequence"] <= last])


class _Source:
    """The origin's partition of each topic."""

    def __init__(self, settings: KafkaSettings, names: TopicNames, origin: Origin) -> None:
        self._settings, self._names, self._origin = settings, names, origin

    async def records(self, topic: str) -> AsyncIterator[Any]:
        async for record in read_range(self._settings, {TopicPartition(self._names.of(topic), self._origin.partition): 0}):
            yield record

    async def values(self, topic: str) -> AsyncIterator[dict[str, Any]]:
        """What is the entity's."""
        mark = f'"entity":"{self._origin.entity}"'.encode()
        async for record in self.records(topic):
            if record.value is not None and mark in record.value:
                value = json.loads(record.value)
                if value["entity"] == self._origin.entity:
                    yield value


async def chain_of(settings: KafkaSettings, names: TopicNames, origin: Origin) -> AsyncIterator[dict[str, Any]]:
    """The entity's entries that the output topics keep, topic by topic, and then its checkpoints."""
    source = _Source(settings, names, origin)
    for topic in (*OUTPUTS, CHECKPOINTS):
        async for value in source.values(topic):
            yield value
