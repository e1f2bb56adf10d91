"""The alerts of one entity: follows each condition through its life and writes its records (CONTRACT 2, JOURNAL 7)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from typing import Any

from monitor.core.alerts.conditions import Condition
from monitor.core.alerts.entity_conditions import RULES_OF_FEEDS
from monitor.core.alerts.foreseen import FORECAST_RULE
from monitor.core.alerts.life import Change, Finding, Identity, Life, Moment, Verdict, next_instant, resend, step, unwatched
from monitor.core.alerts.method_conditions import UNKNOWN_RULE, blinded, is_skipped
from monitor.core.alerts.record import AlertContent, Draft
from monitor.core.configuration.configuration import Levels
from monitor.core.evaluation.evaluation import MethodResult
from monitor.core.journal.causes import CAUSES_A_PART, Cause
from monitor.core.journal.schedule import earliest
from monitor.core.journal.vocabulary import EndReason

_NO_LIFE = Life()
_NO_DWELL = Levels()


@dataclass(slots=True)
class FollowedAlert:
    """One alert: its life, its newest record as published, and what its rule read since then.

    `flip` are the causes of the evaluation at which its verdict changed last, `noted` the others. `let_go`: people ended it
    on record; that counts where nothing is looked at any more that could prove it over, of which `unwatched` says that it was
    told. `by_configuration`: another configuration, and no figure, made it look over.

    A record without a newer cause repeats those of the record before it: whoever reads it must see what began it (P4).
    """

    life: Life = _NO_LIFE
    record: dict[str, Any] | None = None
    verdict: Verdict | None = None
    flip: list[Cause] = field(default_factory=list)
    noted: list[Cause] = field(default_factory=list)
    let_go: bool = False
    unwatched: bool = False
    by_configuration: bool = False

    def note(self, condition: Condition, causes: list[Cause]) -> None:
        """What the rule read since the last evaluation; where its verdict changed, that is what changed it."""
        ending = condition.verdict is not Verdict.TRUE
        new = [cause for cause in causes if condition.concerns(cause)]
        new.sort(key=lambda cause: (not cause.changes, _weight(condition, cause, ending)))
        if condition.verdict is not self.verdict:
            self.flip, self.noted = new[:CAUSES_A_PART], [*self.flip, *self.noted][:CAUSES_A_PART]
        else:
            self.noted = [*new, *self.noted][:CAUSES_A_PART]
        self.verdict = condition.verdict

    def ends_as(self, condition: Condition, around: Surroundings) -> EndReason:
        """Why it ends if it ends now: what only another configuration made look over has not recovered."""
        turned = around.reconfigured and self.verdict is not Verdict.CLEAR
        self.by_configuration = condition.verdict is Verdict.CLEAR and (turned or self.by_configuration)
        return "method_changed" if self.by_configuration and condition.by_rules and not self.let_go else condition.ends_as

    def forget(self) -> None:
        """What was noted has been published."""
        self.flip, self.noted = [], []


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an evaluation's alerts have in common.

    Results by method (None: the entity is configured no more, nothing is looked at), its levels, the causes since the last
    evaluation as `telling` orders them, and where runbooks are. `reconfigured`: it is the first under another configuration.
    """

    results: Mapping[str, MethodResult] | None
    levels: Levels
    causes: list[Cause]
    runbook_base_url: str
    reconfigured: bool = False


