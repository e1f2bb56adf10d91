"""When a tick is written (JOURNAL 2)."""

from dataclasses import dataclass

from monitor.core.values.times import SECOND
from streams.assessor.ticks import BETWEEN_NS, IDLE_NS, Ticker

NOW = 1_767_582_245 * SECOND


@dataclass
class Engine:
    """What a ticker looks at."""

    clock: int = 0
    waiting: bool = False
    next_deadline: int | None = None
    position: int = -1


class Sent:
    """An acknowledged send."""

    offset = 7

    def done(self) -> bool:
        return True

    def exception(self) -> None:
        return None

    def result(self) -> "Sent":
        return self


def _ticked(engine: Engine) -> Ticker:
    """A ticker whose first tick, at NOW, has been written and applied."""
    ticker = Ticker()
    assert ticker.due(engine, NOW, begun=False) == NOW
    ticker.written(NOW, Sent())
    engine.clock = NOW
    return ticker


def test_the_first_tick_comes_at_once_so_that_a_quiet_partition_wakes() -> None:
    assert Ticker().due(Engine(), NOW, begun=False) == NOW


def test_while_something_waits_ticks_keep_their_distance() -> None:
    engine = Engine(waiting=True)
    ticker = _ticked(engine)
    assert ticker.due(engine, NOW + BETWEEN_NS - 1, begun=True) is None
    assert ticker.due(engine, NOW + BETWEEN_NS, begun=True) == NOW + BETWEEN_NS


def test_a_deadline_that_has_come_ticks_at_once_and_one_ahead_does_not() -> None:
    engine = Engine(next_deadline=NOW + SECOND)
    ticker = _ticked(engine)
    assert ticker.due(engine, NOW + SECOND - 1, begun=True) is None
    assert ticker.due(engine, NOW + SECOND, begun=True) == NOW + SECOND


def test_an_idle_partition_ticks_once_a_minute() -> None:
    engine = Engine()
    ticker = _ticked(engine)
    assert ticker.due(engine, NOW + IDLE_NS - 1, begun=True) is None
    assert ticker.due(engine, NOW + IDLE_NS, begun=True) == NOW + IDLE_NS


def test_no_second_tick_while_the_last_is_on_its_way() -> None:
    engine = Engine(waiting=True)
    ticker = _ticked(engine)
    engine.clock = NOW - SECOND
    assert ticker.due(engine, NOW + SECOND, begun=True) is None
    assert ticker.due(engine, NOW + 6 * SECOND, begun=True) == NOW + 6 * SECOND


def test_caught_up_once_the_first_tick_has_been_applied() -> None:
    engine = Engine(position=6)
    ticker = _ticked(engine)
    ticker.due(engine, NOW + 1, begun=True)
    assert not ticker.caught_up
    assert not ticker.newly_caught_up()
    engine.position = 7
    ticker.due(engine, NOW + 2, begun=True)
    assert ticker.caught_up
    assert ticker.newly_caught_up()
    assert not ticker.newly_caught_up()


def test_costly_evaluations_are_spread_so_that_they_take_a_quarter_of_a_core() -> None:
    engine = Engine(waiting=True)
    ticker = _ticked(engine)
    cost = SECOND // 20
    assert ticker.due(engine, NOW + 4 * cost - 1, begun=True, cost=cost) is None
    assert ticker.due(engine, NOW + 4 * cost, begun=True, cost=cost) == NOW + 4 * cost
    assert ticker.due(engine, NOW + SECOND, begun=True, cost=9 * SECOND) == NOW + SECOND
