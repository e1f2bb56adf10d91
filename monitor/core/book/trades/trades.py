"""What an entity traded: exact totals by UTC hour and local date, and last prices (JOURNAL 2 to 4).

A cell is (market, capacity, instrument, side) and UTC hour of `executed_at`; a quarter of an hour where a configured zone is
not on whole hours, so that a cell lies within one local day. Cells are kept for 72 hours of the clock, then summed up between
the starts of local days of the zones in use, for the correction horizon. A cell of an hour that was counted before the first
such zone was configured belongs to the local day in which it begins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from monitor.core.book.trades.busts import Bust, Busts
from monitor.core.book.trades.cells import NO_TRADES, CellKey, Total, drop_before, sum_up
from monitor.core.book.trades.marks import Marks, PricedTrade, TradedPrice
from monitor.core.book.trades.shares import YOUNG, MarketBuckets
from monitor.core.journal.records import SourcePartition
from monitor.core.values.calendar import Zone
from monitor.core.values.changes import OLD_NS, Changes
from monitor.core.values.instants import Instants, Newest
from monitor.core.values.ladder import Boundaries
from monitor.core.values.money import EXACT, ZERO, parse_total, plain
from monitor.core.values.times import DAY, HOUR, QUARTER, hour_of, quarter_of, utc_day

HOURLY_NS = 72 * HOUR
WINDOW_NS = 24 * HOUR
_SLACK_NS = 32 * DAY
_FOREVER = 1 << 63
SPOT = "spot"


class TradeRegister:
    """The trades of one entity."""

    def __init__(self, zones: Sequence[Zone], horizon_ns: int, dirty: set[str], cell_ns: int = HOUR) -> None:
        self.changes: Changes[str] = Changes()
        """Markets whose last prices may be others."""
        self.past: Changes[str] = Changes()
        """Markets whose last prices at the end of an hour, or quarter of one, gone by may be others."""
        self.old: Changes[str] = Changes()
        """Markets of which trades that are older than `OLD_NS` may be others."""
        self._dirty = dirty
        self._boundaries = Boundaries(zones)
        self._horizon_ns = horizon_ns
        self._cell_ns = cell_ns
        self._grain = cell_ns
        """What every key of a cell is a multiple of; cells of quarters stay when the last zone that needs them goes."""
        self._hourly_from = 0
        self._buckets = MarketBuckets(dirty)
        self._cells: dict[CellKey, dict[int, Total]] = {}
        self._of_market: dict[str, list[CellKey]] = {}
        self._values: dict[tuple[str, str, str], dict[int, Decimal]] = {}
        self._recent: dict[int, None] = {}
        self._below: dict[tuple[CellKey, int], None] = {}
        self._marks: dict[str, Marks] = {}
        self._last: dict[str, TradedPrice | None] = {}
        self._moved: dict[str, None] = {}
        self._newest = Newest()
        self.busts = Busts(dirty, self._settle)
        self._pins = Instants(lambda: ())
        self._first_executed: dict[str, int] = {}
        self.newest_log: int | None = None
        self.newest_event_time: int | None = None

    # --- taking contributions

    def told(self, cell: CellKey, hour: int, change: Total, said: tuple[SourcePartition, int, tuple[PricedTrade, ...]]) -> None:
        """An open segment says more of a cell: its totals change by this much; `said` as `keep` takes it."""
        if hour < self._first_executed.get(cell.capacity, _FOREVER):
            self._first_executed[cell.capacity] = hour
            self._dirty.add("trades")
        if cell.instrument == SPOT:
            self._keep(cell, hour, *said)
        self.add(cell, hour, change)

    def add(self, cell: CellKey, hour: int, change: Total) -> None:
        """The totals of a cell's hour (or quarter) change by this much; a change may be negative."""
        key = hour if hour >= self._hourly_from else self._boundaries.before(hour)
        if key == hour:
            self._recent[hour_of(hour)] = None
        by_key = self._totals_of(cell)
        before = by_key.get(key)
        now = by_key[key] = change if before is None else before.plus(change)
        if now.below_zero:
            self._below[cell, key] = None
        elif self._below:
            self._below.pop((cell, key), None)
        values = self._values.setdefault((cell.instrument, cell.capacity, cell.quote), {})
        values[key] = EXACT.add(values.get(key, ZERO), change.value)
        self._touch(cell.market, hour)

    def counted_in(self, cell: CellKey, executed_at: int) -> int:
        """The hour or quarter in which a trade was counted: a change of width leaves what was counted before as it is."""
        hour = executed_at - executed_at % self._cell_ns
        kept = self._cells.get(cell, {})
        others = (quarter_of(executed_at), hour_of(executed_at))
        return next((start for start in (hour, *others) if start in kept), hour)

    def heard(self, newest_event_time: int | None, newest_log: int | None) -> None:
        """Own and log time of the newest record, for freshness."""
        if newest_event_time is not None and newest_event_time > (self.newest_event_time or 0):
            self.newest_event_time = newest_event_time
        if newest_log is not None and newest_log > (self.newest_log or 0):
            self.newest_log = newest_log
        self._dirty.add("trades")

    def keep(self, cell: CellKey, hour: int, where: SourcePartition, gross: int, trades: tuple[PricedTrade, ...]) -> None:
        """The newest trades of a spot cell as the open segment of a source partition tells them; none: forget them."""
        self._keep(cell, hour, where, gross, trades)
        self._touch(cell.market, hour)

    def _keep(self, cell: CellKey, hour: int, where: SourcePartition, gross: int, trades: tuple[PricedTrade, ...]) -> None:
        mark = self._market(cell.market).mark(hour, (cell.capacity, cell.side))
        if gross:
            mark.open[where] = (gross, trades)
        else:
            mark.open.pop(where, None)

    def fold(self, cell: CellKey, hour: int, where: SourcePartition) -> None:
        """The open segment of a source partition is closed."""
        if cell.instrument == SPOT:
            self._market(cell.market).mark(hour, (cell.capacity, cell.side)).fold(where)
            self._touch(cell.market, hour)

    def _settle(self, market: str, before: Bust | None, now: Bust | None) -> None:
        """Another bust counts for a trade, or none any more."""
        if before is not None:
            self.add(before.cell, before.hour, before.taken)
        if now is not None:
            self.add(now.cell, now.hour, NO_TRADES.minus(now.taken))
        self._touch(market, None)

    def _totals_of(self, cell: CellKey) -> dict[int, Total]:
        found = self._cells.get(cell)
        if found is None:
            found = self._cells[cell] = {}
            self._of_market.setdefault(cell.market, []).append(cell)
        return found

    def _market(self, market: str) -> Marks:
        found = self._marks.get(market)
        if found is None:
            found = self._marks[market] = Marks()
        return found

    def _touch(self, market: str, hour: int | None) -> None:
        """Trades of a market executed in this hour may be others; None: of any."""
        self.changes.note(market)
        ended = self._hourly_from + HOURLY_NS + (0 if self._grain == HOUR else HOUR)
        if hour is None or hour < ended:
            self.past.note(market)
        if hour is None or hour < ended - OLD_NS:
            self.old.note(market)
        self._last.pop(market, None)
        self._moved[market] = None
        self._buckets.stale(market, hour)

    # --- reading

    def first_executed(self, capacity: str | None = None) -> int | None:
        """The hour of the first trade of this capacity; None: of any."""
        firsts = self._first_executed
        return min(firsts.values(), default=None) if capacity is None else firsts.get(capacity)

    def last_price(self, market: str, before: int) -> TradedPrice | None:
        """The last trade of event time below `before`; its price is None when busts leave it unknown."""
        if market not in self._marks:
            return None
        if market not in self._last:
            self._last[market] = self._marks[market].newest(_FOREVER, lambda i: self.busts.holds(market, i))
        found = self._last[market]
        if found is None or found.order[0] < before:
            return found
        return self._marks[market].newest(before, lambda i: self.busts.holds(market, i))

    def closed_price(self, market: str, instant: int) -> TradedPrice | None:
        """The last trade of the newest UTC hour, or quarter of one, that ended by `instant`."""
        marks = self._marks.get(market)
        return None if marks is None else marks.newest_closed(instant, self._cell_ns, lambda i: self.busts.holds(market, i))

    def priced(self, market: str) -> bool:
        """Whether a price of the market was ever told."""
        return market in self._marks

    def is_base(self, asset: str) -> bool:
        """Whether any trade was of a market in which the asset is bought and sold for another."""
        return any(cell.market.partition("/")[0] == asset != cell.quote for cell in self._cells)

    def is_traded(self, asset: str) -> bool:
        """Whether any trade was of a market of the asset, on either side."""
        return any(asset in cell.market.split("/") for cell in self._cells)

    def value_between(
        self, instrument: str, capacity: str | None, start: int, end: int, left_out: Callable[[str], bool] | None = None
    ) -> dict[str, Decimal]:
        """Value of trades executed in [`start`, `end`) by quote currency, sorted; hours, or days of a zone in use.

        `left_out` tells the markets (`BASE/QUOTE`) whose trades do not count; None is none.
        """
        found: dict[str, Decimal] = {}
        if left_out is not None:
            for cell in sorted(self._cells):
                wanted = cell.instrument == instrument and (capacity is None or cell.capacity == capacity)
                if wanted and not left_out(cell.market):
                    for key in self._keys_between(self._cells[cell], start, end):
                        found[cell.quote] = EXACT.add(found.get(cell.quote, ZERO), self._cells[cell][key].value)
            return {quote: found[quote] for quote in sorted(found) if found[quote]}
        for (of, by, quote), values in sorted(self._values.items()):
            if of == instrument and (capacity is None or by == capacity):
                for key in self._keys_between(values, start, end):
                    found[quote] = EXACT.add(found.get(quote, ZERO), values[key])
        return {quote: value for quote, value in found.items() if value}

    def below_zero_between(self, start: int, end: int) -> bool:
        """Whether a cell in [`start`, `end`) lies below zero."""
        return any(start <= key < end for _, key in self._below)

    def market_totals(self, start: int, end: int) -> dict[str, Total]:
        """Totals of trades executed in [`start`, `end`) by market, sorted, without markets that have none."""
        found: dict[str, Total] = {}
        for cell, by_key in self._cells.items():
            for key in self._keys_between(by_key, start, end):
                found[cell.market] = found.get(cell.market, NO_TRADES).plus(by_key[key])
        return {market: found[market] for market in sorted(found) if found[market].trades}

    def _keys_between(self, by_key: Mapping[int, Any], start: int, end: int) -> Iterator[int]:
        keys = range(start, end, self._grain)
        if len(keys) <= len(by_key):
            return (key for key in keys if key in by_key)
        return (key for key in sorted(by_key) if start <= key < end)

    # --- time, configuration

    def advance(self, clock: int) -> None:
        """Once an hour of the clock, sum up the hours that retention no longer keeps."""
        hourly_from = hour_of(clock) - HOURLY_NS
        if hourly_from <= self._hourly_from:
            return
        hours = range(self._hourly_from, hourly_from, self._grain)
        self._hourly_from = hourly_from
        self._buckets.turn(hour_of(clock))
        self._recent = {hour: None for hour in self._recent if hour >= hourly_from}
        oldest = clock - self._horizon_ns - _SLACK_NS
        daily = utc_day(hours.start) != utc_day(hourly_from)
        for cell, by_key in self._cells.items():
            summed = sum_up(by_key, hours, self._boundaries, NO_TRADES, Total.plus)
            if (daily and drop_before(by_key, oldest)) or summed:
                self._dirty.add(f"trades/{cell.market}")
        for values in self._values.values():
            sum_up(values, hours, self._boundaries, ZERO, EXACT.add)
            drop_before(values, oldest)
        if self._below:
            self._below = {(c, k): None for c, by_key in self._cells.items() for k, t in by_key.items() if t.below_zero}
        for market, marks in self._marks.items():
            if marks.thin(hourly_from, lambda hour, then: self._keeps_mark(hour, then, oldest)):
                self._dirty.add(f"trades/{market}")
                self.changes.note(market)
                self.past.note(market)
                self.old.note(market)
        for (market, trade_id), hour in self.busts.forget(oldest):
            self._market(market).forget(hour, trade_id)
            self._touch(market, None)
        self._dirty.add("trades")

    def _keeps_mark(self, hour: int, then: int, oldest: int) -> bool:
        closes_a_day = then >= oldest and self._boundaries.before(then) >= hour + QUARTER
        return closes_a_day or self._pins.within(hour + self._cell_ns, then + HOUR)

    def pin(self, instants: Instants) -> None:
        """The instants at which something is valued for good: the prices of then are not forgotten."""
        self._pins = instants

    def next_newest(self, after: int) -> int | None:
        """The least event time above `after` of any market's last trade: the next that comes true or grows too old."""
        return self.newest_of().after(after)

    def newest_of(self) -> Newest:
        """When the last trade of each market was."""
        self.note_newest()
        return self._newest

    def note_newest(self) -> None:
        """What moved is looked at now, a record's markets at a time: all of a flush at once would take long."""
        for market in self._moved:
            last = self.last_price(market, _FOREVER)
            self._newest.put(market, None if last is None else last.order[0])
        self._moved.clear()

    def next_turn(self, after: int) -> int | None:
        """The next instant above `after` at which an hour with trades enters or leaves the last 24 hours."""
        turns = (turn for hour in self._recent for turn in (hour, hour + WINDOW_NS) if turn > after)
        return min(turns, default=None)

    def configure(self, zones: Sequence[Zone], horizon_ns: int, cell_ns: int = HOUR) -> None:
        """Change over to other zones; days already summed up for the former zones stay so."""
        self._boundaries = Boundaries(zones)
        self._horizon_ns = horizon_ns
        self._cell_ns, self._grain = cell_ns, min(cell_ns, self._grain)

    # --- snapshots

    def names(self) -> Iterator[str]:
        """Names of the buckets."""
        yield "trades"
        yield from self.busts.names()
        yield from self._buckets.names()
        yield from (f"trades/{market}" for market in sorted(self._buckets.old) if self._was_traded(market))

    def bucket(self, name: str) -> Any:
        """One bucket as JSON values; None when it is empty."""
        if name == "trades":
            times = (self._hourly_from, self.newest_event_time, self.newest_log)
            return {
                "times": [None if time is None else str(time) for time in times],
                "first": {capacity: str(hour) for capacity, hour in sorted(self._first_executed.items())},
            }
        if name.startswith("busts/"):
            return self.busts.bucket(name)
        kind, _, rest = name.partition("/")
        if kind == YOUNG:
            return self._young(name)
        totals, marks = self._before(rest, self._buckets.begin)
        return {"totals": totals, "marks": marks} if totals or marks else None

    def _young(self, name: str) -> dict[str, list[Any]] | None:
        totals, marks = [], []
        for market, start, end in self._buckets.young(name):
            for cell in self._of_market.get(market, ()):
                by_key = self._cells[cell]
                for key in self._keys_between(by_key, start, end):
                    total = by_key[key]
                    totals.append([*cell, str(key), total.trades, plain(total.quantity), plain(total.value)])
            if market in self._marks:
                marks += [[market, *mark] for mark in self._marks[market].text(start, end)]
        return {"totals": sorted(totals), "marks": marks} if totals or marks else None

    def _was_traded(self, market: str) -> bool:
        """Whether anything is known of the market that is not young."""
        begin = self._buckets.begin
        if any(key < begin for cell in self._of_market.get(market, ()) for key in self._cells[cell]):
            return True
        return market in self._marks and bool(self._marks[market].text(0, begin))

    def _before(self, market: str, end: int) -> tuple[list[Any], list[Any]]:
        """Totals and marks of a market of hours before `end`, as JSON values."""
        totals = []
        for cell in sorted(self._of_market.get(market, ())):
            found = [(key, total) for key, total in sorted(self._cells[cell].items()) if key < end]
            if found:
                totals.append([*cell, [[str(key), t.trades, plain(t.quantity), plain(t.value)] for key, t in found]])
        return totals, self._marks[market].text(0, end) if market in self._marks else []

    def restore(self, buckets: Mapping[str, Any]) -> None:
        """Take the state of the buckets named as by `names`; open segments are linked again by whoever holds them."""
        whole = buckets["trades"]
        hourly_from, self.newest_event_time, self.newest_log = (None if t is None else int(t) for t in whole["times"])
        self._hourly_from = hourly_from or 0
        self._buckets.turn(self._hourly_from + HOURLY_NS)
        self._first_executed = {capacity: int(hour) for capacity, hour in whole["first"].items()}
        self.busts.restore(buckets)
        for name in buckets:
            kind, _, rest = name.partition("/")
            if kind == "trades" and rest:
                self._buckets.old[rest] = None
                for market, capacity, instrument, side, totals in buckets[name]["totals"]:
                    self._put_back(CellKey(market, capacity, instrument, side), totals)
                self._market_back(rest, buckets[name]["marks"])
            elif kind == YOUNG:  # not before state version 11
                self._young_back(buckets[name])

    def _young_back(self, value: Mapping[str, Any]) -> None:
        marks: dict[str, list[Any]] = {}
        for market, capacity, instrument, side, *total in value["totals"]:
            self._put_back(CellKey(market, capacity, instrument, side), [total])
            marks[market] = []
        for market, *mark in value["marks"]:
            marks.setdefault(market, []).append(mark)
        for market, of_market in marks.items():
            self._market_back(market, of_market)

    def _market_back(self, market: str, marks: Sequence[Any]) -> None:
        if marks:
            self._market(market).restore(marks)
        self._moved[market] = None

    def _put_back(self, cell: CellKey, totals: Iterable[Sequence[Any]]) -> None:
        values = self._values.setdefault((cell.instrument, cell.capacity, cell.quote), {})
        by_key = self._totals_of(cell)
        for key_text, trades, quantity, amount in totals:
            key, total = int(key_text), Total(trades, parse_total(quantity), parse_total(amount))
            by_key[key] = total
            self._buckets.hold(cell.market, key)
            if key % self._grain:
                self._grain = QUARTER
            if key >= self._hourly_from:
                self._recent[hour_of(key)] = None
            values[key] = EXACT.add(values.get(key, ZERO), total.value)
            if total.below_zero:
                self._below[cell, key] = None
