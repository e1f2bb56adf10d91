"""An archive held against the log it was written from, as far as Kafka still has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from aiokafka import TopicPartition

from monitor.archive.manifest import BadArchive, folder
from monitor.archive.reading import Archive
from monitor.archive.records import ArchivedRecord
from monitor.settings.kafka import KafkaSettings
from streams.kafka.reading import read_range
from streams.kafka.topics import TopicNames


async def compare_with_log(
    settings: KafkaSettings, names: TopicNames, archive: Archive, told: Callable[[str, int], None] = lambda *_: None
) -> int:
    """How many records Kafka and the archive both hold, all equal; `BadArchive` names the first that is not.

    Records that Kafka has and the archive's range should have are missed too. `told` of topic and records so far.
    """
    same = 0
    for topic, partition in archive.partitions():
        newest = archive.newest(topic, partition)
        if newest is None:
            continue
        held: Iterator[ArchivedRecord] | None = None
        place = TopicPartition(names.of(topic), partition)
        async for one in read_range(settings, {place: 0}, newest.last_offset + 1):
            if held is None:
                held = archive.records(topic, partition, one.offset)
            record = ArchivedRecord(one.offset, one.timestamp, one.key, one.value)
            found = next((kept for kept in held if kept.offset >= record.offset), None)
            if found != record:
                where = f"{folder(topic, partition)} offset {record.offset}"
                raise BadArchive(f"{where}: the log holds another record than the archive, or the archive none")
            same += 1
            told(topic, same)
    return same
