"""The Faust application of the assessor, built inside the running loop, and the driver it reaches Kafka with.

Faust brings group membership, partition assignment and recoverable tables; its web server, its own topic creation and
its automatic acknowledgement stay off (JOURNAL 6 says why the last).
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import faust
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from faust.auth import Credentials, OAuthCredentials, SASLCredentials, SSLCredentials
from faust.transport.drivers import aiokafka as driver
from faust.transport.utils import DefaultSchedulingStrategy
from faust.types import TP
from faust.types.tuples import ConsumerMessage
from mode.threads import WorkerThread
from yarl import URL

from monitor.core.journal.vocabulary import JOURNAL
from monitor.settings.kafka import KafkaSettings
from streams.journal.encoding import TICK_MARK
from streams.kafka.clients import delivery, fetch_wait_ms, heartbeat_ms, security, session_timeout_ms
from streams.kafka.pace import FetchPace, idle_wait_ms
from streams.kafka.topics import SNAPSHOTS, TopicNames

_LAST_COMMIT_S = 2.0

AT_ONCE = 100
"""So many journal records of a partition are one delivery: for each Faust makes four tasks, some 0.3 ms of CPU."""
_DELIVERIES = 64
"""So many of them lie in Faust's buffer at most before it lets the partitions wait. It counts records by thousands."""


class DroppedRecords(NamedTuple):
    """Records of a partition that were fetched and not delivered: offset of the first, and the one behind the last."""

    first: int
    behind: int


def undelivered(fetched: Mapping[TP, Sequence[Any]], delivered: Mapping[TP, int]) -> dict[TP, DroppedRecords]:
    """What is left of fetched records; `delivered` is the offset behind the last that was delivered of a partition."""
    ends = {
        tp: DroppedRecords(delivered.get(tp, records[0].offset), records[-1].offset + 1)
        for tp, records in fetched.items()
        if records
    }
    return {tp: left for tp, left in ends.items() if left.first < left.behind}


def only_time(fetched: Mapping[TP, Sequence[Any]]) -> bool:
    """Whether a fetch brought no more than a tick of each partition: nothing happened. Several are a partition behind."""
    return all(len(records) == 1 and TICK_MARK in (records[0].value or b"") for records in fetched.values())


class _Delivery(ConsumerMessage):
    """Records of one partition that are delivered as one, at the place of the last."""

    records: Sequence[Any] = ()


class _Together(DefaultSchedulingStrategy):
    """Gives records out of topics by turns as Faust does; those of the topics named by `together` many at a time, as a tuple."""

    def __init__(self, together: Callable[[str], bool]) -> None:
        self._together = together

    def iterate(self, records: Mapping[TP, list[Any]]) -> Iterator[tuple[TP, Any]]:
        """What is given out next, of which partition."""
        return super().iterate({tp: _parts(found) if self._together(tp.topic) else found for tp, found in records.items()})


def _parts(records: Sequence[Any]) -> list[Any]:
    return [tuple(records[start : start + AT_ONCE]) for start in range(0, len(records), AT_ONCE)]


class _Worker(WorkerThread):
    """A thread that the process does not wait for at its end: the consumer in it may wait 80 s for a broker that is silent."""

    def __init__(self, service: Any, **arguments: Any) -> None:
        super().__init__(service, **arguments)
        self.daemon = True


