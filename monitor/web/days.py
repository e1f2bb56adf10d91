"""What was published of each entity, by business date, for the page a day and for charts that outlive a restart.

Filled from the output topics, which are the evidence; this is a bounded memory of them and none itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from monitor.core.values.times import SECOND, parse_time
from monitor.web.history import CoveragePoint, point_of

KEPT_DAYS = 35
MOST_POINTS = 240
MOST_ALERTS = 200
_KEPT_FIELDS = (
    "method", "method_version", "mode", "revision", "at", "business_date", "state", "currency", "required", "available",
    "surplus", "coverage", "coverage_lower", "coverage_upper", "gaps", "why", "why_since", "digest", "replaces", "projection",
    "study",
)  # fmt: skip


@dataclass(slots=True)
class Day:
    """One business date of an entity: its closes by method, the newest revision last, its live figures, and when it ended (s)."""

    closes: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)
    points: dict[str, list[CoveragePoint]] = field(default_factory=dict)
    ends_s: float | None = None


class Days:
    """Days of every entity, the newest `kept` of each; and the changes of its alerts."""

    def __init__(self, kept: int = KEPT_DAYS) -> None:
        self._kept = kept
        self._days: dict[str, dict[str, Day]] = {}
        self._alerts: dict[str, dict[str, Mapping[str, Any]]] = {}

    def take(self, value: Mapping[str, Any]) -> None:
        """A published assessment or alert, in any order, again or not."""
        if value["schema"].startswith("reserve.alert/"):
            self._take_alert(value)
        elif value["schema"].startswith("reserve.assessment/"):
            self._take_figures(value)

    def dates(self, entity: str) -> list[str]:
        """The dates of an entity of which anything is kept, ascending."""
        return sorted(self._days.get(entity, ()))

    def of(self, entity: str, date: str) -> Day | None:
        """One day; None where nothing of it is kept."""
        return self._days.get(entity, {}).get(date)

    def points(self, entity: str, method: str, before_s: float) -> list[CoveragePoint]:
        """Live figures of the newest two days that were published before an instant."""
        days = [self._days[entity][date] for date in self.dates(entity)[-2:]]
        found = (point for day in days for point in day.points.get(method, ()))
        return [point for point in found if point.at_s < before_s]

    def alerts(self, entity: str, date: str) -> Sequence[Mapping[str, Any]]:
        """The changes of alerts from the end of the day before to the end of the day, in order."""
        day = self.of(entity, date)
        if day is None:
            return ()
        before = [one for one in self.dates(entity) if one < date]
        begins = self._days[entity][before[-1]].ends_s if before else None
        first = begins if begins is not None else min((p[0].at_s for p in day.points.values()), default=0.0)
        last = day.ends_s if day.ends_s is not None else float("inf")
        found = [one for one in self._alerts.get(entity, {}).values() if first <= _at(one["updated_at"]) <= last]
        return sorted(found, key=lambda one: int(one["chain"]["sequence"]))

    def _take_figures(self, value: Mapping[str, Any]) -> None:
        days = self._days.setdefault(value["entity"], {})
        day = days.setdefault(value["business_date"], Day())
        for date in sorted(days)[: -self._kept]:
            del days[date]
        if value["kind"] == "close":
            kept = [one for one in day.closes.get(value["method"], ()) if one["revision"] != value["revision"]]
            shown = {name: value.get(name) for name in _KEPT_FIELDS} | {"breaches": _breaches(value)}
            day.closes[value["method"]] = sorted([*kept, shown], key=lambda one: int(one["revision"]))
            day.ends_s = max(day.ends_s or 0.0, _at(value["at"]))
            return
        points = day.points.setdefault(value["method"], [])
        point = point_of(value["at"], value)
        if not points or point.at_s > points[-1].at_s:
            points.append(point)
        if len(points) > MOST_POINTS:
            del points[1:-1:2]

    def _take_alert(self, value: Mapping[str, Any]) -> None:
        if value["reason"] == "resent":
            return
        changes = self._alerts.setdefault(value["entity"], {})
        changes[value["digest"]] = value
        if len(changes) > MOST_ALERTS:
            del changes[next(iter(changes))]


def _breaches(value: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [row for row in value["components"] if row["state"] not in {"adequate", "not_applicable"}]


def _at(text: str) -> float:
    return parse_time(text) / SECOND
