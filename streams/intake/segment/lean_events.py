"""The events of a feed of trades by column: what its lean decoder takes; each other record goes by the feed's plan."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain, repeat
from typing import Any, Final, NamedTuple

from monitor.core.journal.records import EVENTS_IN_RECORD, SourcePartition
from streams.intake.segment.batches import Batch, clamped
from streams.intake.segment.columns.decoding import Columns, amounts_of, columns_of_objects, decoded, key_of, keys_of, times_of
from streams.intake.segment.events import UNSIGNED, Events, FeedEvents, few, rows_of
from streams.wire import MAX_VALUE_BYTES, Judge
from streams.wire.feeds import FeedEvent, FeedPlan, FeedReading, RecordPlace, RefusedEvent
from streams.wire.feeds.lean import ExactDecoding, ExactRecords, LeanFeed

_MOST_KEPT = 10_000
_NEW: Final = object()
"""The key of an event whose signature the plan has yet to see."""
_LEFT_OUT: Final = object()


class PlannedRecords:
    """The records of a batch as the feed's plan reads them, each once."""

    def __init__(self, plan: FeedPlan, where: SourcePartition, batch: Batch) -> None:
        self._plan, self._where, self._batch = plan, where, batch
        self._readings: dict[int, FeedReading] = {}
        self._events: dict[int, dict[int, FeedEvent | RefusedEvent]] = {}

    def place(self, record: int) -> RecordPlace:
        """Where a record lies."""
        key, headers = self._batch.original(record)
        batch, where = self._batch, self._where
        return RecordPlace(where.epoch, where.partition, batch.offsets[record], batch.times_ms[record], key, headers)

    def reading(self, record: int) -> FeedReading:
        """What the plan makes of a record."""
        found = self._readings.get(record)
        if found is None:
            found = self._readings[record] = self._plan.read(self._batch.values[record], self.place(record))
        return found

    def event(self, record: int, index: int) -> FeedEvent | RefusedEvent | None:
        """One event; None if it is filtered."""
        events = self._events.get(record)
        if events is None:
            events = self._events[record] = {event.index or 0: event for event in few(self.reading(record).events)}
        return events.get(index)


class Rows(NamedTuple):
    """Events in their order: the record of each and its index there (None: every index is 0), with what it is read of."""

    records: Sequence[int]
    indexes: Sequence[int] | None
    elements: Sequence[Any]

    def place(self, row: int) -> int:
        """The index of an event within its record."""
        return 0 if self.indexes is None else self.indexes[row]

    def at(self, kept: Sequence[int]) -> Rows:
        """Some of them, in this order."""
        return Rows(_at(self.records, kept), self.indexes and _at(self.indexes, kept), _at(self.elements, kept))


@dataclass(slots=True)
class Sighting:
    """What is known so far of the records from `begin` on; those of `rest` are left to the plan."""

    batch: Batch
    planned: PlannedRecords
    begin: int
    filtered: list[int]
    rest: list[int] = field(default_factory=list)
    beats: list[tuple[int, int]] = field(default_factory=list)

    def leave_out(self, record: int, elements: int = 1) -> None:
        """So many more elements of the record are filtered."""
        self.filtered[record - self.begin] += elements

    def read_by_plan(self, record: int) -> list[FeedEvent | RefusedEvent]:
        """The events of a record that the plan reads."""
        reading = self.planned.reading(record)
        self.leave_out(record, reading.filtered)
        if reading.heard:
            self.beats.append((record, clamped(self.batch.times_ms[record])))
        return few(reading.events)


_NO_ROWS = Rows((), None, ())
_NO_COLUMNS = Columns([], [], [], [], [], [])


class PlannedRows(Sequence[FeedEvent | RefusedEvent]):
    """The events of rows as the plan makes them, read when one is asked for."""

    def __init__(self, planned: PlannedRecords, rows: Rows) -> None:
        self._planned, self._rows = planned, rows

    def __len__(self) -> int:
        return len(self._rows.records)

    def __getitem__(self, row: Any) -> Any:
        record, index = self._rows.records[row], self._rows.place(row)
        found = self._planned.event(record, index)
        if found is None:
            raise LookupError(f"the plan leaves out event {index} of record {record}, which the lean decoder took")
        return found


@dataclass(frozen=True, slots=True)
class LeanEvents(FeedEvents):
    """A feed's events of which only those that the authority judges are made canonical; `made` are the columns of `rows`."""

    rows: Rows = _NO_ROWS
    made: Columns = _NO_COLUMNS

    def auth(self, row: int) -> str:  # noqa: ARG002 - a feed that asks for signatures is read by its plan
        return UNSIGNED

    def columns(self, begin: int, end: int) -> Columns:
        _, ids, prices, quantities, figures, times, _ = self.made
        if begin == 0 and end == len(ids):
            return self.made
        rows = slice(begin, end)
        return Columns(keys_of(self.made)[rows], ids[rows], prices[rows], quantities[rows], figures[rows], times[rows])

    def index(self, row: int) -> int:
        return self.rows.place(row)


