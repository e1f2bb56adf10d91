"""Local days that begin at a quarter of a UTC hour: closed, thinned, restored and read like every other day's."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.book.trades.trades import HOURLY_NS
from monitor.core.values.calendar import UTC_ZONE
from monitor.core.values.times import DAY, HOUR, QUARTER, SECOND, exact_time, parse_time
from tests.book_maker import Desk, Maker, Segment, Trade, content

START = parse_time("2026-01-05T00:00:00Z")
DAYS = 7
ZONES = {"Asia/Kathmandu": [[exact_time(0), "+05:45"]], "Asia/Tokyo": [[exact_time(0), 9]]}
METHOD = {"id": "m", "mode": "active", "options": {"time_zone": "UTC"}}
CONFIG = content({"time_zone": "Asia/Kathmandu", "methods": [METHOD]}) | {"zones": ZONES}
IN_TOKYO = content({"time_zone": "Asia/Tokyo"}) | {"zones": {"Asia/Tokyo": ZONES["Asia/Tokyo"]}}

instants = st.one_of(
    st.integers(0, DAYS * 86_400 - 1), st.integers(0, DAYS * 96 - 1).map(lambda n: n * 900), st.just(3 * 86_400 + 65_700)
)
moments = st.lists(st.tuples(instants, st.integers(1, 9)), min_size=1, max_size=25)


def traded(found: list[tuple[int, int]], width: int) -> list[Trade]:
    """Trades in the order of their time, which is that of their log."""
    return [
        Trade(n, f"t{n}", str(price), "1", START + at * SECOND, START + at * SECOND, width=width)
        for n, (at, price) in enumerate(sorted(found))
    ]


def put_by_day(desk: Desk, trades: list[Trade]) -> Desk:
    """A segment a UTC day; the clock ends ten days after the last."""
    for day in range(DAYS):
        within = [one.offset for one in trades if (one.executed - START) // DAY == day]
        if within:
            desk.put(Segment(within[0], within[-1] + 1, trades).flush(within[-1] + 1, START + (day + 1) * DAY))
    return desk


def put_busts(desk: Desk, trades: list[Trade], busted: set[int]) -> None:
    """A segment behind those of the trades that takes some of them back."""
    back = [one for one in trades if one.offset in busted]
    gone = [replace(one, offset=len(trades) + n, busted=True, logged=desk.clock) for n, one in enumerate(back)]
    if gone:
        end = gone[-1].offset + 1
        desk.put(Segment(len(trades), end, gone).flush(end, desk.clock))


@settings(max_examples=60, deadline=None)
@given(moments, st.sets(st.integers(0, 24), max_size=3), st.booleans())
def test_days_of_every_zone_in_use_stay_exact_after_retention(
    found: list[tuple[int, int]], busted: set[int], restarts: bool
) -> None:
    trades = traded(found, QUARTER)
    desk = put_by_day(Desk(CONFIG), trades)
    if restarts:
        desk = desk.restored()
    put_busts(desk, trades, busted)
    kept = [one for one in trades if one.offset not in busted]
    for _ in range(10 * 24):
        desk.clock += HOUR
        desk.book.advance(desk.clock)
    book = desk.restored().book if restarts else desk.book
    for zone in (desk.config.zone("Asia/Kathmandu"), UTC_ZONE):
        for day in (date(2026, 1, 4) + timedelta(days=n) for n in range(DAYS + 2)):
            value = sum((Decimal(one.price) for one in kept if zone.local_date(one.executed) == day), Decimal(0))
            start, end = zone.day_start(day), zone.day_end(day)
            assert book.trades.value_between("spot", None, start, end) == ({"JPY": value} if value else {})
            assert sum(total.value for total in book.trades.market_totals(start, end).values()) == value
            assert not book.trades.below_zero_between(start, end)
            newest = [one for one in trades if one.executed < end]
            last = book.trades.closed_price("BTC/JPY", end)
            if not busted and newest:
                assert last is not None
                assert last.order[0] == newest[-1].executed


@settings(max_examples=60, deadline=None)
@given(moments)
def test_closes_and_what_was_heard_before_them_are_those_of_the_last_record_of_the_local_day(
    found: list[tuple[int, int]],
) -> None:
    make, desk = Maker(), Desk(CONFIG)
    for at, amount in sorted(found):
        desk.put(make.position(str(amount), START + at * SECOND), make.price(str(amount), START + at * SECOND))
    for _ in range((DAYS + 4) * 24):
        desk.clock += HOUR
        desk.book.advance(desk.clock)
        desk.shared.advance(desk.clock)
    zone = desk.config.zone("Asia/Kathmandu")
    view = desk.view(desk.clock, zone=zone)
    first = zone.local_date(START + min(at for at, _ in found) * SECOND)
    for day in (first + timedelta(days=n) for n in range(DAYS)):
        end = zone.day_end(day)
        at, _ = max(one for one in found if START + one[0] * SECOND < end)
        amounts = {amount for moment, amount in found if moment == at}
        assert desk.book.heard.event_time_before("custody.balances", end) == START + at * SECOND
        closed, price = view.quantity_at("client_asset", "BTC", None, end), view.price_at("BTC", end)
        if len(amounts) == 1:
            (amount,) = amounts
            assert (closed.low, closed.high) == (Fraction(amount), Fraction(amount))
            assert (price.low, price.high) == (Fraction(amount), Fraction(amount))


@settings(max_examples=60, deadline=None)
@given(moments, st.integers(0, DAYS), st.sets(st.integers(0, 24), max_size=4))
def test_what_was_counted_by_the_hour_stays_when_a_zone_off_whole_hours_is_configured(
    found: list[tuple[int, int]], change: int, busted: set[int]
) -> None:
    """Every trade counts once, whatever the width of its cell, and its bust finds it as long as cells are kept one by one."""
    by_hour, by_quarter = traded(found, HOUR), traded(found, QUARTER)
    day_of = {one.offset: (one.executed - START) // DAY for one in by_hour}
    desk = put_by_day(Desk(IN_TOKYO), [one for one in by_hour if day_of[one.offset] < change])
    desk.configure(CONFIG | {"revision": 2})
    put_by_day(desk, [one for one in by_quarter if day_of[one.offset] >= change])
    clock = desk.clock
    busted = {one.offset for one in by_hour if one.offset in busted and one.executed >= clock - clock % HOUR - HOURLY_NS}
    put_busts(desk, by_quarter, busted)
    desk = desk.restored()
    kept = [one for one in by_hour if one.offset not in busted]
    total = sum(Decimal(one.price) for one in kept)
    for _ in range(2):
        trades = desk.book.trades
        assert trades.value_between("spot", None, START - DAY, START + 30 * DAY) == ({"JPY": total} if total else {})
        assert not trades.below_zero_between(START - DAY, START + 30 * DAY)
        assert desk.shared.sources.holes_made() == {}
        for _ in range(5 * 24):
            desk.clock += HOUR
            desk.book.advance(desk.clock)
