"""One run of each program over a filled topic: started, timed, and its totals held against the load's."""

from __future__ import annotations

import contextlib
import time
from typing import Any

from benchmarks.children import Child, Cost
from benchmarks.load import MAPPED, Load, Totals
from benchmarks.stage import Filled, Run, Stage
from monitor.errors import MonitorError

FLUSH_S = 0.25


async def intake(stage: Stage, filled: Filled, *, flush_s: float = FLUSH_S) -> Cost:
    """Intake over all of a topic, in one process; checks the journal."""
    run = await stage.run(filled)
    cost = await intake_again(run, filled.load.records, flush_s)
    check("intake", await run.totals(), filled.totals)
    return cost


async def intake_again(run: Run, expected: int, flush_s: float = FLUSH_S) -> Cost:
    """Intake in a group that may have read before, until `expected` more records were taken in."""
    async with Child("benchmarks.intake", {**run.as_json(), "flush_s": flush_s}) as child:
        await child.until("count", lambda event: event["count"] >= expected)
        await child.tell("stop")
        cost = await child.result(expected)
    if sum(cost.found["outcomes"].values()) != expected:
        raise MonitorError(f"intake took in {cost.found['outcomes']}, {expected} records were there")
    return cost


async def intake_processes(stage: Stage, filled: Filled, processes: int) -> Cost:
    """Several intake processes that share a topic; the wall time is from when all were told to go."""
    run = await stage.run(filled)
    job = {**run.as_json(), "flush_s": FLUSH_S, "wait": True}
    async with contextlib.AsyncExitStack() as stack:
        children = [await stack.enter_async_context(Child("benchmarks.intake", job)) for _ in range(processes)]
        for child in children:
            await child.until("ready")
        began = time.perf_counter()
        for child in children:
            await child.tell("go")
        while sum(child.last.get("count", {}).get("count", 0) for child in children) < filled.load.records:
            await children[0].changed_soon()
        wall = time.perf_counter() - began
        for child in children:
            await child.tell("stop")
        costs = [await child.result(filled.load.records) for child in children]
    check(f"intake in {processes} processes", await run.totals(), filled.totals)
    return Cost(
        filled.load.records,
        sum(cost.cpu_s for cost in costs),
        wall,
        max(cost.peak_bytes for cost in costs),
        {"shares": [sum(cost.found["outcomes"].values()) for cost in costs]},
    )


async def rival(stage: Stage, program: str, filled: Filled) -> Cost:
    """One of `benchmarks.rivals`."""
    out = await stage.output(filled.load)
    job: dict[str, Any] = {
        "program": program,
        "settings": stage.settings.model_dump(mode="json"),
        "topic": filled.topic,
        "out": out,
        "name": out,
        "partitions": filled.load.partitions,
        "records": filled.load.records,
        "fields": MAPPED if filled.load.mapped else {},
    }
    async with Child("benchmarks.rivals", job) as child:
        cost = await child.result(filled.load.records)
    if cost.found["read"] != filled.load.records:
        raise MonitorError(f"{program} read {cost.found['read']} of {filled.load.records} records")
    if "totals" in cost.found:
        check(program, {name: tuple(row) for name, row in cost.found["totals"].items()}, filled.totals)
    return cost


def check(program: str, found: Totals, wanted: Totals) -> None:
    """MonitorError where totals differ: a fast wrong program is not shown."""
    wrong = [name for name in sorted(found.keys() | wanted.keys()) if found.get(name) != wanted.get(name)]
    if wrong:
        name = wrong[0]
        raise MonitorError(f"{program} has {len(wrong)} wrong totals, e.g. {name}: {found.get(name)} and not {wanted.get(name)}")


def small(load: Load, records: int) -> Load:
    """The same load with fewer records, for slow programs."""
    return Load(**{**load.as_json(), "records": records})