class _Thread(driver.AIOKafkaConsumerThread):
    """Takes the fetch wait from the settings: Faust fixes 1,500 ms, which is the latency where data does not wake a fetch."""

    Worker = _Worker

    def _create_worker_consumer(self, transport: Any) -> AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        consumer._fetch_max_wait_ms = fetch_wait_ms(transport.kafka)  # noqa: SLF001 - read when it starts; no argument reaches it
        return consumer

    async def on_start(self) -> None:
        """Connect, and keep the pace of the fetches."""
        await super().on_start()
        transport: Any = self.transport
        kafka: KafkaSettings = transport.kafka
        self._pace = FetchPace(self._ensure_consumer(), fetch_wait_ms(kafka), idle_wait_ms(kafka))

    async def _fetch_records(self, *args: Any, **kwargs: Any) -> Any:
        fetched = await super()._fetch_records(*args, **kwargs)
        self._pace.after({} if only_time(fetched) else fetched)
        return fetched

    async def on_thread_stop(self) -> None:
        """Stop the consumer while calls of the other thread are still answered, and only then those.

        The consumer waits for an assignment that is under way, which calls this thread from the other one: by Faust's order,
        calls first, both wait for ever.
        """
        if self._consumer is not None:
            await self._consumer.stop()
        await super().on_thread_stop()

    async def earliest_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        """Logs of the embedded broker begin at 0, whatever it says: see `SeamlessConsumer`."""
        transport: Any = self.transport
        if transport.kafka.embedded:
            return dict.fromkeys(partitions, 0)
        found: Mapping[TP, int] = await super().earliest_offsets(*partitions)
        return found

    async def give_back(self, undelivered: Mapping[TP, DroppedRecords]) -> None:
        """Fetch again what was not delivered, but for partitions that were sought elsewhere since."""
        await self.call_thread(self._give_back, undelivered)

    async def _give_back(self, undelivered: Mapping[TP, DroppedRecords]) -> None:
        consumer = self._ensure_consumer()
        subscription = consumer._subscription.subscription  # noqa: SLF001 - `position` would wait for one, and others seek then
        assignment = None if subscription is None else subscription.assignment
        for tp, (first, behind) in undelivered.items():
            state = None if assignment is None else assignment.state_value(tp)
            if state is not None and state.has_valid_position and state.position == behind:
                consumer.seek(tp, first)


