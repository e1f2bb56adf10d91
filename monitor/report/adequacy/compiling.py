"""The report's model, from the entries of an entity's chain and the incident revisions of its journal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from monitor.core.configuration.configuration import Configuration, MethodConfig
from monitor.core.journal.records import Statement
from monitor.core.journal.vocabulary import OPEN_STATUSES
from monitor.core.values.calendar import Calendar, Zone
from monitor.core.values.times import format_time, parse_time
from monitor.errors import UsageError
from monitor.report.adequacy.model import (
    AdequacyReport,
    AlertLife,
    BreachSpan,
    ChangePart,
    CloseDay,
    CloseRevision,
    IncidentChain,
    IncidentStep,
    MethodPeriod,
    Period,
    PresentActions,
    ReportProofs,
    RuleShort,
    UnknownSpan,
)
from monitor.report.adequacy.spans import Entry, Window, breaches, unknown


@dataclass(frozen=True, slots=True)
class PublishedOf:
    """What there is of an entity: its entries in the order of their sequence, its checkpoints, its incident statements."""

    entity: str
    entries: tuple[Entry, ...]
    checkpoints: tuple[Entry, ...]
    incidents: tuple[Statement, ...]

    @staticmethod
    def of(entity: str, values: Iterable[Entry], incidents: Iterable[Statement]) -> PublishedOf:
        """Of values in any order, with repeats and checkpoints among them."""
        entries, checkpoints = {}, {}
        for value in values:
            if value["entity"] != entity:
                continue
            if "chain" in value:
                entries[value["chain"]["sequence"]] = value
            else:
                checkpoints[value["last_sequence"]] = value
        return PublishedOf(
            entity,
            tuple(entries[number] for number in sorted(entries)),
            tuple(checkpoints[number] for number in sorted(checkpoints)),
            tuple(incidents),
        )

    def upto(self, sequence: int) -> PublishedOf:
        """As it was known right after that entry: what was told later is not in it."""
        entries = tuple(entry for entry in self.entries if entry["chain"]["sequence"] <= sequence)
        known_at = max((_time(entry) for entry in entries), default="")
        incidents = tuple(one for one in self.incidents if format_time(one.logged_at or one.at) <= known_at)
        checkpoints = tuple(one for one in self.checkpoints if one["last_sequence"] <= sequence)
        return PublishedOf(self.entity, entries, checkpoints, incidents)

    def closes(self) -> dict[str, dict[str, list[Entry]]]:
        """Closes by date and method, each with its revisions in order."""
        found: dict[str, dict[str, list[Entry]]] = {}
        for entry in self.entries:
            if _is_assessment(entry) and entry["kind"] == "close":
                found.setdefault(entry["business_date"], {}).setdefault(entry["method"], []).append(entry)
        return {day: found[day] for day in sorted(found)}


class ReportSight:
    """Whose days a report is of: zones and calendars of the entity's methods, as it is configured now."""

    def __init__(self, config: Configuration, entity: str) -> None:
        own = config.entity(entity)
        methods = {} if own is None else {method.id: method for method in own.methods}
        self.zone = config.zone(own.time_zone if own else None)
        self._zones = {name: config.method_zone(entity, method) for name, method in methods.items()}
        self._calendars = {name: config.method_calendar(entity, method) for name, method in methods.items()}
        self.methods: Mapping[str, MethodConfig] = methods

    def zone_of(self, method: str) -> Zone:
        """The zone of a method's days; the entity's where it is no longer configured."""
        return self._zones.get(method, self.zone)

    def is_business_day(self, method: str, day: date) -> bool | None:
        """Whether it is one; None where the method is no longer configured."""
        calendar: Calendar | None = self._calendars.get(method)
        return None if calendar is None else calendar.is_business_day(day)


