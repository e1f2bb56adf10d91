"""The life cycle of an alert: a pure state machine over what each evaluation sees of one condition (CONTRACT 2).

Every crossing gives one alert with one fingerprint. It enters and leaves at different levels, only after its dwell, and
leaves on positive evidence alone: what is not known never resolves anything. Times are ns of the engine clock.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import Enum
from typing import Any, Literal

from monitor.core.journal.schedule import earliest
from monitor.core.journal.vocabulary import SEVERITIES, AlertReason, AlertStatus, EndReason, Severity
from monitor.core.values.canonical import canonical_bytes
from monitor.core.values.times import DAY, HOUR

RESEND_EVERY = HOUR
KEEP_RESOLVED = 7 * DAY

Status = Literal["none"] | AlertStatus


class Verdict(Enum):
    """What one evaluation says of a condition."""

    TRUE = "true"
    """Proved to be past its enter level."""
    BETWEEN = "between"
    """Proved to be between enter and exit level, or covered by another alert: nothing begins, nothing ends."""
    CLEAR = "clear"
    """Proved to be past its exit level."""
    UNKNOWN = "unknown"
    """Not known: nothing begins, nothing ends."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What makes two alerts the same one; the method is null for alerts of the entity itself."""

    alertname: str
    entity: str
    method: str | None
    rule: str
    subject: str | None

    @property
    def fingerprint(self) -> str:
        """First 32 hex digits of the SHA-256 of the canonical array of the five fields (CONTRACT 2)."""
        return hashlib.sha256(canonical_bytes([self.alertname, self.entity, self.method, self.rule, self.subject])).hexdigest()[
            :32
        ]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one evaluation sees of one alert.

    `shown` is the digest of what it would print; `facts` are of that what is told at once when one is new: an incident's
    revision, a subject that is missing, a cure date. Figures that move wait for the publish interval.
    """

    verdict: Verdict
    severity: Severity = "critical"
    mode: str = "in_force"
    enter_dwell: int = 0
    exit_dwell: int = 0
    ends_as: EndReason = "recovered"
    shown: str = ""
    facts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Life:
    """Where one alert stands. `revision` counts its published changes; 0 while it has never fired.

    `true_since`: since when an alert that does not fire has been true (its dwell runs). `clear_since`: since when one
    that fires has been clear. `sent_at`: when its record was last put out, a repeat included.
    """

    status: Status = "none"
    revision: int = 0
    severity: Severity = "critical"
    mode: str = "in_force"
    rehearsal: bool = False
    true_since: int | None = None
    clear_since: int | None = None
    enter_dwell: int = 0
    exit_dwell: int = 0
    starts_at: int | None = None
    changed_at: int = 0
    ends_at: int | None = None
    sent_at: int = 0
    shown: str = ""
    facts: tuple[str, ...] = ()
    outdated: bool = False

    def state(self) -> dict[str, Any]:
        """JSON values for a snapshot."""
        return {name: str(value) if type(value) is int and name != "revision" else value for name, value in asdict(self).items()}

    @staticmethod
    def of_state(state: Mapping[str, Any]) -> Life:
        """The life that `state` wrote."""
        times = ("true_since", "clear_since", "enter_dwell", "exit_dwell", "starts_at", "changed_at", "ends_at", "sent_at")
        facts = {"facts": tuple(state["facts"])}
        return Life(**{**state, **facts, **{name: None if state[name] is None else int(state[name]) for name in times}})


@dataclass(frozen=True, slots=True)
class Change:
    """A change to publish: the life right after it, and why."""

    life: Life
    reason: AlertReason


@dataclass(frozen=True, slots=True)
class Moment:
    """When an evaluation takes place (ns of the engine clock).

    `rehearsal`: whether a rehearsal is under way, which marks what begins now and is taken off a running alert when it
    is over. Changed figures are published every `update_every` ns at most.
    """

    at: int
    rehearsal: bool
    update_every: int


def step(life: Life, sight: Finding, moment: Moment) -> tuple[Life, list[Change]]:
    """The life after an evaluation that sees `sight`, and the changes to publish, in order.

    A change of mode is no evidence: what fires goes on firing under the new one until its figure proves it over.
    """
    changes: list[Change] = []
    if life.status == "firing" and sight.mode != life.mode:
        life = _published(replace(life, mode=sight.mode), moment.at, "method_changed", changes)
    follow = _firing if life.status == "firing" else _waiting
    return follow(life, sight, moment, changes), changes


def resend(life: Life, at: int) -> tuple[Life | None, Change | None]:
    """The hourly repeat of what fires or was resolved in the last 7 days, at the same revision; None for a life that is over.

    An alert that is over is forgotten with a tombstone by the caller.
    """
    if life.status == "none":
        return life, None
    over = _over_at(life)
    if over is not None and at >= over:
        return None, None
    if at < life.sent_at + RESEND_EVERY:
        return life, None
    life = replace(life, sent_at=at)
    return life, Change(life, "resent")


def unwatched(life: Life, at: int) -> Change:
    """That nothing is looked at any more for what fires: told once, and what is seen of it later is told in any case."""
    changes: list[Change] = []
    _published(replace(life, shown="", facts=()), at, "method_changed", changes)
    return changes[0]


def next_instant(life: Life, update_every: int) -> int | None:
    """When something about this alert is due by time alone: its dwell over, a delayed update, the next repeat, its end."""
    due: list[int | None] = []
    if life.true_since is not None and life.status != "firing":
        due.append(life.true_since + life.enter_dwell)
    if life.clear_since is not None:
        due.append(life.clear_since + life.exit_dwell)
    if life.outdated:
        due.append(life.changed_at + update_every)
    if life.status != "none":
        due += [life.sent_at + RESEND_EVERY, _over_at(life)]
    return earliest(due)


def _over_at(life: Life) -> int | None:
    if life.status != "resolved" or life.ends_at is None or life.true_since is not None:
        return None
    return life.ends_at + KEEP_RESOLVED


def _waiting(life: Life, sight: Finding, moment: Moment, changes: list[Change]) -> Life:
    if sight.verdict in {Verdict.BETWEEN, Verdict.CLEAR}:
        return replace(life, true_since=None)
    if sight.verdict is Verdict.UNKNOWN:
        return life
    since = moment.at if life.true_since is None else life.true_since
    life = replace(life, true_since=since, enter_dwell=sight.enter_dwell)
    if moment.at < since + sight.enter_dwell:
        return life
    reason: AlertReason = "reopened" if life.status == "resolved" else "entered"
    fired = replace(
        life,
        status="firing",
        severity=sight.severity,
        mode=sight.mode,
        rehearsal=moment.rehearsal,
        true_since=None,
        clear_since=None,
        exit_dwell=sight.exit_dwell,
        starts_at=since,
        ends_at=None,
        shown=sight.shown,
        facts=sight.facts,
        outdated=False,
    )
    return _published(fired, moment.at, reason, changes)


def _firing(life: Life, sight: Finding, moment: Moment, changes: list[Change]) -> Life:
    at = moment.at
    if sight.verdict is Verdict.CLEAR:
        since = at if life.clear_since is None else life.clear_since
        life = replace(life, clear_since=since, exit_dwell=sight.exit_dwell)
        if at >= since + sight.exit_dwell:
            return _ended(life, at, sight.ends_as, changes)
    else:
        life = replace(life, clear_since=None)
    marked = life.rehearsal and moment.rehearsal
    if sight.verdict is Verdict.TRUE and sight.severity != life.severity:
        reason: AlertReason = "escalated" if SEVERITIES.index(sight.severity) > SEVERITIES.index(life.severity) else "eased"
        shown = replace(life, severity=sight.severity, rehearsal=marked, shown=sight.shown, facts=sight.facts, outdated=False)
        return _published(shown, at, reason, changes)
    differs = sight.verdict is not Verdict.UNKNOWN and sight.shown != life.shown
    at_once = differs and not set(sight.facts) <= set(life.facts)
    if marked != life.rehearsal or at_once or (differs and at >= life.changed_at + moment.update_every):
        seen = sight if differs else life
        shown = replace(life, rehearsal=marked, shown=seen.shown, facts=seen.facts, outdated=False)
        return _published(shown, at, "updated", changes)
    return replace(life, outdated=differs)


def _ended(life: Life, at: int, reason: AlertReason, changes: list[Change]) -> Life:
    over = replace(life, status="resolved", true_since=None, clear_since=None, ends_at=at, outdated=False)
    return _published(over, at, reason, changes)


def _published(life: Life, at: int, reason: AlertReason, changes: list[Change]) -> Life:
    life = replace(life, revision=life.revision + 1, changed_at=at, sent_at=at)
    changes.append(Change(life, reason))
    return life
