"""The archiver on a broker: it writes days, goes on where it ended, and what it wrote is what the log holds."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from monitor.archive.checking import check_archive
from monitor.archive.reading import Archive
from monitor.archive.target import Target, open_target
from monitor.core.journal.vocabulary import CHECKPOINTS, JOURNAL
from monitor.errors import ConfigurationError
from monitor.settings.kafka import KafkaSettings
from monitor.settings.sections import ArchiveSettings
from streams.archiver.stamping import Stamp
from streams.archiver.worker import Archiver
from streams.kafka.clients import ended, producer, started
from streams.kafka.embedded import EmbeddedBroker
from streams.kafka.topics import TopicNames, create_topics, topic_specs
from streams.lookup.archived import compare_with_log
from tests.archive_maker import LIMIT, RELEASE, hourly

pytestmark = [pytest.mark.broker, pytest.mark.timeout(100)]
NAMES = TopicNames()


class Watching:
    """What the archiver says of itself."""

    def __init__(self, wanted: int = 0) -> None:
        self.records, self._wanted = 0, wanted
        self.failures: list[str] = []
        self.stamps: list[str] = []
        self.done = asyncio.Event()

    def archived(self, topic: str, records: int) -> None:
        self.records += records
        if self.records >= self._wanted:
            self.done.set()

    def archive_failed(self, topic: str) -> None:
        self.failures.append(topic)
        self.done.set()

    def archive_oldest(self, topic: str, at_ns: int | None) -> None:
        """Not asked here."""

    def stamped(self, outcome: str) -> None:
        self.stamps.append(outcome)
        self.done.set()


async def published(kafka: KafkaSettings, first: int, count: int) -> None:
    client = await started(producer(kafka), kafka)
    try:
        for record in hourly(count, first):
            await client.send_and_wait(JOURNAL, record.value, record.key, partition=0, timestamp_ms=record.time_ms)
    finally:
        await ended(client)


async def archived(kafka: KafkaSettings, target: Target, records: int, stamp: Stamp | None = None) -> Watching:
    """A whole life of an archiver, until it has written so many records."""
    watching = Watching(records)
    archiver = Archiver(kafka, NAMES, target, watching, limit=LIMIT, release=RELEASE, stamp=stamp)
    await archiver.start()
    working = asyncio.create_task(archiver.run())
    try:
        await asyncio.wait_for(watching.done.wait(), 40)
    finally:
        await archiver.stop()
        await working
    return watching


async def test_it_writes_days_and_goes_on_where_it_ended(tmp_path: Path) -> None:
    target = open_target(str(tmp_path / "archive"), ArchiveSettings(), make=True)
    archive = Archive(target)
    async with EmbeddedBroker() as broker:
        kafka = broker.settings.model_copy(update={"journal_partitions": 1})
        await create_topics(kafka, topic_specs(kafka, NAMES))
        await published(kafka, 0, 50)
        assert (await archived(kafka, target, 48)).failures == []
        begun = list(archive.records(JOURNAL, 0))
        assert begun == hourly(len(begun))
        await published(kafka, 50, 30)
        assert (await archived(kafka, target, 72 - len(begun))).failures == []
        held = list(archive.records(JOURNAL, 0))
        assert held == hourly(len(held))
        assert len(held) >= 72
        assert check_archive(archive).records == len(held)
        assert await compare_with_log(kafka, NAMES, archive) == len(held)
        other = kafka.model_copy(update={"journal_partitions": 2})
        with pytest.raises(ConfigurationError, match="holds the archive of another journal"):
            await Archiver(other, NAMES, target, Watching(), limit=LIMIT, release=RELEASE).start()


async def test_the_newest_checkpoint_is_stamped_when_its_log_is_read_to_the_end(tmp_path: Path) -> None:
    target = open_target(str(tmp_path / "archive"), ArchiveSettings(), make=True)
    async with EmbeddedBroker() as broker:
        kafka = broker.settings.model_copy(update={"journal_partitions": 1})
        await create_topics(kafka, topic_specs(kafka, NAMES))
        client = await started(producer(kafka), kafka)
        for size in (4, 9):
            value = {"schema": "reserve.checkpoint/1", "entity": "jp-main", "tree_size": size}
            await client.send_and_wait(CHECKPOINTS, json.dumps(value).encode(), b"jp-main", partition=0)
        await ended(client)
        watching = await archived(kafka, target, 1, stamp=lambda checkpoint: {"checkpoint": dict(checkpoint)})
    assert watching.stamps == ["written"]
    [(name, _)] = target.names("stamps/")
    assert json.loads(target.get(name) or b"")["checkpoint"]["tree_size"] == 9
    assert check_archive(Archive(target)).notes == []
