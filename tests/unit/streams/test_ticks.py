"""When a tick is written (JOURNAL 2)."""

import asyncio
from dataclasses import dataclass

import pytest

from monitor.core.journal.records import Source, SourcePartition, Statement, encode_statement
from monitor.core.journal.vocabulary import ENTITY_KINDS, PARTITION_KINDS
from monitor.core.values.times import SECOND
from streams.assessor.ticks import BETWEEN_NS, IDLE_NS, Cost, Ticker, is_urgent
from streams.journal.encoding import encode_fast

NOW = 1_767_582_245 * SECOND


@dataclass
class Engine:
    """What a ticker looks at."""

    clock: int = 0
    waiting: bool = False
    next_deadline: int | None = None
    position: int = -1
    turned_at: int | None = None
    looked: int = 0

    def turned(self, at: int) -> bool:
        self.looked += 1
        return self.turned_at is not None and self.turned_at <= at

    def waits(self, _at: int) -> bool:
        return self.waiting


class Sent:
    """An acknowledged send."""

    offset = 7

    def done(self) -> bool:
        return True

    def cancelled(self) -> bool:
        return False

    def exception(self) -> Exception | None:
        return None

    def result(self) -> "Sent":
        return self


class OnItsWay(Sent):
    """A send that is not acknowledged yet."""

    def done(self) -> bool:
        return False


class Lost(Sent):
    """One that failed."""

    def exception(self) -> Exception:
        return ConnectionError("gone")


class GivenUp(Sent):
    """One that the producer gave up, whose failure cannot be asked."""

    def cancelled(self) -> bool:
        return True

    def exception(self) -> Exception:
        raise asyncio.CancelledError


def _ticked(engine: Engine, sent: Sent | None = None) -> Ticker:
    """A ticker whose first tick, at NOW, has been written and applied."""
    ticker = Ticker()
    assert ticker.due(engine, NOW, begun=False) == NOW
    ticker.written(NOW, sent or Sent())
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


@pytest.mark.parametrize("refused", [False, True])
def test_a_clock_that_is_put_back_ticks_at_once_and_goes_on_from_there(refused: bool) -> None:
    """Fails where none is written until the clock has come again to where it was: an owner's that was an hour ahead."""
    engine = Engine()
    ticker = _ticked(engine)
    engine.clock = NOW - 3600 * SECOND if refused else NOW
    back = NOW - 3600 * SECOND
    assert ticker.due(engine, back, begun=True) == back
    ticker.written(back, Sent())
    assert ticker.due(engine, back + IDLE_NS - 1, begun=True) is None
    assert ticker.due(engine, back + IDLE_NS, begun=True) == back + IDLE_NS


@pytest.mark.parametrize(
    ("sent", "position", "patience"),
    [
        (Sent(), 6, 30 * SECOND),
        (OnItsWay(), -1, 30 * SECOND),
        (Sent(), 7, 5 * SECOND),
        (Lost(), -1, 5 * SECOND),
        (GivenUp(), -1, 5 * SECOND),
    ],
)
def test_no_second_tick_while_the_last_lies_in_the_journal_unread(sent: Sent, position: int, patience: int) -> None:
    """Fails where a partition that is behind has one more to evaluate at every five seconds, whatever it can carry.

    One that was lost, or whose time the engine refused, is not waited for as long.
    """
    engine = Engine(waiting=True, position=position)
    ticker = _ticked(engine, sent)
    engine.clock = NOW - SECOND
    assert ticker.due(engine, NOW + patience - 1, begun=True) is None
    assert ticker.due(engine, NOW + patience, begun=True) == NOW + patience


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


@pytest.mark.parametrize("lost", [Lost(), GivenUp()])
def test_caught_up_by_a_later_tick_where_the_first_was_lost(lost: Sent) -> None:
    """Fails where a worker whose first tick the broker did not take says for ever that it catches up."""
    engine = Engine(position=7)
    ticker = _ticked(engine, lost)
    assert ticker.due(engine, NOW + IDLE_NS, begun=True) == NOW + IDLE_NS
    ticker.written(NOW + IDLE_NS, Sent())
    ticker.due(engine, NOW + IDLE_NS + 1, begun=True)
    assert ticker.caught_up


