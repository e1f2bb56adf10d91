"""When a partition is snapshot: not so often that a worker comes to nothing else (JOURNAL 6)."""

from __future__ import annotations

import asyncio
from typing import Any

from monitor.core.engine import Engine
from monitor.core.journal.outputs import Output
from streams.assessor.cuts import CutCosts, Cuts, SnapshotCadence
from streams.assessor.publications import Publications
from streams.assessor.snapshots import SnapshotStore
from streams.slices import Slices
from tests.unit.streams.test_partition import Told
from tests.unit.streams.test_snapshots import Table


class Desk:
    """The snapshots of one partition on a clock that is set by hand."""

    def __init__(self, costs: CutCosts, partition: int = 0, **cadence: Any) -> None:
        self.now = 1000.0
        self.acknowledged: list[int] = []
        told = Told()
        self.cuts = Cuts(
            partition,
            SnapshotStore(Table(), partition),
            SnapshotCadence(**cadence),
            costs,
            acknowledge=lambda _, offset: self.acknowledged.append(offset),
            observer=told,
            ended=lambda _: None,
            clock=lambda: self.now,
        )

    def due_after(self, seconds: float) -> bool:
        """Whether one is due so long after the last, behind a record."""
        self.cuts.goes_on(None)
        self.cuts.records = 1
        self.now += seconds
        return self.cuts.due


def test_snapshots_of_a_worker_take_a_tenth_of_its_time_at_most() -> None:
    """Fails where a worker with little of a core has nothing left for its records, and therefore takes snapshots ever longer."""
    costs = CutCosts()
    desk = Desk(costs)
    assert desk.due_after(10)
    for partition in range(16):
        costs.took(partition, 0.2)
    assert not desk.due_after(31.9)
    assert desk.due_after(32.1)
    for partition in range(8):
        costs.took(partition, 0.0)
    assert desk.due_after(16.1)


def test_however_dear_they_are_one_comes_every_five_minutes_and_after_so_many_records() -> None:
    costs = CutCosts()
    costs.took(0, 1_000.0)
    desk = Desk(costs, records=50)
    assert not desk.due_after(299)
    assert desk.due_after(300)
    assert not desk.due_after(1)
    desk.cuts.records = 50
    assert desk.cuts.due


async def test_what_a_cut_takes_is_noted_until_the_partition_is_another_workers() -> None:
    costs = CutCosts(share=1_000_000)
    desk = Desk(costs)
    published = Publications(0, send=_unexpected, refuse=lambda _: asyncio.Future(), observer=Told())
    await desk.cuts.cut(Engine(0, check_journal_time=False), published, b"", Slices())
    await desk.cuts.written()
    assert desk.acknowledged == [-1]
    assert costs.between_s > 0
    desk.cuts.drop()
    assert costs.between_s == 0


async def _unexpected(output: Output, _partition: int) -> asyncio.Future[Any]:
    raise AssertionError(f"an empty engine publishes nothing, but {output}")
