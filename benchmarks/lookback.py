"""Memory of a look-back of many trade ids over many markets, by how a venue numbers them, each in a process of its own.

The process reads trades as intake does, without a broker; what it held before its first trade stands beside.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace

from benchmarks.children import peak_bytes, say
from benchmarks.load import Load
from benchmarks.stage import configuration
from monitor.collector import rare_collections
from monitor.core.journal.records import SourcePartition
from monitor.core.journal.vocabulary import TRADES
from monitor.core.values.times import exact_time
from streams.intake.segment.batches import Batch
from streams.intake.segment.readers import reader_of
from streams.intake.segment.rules import IntakeRules

_BATCH = 10_000
_MARKETS = 500
_MEGABYTE = 1_000_000
NUMBERED: dict[str, str] = {
    "market": "a counter for each market",
    "venue": "one counter over all markets",
    "random": "random ids of 20 characters",
}


def show(*, full: bool) -> None:
    """Print the rows."""
    entries = 1_000_000 if full else 200_000
    title = f"look-back of {entries:,} ids, {_MARKETS} markets"
    print(f"\n{title:44} {'peak MB':>8} {'at start':>9} {'bytes an id':>12} {'us a trade':>11}")
    for numbered, name in NUMBERED.items():
        job = json.dumps({"entries": entries, "numbered": numbered})
        told = json.loads(
            subprocess.run([sys.executable, "-m", "benchmarks.lookback", job], check=True, capture_output=True).stdout
        )
        grown = (told["peak"] - told["start"]) / entries
        print(
            f"{name:44} {told['peak'] / _MEGABYTE:>8.0f} {told['start'] / _MEGABYTE:>9.0f} {grown:>12.0f} {told['us']:>11.2f}",
            flush=True,
        )


def _numbers(numbered: str) -> Callable[[int], str]:
    """The id of the next trade of a market, by its number."""
    chance, last = random.Random(1), [1_000_000] * (_MARKETS + 1)

    def number(market: int) -> str:
        counter = market if numbered == "market" else _MARKETS
        last[counter] += 1
        return f"{chance.getrandbits(80):020x}" if numbered == "random" else str(last[counter])

    return number


def _measure(entries: int, numbered: str) -> None:
    """Read as many trades as the look-back holds, and a tenth more."""
    load = Load(entries, partitions=1, entities=1, markets=_MARKETS)
    rules = replace(IntakeRules.of(configuration(load)), lookback_blocks=entries // _BATCH)
    reader = reader_of(SourcePartition(TRADES, 0, 0), rules, "log", 0)
    number, chance = _numbers(numbered), random.Random(2)
    now = time.time_ns() // 1_000_000_000 * 1_000_000_000
    at, start, spent = exact_time(now), peak_bytes(), 0.0
    with rare_collections():
        for offset in range(0, entries + entries // 10, _BATCH):
            values = [_trade(number, int(chance.random() * _MARKETS), at) for _ in range(_BATCH)]
            batch = Batch(range(offset, offset + _BATCH), [now // 1_000_000] * _BATCH, values, has_headers=lambda: False)
            began, begin = time.process_time(), 0
            while begin < len(batch):
                begin = reader.feed(batch, begin, now)
                reader.flush(now)
            spent += time.process_time() - began
    say(peak=peak_bytes(), start=start, us=spent / (entries * 1.1) * 1e6)


def _trade(number: Callable[[int], str], market: int, at: str) -> bytes:
    return (
        f'{{"trade_id":"{number(market)}","entity":"exchange-0","market":"C{market:04d}/JPY","price":"1000000.5",'
        f'"quantity":"0.25","executed_at":"{at}","side":"buy","capacity":"client_order"}}'
    ).encode()


if __name__ == "__main__":
    _measure(**json.loads(sys.argv[1]))
