"""The page of one business date of an entity: its closes with their revisions, its course, its alerts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from monitor.core.attribution.story import change_sentences
from monitor.core.values.times import SECOND
from monitor.web.chart import Chart, draw
from monitor.web.days import Day
from monitor.web.page import environment
from monitor.web.protocols import WebParts


@dataclass(frozen=True, slots=True)
class MethodDay:
    """One method's day: its closes, the newest revision first, what changed it, and its course."""

    name: str
    closes: Sequence[Mapping[str, Any]]
    changes: Sequence[str]
    chart: Chart | None


def render_day(parts: WebParts, entity: str, day: date) -> str | None:
    """The page; None where nothing of that day is kept."""
    text = day.isoformat()
    found = parts.days.of(entity, text)
    if found is None:
        return None
    dates = parts.days.dates(entity)
    place = dates.index(text)
    until_s = parts.clock() / SECOND if found.ends_s is None else found.ends_s
    return (
        environment()
        .get_template("day.html")
        .render(
            entity=entity,
            date=text,
            over=found.ends_s is not None,
            earlier=dates[place - 1] if place else None,
            later=dates[place + 1] if place + 1 < len(dates) else None,
            methods=[_method(name, found, until_s) for name in sorted({*found.closes, *found.points})],
            alerts=parts.days.alerts(entity, text),
            versions=parts.versions,
        )
    )


def _method(name: str, day: Day, until_s: float) -> MethodDay:
    closes = day.closes.get(name, [])[::-1]
    changes = tuple(change_sentences(closes[0])) if closes else ()
    return MethodDay(name, closes, changes, draw(day.points.get(name, ()), until_s))
