"""Buffers: what the margin's past says of its future, held against days that the estimate has not seen."""

from __future__ import annotations

import csv
import gzip
import math
import random
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.foresight.margins.buffer import MEMORY_OF_DAYS, MEMORY_OF_HOURS, estimates, estimates_of
from monitor.core.foresight.margins.course import KEPT_HOURS, Course, CourseCell, CourseSteps
from monitor.core.values.times import DAY, HOUR, MINUTE

FOUR_HOURS = Path(__file__).parents[4] / "shared" / "data" / "prices" / "{}usdt_4h.2024_2025.csv.gz"
PRICES = Path(__file__).parents[4] / "shared" / "data" / "prices" / "btcusdt_1d.2017_2025.csv.gz"
KUPIEC_5_PERCENT = 3.841
"""Of the chi-squared distribution with one degree of freedom."""


def kupiec(exceeded: int, trials: int, promised: float) -> float:
    """Kupiec's likelihood ratio that exceedances come at the promised rate (1995)."""

    def likelihood(rate: float) -> float:
        hit = exceeded * math.log(rate) if exceeded else 0.0
        return hit + ((trials - exceeded) * math.log(1 - rate) if exceeded < trials else 0.0)

    return -2 * (likelihood(promised) - likelihood(exceeded / trials))


def held_against(
    cells: Sequence[CourseCell],
    steps: int,
    stride: int,
    *,
    kept: int = 1000,
    part: Decimal = Decimal(1),
    memory: Decimal = MEMORY_OF_DAYS,
) -> dict[str, tuple[int, int]]:
    """(windows in which the margin fell by more than (`part` of) the buffer of before, windows), by promised probability."""
    found = {"0.01": (0, 0), "0.001": (0, 0)}
    for start in range(60, len(cells) - steps, stride):
        past, ahead = cells[max(0, start + 1 - kept) : start + 1], cells[start + 1 : start + 1 + steps]
        fall = Decimal(max(0, (cells[start].last or 0) - min(cell.low or 0 for cell in ahead))) / (cells[start].required or 1)
        for estimate in estimates_of(past, steps, 24 * steps, memory):
            if estimate.share is not None:
                exceeded, trials = found[estimate.probability]
                found[estimate.probability] = exceeded + (fall > part * estimate.share), trials + 1
    return found


def of_prices(rows: Sequence[tuple[int, int, int]], *, short: bool) -> list[CourseCell]:
    """Days of a margin that goes with (low, close) or against (high, close) a price; rows of (high, low, close) in cents."""
    return [CourseCell(-high if short else low, -close if short else close, close) for high, low, close in rows]


def restless_days(seed: int, count: int) -> list[tuple[int, int, int]]:
    """Prices whose volatility comes in clusters, with falls in the day deeper than at its close."""
    draw, price, deviation = random.Random(seed), 1_000_000.0, 0.02
    found = []
    for _ in range(count):
        deviation = min(0.12, max(0.006, deviation * math.exp(draw.gauss(0, 0.08) - 0.02 * math.log(deviation / 0.025))))
        opened, price = price, price * math.exp(draw.gauss(0, deviation))
        swing = abs(draw.gauss(0, deviation / 3))
        found.append((int(max(opened, price) * (1 + swing)), int(min(opened, price) * (1 - swing)), int(price)))
    return found


@pytest.mark.parametrize("short", [False, True])
def test_a_seeded_restless_margin_keeps_the_promise(short: bool) -> None:
    cells = of_prices(restless_days(7, 1200), short=short)
    exceeded, trials = held_against(cells, 1, stride=9, kept=200)["0.01"]
    assert trials > 100
    assert exceeded / trials <= 0.01 or kupiec(exceeded, trials, 0.01) < KUPIEC_5_PERCENT
    exceeded, trials = held_against(cells, 1, stride=9, kept=200, part=Decimal("0.5"))["0.01"]
    assert exceeded / trials > 0.01, "half of it would not do"


