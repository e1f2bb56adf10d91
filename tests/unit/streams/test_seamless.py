"""Readers of the embedded broker: a gap is asked about again, and every log begins at 0."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition

from monitor.settings.kafka import KafkaSettings
from streams.assessor.faust_app import _Thread
from streams.kafka.clients import consumer
from streams.kafka.seamless import SeamlessConsumer, Seams

PLACE = TopicPartition("reserve.journal", 0)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("begun", "shown", "counts"),
    [
        (0, [[0, 1, 2], [3, 4]], [3, 2]),
        (0, [[1, 2], [0, 1, 2], [3]], [0, 3, 1]),
        (7, [[7, 8, 10, 11], [9, 10, 11]], [2, 3]),
        (7, [[7], [9], [9], [8, 9, 10]], [1, 0, 0, 3]),
        (0, [range(5), range(6, 9), range(5, 9)], [5, 0, 4]),
    ],
)
def test_what_lies_behind_a_gap_waits_for_what_is_missing(
    begun: int, shown: Sequence[Sequence[int]], counts: Sequence[int]
) -> None:
    seams = Seams()
    seams.begin(PLACE, begun)
    taken: list[int] = []
    for offsets, wanted in zip(shown, counts, strict=True):
        count = seams.joined(PLACE, offsets)
        assert count == wanted
        taken += list(offsets)[:count]
        assert seams.goes_on(PLACE) == begun + len(taken)
    assert taken == list(range(begun, begun + len(taken)))


def test_an_offset_that_never_comes_is_passed_over_after_a_while(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    seams = Seams(10.0, clock)
    seams.begin(PLACE, 0)
    assert seams.joined(PLACE, [0, 2, 3]) == 1
    for clock.now in (5.0, 10.0):
        assert seams.joined(PLACE, [2, 3]) == 0
    clock.now = 10.5
    assert seams.joined(PLACE, [2, 3]) == 2
    assert "offsets_without_records" in capsys.readouterr().out
    assert seams.joined(PLACE, [5]) == 0, "another gap is waited for anew"


def test_a_partition_that_is_sought_elsewhere_goes_on_there() -> None:
    seams = Seams()
    seams.begin(PLACE, 0)
    assert seams.joined(PLACE, [0, 1]) == 2
    seams.begin(PLACE, 40)
    assert seams.joined(PLACE, [40]) == 1


class Answers:
    """A fetcher of a broker that put record 1 into the log before record 0."""

    def __init__(self) -> None:
        self.sought: list[tuple[TopicPartition, int]] = []

    async def beginning_offsets(self, places: Sequence[TopicPartition], _timeout_ms: int) -> dict[TopicPartition, int]:
        return dict.fromkeys(places, 1)

    def seek_to(self, place: TopicPartition, offset: int) -> None:
        self.sought.append((place, offset))


async def test_a_log_begins_at_0_whatever_the_embedded_broker_says() -> None:
    client: Any = consumer(KafkaSettings(bootstrap_servers="127.0.0.1:1", embedded=True))
    client._fetcher = answers = Answers()
    assert isinstance(client, SeamlessConsumer)
    assert await client.beginning_offsets([PLACE]) == {PLACE: 0}
    await client.seek_to_beginning(PLACE)
    assert answers.sought == [(PLACE, 0)]
    client._closed = True


@pytest.mark.parametrize(("embedded", "first"), [(True, 0), (False, 1)])
async def test_nor_does_a_worker_conclude_a_hole_from_what_it_says(embedded: bool, first: int) -> None:
    thread: Any = object.__new__(_Thread)
    thread.transport = SimpleNamespace(kafka=SimpleNamespace(embedded=embedded))
    thread._consumer = SimpleNamespace(beginning_offsets=None)

    async def called(*_: Any) -> dict[TopicPartition, int]:
        return {PLACE: 1}

    thread.call_thread = called
    assert await thread.earliest_offsets(PLACE) == {PLACE: first}
