"""The archiver: reads the journal and the outputs and writes them, day by day, to files that outlast Kafka.

The partitions are shared out by the consumer group `<prefix>.archiver`; nothing is committed to it, since the archive's newest
manifest says where to go on. It keeps nothing of its own: what it held of an unfinished object is read again. Nothing in
Kafka is ever changed or deleted.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from monitor.archive.manifest import HEAD, ArchiveHead, BadArchive, ObjectManifest
from monitor.archive.reading import Archive
from monitor.archive.records import ArchivedRecord
from monitor.archive.target import Target
from monitor.core.journal.schedule import earliest
from monitor.core.journal.vocabulary import ALERTS, ASSESSMENTS, CHECKPOINTS, DELIVERIES, EXPOSURES, JOURNAL
from monitor.errors import ConfigurationError, ConnectionProblem
from monitor.settings.kafka import KafkaSettings
from streams.archiver.observer import ArchiveObserver
from streams.archiver.partition import ArchivePartition
from streams.archiver.stamping import CheckpointStamps, Stamp
from streams.kafka.clients import consumer, ended, started
from streams.kafka.topics import TopicNames

ARCHIVED = (JOURNAL, ASSESSMENTS, EXPOSURES, ALERTS, CHECKPOINTS, DELIVERIES)
"""Topics that are archived, by default name."""

RETRY_S = 30.0
_ANEW = "the topic was made anew; name another archive.target"
_POLL_MS = 500
_SETTLE_S = 30.0
_log = structlog.get_logger(__name__)
_Found = TypeVar("_Found")


class Archiver:
    """`start` returns when it reads, `run` when it was stopped, `stop` ends it.

    `limit`: bytes of lines in an object. `stamp`: asks the authority for time stamps of checkpoints (None: nobody does).
    """

    def __init__(
        self,
        kafka: KafkaSettings,
        names: TopicNames,
        target: Target,
        observer: ArchiveObserver,
        *,
        limit: int,
        release: str,
        stamp: Stamp | None = None,
    ) -> None:
        self._kafka, self._archive, self._observer = kafka, Archive(target), observer
        self._limit, self._release = limit, release
        self._defaults = {names.of(topic): topic for topic in ARCHIVED}
        self._consumer: AIOKafkaConsumer | None = None
        self._assigned: set[TopicPartition] | None = None
        self._held: dict[TopicPartition, ArchivePartition] = {}
        self._used: ArchivePartition | None = None
        """That which a thread is at work on: whoever drops it leaves it open."""
        self._again: dict[TopicPartition, float] = {}
        self._stamps = None if stamp is None else CheckpointStamps(target, stamp, observer)
        self._settled = 0.0
        self._stopping = asyncio.Event()
        self._ended = asyncio.Event()
        self._ended.set()

    @property
    def ready(self) -> bool:
        """Whether it has its partitions. A target that does not answer is told by log and metrics: nothing else waits for it."""
        return self._assigned is not None

    async def start(self) -> None:
        """Open the archive and join the group. ConfigurationError for an archive of another journal; ConnectionProblem."""
        await asyncio.to_thread(self._open_archive)
        self._consumer = consumer(self._kafka, group=self._kafka.group("archiver"), fetch_max_wait_ms=_POLL_MS)
        self._consumer.subscribe(list(self._defaults), listener=_Assignment(self))
        await started(self._consumer, self._kafka)

    async def run(self) -> None:
        """Read and write until `stop`."""
        self._ended.clear()
        try:
            while not self._stopping.is_set():
                await self._step()
        finally:
            self._ended.set()

    async def stop(self) -> None:
        """End: an object that is being written is finished, one that is being filled is forgotten."""
        self._stopping.set()
        await self._ended.wait()
        if self._stamps is not None:
            await self._stamps.stop()
        if self._consumer is not None:
            await ended(self._consumer)
        self._consumer = None
        self._drop()

    def assign(self, places: set[TopicPartition]) -> None:
        """The group's decision."""
        self._assigned = places
        self._again = dict.fromkeys(places, 0.0)

    def revoke(self) -> None:
        """Another archiver may have them now."""
        self._assigned = None
        self._again.clear()
        self._drop()

    def _drop(self) -> None:
        for partition in self._held.values():
            if partition is not self._used:
                partition.close()
        self._held.clear()
        if self._stamps is not None:
            self._stamps.forget()

    def _open_archive(self) -> None:
        wanted = ArchiveHead(self._kafka.journal_partitions, not self._kafka.embedded)
        target = self._archive.target
        if not target.put_new(HEAD, wanted.content()) and self._archive.head() != wanted:
            raise ConfigurationError(f"archive.target {target.place} holds the archive of another journal: name another place")

    async def _step(self) -> None:
        client = self._consumer
        if client is None:
            return
        try:
            await self._take_over(client)
            idle = {place for place in client.assignment() if place not in self._held}
            client.pause(*idle)
            batches = await client.getmany(timeout_ms=_POLL_MS)
            for place, records in batches.items():
                await self._take(place, records)
            if time.monotonic() - self._settled > _SETTLE_S:
                await self._settle(client)
        except KafkaError as error:
            _log.warning("archive_unread", detail=str(error))
            await asyncio.sleep(1.0)

    async def _take_over(self, client: AIOKafkaConsumer) -> None:
        """Begin partitions whose time has come: new ones, and those that failed a while ago."""
        now = time.monotonic()
        due = [place for place, at in self._again.items() if at <= now]
        if not due:
            return
        firsts, ends = await client.beginning_offsets(due), await client.end_offsets(due)
        for place in due:
            partition = ArchivePartition(self._archive, self._defaults[place.topic], place.partition, self._limit, self._release)
            try:
                start = await asyncio.to_thread(partition.begin)
            except ConnectionProblem as error:
                self._fail(place, str(error))
                continue
            except BadArchive as error:
                self._refuse(place, str(error))
                continue
            if place not in self._again or place not in client.assignment():
                continue  # another rebalance came meanwhile
            if start >= ends[place] > 0 and not self._kafka.embedded:  # whose ends may be a batch short
                self._refuse(place, f"the log ends at {ends[place]}, the archive holds {start}: {_ANEW}")
                continue
            del self._again[place]
            self._held[place] = partition
            client.seek(place, max(start, firsts[place]))
            client.resume(place)

    async def _take(self, place: TopicPartition, records: Sequence[Any]) -> None:
        partition = self._held.get(place)
        if partition is None:
            return
        found = [ArchivedRecord(one.offset, one.timestamp, one.key, one.value) for one in records]
        if self._stamps is not None and partition.topic == CHECKPOINTS:
            self._stamps.saw(found)
        try:
            for manifest in await self._worked(partition, partial(partition.take, found)):
                self._written(manifest)
        except ConnectionProblem as error:
            self._fail(place, str(error))
        except BadArchive as error:
            self._refuse(place, str(error))

    async def _settle(self, client: AIOKafkaConsumer) -> None:
        """Days that are over, of partitions that are read to their end."""
        self._settled = time.monotonic()
        for place, partition in list(self._held.items()):
            if place not in self._held:
                continue  # a rebalance came meanwhile
            end = client.highwater(place)
            if end is None or await client.position(place) < end:
                continue
            if self._stamps is not None and partition.topic == CHECKPOINTS:
                self._stamps.at_end()
            try:
                manifest = await self._worked(partition, partial(partition.settle, time.time_ns()))
            except ConnectionProblem as error:
                self._fail(place, str(error))
            except BadArchive as error:
                self._refuse(place, str(error))
            else:
                if manifest is not None:
                    self._written(manifest)
        for topic in ARCHIVED:
            waiting = [one.waiting_since for one in self._held.values() if one.topic == topic]
            self._observer.archive_oldest(topic, earliest(waiting))

    async def _worked(self, partition: ArchivePartition, act: Callable[[], _Found]) -> _Found:
        """What `act` gives in a thread. What was dropped meanwhile is closed behind it: the group decides at any moment."""
        self._used = partition
        try:
            return await asyncio.to_thread(act)
        finally:
            self._used = None
            if partition not in self._held.values():
                partition.close()

    def _written(self, manifest: ObjectManifest) -> None:
        self._observer.archived(manifest.topic, manifest.records)
        _log.info("archived", object=manifest.object, records=manifest.records, bytes=manifest.object_bytes)

    def _fail(self, place: TopicPartition, detail: str) -> None:
        """The target does not answer: begin anew in a while."""
        self._give_up(place, detail, "archive_failed")
        if place in (self._assigned or ()):  # else another archiver may have it by now
            self._again[place] = time.monotonic() + RETRY_S

    def _refuse(self, place: TopicPartition, detail: str) -> None:
        """Log and archive do not agree: somebody has to look."""
        self._give_up(place, detail, "archive_stopped")

    def _give_up(self, place: TopicPartition, detail: str, event: str) -> None:
        _log.error(event, topic=place.topic, partition=place.partition, detail=detail)
        self._observer.archive_failed(self._defaults[place.topic])
        self._again.pop(place, None)
        partition = self._held.pop(place, None)
        if partition is not None:
            partition.close()


class _Assignment(ConsumerRebalanceListener):
    """Hands the group's decisions on. Both calls come before records of the new assignment are read."""

    def __init__(self, archiver: Archiver) -> None:
        self._archiver = archiver

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:  # noqa: ARG002 - the library's signature
        self._archiver.revoke()

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        self._archiver.assign(set(assigned))
