"""Back-tests: journal records a minute of one core's CPU, and what several methods cost in one pass against a pass for each."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from itertools import count
from pathlib import Path
from time import process_time

from monitor.cli.event_files.backtest import candidates_configuration
from monitor.core.configuration.configuration import parse_configuration
from monitor.core.foresight.history import Cadence, History, zones_of
from monitor.core.values.times import HOUR, MINUTE, SECOND, parse_time
from monitor.methods.variants import candidates
from monitor.settings.load import settings_of
from streams.demo.simulator import Simulator
from streams.eventfiles.offline import statements

_METHODS = ("jp.psa_custody", "house.composite", "us.ny_custody", "kr.vaupa_cold", "hk.vatp")
_VALUES = {"house.composite": {"cold_rate": ("0.0002", "0.0004", "0.0006", "0.0008", "0.001", "0.0012")}}


def show(*, full: bool) -> None:
    """Print the table; `full` takes ten times the history."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "history.jsonl"
        lines = _write(file, 200_000 if full else 20_000)
        one, records = _cost(file, _METHODS[:1], {}, MINUTE)
        print(f"one method, looked at once a minute: {records / one * 60:,.0f} journal records a minute of CPU ({lines:,} lines)")
        several, _ = _cost(file, _METHODS, _VALUES, HOUR)
        apart = sum(_cost(file, (method,), {}, HOUR)[0] for method in _METHODS)
        apart += 5 * _cost(file, ("house.composite",), {}, HOUR)[0]
        print(f"10 candidates, hourly: one pass {several:.2f} s, ten passes {apart:.2f} s: {apart / several:.1f} times")


def _write(file: Path, wanted: int) -> int:
    """A simulated entity's events, two trades a second, until there are `wanted` lines or a few more."""
    simulator = Simulator({"bench": "JPY"}, 1)
    began, lines = parse_time("2026-01-05T00:00:00Z"), 0
    with file.open("w", encoding="utf-8") as target:
        for number in count():
            at = began + number * SECOND
            for event in [*(simulator.opening(at) if number == 0 else ()), *simulator.second(at, number, 2.0)]:
                target.write(event.line())
                lines += 1
            if lines >= wanted:
                return lines
    return lines


def _cost(file: Path, methods: Sequence[str], values: Mapping[str, Mapping[str, Sequence[str]]], step: int) -> tuple[float, int]:
    """(CPU seconds of the pass, journal records): what a process does before it is not counted."""
    content = candidates_configuration(settings_of({"kafka": {"journal_partitions": 1}}), candidates(methods, values))
    config = parse_configuration(content)
    cadence, zones = Cadence(None if step == MINUTE else step, MINUTE), zones_of(config)
    history = History(config, cadence)
    begun = process_time()
    for record in statements([file], content, None, lambda _: None, next_look=lambda instant: cadence.following(instant, zones)):
        for _ in history.apply(record):
            pass
    for _ in history.finish():
        pass
    return process_time() - begun, history.records
