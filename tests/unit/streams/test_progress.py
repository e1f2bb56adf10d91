"""Whether the calculation moves, by the broker's answers and by the engine's clock."""

from collections.abc import Mapping

from monitor.core.values.times import SECOND
from monitor.settings.kafka import KafkaSettings
from streams.kafka.watch import BrokerWatch
from streams.progress import Progress

BEGAN = 1_770_000_000 * SECOND


class World:
    """Seconds since the start, and the engine clocks of the entities."""

    def __init__(self, **clocks: int) -> None:
        self.second = 0.0
        self.clocks = {name: BEGAN + at * SECOND for name, at in clocks.items()}
        self.stopped: dict[int, str] = {}
        self.answered_before = 0.0
        self.broker = BrokerWatch(KafkaSettings(), 1.0, lambda: self.answered_before)
        self.progress = Progress(self.broker, self.pulse, lambda: self.stopped, 30, lambda: BEGAN + int(self.second * SECOND))

    def pulse(self) -> Mapping[str, int]:
        return self.clocks


def test_it_moves_while_the_engine_clock_is_young_and_the_broker_answers() -> None:
    world = World(**{"jp-main": 0})
    world.second = 30
    assert world.progress.checks() == {"broker": "ok", "evaluation": "ok"}
    assert world.progress.standstill() == ""


def test_an_engine_clock_that_is_too_old_stands_still() -> None:
    world = World(**{"jp-main": 0, "kr-main": 20})
    assert world.progress.standstill() == ""
    world.second = 31
    assert world.progress.checks()["evaluation"] == "stands still: jp-main for 31 s"
    assert world.progress.standstill() == "jp-main was evaluated last at 2026-02-02T02:40:00.000000Z"


def test_of_very_many_that_stand_still_some_are_named() -> None:
    world = World(**{f"e-{number:04d}": 0 for number in range(1_200)})
    world.second = 31
    told = world.progress.checks()["evaluation"]
    assert told.startswith("stands still: e-0000 for 31 s, ")
    assert told.endswith("e-0004 for 31 s, and 1,195 more")


def test_after_a_start_an_old_clock_may_catch_up_first() -> None:
    """What lets it fail: patience that a start of half a minute has used up before the first clock is read."""
    world = World()
    world.second = 40
    assert world.progress.standstill() is None
    world.clocks = {"jp-main": BEGAN - 7200 * SECOND}
    world.second = 41
    assert world.progress.checks()["evaluation"].startswith("stands still")
    assert world.progress.standstill() is None
    world.second = 71
    assert world.progress.standstill() is None
    world.second = 72
    assert world.progress.standstill()


def test_a_broker_that_is_silent_and_a_partition_that_stopped_stand_still() -> None:
    world = World(**{"jp-main": 0})
    world.stopped = {3: "chain forks"}
    assert world.progress.checks()["journal partition 3"] == "stopped: chain forks"
    assert world.progress.standstill() == "journal partition 3: chain forks"
    world.answered_before = 31.0
    assert world.progress.checks()["broker"] == "no answer for 31 s"
    assert world.progress.standstill() == "the broker does not answer"


def test_nothing_held_proves_nothing() -> None:
    assert World().progress.standstill() is None
