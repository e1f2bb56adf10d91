"""A back-test for its readers: the JSON object, the rows of its tables, and one page that stands alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from monitor.core.foresight.comparison import Breach, Point, Track, difference, swept
from monitor.core.values.canonical import digest_of
from monitor.core.values.money import plain
from monitor.core.values.times import format_time
from monitor.report import charts
from monitor.report.cells import csv_text
from monitor.report.pages import page

SCHEMA = "reserve.backtest/1"
CLOSE_COLUMNS = (
    "entity", "candidate", "method", "day", "business_day", "at", "state", "currency", "required", "available", "surplus",
    "coverage", "broken", "gaps",
)  # fmt: skip
_STEPS = 400


@dataclass(frozen=True, slots=True)
class Tried:
    """One candidate as tried: its pack's id, version and digest, and the parameters given other values."""

    id: str
    label: str
    method: str
    version: str
    digest: str
    changes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Backtest:
    """A finished back-test. `cadence` is a sentence; `left_out`: lines that intake would refuse; times in ns."""

    candidates: tuple[Tried, ...]
    tracks: Mapping[tuple[str, str], Track]
    cadence: str
    records: int
    left_out: int
    begin: int | None
    end: int | None

    def of_entity(self) -> Iterator[tuple[str, list[tuple[Tried, Track]]]]:
        """Each entity with its candidates in the order given."""
        for entity in dict.fromkeys(entity for entity, _ in self.tracks):
            yield (
                entity,
                [(tried, self.tracks[entity, tried.id]) for tried in self.candidates if (entity, tried.id) in self.tracks],
            )


def backtest_object(found: Backtest) -> dict[str, Any]:
    """`reserve.backtest/1`; `digest` is that of all the rest."""
    value = {
        "schema": SCHEMA,
        "from": _time(found.begin),
        "to": _time(found.end),
        "cadence": found.cadence,
        "records": found.records,
        "left_out": found.left_out,
        "candidates": [
            {
                "id": t.id,
                "label": t.label,
                "method": t.method,
                "version": t.version,
                "digest": t.digest,
                "changes": dict(t.changes),
            }
            for t in found.candidates
        ],
        "results": [_result(tried, track, several[0][1]) for _, several in found.of_entity() for tried, track in several],
        "frontier": [row for entity, several in found.of_entity() for row in _frontier(entity, several)],
    }
    return value | {"digest": digest_of(value)}


def close_rows(found: Backtest) -> Iterator[tuple[object, ...]]:
    """The rows of `CLOSE_COLUMNS`: each close of each candidate, in order of time."""
    for entity, several in found.of_entity():
        for tried, track in several:
            for point in track.closes:
                figures = (point.required, point.available, point.surplus, point.coverage)
                yield (
                    entity, tried.label, tried.method, point.day.isoformat(), point.is_business_day, format_time(point.at),
                    point.state, track.currency, *map(_plain, figures), " ".join(point.broken), " ".join(point.gaps),
                )  # fmt: skip


def csv_of(found: Backtest) -> str:
    """Every close as comma-separated values."""
    return csv_text(CLOSE_COLUMNS, close_rows(found))


def html_of(found: Backtest) -> str:
    """One page with its charts drawn in: no script, no outside asset."""
    value = backtest_object(found)
    labels = {candidate["id"]: candidate["label"] for candidate in value["candidates"]}
    entities = [_section(entity, several, value) for entity, several in found.of_entity()]
    return page("backtest.html", test=value, labels=labels, entities=entities)


def _section(entity: str, several: Sequence[tuple[Tried, Track]], value: Mapping[str, Any]) -> dict[str, Any]:
    drawn = []
    for currency in dict.fromkeys(track.currency for _, track in several):
        of_currency = [(tried, track) for tried, track in several if track.currency == currency]
        drawn.append(charts.over_time(_money(of_currency), f"Required and available, {currency}", unit=currency))
    coverage = [
        {"at": format_time(point.at), "value": _number(point.coverage), "series": tried.label}
        for tried, track in several
        for point in _thinned(track.curve)
    ]
    drawn.append(charts.over_time(coverage, "Coverage (the red line is 1)", unit="available / required", line_at=1.0))
    frontiers = [row for row in value["frontier"] if row["entity"] == entity]
    for parameter in dict.fromkeys(row["parameter"] for row in frontiers):
        rows = [row for row in frontiers if row["parameter"] == parameter]
        points = [{"x": float(r["value"]), "required": _number(r["required_mean"]), "days": r["days_short"]} for r in rows]
        drawn.append(charts.frontier(points, f"What {parameter} costs", parameter=parameter, unit=str(rows[0]["currency"])))
    return {
        "name": entity,
        "results": [r for r in value["results"] if r["entity"] == entity],
        "charts": drawn,
        "frontier": frontiers,
    }