class AlertBook:
    """Every alert of one entity that fires, waits for its dwell, or was resolved in the last 7 days."""

    def __init__(self, update_every: int) -> None:
        self.update_every = update_every
        self._kept: dict[Identity, FollowedAlert] = {}

    def follow(self, conditions: Iterable[Condition], moment: Moment, around: Surroundings) -> list[Draft]:
        """The changes that an evaluation's conditions make, in the order of the conditions, then what is not among them."""
        drafts: list[Draft] = []
        seen: set[Identity] = set()
        for condition in conditions:
            seen.add(condition.identity)
            kept = self._kept.get(condition.identity)
            if kept is None and condition.verdict is not Verdict.TRUE:
                continue
            kept = kept or FollowedAlert()
            kept.let_go = kept.let_go and not condition.watched
            drafts += self._follow_one(condition, kept, moment, around)
        for identity in sorted((one for one in self._kept if one not in seen), key=_order):
            kept = self._kept[identity]
            drafts += self._follow_one(_absent(identity, around.results, kept), kept, moment, around, shows=False)
        return drafts

    def let_go(self, fingerprint: str) -> None:
        """People end an alert on record: it is over at the next evaluation, unless that one still speaks of it."""
        for identity, kept in self._kept.items():
            if identity.fingerprint == fingerprint and kept.life.status == "firing":
                kept.let_go = True

    @property
    def followed(self) -> Collection[Identity]:
        """The alerts of which an evaluation must speak, true or not; it grows and shrinks with `follow`."""
        return self._kept

    @property
    def at_rest(self) -> bool:
        """Whether nothing fires or waits for its dwell, so that to find once more what was found changes nothing."""
        return all(kept.life.status == "resolved" and kept.life.true_since is None for kept in self._kept.values())

    def repeats(self, at: int) -> tuple[list[Draft], list[Identity]]:
        """The hourly repeats that are due at `at`, and the alerts that are over: they get a tombstone."""
        drafts: list[Draft] = []
        over: list[Identity] = []
        for identity in sorted(self._kept, key=_order):
            kept = self._kept[identity]
            life, change = resend(kept.life, at)
            if life is None:
                del self._kept[identity]
                over.append(identity)
                continue
            kept.life = life
            if change is not None and kept.record is not None:
                drafts.append(Draft(identity, life, change.reason, None, [], "", repeats=kept.record))
        return drafts, over

    def published(self, identity: Identity, record: dict[str, Any]) -> None:
        """Notes the record as it was published."""
        self._kept[identity].record = record

    def records(self) -> list[dict[str, Any]]:
        """The newest record of each alert that was published, sorted by what identifies it."""
        kept = (self._kept[identity].record for identity in sorted(self._kept, key=_order))
        return [record for record in kept if record is not None]

    def clearing(self) -> dict[str, int]:
        """By fingerprint, of each alert that fires and is over for now: when it resolves if that holds (ns)."""
        lives = ((identity, kept.life) for identity, kept in self._kept.items())
        return {
            identity.fingerprint: life.clear_since + life.exit_dwell
            for identity, life in lives
            if life.status == "firing" and life.clear_since is not None
        }

    def exit_dwells(self) -> dict[str, int]:
        """By fingerprint: how long an alert must be over before it resolves (ns).

        Also of one that has resolved: until that is published its record says that it fires.
        """
        return {identity.fingerprint: kept.life.exit_dwell for identity, kept in self._kept.items()}

    def next_instant(self, after: int) -> int | None:
        """The earliest instant above `after` at which something here is due by time alone."""
        instants = (next_instant(kept.life, self.update_every) for kept in self._kept.values())
        return earliest(instant for instant in instants if instant is not None and instant > after)

    def state(self) -> list[dict[str, Any]]:
        """JSON values for a snapshot."""
        return [
            {
                "identity": asdict(identity),
                "life": self._kept[identity].life.state(),
                "record": self._kept[identity].record,
                "verdict": getattr(self._kept[identity].verdict, "value", None),
                "flip": [cause.state() for cause in self._kept[identity].flip],
                "noted": [cause.state() for cause in self._kept[identity].noted],
                "let_go": self._kept[identity].let_go,
                "unwatched": self._kept[identity].unwatched,
                "by_configuration": self._kept[identity].by_configuration,
            }
            for identity in sorted(self._kept, key=_order)
        ]

    def restore(self, state: Iterable[Mapping[str, Any]]) -> None:
        """Takes back what `state` wrote."""
        for entry in state:
            flip, noted = ([Cause.of_state(cause) for cause in entry[name]] for name in ("flip", "noted"))
            verdict = None if entry["verdict"] is None else Verdict(entry["verdict"])
            marks = {name: entry.get(name, False) for name in ("let_go", "unwatched", "by_configuration")}
            followed = FollowedAlert(Life.of_state(entry["life"]), entry["record"], verdict, flip, noted, **marks)
            self._kept[Identity(**entry["identity"])] = followed

    def _follow_one(
        self, condition: Condition, kept: FollowedAlert, moment: Moment, around: Surroundings, *, shows: bool = True
    ) -> list[Draft]:
        if kept.life.status == "resolved" and kept.life.true_since is None and condition.verdict is not Verdict.TRUE:
            return []
        if not condition.watched:
            condition = _unseen(condition, kept)
        ends_as = kept.ends_as(condition, around)
        content = condition.show() if shows else None
        levels = around.levels if condition.dwells else _NO_DWELL
        sight = Finding(
            condition.verdict,
            condition.severity,
            condition.mode or kept.life.mode,
            enter_dwell=max(levels.enter_dwell_ns, condition.grace),
            exit_dwell=levels.exit_dwell_ns,
            ends_as=ends_as,
            shown=kept.life.shown if content is None else content.digest,
            facts=kept.life.facts if content is None else content.facts,
        )
        life, changes = step(kept.life, sight, moment)
        lost_sight = life.status == "firing" and not condition.watched and condition.verdict is Verdict.UNKNOWN
        if lost_sight and not kept.unwatched:
            changes = [*changes, unwatched(life, moment.at)]
            life = changes[-1].life
        kept.unwatched = lost_sight
        kept.note(condition, around.causes)
        drafts = [self._draft(condition.identity, change, content, kept, around) for change in changes]
        if changes:
            kept.forget()
        kept.life = life
        if life.status == "none" and life.true_since is None:
            self._kept.pop(condition.identity, None)
        else:
            self._kept[condition.identity] = kept
        return drafts

    @staticmethod
    def _draft(
        identity: Identity, change: Change, content: AlertContent | None, kept: FollowedAlert, around: Surroundings
    ) -> Draft:
        causes = [*kept.flip, *kept.noted][:CAUSES_A_PART]
        waited = {"entered": change.life.enter_dwell, "reopened": change.life.enter_dwell, "recovered": change.life.exit_dwell}
        newest = max((cause.logged_at for cause in kept.flip or causes), default=None)
        caused_at = None if newest is None else newest + waited.get(change.reason, 0)
        printed = [cause.told() for cause in causes]
        if not printed and kept.record is not None and change.life.status == "firing":
            printed = kept.record["causes"]
        if kept.record is not None and (content is None or change.reason == "method_changed"):
            content = _last_told(identity, change, AlertContent.of_record(kept.record), kept)
        return Draft(identity, change.life, change.reason, content, printed, around.runbook_base_url, caused_at)


