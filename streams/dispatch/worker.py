"""The dispatcher: tells the on-call channels what `reserve.alerts` says, at least once, and keeps active alerts alive.

The partitions are shared out by the consumer group `<prefix>.dispatcher`, so two dispatchers never tell of the same alert for
longer than a hand-over takes. On taking a partition a dispatcher knows nothing: it reads what each channel was told (the
ledger) and the whole compacted partition, keeps the highest revision of each alert, and tells what is news. From then on
every record is told as it comes. Nothing is committed to the group: the ledger is the progress, one for each channel.

Should the end of a partition be reported a batch short, as the embedded broker does, an older state of an alert may be told
before its newest one; never instead of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from monitor.core.journal.vocabulary import ALERTS, DELIVERIES
from monitor.errors import ConnectionProblem
from monitor.notify.alert import Alert, BadAlert
from monitor.notify.channel import Beat, Channel, Told
from monitor.notify.channels import make_channel
from monitor.notify.settings import NO_LINKS, AnyChannelSettings, Links
from monitor.settings.kafka import KafkaSettings
from streams.dispatch.board import Board, Forgotten
from streams.dispatch.failing import Failures
from streams.dispatch.lane import Lane
from streams.dispatch.ledger import Ledger, Memory, read_memory
from streams.dispatch.observer import DeliveryObserver
from streams.dispatch.outbox import Waiting
from streams.dispatch.own_alerts import SignsOfLife
from streams.dispatch.stalled import Stall, Standstill
from streams.kafka import topics
from streams.kafka.clients import consumer, ended, fetch_wait_ms, started, started_producer
from streams.kafka.pace import FetchPace, idle_wait_ms
from streams.progress import Pulse

FLUSH_S = 4.0
"""How long `stop` goes on telling what is left."""

_POLL_MS = 200
_WATCH_S = 1.0
_RECORD_S = 0.5
_PAUSE_S = 2.0
_BROKER_SEEN_S = 15.0
_LOAD_S = 10.0
_log = structlog.get_logger(__name__)

Recall = Callable[[KafkaSettings, str, set[int]], Awaitable[dict[int, Memory]]]
"""What was told of partitions, from the topic of deliveries: see `ledger.read_memory`."""


class Dispatcher:
    """`start` returns when it reads, `run` when it was stopped or has failed, `stop` ends it within about six seconds."""

    def __init__(
        self,
        kafka: KafkaSettings,
        names: topics.TopicNames,
        channels: Mapping[str, AnyChannelSettings],
        observer: DeliveryObserver,
        *,
        hold_s: float = 86_400,
        group_above: int | None = None,
        runbook_base_url: str = "",
        links: Links = NO_LINKS,
        pulse: Pulse | None = None,
        standstill: Standstill | None = None,
        recall: Recall = read_memory,
    ) -> None:
        self._kafka, self._recall = kafka, recall
        self._alerts_topic = names.of(ALERTS)
        self._deliveries_topic = names.of(DELIVERIES)
        self.life = SignsOfLife(pulse)
        self._board = Board(self._forked)
        self._observer = observer
        self._since: dict[tuple[int, str], int] = {}
        self._remembered: dict[int, Memory] = {}
        self._loading: set[int] = set()
        self._unread: dict[int, int] = {}
        self._loaded_by = 0.0
        self._joined = False
        self._assigned: set[int] = set()
        self._taken: set[int] = set()
        self._turn = 0
        self._broker_seen = 0.0
        self._stopping = asyncio.Event()
        self._ended = asyncio.Event()
        self._ended.set()
        self._lanes = [
            self._lane(make_channel(name, settings, hold_s=hold_s, links=links), settings, group_above)
            for name, settings in channels.items()
        ]
        self._failures = Failures(self._lanes, kafka.prefix, runbook_base_url)
        self._stall = None if standstill is None else Stall(self._lanes, kafka.prefix, runbook_base_url, standstill)
        self._consumer: AIOKafkaConsumer | None = None
        self._pace: FetchPace | None = None
        self._producer: AIOKafkaProducer | None = None
        self._ledger: Ledger | None = None

    def _lane(self, channel: Channel, settings: AnyChannelSettings, group_above: int | None) -> Lane:
        record, recorded = self._record, self._recorded
        return Lane(channel, settings, self._observer, record, self._beats, recorded=recorded, group_above=group_above)

    @property
    def ready(self) -> bool:
        """Whether it holds its partitions and has read each up to the present."""
        return self._joined and self._taken == self._assigned and not self._loading

    @property
    def lanes(self) -> Sequence[Lane]:
        """The channels' lanes: name, circuit, pending, failing."""
        return self._lanes

    def undelivered(self) -> list[Waiting]:
        """What fires and did not reach a channel."""
        return [waiting for lane in self._lanes for waiting in lane.undelivered()]

    def tells(self, fingerprint: str) -> bool:
        """Whether it is this dispatcher that tells of an alert."""
        partition = self._board.partition_of(fingerprint)
        return partition is not None and partition in self._taken and partition not in self._loading

    async def start(self) -> None:
        """Connect and join the group. `ConnectionProblem` when there is no broker."""
        self.life.began(time.time_ns())
        # No lingering: alerts wait until what is about to be told is on record.
        self._producer = await started_producer(self._kafka, linger_ms=0)
        self._ledger = Ledger(self._producer, self._deliveries_topic)
        self._ledger.start()
        self._consumer = consumer(self._kafka, group=self._kafka.group("dispatcher"))
        self._consumer.subscribe([self._alerts_topic], listener=_Listener(self))
        await started(self._consumer, self._kafka)
        self._pace = FetchPace(self._consumer, fetch_wait_ms(self._kafka), idle_wait_ms(self._kafka))
        for lane in self._lanes:
            lane.start()
        if not self._lanes:
            _log.warning("no_alert_channels", advice="set alerting.channels: nobody is told of an alert")

    async def run(self) -> None:
        """Read and watch until `stop`."""
        watcher = asyncio.create_task(self._watch())
        self._ended.clear()
        try:
            while not self._stopping.is_set():
                await self._step()
        finally:
            watcher.cancel()
            await asyncio.gather(watcher, return_exceptions=True)
            self._ended.set()

    async def stop(self) -> None:
        """Tell what is left within four seconds, write down what was told, leave the group. No alert is resolved by this."""
        self._stopping.set()
        await asyncio.gather(*(lane.stop(FLUSH_S) for lane in self._lanes))
        if self._ledger is not None:
            await self._ledger.flush(1.0)
            await self._ledger.stop()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ended.wait(), 1.0)
        if self._consumer is not None:
            await ended(self._consumer)
        if self._producer is not None:
            await ended(self._producer)
        self._consumer = self._producer = self._ledger = None

    def assign(self, partitions: set[int]) -> None:
        """The group's decision: partitions of the alerts that this dispatcher has now."""
        self._turn += 1
        self._joined = True
        self._assigned = partitions
        self._taken.clear()

    async def hand_over(self) -> None:
        """Stop telling of what another dispatcher may tell of, once what is being told is on record for it."""
        await asyncio.gather(*(lane.pause(_PAUSE_S) for lane in self._lanes))
        await self._recorded()
        self.revoke()
        for lane in self._lanes:
            lane.go_on()

    def revoke(self) -> None:
        """Stop telling of what another dispatcher may tell of."""
        self._turn += 1
        for partition in self._assigned:
            self._drop(partition)
        self._joined = False
        self._assigned = set()
        self._taken.clear()
        self._loading.clear()
        self._unread.clear()

    async def _step(self) -> None:
        client = self._consumer
        if client is None:
            return
        try:
            if self._assigned != self._taken:
                await self._take(client, self._assigned - self._taken)
            batches = await client.getmany(timeout_ms=_POLL_MS)
            if self._pace is not None:
                self._pace.after(batches)
            for place, records in batches.items():
                if place.partition in self._taken:
                    for record in records:
                        self._apply(place.partition, record.key, record.value)
            for partition, end in list(self._unread.items()):
                if await client.position(TopicPartition(self._alerts_topic, partition)) >= end:
                    self._unread.pop(partition, None)
            if self._loading:
                self._offer_loaded()
        except (KafkaError, ConnectionProblem) as error:
            _log.warning("alerts_unread", detail=str(error))
            await asyncio.sleep(_WATCH_S)

    async def _take(self, client: AIOKafkaConsumer, partitions: set[int]) -> None:
        """Begin partitions anew: what was told, then all that stands in the log."""
        turn = self._turn
        memories = await self._recall(self._kafka, self._deliveries_topic, partitions)
        if turn != self._turn:
            return  # another rebalance came meanwhile
        places = [TopicPartition(self._alerts_topic, partition) for partition in sorted(partitions)]
        await client.seek_to_beginning(*places)
        ends = await client.end_offsets(places)
        if turn != self._turn:
            return  # what is noted of a partition that another has now would never be read to its end
        now = time.time_ns()
        for partition, memory in memories.items():
            self._drop(partition)
            self._remembered[partition] = memory
            for lane in self._lanes:
                lane.told.update(memory.told.get(lane.name, {}))
                since = memory.since.get(lane.name)
                self._since[partition, lane.name] = now if since is None else since
                if since is None and self._ledger is not None:
                    self._ledger.note_since(partition, lane.name, now)
            self._unread[partition] = ends[TopicPartition(self._alerts_topic, partition)]
        self._loading |= partitions
        self._loaded_by = time.monotonic() + _LOAD_S
        self._taken |= partitions
        self._failures.recall()
        if self._stall is not None:
            self._stall.recall()

    def _offer_loaded(self) -> None:
        """Tell what was read of new partitions, in one order; one that cannot be read holds the others up for a while only."""
        if self._unread and time.monotonic() < self._loaded_by:
            return
        ready = self._loading - self._unread.keys()
        self._loading -= ready
        found = [(partition, alert) for partition in ready for alert in self._board.of_partition(partition)]
        for partition, alert in sorted(found, key=lambda one: (one[1].updated_ns, one[1].fingerprint)):
            self._offer(partition, alert, rebuilt=True)
        for partition in ready:
            self._forget_ended(partition, self._remembered.pop(partition, Memory()))

    def _forget_ended(self, partition: int, memory: Memory) -> None:
        """Drop from the ledger what ended and has left the topic while nobody looked. What was told to fire is kept."""
        for channel, told in memory.told.items():
            for fingerprint, last in told.items():
                if not last.firing and self._board.partition_of(fingerprint) is None and self._ledger is not None:
                    self._ledger.forget(partition, channel, fingerprint)

    def _forked(self, partition: int, alert: Alert) -> None:
        _log.error("alert_chain_forked", partition=partition, entity=alert.entity, fingerprint=alert.fingerprint)
        self._observer.chain_forked(partition)

    def _apply(self, partition: int, key: bytes | None, body: bytes | None) -> None:
        try:
            change = self._board.apply(partition, key, body)
        except BadAlert as error:
            _log.error("alert_unreadable", partition=partition, key=(key or b"").decode(errors="replace"), detail=str(error))
            return
        if isinstance(change, Forgotten):
            self._forget(partition, change.fingerprint)
        elif change is not None and partition not in self._loading:
            self._offer(partition, change, rebuilt=False)

    def _offer(self, partition: int, alert: Alert, *, rebuilt: bool) -> None:
        for lane in self._lanes:
            lane.offer(alert, since_ns=self._since.get((partition, lane.name), 0), rebuilt=rebuilt)

    def _forget(self, partition: int, fingerprint: str) -> None:
        for lane in self._lanes:
            if fingerprint in lane.told and self._ledger is not None:
                self._ledger.forget(partition, lane.name, fingerprint)
            lane.forget(fingerprint)

    def _drop(self, partition: int) -> None:
        for fingerprint in self._board.drop_partition(partition):
            for lane in self._lanes:
                lane.forget(fingerprint)

    def _record(self, channel: str, fingerprint: str, told: Told) -> None:
        """What was told goes to the alert's own partition; the dispatcher's own alerts to the lowest one it has."""
        partition = self._board.partition_of(fingerprint)
        if partition is None:
            partition = min(self._assigned, default=None)
        if partition is not None and self._ledger is not None:
            self._ledger.note_told(partition, channel, fingerprint, told)

    async def _recorded(self) -> None:
        """What was recorded is kept; without a broker an alert is told all the same, after a moment."""
        if self._ledger is not None:
            await self._ledger.flush(_RECORD_S)

    async def _watch(self) -> None:
        while True:
            self._failures.watch(time.time_ns())
            if self._stall is not None:
                self._stall.watch(time.time_ns())
            if time.monotonic() - self._broker_seen > _BROKER_SEEN_S / 3:
                await self._look_for_broker()
            await asyncio.sleep(_WATCH_S)

    async def _look_for_broker(self) -> None:
        """A consumer without a broker just waits; so ask for something."""
        places = [TopicPartition(self._alerts_topic, partition) for partition in self._taken]
        if self._consumer is None or not places:
            return
        with contextlib.suppress(KafkaError, TimeoutError):
            await asyncio.wait_for(self._consumer.end_offsets(places), _BROKER_SEEN_S / 3)
            self._broker_seen = time.monotonic()

    def _beats(self, refresh_s: float) -> list[Beat]:
        """Signs of life for a dead-man's switch: only while the log can be read and something is assigned to this dispatcher."""
        if not self._taken or not self.ready or time.monotonic() - self._broker_seen > _BROKER_SEEN_S:
            return []
        return self.life.signs(time.time_ns(), refresh_s)


class _Listener(ConsumerRebalanceListener):
    """Hands the group's decisions on. Both calls come before records of the new assignment are read."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:  # noqa: ARG002 - the library's signature
        await self._dispatcher.hand_over()

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        self._dispatcher.assign({place.partition for place in assigned})
