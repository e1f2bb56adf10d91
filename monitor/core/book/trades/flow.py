"""Segments of source partitions: what they say so far, when a record replaces, when it is ignored, what was lost.

Why it is exact (JOURNAL 3): the totals of a segment are a pure function of a fixed range of an immutable log and of the
rules; every range joins the one before; the greatest over repeats of one function's growing prefixes is the whole; what
cannot be known is reported as a hole. So crashes, zombies and resent records change nothing.

Contributions enter an entity's `TradeRegister` at once and are replaced there; closing a segment only forgets how.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from monitor.core.book.sources.bad_share import OutcomeCounts
from monitor.core.book.sources.holes import Hole
from monitor.core.book.sources.sources import Sources
from monitor.core.book.trades.busts import Bust
from monitor.core.book.trades.cells import NO_TRADES, CellKey, Total
from monitor.core.book.trades.marks import PricedTrade, trades_of
from monitor.core.book.trades.shares import share_of
from monitor.core.book.trades.trades import SPOT, TradeRegister
from monitor.core.journal.ordering import order_from, place_text
from monitor.core.journal.records import BadRecord, Source, SourcePartition, Statement
from monitor.core.values.money import EXACT, parse_decimal, parse_quantity, parse_total, plain
from monitor.core.values.times import parse_time

SEGMENT, CELLS = "segment", "cells"
"""Names of buckets begin so."""

_NEWEST_VALUES = 5

CellHour = tuple[CellKey, int]


class Contribution(NamedTuple):
    """What the open segment says of one cell, read up to `upto`."""

    upto: int
    total: Total
    newest: tuple[PricedTrade, ...]


@dataclass(slots=True)
class OpenSegment:
    """The open segment of a source partition; `cells` by entity and share. `upto` is what progress said, not what cells said."""

    start: int
    rules: int
    upto: int
    final: bool = False
    applied: int = 0
    trades: int = 0
    counts: OutcomeCounts = field(default_factory=OutcomeCounts)
    judged: OutcomeCounts = field(default_factory=OutcomeCounts)
    short: bool = False
    again_from: int = 0
    cells: dict[tuple[str, int], dict[CellHour, Contribution]] = field(default_factory=dict)
    busted: dict[str, None] = field(default_factory=dict)

    @property
    def to_judge_by(self) -> OutcomeCounts:
        """The counts by which the source is judged: those of the last segment that had enough, until this one has."""
        return self.counts if self.counts.enough else self.judged

    @property
    def incomplete(self) -> bool:
        """Whether trades that progress counted have not come (the barrier sends them first), or are being read anew."""
        return self.trades < self.applied or self.upto < self.again_from


class Flow:
    """All segments of a journal partition. `sources` learns of holes and counts, `registers` of trades."""

    def __init__(self, sources: Sources, dirty: set[str]) -> None:
        self.registers: dict[str, TradeRegister] = {}
        self._sources = sources
        self._dirty = dirty
        self._segments: dict[SourcePartition, OpenSegment] = {}
        self._lossy: dict[tuple[str, int], bool] = {}
        """What `lossy` found since the last record: every evaluation of every entity asks it, and partitions are many."""

    # --- records

    def flow(self, statement: Statement, register: TradeRegister) -> None:
        """Take a `flow` record of the entity whose register this is."""
        source, entity = _source_of(statement), _entity_of(statement)
        segment = self._accept(statement, source)
        if segment is None or source.upto is None:
            return
        body, where, upto = statement.body, source.where, source.upto
        for raw in body["cells"]:
            cell = CellKey(raw["market"], raw["capacity"], raw["instrument"], raw["side"] or "")
            share = share_of(cell.market)
            cells = segment.cells.get((entity, share))
            if cells is None:
                cells = segment.cells[entity, share] = {}
            hour = _time_of(raw["hour"])
            known = cells.get((cell, hour))
            if known is not None and known.upto >= upto:
                continue
            total = Total(raw["trades"], parse_total(raw["quantity"]), parse_total(raw["value"]))
            newest = trades_of(raw["newest"], where)
            cells[cell, hour] = Contribution(upto, total, newest)
            self._dirty.add(_cells_name(share, where))
            segment.trades += total.trades - (known.total.trades if known else 0)
            register.told(cell, hour, total.minus(known.total) if known else total, (where, total.trades, newest))
        register.note_newest()
        register.heard(_time(body["newest_own"]), _time(body["newest_log"]))

    def bust(self, statement: Statement, register: TradeRegister) -> None:
        """Take a `bust` record of the entity whose register this is."""
        source = _source_of(statement)
        segment = self._accept(statement, source)
        if segment is None or source.offset is None or statement.logged_at is None:
            return
        body = statement.body
        price, quantity = parse_decimal(body["price"]), parse_quantity(body["quantity"])
        executed = parse_time(body["executed_at"])
        cell = CellKey(body["market"], body["capacity"], body["instrument"], body["side"] or "")
        register.busts.put(
            body["trade_id"],
            Bust(
                source.where.epoch,
                source.where.place(source.offset, source.index),
                source.where,
                source.start,
                cell,
                register.counted_in(cell, executed),
                Total(1, quantity, EXACT.multiply(price, quantity)),
                statement.logged_at,
            ),
        )
        segment.busted[_entity_of(statement)] = None
        register.heard(None, statement.logged_at)

    def progress(self, statement: Statement) -> None:
        """Take a `progress` record."""
        source = _source_of(statement)
        segment = self._accept(statement, source)
        if segment is None or source.upto is None or source.upto < segment.upto:
            return
        body = statement.body
        segment.upto = source.upto
        segment.final = body["final"]
        segment.applied = body["applied"]
        segment.counts = OutcomeCounts(**body["counts"])
        segment.short = body["short"]
        self._sources.heard(source.where.topic, _time(body["newest_log"]))

    # --- acceptance

    def _accept(self, statement: Statement, source: Source) -> OpenSegment | None:
        """The open segment a record belongs to, opened by it if it is the next one; None: an older one, or older rules."""
        where, start = source.where, source.start
        if start is None or statement.rules is None:
            raise BadRecord(f"a {statement.kind} record without segment start or rules")
        self._sources.log_id(where, statement.body.get("log"), statement.at)
        self._dirty.add(_name(where))
        self._lossy.clear()
        rules, segment = statement.rules.number, self._segments.get(where)
        if segment is not None and start > segment.start:
            self._close(where, segment, start, statement.at)
            segment = self._segments[where] = OpenSegment(start, rules, start, judged=segment.to_judge_by)
        elif segment is None:
            segment = self._segments[where] = OpenSegment(start, rules, start)
        elif start < segment.start or rules < segment.rules:
            return None
        elif rules > segment.rules:
            self._drop(where, segment)
            again = max(segment.upto, segment.again_from)
            segment = self._segments[where] = OpenSegment(start, rules, start, again_from=again, judged=segment.to_judge_by)
        return segment

    def _close(self, where: SourcePartition, segment: OpenSegment, start: int, at: int) -> None:
        """The next segment begins at `start`, which proves the commit of this one, or that retention passed it."""
        read = max((c.upto for cells in segment.cells.values() for c in cells.values()), default=segment.start)
        if read > start:
            self._drop(where, segment)
            self._sources.hole(Hole(where, segment.start, start, at))
        else:
            self._fold(where, segment)
            if start > segment.upto:
                self._sources.hole(Hole(where, segment.upto, start, at))
            elif segment.trades != segment.applied:
                self._sources.hole(Hole(where, segment.start, start, at))
        self._sources.closed(where.topic, segment.counts)

    def _fold(self, where: SourcePartition, segment: OpenSegment) -> None:
        for (entity, share), cells in segment.cells.items():
            self._dirty.add(_cells_name(share, where))
            for cell, hour in cells:
                self.registers[entity].fold(cell, hour, where)
        for entity in segment.busted:
            self.registers[entity].busts.fold(where, segment.start)

    def _drop(self, where: SourcePartition, segment: OpenSegment) -> None:
        """What a segment said does not count: it is read anew under other rules, or cannot be told apart."""
        for (entity, share), cells in segment.cells.items():
            self._dirty.add(_cells_name(share, where))
            register = self.registers[entity]
            for (cell, hour), contribution in cells.items():
                register.add(cell, hour, NO_TRADES.minus(contribution.total))
                if cell.instrument == SPOT:
                    register.keep(cell, hour, where, 0, ())
        for entity in segment.busted:
            self.registers[entity].busts.drop(where, segment.start)

    # --- reading

    def open_counts(self) -> Iterator[tuple[SourcePartition, OutcomeCounts]]:
        """Outcomes of each open segment, in order of source partition."""
        for where in sorted(self._segments):
            yield where, self._segments[where].counts

    def judged_counts(self) -> Iterator[tuple[SourcePartition, OutcomeCounts]]:
        """Outcomes by which each source partition is judged, in order."""
        for where in sorted(self._segments):
            yield where, self._segments[where].to_judge_by

    def read_positions(self) -> Iterator[tuple[SourcePartition, int]]:
        """How far each source partition is read, by its newest progress, in order."""
        for where in sorted(self._segments):
            yield where, self._segments[where].upto

    def lossy(self, topic: str, epoch: int) -> bool:
        """Whether an open segment of the topic misses trades, is read anew, or may count a repeat twice."""
        found = self._lossy.get((topic, epoch))
        if found is None:
            found = self._lossy[topic, epoch] = any(
                segment.incomplete or segment.short
                for where, segment in self._segments.items()
                if where.topic == topic and where.epoch >= epoch
            )
        return found

    # --- snapshots

    def names(self) -> Iterator[str]:
        """Names of the buckets."""
        for where in sorted(self._segments):
            yield _name(where)
            yield from (_cells_name(share, where) for share in sorted({share for _, share in self._segments[where].cells}))

    def bucket(self, name: str) -> Any:
        """One bucket as JSON values; None when it is empty."""
        kind, _, rest = name.partition("/")
        share, place = rest.split("/", 1) if kind == CELLS else ("", rest)
        segment = self._segments.get(_where(place))
        if segment is None:
            return None
        return list(_cells_of(segment, int(share))) or None if share else _segment_value(segment)

    def restore(self, buckets: Mapping[str, Any]) -> None:
        """Take the state of the buckets named as by `names`; up to state version 9 a segment's held its cells too."""
        for name in buckets:
            kind, _, place = name.partition("/")
            if kind == SEGMENT:
                value = buckets[name]
                segment = self._segments[_where(place)] = _segment_from(value)
                _put_cells(segment, _where(place), value.get("cells", ()))
        for name in buckets:
            kind, _, rest = name.partition("/")
            if kind == CELLS:
                where = _where(rest.split("/", 1)[1])
                _put_cells(self._segments[where], where, buckets[name])

    def link(self, entity: str, register: TradeRegister) -> None:
        """Give a register its entity's records; after a restore, with the open segments' newest trades."""
        self.registers[entity] = register
        for where, segment in self._segments.items():
            for (of, _), cells in segment.cells.items():
                for (cell, hour), c in cells.items() if of == entity else ():
                    if cell.instrument == SPOT:
                        register.keep(cell, hour, where, c.total.trades, c.newest)


