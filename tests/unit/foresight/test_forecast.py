"""The time of a shortfall: told where the margin falls steadily, and only there; its error beside doing without."""

from __future__ import annotations

import csv
import gzip
import random
from pathlib import Path

import pytest

from monitor.core.foresight.margins.course import CourseCell
from monitor.core.foresight.margins.forecast import ShortfallTime, drift_of, shortfall_time
from monitor.core.values.times import HOUR

PRICES = Path(__file__).parents[4] / "shared" / "data" / "prices"
ENDED = 1000 * HOUR


def hours(*margins: int | None) -> list[CourseCell]:
    return [CourseCell(margin, margin, 1000) for margin in margins]


def steady(window: int = 24, first: int = 2400, step: int = -50, noise: int = 0, seed: int = 1) -> list[CourseCell]:
    draw = random.Random(seed)
    return hours(*(first + step * n + draw.randint(-noise, noise) for n in range(window)))


def test_a_steady_fall_is_told_to_the_hour() -> None:
    found = shortfall_time(steady(), 24, ENDED)
    assert isinstance(found, ShortfallTime)
    assert found.at == ENDED + 25 * HOUR, "1250 left at 50 an hour"
    assert found.earliest == found.at == found.latest


def test_noise_widens_the_interval_around_the_truth() -> None:
    found = shortfall_time(steady(noise=40), 24, ENDED)
    assert isinstance(found, ShortfallTime)
    assert found.earliest < ENDED + 25 * HOUR < found.latest
    assert found.earliest < found.at < found.latest


def test_one_jump_is_no_drift() -> None:
    assert shortfall_time(hours(*[3000] * 12, *[900] * 12), 24, ENDED) == "no steady fall"
    assert drift_of([10, 10, 10, 10, 4, 10, 10, 10]).slope == 0


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (steady(23), "23 of the last 24 hours are known"),
        ([*steady()[:5], CourseCell(None, 9, 9), *steady()[6:]], "23 of the last 24 hours are known"),
        (steady(first=1150), "nothing is left to lose"),
        (steady(step=50), "no steady fall"),
        (steady(step=0), "no steady fall"),
        (steady(first=90_000), "beyond 72 h"),
    ],
)
def test_where_the_data_do_not_support_it_there_is_none_and_it_says_why(cells: list[CourseCell], why: str) -> None:
    assert shortfall_time(cells, 24, ENDED) == why


def test_a_margin_without_drift_is_seldom_taken_for_a_fall() -> None:
    false = 0
    for seed in range(300):
        draw, margin, walk = random.Random(seed), 3000, []
        for _ in range(24):
            margin += draw.randint(-100, 100)
            walk.append(margin)
        false += isinstance(shortfall_time(hours(*walk), 24, ENDED), ShortfallTime)
    assert false <= 6, f"{false} of 300"


@pytest.mark.skipif(not PRICES.exists(), reason="the recorded days are not here")
@pytest.mark.parametrize("asset", ["eth", "sol"])
def test_on_recorded_prices_a_drift_does_not_beat_standing_still_so_it_is_off_by_default(asset: str) -> None:
    """Where it tells of a drift at all, the margin a day later is held against the one it would be, and against the present."""
    with gzip.open(PRICES / f"{asset}usdt_4h.2024_2025.csv.gz", "rt") as file:
        closes = [round(float(row["close"]) * 100) for row in csv.DictReader(file)]
    told, drifting, still = 0, 0.0, 0.0
    for start in range(24, len(closes) - 6, 6):
        window = closes[start - 24 : start]
        drift = drift_of(window)
        if drift.falls:
            told += 1
            ahead = closes[start + 5]
            drifting += abs(float(window[-1] + 6 * drift.slope) - ahead)
            still += abs(window[-1] - ahead)
    print(f"{asset}: {told} forecasts, mean error {drifting / told:.0f} cents, standing still {still / told:.0f} cents")  # noqa: T201
    assert told > 5
    assert drifting > still, "it beats standing still on recorded prices: switch it on by default, and say so"