class LeanSight:
    """Records [begin, end) of a batch to the events of a feed. What the plan said of a signature is kept."""

    def __init__(self, lean: LeanFeed, plan: FeedPlan, judge: Judge, where: SourcePartition) -> None:
        self._lean, self._plan, self._judge, self._where = lean, plan, judge, where
        self._prefix = f"{plan.feed.name}.{where.epoch}.{where.partition}."
        self._exact = ExactDecoding(lean.exact, MAX_VALUE_BYTES)
        self._cells: dict[Any, Any] = {}
        self._left_out: dict[Any, None] = {}
        self._takes: dict[Any, bool] = {}

    def __call__(self, batch: Batch, begin: int, end: int) -> Events:
        count = end - begin
        sighting = Sighting(batch, PlannedRecords(self._plan, self._where, batch), begin, [0] * count)
        rows, keys = self._with_keys(sighting, *self._taken(sighting, *self._decoded(sighting, begin, end)))
        columns = self._columns(batch, rows, keys)
        if sighting.rest:
            rows, columns = _merged(sighting, rows, columns)
        if rows.records == range(begin, end):  # one event a record
            ends = list(zip(range(1, count + 1), repeat(0, count), strict=True))
        else:
            counts = [0] * count
            for record in rows.records:
                counts[record - begin] += 1
            ends = list(zip(accumulate(counts), accumulate(sighting.filtered), strict=True))
        found = PlannedRows(sighting.planned, rows)
        until, filtered = ends[-1]
        whole, beats = rows_of(batch, rows.records), sighting.beats
        return LeanEvents(self._judge, whole, found, ends, begin, 0, until, filtered, beats, rows=rows, made=columns)

    def _decoded(self, sighting: Sighting, begin: int, end: int) -> tuple[Sequence[int], Sequence[Any]]:
        """The records that the decoder takes and vouches for, and their objects."""
        values, elements = sighting.batch.values[begin:end], self._lean.elements
        exact = self._exact.decoded(values)
        objects, refused = decoded(self._lean.decode, values) if exact is None else (exact[1], [])
        kept: Sequence[int] = range(len(values))
        if refused:
            gone = frozenset(refused)
            kept = [index for index in kept if index not in gone]
            values = _at(values, kept)
        counts = [1] * len(kept) if elements is None else list(map(len, map(elements, objects)))
        unsure = set(self._unsure(exact and exact[0], values, counts))  # type: ignore[arg-type]  # what is null was not taken
        if sighting.batch.has_headers():  # the plan knows what was put back, and for which of its elements
            unsure.update(number for number, index in enumerate(kept) if sighting.batch.original(begin + index)[1])
        if elements is not None:
            unsure.update(number for number, count in enumerate(counts) if not 0 < count <= EVENTS_IN_RECORD)
        if not unsure and len(kept) == end - begin:
            return range(begin, end), objects
        sure = [number for number in range(len(kept)) if number not in unsure]
        records = [begin + kept[number] for number in sure]
        sighting.rest += sorted(set(range(begin, end)).difference(records))
        return records, _at(objects, sure)

    def _unsure(self, exact: ExactRecords | None, values: Sequence[bytes], counts: Sequence[int]) -> Sequence[int]:
        """Records of which it is not proved that no key on a path is given twice and that nothing is nested too deep."""
        if exact is not None:
            held = exact.proves(b"".join(values), len(values), sum(counts))
            self._exact.told(held=held)
            if held and (exact.vouches or not self._lean.nested(values, counts)):
                return ()
        return self._lean.doubtful(values, counts)

    def _taken(self, sighting: Sighting, records: Sequence[int], objects: Sequence[Any]) -> tuple[Sequence[int], Sequence[Any]]:
        """Those that fulfil the conditions on records with several elements."""
        if self._lean.asked is None:
            return records, objects
        kept: list[int] = []
        for index, signature in enumerate(map(self._lean.asked, objects)):
            takes = self._takes.get(signature)
            if takes is None:
                value = sighting.batch.values[records[index]]
                takes = value is not None and self._plan.takes(value, sighting.planned.place(records[index]))
                _keep(self._takes, signature, takes)
            if takes:
                kept.append(index)
            elif self._plan.feed.heartbeat:
                sighting.rest.append(records[index])  # it may be one: the plan says so of each
            else:
                sighting.leave_out(records[index])
        return (records, objects) if len(kept) == len(records) else (_at(records, kept), _at(objects, kept))

    def _with_keys(self, sighting: Sighting, records: Sequence[int], objects: Sequence[Any]) -> tuple[Rows, list[Any]]:
        """Rows, and the lean key of each, which is None where the authority has to judge it."""
        rows, signatures = self._signed(records, objects)
        if self._lean.key is not None:
            return rows, signatures
        try:
            return rows, list(map(self._cells.__getitem__, signatures))
        except KeyError:  # of a signature that is new
            keys = list(map(self._cells.get, signatures, repeat(_NEW)))
        for row, signature in enumerate(signatures):
            if keys[row] is _NEW:
                keys[row] = self._named(sighting, rows.records[row], rows.place(row), signature)
        if _LEFT_OUT not in keys:
            return rows, keys
        kept = [row for row, key in enumerate(keys) if key is not _LEFT_OUT]
        return rows.at(kept), _at(keys, kept)

    def _signed(self, records: Sequence[int], objects: Sequence[Any]) -> tuple[Rows, list[Any]]:
        """Rows and their signatures, or keys where these are read as they are."""
        lean, inner = self._lean, self._lean.key or self._lean.inner or _nothing
        if lean.elements is None:
            return Rows(records, None, objects), list(map(inner, objects))
        lists = list(map(lean.elements, objects))
        counts = list(map(len, lists))
        elements = list(chain.from_iterable(lists))
        origins = list(chain.from_iterable(map(repeat, records, counts)))
        signatures = list(map(inner, elements))
        if lean.outer is not None:
            outer = chain.from_iterable(map(repeat, map(lean.outer, objects), counts))
            signatures = list(zip(outer, signatures, strict=True))
        return Rows(origins, list(chain.from_iterable(map(range, counts))), elements), signatures

    def _named(self, sighting: Sighting, record: int, index: int, signature: Any) -> Any:
        """The key of an event whose signature is new, as the plan makes it."""
        known = self._cells.get(signature, _NEW)  # another of this run may have been named since
        if known is not _NEW:
            return known
        if signature not in self._left_out:
            event = sighting.planned.event(record, index)
            if isinstance(event, RefusedEvent):
                return None
            if event is not None:
                key = key_of(event.canonical)
                _keep(self._cells, signature, key)
                return key
            if self._lean.elements is None and self._plan.feed.heartbeat:
                sighting.rest.append(record)
                return _LEFT_OUT
            _keep(self._left_out, signature, None)
        sighting.leave_out(record)
        return _LEFT_OUT

    def _columns(self, batch: Batch, rows: Rows, keys: list[Any]) -> Columns:
        lean, elements = self._lean, rows.elements
        if lean.trade_id is None:
            ids = [f"{self._prefix}{batch.offsets[record]}.{rows.place(row)}" for row, record in enumerate(rows.records)]
        else:
            ids = list(map(str, map(lean.trade_id, elements)))
        price, quantity = lean.amounts
        prices = amounts_of(price, elements, keys)
        quantities = amounts_of(quantity, elements, keys, prices.decimals)
        figures = list(map(hash, zip(prices.figures, quantities.figures, strict=True)))
        times, unsure = times_of(lean, elements)
        for row in (*prices.doubtful, *quantities.doubtful, *unsure):
            keys[row] = None
        return Columns(keys, ids, prices.decimals, quantities.decimals, figures, times)


def _merged(sighting: Sighting, rows: Rows, columns: Columns) -> tuple[Rows, Columns]:
    """The rows with those of records that the plan reads, in their order."""
    events = [(record, event) for record in sighting.rest for event in sighting.read_by_plan(record)]
    places = [(record, rows.place(row)) for row, record in enumerate(rows.records)]
    places += [(record, event.index or 0) for record, event in events]
    more = columns_of_objects([event.canonical if isinstance(event, FeedEvent) else None for _, event in events])
    order = sorted(range(len(places)), key=places.__getitem__)
    whole = Rows([record for record, _ in places], [index for _, index in places], [None] * len(places)).at(order)
    both: Iterable[tuple[Any, Any]] = zip(columns[:-1], more[:-1], strict=True)
    joined: tuple[Any, ...] = tuple(_at([*one, *other], order) for one, other in both)
    return whole, Columns(*joined)


def _keep(memory: dict[Any, Any], signature: Any, said: Any) -> None:
    if len(memory) >= _MOST_KEPT:
        memory.clear()
    memory[signature] = said


def _at(column: Sequence[Any], kept: Sequence[int]) -> list[Any]:
    return [column[index] for index in kept]


def _nothing(_element: Any) -> None:
    """The signature where nothing but constants decides."""