class _Consumer(driver.Consumer):
    """Commits what `acknowledge` was told and nothing else, and reads the journal only after the committed position is sought.

    Faust loses records in three places (all measured here). Even in a stream without acknowledgement, records that wait in a
    buffer when the flow stops, at a rebalance or an orderly end, are skipped *and* acknowledged, and the last commit passes
    them: 36 records of a partition at one SIGTERM. And after a recovery it resumes partitions before it clears the buffers
    and resumes the flow, so that the first records of a partition are delivered, cleared, and never come again. And a fetch that
    was under way when the flow stopped may bring records of partitions that were assigned and sought in the meantime: they are
    dropped, and only those of the journal are sought again. A recovery then waited for changelog records for ever.
    """

    _thread: _Thread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._acknowledged: dict[TP, int] = {}
        self._held_back: set[TP] = set()
        self._rewinds: dict[TP, int] = {}
        self._fetched: Mapping[TP, Sequence[Any]] = {}
        self.scheduler = _Together(self.app.topics.acks_enabled_for)

    def rewind(self, tp: TP, offset: int) -> None:
        """Deliver from `offset` on again; what was fetched of the partition before that is dropped."""
        self._rewinds[tp] = offset

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:  # noqa: ASYNC109 - Faust's signature
        """The next batch; rewinds take place here, between batches, where nothing read earlier can overtake them."""
        rewinds, self._rewinds = self._rewinds, {}
        wanted = {tp: offset for tp, offset in rewinds.items() if tp in self.assignment()}
        if wanted:
            await self.seek_wait(wanted)
        self._fetched, delivered = {}, {}
        async for tp, message in super().getmany(timeout):
            delivered[tp] = message.offset + 1
            if tp not in self._rewinds:
                yield tp, message
        left = undelivered(self._fetched, delivered)
        if left:
            await self._thread.give_back(left)

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:  # noqa: ASYNC109 - Faust's signature
        self._fetched = await super()._getmany(active_partitions, timeout) or {}
        return self._fetched

    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:
        if not isinstance(record, tuple):
            return super()._to_message(tp, record)
        last = super()._to_message(tp, record[-1])
        place = (last.topic, last.partition, last.offset, last.timestamp, last.timestamp_type)
        delivery = _Delivery(*place, last.headers, last.key, last.value, last.checksum, tp=tp, generation_id=last.generation_id)
        delivery.records = record
        return delivery

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """What is acknowledged is told by snapshots: whether Faust saw each record before is nothing to it."""

    def pause_partitions(self, tps: Iterable[TP]) -> None:
        """Pause, and forget what was to be resumed."""
        super().pause_partitions(tps)
        self._held_back.clear()

    def resume_partitions(self, tps: Iterable[TP]) -> None:
        """Resume the changelog at once, the journal only with the flow: what Faust delivers in between, it clears unread."""
        journal = {tp for tp in tps if self.app.topics.acks_enabled_for(tp.topic)}
        self._held_back |= journal
        super().resume_partitions(set(tps) - journal)

    def resume_flow(self) -> None:
        """The committed positions have been sought and the buffers cleared: now the journal may come."""
        super().resume_flow()
        super().resume_partitions(self._held_back)
        self._held_back.clear()

    def acknowledge(self, tp: TP, offset: int) -> None:
        """All of the partition up to and with `offset` is in a complete snapshot and need not come again."""
        self._acknowledged[tp] = max(offset + 1, self._acknowledged.get(tp, 0))

    def ack(self, message: Any) -> bool:  # noqa: ARG002 - Faust's signature
        """What Faust itself would acknowledge is not."""
        return False

    async def force_commit(self, topics: Any = None, start_new_transaction: bool = True) -> bool:  # noqa: ARG002 - Faust's signature
        """Commit the acknowledged positions; never one below what the group has already."""
        known = self._committed_offset
        assignment = self.assignment()
        offsets = {tp: at for tp, at in self._acknowledged.items() if tp in assignment and at > (known.get(tp) or 0)}
        if not offsets or not await self._commit(offsets):
            return False
        known.update(offsets)
        return True

    async def on_stop(self) -> None:
        """Commit for the last time, if the broker takes it soon: what is not committed is read again, and skipped."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(super().on_stop(), _LAST_COMMIT_S)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Forget what another worker may by now have passed."""
        await super().on_partitions_revoked(revoked)
        for tp in revoked:
            self._acknowledged.pop(tp, None)

    def _new_consumer_thread(self) -> _Thread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)


class _Producer(driver.Producer):
    """Delivers like every other producer of this project: idempotent and acknowledged by all replicas in sync."""

    transport: _Transport

    def _settings_extra(self) -> Mapping[str, Any]:
        return delivery(self.transport.kafka)


class _Transport(driver.Transport):
    Consumer = _Consumer
    Producer = _Producer

    def __init__(self, urls: list[URL], app: Any, kafka: KafkaSettings) -> None:
        super().__init__(urls, app)
        self.kafka = kafka


def create_app(settings: KafkaSettings, data_folder: Path) -> faust.App:
    """The application, not started. It keeps no state in `data_folder`, but Faust wants a folder of its own."""
    urls = [URL(f"kafka://{address.strip()}") for address in settings.bootstrap_servers.split(",")]
    member: dict[str, Any] = {}
    if settings.instance_id is not None:  # the address is part of what a member is assigned, and it comes back to just that
        member = {"consumer_group_instance_id": settings.instance_id, "canonical_url": f"http://{settings.instance_id}"}
    app = faust.App(
        settings.group("assessor"),
        broker=urls,
        broker_credentials=_credentials(settings),
        broker_session_timeout=session_timeout_ms(settings) / 1000,
        broker_heartbeat_interval=heartbeat_ms(settings) / 1000,
        broker_commit_interval=1.0,
        store="memory://",
        datadir=str(data_folder),
        autodiscover=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        topic_partitions=settings.journal_partitions,
        consumer_auto_offset_reset="earliest",
        stream_wait_empty=False,
        stream_buffer_maxsize=_DELIVERIES,
        table_standby_replicas=0,  # a standby's copy in memory is read anew when it becomes active: it would only cost
        recovery_consistency_check=False,  # it takes an end offset that lags a batch for lost data; snapshots carry digests
        web_enabled=False,
        **member,
    )
    transport = _Transport(urls, app, settings)
    app.transport = transport
    app.producer_transport = transport
    return app


