"""What the records of one journal partition have made known: the configuration, its entities, and what they share.

Who takes a record in decides nothing about when figures are looked at: that is the engine's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from monitor.core.book.balances import Balances, balances
from monitor.core.book.book import Book
from monitor.core.book.custody.positions import Positions
from monitor.core.book.shared import Shared, TopicHealth
from monitor.core.components.steps import Steps
from monitor.core.configuration.configuration import BadConfiguration, Configuration, parse_configuration
from monitor.core.configuration.guard import uncovered
from monitor.core.configuration.reconfiguration import Complete, ConfigurationParts
from monitor.core.entity.changes import price_before, value_before
from monitor.core.entity.entity import GROUP_WAIT, Entity
from monitor.core.entity.state import (
    configuration_of,
    entity_values,
    restored_entities,
    restored_shared,
    shared_values,
    taken,
)
from monitor.core.journal.causes import Cause, cause_of, configuration_cause
from monitor.core.journal.chain import NO_INPUTS, fold
from monitor.core.journal.event_time import event_time_of
from monitor.core.journal.records import JournalRecord, Statement, journal_partition
from monitor.core.journal.schedule import EngineClock
from monitor.core.journal.snapshot import StateValues
from monitor.core.values.canonical import canonical_bytes
from monitor.core.values.times import SECOND, parse_time

PACED_FROM = 250
PACE_NS = SECOND // 125
"""Where so many entities and more are configured, one that waits for prices alone is evaluated once in so long for each, at most.

