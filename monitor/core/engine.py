"""The one door of the core: journal records in, output records out; a pure state machine over one log (DESIGN 4).

When it evaluates is part of the log (JOURNAL 2): at ticks, at its own deadlines, and before the first record of a later
second if something waits. The same journal gives the same bytes at any batch size and across any snapshot.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any, Literal

from monitor.core.book.custody.held_twice import HeldTwice
from monitor.core.components.steps import Steps, finished
from monitor.core.configuration.configuration import Configuration
from monitor.core.entity import status
from monitor.core.entity.entity import Entity
from monitor.core.entity.measures import Measures
from monitor.core.entity.population import Population, Straight
from monitor.core.entity.publication import Evidence
from monitor.core.foresight.scenarios import Scenario
from monitor.core.journal.chain import Published
from monitor.core.journal.form.statements import refuse_unfit
from monitor.core.journal.outputs import Output, TooOld
from monitor.core.journal.records import JournalRecord
from monitor.core.journal.schedule import Deadlines, EngineClock
from monitor.core.journal.snapshot import STATE_VERSION, Cut, Cutter, StateValues, TornSnapshot, values_of
from monitor.core.journal.vocabulary import ALERTS, Unheeded
from monitor.core.values.times import MINUTE, SECOND

EvaluateWhen = Literal["always", "at_ticks"]

HEARTBEAT = MINUTE
"""A tick also evaluates what was not evaluated for this long: a figure that stands still is then seen to be looked at."""


LEFT_TO_TICKS = MINUTE
"""So long an entity that waits for trades and prices alone is left to ticks, whose writer spaces them by what it can carry: were
it evaluated sooner, a worker that is behind would have as much to do of each second as one that is not, and stay behind.
"""

UNTICKED = 5 * SECOND
"""The same where none came for as long: nobody writes any, and a record so far behind the last evaluation finds one made."""


_EVALUATED = frozenset({"configuration", "tick"})
"""Records that take steps whatever waits."""


class Engine:
    """One journal partition's engine. Not thread-safe; every method returns at once and does no I/O.

    `check_journal_time`: whether the journal keeps the broker's time, so that a record's `at` is held against it.
    `only`: the one entity to evaluate; others are followed as far as figures share something with them (see audit/stubs).
    `evaluate`: `at_ticks` evaluates at ticks alone, without closes and scenarios (offline, where only the last instant matters).
    `checked`: every evaluation is held against one that reads everything anew, which stands where they differ; see `differences`.
    """

    def __init__(
        self,
        partition: int,
        *,
        check_journal_time: bool,
        evaluate: EvaluateWhen = "always",
        only: str | None = None,
        checked: bool = False,
    ) -> None:
        self.partition = partition
        self._only = only
        self.position = -1
        self.too_old: tuple[TooOld, ...] = ()
        """What the records taken last showed to be too old; a price, which every partition refuses alike, in one of them."""
        self._always = evaluate == "always"
        self._clock = EngineClock(check_journal_time=check_journal_time)
        self._ticked = 0
        """The clock (ns) at the newest tick."""
        self._owed = False
        """Whether that one was not ahead, and what waited for it is evaluated before the first record of a later second."""
        self._population = Population(partition, only=only, checked=checked)
        self._entities = self._population.entities
        self._published = Published()
        self._held_twice = HeldTwice()
        self._touched: set[str] = set()
        self._cut: list[Mapping[str, Any]] = []
        self._deadlines = Deadlines()
        self._cutter = Cutter()

    # --- records in, outputs out
    def apply(self, record: JournalRecord) -> list[Output]:
        """Takes the next record of the partition and returns what is to be published, in order.

        Raises `chain.Forked` (see `expect`), `BadRecord` for one out of form, and ValueError for one at or before `position`.
        """
        return finished(self.steps(record))

    def steps(self, record: JournalRecord) -> Steps[list[Output]]:
        """The same in steps, so that a long evaluation holds nobody up: views may be asked between them, nothing else.

        A view shows each method as it is by then. Steps that are given up leave the engine within a record: it is of no use.
        """
        if record.offset <= self.position:
            raise ValueError(f"record {record.offset} was applied already, the engine stands at {self.position}")
        refuse_unfit(record.statement)
        reading = self._clock.reading(record)
        outputs: list[Output] = []
        moves = reading > self._clock.now
        if moves:
            if self._always and self._has_points(reading):
                outputs += yield from self._advance(reading)
            self._clock.now = reading
        self._population.count(record)
        if record.statement.kind == "configuration":
            yield from self._population.take_configuration(record, self._clock.now)
        else:
            self._population.take(record, self._clock.now)
        self.position = record.offset
        if record.statement.kind == "tick":
            self._ticked, self._owed = self._clock.now, self._always and not moves
            if not self._owed:
                outputs += yield from self._tick()
        self.too_old = self._taken_too_old()
        return self._published.unsent(outputs)

    def take(self, records: Iterable[JournalRecord]) -> int:
        """Takes the next records up to the first before or by which something is evaluated: of these nothing is to be published.

        How many these are. The next is asked for when the one before is taken. Most records are so: this is `steps` of them at
        a fraction of the cost.
        """
        straight, taken, self.too_old = Straight(self._population, self._clock, self._still_until), 0, ()
        for record in records:
            if record.offset > self.position and straight.take(record):
                self.position = record.offset
            else:
                straight.settle()
                if not self._take(record):
                    break
            taken += 1
        straight.settle()
        return taken

    def _take(self, record: JournalRecord) -> bool:
        """Takes the next record if nothing is evaluated before or by it; else does nothing."""
        if record.offset <= self.position:
            raise ValueError(f"record {record.offset} was applied already, the engine stands at {self.position}")
        if record.statement.kind in _EVALUATED or not self._clock.trusts(record):
            return False
        refuse_unfit(record.statement)
        at = record.statement.at
        if at > self._clock.now:
            if self._always and self._has_points(at):
                return False
            self._clock.now = at
        self._population.count(record)
        self._population.take(record, self._clock.now)
        self.position = record.offset
        self.too_old += self._taken_too_old()
        return True

    def step_over(self, record: JournalRecord) -> None:
        """Passes the next record, of which nothing is taken: a person put on record that it is to be left out.

        It stays a part of what outputs say they were made from.
        """
        self._population.count(record)
        self.position = record.offset

    def expect(self, newest: Mapping[str, tuple[int, str]]) -> None:
        """On take-over: the newest (sequence, digest) found published per entity.

        Outputs up to them are not returned by `apply`, and `chain.Forked` is raised where a digest differs (JOURNAL 7).
        """
        self._published.expect(newest, {name: entity.standing.chain for name, entity in self._entities.items()})

    def standing_alerts(self) -> list[Output]:
        """The newest record, byte for byte, of each alert that fires or was resolved in the last 7 days.

        Sent again on take-over, because compaction keeps the last written (JOURNAL 7).
        """
        return [
            Output(ALERTS, record["fingerprint"], name, record)
            for name, entity in sorted(self._entities.items())
            for record in entity.alerts.records()
        ]

    def checkpoints(self) -> list[Mapping[str, Any]]:
        """Checkpoints cut since the last call, unsigned, in order; after a restore perhaps some a second time."""
        cut, self._cut = self._cut, []
        return cut

    def differences(self) -> list[str]:
        """Where `checked` evaluations differed since the last call, a sentence each; the figures are those read anew."""
        known = self._population.differences
        found = list(known or ())
        if known:
            known.clear()
        return found

    def hurry(self) -> None:
        """Where a log is at its end: closed days whose corrections are gathered still are looked at at the next tick."""
        for entity in self._entities.values():
            entity.hurry()

    # --- where it stands
    @property
    def clock(self) -> int:
        """The engine clock in ns; 0 before the first record."""
        return self._clock.now

    @property
    def ignored(self) -> int:
        """Records so far of entities that nobody configured."""
        return self._population.ignored

    @property
    def clock_refused(self) -> int:
        """Records so far whose `at` lay more than 5 s from their journal time."""
        return self._clock.refused

    @property
    def configuration_refused(self) -> int:
        """Configurations so far that were refused: lower revision, same revision with another digest, not readable."""
        return self._population.parts.refused

    @property
    def unheeded(self) -> dict[Unheeded, int]:
        """Records so far that were not heeded (of entities nobody configured, refused configurations), or whose time was not."""
        return {
            "unknown_entity": self.ignored,
            "clock": self.clock_refused,
            "configuration": self.configuration_refused,
        }

    @property
    def config(self) -> Configuration | None:
        """The configuration in force; None before the first."""
        return self._population.config

    @property
    def waiting(self) -> bool:
        """Whether something waits for evaluation at the engine clock."""
        return self.waits(self._clock.now)

    def waits(self, at: int) -> bool:
        """Whether something waits for evaluation at `at` (ns): the owner writes a tick soon (at most every 100 ms)."""
        pace = self._population.pace
        return any(entity.ready(at, pace) for entity in self._entities.values() if self._evaluates(entity))

    def turned(self, at: int) -> bool:
        """Whether by `at` (ns) something became too old or is due of an alert, of what waits for trades and prices alone.

        Most of that is no deadline: it is looked at with the tick that such an entity waits for, which may be far off.
        """
        return any(entity.turned(at) for entity in self._entities.values() if self._evaluates(entity))

    @property
    def next_deadline(self) -> int | None:
        """Engine-clock instant (ns) at which the owner should write a tick although nothing waits; None for none."""
        unsure = self._population.unsure
        if unsure:
            now, pace = self._clock.now, self._population.pace
            for name in unsure:
                entity = self._entities[name]
                due = entity.deadline(now, pace) if self._evaluates(entity) else None
                self._deadlines.put(name, due)
            unsure.clear()
        return self._deadlines.earliest

    @property
    def settled_at(self) -> int | None:
        """When every group of positions that waits now will have had its time (ns); None if none waits.

        Where the log is at its end (offline), nothing tells the figures before then from those after.
        """
        return max((at for e in self._entities.values() if (at := e.book.groups.settled_at) is not None), default=None)

    def entities(self) -> tuple[str, ...]:
        """The configured (or seen, under `any_entity`) entities of this partition, sorted."""
        return tuple(sorted(name for name, entity in self._entities.items() if entity.evaluator is not None))

    def touched(self) -> Iterable[str]:
        """Entities evaluated since the last call, sorted: those whose metrics may have moved."""
        names = sorted(self._touched)
        self._touched.clear()
        return names

    # --- views
    def status(self, entity: str, day: date | None = None) -> dict[str, Any]:
        """The object of CONTRACT 5 for an entity, ages reckoned at the engine clock.

        `day`: a business date for its trade flow. KeyError for an entity that is not here.
        """
        found = status.status_of(self._population.configured(entity), self._clock.now, day)
        held = {name: one.book.positions for name, one in self._entities.items()}
        complete = self._held_twice.look(held)
        rows = self._held_twice.rows(entity, held, self._population.configured(entity).config.assets.is_fiat)
        return found | {"held_twice": {"complete": complete, "accounts": rows}}

    def figures(self, entity: str) -> dict[str, Any]:
        """Of `status` what an evaluation changes: entity, at, methods, exposure, alerts, checkpoint.

        It costs what the entity is, not what others hold. KeyError for an entity that is not here.
        """
        return status.figures_of(self._population.configured(entity), self._clock.now)

    def evaluations(self, entity: str) -> dict[str, Any]:
        """{"assessments": [newest evaluation of each method], "exposure": newest or None}.

        The figures of the newest evaluation; chain and digest are null where it was not published.
        """
        return status.evaluations_of(self._population.configured(entity))

    def measures(self, entity: str) -> Measures:
        """Numbers for the metrics of CONTRACT 6 that are not in `status`."""
        return status.measures_of(self._population.configured(entity), self._clock.now)

    def foresee(self, entity: str, scenario: Scenario) -> list[dict[str, Any]]:
        """What each method of the entity finds now, and under the scenario: see printed.outcome_object. Nothing changes.

        KeyError for an entity that is not here, `NotApplicable` where the scenario needs what is not known.
        """
        return self._population.configured(entity).foresee(scenario)

    def actions(self, entity: str) -> list[dict[str, Any]]:
        """What mends each broken or threatened rule of the entity now: see sentences.proposal_object. Nothing changes.

        KeyError for an entity that is not here.
        """
        return self._population.configured(entity).actions()

    def candidates(self, entity: str) -> dict[str, Any]:
        """The methods in force and the candidates beside them, in one currency: see candidates.compared.

        KeyError for an entity that is not here.
        """
        return status.candidates_of(self._population.configured(entity), self._clock.now)

    # --- snapshots
    def cut(self) -> Cut:
        """A snapshot at `position`: see snapshot.Cut."""
        names: set[str] = set()
        return Cut(self.position, STATE_VERSION, self._buckets(names), names)

    @staticmethod
    def restore(
        partition: int,
        position: int,
        version: int,
        buckets: Mapping[str, bytes],
        *,
        check_journal_time: bool,
        evaluate: EvaluateWhen = "always",
        only: str | None = None,
        checked: bool = False,
    ) -> Engine:
        """The engine as it was at a cut, from all its buckets by name; `snapshot.NewerState` for a newer version."""
        engine = Engine(partition, check_journal_time=check_journal_time, evaluate=evaluate, only=only, checked=checked)
        engine.position = position
        engine._put_back(values_of(buckets, version))
        if version == STATE_VERSION:
            engine._cutter.restored(buckets)
        else:
            engine._population.write_whole()
        return engine

    def forget_changes(self) -> None:
        """Nobody cuts snapshots of this engine: what has changed since the last one need not be known."""
        self._population.taken()

    def _buckets(self, names: set[str]) -> Iterator[tuple[str, bytes]]:
        position = self.position
        for bucket in self._cutter.cut(self._values(), names):
            if self.position != position:
                raise TornSnapshot(f"record {self.position} was applied while the snapshot at {position} was being cut")
            yield bucket
        self._population.taken()

    def _values(self) -> Iterator[tuple[str, Any]]:
        clock = {"clock": str(self._clock.now), "clock_refused": self._clock.refused, "ticked": str(self._ticked)}
        yield "engine", clock | {"owed": self._owed} | self._population.state()
        yield from self._population.values()

    def _put_back(self, values: StateValues) -> None:
        state = values["engine"]
        self._clock.now, self._clock.refused = int(state["clock"]), state["clock_refused"]
        self._ticked, self._owed = int(state.get("ticked", state["clock"])), state.get("owed", False)
        self._population.put_back(state, values)

    def _taken_too_old(self) -> tuple[TooOld, ...]:
        config, shared = self._population.config, self._population.shared
        if config is None or shared is None:
            return ()
        found = shared.taken_too_old()
        if not found:
            return ()
        return tuple(one for one in found if one.entity or one.offset % config.journal_partitions == self.partition)

    # --- evaluation points
    def _has_points(self, reading: int) -> bool:
        """Whether an evaluation point may lie before a record which moves the clock to `reading`: before most lies none."""
        due = self.next_deadline
        return self._clock.later_second(reading) or (due is not None and due <= reading)

    def _still_until(self) -> int:
        """The clock before which there is none, nor another second."""
        next_second = self._clock.now - self._clock.now % SECOND + SECOND
        due = self.next_deadline if self._always else None
        return next_second if due is None else min(next_second, due)

    def _advance(self, reading: int) -> Steps[list[Output]]:
        """The evaluation points that lie before a record which moves the clock to `reading`."""
        outputs: list[Output] = []
        if self._clock.later_second(reading):
            pace = self._pace_of_records(reading)
            ready = [entity for entity in self._population.sorted() if entity.ready(reading, pace)]
            self._owed = False
            outputs += yield from self._evaluate(self._clock.now, ready)
        while (due := self.next_deadline) is not None and due <= reading:
            self._clock.now = max(self._clock.now, due)
            these = [self._entities[name] for name in self._deadlines.due(self._clock.now)]
            outputs += yield from self._evaluate(self._clock.now, these)
        return outputs

    def _pace_of_records(self, reading: int) -> int:
        """How long (ns) after the last evaluation a record evaluates what waits for trades and prices alone."""
        if self._owed:
            return self._population.pace
        left = LEFT_TO_TICKS if reading < self._ticked + LEFT_TO_TICKS else UNTICKED
        return max(self._population.pace, left)

    def _tick(self) -> Steps[list[Output]]:
        now, old, pace = self._clock.now, self._clock.now - HEARTBEAT, self._population.pace if self._always else 0
        these = [e for e in self._population.sorted() if e.ready(now, pace) or _is_old(e, old) or self._overdue(e)]
        return self._evaluate(now, these)

    def _overdue(self, entity: Entity) -> bool:
        """Where nothing is evaluated at deadlines, a tick looks for what time alone has changed since."""
        settled = entity.book.groups.settled_at
        return not self._always and settled is not None and settled <= self._clock.now

    def _evaluates(self, entity: Entity) -> bool:
        return self._only is None or entity.name == self._only

    def _evaluate(self, at: int, entities: list[Entity]) -> Steps[list[Output]]:
        """Each entity by itself: what one publishes does not depend on which others share the partition."""
        entities = [entity for entity in entities if self._evaluates(entity)]
        config, shared = self._population.config, self._population.shared
        if config is None or shared is None or not entities:
            return []
        shared.advance(at)
        sources = shared.source_positions()
        outputs: list[Output] = []
        for entity in entities:
            evidence = Evidence(self.partition, self.position, entity.inputs, config.digest)
            outputs += yield from entity.evaluate(at, evidence, sources, closing=self._always)
            self._touched.add(entity.name)
            if entity.cut is not None:
                self._cut.append(entity.cut)
        self._population.forget_former()
        return outputs


def _is_old(entity: Entity, oldest: int) -> bool:
    return entity.evaluator is not None and entity.standing.evaluated_at <= oldest
