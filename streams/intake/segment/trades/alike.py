"""Runs of trades counted by columns: what is true of all of them is looked at once, and what is of one cell added up at once.

Only order can make that another result than one trade after another gives: which of two trades with one id counts. Ids are
therefore gone through in their order, market by market, as one market has nothing to do with another.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import chain
from operator import itemgetter, lt, mul
from typing import Any, NamedTuple

from monitor.core.values.times import HOUR, SECOND, exact_time
from streams.intake.segment.columns import in_one_form, log_texts, times_of_one_form
from streams.intake.segment.decoding import Columns, hash_of
from streams.intake.segment.trades.acceptance import Acceptance, TradeLane
from streams.intake.segment.trades.cells import TRADES_A_CELL, Pending, Tally
from streams.intake.segment.trades.event_times import EventTimes
from streams.intake.segment.trades.lookback import Arrived, Ids, LookBack, fit, numbers_of
from streams.wire import Trade

Taken = dict[TradeLane, list[int]]
"""The rows of each lane, rising."""

_FORM_OF_HOUR, _FORM_OF_MINUTE = (13, ":00:00Z"), (16, ":00Z")
_MS = 1_000_000
_ROW = itemgetter(0)
_WHOLE_SECONDS = 20
FEW = 8
"""Of so many records one may be unlike the others."""


class Form(NamedTuple):
    """Times of one form with the first and the last, and the numbers of ids where each is its number's plain text."""

    texts: list[str]
    first: str
    last: str
    numbers: list[int] | None


class Timed(NamedTuple):
    """Times of a run in one form. `oldest` and `newest` (ns); `begins` of the cell of each, None where all have the first's."""

    texts: list[str]
    oldest: int
    newest: int
    begins: Sequence[int] | None
    begin: int


class Trades(NamedTuple):
    """Columns of a run's trades, by row; `index_of` gives an event's index within its record."""

    ids: list[str]
    prices: list[Decimal]
    quantities: list[Decimal]
    figures: list[int]
    offsets: Sequence[int]
    logged_ms: Sequence[int]
    index_of: Callable[[int], int]


def form_again(columns: Columns, lanes: Taken, others: Sequence[int]) -> Form:
    """The form of a run some of whose rows were judged; `others` of them have no lane, and hold another's time."""
    one = next((rows[0] for rows in lanes.values() if rows), None)
    times = columns.times
    if one is None:
        return Form(times, "", "", None)
    for row in others:
        times[row], columns.ids[row] = times[one], columns.ids[one]
    formed = form_of(times, columns.ids)
    return Form(times, "", "", None) if formed is None else formed[0]


def put(columns: Columns, row: int, trade: Trade) -> None:
    """A trade that the authority has read takes its place."""
    columns.ids[row], columns.times[row] = trade.trade_id, exact_time(trade.executed_at)
    columns.prices[row], columns.quantities[row] = trade.price, trade.quantity
    columns.figures[row] = hash_of(trade.price, trade.quantity)


def form_of(texts: Sequence[str], ids: Sequence[str]) -> tuple[Form, list[int]] | None:
    """Times in one form, and the rows that cannot be brought into it, which hold another's; None if those are too many."""
    odd: list[int] = []
    found, formed = times_of_one_form(texts), list(texts)
    if found is None:
        formed, odd = in_one_form(texts)
        if len(odd) * FEW > len(texts):
            return None
        found = times_of_one_form(formed)
    return None if found is None else (Form(formed, *found, numbers_of(ids)), odd)


def beyond(form: Form, least: int, most: int, times: EventTimes) -> list[int]:
    """The rows whose times are none, or may not lie between two (ns)."""
    oldest, newest = times.read(form.first), times.read(form.last)
    if oldest is not None and newest is not None and least <= oldest and newest <= most:
        return []
    return [row for row, text in enumerate(form.texts) if (at := times.read(text)) is None or not least <= at <= most]


