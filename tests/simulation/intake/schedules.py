"""Schedules: what happens to a world, drawn from a seed, and what must be true when the dust has settled."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

from monitor.core.book.trades.flow import Flow
from monitor.core.journal.vocabulary import TRADES
from tests.intake_logs import Cut
from tests.simulation.intake.world import PARTITIONS, EngineSide, Worker, World, sim_rules, totals_of

STEPS = 120


async def _settle() -> None:
    for _ in range(12):
        await asyncio.sleep(0)


async def run_schedule(
    seed: int,
    *,
    newer_rules: bool = False,
    retention: bool = False,
    made_anew: str = "",
    flow: type[Flow] = Flow,
    topic: str = TRADES,
    **parts: Any,
) -> None:
    """One schedule; AssertionError where the totals are not the oracle's, or a loss is not reported, or one is that is none.

    `newer_rules`: some workers have rules of a higher number. `retention`: the log's head goes now and then. `made_anew`: the
    topic is made anew once, with its epoch raised (`raised`) or not (`silently`). `parts` of the world break rules.
    `topic`: what a reader is of, trades or a feed.
    """
    random = Random(seed)
    world = World(random, sim_rules(topic), topic=topic, waits=Random(seed) if seed % 2 else None, **parts)
    world.produce(random.randrange(1, 12))
    workers: list[Worker] = []
    numbers = [1, 2] if newer_rules else [1]
    anew_at = random.randrange(STEPS) if made_anew else -1
    before: list[Cut] = []

    def assign() -> None:
        """The group gives the partition to a new worker, or to one that has it; who held it may not have noticed."""
        world.generation += 1
        for worker in workers:
            if random.random() < 0.4:
                worker.forget()
        again = [worker for worker in workers if random.random() < 0.3]
        worker = again[0] if again else Worker(world, world.rules[random.choice(numbers) - 1])
        if worker not in workers:
            workers.append(worker)
        worker.generation = world.generation
        worker.begin()

    assign()
    for step in range(STEPS):
        if step == anew_at:
            before = await _make_anew(world, workers, made_anew)
            assign()
        action = random.random()
        alive = [worker for worker in workers if worker.work is not None]
        if action < 0.34 and alive:
            await random.choice(alive).step(random.randrange(1, 6))
        elif action < 0.42 and alive:
            random.choice(alive).flush()
        elif action < 0.80:
            for _ in range(random.randrange(1, 7)):
                world.deliver(faults=True)
                await _settle()
        elif action < 0.88:
            world.produce(random.randrange(1, 7))
        elif action < 0.91:
            assign()
        elif action < 0.94 and workers:
            workers.pop(random.randrange(len(workers))).forget()
        elif action < 0.97:
            _restart_failed(world, workers)
        elif retention:
            world.retain()
        await _settle()
    last = await _finish(world, workers, max(numbers))
    _judge(world, last, before, flow, exact=not retention and made_anew != "silently")


def _restart_failed(world: World, workers: list[Worker]) -> None:
    for worker in workers:
        if worker.failed and worker.generation == world.generation:
            worker.begin()


async def _finish(world: World, workers: list[Worker], number: int) -> Worker:
    """The network drains, the zombies end, a last worker reads everything without faults; then comes what was late."""
    world.lagging = False
    while world.deliver(faults=False):
        await _settle()
    for worker in workers:
        worker.forget()
    await _settle()
    world.sends.clear()
    world.generation += 1
    last = Worker(world, world.rules[number - 1], world.generation)
    last.begin()
    assert not last.refused, "the last worker was refused"
    await _drain(world, last)
    world.sends, world.laggards = world.laggards, []
    while world.deliver(faults=False):
        pass
    world.lagging = True
    return last


async def _drain(world: World, worker: Worker) -> None:
    work = worker.work
    assert work is not None
    for _ in range(4000):
        await _settle()
        await worker.step(5)
        while world.deliver(faults=False):
            await _settle()
        if worker.cursor >= world.log_end and work.wants and work.position >= world.log_end and work.busy is None:
            work.flush()
            if work.busy is None:
                return
    raise AssertionError("the last worker did not come to the end")


async def _make_anew(world: World, workers: list[Worker], how: str) -> list[Cut]:
    """The runbook: all workers stand still, the old epoch is drained, the topic is deleted with its commits and made again."""
    last = await _finish(world, workers, max(worker.rules.rules.number for worker in [*workers, Worker(world, world.rules[0])]))
    cuts = world.expected(last.rules.rules.number)
    last.forget()
    workers.clear()
    world.log, world.history, world.log_start, world.log_end = [], [], 0, 0
    world.committed, world.closed, world.first = None, [], None
    if how == "raised":
        world.epoch += 1
    world.produce(world.random.randrange(1, 12))
    return cuts


def _judge(world: World, last: Worker, before: list[Cut], flow: type[Flow], *, exact: bool) -> None:
    side = EngineSide(world.journal, world.epoch, flow, world.topic)
    cells, counts = totals_of([*before, *world.expected(last.rules.rules.number)])
    if exact:
        assert not side.lossy, "a loss is reported that is none"
        for partition in range(PARTITIONS):
            assert side.counts(partition) == counts, "counts differ"
    assert side.lossy or side.cells() == cells, "totals differ"


def first_failure(seeds: range, **how: Any) -> int | None:
    """The first seed whose schedule fails, or None."""

    async def all_of_them() -> int | None:
        for seed in seeds:
            try:
                await run_schedule(seed, **how)
            except AssertionError:
                return seed
        return None

    return asyncio.run(all_of_them())


def every(seeds: range, **how: Any) -> None:
    """Run the schedules; the failing one says its seed."""

    async def all_of_them() -> None:
        for seed in seeds:
            try:
                await run_schedule(seed, **how)
            except AssertionError as error:
                raise AssertionError(f"seed {seed}: {error}") from error

    asyncio.run(all_of_them())
