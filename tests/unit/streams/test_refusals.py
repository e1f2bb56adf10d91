"""Records that an engine refused are read again where they lie, for their dead letters (CONTRACT 7)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaConnectionError, OffsetOutOfRangeError, TopicAuthorizationFailedError

from monitor.core.journal.outputs import TooOld
from monitor.core.journal.records import EVENTS_IN_RECORD, SourcePartition
from monitor.core.values.times import DAY, SECOND
from streams.assessor.refusals import Originals, RefusalWriter
from streams.kafka.topics import TopicNames
from streams.wire.rejected import DeadLetter
from tests.unit.streams.test_partition import Told

WHERE = SourcePartition("custody.balances", 0, 0)
LOGGED = 1_767_571_200 * SECOND


class Log:
    """A consumer of one log: value by offset; `missing` offsets are not there, as of an aborted transaction."""

    def __init__(self, values: Mapping[int, bytes], *, error: Exception | None = None, away: int = 0) -> None:
        self.values, self.error, self.away = values, error, away
        self.seeks: list[int] = []
        self._next = 0

    def assign(self, places: list[TopicPartition]) -> None:
        assert places == [TopicPartition("custody.balances", 0)]

    def seek(self, _: TopicPartition, offset: int) -> None:
        self._next = offset
        self.seeks.append(offset)

    async def topics(self) -> set[str]:
        if self.away > 0:
            self.away -= 1
            raise KafkaConnectionError
        return set()

    async def getmany(self, place: TopicPartition, *, timeout_ms: int, max_records: int) -> Mapping[TopicPartition, Any]:
        assert (timeout_ms > 0, max_records) == (True, 1)
        await asyncio.sleep(0.001)
        if self.error is not None:
            raise self.error
        if self.away or (found := min((offset for offset in self.values if offset >= self._next), default=None)) is None:
            return {}
        self._next = found + 1
        record = {"offset": found, "timestamp": LOGGED // 1_000_000, "key": b"k", "value": self.values[found], "headers": ()}
        return {place: [SimpleNamespace(**record)]}

    async def stop(self) -> None:
        """Nothing to end."""


class Letters:
    """Keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[DeadLetter] = []

    async def send(self, letter: DeadLetter) -> asyncio.Future[Any]:
        self.sent.append(letter)
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done


def refused(offset: int, logged: int = LOGGED, where: SourcePartition = WHERE) -> TooOld:
    return TooOld(where, where.place(offset), logged, LOGGED - 500 * DAY, "jp-main")


def originals(log: Log, patience_s: float = 0.05) -> Originals:
    async def connect() -> AIOKafkaConsumer:
        return cast("AIOKafkaConsumer", log)

    return Originals(connect, TopicNames(feeds={"custody.balances/vault": "custody.balances"}), patience_s=patience_s)


async def values(found: Originals, *wanted: TooOld) -> list[bytes | None]:
    return [None if (record := await found.read(one)) is None else record.value for one in wanted]


async def test_records_that_follow_one_another_are_read_on_and_others_are_jumped_to() -> None:
    """Fails where each refusal of a feed that lies throughout costs a request, or one behind is not found."""
    log = Log({offset: b"v%d" % offset for offset in range(2000)})
    wanted = (3, 4, 9, 1500, 2)
    assert await values(originals(log), *map(refused, wanted)) == [b"v%d" % offset for offset in wanted]
    assert log.seeks == [3, 1500, 2]


async def test_a_record_that_is_gone_or_is_another_is_not_taken_for_the_refused_one() -> None:
    """Fails where the letter gets the bytes of what follows, or of a topic that was made anew under the name."""
    log = Log({1: b"v1", 3: b"v3"})
    found = originals(log)
    assert await values(found, refused(2), refused(3, LOGGED + SECOND), refused(7), refused(1)) == [None, None, None, b"v1"]


@pytest.mark.parametrize("error", [OffsetOutOfRangeError({}), TopicAuthorizationFailedError("custody.balances")])
async def test_what_the_broker_does_not_give_is_not_waited_for(error: Exception) -> None:
    """Fails where retention or a missing right stops the partition, or holds it up for each record."""
    found = originals(Log({1: b"v1"}, error=error), patience_s=3600)
    assert await values(found, refused(1)) == [None]


async def test_a_broker_that_is_away_is_waited_for() -> None:
    """Fails where an outage makes letters without the bytes that the source still has."""
    found = originals(Log({1: b"v1"}, away=30), patience_s=0.01)
    assert await values(found, refused(1)) == [b"v1"]


async def test_a_letter_says_what_and_where_and_that_its_bytes_are_missing() -> None:
    """Fails where a letter without its value looks like a record that was null."""
    letters, told = Letters(), Told()
    writer = RefusalWriter(cast("Any", letters), originals(Log({1: b"v1"})), told)
    working = asyncio.create_task(writer.run())
    feed = SourcePartition("custody.balances/vault", 0, 0)
    elements = [TooOld(feed, 1 * EVENTS_IN_RECORD + index, LOGGED, LOGGED - 500 * DAY, "jp-main") for index in (6, 7)]
    await asyncio.gather(writer.put(refused(1)), writer.put(refused(5)), *map(writer.put, elements))
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    first, second, third, fourth = letters.sent
    assert (first.offset, first.key, first.value, first.reason.value, first.entity) == (1, b"k", b"v1", "too_old", "jp-main")
    assert (second.offset, second.value) == (5, None)
    assert second.detail.endswith("could not be read from the source any more")
    assert (third.where, third.offset, third.index, third.value) == (feed, 1, 6, b"v1")
    assert (fourth.index, fourth.value, fourth.left_out) == (7, None, 2)


async def test_a_letter_that_cannot_be_written_is_raised_where_it_is_awaited() -> None:
    """Fails where the failure is swallowed and the snapshot goes on without the letter."""

    class Refusing(Letters):
        async def send(self, letter: DeadLetter) -> asyncio.Future[Any]:
            raise ConnectionError(f"no room for {letter.offset}")

    writer = RefusalWriter(cast("Any", Refusing()), originals(Log({1: b"v1"})), Told())
    working = asyncio.create_task(writer.run())
    for _ in range(2):
        with pytest.raises(ConnectionError, match="no room"):
            await writer.put(refused(1))
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
