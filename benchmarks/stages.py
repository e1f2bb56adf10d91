"""CPU per trade of each stage of intake, taken apart in one process without a broker."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from benchmarks.load import Load, Trades
from benchmarks.stage import configuration
from monitor.collector import rare_collections
from monitor.core.journal.records import SourcePartition, encode_statement
from monitor.core.journal.vocabulary import TRADES
from streams.intake.segment.batches import Batch
from streams.intake.segment.readers import reader_of
from streams.intake.segment.rules import IntakeRules
from streams.intake.segment.trades.counted import CountedTrades

_BATCH = 5_000
_REPEATS = 3


def stages(load: Load) -> dict[str, float]:
    """Microseconds of CPU per trade by stage, the best of a few repeats; the load lies in one partition."""
    best = _best(load)
    inside = best["decode and validate"] + best["repeats and sums"]
    return {
        "decode and validate": best["decode and validate"],
        "times, lanes, the rest": best["all"] - inside - best["emit"],
        "repeats and sums": best["repeats and sums"],
        "emit": best["emit"],
    }


def mapped(load: Load) -> tuple[float, float]:
    """Microseconds to decode and validate a trade of the canonical schema, and of a foreign one of the same size."""
    foreign = replace(load, mapped=True)
    pairs = [(_best(load)["decode and validate"], _best(foreign)["decode and validate"]) for _ in range(_REPEATS)]
    return min(own for own, _ in pairs), min(other for _, other in pairs)


def _best(load: Load) -> dict[str, float]:
    values = [value for _, value in Trades(load).take(load.records)]
    rules = IntakeRules.of(configuration(load))
    with rare_collections():
        runs = [_run(values, rules) for _ in range(_REPEATS)]
    return min(runs, key=lambda found: found["all"])


def _run(values: list[bytes], rules: IntakeRules) -> dict[str, float]:
    spent: dict[str, float] = {}
    now_ms = time.time_ns() // 1_000_000
    with (
        _timed(CountedTrades, "_columns", "decode and validate", spent),
        _timed(CountedTrades, "_add_all", "repeats and sums", spent),
    ):
        began = time.process_time()
        reader = reader_of(SourcePartition(TRADES, 0, 0), rules, "benchmark", 0)
        for start in range(0, len(values), _BATCH):
            part = values[start : start + _BATCH]
            batch = Batch(range(start, start + len(part)), [now_ms] * len(part), part)
            index = 0
            while index < len(part):
                index = reader.feed(batch, index, 0)
                emitting = time.process_time()
                flush = reader.flush(0) if reader.ended else None
                for _, statement in (*flush.contents, *flush.progress) if flush is not None else ():
                    encode_statement(statement)
                spent["emit"] = spent.get("emit", 0.0) + time.process_time() - emitting
        spent["all"] = time.process_time() - began
    return {name: seconds / len(values) * 1e6 for name, seconds in spent.items()}


@contextmanager
def _timed(owner: type, name: str, stage: str, spent: dict[str, float]) -> Iterator[None]:
    original: Callable[..., Any] = getattr(owner, name)

    def timed(*arguments: Any) -> Any:
        began = time.process_time()
        result = original(*arguments)
        spent[stage] = spent.get(stage, 0.0) + time.process_time() - began
        return result

    kept = vars(owner)[name]
    setattr(owner, name, staticmethod(timed) if isinstance(kept, staticmethod) else timed)
    try:
        yield
    finally:
        setattr(owner, name, kept)
