"""One entity in the engine: its book, its evaluations, and everything it has published (JOURNAL 2, 7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from monitor.core.alerts.alertbook import AlertBook, Surroundings
from monitor.core.alerts.life import Moment
from monitor.core.alerts.observed import observed_conditions
from monitor.core.alerts.record import Draft, alert_record
from monitor.core.attribution.attribution import Instant, noting
from monitor.core.attribution.split_view import SplitView
from monitor.core.attribution.story import short_change
from monitor.core.book.book import Book
from monitor.core.book.custody.positions import Positions
from monitor.core.book.valued import valued
from monitor.core.components.steps import Steps
from monitor.core.configuration.configuration import Configuration, Levels
from monitor.core.configuration.controls import dismissed_alert
from monitor.core.entity.changes import Rest, named
from monitor.core.entity.closes import Closed, ClosedDay, Closes, days_again
from monitor.core.entity.footings import Footings
from monitor.core.entity.publication import (
    UNCHAINED,
    EntityStanding,
    Evidence,
    PublishedLine,
    Shapes,
    as_shown,
    assessment_object,
    method_fields,
    shown_again,
    spread_of,
)
from monitor.core.evaluation.evaluation import Evaluation, Evaluator, MethodResult
from monitor.core.evaluation.exposure import exposure_object
from monitor.core.foresight.advice import Advice
from monitor.core.foresight.margins.courses import Courses
from monitor.core.foresight.moves import Planner
from monitor.core.foresight.printed import outcome_object
from monitor.core.foresight.published import published
from monitor.core.foresight.scenarios import Scenario, outcomes, scenarios_of
from monitor.core.foresight.sentences import proposal_object
from monitor.core.journal.causes import telling
from monitor.core.journal.chain import NO_INPUTS
from monitor.core.journal.outputs import Output
from monitor.core.journal.records import JournalRecord
from monitor.core.journal.schedule import earliest
from monitor.core.journal.vocabulary import ALERTS, ASSESSMENTS, EXPOSURES, Mode
from monitor.core.values.canonical import digest_of
from monitor.core.values.money import plain
from monitor.core.values.times import DAY, SECOND, format_time
from monitor.core.view.memory.memo import Memo

REVISIONS_AT_ONCE = 8
"""Closed days looked at again in one evaluation: a correction of an old day must not hold up the present."""

SPACING = SECOND // 10
"""Least time between two evaluations by the book's own deadlines: a million accounts that age one by one are not a million."""

ALERTS_FIRST = 5 * SECOND
"""In an evaluation that tells of alerts what is due by its interval alone is left to the next, where it has not waited for so
long: scenarios, and the figures of other methods, do not hold them up.
"""

GROUP_WAIT = 5 * SECOND
EXPOSURE = "exposure"


