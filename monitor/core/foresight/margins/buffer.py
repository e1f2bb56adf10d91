"""The surplus to hold so that a shortfall within hours stays improbable, by filtered historical simulation.

Each past window's fall of the margin, as a share of what was required when it began, is scaled by how restless the margin is
now against then (exponentially weighted, within a third and three times), and the share that is exceeded with the promised
probability is read off the ordered falls. With n windows the k-th largest is exceeded with probability k / (n + 1), windows that
overlap counting as their independent part: where k would be below 1, history is short and there is no figure.

Source of the scaling: Hull and White, Incorporating volatility updating into the historical simulation method (1998).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final

from monitor.core.evaluation.assessment import Result
from monitor.core.foresight.margins.course import Course, CourseCell
from monitor.core.values.figure import Figure
from monitor.core.values.money import round_down, round_up
from monitor.core.values.wording import count_of

ESTIMATOR: Final = "filtered_historical_simulation"
HORIZONS_H: Final = (1, 24, 72)
PROBABILITIES: Final = ("0.01", "0.001")

_DAY_H = 24
_WIDE = Context(prec=28)
MEMORY_OF_DAYS, MEMORY_OF_HOURS = Decimal("0.94"), Decimal("0.97")
_CALMEST, _WILDEST = Decimal(1) / 3, Decimal(3)
_ZERO, _ONE = Decimal(0), Decimal(1)


@dataclass(frozen=True, slots=True)
class BufferEstimate:
    """`share` of what is required to hold as surplus, None with the `reason`; `observations`: windows it was read off."""

    horizon_h: int
    probability: str
    share: Decimal | None
    observations: int
    reason: str | None


class Buffers:
    """The estimates of one method, renewed when an hour, and for long horizons a day, is over."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[BufferEstimate, ...]] = {}

    def renew(self, course: Course, *, hour: bool, day: bool) -> None:
        """Reckons anew what has a new observation; all of it the first time."""
        for horizon in HORIZONS_H:
            if horizon not in self._known or (hour if horizon < _DAY_H else day):
                self._known[horizon] = estimates(course, horizon)

    def all(self) -> tuple[BufferEstimate, ...]:
        """By horizon, then probability."""
        return tuple(one for horizon in HORIZONS_H for one in self._known.get(horizon, ()))


def estimates(course: Course, horizon_h: int) -> tuple[BufferEstimate, ...]:
    """What the margin's past says of a horizon, for each probability."""
    if horizon_h < _DAY_H:
        return estimates_of(course.hours.closed(), horizon_h, horizon_h, MEMORY_OF_HOURS)
    return estimates_of(course.days.closed(), horizon_h // _DAY_H, horizon_h, MEMORY_OF_DAYS)


def estimates_of(
    cells: Sequence[CourseCell], steps: int, horizon_h: int, memory: Decimal = MEMORY_OF_DAYS
) -> tuple[BufferEstimate, ...]:
    """The same of cells of one width, of which `steps` are the horizon."""
    falls = sorted(_falls(cells, steps, memory), reverse=True)
    return tuple(_estimate(falls, steps, horizon_h, probability) for probability in PROBABILITIES)


def _estimate(falls: Sequence[Decimal], steps: int, horizon_h: int, probability: str) -> BufferEstimate:
    share, count = Fraction(probability), len(falls)
    rank = share * (Fraction(count, steps) + 1)
    if rank < 1:
        needed = -int(-(1 / share - 1) * steps // 1)
        reason = f"history is short: {count_of(count, 'window')} of {horizon_h} h, {needed} are needed"
        return BufferEstimate(horizon_h, probability, None, count, reason)
    return BufferEstimate(horizon_h, probability, falls[int(rank * steps) - 1], count, None)


def _falls(cells: Sequence[CourseCell], steps: int, memory: Decimal) -> Iterator[Decimal]:
    """The scaled fall in each window that is known from its beginning to its end."""
    restless = _restlessness(cells, memory)
    now = restless[-1] if restless else _ZERO
    for start in range(len(cells) - steps):
        lows = [cell.low for cell in cells[start + 1 : start + 1 + steps]]
        _, last, required = cells[start]
        known = [low for low in lows if low is not None]
        if last is None or not required or required < 0 or len(known) < steps:
            continue
        fall = max(0, last - min(known))
        yield _WIDE.multiply(_WIDE.divide(Decimal(fall), Decimal(required)), _scale(now, restless[start])) if fall else _ZERO


def _scale(now: Decimal, then: Decimal) -> Decimal:
    """How much wilder the margin is now: the ratio of standard deviations, within bounds."""
    if then == 0:
        return _ONE if now == 0 else _WILDEST
    return min(_WILDEST, max(_CALMEST, _WIDE.sqrt(_WIDE.divide(now, then))))


def _restlessness(cells: Sequence[CourseCell], memory: Decimal) -> list[Decimal]:
    """The weighted mean of squared changes of the margin up to each cell, as shares of what was required."""
    squares = [_square(before, after) for before, after in pairwise(cells)]
    known = [square for square in squares if square is not None]
    mean = _WIDE.divide(sum(known, _ZERO), Decimal(len(known))) if known else _ZERO
    found = [mean]
    for square in squares:
        before = found[-1]
        found.append(
            before
            if square is None
            else _WIDE.add(_WIDE.multiply(memory, before), _WIDE.multiply(_WIDE.subtract(_ONE, memory), square))
        )
    return found if cells else []


def _square(before: CourseCell, after: CourseCell) -> Decimal | None:
    if before.last is None or after.last is None or not before.required or before.required < 0:
        return None
    change = _WIDE.divide(Decimal(after.last - before.last), Decimal(before.required))
    return _WIDE.multiply(change, change)


def buffer_objects(
    estimates_of_method: Sequence[BufferEstimate], method: str, result: Result, margin: Figure | None, decimals: int
) -> Iterator[dict[str, Any]]:
    """Estimates as an exposure carries them. `margin`: what there is to spare."""
    known = None if margin is None else margin.exact
    text = None if known is None else round_down(known, decimals)
    return (_buffer_object(estimate, method, result, text, decimals) for estimate in estimates_of_method)


def _buffer_object(estimate: BufferEstimate, method: str, result: Result, margin: str | None, decimals: int) -> dict[str, Any]:
    """`amount` is the surplus to hold now."""
    required, share, reason = result.required_figure, estimate.share, estimate.reason
    amount = None
    if share is not None and required is not None and required.value is not None:
        amount = round_up(Fraction(share) * required.value, decimals)
    elif share is not None:
        reason = "what is required is not known now"
    return {
        "method": method,
        "currency": result.currency,
        "horizon_h": estimate.horizon_h,
        "probability": estimate.probability,
        "amount": amount,
        "margin": margin,
        "observations": estimate.observations,
        "estimator": ESTIMATOR,
        "reason": reason,
    }
