"""A fetch taken whole: as aiokafka itself unpacks it, with gaps and the broker's times, and gone from memory with its batch."""

from __future__ import annotations

import gc
import weakref
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from streams.collector import rare_collections
from streams.intake import fetching
from streams.intake.fetching import _unpacked, batch_of
from streams.intake.segment.batches import Batch

WHERE = TopicPartition("market.trades", 0)
_LOG_APPEND = 8
_ATTRIBUTES_AT, _MAX_TIME_AT = 21, 35


def batch(offsets: list[int], *, stamped_ms: int | None = None) -> bytes:
    """A record batch; `stamped_ms` is the broker's time of all of it."""
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 10_000)
    for offset in offsets:
        builder.append(offset - offsets[0], 1_000 + offset, b"k", b"v%d" % offset, [("h", b"x")])
    data = bytearray(builder.build())
    data[:8] = offsets[0].to_bytes(8, "big")
    if stamped_ms is not None:
        data[_ATTRIBUTES_AT + 1] |= _LOG_APPEND
        data[_MAX_TIME_AT : _MAX_TIME_AT + 8] = stamped_ms.to_bytes(8, "big")
    return bytes(data)


def fetched(data: bytes, begin: int = 0) -> Any:
    return PartitionRecords(WHERE, MemoryRecords(data), [], begin, None, None, False, READ_COMMITTED)


def originals(batch: Batch) -> list[tuple[bytes | None, tuple[tuple[str, bytes], ...]]]:
    return [(key, tuple(headers)) for key, headers in map(batch.original, range(len(batch)))]


@pytest.mark.parametrize("begin", [0, 3, 4, 5])
@pytest.mark.parametrize("stamped_ms", [None, 5_000])
def test_batches_are_unpacked_as_aiokafka_does(begin: int, stamped_ms: int | None) -> None:
    data = batch([3, 4, 5]) + batch([6, 8, 9], stamped_ms=stamped_ms) + batch([12], stamped_ms=stamped_ms)
    whole, single = fetched(data, begin), fetched(data, begin)
    found, wanted = _unpacked(whole), batch_of(list(single))
    assert list(found.offsets) == list(wanted.offsets)
    assert list(found.times_ms) == list(wanted.times_ms)
    assert found.values == wanted.values
    assert originals(found) == originals(wanted)
    assert whole.next_fetch_offset == single.next_fetch_offset == 13
    assert found.times_ms == [] or stamped_ms is None or found.times_ms[-1] == stamped_ms


def test_a_fetch_is_freed_with_its_batch_without_the_collector() -> None:
    gc.disable()
    try:
        whole = fetched(batch([1, 2]))
        held = weakref.ref(whole)
        taken = _unpacked(whole)
        del whole
        assert held() is None
        assert len(taken) == 2
    finally:
        gc.enable()


def test_collections_are_rare_while_trades_are_read_and_usual_again_after_a_failure() -> None:
    before = gc.get_threshold()
    with pytest.raises(RuntimeError):
        fail_while_reading()
    assert gc.get_threshold() == before


def fail_while_reading() -> None:
    before = gc.get_threshold()
    with rare_collections():
        assert gc.get_threshold()[0] > 100 * before[0]
        raise RuntimeError


class Fetched:
    """What a consumer's buffer holds of a partition, as far as `WholeFetch` asks."""

    def __init__(self, offsets: list[int]) -> None:
        self._partition_records = fetched(batch(offsets))

    def check_assignment(self, _where: TopicPartition) -> bool:
        return True

    def has_more(self) -> bool:
        return True

    def _update_position(self) -> None:
        """Positions are the consumer's."""


class Buffering:
    """A consumer whose partitions have been fetched."""

    def __init__(self, buffered: dict[TopicPartition, Fetched]) -> None:
        self._fetcher = SimpleNamespace(
            _records=buffered, _wait_consume_future=None, _notify=lambda _: None, _create_fetch_waiter=None
        )

    async def getmany(self, *_: TopicPartition, timeout_ms: int) -> dict[TopicPartition, list[Any]]:
        assert timeout_ms == 0
        return {}


@pytest.mark.parametrize(("enough", "rounds"), [(2, [[0], [1, 2], [3]]), (100, [[0, 1, 2, 3]])])
async def test_large_fetches_are_taken_in_one_by_one_and_small_ones_together(enough: int, rounds: list[list[int]]) -> None:
    sizes = [3, 1, 1, 2]
    buffered = {TopicPartition("market.trades", n): Fetched(list(range(size))) for n, size in enumerate(sizes)}
    take: Any = fetching.WholeFetch(Buffering(buffered), enough)  # type: ignore[arg-type]
    found = [await take(0) for _ in rounds]
    assert [[where.partition for where in batches] for batches in found] == rounds
    assert {where.partition: len(taken) for batches in found for where, taken in batches.items()} == dict(enumerate(sizes))
    assert await take(0) == {}
