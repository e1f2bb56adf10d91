"""What a capital-adequacy report says, before any word or format: figures are the texts that were published, digit for digit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any, Literal

from monitor.core.values.canonical import digest_of

SCHEMA = "reserve.report/1"

SpanEnd = Literal["met", "not_applicable", "not_asked", "open"]
"""How a breach ended: its rule was met, was switched off, was no longer asked; or it has not ended."""


@dataclass(frozen=True, slots=True)
class Period:
    """Local dates from `first` to `last`, both included."""

    first: date
    last: date

    def days(self) -> tuple[date, ...]:
        """Every date of it."""
        return tuple(self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1))


@dataclass(frozen=True, slots=True)
class CloseRevision:
    """One publication of a close; `replaces` is the digest of the one before, None for the first."""

    revision: int
    state: str
    required: str | None
    available: str | None
    surplus: str | None
    digest: str
    replaces: str | None
    sequence: int


@dataclass(frozen=True, slots=True)
class RuleShort:
    """A component in shortfall, as published."""

    name: str
    ref: str | None
    bound: str
    required: str | None
    held: str | None
    shortfall: str | None
    amount: str | None
    unit: str
    cure_by: str | None


@dataclass(frozen=True, slots=True)
class ChangePart:
    """A part of a change with its causes, and the gaps that opened and closed, as published under `why`."""

    part: str
    required_delta: str | None
    available_delta: str | None
    causes: tuple[Mapping[str, Any], ...]
    opened: tuple[Mapping[str, Any], ...]
    closed: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class CloseDay:
    """A business date's close under one method, in its newest revision.

    `business_day` is None where the method is no longer configured. `changes` are since `compared_with`, the close before
    (None: nothing to compare with).
    """

    method: str
    date: str
    business_day: bool | None
    at: str
    currency: str
    state: str
    required: str | None
    available: str | None
    surplus: str | None
    coverage: str | None
    broken: tuple[RuleShort, ...]
    missing: tuple[Mapping[str, Any], ...]
    changes: tuple[ChangePart, ...]
    compared_with: str | None
    revisions: tuple[CloseRevision, ...]

    @property
    def digest(self) -> str:
        """That of the newest revision."""
        return self.revisions[-1].digest


@dataclass(frozen=True, slots=True)
class MethodPeriod:
    """A method over the period: its closes by state, the lowest surplus of a close and its date, and how it stood at the end."""

    method: str
    version: str
    digest: str
    mode: str
    study: bool
    currency: str
    closes: int
    states: Mapping[str, int]
    lowest_surplus: str | None
    lowest_date: str | None
    last_date: str
    last_state: str


@dataclass(frozen=True, slots=True)
class BreachSpan:
    """A rule in shortfall, from the first published figure that found it to the first that found its end.

    `ended_at` is None while it lasts; `late`: whether it ended, or still lasts, after the last day of its cure term (None: no
    term). `worst` is the greatest shortfall in `unit`, `worst_amount` its worth. Digests are of the figures at both ends.
    """

    method: str
    rule: str
    ref: str | None
    unit: str
    currency: str
    began_at: str
    ended_at: str | None
    end: SpanEnd
    cure_by: str | None
    late: bool | None
    worst: str | None
    worst_amount: str | None
    began_by: tuple[Mapping[str, Any], ...]
    ended_by: tuple[Mapping[str, Any], ...]
    began_digest: str
    ended_digest: str | None


@dataclass(frozen=True, slots=True)
class UnknownSpan:
    """Something that was not known: `since` is the own time from which, None where it never was; `seconds` within the period."""

    method: str
    kind: str
    subject: str | None
    effect: str
    since: str | None
    noticed_at: str
    ended_at: str | None
    seconds: int


@dataclass(frozen=True, slots=True)
class IncidentStep:
    """One revision of an incident as it was logged; `counts`: of several with one number only the first does."""

    revision: int
    counts: bool
    logged_at: str
    updated_at: str
    status: str
    severity: str
    losses: tuple[Mapping[str, Any], ...]
    loss_estimate: Mapping[str, Any] | None
    recoveries: tuple[Mapping[str, Any], ...]
    summary: str


@dataclass(frozen=True, slots=True)
class IncidentChain:
    """An incident that was open in the period, with every revision."""

    incident_id: str
    kind: str
    occurred_at: str
    detected_at: str
    steps: tuple[IncidentStep, ...]


@dataclass(frozen=True, slots=True)
class AlertLife:
    """An alert that fired in the period, as last published."""

    alertname: str
    method: str | None
    subject: str | None
    severity: str
    starts_at: str
    ends_at: str | None
    reason: str
    rehearsal: bool
    fingerprint: str


@dataclass(frozen=True, slots=True)
class PresentActions:
    """What mends what is broken or threatened `at` a time, as `actions` proposes; None and the `reason` where nobody asked."""

    at: str | None
    proposals: tuple[Mapping[str, Any], ...]
    reason: str | None


@dataclass(frozen=True, slots=True)
class ReportProofs:
    """What the report rests on: the entity's chain, the checkpoint that covers it, configurations and engines that made it."""

    entries: int
    first_sequence: int | None
    last_sequence: int | None
    checkpoint: Mapping[str, Any] | None
    configurations: tuple[str, ...]
    engine_versions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AdequacyReport:
    """Everything a report of an entity says. `known_at`: time of the newest published figure that it knows.

    `buffers` are those of the newest exposure of the period, as published (CONTRACT 2).
    """

    entity: str
    period: Period
    zone: str
    known_at: str
    methods: tuple[MethodPeriod, ...]
    closes: tuple[CloseDay, ...]
    breaches: tuple[BreachSpan, ...]
    unknown: tuple[UnknownSpan, ...]
    incidents: tuple[IncidentChain, ...]
    alerts: tuple[AlertLife, ...]
    buffers: tuple[Mapping[str, Any], ...]
    actions: PresentActions
    proofs: ReportProofs

    def broken_now(self) -> tuple[BreachSpan, ...]:
        """The breaches that last."""
        return tuple(span for span in self.breaches if span.end == "open")

    def printed(self) -> dict[str, Any]:
        """`reserve.report/1`; `digest` is that of all the rest."""
        value = {"schema": SCHEMA, **asdict(self)}
        value["period"] = {"first": self.period.first.isoformat(), "last": self.period.last.isoformat()}
        value = _plain(value)
        return {**value, "digest": digest_of(value)}


def _plain(value: Any) -> Any:
    """Lists for tuples: what JSON has."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
