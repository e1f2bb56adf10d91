"""Many workers: 200 entities on 16 journal partitions, read by one, two and four intakes, and by as many assessors.

    BROKER=kafka python -m benchmarks workers

Every worker is a process of its own that has joined before the clock starts; it stops when all is read. On a machine of two cores
two workers are twice the cores, and four are not.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks import runs
from benchmarks.fleet import Shape, a_fleet
from benchmarks.load import Load
from benchmarks.rolling import Switch
from benchmarks.stage import Stage

COUNTS = (1, 2, 4)
ENTITIES, PARTITIONS = 200, 16
_BALANCES = 40_000


async def show(stage: Stage, records: int) -> None:
    """The two tables."""
    filled = await stage.fill(Load(records, partitions=PARTITIONS, entities=ENTITIES, markets=ENTITIES))
    print(f"\n{f'{ENTITIES} entities, {PARTITIONS} partitions':46} {'records':>9} {'per core':>10} {'wall/s':>9} {'to one':>8}")
    alone = 0.0
    for count in COUNTS:
        cost = await runs.intake_processes(stage, filled, count)
        alone = alone or cost.wall_s
        speed = f"{cost.per_core:>10,.0f} {cost.records / cost.wall_s:>9,.0f} {alone / cost.wall_s:>7.2f}x"
        print(f"{_named(count, 'intake'):46} {cost.records:>9,} {speed}", flush=True)
    alone = 0.0
    for count in COUNTS:
        took = await _assessed(stage, count)
        alone = alone or took
        print(
            f"{_named(count, 'assessor'):46} {_BALANCES:>9,} {'':>10} {_BALANCES / took:>9,.0f} {alone / took:>7.2f}x", flush=True
        )


async def _assessed(stage: Stage, count: int) -> float:
    """Seconds from the start of an intake until the change of each entity is told that it finds behind so many balances.

    They lie there beforehand, since one publisher is slower than an assessor.
    """
    shape = Shape(ENTITIES, partitions=PARTITIONS)
    with tempfile.TemporaryDirectory() as folder:
        async with a_fleet(stage.settings, shape, Path(folder)) as fleet:
            intake = await fleet.start("intake")
            for name in ("dispatcher", *["assessor"] * count):
                await fleet.start(name)
            await fleet.open()
            await fleet.settled()
            await intake.stop()
            switch = Switch(fleet)
            await fleet.fill(_BALANCES)
            await switch.turn()
            began = time.monotonic()
            await intake.start()
            return max((await switch.heard()).values()) - began


def _named(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count > 1)}, joined beforehand"