def _segment_value(segment: OpenSegment) -> dict[str, Any]:
    state = [segment.start, segment.rules, segment.upto, segment.final, segment.applied, segment.short, segment.again_from]
    counts = {"counts": segment.counts.values(), "judged": segment.judged.values()}
    return {"state": state, **counts, "busted": sorted(segment.busted)}


def _cells_of(segment: OpenSegment, share: int) -> Iterator[list[Any]]:
    """The cells of a share as JSON values."""
    for entity in sorted(entity for entity, of_share in segment.cells if of_share == share):
        for (cell, hour), c in sorted(segment.cells[entity, share].items()):
            total = [c.total.trades, plain(c.total.quantity), plain(c.total.value)]
            yield [entity, *cell, str(hour), c.upto, *total, _newest_text(c.newest)]


def _segment_from(value: Mapping[str, Any]) -> OpenSegment:
    start, rules, upto, final, applied, short, again_from = value["state"]
    segment = OpenSegment(
        start, rules, upto, final, applied, short=short, again_from=again_from, counts=OutcomeCounts(*value["counts"])
    )
    segment.judged = OutcomeCounts(*value["judged"])
    segment.busted = dict.fromkeys(value["busted"])
    return segment


def _put_cells(segment: OpenSegment, where: SourcePartition, values: Iterable[Sequence[Any]]) -> None:
    for entity, market, capacity, instrument, side, hour, read, trades, quantity, amount, newest in values:
        total = Total(trades, parse_total(quantity), parse_total(amount))
        kept = tuple(_newest_from(trade, where) for trade in newest)
        cells = segment.cells.setdefault((entity, share_of(market)), {})
        cells[CellKey(market, capacity, instrument, side), int(hour)] = Contribution(read, total, kept)
        segment.trades += trades


