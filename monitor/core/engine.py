"""The one door of the core: journal records in, output records out; a pure state machine over one log (DESIGN 4).

When it evaluates is part of the log (JOURNAL 2): at ticks, at its own deadlines, and before the first record of a later
second if something waits. The same journal gives the same bytes at any batch size and across any snapshot.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any, Literal

from monitor.core.book.book import Book
from monitor.core.book.shared import Shared, SourcesHealth
from monitor.core.configuration.configuration import BadConfiguration, Configuration, parse_configuration
from monitor.core.configuration.reconfiguration import Complete, ConfigurationParts
from monitor.core.entity import status
from monitor.core.entity.changes import known_before, price_before, storage_before
from monitor.core.entity.entity import GROUP_WAIT, Entity
from monitor.core.entity.measures import Measures
from monitor.core.entity.publication import Evidence
from monitor.core.entity.state import (
    configuration_of,
    entity_values,
    restored_entities,
    restored_shared,
    shared_values,
    taken,
)
from monitor.core.foresight.scenarios import Scenario
from monitor.core.journal.causes import Cause, cause_of, configuration_cause
from monitor.core.journal.chain import NO_INPUTS, Published, fold
from monitor.core.journal.event_time import event_time_of
from monitor.core.journal.outputs import Output
from monitor.core.journal.records import JournalRecord, Statement, journal_partition
from monitor.core.journal.schedule import EngineClock, earliest
from monitor.core.journal.snapshot import STATE_VERSION, Cut, Cutter, TornSnapshot, values_of
from monitor.core.journal.vocabulary import ALERTS, Unheeded
from monitor.core.values.canonical import canonical_bytes
from monitor.core.values.times import MINUTE, parse_time

EvaluateWhen = Literal["always", "at_ticks"]

HEARTBEAT = MINUTE
"""A tick also evaluates what was not evaluated for this long: a figure that stands still is then seen to be looked at."""


class Engine:
    """One journal partition's engine. Not thread-safe; every method returns at once and does no I/O.

    `check_journal_time`: whether the journal keeps the broker's time, so that a record's `at` is held against it.
    `only`: the one entity to evaluate; others are followed as far as figures share something with them (see audit/stubs).
    `evaluate`: `at_ticks` evaluates at ticks alone and closes no days (offline, where only the last instant matters).
    `checked`: every evaluation is held against one that reads everything anew; raises `NotAsAnew` where they differ.
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
        self._checked = checked
        self.position = -1
        self.ignored = 0
        self._always = evaluate == "always"
        self._clock = EngineClock(check_journal_time=check_journal_time)
        self._parts = ConfigurationParts()
        self._config: Configuration | None = None
        self._former: Configuration | None = None
        self._shared: Shared | None = None
        self._shared_uncut = True
        self._entities: dict[str, Entity] = {}
        self._common = NO_INPUTS
        self._health: SourcesHealth = ()
        self._published = Published()
        self._touched: set[str] = set()
        self._cut: list[Mapping[str, Any]] = []
        self._deadlines_changed = True
        self._next: int | None = None
        self._cutter = Cutter()

    # --- records in, outputs out
    def apply(self, record: JournalRecord) -> list[Output]:
        """Takes the next record of the partition and returns what is to be published, in order.

        Raises `chain.Forked` (see `expect`) and ValueError for a record at or before `position`.
        """
        if record.offset <= self.position:
            raise ValueError(f"record {record.offset} was applied already, the engine stands at {self.position}")
        reading = self._clock.reading(record)
        outputs: list[Output] = []
        moves = reading > self._clock.now
        if moves and self._always:
            outputs += self._advance(reading)
        if moves:
            self._clock.now = reading
        self._count(record)
        self._take(record)
        self.position = record.offset
        if record.statement.kind == "tick" and (moves or not self._always):
            outputs += self._tick()
        return self._published.unsent(outputs)

    def step_over(self, record: JournalRecord) -> None:
        """Passes the next record, of which nothing is taken: a person put on record that it is to be left out.

        It stays a part of what outputs say they were made from.
        """
        self._count(record)
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
            for name in sorted(self._entities)
            for record in self._entities[name].alerts.records()
        ]

    def checkpoints(self) -> list[Mapping[str, Any]]:
        """Checkpoints cut since the last call, unsigned, in order; after a restore perhaps some a second time."""
        cut, self._cut = self._cut, []
        return cut

    # --- where it stands
    @property
    def clock(self) -> int:
        """The engine clock in ns; 0 before the first record."""
        return self._clock.now

    @property
    def clock_refused(self) -> int:
        """Records so far whose `at` lay more than 5 s from their journal time."""
        return self._clock.refused

    @property
    def configuration_refused(self) -> int:
        """Configurations so far that were refused: lower revision, same revision with another digest, not readable."""
        return self._parts.refused

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
        return self._config

    @property
    def waiting(self) -> bool:
        """Whether something waits for evaluation: the owner writes a tick soon (at most every 100 ms)."""
        return any(entity.waiting for entity in self._entities.values() if self._evaluates(entity))

    @property
    def next_deadline(self) -> int | None:
        """Engine-clock instant (ns) at which the owner should write a tick although nothing waits; None for none."""
        if self._deadlines_changed:
            self._next = earliest(self._deadlines())
            self._deadlines_changed = False
        return self._next

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
        return status.status_of(self._configured(entity), self._clock.now, day)

    def evaluations(self, entity: str) -> dict[str, Any]:
        """{"assessments": [newest evaluation of each method], "exposure": newest or None}.

        The figures of the newest evaluation; chain and digest are null where it was not published.
        """
        return status.evaluations_of(self._configured(entity))

    def measures(self, entity: str) -> Measures:
        """Numbers for the metrics of CONTRACT 6 that are not in `status`."""
        return status.measures_of(self._configured(entity), self._clock.now)

    def foresee(self, entity: str, scenario: Scenario) -> list[dict[str, Any]]:
        """What each method of the entity finds now, and under the scenario: see printed.outcome_object. Nothing changes.

        KeyError for an entity that is not here, `NotApplicable` where the scenario needs what is not known.
        """
        return self._configured(entity).foresee(scenario)

    def actions(self, entity: str) -> list[dict[str, Any]]:
        """What mends each broken or threatened rule of the entity now: see sentences.proposal_object. Nothing changes.

        KeyError for an entity that is not here.
        """
        return self._configured(entity).actions()

    def _configured(self, name: str) -> Entity:
        entity = self._entities[name]
        if entity.evaluator is None:
            raise KeyError(name)
        return entity

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
        checked: bool = False,
    ) -> Engine:
        """The engine as it was at a cut, from all its buckets by name; `snapshot.NewerState` for a newer version."""
        engine = Engine(partition, check_journal_time=check_journal_time, evaluate=evaluate, checked=checked)
        engine.position = position
        engine._put_back(values_of(buckets, version))
        engine._cutter.restored(buckets)
        return engine

    def _buckets(self, names: set[str]) -> Iterator[tuple[str, bytes]]:
        position = self.position
        for bucket in self._cutter.cut(self._values(), names):
            if self.position != position:
                raise TornSnapshot(f"record {self.position} was applied while the snapshot at {position} was being cut")
            yield bucket
        taken(self._shared, self._entities)
        self._shared_uncut = self._shared is None

    def _values(self) -> Iterator[tuple[str, Any]]:
        yield (
            "engine",
            {
                "clock": str(self._clock.now),
                "clock_refused": self._clock.refused,
                "ignored": self.ignored,
                "parts": self._parts.state(),
                "common": self._common.hex(),
                "inputs": {name: entity.inputs.hex() for name, entity in self._entities.items()},
            },
        )
        if self._config is not None:
            yield "configuration", canonical_bytes(self._config.content).decode()
        if self._shared is not None:
            yield from shared_values(self._shared, whole=self._shared_uncut)
        yield "former", None if self._former is None else canonical_bytes(self._former.content).decode()
        for entity in self._sorted():
            yield from entity_values(entity)

    def _put_back(self, values: Mapping[str, Any]) -> None:
        state = values["engine"]
        self._clock.now, self._clock.refused = int(state["clock"]), state["clock_refused"]
        self.ignored = state["ignored"]
        self._parts = ConfigurationParts.of_state(state["parts"])
        self._common = bytes.fromhex(state["common"])
        content = configuration_of(values)
        if content is None:
            return
        self._config = parse_configuration(content)
        self._shared = restored_shared(self._config, values)
        self._shared_uncut = False
        self._health = self._shared.health()
        former = configuration_of(values, "former")
        self._former = None if former is None else parse_configuration(former)
        for entity in restored_entities(self._config, self._former, self._shared, values):
            entity.inputs = bytes.fromhex(state["inputs"][entity.name])
            entity.checked = self._checked
            self._entities[entity.name] = entity

    # --- evaluation points
    def _advance(self, reading: int) -> list[Output]:
        """The evaluation points that lie before a record which moves the clock to `reading`."""
        outputs: list[Output] = []
        if self._clock.later_second(reading):
            outputs += self._evaluate(self._clock.now, [entity for entity in self._sorted() if entity.waiting])
        while (due := self.next_deadline) is not None and due <= reading:
            self._clock.now = max(self._clock.now, due)
            outputs += self._evaluate(self._clock.now, [entity for entity in self._sorted() if self._is_due(entity)])
        return outputs

    def _tick(self) -> list[Output]:
        now = self._clock.now
        old = now - HEARTBEAT
        due = [e for e in self._sorted() if e.waiting or (e.evaluator and e.standing.evaluated_at <= old) or self._overdue(e)]
        return self._evaluate(now, due)

    def _overdue(self, entity: Entity) -> bool:
        """Where nothing is evaluated at deadlines, a tick looks for what time alone has changed since."""
        settled = entity.book.groups.settled_at
        return not self._always and settled is not None and settled <= self._clock.now

    def _is_due(self, entity: Entity) -> bool:
        deadline = entity.deadline(self._clock.now)
        return deadline is not None and deadline <= self._clock.now

    def _sorted(self) -> list[Entity]:
        return [self._entities[name] for name in sorted(self._entities)]

    def _evaluates(self, entity: Entity) -> bool:
        return self._only is None or entity.name == self._only

    def _deadlines(self) -> Iterator[int | None]:
        return (entity.deadline(self._clock.now) for entity in self._entities.values() if self._evaluates(entity))

    def _evaluate(self, at: int, entities: list[Entity]) -> list[Output]:
        """Each entity by itself: what one publishes does not depend on which others share the partition."""
        entities = [entity for entity in entities if self._evaluates(entity)]
        if self._config is None or self._shared is None or not entities:
            return []
        self._shared.advance(at)
        sources = self._shared.source_positions()
        outputs: list[Output] = []
        for entity in entities:
            evidence = Evidence(self.partition, self.position, entity.inputs, self._config.digest)
            outputs += entity.evaluate(at, evidence, sources, closing=self._always)
            self._touched.add(entity.name)
            if entity.cut is not None:
                self._cut.append(entity.cut)
        if self._former is not None and all(entity.footings.former is None for entity in self._entities.values()):
            self._former = None
        self._deadlines_changed = True
        return outputs

    # --- taking a record in
    def _count(self, record: JournalRecord) -> None:
        """The record becomes part of what outputs say they were made from."""
        name = record.statement.entity
        if name is None:
            self._common = fold(self._common, record.digest)
            for entity in self._entities.values():
                entity.inputs = fold(entity.inputs, record.digest)
            return
        known = self._entity(name)
        if known is not None:
            known.inputs = fold(known.inputs, record.digest)

    def _take(self, record: JournalRecord) -> None:
        statement = record.statement
        if statement.kind == "configuration":
            complete = self._parts.add(statement.body)
            if complete is not None:
                self._configure(complete, record)
        elif statement.kind == "price" or (statement.kind == "rejected" and statement.entity is None):
            self._take_price(record)
        elif statement.kind == "progress":
            self._take_progress(record)
        elif statement.entity is not None:
            self._take_event(record, statement.entity)

    def _take_event(self, record: JournalRecord, name: str) -> None:
        entity = self._entity(name)
        if entity is None:
            self.ignored += 1
            return
        statement = record.statement
        before, storage = known_before(entity.book, statement, self._clock.now), storage_before(entity.book, statement)
        touched = entity.book.apply(record, self._clock.now)
        entity.standing.causes.note(cause_of(record, before, storage))
        if statement.kind in {"flow", "bust"}:
            self._look_after_sources()
        if statement.kind == "operation" and statement.body["kind"] == "rehearsal":
            entity.standing.rehearsal.take(statement.body)
        if statement.kind == "operation" and statement.body["kind"] == "checkpoint":
            entity.standing.seal.asked = True
        self._touch(entity, statement, touched)
        self._wait(entity)

    def _take_price(self, record: JournalRecord) -> None:
        """A price, or that one was refused: of the whole partition."""
        if self._shared is None:
            return
        before = price_before(self._shared, record.statement, self._clock.now)
        self._shared.apply(record, self._clock.now)
        cause, event_time = cause_of(record, before), event_time_of(record.statement)
        for entity in self._entities.values():
            entity.standing.causes.note(cause)
            self._touch(entity, record.statement, event_time)
            self._wait(entity)

    def _take_progress(self, record: JournalRecord) -> None:
        if self._shared is None:
            return
        self._shared.apply(record, self._clock.now)
        self._look_after_sources(cause_of(record))
        statement = record.statement
        heartbeat = statement.body.get("heartbeat")
        if heartbeat is not None and statement.source is not None:
            self._hear_heartbeat(statement.source.where.topic, parse_time(heartbeat))

    def _hear_heartbeat(self, feed: str, log_time: int) -> None:
        to_all = self._shared is not None and self._shared.beat(feed, log_time)
        for entity in self._entities.values():
            if entity.book.beat(feed, log_time) or to_all:
                self._wait(entity)

    def _look_after_sources(self, cause: Cause | None = None) -> None:
        """Every entity waits when a source becomes lossy or unhealthy, or is so no longer: a flush alone changes nothing."""
        if self._shared is None:
            return
        health = self._shared.health()
        if health == self._health:
            return
        self._health = health
        for entity in self._entities.values():
            entity.standing.causes.note(cause)
            self._wait(entity)

    def _touch(self, entity: Entity, statement: Statement, event_time: int | None) -> None:
        """Closed days that the event lies in are looked at again."""
        if event_time is not None and entity.in_closed_day(event_time):
            grouped = statement.kind == "position" and statement.body["group"] is not None
            entity.touch(event_time, self._clock.now + GROUP_WAIT if grouped else None)

    def _wait(self, entity: Entity) -> None:
        entity.wait()
        self._deadlines_changed = True

    # --- configuration and entities
    def _configure(self, complete: Complete, record: JournalRecord) -> None:
        try:
            config = parse_configuration(json.loads(complete.text))
        except (BadConfiguration, ValueError):
            self._parts.refused += 1
            return
        self._parts.adopt(complete)
        self._former = self._former or self._config
        self._config = config
        if self._shared is None:
            self._shared = Shared(config)
        else:
            self._shared.configure(config)
        self._health = self._shared.health()
        for entity in self._sorted():
            entity.configure(config)
            entity.standing.causes.note(configuration_cause(record, self.partition))
        for name in sorted(config.entities):
            if journal_partition(name, config.journal_partitions) == self.partition:
                self._entity(name)
        self._deadlines_changed = True

    def _entity(self, name: str) -> Entity | None:
        """The entity of that name, made when it is configured; None when nobody configured it."""
        found = self._entities.get(name)
        if found is None and self._config is not None and self._shared is not None and self._config.entity(name) is not None:
            found = Entity(name, Book(name, self._config, self._shared), self._config, self._common)
            found.checked = self._checked
            self._entities[name] = found
            self._deadlines_changed = True
        return found
