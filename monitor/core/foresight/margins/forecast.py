"""When a shortfall comes if the margin goes on as it went: Theil and Sen's slope over the last hours, and an interval.

There is a forecast only where the data support one: every hour of the window known, something left to lose, a fall in both halves
of the window, and one so steady that a margin without drift would show it once in a hundred windows (2.58 standard errors,
their spread taken from the median absolute change, which a single jump does not move). What lies beyond the horizon is not told.

Source: Sen, Estimates of the regression coefficient based on Kendall's tau (1968).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from itertools import combinations, pairwise
from typing import Any, Final

from monitor.core.foresight.margins.course import CourseCell
from monitor.core.values.times import HOUR, format_time

ESTIMATOR: Final = "theil_sen"
HORIZON_H: Final = 72
SUREST = Decimal("2.58")
_MAD_TO_DEVIATION = Decimal("1.4826")
_WIDE = Context(prec=28)


@dataclass(frozen=True, slots=True)
class ShortfallTime:
    """Instants (ns): the most likely one, and the interval."""

    at: int
    earliest: int
    latest: int


@dataclass(frozen=True, slots=True)
class MarginDrift:
    """Change of the margin an hour in minor units: the slope, and how far it may be off."""

    slope: Decimal
    error: Decimal

    @property
    def falls(self) -> bool:
        """Whether it is proved to fall."""
        return _WIDE.add(self.slope, self.error) < 0


def drift_of(margins: Sequence[int]) -> MarginDrift:
    """The drift of margins an hour apart, at least two."""
    changes = [Decimal(later - earlier) for earlier, later in pairwise(margins)]
    middle = _median(changes)
    spread = _WIDE.multiply(_MAD_TO_DEVIATION, _median([abs(change - middle) for change in changes]))
    error = _WIDE.divide(_WIDE.multiply(SUREST, spread), _WIDE.sqrt(Decimal(len(changes))))
    return MarginDrift(_slope(margins), error)


def shortfall_time(cells: Sequence[CourseCell], window_h: int, ended: int) -> ShortfallTime | str:
    """When the margin is used up, or why that cannot be told. `cells`: hours that are over, `ended` (ns) when the last was."""
    margins = [cell.last for cell in cells[-window_h:] if cell.low is not None and cell.last is not None]
    if len(margins) < window_h:
        return f"{len(margins)} of the last {window_h} hours are known"
    left = Decimal(margins[-1])
    if left <= 0:
        return "nothing is left to lose"
    drift = drift_of(margins)
    half = window_h // 2
    if not drift.falls or _slope(margins[:half]) >= 0 or _slope(margins[half:]) >= 0:
        return "no steady fall"
    hours = _hours(left, drift.slope)
    if hours > HORIZON_H:
        return f"beyond {HORIZON_H} h"
    earliest, latest = _hours(left, drift.slope - drift.error), _hours(left, drift.slope + drift.error)
    return ShortfallTime(_after(ended, hours), _after(ended, earliest), _after(ended, latest))


def forecast_object(found: ShortfallTime | str, method: str, window_h: int) -> dict[str, Any]:
    """One method's forecast as an exposure carries it; null with the reason where there is none."""
    told = found if isinstance(found, ShortfallTime) else None
    return {
        "method": method,
        "shortfall_at": None if told is None else format_time(told.at),
        "earliest": None if told is None else format_time(told.earliest),
        "latest": None if told is None else format_time(told.latest),
        "window_h": window_h,
        "estimator": ESTIMATOR,
        "reason": found if isinstance(found, str) else None,
    }


def _slope(margins: Sequence[int]) -> Decimal:
    """The median of the slopes between any two."""
    pairs = combinations(enumerate(margins), 2)
    return _median([_WIDE.divide(Decimal(later - earlier), Decimal(j - i)) for (i, earlier), (j, later) in pairs])


def _hours(left: Decimal, slope: Decimal) -> Decimal:
    return _WIDE.divide(left, -slope)


def _after(ended: int, hours: Decimal) -> int:
    """No instant beyond ten years: an interval's far end may lie anywhere."""
    return ended + int(min(hours, Decimal(87_600)) * HOUR)


def _median(values: Sequence[Decimal]) -> Decimal:
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else _WIDE.divide(ordered[half - 1] + ordered[half], Decimal(2))
