"""What it costs to decode a trade of a feed, as ratios to the canonical schema, in one process without a broker.

By turns: the least of a few repeats, and the median of their ratios. Beside each stands what its plan alone costs, which reads
what the lean decoder leaves.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.load import MAPPED, Load, Trades
from benchmarks.stage import configuration
from monitor.collector import rare_collections
from monitor.core.journal.records import SourcePartition
from monitor.core.journal.vocabulary import TRADES
from monitor.core.values.times import parse_time
from streams.intake.segment.batches import Batch
from streams.intake.segment.events import Sighted, events_of_feed, events_of_records
from streams.intake.segment.lean_events import LeanSight
from streams.intake.segment.rules import IntakeRules
from streams.wire import lean_trades
from streams.wire.feeds import FeedFormat, FeedPlan
from streams.wire.feeds.lean import lean_feed

_BATCH = 5_000
_REPEATS = 6
_ELEMENTS = 100
_MARKETS = 500
_WHERE = SourcePartition(f"{TRADES}/venue", 0, 0)
_NAMES = {"trade_id": "i", "entity": "e", "market": "m", "price": "p", "quantity": "q", "executed_at": "t", "side": "s"}


@dataclass(frozen=True)
class _Shape:
    """A feed, and what its records are made of the canonical trades; `elements` trades a record."""

    feed: dict[str, Any]
    made: Callable[[dict[str, Any]], Any]
    elements: int = 1


def _venue(trade: dict[str, Any]) -> dict[str, Any]:
    """A flat frame of a venue: symbols, codes, counts of milliseconds, and fields that nobody reads."""
    return {
        "type": "match",
        "seq": 7_654_321,
        "i": trade["trade_id"],
        "m": trade["market"].replace("/", "-"),
        "p": trade["price"],
        "q": trade["quantity"],
        "s": trade["side"][0],
        "t": parse_time(trade["executed_at"]) // 1_000_000,
        "maker": "c8f0c1c0-7d2a",
        "taker": "0a53bd7e-11f4",
    }


_VENUE = {
    "fields": {name: f"@.{path}" for name, path in _NAMES.items() if name != "entity"},
    "constants": {"entity": "exchange-0", "capacity": "client_order"},
    "values": {"market": {"separator": "-"}, "side": {"table": {"b": "buy", "s": "sell"}}},
    "times": "ms",
}
_SHAPES = {
    "names only": _Shape({"fields": MAPPED}, lambda trade: {MAPPED[name]: value for name, value in trade.items()}),
    "a venue's frames: conditions, symbols, tables, counts": _Shape(_VENUE | {"where": {"$.type": "match"}}, _venue),
    f"the same, {_ELEMENTS} trades a frame": _Shape(
        _VENUE | {"where": {"$.channel": "trades"}, "each": "$.data[*]"}, _venue, _ELEMENTS
    ),
}


def show(*, full: bool) -> None:
    """Print the rows."""
    load = Load(200_000 if full else 40_000, partitions=1, entities=1, markets=_MARKETS, repeats=0)
    rules = IntakeRules.of(configuration(load))
    canonical = [value for _, value in Trades(load).take(load.records)]
    own = events_of_records(rules.judge(TRADES), lean_trades(rules.sources[TRADES]))
    print(f"\n{f'decode and validate, {_MARKETS} markets':56} {'us a trade':>10} {'canonical':>10} {'ratio':>7} {'by plan':>9}")
    for name, shape in _SHAPES.items():
        plan = FeedPlan(FeedFormat.of(TRADES, "venue", shape.feed | {"topic": "frames"}, {}))
        lean, judge = lean_feed(plan.feed), rules.judge(TRADES)
        if lean is None:
            raise TypeError(f"{name} has no lean decoder")
        values = list(_records(canonical, shape))
        fast = LeanSight(lean, plan, judge, _WHERE)
        costs = [(_cost(own, canonical, load.records), _cost(fast, values, load.records)) for _ in range(_REPEATS)]
        base, cost = min(one for one, _ in costs), min(other for _, other in costs)
        planned = _cost(events_of_feed(plan, judge, _WHERE), values[: max(1, len(values) // 10)], load.records // 10)
        ratio = median(other / one for one, other in costs)
        print(f"{name:56} {cost:>10.2f} {base:>10.2f} {ratio:>6.2f}x {planned / base:>8.2f}x", flush=True)


def _records(canonical: list[bytes], shape: _Shape) -> Iterator[bytes]:
    made = [shape.made(json.loads(value)) for value in canonical]
    for begin in range(0, len(made), shape.elements):
        part = made[begin : begin + shape.elements]
        frame = {"channel": "trades", "data": part} if shape.elements > 1 else part[0]
        yield json.dumps(frame, separators=(",", ":")).encode()


def _cost(sighted: Sighted, values: list[bytes], trades: int) -> float:
    """Microseconds of CPU a trade to find the events of records and their columns."""
    size = max(1, _BATCH * len(values) // trades)
    now_ms = time.time_ns() // 1_000_000
    with rare_collections():
        began = time.process_time()
        for begin in range(0, len(values), size):
            part = values[begin : begin + size]
            batch = Batch(range(begin, begin + len(part)), [now_ms] * len(part), part, has_headers=lambda: False)
            events = sighted(batch, 0, len(part))
            events.columns(events.begin, events.end)
        return (time.process_time() - began) / trades * 1e6