def test_costly_evaluations_are_spread_so_that_they_take_a_quarter_of_a_core_and_those_of_all_partitions_half_of_it() -> None:
    engine = Engine(waiting=True)
    ticker = _ticked(engine)
    cost = SECOND // 20
    for load, between in (
        (cost, 4 * cost),
        (2 * cost, 4 * cost),
        (8 * cost, 16 * cost),
        (80 * cost, 160 * cost),
        (800 * cost, 30 * SECOND),
    ):
        assert ticker.due(engine, NOW + between - 1, begun=True, cost=Cost(cost, load)) is None
        assert ticker.due(engine, NOW + between, begun=True, cost=Cost(cost, load)) == NOW + between
    assert Cost(9 * SECOND).between == SECOND


def test_what_may_open_an_alert_is_evaluated_at_once_whatever_that_costs() -> None:
    engine = Engine(waiting=True)
    ticker = _ticked(engine)
    cost = Cost(SECOND, 9 * SECOND, urgent=True)
    assert ticker.due(engine, NOW + BETWEEN_NS - 1, begun=True, cost=cost) is None
    assert ticker.due(engine, NOW + BETWEEN_NS, begun=True, cost=cost) == NOW + BETWEEN_NS


FAR = Cost(SECOND, 10 * SECOND)
"""Ticks are 20 s apart by this."""


def test_what_turned_too_old_ticks_at_once_though_ticks_are_far_apart() -> None:
    engine = Engine(waiting=True, turned_at=NOW + 5 * SECOND)
    ticker = _ticked(engine)
    assert ticker.due(engine, NOW + 5 * SECOND - 1, begun=True, cost=FAR) is None
    assert ticker.due(engine, NOW + 6 * SECOND, begun=True, cost=FAR) == NOW + 6 * SECOND


def test_nothing_turned_too_old_that_what_was_not_read_yet_may_have_renewed() -> None:
    engine = Engine(waiting=True, turned_at=NOW + 5 * SECOND)
    ticker = _ticked(engine)
    assert ticker.due(engine, NOW + 9 * SECOND, begun=True, cost=FAR, known=NOW + 5 * SECOND - 1) is None
    assert ticker.due(engine, NOW + 10 * SECOND, begun=True, cost=FAR, known=NOW + 5 * SECOND) == NOW + 10 * SECOND


def test_whether_something_turned_too_old_is_asked_once_a_second() -> None:
    engine = Engine(waiting=True)
    ticker = _ticked(engine)
    for tenth in range(1, 101):
        assert ticker.due(engine, NOW + tenth * SECOND // 10, begun=True, cost=FAR) is None
    assert engine.looked == 10


def test_what_turns_too_old_again_and_again_ticks_once_in_as_long_as_all_partitions_take() -> None:
    engine = Engine(waiting=True, turned_at=NOW)
    ticker, ticks = _ticked(engine), list[int]()
    for second in range(1, 31):
        at = ticker.due(engine, NOW + second * SECOND, begun=True, cost=FAR)
        if at is not None:
            ticker.written(at, Sent())
            engine.clock = at
            ticks.append(second)
    assert ticks == [1, 11, 21]


def test_a_clock_that_is_put_back_looks_at_once_whether_something_turned_too_old() -> None:
    engine = Engine(waiting=True, turned_at=0)
    ticker = _ticked(engine)
    assert ticker.due(engine, NOW + 6 * SECOND, begun=True, cost=FAR) == NOW + 6 * SECOND
    back = engine.clock = NOW - 3600 * SECOND
    assert ticker.due(engine, back, begun=True, cost=FAR) == back
    ticker.written(back, Sent())
    assert ticker.due(engine, back + SECOND, begun=True, cost=FAR) == back + SECOND


LATER = {"flow", "price", "progress", "tick", "configuration"}


@pytest.mark.parametrize("kind", sorted(ENTITY_KINDS | PARTITION_KINDS))
def test_all_but_what_comes_all_the_time_is_urgent(kind: str) -> None:
    entity = "jp-main" if kind in ENTITY_KINDS else None
    source = None if kind == "tick" else Source(SourcePartition("custody.balances", 0, 0), offset=7)
    for body in ({}, {"kind": "position", "note": '"kind":"position"'}, {"kind": "price"}):
        statement = Statement(kind, entity, 5, body, source, 4)
        assert is_urgent(encode_statement(statement)) == is_urgent(encode_fast(statement)) == (kind not in LATER)


def test_what_is_no_record_is_not_urgent() -> None:
    assert not any(map(is_urgent, (b"", b"{", b'"kind":"', b'{"kind":"pos')))
