"""The intake stage: source topics in, journal out, in one consumer group that shares the partitions among processes.

Each assignment forgets everything and begins at what is committed (`beginning`), reading the look-back before it once more.
A partition that fails begins again the same way after a pause; one that this worker must not read stands still and says why.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError, NoOffsetForPartitionError, OffsetOutOfRangeError
from aiokafka.structs import OffsetAndMetadata

from monitor.collector import rare_collections
from monitor.core.journal.records import SourcePartition
from monitor.core.journal.vocabulary import SOURCE_TOPICS
from monitor.errors import ConfigurationError
from monitor.settings.kafka import KafkaSettings
from streams.intake.beginning import Beginning, Committed, Log, PartitionRefused, decide, decide_without_metadata
from streams.intake.fetching import Fetch, UnreadableBatch, best_fetch
from streams.intake.observer import IntakeObserver, SegmentCounts
from streams.intake.partition import Outlets, PartitionWork
from streams.intake.segment.readers import reader_of_topic
from streams.intake.segment.rules import IntakeRules
from streams.journal.deadletter import DeadLetterProducer
from streams.journal.writer import JournalProducer
from streams.kafka.clients import admin, consumer, ended, started
from streams.kafka.pace import FetchPace, busy_wait_ms, idle_wait_ms
from streams.kafka.topics import TopicNames

STAGE = "intake"
_POLL_MS, _POLL_IN_BARRIER_MS = 200, 5
_AGAIN_AFTER_S = 2.0
_MOST_HOLDING = 4
"""Partitions whose records may wait for those behind them: each holds two fetches at most."""
_LAST_FLUSH_S = 4.0

_log = structlog.get_logger(__name__)


class Intake(ConsumerRebalanceListener):
    """One worker. `start` returns when it has joined, `run` when it has ended, `stop` ends it and loses nothing.

    `ConnectionProblem` and `ConfigurationError` come from `start` when the broker is away or its topics are not as they
    must be, `ConfigurationError` from `run` when the group has committed under newer rules than these.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        names: TopicNames,
        configuration: Mapping[str, Any],
        observer: IntakeObserver,
        flush_s: float = 1.0,
        *,
        fetch: Callable[[AIOKafkaConsumer], Fetch] = best_fetch,
        told: SegmentCounts | None = None,
    ) -> None:
        """`told` says what of the counts is news; of its own if there is none."""
        self._settings, self._names, self._observer = settings, names, observer
        self._rules = IntakeRules.of(configuration)
        self._flush_s = flush_s
        self._make_fetch = fetch
        self._told = told or SegmentCounts()
        self._topics = _read(names, self._rules)
        self._journal = JournalProducer(settings, names)
        self._dead_letters = DeadLetterProducer(settings, names, time.time_ns)
        self._consumer: AIOKafkaConsumer | None = None
        self._works: dict[TopicPartition, PartitionWork] = {}
        self._beginning: dict[TopicPartition, asyncio.Task[None]] = {}
        self._refused: dict[TopicPartition, str] = {}
        self._until: dict[TopicPartition, int] = {}
        self._assigned = False
        self._shared: dict[str, int] = {}
        self._stopping, self._ended = asyncio.Event(), asyncio.Event()
        self._ended.set()
        self._fatal: Exception | None = None

    @property
    def begun(self) -> bool:
        """Whether it has its partitions, and each stands where its reading begins."""
        return self._assigned and not self._beginning and not self._refused

    @property
    def ready(self) -> bool:
        """Whether every partition has been read up to where its log ended when it was assigned, and none stands still.

        Falling behind later is lag, which the metrics tell and a restart does not mend.
        """
        return self.begun and all(work.has_read_to(self._until.get(tp, 0)) for tp, work in self._works.items())

    @property
    def stopped(self) -> Mapping[SourcePartition, str]:
        """Partitions that stand still until an operator acts, with the reason."""
        return {where: reason for tp, reason in sorted(self._refused.items()) for where in self._places(tp)}

    async def start(self) -> None:
        """Connect and join the group."""
        await self._journal.start()
        await self._dead_letters.start()
        group = self._settings.group(STAGE)
        client = consumer(self._settings, group=group, auto_offset_reset="none", fetch_max_wait_ms=busy_wait_ms(self._settings))
        client.subscribe(list(self._topics), listener=self)
        self._consumer = client  # before it starts: it may call back at once
        await started(client, self._settings)

    async def run(self) -> None:
        """Read until `stop`."""
        self._ended.clear()
        try:
            with rare_collections():
                await self._read()
        finally:
            self._ended.set()
        if self._fatal is not None:
            raise self._fatal

    async def _read(self) -> None:
        fetch = self._make_fetch(self._client)
        pace = FetchPace(self._client, busy_wait_ms(self._settings), idle_wait_ms(self._settings))
        due = time.monotonic() + self._flush_s
        while not self._stopping.is_set() and self._fatal is None:
            fetched = await self._fetched(fetch, due)
            pace.after(fetched)
            for tp, batch in fetched.items():
                work = self._works.get(tp)
                if work is not None:
                    work.offer(batch)
            flushing = time.monotonic() >= due
            await self._advance(flushing=flushing)
            if flushing:
                due = time.monotonic() + self._flush_s
                for tp, work in self._works.items():
                    self._tell_lag(tp, work)
                self._restart_failed()
                self._share_added()

    async def stop(self) -> None:
        """End `run`, tell once more how far everything was read, and leave the group."""
        self._stopping.set()
        await self._ended.wait()
        for task in self._beginning.values():
            task.cancel()
        last = [asyncio.create_task(work.finish()) for work in self._works.values()]
        if last:
            await asyncio.wait(last, timeout=_LAST_FLUSH_S)
        self._forget()
        client, self._consumer = self._consumer, None
        if client is not None:
            await ended(client)
        await self._journal.stop()
        await self._dead_letters.stop()

    # --- assignment

    def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Called by the consumer: what was held is held no longer."""
        self._forget()
        for tp in revoked:
            for name in self._topics[tp.topic]:
                self._observer.lag(name, tp.partition, None)

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Called by the consumer: begin each partition anew, also one that was held before."""
        self._forget()
        self._assigned = True
        self._shared = self._partitions()
        for tp in assigned:
            self._begin_soon(tp, 0.0)

    def _forget(self) -> None:
        for work in self._works.values():
            work.abandon()
        for task in self._beginning.values():
            task.cancel()
        self._works.clear()
        self._beginning.clear()
        self._refused.clear()
        self._until.clear()

    def _begin_soon(self, tp: TopicPartition, after_s: float) -> None:
        self._client.pause(tp)
        task = self._beginning[tp] = asyncio.create_task(self._begin(tp, after_s))
        task.add_done_callback(lambda done: self._begun(tp, done))

    async def _begin(self, tp: TopicPartition, after_s: float) -> None:
        await asyncio.sleep(after_s)
        beginning = await self._decide(tp)
        several = len(self._client.partitions_for_topic(tp.topic) or ()) > 1
        places, metadata = self._places(tp), beginning.metadata
        reader = reader_of_topic(places, self._rules, metadata.log, beginning.start, several=several, changes=metadata.changes)
        outlets = Outlets(self._journal, self._dead_letters, self._committer(tp), self._observer, time.time_ns, self._told)
        work = PartitionWork(reader, beginning, outlets)
        await work.begin()
        self._client.seek(tp, work.read_from)
        self._works[tp] = work
        self._client.resume(tp)

    def _begun(self, tp: TopicPartition, task: asyncio.Task[None]) -> None:
        if task.cancelled() or self._beginning.get(tp) is not task:
            return
        del self._beginning[tp]
        error = task.exception()
        if error is None:
            return
        if isinstance(error, PartitionRefused):
            self._refuse(tp, error)
        else:
            _log.warning("intake_begin_failed", topic=tp.topic, partition=tp.partition, error=str(error))
            self._begin_soon(tp, _AGAIN_AFTER_S)

    def _refuse(self, tp: TopicPartition, error: PartitionRefused) -> None:
        _log.error("intake_partition_refused", topic=tp.topic, partition=tp.partition, reason=str(error))
        self._refused[tp] = str(error)
        if error.fatal:
            self._fatal = ConfigurationError(f"{tp.topic}/{tp.partition}: {error}")

    async def _decide(self, tp: TopicPartition) -> Beginning:
        client, epoch, rules = self._client, self._places(tp)[0].epoch, self._rules.rules
        starts, ends = await client.beginning_offsets([tp]), await client.end_offsets([tp])
        log = Log(starts[tp], ends[tp])
        self._until[tp] = log.end
        if self._settings.embedded:
            return decide_without_metadata(await client.committed(tp), log, epoch, rules)
        return decide(await self._committed(tp), log, epoch, rules, secrets.token_hex(16))

    async def _committed(self, tp: TopicPartition) -> Committed | None:
        client = await started(admin(self._settings), self._settings)
        try:
            found = (await client.list_consumer_group_offsets(self._settings.group(STAGE), partitions=[tp])).get(tp)
        finally:
            await ended(client)
        return None if found is None or found.offset < 0 else Committed(found.offset, found.metadata)

    def _committer(self, tp: TopicPartition) -> Callable[[int, str], Awaitable[None]]:
        async def commit(offset: int, metadata: str) -> None:
            await self._client.commit({tp: OffsetAndMetadata(offset, metadata)})

        return commit

    # --- the loop

    async def _fetched(self, fetch: Fetch, due: float) -> Mapping[TopicPartition, Any]:
        until_due_ms = 1 + int(max(0.0, due - time.monotonic()) * 1000)
        try:
            return await fetch(_POLL_IN_BARRIER_MS if self._in_barrier else min(_POLL_MS, until_due_ms))
        except NoOffsetForPartitionError:
            return {}  # a partition assigned just now, which `_begin` will seek
        except OffsetOutOfRangeError as error:
            for tp in error.args[0] if error.args else ():
                work = self._works.get(tp)
                if work is not None:
                    work.failure = error
            return {}
        except UnreadableBatch as error:
            self._stand_still(error)
            return {}

    def _stand_still(self, unreadable: UnreadableBatch) -> None:
        """Beginning anew would not help, and the others go on."""
        tp = unreadable.where
        work = self._works.pop(tp, None)
        if work is not None:
            work.abandon()
            self._client.pause(tp)
            self._refuse(tp, PartitionRefused(str(unreadable)))

    @property
    def _in_barrier(self) -> bool:
        """Whether a partition's flush is under way: what it has read ahead goes on as soon as that is done."""
        return any(work.busy is not None for work in self._works.values())

    async def _advance(self, *, flushing: bool) -> None:
        holding = sum(work.holds for work in self._works.values())
        for tp, work in list(self._works.items()):
            if self._works.get(tp) is not work:
                continue
            try:
                position, end = await self._client.position(tp), self._log_end(tp) or 0
                told = flushing and work.due(end)
                holding -= work.holds
                work.reached(position, more=end > position and not told and holding < _MOST_HOLDING)
                holding += work.holds
                await work.advance()
                if told:
                    work.flush()
            except (KafkaError, OSError, TimeoutError) as error:
                work.failure = work.failure or error
            if self._works.get(tp) is work and work.held_back is work.wants:
                work.held_back = not work.wants
                if work.held_back:
                    self._client.pause(tp)
                else:
                    self._client.resume(tp)

    def _log_end(self, tp: TopicPartition) -> int | None:
        """The end of a partition's log as the fetch before told it; None where that is not known."""
        try:
            found: int | None = self._client.highwater(tp)
        except (AssertionError, IllegalStateError):
            return None
        return found

    def _tell_lag(self, tp: TopicPartition, work: PartitionWork) -> None:
        end = self._log_end(tp)
        if end is not None:
            for name in self._topics[tp.topic]:
                self._observer.lag(name, tp.partition, max(0, end - work.position))

    def _restart_failed(self) -> None:
        """A partition whose barrier failed begins again at what is committed."""
        for tp, work in list(self._works.items()):
            if work.failure is None:
                continue
            _log.warning("intake_partition_stopped", topic=tp.topic, partition=tp.partition, error=repr(work.failure))
            work.abandon()
            del self._works[tp]
            self._begin_soon(tp, _AGAIN_AFTER_S)

    def _partitions(self) -> dict[str, int]:
        """How many each topic has, as far as this client knows: it asks every half a minute."""
        return {topic: len(self._client.partitions_for_topic(topic) or ()) for topic in self._topics}

    def _share_added(self) -> None:
        """Join again when partitions were added.

        Whoever shares them out sees to it, but the broker does not tell a member that comes back by its name that it is the one.
        """
        if self._settings.instance_id is None or not self._assigned:
            return
        found = self._partitions()
        if any(found[topic] > count for topic, count in self._shared.items()):
            _log.info(
                "partitions_added", partitions={topic: found[topic] for topic in found if found[topic] > self._shared[topic]}
            )
            self._shared = found
            self._forget()
            self._client.subscribe(list(self._topics), listener=self)

    def _places(self, tp: TopicPartition) -> list[SourcePartition]:
        """The partition as each feed that reads its topic calls it, or as its kind does."""
        names = self._topics[tp.topic]
        return [SourcePartition(name, self._rules.sources[name].epoch, tp.partition) for name in names]

    @property
    def _client(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            raise RuntimeError("intake is not started")
        return self._consumer


def _read(names: TopicNames, rules: IntakeRules) -> dict[str, list[str]]:
    """By each topic on the broker the names under which it is read: of its feeds, or of its kind."""
    topics: dict[str, list[str]] = {}
    for kind in SOURCE_TOPICS:
        for name in rules.read_as(kind):
            plan = rules.plan(name)
            topics.setdefault(names.of(kind) if plan is None else plan.feed.topic, []).append(name)
    return topics