def _money(several: Sequence[tuple[Tried, Track]]) -> list[dict[str, Any]]:
    rows = []
    for tried, track in several:
        for point in _thinned(track.curve):
            at = format_time(point.at)
            rows.append({"at": at, "value": _number(point.required), "series": f"required: {tried.label}"})
            rows.append({"at": at, "value": _number(point.available), "series": f"available: {tried.label}"})
    return rows


def _thinned(curve: Sequence[Point]) -> list[Point]:
    """At most `_STEPS` looks, of each stretch the worst: a chart must not hide a breach."""
    if len(curve) <= _STEPS:
        return list(curve)
    size = -(-len(curve) // _STEPS)
    return [min(curve[start : start + size], key=_badness) for start in range(0, len(curve), size)]


def _badness(point: Point) -> Decimal:
    return point.surplus if point.surplus is not None else Decimal("Infinity")


def _result(tried: Tried, track: Track, baseline: Track) -> dict[str, Any]:
    required, worst, more = track.required(), track.worst(), difference(baseline, track)
    short, unknown = track.days_short(), track.days_unknown()
    return {
        "entity": track.entity,
        "candidate": tried.id,
        "currency": track.currency,
        "evaluations": len(track.curve),
        "required": None if required is None else dict(zip(("least", "mean", "most"), map(_plain, required), strict=True)),
        "difference": None
        if more is None
        else {"looks": more.looks, "mean": _plain(more.mean), "least": _plain(more.least), "most": _plain(more.most)},
        "days_closed": len(track.closes),
        "days_short": [day.isoformat() for day in short],
        "days_unknown": [day.isoformat() for day in unknown],
        "breaches": [_breach(breach) for breach in track.breaches()],
        "worst": None
        if worst is None
        else {"at": format_time(worst.at), "day": worst.day.isoformat(), "surplus": _plain(worst.surplus)},
        "gaps": list(track.gaps()),
        "closes": [_close(point) for point in track.closes],
    }


def _breach(breach: Breach) -> dict[str, Any]:
    begin, end = format_time(breach.begin), _time(breach.end)
    return {"from": begin, "to": end, "worst": _plain(breach.worst), "rules": list(breach.rules)}


def _close(point: Point) -> dict[str, Any]:
    return {
        "day": point.day.isoformat(),
        "business_day": point.is_business_day,
        "at": format_time(point.at),
        "state": point.state,
        "required": _plain(point.required),
        "available": _plain(point.available),
        "surplus": _plain(point.surplus),
        "coverage": _plain(point.coverage),
    }


def _frontier(entity: str, several: Sequence[tuple[Tried, Track]]) -> Iterator[dict[str, Any]]:
    """For each parameter that alone takes several values within a method: its value against reserve and days short."""
    for method in dict.fromkeys(tried.method for tried, _ in several):
        of_method = [(tried, track) for tried, track in several if tried.method == method and tried.changes]
        names = swept([tried.changes for tried, _ in of_method])
        if len(names) != 1:
            continue
        for tried, track in sorted(of_method, key=lambda pair: Decimal(pair[0].changes[names[0]])):
            required = track.required()
            yield {
                "entity": entity,
                "method": method,
                "parameter": names[0],
                "value": tried.changes[names[0]],
                "currency": track.currency,
                "required_mean": None if required is None else _plain(required[1]),
                "required_most": None if required is None else _plain(required[2]),
                "days_short": len(track.days_short()),
            }


def _time(instant: int | None) -> str | None:
    return None if instant is None else format_time(instant)


def _plain(value: Decimal | None) -> str | None:
    return None if value is None else plain(value)


def _number(value: Decimal | str | None) -> float | None:
    return None if value is None else float(value)
