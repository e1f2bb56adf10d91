"""One pass of a history for any number of methods: books driven by the journal's records, looked at at stated instants.

The methods of the configuration are the candidates; all of them are evaluated on the same book at the same instant and share
what is read of it, so that a further candidate costs its own arithmetic alone. Nothing is published and nothing alerts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from monitor.core.book.book import Book
from monitor.core.book.shared import Shared, TopicHealth
from monitor.core.configuration.configuration import Configuration
from monitor.core.evaluation.assessment import Result
from monitor.core.evaluation.evaluation import Evaluator, Prepared
from monitor.core.journal.outputs import TooOld
from monitor.core.journal.records import JournalRecord, Statement
from monitor.core.journal.schedule import EngineClock
from monitor.core.values.calendar import Zone
from monitor.core.view.memory.memo import Memo

_NO_DATA = frozenset({"configuration", "tick", "operation"})
_OF_ALL = frozenset({"price", "progress"})

SampleKind = Literal["close", "point"]


@dataclass(frozen=True, slots=True)
class Cadence:
    """When a history is looked at besides each local day's end of each method.

    `every` (ns): at each whole multiple of it since 1970. Else once in each `resolution` (ns) in which something changed, and
    where the book changes by time alone.
    """

    every: int | None
    resolution: int

    def following(self, instant: int, zones: Sequence[Zone]) -> int:
        """The first instant above `instant` at which a look is due by the clock: what trades add up to must be told by then."""
        step = self.every or self.resolution
        return min((instant // step + 1) * step, *(next_close(zone, instant) for zone in zones))


@dataclass(frozen=True, slots=True)
class Sample:
    """A candidate's result at `at` (ns); `close`: at the last instant of `day`, a local date of the method."""

    at: int
    entity: str
    candidate: str
    kind: SampleKind
    day: date
    is_business_day: bool
    result: Result


def next_close(zone: Zone, instant: int) -> int:
    """The last instant (ns) of a local day, the first one above `instant`."""
    end = zone.day_end(zone.local_date(instant)) - 1
    return end if end > instant else zone.day_end(zone.local_date(instant + 1)) - 1


def zones_of(config: Configuration) -> tuple[Zone, ...]:
    """The zones whose days are closed: those of every method of every entity, by name."""
    entities = [*config.entities, *([""] if config.any_entity is not None else [])]
    zones = {}
    for name in entities:
        own = config.entity(name)
        for method in own.methods if own else ():
            zone = config.method_zone(name, method)
            zones[zone.name] = zone
    return tuple(zones[name] for name in sorted(zones))