def unfit(form: Form, ids: Sequence[str]) -> list[int]:
    """The rows whose id can be none."""
    return [] if form.numbers is not None else [row for row, trade_id in enumerate(ids) if not fit(trade_id)]


def timed(form: Form, times: EventTimes, cell_ns: int) -> Timed | None:
    """The cells of times in one form; None where some are no times after all."""
    texts, oldest, newest = form.texts, times.read(form.first), times.read(form.last)
    length, rest = _FORM_OF_HOUR if cell_ns == HOUR else _FORM_OF_MINUTE
    if oldest is None or newest is None:
        return None
    begin = oldest - oldest % cell_ns
    if newest < begin + cell_ns:
        return Timed(texts, oldest, newest, None, begin)
    cut = itemgetter(slice(length))
    begins: dict[str, int] = {}
    for text in set(map(cut, texts)):
        at = times.read(text + rest)
        if at is None:
            return None
        begins[text] = at - at % cell_ns
    return Timed(texts, oldest, newest, list(map(begins.__getitem__, map(cut, texts))), begin)


def late_rows(of: Timed, logged_ms: Sequence[int], bounds_ms: tuple[int, int], late_after: int) -> Sequence[bool] | bool:
    """Which rows came more than `late_after` (ns) after their time, or what all did. `bounds_ms`: of log times."""
    if bounds_ms[1] * _MS - of.oldest <= late_after:
        return False
    if bounds_ms[0] * _MS - of.newest > late_after:
        return True
    length = len(of.texts[0])
    unit = 10 ** (30 - length) if length > _WHOLE_SECONDS else SECOND
    limits = {ms: _limit(ms * _MS - late_after, unit, length) for ms in set(logged_ms)}
    return list(map(lt, of.texts, map(limits.__getitem__, logged_ms)))


