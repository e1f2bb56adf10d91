"""How a dispatcher takes partitions while its group shares them anew."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any, cast

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError

from monitor.notify.channel import Told
from monitor.settings.kafka import KafkaSettings
from streams.dispatch.lane import Lane
from streams.dispatch.ledger import Ledger, Memory
from streams.dispatch.worker import Dispatcher
from streams.kafka.topics import TopicNames
from tests.alert_samples import alert_value
from tests.bench import Observed
from tests.receivers import until
from tests.unit.dispatch.test_lane import FAST, Scripted


class Consumer:
    """Empty partitions; refuses to speak of one that it does not have. `meanwhile` comes while it asks where they end."""

    def __init__(self, assigned: set[int]) -> None:
        self.assigned = assigned
        self.meanwhile: Callable[[], None] = lambda: None

    async def seek_to_beginning(self, *places: TopicPartition) -> None:
        self._known(places)

    async def end_offsets(self, places: list[TopicPartition]) -> dict[TopicPartition, int]:
        then, self.meanwhile = self.meanwhile, lambda: None
        then()
        return dict.fromkeys(places, 0)

    async def position(self, place: TopicPartition) -> int:
        self._known((place,))
        return 0

    async def getmany(self, timeout_ms: int) -> Mapping[TopicPartition, Any]:
        return {}

    def _known(self, places: tuple[TopicPartition, ...]) -> None:
        for place in places:
            if place.partition not in self.assigned:
                raise IllegalStateError(f"Partition {place} is not assigned")


async def test_partitions_that_go_while_they_are_taken_do_not_hold_up_those_that_come() -> None:
    """What lets it fail: it waits for the end of a partition that another dispatcher has, and tells of none of its own."""

    async def nothing_told(kafka: KafkaSettings, topic: str, partitions: set[int]) -> dict[int, Memory]:
        return {partition: Memory() for partition in partitions}

    dispatcher, consumer = Dispatcher(KafkaSettings(), TopicNames(), {}, Observed(), recall=nothing_told), Consumer({0, 1})
    dispatcher._consumer = cast("AIOKafkaConsumer", consumer)

    def shared_anew() -> None:
        dispatcher.revoke()
        consumer.assigned = {1}
        dispatcher.assign({1})

    dispatcher.assign({0, 1})
    consumer.meanwhile = shared_anew
    await dispatcher._step()
    await dispatcher._step()
    assert dispatcher.ready
    assert dispatcher.tells("of nothing") is False


class Kept:
    """A ledger that keeps what it was told at once."""

    def __init__(self) -> None:
        self.told: list[Told] = []

    def note_told(self, _partition: int, _channel: str, _fingerprint: str, told: Told) -> None:
        self.told.append(told)

    def note_since(self, *_: object) -> None:
        return

    async def flush(self, _within_s: float) -> bool:
        return True


async def test_what_is_being_told_at_a_hand_over_is_on_record_before_another_has_the_partition() -> None:
    """What lets it fail: the lane forgets the alert while the receiver answers, and the next dispatcher tells it once more."""
    dispatcher, ledger, channel = Dispatcher(KafkaSettings(), TopicNames(), {}, Observed()), Kept(), Scripted()
    dispatcher._ledger = cast("Ledger", ledger)
    lane = Lane(channel, FAST, Observed(), dispatcher._record, recorded=dispatcher._recorded)
    dispatcher._lanes = [lane]
    dispatcher.assign({0})
    dispatcher._taken = {0}
    lane.start()
    channel.gate.clear()
    dispatcher._apply(0, None, json.dumps(alert_value(revision=1)).encode())
    await until(lambda: len(channel.attempts) == 1)
    assert [told.sure for told in ledger.told] == [False]
    going = asyncio.create_task(dispatcher.hand_over())
    await asyncio.sleep(0.02)
    channel.gate.set()
    await going
    assert [told.sure for told in ledger.told] == [False, True]
    assert lane.pending == 0
    await lane.stop(0.01)