@pytest.mark.parametrize("short", [False, True])
def test_hours_of_a_seeded_restless_margin_keep_the_promise_with_their_own_memory(short: bool) -> None:
    cells = of_prices(restless_days(11, 1300), short=short)
    exceeded, trials = held_against(cells, 1, stride=9, kept=250, memory=MEMORY_OF_HOURS)["0.01"]
    ratio = kupiec(exceeded, trials, 0.01)
    print(f"1 h, seeded, 0.01: {exceeded} of {trials} = {exceeded / trials:.3%}, Kupiec {ratio:.2f}")  # noqa: T201 - to be read
    assert trials > 100
    assert exceeded / trials <= 0.01 or ratio < KUPIEC_5_PERCENT
    exceeded, trials = held_against(cells, 1, stride=9, kept=250, part=Decimal("0.5"), memory=MEMORY_OF_HOURS)["0.01"]
    assert exceeded / trials > 0.01, "half of it would not do"


def test_the_buffer_of_an_hour_is_read_off_hours_alone() -> None:
    course = Course()
    for hour, (high, low, close) in enumerate(restless_days(5, 120)):
        for minute, margin in ((0, high), (20, low), (59, close)):
            for steps in (course.hours, course.days):
                steps.take(hour * HOUR + minute * MINUTE, margin, close)
    one, rare = estimates(course, 1)
    hours = course.hours.closed()
    assert len(hours) == 119
    assert one == estimates_of(hours, 1, 1, MEMORY_OF_HOURS)[0]
    assert one.share is not None
    assert one != estimates_of(hours, 1, 1, MEMORY_OF_DAYS)[0], "its memory is its own"
    assert (rare.share, rare.reason) == (None, "history is short: 118 windows of 1 h, 999 are needed")
    assert estimates(course, 24)[0].reason == "history is short: 3 windows of 24 h, 99 are needed"


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(not Path(str(FOUR_HOURS).format("eth")).exists(), reason="the recorded hours are not here")
@pytest.mark.parametrize("coin", ["eth", "sol"])
@pytest.mark.parametrize("short", [False, True])
def test_recorded_short_steps_keep_the_promise_of_the_hourly_buffer(coin: str, short: bool) -> None:
    with gzip.open(str(FOUR_HOURS).format(coin), "rt") as file:
        rows = [tuple(round(float(row[name]) * 100) for name in ("high", "low", "close")) for row in csv.DictReader(file)]
    cells = of_prices([(high, low, close) for high, low, close in rows], short=short)
    for probability, (exceeded, trials) in held_against(cells, 1, stride=8, memory=MEMORY_OF_HOURS).items():
        if not trials:
            continue
        ratio = kupiec(exceeded, trials, float(probability))
        told = f"one step, {coin}, {'rising' if short else 'falling'}, {probability}"
        print(f"{told}: {exceeded} of {trials} = {exceeded / trials:.3%}, Kupiec {ratio:.2f}")  # noqa: T201 - to be read
        assert exceeded / trials <= float(probability) or ratio < KUPIEC_5_PERCENT


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(not PRICES.exists(), reason="the recorded days are not here")
@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("short", [False, True])
def test_recorded_days_keep_the_promise(steps: int, short: bool) -> None:
    with gzip.open(PRICES, "rt") as file:
        rows = [tuple(round(float(row[name]) * 100) for name in ("high", "low", "close")) for row in csv.DictReader(file)]
    found = held_against(of_prices([(high, low, close) for high, low, close in rows], short=short), steps, stride=2)
    for probability, (exceeded, trials) in found.items():
        if not trials:
            continue
        ratio = kupiec(exceeded, trials, float(probability))
        print(f"{24 * steps} h, {probability}: {exceeded} of {trials} = {exceeded / trials:.3%}, Kupiec {ratio:.2f}")  # noqa: T201 - to be read
        assert exceeded / trials <= float(probability) or ratio < KUPIEC_5_PERCENT