def _limit(ns: int, unit: int, length: int) -> str:
    """The least text of the form that is not before a time."""
    return exact_time(-(-ns // unit) * unit)[:-1].ljust(length, "0")[: length - 1] + "Z"


def without_repeats(
    taken: Taken, of: Trades, numbers: list[int] | None, lookback: LookBack, number: int
) -> tuple[Taken, list[int], int]:
    """What is no repeat of each lane, the rows of what is, and how many of these say something else."""
    markets: dict[Ids, list[list[int]]] = {}
    for lane, rows in taken.items():
        markets.setdefault(lane.ids, []).append(rows)
    repeated: list[int] = []
    conflicts = 0
    for ids, several in markets.items():
        rows = several[0] if len(several) == 1 else sorted(chain.from_iterable(several))
        pick = picker(rows)
        arrived = Arrived(rows, pick(of.ids), None if numbers is None else pick(numbers), pick(of.figures))
        again, others = lookback.repeats(ids, arrived, number)
        repeated += again
        conflicts += others
    if repeated:
        gone = frozenset(repeated)
        taken = {
            lane: rows if gone.isdisjoint(rows) else [row for row in rows if row not in gone] for lane, rows in taken.items()
        }
        repeated.sort()
    return taken, repeated, conflicts


def picker(rows: Sequence[int]) -> Any:
    """What takes the values at the rows out of a column."""
    if len(rows) == 1:
        row = rows[0]
        return lambda column: (column[row],)
    return itemgetter(*rows)


class Sums:
    """Adds the trades of a run to their cells. Decimal context: the exact one."""

    def __init__(self, of: Trades, when: Timed, repeated: Sequence[int], bounds_ms: tuple[int, int], times: EventTimes) -> None:
        """`bounds_ms`: of log times."""
        self._of, self._when, self._times = of, when, times
        self._only_ms = bounds_ms[0] if bounds_ms[0] == bounds_ms[1] else 0
        self._earlier = _earlier(when, of.logged_ms, repeated, bounds_ms[0])
        self._values = list(map(mul, of.prices, of.quantities))
        self._newest: dict[Tally, str] = {}

    def add(self, taken: Taken) -> None:
        """Add what the lanes took."""
        begins = self._when.begins
        for lane, rows in taken.items():
            if not rows:
                continue
            if begins is None:
                self._add(lane, rows, self._when.begin)
                continue
            cells: dict[int, list[int]] = {}
            for row in rows:
                cells.setdefault(begins[row], []).append(row)
            for begin, some in cells.items():
                self._add(lane, some, begin)
        for tally, text in self._newest.items():
            tally.newest_event_time = max(tally.newest_event_time, self._times.of_lawful(text))

    def _add(self, lane: TradeLane, rows: list[int], begin: int) -> None:
        of, texts, pick, earlier = self._of, self._when.texts, picker(rows), self._earlier
        before = pick(earlier) if earlier else ()
        if earlier:
            last = max(before if earlier is texts else pick(texts))
            last_ms = self._only_ms or max(pick(of.logged_ms))
        else:
            last, last_ms = texts[rows[-1]], of.logged_ms[rows[-1]]
        if last > self._newest.get(lane.tally, ""):
            self._newest[lane.tally] = last
        cell = lane.turn(begin)
        newest = self._pending(_newest(rows, before)) if cell.spot else []
        cell.add(pick(of.quantities), pick(self._values), last_ms, newest)

    def _pending(self, rows: Sequence[int]) -> list[Pending]:
        of, found = self._of, []
        for row in rows:
            event_time, log_ms = self._times.of_lawful(self._when.texts[row]), of.logged_ms[row]
            figures = of.ids[row], of.prices[row], of.quantities[row]
            found.append((min(event_time, log_ms * _MS), log_ms, of.offsets[row], of.index_of(row), *figures, event_time))
        return found


def _earlier(when: Timed, logged_ms: Sequence[int], repeated: Sequence[int], oldest_ms: int) -> Sequence[str]:
    """The earlier of event and log time of each record of a run, as texts cut to the digits of the event times.

    Cut times keep their order, so those at or above a cut limit hold all that are above the true one. Empty where neither
    time ever falls from one record to the next, the repeated left out: then the last is the newest.
    """
    event_time, kept_ms = when.texts.copy(), list(logged_ms)
    for row in reversed(repeated):
        del event_time[row], kept_ms[row]
    if sorted(event_time) == event_time and sorted(kept_ms) == kept_ms:
        return ()
    if when.newest <= oldest_ms * _MS:
        return when.texts
    return list(map(min, when.texts, log_texts(logged_ms, len(when.texts[0]))))


def _newest(rows: list[int], earlier: Sequence[str]) -> list[int]:
    """At least the `TRADES_A_CELL` newest of the rows, of which `earlier` are the times."""
    if not earlier:
        return rows[-TRADES_A_CELL:]
    ordered = sorted(earlier)
    least = ordered[-TRADES_A_CELL:][0]
    wanted, found = len(ordered) - bisect_left(ordered, least), []
    for place in range(len(rows) - 1, -1, -1):  # most often among the last
        if earlier[place] >= least:
            found.append(rows[place])
            if len(found) == wanted:
                break
    return found


def late_among(late: Sequence[bool] | bool, count: int, others: Iterable[int]) -> int:
    """How many of `count` trades are late, which are all but the rows of `others`."""
    if isinstance(late, bool):
        return count if late else 0
    return sum(late) - sum(late[row] for row in others)


def with_lanes(groups: Mapping[Any, list[int]], taken: Acceptance) -> tuple[Taken, dict[int, Any]]:
    """The rows of each lane, and the keys of those that have none as yet, by rising rows."""
    lanes: Taken = {}
    others: dict[int, Any] = {}
    for key, rows in groups.items():
        lane = taken.lane(key)
        if lane is None:
            others.update(dict.fromkeys(rows, key))
        elif lane in lanes:
            lanes[lane] = sorted(lanes[lane] + rows)
        elif rows:
            lanes[lane] = rows
    return lanes, dict(sorted(others.items(), key=_ROW))
