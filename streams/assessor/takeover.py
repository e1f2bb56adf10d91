"""What earlier owners of journal partitions published already, read from the output topics (JOURNAL 7)."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from aiokafka import TopicPartition

from monitor.core.journal.vocabulary import OUTPUT_TOPICS
from monitor.settings.kafka import KafkaSettings
from streams.kafka.reading import read_range
from streams.kafka.topics import TopicNames


@dataclass(frozen=True, slots=True)
class Standing:
    """Of one partition: where a snapshot left off. `outputs` by default topic name, `heads` by entity."""

    outputs: Mapping[str, int] = field(default_factory=dict)
    heads: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """Of one partition: the newest entry without a gap before it, and the offsets behind what was read.

    `engines`: versions of the engines that made the entries behind the snapshot.
    """

    newest: Mapping[str, tuple[int, str]]
    outputs: Mapping[str, int]
    engines: frozenset[str] = frozenset()


async def published_since(settings: KafkaSettings, names: TopicNames, standing: Mapping[int, Standing]) -> dict[int, Found]:
    """What was published in each partition after its snapshot.

    Entries of one chain lie in three topics, and a crash may have lost one that was sent before another that arrived. So
    only the entries that follow the snapshot without a gap count as published; the rest is sent again, as an equal repeat.
    """
    starts = {
        TopicPartition(names.of(topic), partition): left.outputs.get(topic, 0)
        for partition, left in standing.items()
        for topic in OUTPUT_TOPICS
    }
    chains: dict[int, dict[str, dict[int, str]]] = {partition: defaultdict(dict) for partition in standing}
    engines: dict[int, set[str]] = {partition: set() for partition in standing}
    ends = dict(starts)
    async for record in read_range(settings, starts):
        ends[TopicPartition(record.topic, record.partition)] = record.offset + 1
        if record.value is not None:
            value = json.loads(record.value)
            entity, sequence = value["entity"], value["chain"]["sequence"]
            chains[record.partition][entity][sequence] = value["digest"]
            if sequence > standing[record.partition].heads.get(entity, 0):
                engines[record.partition].add(value["engine_version"])
    return {
        partition: Found(
            _newest(chains[partition], left.heads),
            {topic: ends[TopicPartition(names.of(topic), partition)] for topic in OUTPUT_TOPICS},
            frozenset(engines[partition]),
        )
        for partition, left in standing.items()
    }


def _newest(chains: Mapping[str, Mapping[int, str]], heads: Mapping[str, int]) -> dict[str, tuple[int, str]]:
    result = {}
    for entity, entries in chains.items():
        sequence = heads.get(entity, 0)
        while sequence + 1 in entries:
            sequence += 1
        if sequence in entries:
            result[entity] = (sequence, entries[sequence])
    return result