def test_a_short_history_gives_no_figure_and_says_how_much_is_needed() -> None:
    cells = of_prices(restless_days(1, 99), short=False)
    one, rare = estimates_of(cells, 1, 24)
    assert (one.share, one.reason) == (None, "history is short: 98 windows of 24 h, 99 are needed")
    assert (rare.share, rare.reason) == (None, "history is short: 98 windows of 24 h, 999 are needed")
    assert estimates_of([*cells, *cells[-1:]], 1, 24)[0].share is not None
    assert estimates_of([], 1, 24)[0].reason == "history is short: 0 windows of 24 h, 99 are needed"


def test_windows_that_overlap_count_as_their_independent_part() -> None:
    cells = of_prices(restless_days(1, 299), short=False)
    assert estimates_of(cells, 3, 72)[0].reason == "history is short: 296 windows of 72 h, 297 are needed"
    assert estimates_of([*cells, *cells[-1:]], 3, 72)[0].share is not None


def test_what_was_not_known_is_in_no_window() -> None:
    cells = of_prices(restless_days(1, 200), short=False)
    cells[100] = CourseCell(None, cells[100].last, cells[100].required)
    assert estimates_of(cells, 1, 24)[0].observations == 198
    assert estimates_of(cells, 3, 72)[0].observations == 194
    cells[50] = CourseCell(None, None, None)
    assert estimates_of(cells, 1, 24)[0].observations == 196


def test_a_margin_that_never_moved_needs_nothing_and_one_fall_is_its_share() -> None:
    still = [CourseCell(1000, 1000, 500)] * 150
    assert estimates_of(still, 1, 24)[0].share == 0
    fallen = [*still[:75], *[CourseCell(900, 900, 500)] * 75]
    share = estimates_of(fallen, 1, 24)[0].share
    assert share is not None
    assert Decimal("0.06") < share < Decimal("0.61"), "a fifth of what is required, scaled within a third and three times"


def test_doubled_money_needs_the_same_share() -> None:
    cells = of_prices(restless_days(3, 150), short=True)
    doubled = [CourseCell(*(2 * (value or 0) for value in cell)) for cell in cells]
    assert estimates_of(cells, 1, 24)[0].share == pytest.approx(estimates_of(doubled, 1, 24)[0].share)


def test_an_hour_in_which_nothing_was_evaluated_is_as_the_one_before_it_ended() -> None:
    steps = CourseSteps(HOUR, KEPT_HOURS)
    assert steps.take(0, 50, 100) is True
    assert steps.take(HOUR // 2, 70, 100) is False
    assert steps.take(3 * HOUR + 1, 60, 200) is True
    assert steps.closed() == [CourseCell(50, 70, 100), CourseCell(70, 70, 100), CourseCell(70, 70, 100)]
    assert steps.cells[3] == CourseCell(60, 60, 200)


def test_not_knowing_once_leaves_the_whole_hour_unknown() -> None:
    steps = CourseSteps(HOUR, KEPT_HOURS)
    steps.take(0, 50, 100)
    steps.take(1, None, 100)
    steps.take(2, 80, 100)
    assert steps.cells[0] == CourseCell(None, 80, 100)
    steps.take(2 * HOUR, None, None)
    steps.take(4 * HOUR, 5, 100)
    assert [steps.cells[n].low for n in range(5)] == [None, 80, None, None, None]


@given(st.lists(st.tuples(st.integers(1, 40), st.none() | st.integers(-99, 99), st.none() | st.integers(0, 99)), max_size=40))
@settings(max_examples=60)
def test_a_course_comes_back_from_its_snapshot_piece_by_piece(notes: list[tuple[int, int | None, int | None]]) -> None:
    kept = CourseSteps(DAY, 50)
    pieces: dict[int, Any] = {}
    at = 0
    for gap, margin, required in notes:
        at += gap * DAY // 7
        kept.take(at, margin, required)
        pieces.update(kept.values(whole=False))
        kept.taken()
    restored = CourseSteps(DAY, 50)
    for _, value in sorted(pieces.items()):
        if value is not None:
            restored.restore(value)
    assert restored.cells == kept.cells
    assert restored.closed() == kept.closed()
    assert len(kept.cells) <= 51