def _newest_text(trades: tuple[PricedTrade, ...]) -> list[Any]:
    """The name of the bucket says of which source partition they are."""
    return [
        [str(time), str(logged), place_text(place), id_, plain(price)] for (time, _, logged, _, _, _, place), id_, price in trades
    ]


def _newest_from(values: Sequence[Any], where: SourcePartition) -> PricedTrade:
    if len(values) > _NEWEST_VALUES:  # before state version 11
        return PricedTrade(order_from(values[:7]), values[7], parse_decimal(values[8]))
    time, logged, place, trade_id, price = values
    order = (int(time), 0, int(logged), where.topic, where.epoch, where.partition, int(place))
    return PricedTrade(order, trade_id, parse_decimal(price))


def _name(where: SourcePartition) -> str:
    return f"{SEGMENT}/{where.epoch}/{where.partition}/{where.topic}"


def _cells_name(share: int, where: SourcePartition) -> str:
    return f"{CELLS}/{share}/{where.epoch}/{where.partition}/{where.topic}"


def _where(place: str) -> SourcePartition:
    epoch, partition, topic = place.split("/", 2)
    return SourcePartition(topic, int(epoch), int(partition))


def _source_of(statement: Statement) -> Source:
    if statement.source is None:
        raise BadRecord(f"a {statement.kind} record without source")
    return statement.source


def _entity_of(statement: Statement) -> str:
    if statement.entity is None:
        raise BadRecord(f"a {statement.kind} record without entity")
    return statement.entity


_time_of = lru_cache(maxsize=1024)(parse_time)
"""An hour of cells: a record names the same one again and again."""


def _time(text: str | None) -> int | None:
    return None if text is None else parse_time(text)