def compiled(
    found: PublishedOf, period: Period, sight: ReportSight, actions: PresentActions, methods: Sequence[str] = ()
) -> AdequacyReport:
    """The report of a period. `methods`: of these only (none named: of all).

    `UsageError` where no close of the period was published.
    """
    closed = [day for day in found.closes() if period.first.isoformat() <= day <= period.last.isoformat()]
    wanted = {name for day in closed for name in found.closes()[day] if not methods or name in methods}
    if not wanted:
        raise UsageError(_no_close(found, period, methods))
    assessments = [entry for entry in found.entries if _is_assessment(entry) and entry["method"] in wanted]
    known_at = max(_time(entry) for entry in found.entries)
    names = [name for name in sight.methods if name in wanted] + sorted(wanted - sight.methods.keys())
    closes = tuple(_closes(found, closed, names, sight))
    windows = {name: _window(period, sight.zone_of(name), known_at) for name in names}
    live = {name: [e for e in assessments if e["method"] == name and e["kind"] == "live"] for name in names}
    whole = _window(period, sight.zone, known_at)
    spans = (span for name in names for span in breaches(live[name], windows[name]))
    gaps = (span for name in names for span in unknown(live[name], windows[name]))
    return AdequacyReport(
        entity=found.entity,
        period=period,
        zone=sight.zone.name,
        known_at=known_at,
        methods=tuple(_method_period(name, [close for close in closes if close.method == name], assessments) for name in names),
        closes=closes,
        breaches=tuple(sorted(spans, key=_begun)),
        unknown=tuple(sorted(gaps, key=_noticed)),
        incidents=tuple(_incidents(found.incidents, whole)),
        alerts=tuple(_alerts(found.entries, whole, wanted)),
        buffers=tuple(_buffers(found.entries, whole, wanted)),
        actions=actions,
        proofs=_proofs(found, closes),
    )


def _no_close(found: PublishedOf, period: Period, methods: Sequence[str]) -> str:
    under = f" under {', '.join(methods)}" if methods else ""
    days = list(found.closes())
    known = f"closes go from {days[0]} to {days[-1]}" if days else "no day has been closed yet"
    return f"no close of {found.entity}{under} from {period.first} to {period.last} is there: {known}"


def _window(period: Period, zone: Zone, known_at: str) -> Window:
    return Window(zone, zone.day_start(period.first), zone.day_end(period.last), parse_time(known_at))


def _closes(found: PublishedOf, days: Sequence[str], methods: Sequence[str], sight: ReportSight) -> Iterator[CloseDay]:
    closes = found.closes()
    for name in methods:
        for day in days:
            revisions = closes[day].get(name)
            if revisions:
                yield _close(revisions, sight.is_business_day(name, date.fromisoformat(day)))


def _close(revisions: Sequence[Entry], business_day: bool | None) -> CloseDay:
    first, newest = revisions[0], revisions[-1]
    return CloseDay(
        method=newest["method"],
        date=newest["business_date"],
        business_day=business_day,
        at=newest["at"],
        currency=newest["currency"],
        state=newest["state"],
        required=newest["required"],
        available=newest["available"],
        surplus=newest["surplus"],
        coverage=newest["coverage"],
        broken=tuple(_rule(row) for row in newest["components"] if row["state"] == "shortfall"),
        missing=tuple(newest["gaps"]),
        changes=tuple(_part(part) for part in first["why"]) if first.get("why_since") else (),
        compared_with=first.get("why_since"),
        revisions=tuple(_revision(entry) for entry in revisions),
    )


def _rule(row: Entry) -> RuleShort:
    return RuleShort(**{name: row[name] for name in RuleShort.__dataclass_fields__})


def _part(part: Entry) -> ChangePart:
    gaps = (tuple(part.get(verb, ())) for verb in ("opened", "closed"))
    return ChangePart(part["part"], part["required_delta"], part["available_delta"], tuple(part["causes"]), *gaps)


def _revision(entry: Entry) -> CloseRevision:
    same = {name: entry[name] for name in ("revision", "state", "required", "available", "surplus", "digest", "replaces")}
    return CloseRevision(**same, sequence=entry["chain"]["sequence"])


def _method_period(name: str, closes: Sequence[CloseDay], assessments: Sequence[Entry]) -> MethodPeriod:
    newest = next(entry for entry in reversed(assessments) if entry["method"] == name)
    known = [(Decimal(close.surplus), close.date) for close in closes if close.surplus is not None]
    lowest = min(known, default=None)
    return MethodPeriod(
        method=name,
        version=newest["method_version"],
        digest=newest["method_digest"],
        mode=newest["mode"],
        study=newest.get("study", False),
        currency=newest["currency"],
        closes=len(closes),
        states=dict(sorted(Counter(close.state for close in closes).items())),
        lowest_surplus=None if lowest is None else f"{lowest[0]:f}",
        lowest_date=None if lowest is None else lowest[1],
        last_date=closes[-1].date,
        last_state=closes[-1].state,
    )


