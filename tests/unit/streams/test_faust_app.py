"""What is left of a fetch that was not delivered whole, and how the snapshot table's changes go out."""

import asyncio
import threading
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from faust.types import TP

from monitor.core.journal.records import Statement
from monitor.settings.kafka import KafkaSettings
from streams.assessor import faust_app
from streams.assessor.faust_app import SnapshotTable, _Consumer, _Thread, _Together, only_time, undelivered
from streams.journal.encoding import encode_fast

TABLE, JOURNAL = TP("table", 0), TP("journal", 1)


def records(*offsets: int) -> list[Any]:
    return [SimpleNamespace(offset=offset) for offset in offsets]


def test_what_was_fetched_and_not_delivered_is_left_from_its_first_record_on() -> None:
    fetched = {TABLE: records(3, 4, 7), JOURNAL: records(9, 10)}
    assert undelivered(fetched, {}) == {TABLE: (3, 8), JOURNAL: (9, 11)}
    assert undelivered(fetched, {TABLE: 5}) == {TABLE: (5, 8), JOURNAL: (9, 11)}
    assert undelivered(fetched, {TABLE: 8, JOURNAL: 11}) == {}


def test_a_fetch_that_brought_nothing_leaves_nothing() -> None:
    assert undelivered({TABLE: []}, {TABLE: 5}) == {}
    assert undelivered({}, {}) == {}


def test_ticks_one_a_partition_are_no_more_than_the_time() -> None:
    tick = SimpleNamespace(value=encode_fast(Statement("tick", None, 1, {"snapshot": {"position": 7}})))
    act = SimpleNamespace(value=encode_fast(Statement("operation", "venue", 1, {"reason": 'says "kind":"tick" in a text'})))
    assert only_time({JOURNAL: [tick], TP("journal", 2): [tick]})
    assert only_time({})
    assert not only_time({JOURNAL: [tick, tick]}), "a partition that is behind"
    assert not only_time({JOURNAL: [tick], TP("journal", 2): [act]})
    assert not only_time({TABLE: [SimpleNamespace(value=None)]})


class Producer:
    """Takes what is sent while there is room; `waiting` counts who waits for it."""

    def __init__(self) -> None:
        self.room, self.waiting, self.most = asyncio.Event(), 0, 0
        self.sent: list[tuple[bytes, bytes | None, int]] = []
        self.refused: dict[bytes, Exception] = {}

    async def send(self, topic: str, value: bytes | None, key: bytes, partition: int) -> asyncio.Future[Any]:
        self.waiting += 1
        self.most = max(self.most, self.waiting)
        await self.room.wait()
        self.waiting -= 1
        if key in self.refused:
            raise self.refused[key]
        self.sent.append((key, value, partition))
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        done.set_result((topic, len(self.sent)))
        return done


def table_on(producer: Producer) -> SnapshotTable:
    topic = SimpleNamespace(get_topic_name=lambda: "changelog")
    app = SimpleNamespace(Table=lambda *_, **__: SimpleNamespace(changelog_topic=topic, data={}))
    return SnapshotTable(cast("Any", app), KafkaSettings(), cast("AIOKafkaProducer", producer))


async def test_changes_of_a_partition_go_out_in_order_and_one_of_them_at_most_waits_for_room() -> None:
    """What lets it fail: thousands that are all woken whenever there is room for some."""
    producer = Producer()
    table = table_on(producer)
    sent = [table.send_changelog(partition, b"%d" % number, b"x") for number in range(50) for partition in (0, 1)]
    await asyncio.sleep(0)
    producer.room.set()
    assert (await asyncio.gather(*sent))[-1] == ("changelog", 100)
    assert producer.most == 2
    assert [key for key, _, partition in producer.sent if partition == 0] == [b"%d" % number for number in range(50)]


@pytest.mark.parametrize("error", [KafkaError("refused"), ValueError("refused")])
async def test_a_refused_change_is_told_to_who_waits_for_it_and_the_next_one_goes(error: Exception) -> None:
    producer = Producer()
    producer.refused = {b"bad": error}
    producer.room.set()
    table = table_on(producer)
    given_up = table.send_changelog(0, b"given up", b"x")
    given_up.cancel()
    bad, removed = table.send_changelog(0, b"bad", b"x"), table.send_changelog(0, b"gone", None)
    with pytest.raises(type(error), match="refused"):
        await bad
    assert await removed == ("changelog", 2)
    assert producer.sent == [(b"given up", b"x", 0), (b"gone", None, 0)]