A price that many use moves all of them at once: without it a worker that has them all would fall behind for good where one comes
every second. How many workers share them the log does not know.
"""

_SHARED_KINDS = frozenset({"flow", "bust", "incident"})
"""Records of an entity by which figures of another may change: completeness of segments, and which prices are kept."""


class Population:
    """The entities of a journal partition. `clock` is the engine's, in ns: no record has another.

    `only`: the one entity that is looked at; of others only what its figures share with them is taken.
    `checked`: every evaluation is held against one that reads everything anew.
    """

    def __init__(self, partition: int, *, only: str | None, checked: bool) -> None:
        self.partition = partition
        self._only = only
        self.entities: dict[str, Entity] = {}
        self.config: Configuration | None = None
        """The configuration in force; None before the first."""
        self.former: Configuration | None = None
        """The one under which an entity published last, while one has not published since."""
        self.shared: Shared | None = None
        self.parts = ConfigurationParts()
        self.ignored = 0
        """Records of entities that nobody configured."""
        self.unsure: dict[str, None] = {}
        """Entities of which it is to be asked anew when something is due by time alone."""
        self.uncut = True
        """Whether no snapshot has what is shared yet: the next one takes it whole."""
        self.differences: list[str] | None = [] if checked else None
        """What evaluations found otherwise than those that read everything anew; None: none is held against one."""
        self._common = NO_INPUTS
        self._health: dict[str, TopicHealth] = {}

    @property
    def pace(self) -> int:
        """How long (ns) prices alone leave an entity unevaluated at most after its last time: 0 where there are few entities."""
        count = max(len(self.entities), 0 if self.config is None else len(self.config.entities))
        return 0 if count < PACED_FROM else count * PACE_NS

    def sorted(self) -> list[Entity]:
        """The entities in the order of their names, in which they are evaluated."""
        return [self.entities[name] for name in sorted(self.entities)]

    def configured(self, name: str) -> Entity:
        """The entity of that name; KeyError for one that is not here."""
        entity = self.entities[name]
        if entity.evaluator is None:
            raise KeyError(name)
        return entity

    def looked_at(self, name: str) -> Entity | None:
        """The entity of that name, if it is here and is looked at."""
        return self.entities.get(name) if self._only in (None, name) else None

    def forget_former(self) -> None:
        """The former configuration goes once every entity has published under the one in force."""
        if self.former is not None and all(entity.footings.former is None for entity in self.entities.values()):
            self.former = None

    # --- taking a record in

    def count(self, record: JournalRecord) -> None:
        """The record becomes part of what outputs say they were made from."""
        name = record.statement.entity
        if name is None:
            self._common = fold(self._common, record.digest)
            for entity in self.entities.values():
                entity.inputs = fold(entity.inputs, record.digest)
            return
        known = self._entity(name)
        if known is not None:
            known.inputs = fold(known.inputs, record.digest)

    def take_configuration(self, record: JournalRecord, clock: int) -> Steps[None]:
        """What a record of a configuration says holds from the last step on: until then all is as it was."""
        complete = self.parts.add(record.statement.body)
        if complete is not None:
            for entity in self.sorted():
                entity.book.advance(clock)  # who looks at a book between two steps moves it no further than this
            yield from self._configure(complete, record)

    def take(self, record: JournalRecord, clock: int) -> None:
        """What any other record says is known from here on."""
        statement = record.statement
        if statement.kind == "price" or (statement.kind == "rejected" and statement.entity is None):
            self._take_price(record, clock)
        elif statement.kind == "progress":
            self._take_progress(record, clock)
        elif statement.entity is not None and (
            self._only is None or self._only == statement.entity or statement.kind in _SHARED_KINDS
        ):
            self._take_event(record, statement.entity, clock)
        elif self.shared is not None and statement.entity is not None:
            self.shared.advance(clock)

    def _take_event(self, record: JournalRecord, name: str, clock: int) -> None:
        entity = self._entity(name)
        if entity is None:
            self.ignored += 1
            return
        statement = record.statement
        before = value_before(entity.book, statement, clock)
        touched = entity.book.apply(record, clock)
        entity.note_cause(record, before)
        if statement.kind in {"flow", "bust"}:
            self._look_after_source(statement)
        if statement.kind == "operation":
            entity.operate(record, clock)
        _touch(entity, statement, touched, clock)
        entity.wait(pressed=statement.kind != "flow")

    def _take_price(self, record: JournalRecord, clock: int) -> None:
        """A price, or that one was refused: of the whole partition."""
        if self.shared is None:
            return
        before = price_before(self.shared, record.statement, clock)
        self.shared.apply(record, clock)
        cause, event_time = cause_of(record, before), event_time_of(record.statement)
        for entity in self.entities.values():
            entity.standing.causes.note(cause)
            _touch(entity, record.statement, event_time, clock)
            if record.statement.kind == "price" and not entity.reads_price(record.statement.body["asset"], event_time):
                entity.stir()
            else:
                entity.wait_for_price()

    def _take_progress(self, record: JournalRecord, clock: int) -> None:
        if self.shared is None:
            return
        self.shared.apply(record, clock)
        statement = record.statement
        self._look_after_source(statement, cause_of(record))
        heartbeat = statement.body.get("heartbeat")
        if heartbeat is not None and statement.source is not None:
            self._hear_heartbeat(statement.source.where.topic, parse_time(heartbeat))

    def _hear_heartbeat(self, feed: str, log_time: int) -> None:
        to_all = self.shared is not None and self.shared.beat(feed, log_time)
        for entity in self.entities.values():
            if entity.book.beat(feed, log_time) or to_all:
                entity.wait()

    def _look_after_source(self, statement: Statement, cause: Cause | None = None) -> None:
        """Every entity waits when a source becomes lossy or unhealthy, or is so no longer: a flush alone changes nothing."""
        topic = None if statement.source is None else statement.source.where.topic
        if self.shared is None or topic is None or topic not in self._health:
            return
        health = self.shared.health_of(topic)
        if health == self._health[topic]:
            return
        self._health[topic] = health
        for entity in self.entities.values():
            entity.standing.causes.note(cause)
            entity.wait()

    # --- configuration and entities

    def _configure(self, complete: Complete, record: JournalRecord) -> Steps[None]:
        try:
            config = parse_configuration(json.loads(complete.text))
            refused = self.config is not None and bool(uncovered(self.config, config, record.statement.at))
        except (BadConfiguration, ValueError):
            refused = True
        if refused:
            self.parts.refused += 1
            return
        derived = dict[str, Positions]()
        for entity in self.sorted():
            derived[entity.name] = yield from entity.book.derived(config)
        self.parts.adopt(complete)
        self.former = self.former or self.config
        self.config = config
        if self.shared is None:
            self.shared = Shared(config)
        else:
            self.shared.configure(config)
        self._health = self.shared.health()
        for entity in self.sorted():
            entity.configure(config, derived[entity.name])
            entity.standing.causes.note(configuration_cause(record, self.partition))
        for name in sorted(config.entities):
            if journal_partition(name, config.journal_partitions) == self.partition:
                self._entity(name)

    def _entity(self, name: str) -> Entity | None:
        """The entity of that name, made when it is configured; None when nobody configured it."""
        found = self.entities.get(name)
        if found is None and self.config is not None and self.shared is not None and self.config.entity(name) is not None:
            found = Entity(name, Book(name, self.config, self.shared), self.config, self._common)
            self._add(found)
        return found

    def _add(self, entity: Entity) -> None:
        entity.differences, entity.unsure = self.differences, self.unsure
        self.entities[entity.name] = entity
        self.unsure[entity.name] = None
        if self.pace:
            self.unsure |= dict.fromkeys(self.entities)

    # --- snapshots

    def state(self) -> dict[str, Any]:
        """What is of no entity and of nothing shared, as JSON values."""
        return {
            "ignored": self.ignored,
            "parts": self.parts.state(),
            "common": self._common.hex(),
            "inputs": {name: entity.inputs.hex() for name, entity in self.entities.items()},
        }

    def values(self) -> Iterator[tuple[str, Any]]:
        """All else: what changed since the last cut that was taken."""
        if self.config is not None:
            yield "configuration", canonical_bytes(self.config.content).decode()
        if self.shared is not None:
            yield from shared_values(self.shared, whole=self.uncut)
        yield "former", None if self.former is None else canonical_bytes(self.former.content).decode()
        for entity in self.sorted():
            yield from entity_values(entity)

    def taken(self) -> None:
        """A cut is complete: nothing has changed since."""
        taken(self.shared, self.entities)
        self.uncut = self.shared is None

    def write_whole(self) -> None:
        """The next cut takes everything: what is written is of another form."""
        self.uncut = True
        for entity in self.entities.values():
            entity.uncut = entity.changed = True

    def put_back(self, state: Mapping[str, Any], values: StateValues) -> None:
        """As it was at a cut of this `state` and these `values`."""
        self.ignored = state["ignored"]
        self.parts = ConfigurationParts.of_state(state["parts"])
        self._common = bytes.fromhex(state["common"])
        content = configuration_of(values)
        if content is None:
            return
        self.config = parse_configuration(content)
        self.shared = restored_shared(self.config, values)
        self.uncut = False
        self._health = self.shared.health()
        former = configuration_of(values, "former")
        self.former = None if former is None else parse_configuration(former)
        for entity in restored_entities(self.config, self.former, self.shared, values):
            entity.inputs = bytes.fromhex(state["inputs"][entity.name])
            self._add(entity)


class Straight:
    """Balances that are taken straight, many of one second together: what of an entity each would set again is set once.

    While one waits for evaluation already, another such balance changes no more than its book, what its outputs are made from and
    what may have moved its figures. `settle` before anything else is done with any of them.

    `still_until` gives the clock before which nothing is evaluated.
    """

    def __init__(self, population: Population, clock: EngineClock, still_until: Callable[[], int]) -> None:
        self._population = population
        self._clock = clock
        self._still_until = still_until
        self._taking: dict[str | None, tuple[Entity, Balances]] = {}

    def take(self, record: JournalRecord) -> bool:
        """Takes the record if it is such a balance, and nothing is due before it; else does nothing."""
        statement, clock = record.statement, self._clock
        if statement.kind != "position" or not clock.trusts(record):
            return False
        found = self._taking.get(statement.entity) or self._begun(statement.entity)
        if found is None:
            return False
        entity, taking = found
        now = statement.at if statement.at > clock.now else clock.now  # noqa: FURB136 - not a call for each of a million
        if now >= taking.until:
            return False
        if not taking.take(statement, now):
            return False
        clock.now = now
        entity.inputs = fold(entity.inputs, record.digest)
        entity.note_cause(record)
        return True

    def settle(self) -> None:
        """What was taken is in the books."""
        for entity, taking in self._taking.values():
            taking.settle()
            entity.wait()
        self._taking.clear()

    def _begun(self, name: str | None) -> tuple[Entity, Balances] | None:
        entity = None if name is None else self._population.looked_at(name)
        if entity is None or not entity.disturbed:
            return None
        taking = balances(entity.book, self._clock.now, self._still_until(), entity.open_since)
        if taking is None:
            return None
        found = self._taking[name] = entity, taking
        return found


def _touch(entity: Entity, statement: Statement, event_time: int | None, clock: int) -> None:
    """Closed days that the event lies in are looked at again."""
    if event_time is not None and entity.in_closed_day(event_time):
        grouped = statement.kind == "position" and statement.body["group"] is not None
        entity.touch(event_time, clock + GROUP_WAIT if grouped else None)
