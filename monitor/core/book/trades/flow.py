"""Segments of source partitions: what they say so far, when a record replaces, when it is ignored, what was lost.

Why it is exact (JOURNAL 3): the totals of a segment are a pure function of a fixed range of an immutable log and of the
rules; every range joins the one before; the greatest over repeats of one function's growing prefixes is the whole; what
cannot be known is reported as a hole. So crashes, zombies and resent records change nothing.

Contributions enter an entity's `TradeRegister` at once and are replaced there; closing a segment only forgets how.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from monitor.core.book.sources.bad_share import OutcomeCounts
from monitor.core.book.sources.holes import Hole
from monitor.core.book.sources.sources import Sources
from monitor.core.book.trades.busts import Bust
from monitor.core.book.trades.cells import NO_TRADES, CellKey, Total
from monitor.core.book.trades.marks import PricedTrade, trades_of
from monitor.core.book.trades.trades import SPOT, TradeRegister
from monitor.core.journal.ordering import order_from, order_text
from monitor.core.journal.records import BadRecord, Source, SourcePartition, Statement
from monitor.core.values.money import EXACT, parse_decimal, parse_quantity, parse_total, plain
from monitor.core.values.times import parse_time

CellHour = tuple[CellKey, int]


class Contribution(NamedTuple):
    """What the open segment says of one cell, read up to `upto`."""

    upto: int
    total: Total
    newest: tuple[PricedTrade, ...]


@dataclass(slots=True)
class OpenSegment:
    """The open segment of a source partition; `cells` by entity. `upto` is what progress said, not what cells said."""

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
    cells: dict[str, dict[CellHour, Contribution]] = field(default_factory=dict)
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

    # --- records

    def flow(self, statement: Statement, register: TradeRegister) -> None:
        """Take a `flow` record of the entity whose register this is."""
        source, entity = _source_of(statement), _entity_of(statement)
        segment = self._accept(statement, source)
        if segment is None or source.upto is None:
            return
        body = statement.body
        cells = segment.cells.setdefault(entity, {})
        for raw in body["cells"]:
            cell = CellKey(raw["market"], raw["capacity"], raw["instrument"], raw["side"] or "")
            hour = parse_time(raw["hour"])
            total = Total(raw["trades"], parse_total(raw["quantity"]), parse_total(raw["value"]))
            new = Contribution(source.upto, total, trades_of(raw["newest"], source.where))
            known = cells.get((cell, hour))
            if known is not None and known.upto >= new.upto:
                continue
            cells[cell, hour] = new
            segment.trades += new.total.trades - (known.total.trades if known else 0)
            register.add(cell, hour, new.total.minus(known.total if known else NO_TRADES))
            register.seen(cell.capacity, hour)
            if cell.instrument == SPOT:
                register.keep(cell, hour, source.where, new.total.trades, new.newest)
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
        for entity, cells in segment.cells.items():
            for cell, hour in cells:
                self.registers[entity].fold(cell, hour, where)
        for entity in segment.busted:
            self.registers[entity].busts.fold(where, segment.start)

    def _drop(self, where: SourcePartition, segment: OpenSegment) -> None:
        """What a segment said does not count: it is read anew under other rules, or cannot be told apart."""
        for entity, cells in segment.cells.items():
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
        return any(
            segment.incomplete or segment.short
            for where, segment in self._segments.items()
            if where.topic == topic and where.epoch >= epoch
        )

    # --- snapshots

    def names(self) -> Iterator[str]:
        """Names of the buckets."""
        yield from (_name(where) for where in sorted(self._segments))

    def bucket(self, name: str) -> Any:
        """One bucket as JSON values; None when it is empty."""
        _, epoch, partition, topic = name.split("/", 3)
        segment = self._segments.get(SourcePartition(topic, int(epoch), int(partition)))
        if segment is None:
            return None
        state = [segment.start, segment.rules, segment.upto, segment.final, segment.applied, segment.short, segment.again_from]
        cells = [
            [
                entity,
                *cell,
                str(hour),
                c.upto,
                c.total.trades,
                plain(c.total.quantity),
                plain(c.total.value),
                _newest_text(c.newest),
            ]
            for entity, of_entity in sorted(segment.cells.items())
            for (cell, hour), c in sorted(of_entity.items())
        ]
        return {
            "state": state,
            "counts": segment.counts.values(),
            "judged": segment.judged.values(),
            "cells": cells,
            "busted": sorted(segment.busted),
        }

    def restore(self, buckets: Mapping[str, Any]) -> None:
        """Take the state of the buckets named as by `names`."""
        for name, value in buckets.items():
            kind, _, rest = name.partition("/")
            if kind == "segment":
                epoch, partition, topic = rest.split("/", 2)
                self._segments[SourcePartition(topic, int(epoch), int(partition))] = _segment_from(value)

    def link(self, entity: str, register: TradeRegister) -> None:
        """Give a register its entity's records; after a restore, with the open segments' newest trades."""
        self.registers[entity] = register
        for where, segment in self._segments.items():
            for (cell, hour), c in segment.cells.get(entity, {}).items():
                if cell.instrument == SPOT:
                    register.keep(cell, hour, where, c.total.trades, c.newest)


def _segment_from(value: Mapping[str, Any]) -> OpenSegment:
    start, rules, upto, final, applied, short, again_from = value["state"]
    segment = OpenSegment(
        start, rules, upto, final, applied, short=short, again_from=again_from, counts=OutcomeCounts(*value["counts"])
    )
    segment.judged = OutcomeCounts(*value["judged"])
    for entity, market, capacity, instrument, side, hour, read, trades, quantity, amount, newest in value["cells"]:
        total = Total(trades, parse_total(quantity), parse_total(amount))
        kept = tuple(PricedTrade(order_from(t[:7]), t[7], parse_decimal(t[8])) for t in newest)
        cells = segment.cells.setdefault(entity, {})
        cells[CellKey(market, capacity, instrument, side), int(hour)] = Contribution(read, total, kept)
        segment.trades += trades
    segment.busted = dict.fromkeys(value["busted"])
    return segment


def _newest_text(trades: tuple[PricedTrade, ...]) -> list[Any]:
    return [[*order_text(trade.order), trade.trade_id, plain(trade.price)] for trade in trades]


def _name(where: SourcePartition) -> str:
    return f"segment/{where.epoch}/{where.partition}/{where.topic}"


def _source_of(statement: Statement) -> Source:
    if statement.source is None:
        raise BadRecord(f"a {statement.kind} record without source")
    return statement.source


def _entity_of(statement: Statement) -> str:
    if statement.entity is None:
        raise BadRecord(f"a {statement.kind} record without entity")
    return statement.entity


def _time(text: str | None) -> int | None:
    return None if text is None else parse_time(text)
