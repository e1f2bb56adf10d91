"""How batches come out of aiokafka: as columns, one round for all partitions.

`PublicFetch` uses `getmany`, which makes an object of every record. `WholeFetch` takes what was fetched as it lies in the
consumer's buffer; it needs a few private names of aiokafka, all of them here. `best_fetch` chooses at the start: where one of
these names is missing, or the release is another than the one tried, it is the public way. A test holds both to one result.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any, Protocol

import aiokafka
import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CorruptRecordException, KafkaError, UnsupportedCodecError
from aiokafka.record.default_records import DefaultRecordBatch

from streams.intake.segment.batches import Batch, joined
from streams.kafka.seamless import SeamlessConsumer

TRIED_WITH = "0.14.0"
"""The release of aiokafka whose private names `WholeFetch` knows."""

_NOBODY = TopicPartition("", 0)
_STAMPED_BY_BROKER = 1
_ENOUGH = 4_000
_HEADERS = attrgetter("headers")
_CODECS = ("uncompressed", "gzip", "snappy", "lz4", "zstd")
_log = structlog.get_logger(__name__)


class Fetch(Protocol):
    """What is new in the partitions that are not paused, after at most `wait_ms`; raises what `getmany` raises."""

    async def __call__(self, wait_ms: int) -> Mapping[TopicPartition, Batch]: ...


class UnreadableBatch(Exception):
    """A batch that is damaged, or packed by a codec that cannot be read here: what stands behind it waits for an operator."""

    def __init__(self, where: TopicPartition, offset: int, packed: str, error: Exception) -> None:
        self.where = where
        reason = str(error) or type(error).__name__
        super().__init__(
            f"{where.topic}/{where.partition}: the batch at offset {offset} ({packed}) cannot be read: {reason}. Producers may "
            "pack by gzip, snappy, lz4 or zstd; to go on behind it, delete the records up to its end (kafka-delete-records.sh), "
            "which is told as records_lost, and start again"
        )


class PublicFetch:
    """By `getmany`, a partition at a time, so that one that cannot be read is known by its name."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer

    async def __call__(self, wait_ms: int) -> Mapping[TopicPartition, Batch]:
        batches = await self._there()
        if not batches and wait_ms:
            await asyncio.sleep(wait_ms / 1000)
            batches = await self._there()
        return batches

    async def _there(self) -> dict[TopicPartition, Batch]:
        batches: dict[TopicPartition, Batch] = {}
        for tp in sorted(self._consumer.assignment()) or [_NOBODY]:
            try:
                fetched = await self._consumer.getmany(tp, timeout_ms=0)
            except Exception as error:
                if isinstance(error, KafkaError) and not isinstance(error, CorruptRecordException | UnsupportedCodecError):
                    raise
                raise UnreadableBatch(tp, await self._consumer.position(tp), "of unknown packing", error) from error
            batches |= {there: batch_of(records) for there, records in fetched.items()}
        return batches


class WholeFetch:
    """By whole fetched batches: aiokafka's own unpacking, which skips control and aborted records, without its record objects."""

    def __init__(self, consumer: AIOKafkaConsumer, enough: int = _ENOUGH) -> None:
        """AttributeError where this aiokafka has no such buffer. `enough`: records with which a call is content."""
        self._consumer, self._enough = consumer, enough
        self._unreadable: UnreadableBatch | None = None
        fetcher: Any = consumer._fetcher  # noqa: SLF001 - see the module's head
        self._buffer: dict[TopicPartition, Any] = fetcher._records  # noqa: SLF001
        self._fetcher = fetcher
        for name in ("_notify", "_wait_consume_future", "_create_fetch_waiter"):
            getattr(fetcher, name)

    async def __call__(self, wait_ms: int) -> Mapping[TopicPartition, Batch]:
        await self._consumer.getmany(_NOBODY, timeout_ms=0)  # takes nothing, raises the group's errors, waits out a rebalance
        batches = self._drained()
        if not batches and wait_ms:
            arrival = self._fetcher._create_fetch_waiter()  # noqa: SLF001
            await asyncio.wait([arrival], timeout=wait_ms / 1000)
            arrival.cancel()
            batches = self._drained()
        if not batches and self._unreadable is not None:
            unreadable, self._unreadable = self._unreadable, None
            raise unreadable
        return batches

    def _drained(self) -> dict[TopicPartition, Batch]:
        """Partition by partition until there is enough: large fetches are taken in one by one, while they are in the cache."""
        batches: dict[TopicPartition, Batch] = {}
        drained = 0
        for tp, found in list(self._buffer.items()):
            fault = hasattr(found, "check_raise")
            if drained >= self._enough or self._unreadable is not None or (fault and batches):
                break  # a fault is told when nothing else is at hand, as `getmany` does
            del self._buffer[tp]
            self._fetcher._notify(self._fetcher._wait_consume_future)  # noqa: SLF001
            if fault:
                found.check_raise()
            elif found.check_assignment(tp) and found.has_more():
                try:
                    batch = _unpacked(tp, found._partition_records)  # noqa: SLF001
                except UnreadableBatch as unreadable:
                    self._unreadable = unreadable
                    break
                found._update_position()  # noqa: SLF001
                if len(batch):
                    batches[tp] = batch
                    drained += len(batch)
        return batches


