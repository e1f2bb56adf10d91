"""What fires and did not reach a channel, for every surface that shows alerts, in whichever process the dispatcher runs.

A dispatcher of this process knows best of the partitions it has: what waits, and why. Of all other alerts the record of
deliveries decides, which every dispatcher writes: what it does not name as told was not told, and where it cannot be read
nothing is known.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from monitor.core.journal.vocabulary import DELIVERIES
from monitor.core.values.times import SECOND, parse_time
from monitor.errors import MonitorError
from monitor.notify.channel import Told
from monitor.settings.kafka import KafkaSettings
from monitor.web.protocols import NotDelivered
from streams.dispatch.lane import URGENT_WITHIN_S
from streams.dispatch.ledger import Memory
from streams.dispatch.outbox import Waiting
from streams.kafka.clients import as_it_is, consumer, ended, started
from streams.kafka.topics import TopicNames

if TYPE_CHECKING:
    from streams.dispatch.worker import Dispatcher

LATE_NS = int(URGENT_WITHIN_S * SECOND)
"""A change that the record does not name so long after it was made has not been told in time."""

_POLL_MS, _WAIT_MS = 1000, 500
_LOOK_S = 5.0
_AGAIN_S = 10.0
_BELIEVED_S = 20.0
_NO_CHANNEL = "no channel is configured"
_NOT_NAMED = "the record of deliveries does not name it as told"

_log = structlog.get_logger(__name__)


class ToldRecord:
    """The record of deliveries, read from its beginning and followed while `run` runs."""

    def __init__(self, kafka: KafkaSettings, names: TopicNames) -> None:
        self._kafka = kafka
        topic = names.of(DELIVERIES)
        self._partitions = [TopicPartition(topic, number) for number in range(kafka.journal_partitions)]
        self._memories: dict[int, Memory] = {}
        self._read_at = 0
        self._confirmed = 0.0

    @property
    def read_at(self) -> int | None:
        """Until when (ns) it was read to its end; None while it is not known what it says."""
        return self._read_at if self._read_at and time.monotonic() - self._confirmed <= _BELIEVED_S else None

    @property
    def channels(self) -> list[str]:
        """Every channel it names, sorted."""
        return sorted({name for memory in self._memories.values() for name in (*memory.since, *memory.told)})

    def told(self, channel: str, fingerprint: str) -> Told | None:
        """What a channel was last told of an alert."""
        found = (memory.told.get(channel, {}).get(fingerprint) for memory in self._memories.values())
        return next((told for told in found if told is not None), None)

    async def run(self) -> None:
        """Read for ever; where the broker is away or refuses, it is read anew after a while."""
        while True:
            try:
                await self._follow()
            except (MonitorError, KafkaError, TimeoutError) as error:
                _log.warning("deliveries_not_read", detail=str(error) or type(error).__name__)
            await asyncio.sleep(_AGAIN_S)

    async def _follow(self) -> None:
        settings = await as_it_is(self._kafka)
        client = await started(consumer(settings, auto_offset_reset="earliest", fetch_max_wait_ms=_WAIT_MS), settings)
        try:
            client.assign(self._partitions)
            await client.seek_to_beginning(*self._partitions)
            self._memories = {place.partition: Memory() for place in self._partitions}
            while True:
                await self._read_to_end(client)
                await self._take(client, _POLL_MS)
        finally:
            await ended(client)

    async def _read_to_end(self, client: AIOKafkaConsumer) -> None:
        """Up to the present end, when that was last asked for long ago; TimeoutError where nobody answers."""
        if self._read_at and time.monotonic() - self._confirmed < _LOOK_S:
            return
        asked, asked_at = time.monotonic(), time.time_ns()
        ends = await asyncio.wait_for(client.end_offsets(self._partitions), _LOOK_S)
        while not all([await client.position(place) >= end for place, end in ends.items()]):
            if time.monotonic() - asked > _BELIEVED_S:
                raise TimeoutError("its end was not reached")
            await self._take(client, _POLL_MS)
        self._read_at, self._confirmed = asked_at, asked

    async def _take(self, client: AIOKafkaConsumer, within_ms: int) -> None:
        for place, records in (await client.getmany(timeout_ms=within_ms)).items():
            for record in records:
                self._memories[place.partition].take(record.key or b"", record.value)


class Deliveries:
    """What became of the alerts that a process shows; `channels` are those of its configuration."""

    def __init__(self, channels: Sequence[str], record: ToldRecord, dispatcher: Dispatcher | None = None) -> None:
        self._channels = list(channels)
        self._record = record
        self._dispatcher = dispatcher

    def of(self, alerts: Sequence[Mapping[str, Any]]) -> NotDelivered:
        """Of alerts that fire (published objects) those that did not reach a channel; shadow methods' reach nobody."""
        wanted = [alert for alert in alerts if alert["mode"] != "shadow"]
        dispatcher = self._dispatcher
        if not wanted:
            return NotDelivered((), known=True)
        if dispatcher is not None and not self._channels:
            return NotDelivered([Waiting(None, alert["fingerprint"], 0, _NO_CHANNEL) for alert in wanted], known=True)
        shown = {alert["fingerprint"] for alert in wanted}
        own = [] if dispatcher is None else [one for one in dispatcher.undelivered() if one.fingerprint in shown]
        others = [alert for alert in wanted if dispatcher is None or not dispatcher.tells(alert["fingerprint"])]
        read_at = self._record.read_at
        if read_at is None:
            return NotDelivered(own, known=not others)
        rows = [row for alert in others for row in self._by_record(alert, read_at)]
        return NotDelivered([*own, *rows], known=True, told={alert["fingerprint"]: self._told(alert) for alert in wanted})

    def _told(self, alert: Mapping[str, Any]) -> list[str]:
        """The channels on record with this state of an alert: not what is about to be told, but what was accepted."""
        fingerprint = alert["fingerprint"]
        return [
            name for name in self._channels or self._record.channels if has_been_told(alert, self._record.told(name, fingerprint))
        ]

    def _by_record(self, alert: Mapping[str, Any], read_at: int) -> Iterator[Waiting]:
        fingerprint, channels = alert["fingerprint"], self._channels or self._record.channels
        if not channels:
            yield Waiting(None, fingerprint, 0, _NO_CHANNEL)
        changed = parse_time(alert["updated_at"])
        for channel in channels:
            told = self._record.told(channel, fingerprint)
            if has_been_told(alert, told):
                continue
            if told is not None and told.refused:
                yield Waiting(channel, fingerprint, 0, "refused")
            elif read_at - changed > LATE_NS:
                yield Waiting(channel, fingerprint, changed, _NOT_NAMED)


def has_been_told(alert: Mapping[str, Any], told: Told | None) -> bool:
    """Whether a channel that was last told `told` accepted this state of an alert (a published object)."""
    if told is None or told.refused or not told.sure:
        return False
    return told.revision >= int(alert["revision"]) and parse_time(told.starts_at) >= parse_time(alert["starts_at"])
