"""An entity with very many markets at the assessor: what a flush in which all of them traded costs, and what they take of memory.

    python -m benchmarks markets [--full]

Each flush says of every market one cell of the present hour with its newest trade, 200 cells a record, and then its progress; a
tick follows, whose longest step is `a step`; `a piece` is the longest of a snapshot, which is cut bucket by bucket. CPU time of
the engine, the median of several flushes; `first` is the flush in which every market is new. Each size runs in a process of its
own. `--full` goes to 10,000 markets.
"""

from __future__ import annotations

import json
import resource
import statistics
import subprocess
import sys
from collections.abc import Iterator
from time import process_time
from typing import Any, TypeVar

from benchmarks.changed import Desk
from monitor.collector import set_aside
from monitor.core.journal.records import Rules, Source, SourcePartition, Statement, encode_statement
from monitor.core.values.times import SECOND, exact_time, hour_of
from streams.journal.decoding import decoded

T = TypeVar("T")

SIZES = (100, 1_000)
ALL_SIZES = (*SIZES, 10_000)
METHODS = ("eu.ifr_k", "house.composite")
CELLS = 200
FLUSHES = 7
_TIMES = {"first": 6, "flush": 6, "evaluation": 8, "step": 6, "cut": 6, "piece": 6}
_WHERE = SourcePartition("market.trades", 0, 0)
_RULES = Rules(1, "sha256:0")


def show(*, full: bool) -> None:
    """Print one row a size."""
    heads = f"{'markets':>9} {'first':>9} {'a flush':>9} {'evaluation':>11} {'a step':>9}"
    print(f"{heads} {'a cut':>9} {'a piece':>9} {'of':>9} {'MiB':>5}")
    for markets in ALL_SIZES if full else SIZES:
        child = [sys.executable, "-m", "benchmarks.markets", str(markets)]
        row = json.loads(subprocess.run(child, capture_output=True, text=True, check=True).stdout)
        times = (f"{row[name]:>{width}.0f} ms" for name, width in _TIMES.items())
        print(f"{markets:>9,} {' '.join(times)} {row['bytes'] / 1e6:>6.2f} MB {row['mib']:>5.0f}", flush=True)


def measure(markets: int) -> dict[str, float]:
    """Milliseconds of a flush of so many markets, of the evaluation and the cut that follow; bytes of the cut, MiB in all."""
    desk = Desk(METHODS).load(5)
    desk.longest = 0.0
    taken, evaluations, cuts, written, piece = [], [], [], 0, 0.0
    for number in range(FLUSHES):
        taken.append(_flush(desk, markets, number))
        before = desk.spent
        desk.tick()
        evaluations.append(desk.spent - before)
        set_aside()
        began, written = process_time(), 0
        for last, (_, data) in _timed(desk.engine.cut().buckets):
            piece, written = max(piece, last), written + len(data)
        cuts.append(process_time() - began)
    mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    medians = {"flush": taken, "evaluation": evaluations, "cut": cuts}
    times = {name: statistics.median(several[1:]) * 1000 for name, several in medians.items()}
    return times | {"first": taken[0] * 1000, "step": desk.longest * 1000, "piece": piece * 1000, "bytes": written, "mib": mib}


def _timed(several: Iterator[T]) -> Iterator[tuple[float, T]]:
    """Each with the seconds that it took: nobody else has the loop before the next is there."""
    began = process_time()
    for one in several:
        yield process_time() - began, one
        began = process_time()


def _flush(desk: Desk, markets: int, number: int) -> float:
    """Seconds of reading and applying what a flush says of every market."""
    desk.now += SECOND
    now, upto = exact_time(desk.now), (number + 1) * markets
    source = Source(_WHERE, start=0, upto=upto)
    spent = 0.0
    for first in range(0, markets, CELLS):
        cells = [_cell(desk, market, number, upto) for market in range(first, min(first + CELLS, markets))]
        body = {"log": "log-1", "newest_own": now, "newest_log": now, "cells": cells}
        spent += _take(desk, Statement("flow", "e", desk.now, body, source, None, _RULES))
    counts = {"applied": upto, "duplicate": 0, "late": 0, "dead_letter": 0}
    told = {"log": "log-1", "final": False, "applied": upto, "counts": counts, "newest_log": now, "short": False}
    return spent + _take(desk, Statement("progress", None, desk.now, told, source, None, _RULES))


def _cell(desk: Desk, market: int, number: int, upto: int) -> dict[str, Any]:
    now, trades = exact_time(desk.now), number + 1
    newest = {"time": now, "logged_at": now, "offset": upto - 1 - market, "trade_id": f"{market}-{number}", "price": "100"}
    where = {"market": f"M{market:05d}/JPY", "capacity": "venue", "instrument": "spot", "side": "buy"}
    sums = {"hour": exact_time(hour_of(desk.now)), "trades": trades, "quantity": str(trades), "value": str(100 * trades)}
    return where | sums | {"newest": [newest]}


def _take(desk: Desk, statement: Statement) -> float:
    desk.offset += 1
    data = encode_statement(statement)
    began = process_time()
    desk.engine.apply(decoded(data, desk.offset, desk.now))
    return process_time() - began


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]))))