class SeamlessFetch:
    """By `fetch`, but of a partition only what follows without a gap: what lies behind one is fetched again."""

    def __init__(self, fetch: Fetch, consumer: SeamlessConsumer) -> None:
        self._fetch = fetch
        self._consumer = consumer

    async def __call__(self, wait_ms: int) -> Mapping[TopicPartition, Batch]:
        seams = self._consumer.seams
        batches: dict[TopicPartition, Batch] = {}
        for tp, batch in (await self._fetch(wait_ms)).items():
            count = seams.joined(tp, batch.offsets)
            if count < len(batch):
                self._consumer.seek(tp, seams.goes_on(tp))
            if count:
                batches[tp] = batch if count == len(batch) else batch.first(count)
        return batches


def best_fetch(consumer: AIOKafkaConsumer) -> Fetch:
    """The fast way where it is known to work, else the public one."""
    if aiokafka.__version__ == TRIED_WITH:
        try:
            fetch = WholeFetch(consumer)
            return SeamlessFetch(fetch, consumer) if isinstance(consumer, SeamlessConsumer) else fetch
        except AttributeError as error:
            _log.warning("intake_fetches_the_public_way", reason=str(error))
    return PublicFetch(consumer)


def batch_of(records: Sequence[Any]) -> Batch:
    """Records as columns."""
    return _batch([r.offset for r in records], [r.timestamp for r in records], records)


def _batch(offsets: Sequence[int], times_ms: Sequence[int], records: Sequence[Any]) -> Batch:
    def original(index: int) -> tuple[bytes | None, Sequence[tuple[str, bytes]]]:
        return records[index].key, records[index].headers

    def has_headers() -> bool:
        return any(map(_HEADERS, records))

    return Batch(offsets, times_ms, [r.value for r in records], original, has_headers)


def _unpacked(tp: TopicPartition, fetched: Any) -> Batch:
    """The visible records of a fetch; afterwards its `next_fetch_offset` is the position behind it.

    Without aborted transactions a batch is taken whole; with them aiokafka's own iterator decides what is visible.
    """
    if fetched._aborted_transactions:  # noqa: SLF001
        fetched._consumer_record = _as_it_is  # noqa: SLF001
        try:
            return batch_of(list(fetched._records_iterator))  # noqa: SLF001
        except Exception as error:
            raise UnreadableBatch(tp, fetched.next_fetch_offset, "of a transaction", error) from error
    fetched._records_iterator = None  # noqa: SLF001 - it and its owner would keep each other, and the fetched bytes, alive
    begin, batches = fetched.next_fetch_offset, fetched._records  # noqa: SLF001
    offsets: Sequence[int] = range(0)
    times_ms: list[int] = []
    records: list[Any] = []
    while batches.has_next():
        batch = batches.next_batch()
        try:
            part = _records_of(tp, batch, check=fetched._check_crcs)  # noqa: SLF001
        except UnreadableBatch:
            if records:
                break  # what lies before it is taken in first: the next fetch begins with it
            raise
        if part:
            offsets = joined(offsets, _offsets(batch, part))
            times_ms += _times(batch, part)
            records += part
        fetched.next_fetch_offset = batch.next_offset
    first = bisect_left(offsets, begin)
    return _batch(offsets[first:], times_ms[first:], records[first:]) if first else _batch(offsets, times_ms, records)


def _records_of(tp: TopicPartition, batch: Any, *, check: bool) -> list[Any]:
    """The records of a batch, none of a control batch; each codec has errors of its own for what it cannot read."""
    try:
        if not check or batch.validate_crc():
            return [] if batch.is_control_batch else list(batch)
        error: Exception = CorruptRecordException("its checksum is another one")
    except Exception as raised:  # noqa: BLE001 - told below, whatever it is
        error = raised
    packing = batch.compression_type
    packed = _CODECS[packing] if packing < len(_CODECS) else f"codec {packing}"
    raise UnreadableBatch(tp, getattr(batch, "base_offset", batch.next_offset), packed, error) from error


def _offsets(batch: Any, records: list[Any]) -> Sequence[int]:
    """Of a whole batch without gaps its range, which asks no record."""
    if isinstance(batch, DefaultRecordBatch) and batch.last_offset_delta + 1 == len(records):
        return range(batch.base_offset, batch.next_offset)
    return [record.offset for record in records]


def _times(batch: Any, records: list[Any]) -> list[int]:
    """Where the broker stamped the batch, its one time."""
    if isinstance(batch, DefaultRecordBatch) and batch.timestamp_type == _STAMPED_BY_BROKER:
        return [batch.max_timestamp] * len(records)
    return [record.timestamp for record in records]


def _as_it_is(_tp: TopicPartition, record: Any) -> Any:
    return record