class Entity:
    """An entity of the partition. Without an evaluator it is retired: no longer configured, its last alerts ended."""

    def __init__(self, name: str, book: Book, config: Configuration, inputs: bytes = NO_INPUTS) -> None:
        self.name = name
        self.book = book
        self.inputs = inputs
        self.standing = EntityStanding()
        self.alerts = AlertBook(config.publish_interval_ns)
        self.waiting = self.pressed = True
        """Whether something waits for evaluation, and whether other than trades and prices: those may wait (see `ready`)."""
        self.changed = True
        self.uncut = True
        self.footings = Footings()
        self.courses = Courses()
        self.differences: list[str] | None = None
        """Where it is told if an evaluation differs from one that reads everything anew; None: none is held against one."""
        self.unsure: dict[str, None] = {}
        """Where it is told that its deadline may be another."""
        self.dropped: set[str] = set()
        self.cut: Mapping[str, Any] | None = None
        """The checkpoint that the last evaluation cut."""
        self._shapes = Shapes()
        self._alert_due: int | None = None
        """When something is due of its alerts by time alone, as the last evaluation left them."""
        self._deadline: int | None = None
        self._deadline_known = False
        self._own_due: int | None = None
        self._own_due_known = False
        self._midnight: int | None = None
        self._opened: int | None = None
        self.config = config
        self.evaluator = _evaluator(name, config, {})
        self._rest = Rest(named(config, self.evaluator))
        self.scenarios = scenarios_of(config)
        self._spread = spread_of(name, config)

    def configure(self, config: Configuration, derived: Positions) -> None:
        """Changes over to a configuration (see `Book.configure`); what no longer belongs to it ends at the next evaluation."""
        self.standing.promotions.configure(_modes(self.name, self.config), _modes(self.name, config))
        former, self.config = self.evaluator, config
        self.prepare()
        self.scenarios = scenarios_of(config)
        self._spread = spread_of(self.name, config)
        self.alerts.update_every = config.publish_interval_ns
        self.book.configure(config, derived)
        standing = self.standing
        self.dropped |= standing.newest.keys()
        kept = {prepared.config.id for prepared in self.evaluator.methods} if self.evaluator else set()
        self.footings.configure(former, kept)
        self.courses.configure(former, self.evaluator)
        standing.lines = {name: line for name, line in standing.lines.items() if name in kept or name == EXPOSURE}
        standing.closes = {name: closes for name, closes in standing.closes.items() if name in kept}
        standing.newest = {name: value for name, value in standing.newest.items() if name in kept or name == EXPOSURE}
        self._find_midnight()
        self.wait()

    def prepare(self) -> None:
        """The methods are made ready under the configuration and the modes that promotions gave them."""
        self.evaluator = _evaluator(self.name, self.config, self.standing.promotions.modes)
        self._rest = Rest(named(self.config, self.evaluator))

    def operate(self, record: JournalRecord, clock: int) -> None:
        """An act of people came: a rehearsal, a checkpoint, or what needs two of them."""
        statement, standing = record.statement, self.standing
        if statement.body["kind"] == "rehearsal":
            standing.rehearsal.take(statement.body)
        if statement.body["kind"] == "checkpoint":
            standing.seal.asked = True
        if (alert := dismissed_alert(statement.body, self.config.controls, clock)) is not None:
            self.alerts.let_go(alert)
        methods = self.evaluator.methods if self.evaluator else ()
        if standing.promotions.take(record, self.config.controls, methods, clock):
            self.prepare()

    def note_cause(self, record: JournalRecord, before: str | None = None) -> None:
        """The book has taken a record that may have moved figures. `before`: the value it replaced, but of a position."""
        replaced = self.book.replaced
        if replaced is None:
            self.standing.causes.note_of(record, before, None)
        else:
            self.standing.causes.note_of(record, plain(replaced.quantity), replaced.storage)

    def wait(self, *, pressed: bool = True) -> None:
        """Something that figures depend on has changed: an evaluation is due. Not `pressed`: trades did."""
        self._rest.disturb()
        if self.waiting and self.pressed:
            self.changed = True  # that it has no deadline, since it is ready, is known
            return
        self.waiting, self.pressed = True, self.pressed or pressed
        self.forget_deadline()

    def wait_for_price(self) -> None:
        """A price came that a figure may read: an evaluation is due."""
        self._rest.disturb_by_price()
        if self.waiting and self.pressed:
            self.changed = True  # as in `wait`
            return
        self.waiting = True
        self._forget_deadline_of_book()

    def stir(self) -> None:
        """A price came that no figure reads: an evaluation is due, and may be passed over if it would find nothing new."""
        if not self.waiting:
            self._rest.stir(until=self._deadline, known=self._deadline_known)
        self.waiting = True
        self._forget_deadline_of_book()

    def reads_price(self, asset: str, event_time: int | None) -> bool:
        """Whether a figure may read a price of the asset, or one of a closed day."""
        if self.evaluator is None or event_time is None or self.in_closed_day(event_time):
            return True
        return self._rest.reads(asset, lambda: valued(self.book, asset))

    def forget_deadline(self) -> None:
        """What is due by time alone may have changed."""
        self._own_due_known = False
        self._forget_deadline_of_book()

    def _forget_deadline_of_book(self) -> None:
        """What the book has due may have changed, which is all that a price can do, and very many come to every entity."""
        self._deadline_known = False
        self.changed = True
        self.unsure[self.name] = None

    def ready(self, clock: int, pace: int) -> bool:
        """Whether what it waits for is to be evaluated by `clock`: trades and prices not until `pace` (ns) after the last."""
        return self.waiting and (self.pressed or self.standing.evaluated_at + pace <= clock)

    def turned(self, at: int) -> bool:
        """Whether it waits for trades and prices alone, and by `at` (ns) something fell due that it has no deadline for.

        Nothing is kept of what is asked here, which is not asked at places of the log.
        """
        if not self.waiting or self.pressed or self.evaluator is None:
            return False
        if self._alert_due is not None and self._alert_due <= at:
            return True
        return self.book.turned(self.standing.evaluated_at, at, lambda asset: self._rest.names(asset) or valued(self.book, asset))

    @property
    def disturbed(self) -> bool:
        """Whether an evaluation is due for what it is of its own, so that no further record makes it any sooner."""
        return self.waiting and self.pressed and self.changed

    def restored(self, *, waiting: bool, pressed: bool) -> None:
        """The standing was put back from a snapshot, to which nothing has been added yet."""
        self._find_midnight()
        self._alert_due = self.alerts.next_instant(self.standing.evaluated_at)
        self.waiting, self.pressed, self.changed, self.uncut = waiting, pressed, False, False

    def touch(self, event_time: int, settles_at: int | None = None) -> None:
        """An event with this event time (ns) came. `settles_at`: when it holds at the latest, where it waits for a group."""
        self._own_due_known = False
        for prepared in self.evaluator.methods if self.evaluator else ():
            closes = self.standing.closes.get(prepared.config.id)
            if closes is not None:
                closes.touch(prepared.zone, event_time)
        if settles_at is not None and any(closes.again for closes in self.standing.closes.values()):
            self.standing.again.append((settles_at, event_time))

    def in_closed_day(self, event_time: int) -> bool:
        """Whether an event time (ns) may lie in a day that was closed."""
        return self._opened is not None and event_time < self._opened

    @property
    def open_since(self) -> int:
        """The event time (ns) from which on no day was closed."""
        return 0 if self._opened is None else self._opened

    def deadline(self, clock: int, pace: int) -> int | None:
        """The next instant above `clock` at which an evaluation is due by time alone: see `ready` for `pace`.

        None while the entity waits anyway: it is evaluated at the next tick, or before the first record of a later second. Of one
        that waits for trades and prices alone, at no pace, what is due of its alerts holds: a dwell is over whoever writes ticks.
        """
        if self.waiting and self.pressed:
            return None
        if self.waiting and not pace:
            return self._alert_due
        if not self._deadline_known:
            self._deadline = self._next_deadline(clock)
            self._deadline_known = True
        return self._deadline

    def evaluate(self, at: int, evidence: Evidence, sources: list[dict[str, Any]], *, closing: bool) -> Steps[list[Output]]:
        """Evaluates at `at` and returns what is to be published: closes, assessments, exposure, alerts, tombstones.

        `closing`: whether days that ended are closed and scenarios worked out too, which nobody reads of one instant offline.
        Where nothing can be found that was not at the last evaluation, none is made.
        """
        self.book.advance(at)
        rests = closing and self._rests(at)
        self.waiting = False
        outputs = list[Output]()
        if rests:
            newest = self.standing.newest
            self.standing.newest = {name: shown_again(value, at, evidence, sources) for name, value in newest.items()}
        if not rests or self.differences is not None:
            before = self._lines()
            outputs = yield from self._look(at, evidence, sources, closing=closing)
            self._rest.looked(at, again=self.waiting)
            if self.differences is not None and rests and (outputs or before != self._lines()):
                self.differences.append(f"{self.name}: an evaluation at {at} that would be passed over found something")
        self.pressed = self.waiting
        self.footings.former = None
        self._seal(at)
        self.standing.evaluated_at, self.standing.mark = at, evidence.offset
        self._alert_due = self.alerts.next_instant(at)
        self.forget_deadline()
        return outputs

    def _lines(self) -> dict[str, Any] | None:
        """How each published line stands, where evaluations are held against others."""
        return None if self.differences is None else {name: line.state_values() for name, line in self.standing.lines.items()}

    def _rests(self, at: int) -> bool:
        """Whether an evaluation at `at` would find what the last one found, and publish nothing."""
        spaced = self.standing.evaluated_at + SPACING
        quiet = self.waiting and self._rest.lasts(at, spaced) and self.alerts.at_rest
        return quiet and self.evaluator is not None and self.evaluator.says_as_before(self.book, at)

    def _look(self, at: int, evidence: Evidence, sources: list[dict[str, Any]], *, closing: bool) -> Steps[list[Output]]:
        outputs: list[Output] = []
        evaluation: Evaluation | None = None
        if self.evaluator is None:
            drafts = self.alerts.follow((), self._moment(at), self._surroundings(None))
            digests: dict[str, str] = {}
        else:
            if closing:
                outputs += yield from self._closes(at, evidence, sources)
            evaluation = yield from (
                self.evaluator.evaluate(self.book, at)
                if self.differences is None
                else self.evaluator.evaluate_checked(self.book, at, self.differences)
            )
            levels = self.evaluator.entity_config.levels
            self.courses.take(evaluation, levels, self.config.assets)
            conditions = observed_conditions(self.name, levels, evaluation, self.alerts.followed, self.courses.shortfall)
            drafts = self.alerts.follow(conditions, self._moment(at), self._surroundings(evaluation))
            telling = closing and any(draft.reason != "updated" for draft in drafts)
            digests = yield from self._live(evaluation, drafts, evidence, sources, outputs, closing=closing, telling=telling)
            self.waiting = self.waiting or (telling and self._left(at))
        repeats, over = self.alerts.repeats(at)
        advice = Advice(self.evaluator, self.book, at, evaluation)
        for draft in (*drafts, *repeats):
            outputs.append(self._alert(draft, digests, evidence, advice))
            yield
        outputs += [Output(ALERTS, identity.fingerprint, self.name, None) for identity in over]
        return outputs

    def _seal(self, at: int) -> None:
        own = self.config.entity(self.name)
        day = self.config.zone(own.time_zone if own else None).local_date(at)
        self.cut = self.standing.seal.cut(self.name, self.standing.chain, day, at)

    def _moment(self, at: int) -> Moment:
        return Moment(at, self.standing.rehearsal.under_way(at), self.alerts.update_every)

    def _surroundings(self, evaluation: Evaluation | None) -> Surroundings:
        results = None if evaluation is None else {found.prepared.config.id: found for found in evaluation.methods}
        levels = self.evaluator.entity_config.levels if self.evaluator else Levels()
        causes = telling(self.standing.causes.since(self.standing.mark))
        return Surroundings(results, levels, causes, self.config.runbook_base_url, self.footings.former is not None)

    def foresee(self, scenario: Scenario) -> list[dict[str, Any]]:
        """Every method, and the exposure's, without and with a scenario, at the book's clock: a view of it moves nothing."""
        if self.evaluator is None:
            return []
        own, yardstick = self.evaluator.methods, self.evaluator.yardstick
        methods = own if any(p.config.id == yardstick.config.id for p in own) else (*own, yardstick)
        return [outcome_object(found) for found in outcomes(scenario, self.evaluator, methods, self.book, self.book.clock)]

    def actions(self) -> list[dict[str, Any]]:
        """The smallest moves that mend each broken or threatened rule, at the book's clock: a view of it moves nothing."""
        if self.evaluator is None:
            return []
        return [proposal_object(found) for found in Planner(self.evaluator, self.book, self.book.clock).plan()]

    # --- assessments and exposure
    def _live(
        self,
        evaluation: Evaluation,
        drafts: Iterable[Draft],
        evidence: Evidence,
        sources: list[dict[str, Any]],
        outputs: list[Output],
        *,
        closing: bool,
        telling: bool,
    ) -> Steps[dict[str, str]]:
        """Adds what is due of the live figures to `outputs`; the digest of each assessment published, by method."""
        told = {draft.identity.method for draft in drafts}
        where = Instant(self.book, evaluation.at, self.config.digest, evaluation.known)
        digests = dict[str, str]()
        for found in evaluation.methods:
            name = found.prepared.config.id
            value = assessment_object(self.name, found, evaluation.at, evidence, sources)
            shape = self._shapes.of(found, evidence.config_digest)
            if self._due(name, found, shape, evaluation.at, told=None in told or name in told, telling=telling):
                reads = yield from self.footings.explain_live(value, found, where, self.standing.causes)
                self._publish(name, found, value, shape, evaluation.at)
                self.footings.keep_live(found, value, evaluation.at, reads)
                outputs.append(Output(ASSESSMENTS, self.name, self.name, value))
                digests[name] = value["digest"]
            self.standing.newest[name] = as_shown(value, self.standing.newest.get(name))
            yield
        exposure = evaluation.exposure
        value = exposure_object(self.name, format_time(evaluation.at), exposure.printed)
        shape = digest_of([evidence.config_digest, [part for part, amount in value["parts"].items() if amount is None]])
        due = self._due(EXPOSURE, exposure, shape, evaluation.at, told=False, telling=telling)
        stresses = (yield from self._scenarios(evaluation, due=due)) if closing else []
        value |= {"scenarios": stresses} | self.courses.foreseen(evaluation)
        value |= method_fields(exposure) | evidence.printed() | {"result_digest": exposure.digest}
        if due:
            self._publish(EXPOSURE, exposure, value, shape, evaluation.at)
            outputs.append(Output(EXPOSURES, self.name, self.name, value))
        self.standing.newest[EXPOSURE] = UNCHAINED | value
        return digests

    def _scenarios(self, evaluation: Evaluation, *, due: bool) -> Steps[list[dict[str, Any]]]:
        """Computed where an exposure that has moved is `due`, of whose figures they are then; else those of the last time."""
        newest = self.standing.newest.get(EXPOSURE)
        if self.evaluator is None or not self.scenarios:
            return []
        anew = due and self.standing.lines[EXPOSURE].moved
        if newest is not None and newest["config_digest"] == self.config.digest and not anew:
            known: list[dict[str, Any]] = newest["scenarios"]
            return known
        return (yield from published(self.scenarios, self.evaluator, self.book, evaluation))

    def _due(self, name: str, found: MethodResult, shape: str, at: int, *, told: bool, telling: bool) -> bool:
        """Notes the newest figures; whether they are to be published. `told`: an alert tells of them, `telling`: one of some."""
        line = self.standing.lines.setdefault(name, PublishedLine())
        left = telling and line.shape == shape and self._gives_way(line, name, at)
        line.take(found.result.state, found.digest, at)
        return told or (line.due(shape, at, self._interval(name)) and not left)

    def _gives_way(self, line: PublishedLine, name: str, at: int) -> bool:
        """Whether what is due by its interval alone is left to the next evaluation: what has waited for a moment is not."""
        return not line.moved or at < line.published_at + self._interval(name) + ALERTS_FIRST

    def _interval(self, name: str) -> int:
        """How long (ns) after the last publication of a line figures that moved are due."""
        return self.config.publish_interval_ns + (self._spread if name == EXPOSURE else 0)

    def _left(self, at: int) -> bool:
        """Whether something is due by its interval at `at`."""
        due = self._next_publication()
        return due is not None and due <= at

    def _next_publication(self) -> int | None:
        return earliest(line.next_instant(self._interval(name)) for name, line in self.standing.lines.items())

    def _publish(self, name: str, found: MethodResult, value: dict[str, Any], shape: str, at: int) -> None:
        """Puts figures into the chain."""
        self.standing.chain.stamp(value)
        self.standing.lines[name].published(shape, found.digest, at, value["journal"]["offset"])

    def _instant(self, at: int, seen: SplitView | None = None) -> Instant:
        known = self.evaluator.reads(self.book, at) if self.evaluator else Memo()
        return Instant(self.book, at, self.config.digest, known, seen)

    # --- closed days
    def _closes(self, at: int, evidence: Evidence, sources: list[dict[str, Any]]) -> Steps[list[Output]]:
        """The days that have ended by `at`, and closed ones that have changed since."""
        outputs = list[Output]()
        methods = self.evaluator.methods if self.evaluator else ()
        begun = all(prepared.config.id in self.standing.closes for prepared in methods)
        if not begun or self._midnight is None or self._midnight <= at:
            for prepared in methods:
                closes = self.standing.closes.setdefault(prepared.config.id, Closes(prepared.zone.local_date(at)))
                for day in closes.ended(prepared.zone, at):
                    outputs += yield from self._close((prepared, closes, day), at, evidence, sources)
                    closes.forget(day - timedelta(days=self.config.horizon_ns // DAY))
            self._find_midnight()
        self._touch_settled(at)
        due = days_again(methods, self.standing.closes, at, self.config.publish_interval_ns)
        self.waiting = self.waiting or len(due) > REVISIONS_AT_ONCE
        for again in due[:REVISIONS_AT_ONCE]:
            outputs += yield from self._close(again, at, evidence, sources)
        return outputs

    def _close(self, of: ClosedDay, now: int, evidence: Evidence, sources: list[dict[str, Any]]) -> Steps[list[Output]]:
        """The figures of a day at its last instant, unless they were published just so."""
        prepared, closes, day = of
        at = prepared.zone.day_end(day) - 1
        if self.evaluator is None:
            return []
        found, seen = yield from (
            self.evaluator.close(prepared, self.book, at, noting)
            if self.differences is None
            else self.evaluator.close_checked(prepared, self.book, at, noting, self.differences)
        )
        previous = closes.closed.get(day)
        if previous is not None and previous.result_digest == found.digest:
            closes.looked(day, None)
            return []
        value = assessment_object(self.name, found, at, evidence, sources) | {"kind": "close"}
        if previous is not None:
            value |= {"revision": previous.revision + 1, "replaces": previous.digest}
        reads = yield from self.footings.explain_close(value, found, self._instant(at, seen), self.standing.causes)
        self.standing.chain.stamp(value)
        self.footings.keep_close(found, value, at, reads)
        closes.looked(day, Closed(value["revision"], value["digest"], found.digest, now))
        yield
        return [Output(ASSESSMENTS, self.name, self.name, value)]

    def _touch_settled(self, at: int) -> None:
        """Groups that have had their time apply now, whole or not: their days are looked at again."""
        settled = [event_time for instant, event_time in self.standing.again if instant <= at]
        self.standing.again = [entry for entry in self.standing.again if entry[0] > at]
        for event_time in settled:
            self.touch(event_time)

    def hurry(self) -> None:
        """Closed days to look at again are so at the next evaluation, and no more are gathered: the log is at its end."""
        hurried = [closes.hurry() for closes in self.standing.closes.values()]
        if any(hurried):
            self.wait()

    def _find_midnight(self) -> None:
        """The next end of an open day, and the instant before which a day may be closed."""
        methods = self.evaluator.methods if self.evaluator else ()
        days = [(p.zone, self.standing.closes[p.config.id]) for p in methods if p.config.id in self.standing.closes]
        self._midnight = min((zone.day_end(closes.open_day) for zone, closes in days), default=None)
        self._opened = max((zone.day_start(closes.open_day) for zone, closes in days if closes.closed), default=None)

    # --- alerts
    def _alert(self, draft: Draft, digests: dict[str, str], evidence: Evidence, advice: Advice) -> Output:
        method, identity = draft.identity.method, draft.identity
        told = short_change(self.standing.newest[method]) if method is not None and method in digests else ""
        if draft.life.status == "firing" and draft.repeats is None:
            told = " ".join(filter(None, (told, advice.of(identity.alertname, method, identity.rule, identity.subject))))
        record = alert_record(draft, digests.get(method or ""), self._method_of(method) | evidence.printed(), told)
        self.standing.chain.stamp(record)
        self.alerts.published(draft.identity, record)
        return Output(ALERTS, draft.identity.fingerprint, self.name, record, draft.caused_at)

    def _method_of(self, name: str | None) -> dict[str, str | None]:
        """Version and digest of a configured method; null for none."""
        for prepared in self.evaluator.methods if self.evaluator else ():
            if prepared.config.id == name:
                return {"method_version": prepared.version, "method_digest": prepared.digest}
        return {"method_version": None, "method_digest": None}

    def _next_deadline(self, clock: int) -> int | None:
        if self.evaluator is None:
            return self.alerts.next_instant(self.standing.evaluated_at)
        if not self._own_due_known:
            self._own_due, self._own_due_known = self._next_of_own(), True
        return earliest((self._next_by_book(clock), self.standing.rehearsal.next_instant(clock), self._own_due))

    def _next_of_own(self) -> int | None:
        """When something is due next of what was published, closed and followed, whatever the clock and the book say."""
        return earliest(
            (
                self.alerts.next_instant(self.standing.evaluated_at),
                self._next_publication(),
                self._midnight,
                earliest(instant for instant, _ in self.standing.again),
                earliest(closes.next_due(self.config.publish_interval_ns) for closes in self.standing.closes.values()),
            )
        )

    def _next_by_book(self, clock: int) -> int | None:
        """The book's next deadline, not sooner after the last evaluation than `SPACING`.

        Reckoned from the last evaluation, so that a restored engine finds the same one; what lies behind the clock is
        left to the evaluation for which the entity waits already.
        """
        soonest = self.standing.evaluated_at + SPACING
        found = self.book.deadline(self.standing.evaluated_at)
        if found is not None and max(found, soonest) <= clock:
            found = self.book.deadline(clock)
        return None if found is None else max(found, soonest)


def _evaluator(name: str, config: Configuration, modes: Mapping[str, Mode]) -> Evaluator | None:
    return Evaluator(name, config, modes) if config.entity(name) is not None else None


def _modes(name: str, config: Configuration) -> dict[str, Mode]:
    entity_config = config.entity(name)
    return {method.id: method.mode for method in entity_config.methods} if entity_config else {}
