"""The record of what each channel was told: the compacted topic `reserve.deliveries`, one key a channel and alert.

It is each channel's own progress. A restarted dispatcher tells only what is newer, ends at Alertmanager the label set it
started, and edits the Slack message it posted. A record lost in a crash costs a repeat, never a silence. It also holds
since when a channel is known, so that a new one is not told what ended before.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from monitor.core.values.canonical import canonical_bytes
from monitor.nesting import json_of
from monitor.notify.channel import Told
from monitor.settings.kafka import KafkaSettings
from streams.kafka.reading import read_range

SCHEMA = "reserve.delivery/1"
_RETRY_S = 1.0
_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Memory:
    """What the record of one partition says: by channel, since when it is known (ns) and what it was told by fingerprint."""

    since: dict[str, int] = field(default_factory=dict)
    told: dict[str, dict[str, Told]] = field(default_factory=dict)

    def take(self, key: bytes, body: bytes | None) -> None:
        """Take a record; one that cannot be read is said in the log, and nothing is known of what it says."""
        channel, _, fingerprint = key.decode(errors="replace").partition("/")
        told = self.told.setdefault(channel, {})
        if body is None:
            told.pop(fingerprint, None)
            return
        try:
            value = json_of(body)
            if value["schema"] != SCHEMA:
                _log.warning("delivery_record_foreign", schema=value["schema"], advice="written by another release: told again")
            elif fingerprint:
                told[fingerprint] = Told(**value["told"])
            else:
                self.since[channel] = int(value["since"])
        except (ValueError, KeyError, TypeError) as error:
            _log.warning("delivery_record_unreadable", channel=channel, fingerprint=fingerprint, detail=str(error))


async def read_memory(settings: KafkaSettings, topic: str, partitions: Collection[int]) -> dict[int, Memory]:
    """The record of some partitions, up to now."""
    memories = {partition: Memory() for partition in partitions}
    async for record in read_range(settings, {TopicPartition(topic, partition): 0 for partition in partitions}):
        memories[record.partition].take(record.key or b"", record.value)
    return memories


class Ledger:
    """Writes the record behind the deliveries, newest state per key, and never holds a delivery up."""

    def __init__(self, producer: AIOKafkaProducer, topic: str) -> None:
        self._producer = producer
        self._topic = topic
        self._dirty: dict[bytes, tuple[int, bytes | None]] = {}
        self._written = asyncio.Event()
        self._written.set()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to write; the producer has been started."""
        self._task = asyncio.create_task(self._write())

    def note_told(self, partition: int, channel: str, fingerprint: str, told: Told) -> None:
        """A channel was told this state."""
        self._note(partition, f"{channel}/{fingerprint}", {"schema": SCHEMA, "told": asdict(told)})

    def note_since(self, partition: int, channel: str, since_ns: int) -> None:
        """A channel is known since now."""
        self._note(partition, f"{channel}/", {"schema": SCHEMA, "since": str(since_ns)})

    def forget(self, partition: int, channel: str, fingerprint: str) -> None:
        """The alert is gone."""
        self._note(partition, f"{channel}/{fingerprint}", None)

    async def flush(self, within_s: float) -> bool:
        """Wait until all is written; False when the time was too short."""
        try:
            await asyncio.wait_for(self._written.wait(), within_s)
        except TimeoutError:
            return False
        return True

    async def stop(self) -> None:
        """End writing; what is not written is told again after the next start."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def _note(self, partition: int, key: str, value: Mapping[str, Any] | None) -> None:
        self._dirty[key.encode()] = partition, None if value is None else canonical_bytes(dict(value))
        self._written.clear()
        self._wake.set()

    async def _write(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            batch, self._dirty = self._dirty, {}
            try:
                sends = [
                    await self._producer.send(self._topic, value, key=key, partition=partition)
                    for key, (partition, value) in batch.items()
                ]
                await asyncio.gather(*sends)
            except KafkaError as error:
                _log.warning("delivery_record_unwritten", records=len(batch), detail=str(error))
                self._dirty = batch | self._dirty
                self._wake.set()
                await asyncio.sleep(_RETRY_S)
            if not self._dirty:
                self._written.set()
