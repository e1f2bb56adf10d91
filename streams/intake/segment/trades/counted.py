"""The hot path: trades of one source partition, decoded, judged, freed of repeats and added up.

A record costs no object of its own beyond what the decoder makes, no call where a look-up does, and no look at what a whole
column proved already. Everything unusual (a field the lean decoder refuses, a bust, an amount with an exponent, a time near
a limit) leaves the loop for `_judged`, which asks the authority; both ways end in the same cells, and a test holds them to
it. Order within the partition is kept throughout: whether a record is a repeat depends on what lies below it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from decimal import localcontext
from typing import Any, NamedTuple

from monitor.core.journal.records import Source, Statement
from monitor.core.values.money import EXACT, plain
from monitor.core.values.times import exact_time, from_ms
from streams.intake.segment.batches import LAST_MS, Addressed, Batch, Counts, clamped, cut
from streams.intake.segment.columns.decoding import Columns, grouped, keys_of
from streams.intake.segment.content import Content, Findings
from streams.intake.segment.events import UNSIGNED, Events, Sighted
from streams.intake.segment.trades.acceptance import Acceptance
from streams.intake.segment.trades.alike import (
    FEW,
    Form,
    Sums,
    Taken,
    Timed,
    Trades,
    beyond,
    form_again,
    form_of,
    late_among,
    late_rows,
    put,
    timed,
    unfit,
    with_lanes,
    without_repeats,
)
from streams.intake.segment.trades.cells import in_parts
from streams.intake.segment.trades.event_times import EventTimes
from streams.intake.segment.trades.keys import LOOKED_AT, UnsafeRecords, is_safe
from streams.intake.segment.trades.lookback import LookBack
from streams.intake.segment.trades.put_back import PastRules, PutBack
from streams.wire import Invalid, Trade, Valid
from streams.wire.signatures import ALGORITHM

_HOUR_MS = 3_600_000
_FOREVER = 1 << 80
_MS = 1_000_000
MANY_LANES = 200
"""A fetch of 5,000 trades has 25 for each of so many lanes: with fewer of each a lane costs as much as its trades."""


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
        return cut(self.batch.times_ms, self.begin, self.stop)


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
        self.many_lanes = MANY_LANES
        self._lanes_before = 0

    @property
    def joins(self) -> bool:
        """Where many lanes get few trades each of a fetch. Else what is joined only lies farther from the processor."""
        return max(len(self._taken.lanes), self._lanes_before) > self.many_lanes

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
        self._unsafe, self._lanes_before = {}, len(self._taken.lanes)
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
        """Take in a run: column by column where that can be, else record by record."""
        columns = self._columns(run)
        put_back = self._put_back.possible
        if put_back and run.batch.has_headers():
            keys = keys_of(columns)
            for row in range(run.begin, run.stop):
                if self._refused_before(run, row):
                    keys[row - run.begin] = None  # the authority looks at it
            columns = columns._replace(keys=keys, groups=None)
        if self._several and run.now is not None and run.batch.offsets[run.begin] < self._start + LOOKED_AT:
            self._look_at_keys(run, columns)
        if put_back or not self._count_alike(run, columns, taken):
            self._count_each(run, columns, taken)
        taken.fold()

    @staticmethod
    def _columns(run: Run) -> Columns:
        return run.events.columns(run.begin, run.stop)

    def _look_at_keys(self, run: Run, columns: Columns) -> None:
        begin, batch, original = run.begin, run.batch, run.batch.original
        stop = bisect_left(batch.offsets, self._start + LOOKED_AT, begin, run.stop)
        unsafe: dict[str, list[int]] = {}
        for row, fields, trade_id in zip(range(begin, stop), keys_of(columns), columns.ids, strict=False):
            if fields is not None:
                entity, market = fields[0], fields[1]
            else:
                verdict = run.events.verdict(row, from_ms(clamped(batch.times_ms[row])))
                if not isinstance(verdict, Trade):
                    continue
                entity, market, trade_id = verdict.entity, verdict.market, verdict.trade_id  # noqa: PLW2901
            key = original(row)[0]
            if key is None or not is_safe(key, entity, market, trade_id):
                unsafe.setdefault(entity, []).append(row)
        for entity, rows in unsafe.items():
            if self._rules.known.knows(entity):
                self._unsafe_found(entity, batch, rows)

    def _unsafe_found(self, entity: str, batch: Batch, rows: list[int]) -> None:
        known, last = self._unsafe.get(entity), batch.offsets[rows[-1]]
        since_ms = min(batch.times_ms[row] for row in rows)
        if known is None:
            known = UnsafeRecords(0, last, since_ms)
        self._unsafe[entity] = UnsafeRecords(known.count + len(rows), last, min(known.since_ms, since_ms))
        self.findings.unsafe_keys += len(rows)

    # --- column by column

    def _count_alike(self, run: Run, columns: Columns, taken: Acceptance) -> bool:
        """Take in a run by columns; False, and nothing is taken in, where too much of it is unlike the rest."""
        formed = self._formed(run, columns)
        if formed is None:
            return False
        form, groups = formed
        lanes, others = with_lanes(groups, taken)
        verdicts: dict[int, Invalid | Trade] = {}
        if others:
            columns = columns._replace(times=form.texts)
            verdicts = self._with_judged(run, columns, taken, lanes, others)
            if len(verdicts) < len(others) or not self._readable(form):
                form = form_again(columns, lanes, tuple(verdicts))
        when = timed(form, self._times, self._rules.cell_ns)
        if when is None:
            return False
        for row, verdict in verdicts.items():
            self._apart(run, run.begin + row, verdict, taken)
        self._add_all(run, _trades(run, columns), when, form.numbers, lanes, taken, tuple(verdicts))
        return True

    def _add_all(  # noqa: PLR0917 - what is known of a run, by parts
        self,
        run: Run,
        trades: Trades,
        when: Timed,
        numbers: list[int] | None,
        lanes: Taken,
        taken: Acceptance,
        apart: Sequence[int],
    ) -> None:
        """Count and add up what the lanes have of a run; the rows of `apart` are no trades to be counted."""
        lanes, repeated, conflicts = without_repeats(lanes, trades, numbers, self.lookback, run.number)
        count, late = sum(map(len, lanes.values())), late_rows(when, trades.logged_ms, run.batch, self._late_after)
        late_count = late_among(late, count, (*repeated, *apart))
        counts = taken.counts
        counts.late += late_count
        counts.applied += count - late_count
        counts.duplicate += len(repeated) - conflicts
        counts.conflict += conflicts
        if run.now is not None and count:
            Sums(trades, when, repeated, run.batch, self._times).add(lanes)

    def _formed(self, run: Run, columns: Columns) -> tuple[Form, Mapping[Any, list[int]]] | None:
        """Times in one form, and the rows by key, None of what the authority must judge; None where that is too much."""
        first_ms, last_ms = run.batch.oldest_ms, run.batch.newest_ms
        formed = form_of(columns.times, columns.ids) if 0 <= first_ms <= last_ms <= LAST_MS else None
        if formed is None:
            return None
        form, odd = formed
        least, most = last_ms * _MS - self._rules.known.horizon_ns, first_ms * _MS + self._source.max_ahead_ns
        odd = [*odd, *unfit(form, columns.ids), *beyond(form, least, most, self._times)]
        groups: Mapping[Any, list[int]] | None = columns.groups
        if odd or groups is None:
            keys = keys_of(columns)
            for row in odd:
                keys[row] = None
            groups = grouped(keys, 0, len(keys))
        return None if len(groups.get(None, ())) * FEW > max(FEW, len(form.texts)) else (form, groups)

    def _with_judged(
        self, run: Run, columns: Columns, taken: Acceptance, lanes: Taken, others: Mapping[int, Any]
    ) -> dict[int, Invalid | Trade]:
        """Rows without a lane by the authority: a trade gets one and its fields their places; what it says of others is given."""
        said: dict[int, Invalid | Trade] = {}
        more: Taken = {}
        for row, key in others.items():
            lane = taken.lane(key)
            if lane is None:
                verdict = self._verdict(run, run.begin + row)
                if isinstance(verdict, Invalid) or verdict.busted:
                    said[row] = verdict
                    continue
                lane = taken.lane_of(verdict)
                put(columns, row, verdict)
            more.setdefault(lane, []).append(row)
        for lane, rows in more.items():
            lanes[lane] = sorted(lanes[lane] + rows) if lane in lanes else rows
        return said

    def _readable(self, form: Form) -> bool:
        """Whether nothing in the rows stands in the way of the fast paths: then what is no trade to be counted may stay there."""
        return form.numbers is not None and None not in (self._times.read(form.first), self._times.read(form.last))

    # --- record by record

    def _count_each(self, run: Run, columns: Columns, taken: Acceptance) -> None:
        """The loop for any run."""
        offsets, times_ms, index_of, read = run.batch.offsets, run.batch.times_ms, run.events.index, self._times.read
        ahead, horizon = -self._source.max_ahead_ns, self._rules.known.horizon_ns
        _, ids, prices, quantities, _, texts, _ = columns
        rows = zip(keys_of(columns), ids, prices, quantities, texts, strict=True)
        for index, (key, trade_id, price, quantity, text) in enumerate(rows, run.begin):
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
        verdict = self._verdict(run, index)
        if isinstance(verdict, Invalid) or verdict.busted:
            self._apart(run, index, verdict, taken)
            return
        log_ms, place = self._place(run, index)
        event_time, logged_at = verdict.executed_at, from_ms(log_ms)
        pending = (min(event_time, logged_at), log_ms, *place, verdict.trade_id, verdict.price, verdict.quantity, event_time)
        taken.take(taken.lane_of(verdict), pending, run.number, refused_before=self._refused_before(run, index))

    def _verdict(self, run: Run, index: int) -> Invalid | Trade:
        verdict = run.events.verdict(index, from_ms(clamped(run.batch.times_ms[index])))
        if isinstance(verdict, Valid):
            raise TypeError(f"{self.findings.where.topic} gave a record of kind {verdict.kind}")
        return verdict

    def _apart(self, run: Run, index: int, verdict: Invalid | Trade, taken: Acceptance) -> None:
        """What becomes of a record that is no trade to be counted: refused, or a bust."""
        if isinstance(verdict, Trade):
            log_ms, place = self._place(run, index)
            taken.note(verdict.executed_at, log_ms)
            if run.now is not None:
                self._bust(verdict, place, from_ms(log_ms), run.now, run.events.auth(index))
        elif run.now is not None:
            self.findings.refuse(run.events, index, verdict, run.now)

    @staticmethod
    def _place(run: Run, index: int) -> tuple[int, tuple[int, int]]:
        """Log time (ms) and place of a record."""
        return clamped(run.batch.times_ms[index]), (run.batch.offsets[index], run.events.index(index))

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


def _trades(run: Run, columns: Columns) -> Trades:
    events, begin = run.events, run.begin
    return Trades(
        columns.ids,
        columns.prices,
        columns.quantities,
        columns.figures,
        cut(run.batch.offsets, begin, run.stop),
        run.logged_ms,
        None if events.one_each else lambda row: events.index(begin + row),
    )