class Reached(_Thread):
    """A thread with a consumer that needs no broker."""

    def __post_init__(self) -> None:
        """Faust's reads its settings."""

    async def on_start(self) -> None:
        self._consumer = cast("Any", self.consumer).made

    async def add_one(self, number: int) -> int:
        return number + 1


class Rebalancing:
    """What holds a client of aiokafka up that is stopped: an assignment, told to the other thread, which asks this one."""

    def __init__(self, asked: Any) -> None:
        self._asked = asked

    async def stop(self) -> None:
        asked, self._asked = self._asked, None
        if asked is not None:
            await asyncio.wrap_future(asked())


async def test_a_consumer_that_is_stopped_while_partitions_are_assigned_comes_to_its_end() -> None:
    loop, answers = asyncio.get_running_loop(), list[int]()

    async def assigned() -> None:
        answers.append(await thread.call_thread(thread.add_one, 41))

    made = Rebalancing(lambda: asyncio.run_coroutine_threadsafe(assigned(), loop))
    owner: Any = SimpleNamespace(made=made, transport=SimpleNamespace(app=None))
    thread = Reached(owner, loop=loop)
    await thread.start()
    async with asyncio.timeout(5):
        await thread.stop()
    assert answers == [42]


class Unanswered(_Consumer):
    """Its broker is away: a commit is tried for ever."""

    async def commit(self, *_: Any, **__: Any) -> bool:
        await asyncio.Event().wait()
        return True


async def test_a_commit_that_no_broker_takes_holds_up_no_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faust_app, "_LAST_COMMIT_S", 0.01)
    consumer: Any = object.__new__(Unanswered)
    consumer.app = SimpleNamespace(conf=SimpleNamespace(stream_wait_empty=False))
    async with asyncio.timeout(5):
        await consumer.on_stop()


def fetched(partition: TP, *offsets: int) -> list[Any]:
    return [
        SimpleNamespace(
            topic=partition.topic,
            partition=partition.partition,
            offset=offset,
            timestamp=1_000 + offset,
            timestamp_type=0,
            headers=(),
            key=None,
            value=b"%d" % offset,
            checksum=None,
            serialized_key_size=0,
            serialized_value_size=1,
        )
        for offset in offsets
    ]


class Fetching(_Consumer):
    """What it fetched is given; rebalanced or not, no broker is asked."""

    def __init__(self, found: dict[TP, list[Any]]) -> None:
        self.app = cast("Any", SimpleNamespace(consumer_generation_id=7))
        self.scheduler = _Together(JOURNAL.topic.__eq__)
        self.found = found

    def delivered(self) -> list[Any]:
        return [self._to_message(tp, record) for tp, record in self.scheduler.iterate(self.found)]


def test_journal_records_of_a_partition_are_delivered_many_together_partitions_by_turns_and_the_table_one_by_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(faust_app, "AT_ONCE", 2)
    other = TP(JOURNAL.topic, 2)
    found = {JOURNAL: fetched(JOURNAL, 3, 4, 6), other: fetched(other, 8, 9), TABLE: fetched(TABLE, 1, 2)}
    delivered = Fetching(found).delivered()
    journal = [one for one in delivered if one.tp != TABLE]
    assert [(one.tp, one.offset, [record.offset for record in one.records]) for one in journal] == [
        (JOURNAL, 4, [3, 4]),
        (other, 9, [8, 9]),
        (JOURNAL, 6, [6]),
    ]
    assert {one.generation_id for one in delivered} == {7}
    assert [(one.offset, one.value) for one in delivered if one.tp == TABLE] == [(1, b"1"), (2, b"2")]
    assert undelivered(found, {journal[0].tp: journal[0].offset + 1}) == {JOURNAL: (5, 7), other: (8, 10), TABLE: (1, 3)}


async def test_the_process_does_not_wait_at_its_end_for_a_consumer_whose_broker_is_silent() -> None:
    """Fails where Faust's thread is joined by the interpreter: a stop was over after ten seconds, and the process after 90."""
    begun = threading.active_count()
    thread = Reached(
        cast("Any", SimpleNamespace(made=None, transport=SimpleNamespace(app=None))), loop=asyncio.get_running_loop()
    )
    await thread.start()
    [made] = [one for one in threading.enumerate() if isinstance(one, thread.Worker)]
    assert made.daemon
    await thread.stop()
    assert threading.active_count() == begun
