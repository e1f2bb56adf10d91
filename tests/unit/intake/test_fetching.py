"""A fetch taken whole: as aiokafka itself unpacks it, with gaps and the broker's times, and gone from memory with its batch."""

from __future__ import annotations

import gc
import weakref
from types import SimpleNamespace
from typing import Any
from weakref import WeakSet

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from monitor.collector import rare_collections
from streams.intake import fetching
from streams.intake.fetching import _CODECS as CODECS
from streams.intake.fetching import UnreadableBatch, _unpacked, batch_of
from streams.intake.segment.batches import Batch

WHERE = TopicPartition("market.trades", 0)
_LOG_APPEND = 8
_ATTRIBUTES_AT, _MAX_TIME_AT, _RECORDS_AT = 21, 35, 61


def batch(offsets: list[int], *, stamped_ms: int | None = None, codec: int = 0) -> bytes:
    """A record batch; `stamped_ms` is the broker's time of all of it."""
    builder = DefaultRecordBatchBuilder(2, codec, 0, -1, -1, -1, 10_000)
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


def packed(offsets: list[int], codec: int, *, broken: bool = False) -> bytes:
    """A batch that says its codec; `broken`: what the codec would unpack is not what was packed."""
    data = bytearray(batch(offsets, codec=codec if codec < len(CODECS) else 0))
    if codec >= len(CODECS):
        data[_ATTRIBUTES_AT + 1] |= codec
    if broken:
        data[_RECORDS_AT:] = b"\x00" * (len(data) - _RECORDS_AT)
    return bytes(data)


@pytest.mark.parametrize("codec", range(1, 5))
def test_every_codec_is_unpacked(codec: int) -> None:
    assert _unpacked(WHERE, fetched(packed([3, 4, 5], codec))).values == [b"v3", b"v4", b"v5"]


@pytest.mark.parametrize(("codec", "broken"), [(1, True), (2, True), (3, True), (4, True), (6, False)])
def test_a_batch_that_cannot_be_read_is_told_with_codec_and_offset_after_what_lies_before_it(codec: int, broken: bool) -> None:
    good, bad = batch([3, 4]), packed([5, 6], codec, broken=broken)
    whole = fetched(good + bad + batch([7]))
    assert _unpacked(WHERE, whole).values == [b"v3", b"v4"]
    assert whole.next_fetch_offset == 5
    with pytest.raises(UnreadableBatch, match=r"market\.trades/0: the batch at offset 5 \(") as told:
        _unpacked(WHERE, fetched(bad + batch([7]), 5))
    assert (CODECS[codec] if codec < len(CODECS) else f"codec {codec}") in str(told.value)


def originals(batch: Batch) -> list[tuple[bytes | None, tuple[tuple[str, bytes], ...]]]:
    return [(key, tuple(headers)) for key, headers in map(batch.original, range(len(batch)))]


@pytest.mark.parametrize("begin", [0, 3, 4, 5])
@pytest.mark.parametrize("stamped_ms", [None, 5_000])
def test_batches_are_unpacked_as_aiokafka_does(begin: int, stamped_ms: int | None) -> None:
    data = batch([3, 4, 5]) + batch([6, 8, 9], stamped_ms=stamped_ms) + batch([12], stamped_ms=stamped_ms)
    whole, single = fetched(data, begin), fetched(data, begin)
    found, wanted = _unpacked(WHERE, whole), batch_of(list(single))
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
        taken = _unpacked(WHERE, whole)
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
    with rare_collections():
        assert gc.get_threshold()[0] == 200_000
        raise RuntimeError


class Fetched:
    """What a consumer's buffer holds of a partition, as far as `WholeFetch` asks."""

    def __init__(self, offsets: list[int], codec: int = 0) -> None:
        self._partition_records = fetched(packed(offsets, codec))

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


async def test_a_partition_that_cannot_be_read_is_told_by_itself_and_the_others_go_on() -> None:
    buffered = {TopicPartition("market.trades", n): Fetched([0, 1], codec) for n, codec in enumerate([0, 7, 0])}
    take: Any = fetching.WholeFetch(Buffering(buffered))  # type: ignore[arg-type]
    assert [where.partition for where in await take(0)] == [0]
    with pytest.raises(UnreadableBatch, match="codec 7") as told:
        await take(0)
    assert told.value.where.partition == 1
    assert [where.partition for where in await take(0)] == [2]
    assert await take(0) == {}


def test_batches_joined_again_and_again_hold_only_what_is_left() -> None:
    """What lets it fail: each join asks the one before it for keys or headers, and keeps its records."""
    held: WeakSet[Any] = WeakSet()

    def fetched(first: int) -> Batch:
        def original(row: int) -> tuple[bytes, tuple[()]]:
            return b"%d" % (first + row), ()

        def has_headers() -> bool:
            return bool(original(0)[1])

        held.add(has_headers)
        return Batch(range(first, first + 3), [first, first + 9, first + 1], [b"v"] * 3, original, has_headers)

    whole = fetched(0)
    for first in range(3, 9000, 3):
        whole = whole.then(fetched(first), len(whole) - 2)
        assert whole.offsets == range(first - 2, first + 3)
        assert (whole.oldest_ms, whole.newest_ms) == (first - 2, first + 9)
    assert [whole.original(row)[0] for row in range(5)] == [b"%d" % offset for offset in whole.offsets]
    assert len(held) <= 2
    assert not whole.has_headers()
    assert whole.times_ms == [9003, 8995, 8997, 9006, 8998]
