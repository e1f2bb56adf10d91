"""Runs of trades counted by columns: what is true of all of them is looked at once, and what is of one cell added up at once.

Only order can make that another result than one trade after another gives: which of two trades with one id counts. Ids are
therefore gone through in their order, market by market, as one market has nothing to do with another.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import chain
from operator import gt, itemgetter, lt, mul
from typing import Any, NamedTuple

from monitor.core.values.times import HOUR, SECOND, exact_time
from streams.intake.segment.batches import Batch, never_falls
from streams.intake.segment.columns.decoding import Columns, hash_of
from streams.intake.segment.columns.texts import in_one_form, log_texts, times_of_one_form
from streams.intake.segment.trades.acceptance import Acceptance, TradeLane
from streams.intake.segment.trades.cells import TRADES_A_CELL, Cell, Tally, log_text
from streams.intake.segment.trades.event_times import EventTimes
from streams.intake.segment.trades.ids import Ids, fit, marks_of, numbers_of
from streams.intake.segment.trades.lookback import Arrived, LookBack
from streams.wire import Trade

Taken = dict[TradeLane, list[int]]
"""The rows of each lane, rising."""

_FORM_OF_HOUR, _FORM_OF_MINUTE = (13, ":00:00Z"), (16, ":00Z")
_MS = 1_000_000
_ROW = itemgetter(0)
_WHOLE_SECONDS, _MILLISECONDS = 20, len("2026-01-05T09:00:00.000Z")
_MICROSECONDS, _NANOSECONDS = len("2026-01-05T09:00:00.000000Z"), len("2026-01-05T09:00:00.000000000")
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
    """Columns of a run's trades, by row; `index_of` gives an event's index within its record, None where all are 0."""

    ids: list[str]
    prices: list[Decimal]
    quantities: list[Decimal]
    figures: list[int]
    offsets: Sequence[int]
    logged_ms: Sequence[int]
    index_of: Callable[[int], int] | None


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


def late_rows(of: Timed, logged_ms: Sequence[int], batch: Batch, late_after: int) -> Sequence[bool] | bool:
    """Which rows, of the batch, came more than `late_after` (ns) after their time, or what all did."""
    if batch.newest_ms * _MS - of.oldest <= late_after:
        return False
    if batch.oldest_ms * _MS - of.newest > late_after:
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
    lanes_of: dict[Ids, list[TradeLane]] = {}
    for lane in taken:
        lanes_of.setdefault(lane.ids, []).append(lane)
    markets = [taken[few[0]] if len(few) == 1 else sorted(chain(*map(taken.__getitem__, few))) for few in lanes_of.values()]
    order = list(chain.from_iterable(markets))
    if not order:
        return taken, [], 0
    pick = picker(order)  # columns are put into this order once, and each market takes slices
    marks, values = marks_of(number, pick(of.figures)), pick(of.ids if numbers is None else numbers)
    repeated: list[int] = []
    conflicts = begin = 0
    for (ids, lanes), rows in zip(lanes_of.items(), markets, strict=True):
        end = begin + len(rows)
        some, said = values[begin:end], marks[begin:end]
        arrived = Arrived(rows, some, None, said) if numbers is None else Arrived(rows, (), some, said)
        again, others = lookback.repeats(ids, arrived, number)
        begin = end
        if again:
            repeated += again
            conflicts += others
            taken |= {lane: _without(taken[lane], again) for lane in lanes}
    repeated.sort()
    return taken, repeated, conflicts


def _without(rows: list[int], gone: Sequence[int]) -> list[int]:
    """Rising rows without those that are gone, most often few."""
    if len(gone) * FEW > len(rows):
        unwanted = frozenset(gone)
        return [row for row in rows if row not in unwanted]
    kept = rows.copy()
    for row in gone:
        place = bisect_left(kept, row)
        if place < len(kept) and kept[place] == row:
            del kept[place]
    return kept


def picker(rows: Sequence[int]) -> Any:
    """What takes the values at the rows out of a column."""
    if len(rows) == 1:
        row = rows[0]
        return lambda column: (column[row],)
    return itemgetter(*rows)


Share = tuple[Cell, Sequence[int]]
"""Rows that go to one cell."""


class Sums:
    """Adds the trades of a run to their cells. Decimal context: the exact one.

    Columns are put into the order of the cells once, so that a cell takes slices of them and costs little where it gets little.
    """

    def __init__(self, of: Trades, when: Timed, repeated: Sequence[int], batch: Batch, times: EventTimes) -> None:
        """`batch`: what the run is of."""
        self._of, self._when, self._times = of, when, times
        self._oldest_ms, self._log_rises = batch.oldest_ms, batch.log_rises
        self._earlier = _earlier(when, of.logged_ms, repeated, batch)

    def add(self, taken: Taken) -> None:
        """Add what the lanes took, at least one trade."""
        of, begin, newest = self._of, 0, []
        by_tally = self._shares(taken)
        order = list(chain.from_iterable(rows for shares in by_tally.values() for _, rows in shares))
        pick = picker(order)
        quantities = pick(of.quantities)
        values = tuple(map(mul, pick(of.prices), quantities))
        before = pick(self._earlier) if self._earlier else ()
        for tally, shares in by_tally.items():
            changed, first = tally.changed, begin
            latest: list[str] = []
            for cell, rows in shares:
                end = begin + len(rows)
                cell.add(quantities[begin:end], values[begin:end])
                changed[cell] = None
                earlier = sorted(before[begin:end])
                latest += earlier[-1:]
                if cell.spot:
                    newest.append((cell, _newest(rows, before[begin:end], earlier)))
                begin = end
            self._note(tally, order[first:begin], max(rows[-1] for _, rows in shares), latest)
        self._keep(newest)

    def _note(self, tally: Tally, rows: Sequence[int], newest: int, latest: Sequence[str]) -> None:
        """Count the rows that an entity gets; `newest` is the last of them, `latest` are earlier times, the latest among them."""
        of, texts = self._of, self._when.texts
        last = texts[newest]  # where neither time falls
        if latest:
            last = max(latest if self._earlier is texts else picker(rows)(texts))
        log_ms = of.logged_ms[newest] if self._log_rises else max(picker(rows)(of.logged_ms))
        tally.note(len(rows), self._times.of_lawful(last), log_ms)

    def _shares(self, taken: Taken) -> dict[Tally, list[Share]]:
        begin, begins = self._when.begin, self._when.begins
        by_tally: dict[Tally, list[Share]] = {}
        for lane, rows in taken.items():
            if not rows:
                continue
            shares = by_tally.setdefault(lane.tally, [])
            if begins is None:
                shares.append((lane.turn(begin), rows))
                continue
            cells: dict[int, list[int]] = {}
            for row in rows:
                cells.setdefault(begins[row], []).append(row)
            shares += [(lane.turn(begin), some) for begin, some in cells.items()]
        return by_tally

    def _keep(self, newest: Sequence[tuple[Cell, Sequence[int]]]) -> None:
        """Let cells carry the newest of these rows, which are made trades of all at once."""
        order = list(chain.from_iterable(rows for _, rows in newest))
        if not order:
            return
        of, pick = self._of, picker(order)
        logged = pick(of.logged_ms)
        times = self._earlier_in_journal_form(pick, logged)
        indexes = [0] * len(order) if of.index_of is None else list(map(of.index_of, order))
        made = list(zip(times, logged, pick(of.offsets), indexes, pick(of.ids), pick(of.prices), strict=True))
        begin = 0
        for cell, rows in newest:
            end = begin + len(rows)
            cell.keep(made[begin:end])
            begin = end

    def _earlier_in_journal_form(self, pick: Any, logged: Sequence[int]) -> Iterable[str]:
        """The earlier of event and log time of what is picked; `logged` are its log times."""
        texts, earlier = self._when.texts, self._earlier
        if earlier and (earlier is texts or len(texts[0]) >= _MILLISECONDS):
            return in_journal_form(pick(earlier))
        times = in_journal_form(pick(texts))
        return map(min, times, map(log_text, logged)) if self._when.newest > self._oldest_ms * _MS else times


def in_journal_form(texts: Sequence[str]) -> list[str]:
    """Times of one form in UTC as `exact_time` writes them, their Z left out: so texts of any digits sort as their times do."""
    length = len(texts[0])
    if length == _MICROSECONDS:
        return [text[:-1] for text in texts]
    if length > _MICROSECONDS:
        filled = [f"{text[:-1]}00"[:_NANOSECONDS] for text in texts]
        return [text[: _MICROSECONDS - 1] if text.endswith("000") else text for text in filled]
    return [f"{text[:19]}.{text[20:-1]}".ljust(_MICROSECONDS - 1, "0") for text in texts]


def _earlier(when: Timed, logged_ms: Sequence[int], repeated: Sequence[int], batch: Batch) -> Sequence[str]:
    """The earlier of event and log time of each record of a run, as texts cut to the digits of the event times.

    Cut times keep their order, so those at or above a cut limit hold all that are above the true one. Empty where neither
    time ever falls from one record to the next, the repeated left out: then the last is the newest.
    """
    if batch.log_rises:
        event_time = when.texts.copy()
        for row in reversed(repeated):
            del event_time[row]
        if never_falls(event_time):
            return ()
    if when.newest <= batch.oldest_ms * _MS:
        return when.texts
    logged = log_texts(logged_ms, len(when.texts[0]))
    return list(map(min, when.texts, logged)) if any(map(gt, when.texts, logged)) else when.texts


def _newest(rows: Sequence[int], earlier: Sequence[str], ordered: Sequence[str]) -> Sequence[int]:
    """At least the `TRADES_A_CELL` newest of the rows, of which `earlier` are the times, also `ordered`; else the last."""
    if len(rows) <= TRADES_A_CELL or not earlier:
        return rows[-TRADES_A_CELL:]
    least = ordered[-TRADES_A_CELL]
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