def _incidents(statements: Sequence[Statement], window: Window) -> Iterator[IncidentChain]:
    """Those that were open in the period, or of which a revision came in it."""
    by_id: dict[str, list[Statement]] = {}
    for one in statements:
        by_id.setdefault(one.body["incident_id"], []).append(one)
    for name in sorted(by_id):
        steps: dict[tuple[int, str], IncidentStep] = {}
        told: set[int] = set()
        for one in by_id[name]:
            step = _step(one, counts=one.body["revision"] not in told)
            told.add(step.revision)
            steps.setdefault((step.revision, step.logged_at), step)
        newest = max((s for s in steps.values() if s.counts), key=_revision_of)
        came = [parse_time(step.logged_at) for step in steps.values()]
        last = None if newest.status in OPEN_STATUSES else max(came) + 1
        if window.meets(min(came), last):
            body = next(one.body for one in by_id[name] if one.body["revision"] == newest.revision)
            yield IncidentChain(name, body["kind"], body["occurred_at"], body["detected_at"], tuple(steps.values()))


def _step(one: Statement, *, counts: bool) -> IncidentStep:
    body = one.body
    return IncidentStep(
        revision=body["revision"],
        counts=counts,
        logged_at=format_time(one.logged_at if one.logged_at is not None else one.at),
        updated_at=body["updated_at"],
        status=body["status"],
        severity=body["severity"],
        losses=tuple(body["losses"]),
        loss_estimate=body["loss_estimate"],
        recoveries=tuple(body["recoveries"]),
        summary=body["summary"],
    )


def _alerts(entries: Sequence[Entry], window: Window, methods: set[str]) -> Iterator[AlertLife]:
    """Each firing of each alert as last told; repeats that only keep it alive say nothing new."""
    newest: dict[tuple[str, str], Entry] = {}
    for entry in entries:
        of_methods = entry["schema"].startswith("reserve.alert/") and entry["method"] in {None, *methods}
        if of_methods and entry["mode"] != "shadow" and entry["reason"] != "resent":
            newest[entry["fingerprint"], entry["starts_at"]] = entry
    for entry in sorted(newest.values(), key=_started):
        ended = None if entry["ends_at"] is None else parse_time(entry["ends_at"])
        if window.meets(parse_time(entry["starts_at"]), ended):
            yield AlertLife(**{name: entry[name] for name in AlertLife.__dataclass_fields__})


def _buffers(entries: Sequence[Entry], window: Window, methods: set[str]) -> Iterator[Mapping[str, Any]]:
    """Of the newest exposure that was published before the period's end."""
    exposures = (entry for entry in reversed(entries) if entry["schema"].startswith("reserve.exposure/"))
    newest = next((one for one in exposures if parse_time(one["at"]) < window.end), None)
    yield from (row for row in (newest or {}).get("buffers", ()) if row["method"] in methods)


def _proofs(found: PublishedOf, closes: Sequence[CloseDay]) -> ReportProofs:
    """The checkpoint is the first that covers every close of the report; the newest where none does yet."""
    numbers = [revision.sequence for close in closes for revision in close.revisions]
    covering = [one for one in found.checkpoints if one["last_sequence"] >= max(numbers)]
    checkpoint = covering[0] if covering else None
    own = [entry for entry in found.entries if entry["chain"]["sequence"] in set(numbers)]
    return ReportProofs(
        entries=len(found.entries),
        first_sequence=min(numbers),
        last_sequence=max(numbers),
        checkpoint=checkpoint,
        configurations=tuple(dict.fromkeys(entry["config_digest"] for entry in own)),
        engine_versions=tuple(dict.fromkeys(str(entry["engine_version"]) for entry in own)),
    )


def _is_assessment(entry: Entry) -> bool:
    return bool(entry["schema"].startswith("reserve.assessment/"))


def _time(entry: Entry) -> str:
    """When it was published: a close by what its journal had read; its `at` is the day's end."""
    return str(entry.get("at") or entry["updated_at"])


def _begun(span: BreachSpan) -> tuple[str, str, str]:
    return span.began_at, span.method, span.rule


def _noticed(span: UnknownSpan) -> tuple[str, str, str]:
    return span.noticed_at, span.method, span.kind


def _started(entry: Entry) -> tuple[str, str]:
    return entry["starts_at"], entry["fingerprint"]


def _revision_of(step: IncidentStep) -> int:
    return step.revision