class _Watched:
    """An entity's book and candidates, and when they were looked at."""

    def __init__(self, name: str, config: Configuration, shared: Shared, started: int, every: int | None) -> None:
        self.name = name
        self.book = Book(name, config, shared)
        self.evaluator = Evaluator(name, config)
        self.waiting = False
        self.looked = started
        self.next_step = None if every is None else (started // every + 1) * every
        self.closes = {zone.name: next_close(zone, started) for zone in self.zones()}

    def zones(self) -> Iterator[Zone]:
        """The zones of its candidates, each once."""
        yield from {prepared.zone.name: prepared.zone for prepared in self.evaluator.methods}.values()

    def look(self, at: int, methods: Sequence[Prepared], kind: SampleKind) -> Iterator[Sample]:
        """The results of candidates at `at`, from one reading of the book."""
        self.book.shared.advance(at)
        self.book.advance(at)
        memo = Memo()
        for prepared in methods:
            view = prepared.view(self.book, at, memo)
            result = prepared.method.evaluate(view, self.evaluator.entity_config.levels.watch_enter)
            day = view.local_date()
            yield Sample(at, self.name, prepared.config.id, kind, day, view.is_business_day(day), result)


class History:
    """Feed it every record of one journal in order, then `finish`; both yield samples, ascending in time.

    Configuration, operations and ticks in the journal are not read: the candidates are those of `config`. `begin` (ns): no
    sample before it; the records before it count. `check_journal_time`: whether the journal keeps the broker's time.
    """

    def __init__(self, config: Configuration, cadence: Cadence, begin: int = 0, *, check_journal_time: bool = False) -> None:
        self._config = config
        self._cadence = cadence
        self._begin = begin
        self._clock = EngineClock(check_journal_time=check_journal_time)
        self._shared = Shared(config)
        self._watched: dict[str, _Watched] = {}
        self._health: dict[str, TopicHealth] = {}
        self._progressed = False
        self._due: int | None = None
        self.records = 0
        self.too_old: tuple[TooOld, ...] = ()
        """What the last record applied showed to be too old."""

    def apply(self, record: JournalRecord) -> Iterator[Sample]:
        """Takes a record in, after what is due before it."""
        reading = self._clock.reading(record)
        if reading > self._clock.now:
            if self._due is None or self._due < reading or self._in_next_step(reading):
                yield from self._advance(reading)
            self._clock.now = reading
        self.records += 1
        if record.statement.kind not in _NO_DATA:
            self._take(record.statement, record)
        self.too_old = self._shared.taken_too_old()

    def finish(self) -> Iterator[Sample]:
        """What is due up to the last record's instant, and what it leaves to be looked at."""
        now = self._clock.now
        yield from self._advance(now + 1)
        self._clock.now = now
        for watched in self._sorted():
            yield from self._look(watched, self._clock.now)
        self.too_old = self._shared.taken_too_old()

    # --- records
    def _take(self, statement: Statement, record: JournalRecord) -> None:
        name = statement.entity
        if statement.kind in _OF_ALL or name is None:
            self._shared.apply(record, self._clock.now)
            if statement.kind == "price":
                self._all_wait()
            else:
                self._progressed = True
            return
        known = self._watched.get(name) or self._watch(name)
        if known is not None:
            known.book.apply(record, self._clock.now)
            known.waiting = True

    def _watch(self, name: str) -> _Watched | None:
        if self._config.entity(name) is None:
            return None
        made = self._watched[name] = _Watched(name, self._config, self._shared, self._clock.now, self._cadence.every)
        self._due = None
        return made

    def _all_wait(self) -> None:
        for watched in self._watched.values():
            watched.waiting = True

    def _look_after_sources(self) -> None:
        """Progress alone changes no figure, but a source that became lossy or unhealthy does, or is so no longer."""
        if self._progressed:
            self._progressed = False
            health = self._shared.health()
            if health != self._health:
                self._health = health
                self._all_wait()

    # --- instants
    def _in_next_step(self, reading: int) -> bool:
        step = self._cadence.resolution
        return self._cadence.every is None and reading // step > self._clock.now // step

    def _advance(self, reading: int) -> Iterator[Sample]:
        """The looks that are due before the clock shows `reading`, in order of time."""
        if self._in_next_step(reading):
            self._look_after_sources()
            for watched in self._sorted():
                yield from self._look(watched, self._clock.now)
        while (due := self._next_due()) is not None and due < reading:
            self._clock.now = max(self._clock.now, due)
            for watched in self._sorted():
                yield from self._at(watched, due)
        self._due = due

    def _at(self, watched: _Watched, at: int) -> Iterator[Sample]:
        for zone in list(watched.zones()):
            if watched.closes[zone.name] == at:
                watched.closes[zone.name] = next_close(zone, at)
                if at >= self._begin:
                    methods = [prepared for prepared in watched.evaluator.methods if prepared.zone.name == zone.name]
                    yield from watched.look(at, methods, "close")
        step, every = watched.next_step, self._cadence.every
        if at == (self._next_by_book(watched) if step is None else step):
            watched.next_step = None if step is None or every is None else step + every
            watched.waiting = True
            yield from self._look(watched, at)

    def _look(self, watched: _Watched, at: int) -> Iterator[Sample]:
        if watched.waiting and at >= self._begin:
            watched.waiting = False
            watched.looked = at
            yield from watched.look(at, watched.evaluator.methods, "point")

    def _next_due(self) -> int | None:
        found = [due for watched in self._watched.values() if (due := self._next_of(watched)) is not None]
        return min(found, default=None)

    def _next_of(self, watched: _Watched) -> int | None:
        closing = min(watched.closes.values(), default=None)
        other = self._next_by_book(watched) if watched.next_step is None else watched.next_step
        return min((due for due in (closing, other) if due is not None), default=None)

    def _next_by_book(self, watched: _Watched) -> int | None:
        """Where the book changes by time alone (a price too old, a declaration that ends), not closer than the resolution."""
        if watched.waiting:
            return None
        due = watched.book.deadline(watched.looked)
        return None if due is None else max(due, watched.looked + self._cadence.resolution)

    def _sorted(self) -> list[_Watched]:
        return [self._watched[name] for name in sorted(self._watched)]
