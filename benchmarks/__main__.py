"""Speed as ratios within one run; docs/benchmarks.md says what the figures mean.

    python -m benchmarks                       all tables in small sizes (about five minutes)
    python -m benchmarks programs --full       the programs against each other, a million trades
    BROKER=kafka python -m benchmarks          on Apache Kafka instead of the embedded broker

With BROKER=kafka the broker is the one KAFKA_BOOTSTRAP_SERVERS names, else deploy/kafka/up starts one.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence

from benchmarks import (
    accounts,
    alerting,
    backtest,
    bundles,
    changed,
    evaluation,
    feeds,
    idle,
    lookback,
    markets,
    rolling,
    tables,
    workers,
    yardstick,
)
from benchmarks.stage import a_stage
from monitor.errors import MonitorError


def _feeds(full: bool, _: str | None) -> None:
    feeds.show(full=full)
    lookback.show(full=full)


_OF_ENGINES: dict[str, tuple[str, Callable[[bool, str | None], None]]] = {
    "evaluation": ("Cost of an evaluation", lambda full, _: evaluation.show(full=full)),
    "changed": ("Cost of what changed", lambda full, against: changed.show(full=full, against=against)),
    "accounts": ("Very many accounts", lambda full, _: accounts.show(full=full)),
    "markets": ("Very many markets at the assessor", lambda full, _: markets.show(full=full)),
    "backtest": ("Back-tests", lambda full, _: backtest.show(full=full)),
    "feeds": ("Feeds", _feeds),
    "bundles": ("Bundles of evidence", lambda full, _: bundles.show(full=full)),
}
"""Headline and table of those that need no broker; given whether in large sizes, and the commit to compare with."""
PARTS = ("programs", "broad", "stages", "series", "latency", *_OF_ENGINES)
FLEETS = ("rolling", "alerts", "workers", "idle", "yardstick")
"""Parts of whole daemons or programs, which take minutes and tell most on Apache Kafka: only when they are named.

The last one is in the run of all parts too, where that is on Apache Kafka.
"""


_STOPPED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0, or that of the error: a program with wrong totals ends the run."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"some of: {', '.join(PARTS + FLEETS)} (default: all but {', '.join(FLEETS)})"
    )
    parser.add_argument("--full", action="store_true", help="large sizes and more repeats")
    parser.add_argument("--against", metavar="COMMIT", help="a commit beside which 'changed' is measured")
    parser.add_argument("--records", type=int, help="trades of the main load, instead of 300000 (1000000 with --full)")
    options = parser.parse_args(arguments)
    unknown = [part for part in options.parts if part not in PARTS + FLEETS]
    if unknown:
        parser.error(f"no part {unknown[0]}: choose from {', '.join(PARTS + FLEETS)}")
    records = options.records or (1_000_000 if options.full else 300_000)
    try:
        _told_to_stop_as_by_hand()
        asyncio.run(
            _show(
                options.parts or [*PARTS, *(("yardstick",) if os.environ.get("BROKER") == "kafka" else ())],
                tables.Size(records, full=options.full),
                options.against,
            )
        )
    except KeyboardInterrupt:
        return _STOPPED
    except MonitorError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _told_to_stop_as_by_hand() -> None:
    """SIGTERM does what Ctrl-C does: daemons and brokers that were started are ended, which are in sessions of their own.

    Also where a script started this in its background, which has Ctrl-C ignored: asyncio takes it only from Python's own way.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))


async def _show(parts: list[str], size: tables.Size, against: str | None) -> None:
    if set(parts) - {*_OF_ENGINES, "yardstick"}:
        async with a_stage() as stage:
            print(f"{stage.product}, all totals checked; per core = per second of CPU of the measured process")
            for part, show in (
                ("programs", tables.programs),
                ("broad", tables.broad),
                ("stages", tables.stages),
                ("series", tables.series),
            ):
                if part in parts:
                    await show(stage, size)
            if "latency" in parts:
                await tables.latencies(stage, size)
            if "rolling" in parts:
                await rolling.show(stage)
            if "alerts" in parts:
                await alerting.show(stage, full=size.full)
            if "workers" in parts:
                await workers.show(stage, size.series)
            if "idle" in parts:
                await idle.show(stage, full=size.full)
    if "yardstick" in parts:
        yardstick.show()
    for part in (one for one in _OF_ENGINES if one in parts):
        print(f"\n{_OF_ENGINES[part][0]}")
        _OF_ENGINES[part][1](size.full, against)


if __name__ == "__main__":
    sys.exit(main())
