"""The hot path: trades of one source partition, decoded, judged, freed of repeats and added up.

A record costs no object of its own beyond what the decoder makes, no call where a look-up does, and no look at what a whole
column proved already. Everything unusual (a field the lean decoder refuses, a bust, an amount with an exponent, a time near
a limit) leaves the loop for `_judged`, which asks the authority; both ways end in the same cells, and a test holds them to
it. Order within the partition is kept throughout: whether a record is a repeat depends on what lies below it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from decimal import Decimal, localcontext
from operator import itemgetter, mul
from typing import Any, NamedTuple

from monitor.core.journal.records import Source, Statement
from monitor.core.values.money import EXACT, plain
from monitor.core.values.times import HOUR, exact_time, from_ms
from streams.intake.segment.batches import LAST_MS, Addressed, Batch, Counts, clamped
from streams.intake.segment.columns import log_texts, times_of_one_hour, times_of_one_quarter
from streams.intake.segment.content import Content, Findings
from streams.intake.segment.decoding import Columns
from streams.intake.segment.events import UNSIGNED, Events, Sighted
from streams.intake.segment.trades.acceptance import Acceptance, TradeLane
from streams.intake.segment.trades.cells import TRADES_A_CELL, Pending, in_parts
from streams.intake.segment.trades.event_times import EventTimes
from streams.intake.segment.trades.keys import LOOKED_AT, UnsafeRecords, is_safe
from streams.intake.segment.trades.lookback import FIGURES, SLOTS, LookBack, mark_of
from streams.intake.segment.trades.put_back import PastRules, PutBack
from streams.wire import Invalid, Trade, Valid
from streams.wire.signatures import ALGORITHM

_HOUR_MS = 3_600_000
_FOREVER = 1 << 80
_LAST_THREE = itemgetter(slice(-3, None))


class Run(NamedTuple):
    """Events [`begin`, `stop`), all of the look-back's place `number`.

    `now` (ns) is the writer's clock; None while they are remembered only, not counted.
    """

    events: Events
    batch: Batch
    begin: int
    stop: int
    number: int
    now: int | None

    @property
    def logged_ms(self) -> Sequence[int]:
        """Log times of its records."""
        return self.batch.times_ms[self.begin : self.stop]


class Reckoned(NamedTuple):
    """What is reckoned once for all lanes of a run: prices times quantities, what `_earlier` gives, log times."""

    values: list[Decimal]
    earlier: Sequence[str]
    logged_ms: Sequence[int]


class CountedTrades(Content):
    """`market.trades`. Before the first record of the log is taken in, `remember` feeds it the look-back.

    Where the log begins above its first offset ever, with a record within the look-back (less a day for disorder),
    segments whose look-back reaches below are said to be short. `several`: whether the topic has other partitions too, so
    that the keys of its records matter.
    """

    def __init__(
        self, findings: Findings, sighted: Sighted, log: str, *, several: bool = False, past: PastRules | None = None
    ) -> None:
        super().__init__(findings, sighted)
        rules = findings.rules
        self.lookback = LookBack(rules.lookback_blocks, rules.lookback_h)
        self._put_back = PutBack(past or PastRules(rules.rules.number))
        self._rules, self._log = rules, log
        self._source = rules.sources[findings.where.topic]
        self._late_after = _FOREVER if self._source.late_after_ns is None else self._source.late_after_ns
        self._hidden_below, self._hidden_ms = 0, 0
        self._times = EventTimes()
        self._lawful: set[tuple[str, str]] = set()
        self._start = 0
        self._busts: list[Addressed] = []
        self._several = several
        self._auth = ALGORITHM if findings.where.topic in rules.signers else UNSIGNED
        self._unsafe: dict[str, UnsafeRecords] = {}
        self._taken = self._acceptance(findings.counts)

    def remember_from(self, start: int) -> int:
        """The offset from which the look-back of a segment that begins at `start` must be read."""
        blocks = self._rules.block_records
        return max(0, (start // blocks - self._rules.lookback_blocks) * blocks)

    def hidden(self, log_start: int, first_ms: int) -> None:
        self._hidden_below, self._hidden_ms = log_start, first_ms

    def remember(self, batch: Batch, start: int) -> None:
        end = bisect_left(batch.offsets, start)
        if end:
            self.lookback.open(start // self._rules.block_records, -_FOREVER)
            self._put_back.opened(self.remember_from(start))
            self._take_in(self.sighted(batch, 0, end), None, self._acceptance(Counts()))

    def opened(self, start: int, time_ms: int) -> bool:
        self._start = start
        block, hour = start // self._rules.block_records, time_ms // _HOUR_MS
        self.lookback.open(block, hour)
        self._put_back.opened(self.remember_from(start))
        reach = (block - self._rules.lookback_blocks) * self._rules.block_records
        return reach < self._hidden_below and clamped(self._hidden_ms) // _HOUR_MS >= hour - self._rules.lookback_h - 24

    def take_in(self, events: Events, now: int) -> None:
        self._take_in(events, now, self._taken)

    def said(self, now: int, start: int, upto: int) -> list[Addressed]:
        contents, self._busts = self._busts, []
        source = Source(self.findings.where, start=start, upto=upto)
        for tally in self._taken.tallied():
            partition = self._rules.partition_of(tally.entity)
            for cells in in_parts(list(tally.changed)):
                body: dict[str, Any] = {
                    "log": self._log,
                    "cells": [cell.body() for cell in cells],
                    "newest_own": exact_time(tally.newest_event_time),
                    "newest_log": exact_time(from_ms(tally.newest_log_ms)),
                }
                if tally.entity in self._unsafe:
                    body["keys_unsafe"] = self._unsafe[tally.entity].body()
                flow = Statement("flow", tally.entity, now, body, source, rules=self._rules.rules, auth=self._auth)
                contents.append((partition, flow))
            tally.changed.clear()
        return contents

    def applied(self) -> dict[int, int]:
        applied: dict[int, int] = {}
        for tally in self._taken.tallied():
            partition = self._rules.partition_of(tally.entity)
            applied[partition] = applied.get(partition, 0) + tally.trades
        return applied

    def closed(self) -> None:
        super().closed()
        self._unsafe = {}
        self._taken = self._acceptance(self.findings.counts)

    def _acceptance(self, counts: Counts) -> Acceptance:
        return Acceptance(self.lookback, self._rules, self._late_after, self._lawful, counts, put_back=self._put_back)

    # --- runs

    def _take_in(self, events: Events, now: int | None, taken: Acceptance) -> None:
        begin, batch = events.begin, events.batch
        with localcontext(EXACT):
            while begin < events.end:
                stop, number = self._run(batch, begin, events.end)
                self._count(Run(events, batch, begin, stop, number, now), taken)
                begin = stop

    def _run(self, batch: Batch, begin: int, end: int) -> tuple[int, int]:
        """Index after the longest run of records from `begin` in one block and one log hour, and the number of that place."""
        blocks = self._rules.block_records
        block = batch.offsets[begin] // blocks
        hour = clamped(batch.times_ms[begin]) // _HOUR_MS
        stop = bisect_left(batch.offsets, (block + 1) * blocks, begin, end)
        if not clamped(batch.oldest_ms) // _HOUR_MS == clamped(batch.newest_ms) // _HOUR_MS == hour:
            times = batch.times_ms
            stop = next((index for index in range(begin, stop) if clamped(times[index]) // _HOUR_MS != hour), stop)
        return stop, self.lookback.number(block, hour)

    def _count(self, run: Run, taken: Acceptance) -> None:
        """Take in a run: column by column where its times allow it, else record by record."""
        columns = self._columns(run)
        if self._put_back.possible and run.batch.headed:
            for row in range(run.begin, run.stop):
                if self._refused_before(run, row):
                    columns.keys[row - run.begin] = None  # the authority looks at it
        if self._several and run.now is not None:
            self._look_at_keys(run, columns)
        if self._one_cell(columns.times, run):
            self._count_alike(run, columns, taken)
        else:
            self._count_each(run, columns, taken)
        taken.fold()

    @staticmethod
    def _columns(run: Run) -> Columns:
        return run.events.columns(run.begin, run.stop)

    def _look_at_keys(self, run: Run, columns: Columns) -> None:
        stop = bisect_left(run.batch.offsets, self._start + LOOKED_AT, run.begin, run.stop)
        for index, fields, trade_id in zip(range(run.begin, stop), columns.keys, columns.ids, strict=False):
            if fields is not None:
                self._look_at_key(run, index, fields[0], fields[1], trade_id)
                continue
            verdict = run.events.verdict(index, from_ms(clamped(run.batch.times_ms[index])))
            if isinstance(verdict, Trade):
                self._look_at_key(run, index, verdict.entity, verdict.market, verdict.trade_id)

    def _look_at_key(self, run: Run, index: int, entity: str, market: str, trade_id: str) -> None:
        key, _ = run.batch.original(index)
        if is_safe(key, entity, market, trade_id) or not self._rules.known.knows(entity):
            return
        offset, time_ms = run.batch.offsets[index], run.batch.times_ms[index]
        known = self._unsafe.get(entity) or UnsafeRecords(0, offset, time_ms)
        self._unsafe[entity] = UnsafeRecords(known.count + 1, offset, min(known.since_ms, time_ms))
        self.findings.unsafe_keys += 1

    # --- column by column

    def _one_cell(self, texts: list[str], run: Run) -> bool:
        """Whether times are of one form and one cell, and none is late, too old or too far ahead."""
        found = times_of_one_hour(texts) if self._rules.cell_ns == HOUR else times_of_one_quarter(texts)
        first_ms, last_ms = run.batch.oldest_ms, run.batch.newest_ms
        if found is None or not 0 <= first_ms <= last_ms <= LAST_MS:
            return False
        oldest, newest = self._times.read(found[0]), self._times.read(found[1])
        if oldest is None or newest is None or newest - first_ms * 1_000_000 > self._source.max_ahead_ns:
            return False
        return last_ms * 1_000_000 - oldest <= min(self._rules.known.horizon_ns, self._late_after)

    def _count_alike(self, run: Run, columns: Columns, taken: Acceptance) -> None:
        """The loop for a run of one cell's times: a record costs the look-up of its lane and of its id."""
        begin, number, place_mark = run.begin, run.number, mark_of(run.number, 0)
        lanes, slots, again = taken.lanes, SLOTS, self.lookback.again
        used: list[TradeLane] = []
        repeated: list[int] = []
        conflicts = 0
        found, places = map(lanes.get, columns.keys), map(slots.get, map(_LAST_THREE, columns.ids))
        rows = zip(range(len(columns.ids)), found, columns.ids, places, columns.figures, strict=True)
        for index, known, trade_id, place_in_page, told in rows:
            lane = known or taken.lane(columns.keys[index])
            if lane is None:
                self._judged(run, begin + index, taken)
                continue
            slot: Any = place_in_page
            page: Any = lane.pages.get(trade_id[:-3])
            if page is None or slot is None:
                place = lane.ids.place(trade_id)
                if place is None:
                    self._judged(run, begin + index, taken)
                    continue
                page, slot = place
            mark = place_mark | (told & FIGURES)
            if (seen := page[slot]) and again(lane.ids, trade_id, seen, number):
                conflicts += (seen ^ mark) & FIGURES != 0
                page[slot] = mark
                repeated.append(index)
                if self._put_back.possible:
                    self._put_back.several.add((lane.tally.entity, lane.name[0], trade_id))
                continue
            page[slot] = mark
            if not lane.taken:
                used.append(lane)
            lane.taken.append(index)
        if run.now is not None:
            self._add_all(used, run, columns, repeated)
        for lane in used:
            taken.counts.applied += len(lane.taken)
            lane.taken = []
        taken.counts.duplicate += len(repeated) - conflicts
        taken.counts.conflict += conflicts

    def _add_all(self, used: list[TradeLane], run: Run, columns: Columns, repeated: list[int]) -> None:
        """Add what the lanes took; values are reckoned for the whole column, which is quicker than by lane."""
        newest = self._times.of_lawful(max(columns.times))
        earlier = _earlier(run, columns.times, repeated, newest)
        values = list(map(mul, columns.prices, columns.quantities))
        reckoned = Reckoned(values, earlier, run.logged_ms)
        for lane in used:
            self._add(lane, run, columns, reckoned)

    def _add(self, lane: TradeLane, run: Run, columns: Columns, reckoned: Reckoned) -> None:
        """Add the records that the lane took of a run of one hour or quarter to their cell."""
        taken, of_lawful = lane.taken, self._times.of_lawful
        values, earlier, logged_ms = reckoned
        begin, offsets, times = run.begin, run.batch.offsets, columns.times
        picked = itemgetter(*taken, taken[0])  # one more, else a single one would not come as a tuple
        if earlier:
            last, last_ms = of_lawful(max(picked(times))), max(picked(logged_ms))
        else:
            last, last_ms = of_lawful(times[taken[-1]]), logged_ms[taken[-1]]
        cell = lane.turn(last)
        newest: list[Pending] = []
        for index in _newest(taken, picked(earlier)[:-1] if earlier else ()) if cell.spot else ():
            event_time, log_ms = of_lawful(times[index]), logged_ms[index]
            price, quantity = columns.prices[index], columns.quantities[index]
            time = min(event_time, log_ms * 1_000_000)
            place = (offsets[begin + index], run.events.index(begin + index))
            newest.append((time, log_ms, *place, columns.ids[index], price, quantity, event_time))
        cell.add(picked(columns.quantities)[:-1], picked(values)[:-1], last, last_ms, newest)

    # --- record by record

    def _count_each(self, run: Run, columns: Columns, taken: Acceptance) -> None:
        """The loop for any run."""
        offsets, times_ms, index_of, read = run.batch.offsets, run.batch.times_ms, run.events.index, self._times.read
        ahead, horizon = -self._source.max_ahead_ns, self._rules.known.horizon_ns
        for index, (key, trade_id, price, quantity, _, text) in enumerate(zip(*columns, strict=True), run.begin):
            lane = taken.lane(key)
            event_time = None if lane is None else read(text)
            if lane is not None and event_time is not None:
                log_ms = clamped(times_ms[index])
                logged_at = log_ms * 1_000_000
                pending = (
                    min(event_time, logged_at),
                    log_ms,
                    offsets[index],
                    index_of(index),
                    trade_id,
                    price,
                    quantity,
                    event_time,
                )
                if ahead <= logged_at - event_time <= horizon and taken.take(lane, pending, run.number):
                    continue
            self._judged(run, index, taken)

    def _judged(self, run: Run, index: int, taken: Acceptance) -> None:
        """One record by the authority."""
        batch, now = run.batch, run.now
        log_ms, place = clamped(batch.times_ms[index]), (batch.offsets[index], run.events.index(index))
        logged_at = from_ms(log_ms)
        verdict = run.events.verdict(index, logged_at)
        if isinstance(verdict, Invalid):
            if now is not None:
                self.findings.refuse(run.events, index, verdict, now)
            return
        if isinstance(verdict, Valid):
            raise TypeError(f"{self.findings.where.topic} gave a record of kind {verdict.kind}")
        event_time = verdict.executed_at
        if verdict.busted:
            taken.note(event_time, log_ms)
            if now is not None:
                self._bust(verdict, place, logged_at, now, run.events.auth(index))
            return
        pending = (min(event_time, logged_at), log_ms, *place, verdict.trade_id, verdict.price, verdict.quantity, event_time)
        taken.take(taken.lane_of(verdict), pending, run.number, refused_before=self._refused_before(run, index))

    def _refused_before(self, run: Run, row: int) -> bool:
        if not self._put_back.possible:
            return False
        _, headers = run.batch.original(row)
        return self._put_back.refused_before(headers, self.findings.where.epoch)

    def _bust(self, trade: Trade, place: tuple[int, int], logged_at: int, now: int, auth: str) -> None:
        body = {
            "log": self._log,
            "trade_id": trade.trade_id,
            "market": trade.market,
            "capacity": trade.capacity,
            "instrument": trade.instrument,
            "side": trade.side,
            "price": plain(trade.price),
            "quantity": plain(trade.quantity),
            "executed_at": exact_time(trade.executed_at),
        }
        source = Source(self.findings.where, offset=place[0], start=self._start, index=place[1])
        statement = Statement("bust", trade.entity, now, body, source, logged_at, self._rules.rules, auth)
        self._busts.append((self._rules.partition_of(trade.entity), statement))


