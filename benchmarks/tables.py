"""The tables: which programs run over which loads, and how their figures are printed."""

from __future__ import annotations

import statistics
from dataclasses import dataclass, replace

from benchmarks import runs
from benchmarks import stages as stage_costs
from benchmarks.children import Cost
from benchmarks.latency import latency
from benchmarks.load import Load, Trades, fill
from benchmarks.stage import Filled, Stage

_FAST = ("getmany", "batches", "model")
_SLOW = {"faust": 20, "faust-tables": 60}
"""How many times fewer trades a slow program is given."""

_NAMES = {
    "intake": "this intake, to the acknowledged journal",
    "batches": "only fetching, whole batches",
    "getmany": "only fetching, getmany",
    "hand": "by hand: whole batches, msgspec, no safety",
    "model": "aiokafka getmany, a pydantic model a record",
    "faust": "plain Faust agent, dictionaries",
    "faust-tables": "plain Faust agent, Tables",
}
_FEWER = 5
_MORE = 1_000
SEGMENT_RECORDS = 10_000


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured."""

    records: int
    full: bool

    @property
    def repeats(self) -> int:
        return 5 if self.full else 3

    @property
    def series(self) -> int:
        """Trades of one row of a series."""
        return max(1, self.records // 3)


async def programs(stage: Stage, size: Size) -> None:
    """All programs by turns, so that what else the machine does hits all alike."""
    filled = await stage.fill(Load(size.records))
    slow = {name: await stage.fill(replace(filled.load, records=max(1, size.records // less))) for name, less in _SLOW.items()}
    found: dict[str, list[Cost]] = {name: [] for name in _NAMES if name != "hand"}
    for turn in range(size.repeats):
        found["intake"].append(await runs.intake(stage, filled))
        for name in _FAST:
            found[name].append(await runs.rival(stage, name, filled))
        for name, few in slow.items():
            if turn == 0 or size.full:
                found[name].append(await runs.rival(stage, name, few))
    mine = _median(found["intake"])
    print(f"\n{'program (median)':46} {'trades':>9} {'per core':>10} {'wall/s':>9} {'peak MB':>8} {'intake is':>10}")
    for name, costs in found.items():
        speed, wall = _median(costs), statistics.median(cost.records / cost.wall_s for cost in costs)
        peak = max(cost.peak_bytes for cost in costs) / 1e6
        print(f"{_NAMES[name]:46} {costs[0].records:>9,} {speed:>10,.0f} {wall:>9,.0f} {peak:>8.0f} {mine / speed:>9.2f}x")


async def broad(stage: Stage, size: Size) -> None:
    """A load of many kinds of records, beside the fastest program one can write by hand without any safety, by turns.

    Then the same of a thousand markets, and with ids of one counter over all markets.
    """
    load = Load(size.records, markets=100, entities=5, repeats=0.001, late=0.01, rubbish=0.0001, mapped=True)
    loads = {"": load, ", 1,000 markets": replace(load, markets=1_000), ", one counter of ids": replace(load, ids="one")}
    filled = {name: await stage.fill(one) for name, one in loads.items()}
    few = await stage.fill(replace(load, records=max(1, size.records // _FEWER)))
    found: dict[str, list[Cost]] = {}
    for _ in range(size.repeats):
        for name, one in filled.items():
            found.setdefault(f"intake{name}", []).append(await runs.intake(stage, one))
        found.setdefault("hand", []).append(await runs.rival(stage, "hand", filled[""]))
        found.setdefault("model", []).append(await runs.rival(stage, "model", few))
    columns = f"{'trades':>9} {'warm':>9} {'of hand':>8} {'from start':>10} {'peak MB':>8}"
    print(f"\n{'5 entities x 20 markets, mapped, 1 % late':64} {columns}")
    for name, costs in found.items():
        shares = [_warm(one) / _warm(other) for one, other in zip(costs, found["hand"], strict=True)]
        kind, _, rest = name.partition(",")
        warm, whole = (statistics.median(map(read, costs)) for read in (_warm, _whole))
        peak = max(cost.peak_bytes for cost in costs) / 1e6
        title = f"{_NAMES[kind]}{rest and ','}{rest}"
        print(
            f"{title:64} {costs[0].records:>9,} {warm:>9,.0f} {statistics.median(shares):>8.2f} {whole:>10,.0f} {peak:>8.0f}",
            flush=True,
        )


def _warm(cost: Cost) -> float:
    """Trades per second of CPU once it reads."""
    return float(cost.found.get("warm", cost.per_core))


def _whole(cost: Cost) -> float:
    """Trades per second of CPU of the whole process, its imports and joining included."""
    return cost.records / float(cost.found["whole_s"])


async def stages(stage: Stage, size: Size) -> None:
    """Where the time of a trade goes: each stage, and the whole, at its best of a few runs."""
    load = Load(size.series, partitions=1)
    filled = await stage.fill(load)
    whole = min([(await runs.intake(stage, filled)).microseconds for _ in range(size.repeats)])
    fetch = min([(await runs.rival(stage, "batches", filled)).microseconds for _ in range(size.repeats)])
    parts = {"fetch": fetch, **stage_costs.stages(load)}
    parts["joining, client, event loop, and noise"] = whole - sum(parts.values())
    print(f"\n{'stage, one partition':46} {'us a trade':>10}")
    for name, cost in parts.items():
        print(f"{name:46} {cost:>10.2f}")
    print(f"{'intake end to end':46} {whole:>10.2f}")
    own, foreign = stage_costs.mapped(load)
    print(f"decode and validate, by turns: canonical {own:.2f}, mapped foreign schema {foreign:.2f} ({foreign / own:.2f}x)")


async def series(stage: Stage, size: Size) -> None:
    """Intake against the shape of what it reads."""
    base = Load(size.series)
    shapes = {
        "as above, 4 partitions, 20 markets": base,
        "1 partition": replace(base, partitions=1),
        "12 partitions": replace(base, partitions=12),
        "1,000 markets": replace(base, markets=1_000),
        "16 entities": replace(base, entities=16, markets=32),
        "no repeats": replace(base, repeats=0.0),
        "half are repeats": replace(base, repeats=0.5),
        "random ids": replace(base, ids="random"),
        "times with milliseconds": replace(base, digits=3),
        "mapped foreign schema": replace(base, mapped=True),
    }
    print(f"\n{'intake by load':46} {'trades':>9} {'per core':>10} {'wall/s':>9} {'peak MB':>8}")
    for name, load in shapes.items():
        _row(name, await runs.intake(stage, await stage.fill(load)))
    filled = await stage.fill(base)
    for processes in (1, 2):
        _row(
            f"{processes} process{'es' * (processes - 1)}, joined beforehand",
            await runs.intake_processes(stage, filled, processes),
        )
    await _restart(stage, replace(base, partitions=1))


async def _restart(stage: Stage, load: Load) -> None:
    """A second start reads the look-back again before it takes in what came since."""
    trades = Trades(load)
    topic = await stage.empty(load)
    filled = Filled(load, topic, await fill(stage.settings, topic, load, trades))
    run = await stage.run(filled)
    await runs.intake_again(run, load.records)
    few = replace(load, records=_MORE)
    totals = await fill(stage.settings, topic, few, trades)
    open_segment = load.records % SEGMENT_RECORDS  # not committed yet: told again from its beginning
    cost = await runs.intake_again(run, open_segment + _MORE)
    runs.check("intake after a restart", await run.totals(), totals)
    print(f"restart: {load.records:,} trades read again in {cost.wall_s:.1f} s ({cost.cpu_s:.2f} s of CPU, with joining)")


async def latencies(stage: Stage, size: Size) -> None:
    """From production to the journal."""
    seconds = 20.0 if size.full else 6.0
    print(f"\n{'from due to counted in the journal':46} {'produced/s':>10} {'p50 ms':>9} {'p99 ms':>8}")
    for rate in (5_000, 50_000):
        for flush_s in (1.0, 0.25):
            found = await latency(stage, min(rate, size.records), seconds, flush_s)
            kept = "" if found.produced > 0.97 * found.wanted else "  the producer did not keep the rate here"
            name = f"{found.wanted:,}/s, flush every {flush_s} s"
            print(f"{name:46} {found.produced:>10,.0f} {found.p50:>9.0f} {found.p99:>8.0f}{kept}")


def _row(name: str, cost: Cost) -> None:
    wall = cost.records / cost.wall_s
    print(f"{name:46} {cost.records:>9,} {cost.per_core:>10,.0f} {wall:>9,.0f} {cost.peak_bytes / 1e6:>8.0f}", flush=True)


def _median(costs: list[Cost]) -> float:
    return statistics.median(cost.per_core for cost in costs)