def journal_topic(app: faust.App, settings: KafkaSettings, names: TopicNames) -> Any:
    """The journal as Faust reads it: bytes, undecoded; an event's `message.records` are what it brings."""
    return app.topic(
        names.of(JOURNAL),
        key_type=bytes,
        value_type=bytes,
        key_serializer="raw",
        value_serializer="raw",
        partitions=settings.journal_partitions,
    )


class SnapshotTable:
    """The table that snapshots are kept in, one changelog partition for each journal partition.

    What is written to it goes by `producer`: while a hundred changes wait to be sent, Faust delivers no record of any partition,
    and a snapshot of entities with a hundred assets has thousands. One task a partition hands them over: each that waits for
    room in the producer is woken whenever there is some.
    """

    def __init__(self, app: faust.App, settings: KafkaSettings, producer: AIOKafkaProducer) -> None:
        self._table: Any = app.Table(SNAPSHOTS, key_type=bytes, value_type=bytes, partitions=settings.journal_partitions)
        self._producer = producer
        self._waiting: dict[int, deque[tuple[bytes, bytes | None, asyncio.Future[Any]]]] = {}
        self._senders: dict[int, asyncio.Task[None]] = {}

    @property
    def data(self) -> MutableMapping[bytes, bytes]:
        """What the changelog holds of the partitions that are assigned, once it is recovered."""
        data: MutableMapping[bytes, bytes] = self._table.data
        return data

    def send_changelog(self, partition: int, key: bytes, value: bytes | None) -> asyncio.Future[Any]:
        """One change more; done when all replicas have it. Those of a partition go in their order."""
        acknowledged: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(partition, deque()).append((key, value, acknowledged))
        sender = self._senders.get(partition)
        if sender is None or sender.done():
            self._senders[partition] = asyncio.create_task(self._send(partition), name=f"snapshots of partition {partition}")
        return acknowledged

    async def _send(self, partition: int) -> None:
        topic, waiting = self._table.changelog_topic.get_topic_name(), self._waiting[partition]
        while waiting:
            key, value, acknowledged = waiting.popleft()
            try:
                sent = await self._producer.send(topic, value=value, key=key, partition=partition)
            except Exception as error:  # noqa: BLE001 - whoever waits for the change raises it
                if not acknowledged.done():
                    acknowledged.set_exception(error)
            else:
                sent.add_done_callback(partial(_told, acknowledged))


def _told(acknowledged: asyncio.Future[Any], sent: asyncio.Future[Any]) -> None:
    """Nobody waits any more where a snapshot was given up."""
    if acknowledged.done():
        return
    error = None if sent.cancelled() else sent.exception()
    if sent.cancelled():
        acknowledged.cancel()
    elif error is not None:
        acknowledged.set_exception(error)
    else:
        acknowledged.set_result(sent.result())


def _credentials(settings: KafkaSettings) -> Credentials | None:
    """Faust's form of the settings every client uses."""
    given = security(settings)
    context: ssl.SSLContext | None = given.get("ssl_context")
    if "sasl_oauth_token_provider" in given:
        return OAuthCredentials(oauth_cb=given["sasl_oauth_token_provider"], ssl_context=context)
    if "sasl_plain_username" in given:
        return SASLCredentials(
            username=given["sasl_plain_username"],
            password=given["sasl_plain_password"],
            ssl_context=context,
            mechanism=given["sasl_mechanism"],
        )
    return None if context is None else SSLCredentials(context)
