"""A short memory of evaluations for the status page's charts. Evidence is in the output topics, not here."""

from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monitor.core.values.times import SECOND, parse_time

POINTS = 240
SERIES = 500


@dataclass(frozen=True, slots=True)
class CoveragePoint:
    """One evaluation: its time in seconds since 1970, its state, and coverage with its bounds where they are known."""

    at_s: float
    state: str
    coverage: float | None
    lower: float | None
    upper: float | None


class CoverageHistory:
    """The newest `points` evaluations of each (entity, method), for at most `series` of them."""

    def __init__(self, points: int = POINTS, series: int = SERIES) -> None:
        self._points, self._series = points, series
        self._kept: dict[tuple[str, str], deque[CoveragePoint]] = {}

    def record(self, status: Mapping[str, Any]) -> None:
        """Remember the newest evaluation of each method of a status object; one seen before adds nothing."""
        for assessment in status["methods"]:
            key = (status["entity"], assessment["method"])
            if key not in self._kept and len(self._kept) >= self._series:
                continue
            kept = self._kept.setdefault(key, deque(maxlen=self._points))
            point = point_of(status["at"], assessment)
            if not kept or point.at_s > kept[-1].at_s:
                kept.append(point)

    def keep(self, entities: Collection[str]) -> None:
        """Forget every entity that is not among `entities`."""
        held = set(entities)
        for key in [key for key in self._kept if key[0] not in held]:
            del self._kept[key]

    def of(self, entity: str, method: str) -> Sequence[CoveragePoint]:
        """The remembered evaluations, oldest first."""
        return tuple(self._kept.get((entity, method), ()))


def point_of(at: str, assessment: Mapping[str, Any]) -> CoveragePoint:
    """The point that an assessment makes at an RFC 3339 time."""
    figures = (assessment[name] for name in ("coverage", "coverage_lower", "coverage_upper"))
    coverage, lower, upper = (None if figure is None else float(figure) for figure in figures)
    return CoveragePoint(parse_time(at) / SECOND, assessment["state"], coverage, lower, upper)
