"""Speed as ratios within one run. See docs/benchmarks.md.

python -m benchmarks                 everything, small sizes (under four minutes)
python -m benchmarks intake --full   only intake, large sizes
BROKER=kafka python -m benchmarks    on Apache Kafka instead of the embedded broker
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
from collections.abc import Sequence

from benchmarks import runs
from benchmarks.children import Cost
from benchmarks.load import Load
from benchmarks.stage import Stage, a_stage
from monitor.errors import MonitorError


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, or that of the error."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--records", type=int, default=300_000, help="trades of the main load (default 300000)")
    options = parser.parse_args(arguments)
    try:
        asyncio.run(_intake(options.records))
    except MonitorError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return error.exit_code
    return 0


async def _intake(records: int) -> None:
    async with a_stage() as stage:
        print(f"# {stage.product}")
        await _programs(stage, Load(records))


async def _programs(stage: Stage, load: Load) -> None:
    filled = await stage.fill(load)
    slow = await stage.fill(runs.small(load, max(1, load.records // 30)))
    found: dict[str, list[Cost]] = {}
    for _ in range(3):
        found.setdefault("intake", []).append(await runs.intake(stage, filled))
        for program in ("getmany", "batches", "model"):
            found.setdefault(program, []).append(await runs.rival(stage, program, filled))
    for program in ("faust", "faust-tables"):
        found.setdefault(program, []).append(await runs.rival(stage, program, slow))
    for program, costs in found.items():
        print(f"{program:14} {statistics.median(cost.per_core for cost in costs):>12,.0f}/s per core")


if __name__ == "__main__":
    sys.exit(main())
