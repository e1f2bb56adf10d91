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

from monitor.core.journal.records import Source, SourcePartition, Statement
from monitor.core.values.money import EXACT, plain
from monitor.core.values.times import HOUR, SECOND, BadTime, exact_time, from_ms, parse_time
from streams.intake.segment.cells import KEPT, Cell, Pending, Tally, in_parts
from streams.intake.segment.columns import log_texts, times_of_one_hour
from streams.intake.segment.decoding import Columns, columns_of
from streams.intake.segment.lookback import SLOTS, Ids, LookBack
from streams.intake.segment.rules import IntakeRules
from streams.intake.segment.segments import LAST_MS, Addressed, Batch, Segment, SegmentReader, clamped
from streams.wire import Invalid, LeanTrades, Trade, Valid, is_late, lean_trades
from streams.wire.fields import FIRST_TIME_NS, LAST_TIME_NS

_HOUR_MS = 3_600_000
_MOST_SECONDS = 20_000
_FOREVER = 1 << 80


class Lane:
    """Where trades of one lean key go: the cells by hour (the last used in `cell`, [`begin`, `end`) its hour) and the ids."""

    __slots__ = ("begin", "cell", "cells", "end", "ids", "name", "pages", "taken", "tally")

    def __init__(self, name: tuple[str, str, str, str | None], tally: Tally, ids: Ids) -> None:
        self.name = name
        self.tally = tally
        self.ids = ids
        self.pages = ids.pages
        self.taken: list[int] = []
        self.cells: dict[int, Cell] = {}
        self.begin = self.end = 0
        self.cell: Cell | None = None

    def turn(self, own: int) -> Cell:
        """Make the hour of `own` (ns) the one in use."""
        self.begin = own - own % HOUR
        self.end = self.begin + HOUR
        cell = self.cells.get(self.begin)
        if cell is None:
            cell = self.cells[self.begin] = Cell(self.tally, self.name, self.begin)
        self.cell = cell
        return cell


class Run(NamedTuple):
    """Records [`begin`, `stop`) of a batch, all of the look-back's place `number`; `now` (ns) is the writer's clock."""

    batch: Batch
    begin: int
    stop: int
    number: int
    now: int

    @property
    def logged_ms(self) -> Sequence[int]:
        """Log times of its records."""
        return self.batch.times_ms[self.begin : self.stop]