def _earlier(run: Run, times: list[str], repeated: list[int], newest: int) -> Sequence[str]:
    """The earlier of event and log time of each record of a run of one hour, as texts cut to the digits of the event times.

    Cut times keep their order, so those at or above a cut limit hold all that are above the true one. Empty where neither
    time ever falls from one record to the next, the repeated left out: then the last is the newest. `newest` (ns): of the
    event times.
    """
    logged_ms = run.logged_ms
    event_time, kept_ms = times.copy(), list(logged_ms)
    for index in reversed(repeated):
        del event_time[index], kept_ms[index]
    if sorted(event_time) == event_time and sorted(kept_ms) == kept_ms:
        return ()
    if newest <= run.batch.oldest_ms * 1_000_000:
        return times
    return list(map(min, times, log_texts(logged_ms, len(times[0]))))


def _newest(taken: list[int], earlier: Sequence[str]) -> list[int]:
    """At least the `TRADES_A_CELL` newest of the records at the indices `taken`, of which `earlier` are the times."""
    if not earlier:
        return taken[-TRADES_A_CELL:]
    ordered = sorted(earlier)
    least = ordered[-TRADES_A_CELL:][0]
    wanted, found = len(ordered) - bisect_left(ordered, least), []
    for place in range(len(taken) - 1, -1, -1):  # most often among the last
        if earlier[place] >= least:
            found.append(taken[place])
            if len(found) == wanted:
                break
    return found