def _last_told(identity: Identity, change: Change, told: AlertContent, kept: FollowedAlert) -> AlertContent:
    """What is shown of an alert that the evaluation does not speak of any more."""
    if change.life.status == "firing":
        return replace(told, description=f"{told.description} {_nobody_looks(identity)}") if kept.unwatched else told
    changed = "the configuration" if identity.method is None else "the configuration of its method"
    why = f"{changed} changed" if change.reason == "method_changed" else "what it was about is gone"
    why = "people ended it on record" if kept.let_go else why
    about = " ".join(part for part in (identity.alertname, identity.method, identity.subject) if part)
    return replace(told, over=(f"{identity.entity}: {about} ended, since {why}", f"Told last: {told.summary}"))


def _unseen(condition: Condition, kept: FollowedAlert) -> Condition:
    """Nothing is looked at for it any more: what was known is over, what was not fires until people end it on record."""
    if kept.let_go:
        return replace(condition, verdict=Verdict.CLEAR, dwells=False, ends_as="ended")
    unknown = kept.life.status == "firing" and _was_unknown(condition.identity, kept.verdict)
    return replace(condition, verdict=Verdict.UNKNOWN) if unknown else condition


def _nobody_looks(identity: Identity) -> str:
    return (
        "Nothing is looked at for this any more, since the configuration changed: it fires until it is looked at again or "
        f"`reserve-monitor alerts dismiss {identity.fingerprint}` ends it."
    )


def _weight(condition: Condition, cause: Cause, ending: bool) -> tuple[int, Decimal]:
    """What moved the way the verdict went before what moved the other way; of positions the largest move first."""
    worsens = condition.worsens(cause)
    if worsens is None or cause.before is None or cause.after is None:
        return 1, Decimal(0)
    return 0 if worsens is not ending else 2, -abs(Decimal(cause.after) - Decimal(cause.before))


def _absent(identity: Identity, results: Mapping[str, MethodResult] | None, kept: FollowedAlert) -> Condition:
    """An alert that the evaluation does not speak of.

    Its subject is gone, which is evidence unless the method cannot see; or nobody looks at it any more, since the configuration
    took its entity, method, rule or feed away: that ends what was known, and nothing that was not.
    """
    if kept.let_go:
        return Condition(identity, Verdict.CLEAR, mode="", dwells=False, ends_as="ended")
    verdict = Verdict.UNKNOWN if kept.life.status == "firing" and _was_unknown(identity, kept.verdict) else Verdict.CLEAR
    found = None if results is None or identity.method is None else results.get(identity.method)
    if identity.method is None and results is not None and identity.rule not in RULES_OF_FEEDS:
        return Condition(identity, verdict, mode="", ends_as="ended")
    if found is None:
        return Condition(identity, verdict, mode="", dwells=False, ends_as="method_changed", watched=False)
    method, name = found.prepared.config, f"{identity.rule}.{identity.subject}" if identity.subject else identity.rule
    blind = found.result.state == "not_computable" or blinded(found.result)
    if identity.rule in {"headline", FORECAST_RULE} or is_skipped(method, name):
        verdict = Verdict.UNKNOWN if blind else verdict
        return Condition(identity, verdict, mode=method.mode, dwells=False, ends_as="method_changed")
    return Condition(identity, Verdict.UNKNOWN if blind else Verdict.CLEAR, mode=method.mode, ends_as="ended")


def _was_unknown(identity: Identity, last: Verdict | None) -> bool:
    """Whether the figure that would prove an alert over was not known when it was looked at last."""
    return last is Verdict.UNKNOWN or (identity.rule == UNKNOWN_RULE and last is Verdict.TRUE)


def _order(identity: Identity) -> tuple[str, str, str, str]:
    return identity.alertname, identity.method or "", identity.rule, identity.subject or ""