class TradeReader(SegmentReader):
    """`market.trades`. Before the first record of the log is taken in, `remember` feeds it the look-back."""

    def __init__(self, where: SourcePartition, rules: IntakeRules, log: str, start: int) -> None:
        self.lookback = LookBack(rules.lookback_blocks, rules.lookback_h)
        self._hidden_below, self._hidden_ms = 0, 0
        source = rules.sources[where.topic]
        self._source = source
        self._lean: LeanTrades | None = lean_trades(source)
        self._late_after = _FOREVER if source.late_after_ns is None else source.late_after_ns
        self._seconds: dict[str, int] = {}
        self._remembering = False
        self._lawful: set[tuple[str, str]] = set()
        self._clear()
        super().__init__(where, rules, log, start)

    def remember_from(self) -> int:
        """The offset from which the look-back of the segment about to begin must be read."""
        blocks = self.rules.block_records
        return max(0, (self.segment.start // blocks - self.rules.lookback_blocks) * blocks)

    def hidden(self, log_start: int, first_ms: int) -> None:
        """Note that the log begins at `log_start`, above its first offset ever, with a record of log time `first_ms`.

        Where that time lies within the look-back, less a day for disorder, segments that reach below say `short`.
        """
        self._hidden_below, self._hidden_ms = log_start, first_ms

    def remember(self, batch: Batch) -> None:
        """Take in the ids of records below the segment's start, without counting anything."""
        end = bisect_left(batch.offsets, self.segment.start)
        if not end:
            return
        segment, self.segment = self.segment, Segment(0, self.segment.start, 0)
        block = self.segment.limit // self.rules.block_records
        self.lookback.open(block, -_FOREVER)
        self._remembering = True
        try:
            self._take_in(batch, 0, end, 0)
        finally:
            self._remembering = False
            self.segment = segment
            self._clear()

    def _clear(self) -> None:
        self._lanes: dict[Any, Lane] = {}
        self._named: dict[tuple[str, tuple[str, str, str, str | None]], Lane] = {}
        self._tallies: dict[str, Tally] = {}
        self._busts: list[Addressed] = []

    def _new_segment(self, start: int) -> Segment:
        self._clear()
        return super()._new_segment(start)

    def _opened(self, segment: Segment, time_ms: int) -> None:
        block, hour = segment.start // self.rules.block_records, time_ms // _HOUR_MS
        self.lookback.open(block, hour)
        reach = (block - self.rules.lookback_blocks) * self.rules.block_records
        if reach < self._hidden_below:
            segment.short = clamped(self._hidden_ms) // _HOUR_MS >= hour - self.rules.lookback_h - 24

    def _take_in(self, batch: Batch, begin: int, end: int, now: int) -> None:
        with localcontext(EXACT):
            while begin < end:
                stop, number = self._run(batch, begin, end)
                self._count(Run(batch, begin, stop, number, now))
                begin = stop

    def _run(self, batch: Batch, begin: int, end: int) -> tuple[int, int]:
        """Index after the longest run of records from `begin` in one block and one log hour, and the number of that place."""
        blocks = self.rules.block_records
        block = batch.offsets[begin] // blocks
        hour = clamped(batch.times_ms[begin]) // _HOUR_MS
        stop = bisect_left(batch.offsets, (block + 1) * blocks, begin, end)
        if not clamped(batch.oldest_ms) // _HOUR_MS == clamped(batch.newest_ms) // _HOUR_MS == hour:
            times = batch.times_ms
            stop = next((index for index in range(begin, stop) if clamped(times[index]) // _HOUR_MS != hour), stop)
        return stop, self.lookback.number(block, hour)

    def _count(self, run: Run) -> None:
        """Take in a run: column by column where its times allow it, else record by record."""
        columns = self._columns(run.batch.values[run.begin : run.stop])
        if self._one_hour(columns.times, run):
            self._count_alike(run, columns)
        else:
            self._count_each(run, columns)

    def _one_hour(self, texts: list[str], run: Run) -> bool:
        """Whether times are of one form and one hour, and none is late, too old or too far ahead."""
        found = times_of_one_hour(texts)
        first_ms, last_ms = run.batch.oldest_ms, run.batch.newest_ms
        if found is None or not 0 <= first_ms <= last_ms <= LAST_MS:
            return False
        oldest, newest = self._own(found[0]), self._own(found[1])
        if oldest is None or newest is None or newest - first_ms * 1_000_000 > self._source.max_ahead_ns:
            return False
        return last_ms * 1_000_000 - oldest <= min(self.rules.known.horizon_ns, self._late_after)

    def _count_alike(self, run: Run, columns: Columns) -> None:
        """The loop for a run of one hour: a record costs the look-up of its lane and of its id."""
        batch, begin, _, number, now = run
        lanes, slots, again, remembering = self._lanes, SLOTS, self.lookback.again, self._remembering
        touched: list[Cell] = []
        used: list[Lane] = []
        repeated: list[int] = []
        for index, key, trade_id in zip(range(len(columns.ids)), columns.keys, columns.ids, strict=True):
            lane = lanes.get(key) or self._lane(key)
            if lane is None:
                self._judged(batch, begin + index, number, now, touched)
                continue
            slot = slots.get(trade_id[-3:])
            page: Any = lane.pages.get(trade_id[:-3])
            if page is None or slot is None:
                place = lane.ids.place(trade_id)
                if place is None:
                    self._judged(batch, begin + index, number, now, touched)
                    continue
                page, slot = place  # type: ignore[assignment]
            if (seen := page[slot]) and again(lane.ids, trade_id, seen, number):
                page[slot] = number
                repeated.append(index)
                continue
            page[slot] = number
            if not lane.taken:
                used.append(lane)
            lane.taken.append(index)
        if not remembering:
            self._add_all(used, run, columns, repeated)
        for lane in used:
            self.segment.counts.applied += len(lane.taken)
            lane.taken = []
        for cell in touched:
            cell.fold()
        self.segment.counts.duplicate += len(repeated)

    def _add_all(self, used: list[Lane], run: Run, columns: Columns, repeated: list[int]) -> None:
        """Add what the lanes took; values are reckoned for the whole column, which is quicker than by lane."""
        earlier = _earlier(run, columns.times, repeated)
        values = list(map(mul, columns.prices, columns.quantities))
        for lane in used:
            self._add(lane, run, columns, values, earlier)

    def _add(self, lane: Lane, run: Run, columns: Columns, values: list[Decimal], earlier: Sequence[str]) -> None:
        """Add the records that the lane took of a run of one hour to their cell."""
        taken = lane.taken
        begin, offsets, logged_ms, times = run.begin, run.batch.offsets, run.batch.times_ms, columns.times
        if earlier:
            last = self._nanoseconds(max(map(times.__getitem__, taken)))
            last_ms = max([logged_ms[begin + index] for index in taken])
        else:
            last, last_ms = self._nanoseconds(times[taken[-1]]), logged_ms[begin + taken[-1]]
        cell = lane.cell if lane.cell is not None and lane.begin <= last < lane.end else lane.turn(last)
        newest: list[Pending] = []
        for index in _newest(taken, earlier) if cell.spot else ():
            own, log_ms = self._nanoseconds(times[index]), logged_ms[begin + index]
            price, quantity = columns.prices[index], columns.quantities[index]
            time = min(own, log_ms * 1_000_000)
            newest.append((time, log_ms, offsets[begin + index], columns.ids[index], price, quantity, own))
        picked = itemgetter(*taken, taken[0])  # one more, else a single one would not come as a tuple
        cell.add(picked(columns.quantities)[:-1], picked(values)[:-1], last, last_ms, newest)

    def _nanoseconds(self, text: str) -> int:
        """Of a time's text that `_one_hour` has seen."""
        if text[:19] not in self._seconds:
            self._own(text)  # keeps its second
        return self._seconds[text[:19]] + int(text[20:-1].ljust(9, "0"))

    def _count_each(self, run: Run, columns: Columns) -> None:
        """The loop for any run. Everything it looks up is local; see the module's head."""
        batch, begin, stop, number, now = run
        keys, ids, prices, quantities, times = columns
        lanes, seconds, slots, again = self._lanes, self._seconds, SLOTS, self.lookback.again
        ahead, horizon, late_after = -self._source.max_ahead_ns, self.rules.known.horizon_ns, self._late_after
        touched: list[Cell] = []
        late = repeats = counted = 0
        index = begin - 1
        for key, trade_id, price, quantity, text, offset, log_ms in zip(
            keys, ids, prices, quantities, times, batch.offsets[begin:stop], batch.times_ms[begin:stop], strict=True
        ):
            index += 1
            lane = lanes.get(key)
            if lane is None:
                lane = self._lane(key)
                if lane is None:
                    self._judged(batch, index, number, now, touched)
                    continue
            second = seconds.get(text[:19])
            if second is not None and len(text) == 27 and text[19] == "." and text[26] == "Z":
                upper, lower = slots.get(text[20:23]), slots.get(text[23:26])
                own = None if upper is None or lower is None else second + upper * 1_000_000 + lower * 1000
            else:
                own = self._own(text)
            log_ms = log_ms if 0 <= log_ms <= LAST_MS else clamped(log_ms)  # noqa: PLW2901
            if own is None or not ahead <= (age := log_ms * 1_000_000 - own) <= horizon:
                self._judged(batch, index, number, now, touched)
                continue
            slot = slots.get(trade_id[-3:])
            page: Any = lane.ids.pages.get(trade_id[:-3])
            if page is None or slot is None:
                place = lane.ids.place(trade_id)
                if place is None:
                    self._judged(batch, index, number, now, touched)
                    continue
                page, slot = place  # type: ignore[assignment]
            if (seen := page[slot]) and again(lane.ids, trade_id, seen, number):
                page[slot] = number
                repeats += 1
                continue
            page[slot] = number
            if age > late_after:
                late += 1
            else:
                counted += 1
            cell = lane.cell if lane.begin <= own < lane.end else lane.turn(own)
            pending = cell.pending  # type: ignore[union-attr]
            if not pending:
                touched.append(cell)  # type: ignore[arg-type]
            pending.append((own if age >= 0 else log_ms * 1_000_000, log_ms, offset, trade_id, price, quantity, own))
        for cell in touched:
            cell.fold()
        counts = self.segment.counts
        counts.late += late
        counts.duplicate += repeats
        counts.applied += counted

    def _judged(self, batch: Batch, index: int, number: int, now: int, touched: list[Cell]) -> None:
        """One record by the authority: the same steps as the loop's, taken one by one."""
        log_ms, offset = clamped(batch.times_ms[index]), batch.offsets[index]
        logged_at = from_ms(log_ms)
        verdict = self.judge.verdict(batch.values[index], logged_at)
        if isinstance(verdict, Invalid):
            if not self._remembering:
                self._refuse(batch, index, verdict, now)
            return
        if isinstance(verdict, Valid):
            raise TypeError(f"{self.where.topic} gave a record of kind {verdict.kind}")
        self._lawful.add((verdict.entity, verdict.market))
        counts = self.segment.counts
        late = is_late(self._source, verdict.executed_at, logged_at)
        if verdict.busted:
            if not self._remembering:
                self._bust(verdict, offset, logged_at, now)
        elif self._repeats(verdict, number):
            counts.duplicate += 1
            return
        else:
            lane = self._named_lane(verdict.entity, verdict.market, verdict.capacity, verdict.instrument, verdict.side)
            own = verdict.executed_at
            cell = lane.turn(own)
            if not cell.pending:
                touched.append(cell)
            time = min(own, logged_at)
            cell.pending.append((time, log_ms, offset, verdict.trade_id, verdict.price, verdict.quantity, own))
        if late:
            counts.late += 1
        else:
            counts.applied += 1

    def _repeats(self, trade: Trade, number: int) -> bool:
        ids = self.lookback.ids(trade.entity, trade.market)
        place: Any = ids.place(trade.trade_id)
        kept, slot = place
        seen, kept[slot] = kept[slot], number
        return bool(seen) and self.lookback.again(ids, trade.trade_id, seen, number)

    def _bust(self, trade: Trade, offset: int, logged_at: int, now: int) -> None:
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
        source = Source(self.where, offset=offset, start=self.segment.start)
        statement = Statement("bust", trade.entity, now, body, source, logged_at, self.rules.rules)
        self._busts.append((self.rules.partition_of(trade.entity), statement))

    def _columns(self, values: Sequence[bytes | None]) -> Columns:
        return columns_of(self._lean, values)

    def _lane(self, key: Any) -> Lane | None:
        """The lane of a lean key met for the first time in the segment, or None for what the authority must judge."""
        if key is None:
            return None
        entity, market, side, capacity, instrument, status = key
        if status == "busted" or not self.rules.known.knows(entity) or (entity, market) not in self._lawful:
            return None
        lane = self._named_lane(entity, market, capacity or "venue", instrument or "spot", side)
        self._lanes[key] = lane
        return lane

    def _named_lane(self, entity: str, market: str, capacity: str, instrument: str, side: str | None) -> Lane:
        """The lane of a lawful name, which the caller has from the authority."""
        name = (market, capacity, instrument, side)
        lane = self._named.get((entity, name))
        if lane is None:
            tally = self._tallies.get(entity)
            if tally is None:
                tally = self._tallies[entity] = Tally(entity)
            lane = self._named[entity, name] = Lane(name, tally, self.lookback.ids(entity, market))
        return lane

    def _own(self, text: str) -> int | None:
        """Nanoseconds of a time's text, or None where the authority must judge it. Keeps the second for the texts that follow."""
        try:
            own = parse_time(text)
        except BadTime:
            return None
        if not FIRST_TIME_NS <= own <= LAST_TIME_NS:
            return None
        if text[-1] == "Z":
            if len(self._seconds) >= _MOST_SECONDS:
                self._seconds.clear()
            self._seconds[text[:19]] = own - own % SECOND
        return own

    def _contents(self, now: int, upto: int) -> list[Addressed]:
        contents, self._busts = self._busts, []
        source = Source(self.where, start=self.segment.start, upto=upto)
        for tally in self._tallies.values():
            partition = self.rules.partition_of(tally.entity)
            for cells in in_parts(list(tally.changed)):
                body = {
                    "log": self._log,
                    "cells": [cell.body() for cell in cells],
                    "newest_own": exact_time(tally.newest_own),
                    "newest_log": exact_time(from_ms(tally.newest_log_ms)),
                }
                contents.append((partition, Statement("flow", tally.entity, now, body, source, rules=self.rules.rules)))
            tally.changed.clear()
        return contents

    def _applied(self) -> dict[int, int]:
        applied: dict[int, int] = {}
        for tally in self._tallies.values():
            partition = self.rules.partition_of(tally.entity)
            applied[partition] = applied.get(partition, 0) + tally.trades
        return applied


def _earlier(run: Run, times: list[str], repeated: list[int]) -> Sequence[str]:
    """The earlier of own and log time of each record of a run of one hour, as texts cut to the digits of the own times.

    Cut times keep their order, so those at or above a cut limit hold all that are above the true one. Empty where neither
    time ever falls from one record to the next, the repeated left out: then the last is the newest.
    """
    logged_ms = run.logged_ms
    own, kept_ms = times.copy(), list(logged_ms)
    for index in reversed(repeated):
        del own[index], kept_ms[index]
    if sorted(own) == own and sorted(kept_ms) == kept_ms:
        return ()
    return list(map(min, times, log_texts(logged_ms, len(times[0]))))


def _newest(taken: list[int], earlier: Sequence[str]) -> list[int]:
    """At least the `KEPT` newest of the records at the indices `taken`."""
    if not earlier:
        return taken[-KEPT:]
    least = sorted(map(earlier.__getitem__, taken))[-KEPT:][0]
    return [index for index in taken if earlier[index] >= least]
