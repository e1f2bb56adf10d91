"""INPUTS 1, Price; JOURNAL 2 retention of prices."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from monitor.core.journal.records import JournalRecord
from monitor.core.values.calendar import Zone
from monitor.core.values.figure import UNKNOWN, Figure
from monitor.core.values.times import DAY, HOUR, SECOND, parse_time
from monitor.core.view.view import View
from tests.book_maker import Desk, Maker, Segment, Trade, content, kinds, limits

T = "2026-01-05T10:00:00Z"
NS = parse_time(T)
TOKYO = Zone("Asia/Tokyo", [0], [9])


@pytest.fixture
def make() -> Maker:
    return Maker()


def traded(*trades: Trade, at: int | None = None) -> list[JournalRecord]:
    end = max(t.offset for t in trades) + 1
    return Segment(0, end, trades).flush(end, max(t.logged for t in trades) if at is None else at)


def test_the_reporting_currency_is_worth_itself_and_nothing_needs_no_price() -> None:
    view = Desk().view(T)
    assert view.price("JPY") == Figure.of(1)
    assert view.value("BTC", Figure.of(0)) == Figure.of(0)
    assert view.gaps == ()
    assert view.value("BTC", Figure.of(1)) == UNKNOWN
    assert kinds(view) == [("price_missing", "BTC/JPY")]


def test_the_newest_of_spot_close_and_own_trade_by_own_time(make: Maker) -> None:
    desk = Desk().put(make.price("100", NS), make.price("90", NS - HOUR, logged=NS + HOUR))
    assert desk.view(NS + HOUR).price("BTC") == Figure.of(100)
    desk.put(traded(Trade(1, "t", "110", "1", NS + HOUR, NS + 2 * HOUR)))
    assert desk.view(NS + 2 * HOUR).price("BTC") == Figure.of(110)
    desk.put(make.price("120", NS + 2 * HOUR, kind="daily_close"))
    assert desk.view(NS + 2 * HOUR).price("BTC") == Figure.of(120)


def test_of_one_own_time_the_later_in_the_log_counts(make: Maker) -> None:
    one, two = make.price("1", T, source="x", logged=NS + 5), make.price("2", T, source="y", logged=NS + 4)
    assert Desk().put(one, two).view(NS + 5).price("BTC") == Figure.of(1)
    assert Desk().put(two, one).view(NS + 5).price("BTC") == Figure.of(1)


def test_a_trades_own_time_is_the_earlier_of_execution_and_log_time(make: Maker) -> None:
    ahead = Trade(1, "t", "110", "1", NS + 30 * SECOND, NS)
    desk = Desk().put(make.price("100", NS + SECOND), traded(ahead))
    assert desk.view(NS + SECOND).price("BTC") == Figure.of(100)


def test_a_price_counts_from_its_own_time_on(make: Maker) -> None:
    desk = Desk().put(make.price("100", NS), make.price("200", NS + 30 * SECOND, logged=NS))
    assert desk.view(NS + 29 * SECOND).price("BTC") == Figure.of(100)
    assert desk.book.deadline(NS + 29 * SECOND) == NS + 30 * SECOND
    assert desk.view(NS + 30 * SECOND).price("BTC") == Figure.of(200)


def test_derivatives_make_no_price(make: Maker) -> None:
    desk = Desk().put(make.price("100", NS - HOUR), traded(Trade(1, "t", "110", "1", NS, NS, instrument="derivative")))
    assert desk.view(NS).price("BTC") == Figure.of(100)


def test_the_age_limit_is_met_by_equality_and_ends_with_a_gap(make: Maker) -> None:
    desk = Desk(content({"prices": {"max_age_s": 60, "pivots": []}})).put(make.price("100", NS))
    assert desk.view(NS + 60 * SECOND).price("BTC") == Figure.of(100)
    assert desk.book.deadline(NS + 60 * SECOND) == NS + 60 * SECOND + 1
    view = desk.view(NS + 60 * SECOND + 1)
    assert view.price("BTC") == UNKNOWN
    assert [(g.kind, g.subject, g.since) for g in view.gaps] == [("price_stale", "BTC/JPY", NS + 60 * SECOND)]
    assert not view.forced_unknown


def test_a_last_trade_grows_too_old_as_well(make: Maker) -> None:
    desk = Desk(content({"prices": {"max_age_s": 60, "pivots": []}})).put(traded(Trade(1, "t", "110", "1", NS, NS)))
    assert desk.view(NS + 60 * SECOND).price("BTC") == Figure.of(110)
    assert desk.book.deadline(NS + 60 * SECOND) == NS + 60 * SECOND + 1
    assert desk.view(NS + 60 * SECOND + 1).price("BTC") == UNKNOWN


def test_cross_rates_only_through_named_pivots_in_their_order(make: Maker) -> None:
    rates = [
        make.price("2", NS, currency="EUR"),
        make.price("3", NS, currency="USD"),
        make.price("160", NS, asset="EUR"),
        make.price("150", NS, asset="USD"),
    ]
    assert Desk().put(rates).view(NS).price("BTC") == UNKNOWN
    assert Desk(content({"prices": {"max_age_s": None, "pivots": ["GBP", "USD", "EUR"]}})).put(rates).view(NS).price(
        "BTC"
    ) == Figure.of(450)


def test_a_direct_price_too_old_gives_way_to_a_cross_rate_and_a_fresh_one_does_not(make: Maker) -> None:
    config = content({"prices": {"max_age_s": 60, "pivots": ["USD"]}})
    cross = [make.price("3", NS, currency="USD"), make.price("150", NS, asset="USD")]
    assert Desk(config).put(cross, make.price("7", NS - 60 * SECOND)).view(NS).price("BTC") == Figure.of(7)
    desk = Desk(config).put(cross, make.price("7", NS - 61 * SECOND))
    assert desk.view(NS).price("BTC") == Figure.of(450)
    late = desk.view(NS + 61 * SECOND)
    assert late.price("BTC") == UNKNOWN
    assert kinds(late) == [("price_stale", "BTC/JPY")]


def test_a_cross_rate_without_any_direct_price_is_missing_when_a_leg_is_too_old(make: Maker) -> None:
    config = content({"prices": {"max_age_s": 60, "pivots": ["USD"]}})
    view = Desk(config).put(make.price("3", NS, currency="USD"), make.price("150", NS - HOUR, asset="USD")).view(NS)
    assert view.price("BTC") == UNKNOWN
    assert kinds(view) == [("price_missing", "BTC/JPY")]


def test_a_price_is_held_against_one_before_it_that_came_after_it_was_read(make: Maker) -> None:
    desk = Desk(content(outlier_ratio="2")).put(make.price("201", NS + 1))
    assert desk.view(NS + 1).price("BTC") == Figure.of(201)
    desk.put(make.price("100", NS, logged=NS + 2))
    assert desk.view(NS + 2).price("BTC") == Figure.between(100, 201)


def test_an_outlier_leaves_bounds_from_both_prices_until_it_is_confirmed(make: Maker) -> None:
    desk = Desk(content(outlier_ratio="2")).put(make.price("100", NS), make.price("201", NS + 1))
    view = desk.view(NS + 1)
    assert view.price("BTC") == Figure.between(100, 201)
    assert kinds(view) == [("price_outlier", "BTC/JPY")]
    assert desk.put(make.price("200", NS + 2)).view(NS + 2).price("BTC") == Figure.of(200)
    assert desk.put(make.price("100", NS + 3)).view(NS + 3).price("BTC") == Figure.of(100)
    assert Desk().put(make.price("100", NS), make.price("201", NS + 1)).view(NS + 1).price("BTC") == Figure.of(201)


def test_values_of_either_sign_and_of_bounds(make: Maker) -> None:
    view = Desk(content(outlier_ratio="2")).put(make.price("100", NS), make.price("300", NS)).view(NS)
    assert view.value("BTC", Figure.of(2)) == Figure.between(200, 600)
    assert view.value("BTC", Figure.of(-2)) == Figure.between(-600, -200)
    assert view.value("BTC", Figure.between(-1, 1)) == Figure.between(-300, 300)
    assert view.value("BTC", Figure.between(0, None)) == UNKNOWN
    assert view.value("BTC", Figure.between(Fraction(1, 2), None)) == Figure.between(50, None)
    assert view.value("ETH", Figure.of(-1)) == Figure.between(None, 0)


# --- prices of an earlier instant


def test_earlier_prices_count_exactly_and_without_an_age_limit(make: Maker) -> None:
    config = content({"prices": {"max_age_s": 1, "pivots": []}})
    view = Desk(config).put(make.price("1", NS), make.price("2", NS + 7)).view(NS + DAY)
    assert view.price_at("BTC", NS + 6) == Figure.of(1)
    assert view.price_at("BTC", NS + 7) == Figure.of(2)
    assert view.price_at("BTC", NS - 1) == UNKNOWN
    assert kinds(view) == [("price_missing", "BTC/JPY")]


def test_at_a_days_end_a_price_of_midnight_is_of_the_next_day(make: Maker) -> None:
    midnight = TOKYO.day_end(date(2026, 1, 5))
    view = Desk().put(make.price("1", midnight - 1), make.price("2", midnight)).view(midnight + DAY, zone=TOKYO)
    assert view.price_at("BTC", midnight) == Figure.of(1)
    assert view.value_at("BTC", Figure.of(3), midnight) == Figure.of(3)


def test_earlier_trades_count_by_the_utc_hour(make: Maker) -> None:
    trades = [
        Trade(1, "a", "1", "1", NS - HOUR, NS),
        Trade(2, "b", "2", "1", NS - 1, NS),
        Trade(3, "c", "3", "1", NS + HOUR - 1, NS + HOUR),
    ]
    view = Desk().put(traded(*trades)).view(NS + DAY)
    assert view.price_at("BTC", NS) == Figure.of(2)
    assert view.price_at("BTC", NS + HOUR - 1) == Figure.of(2)
    assert view.price_at("BTC", NS + HOUR) == Figure.of(3)
    assert view.price_at("BTC", NS - 1) == UNKNOWN


def test_the_newer_of_an_earlier_price_and_trade_counts(make: Maker) -> None:
    desk = Desk().put(make.price("9", NS - 30 * SECOND), traded(Trade(1, "a", "1", "1", NS - 60 * SECOND, NS)))
    assert desk.view(NS + DAY).price_at("BTC", NS) == Figure.of(9)
    desk = Desk().put(make.price("9", NS - 90 * SECOND), traded(Trade(1, "a", "1", "1", NS - 60 * SECOND, NS)))
    assert desk.view(NS + DAY).price_at("BTC", NS) == Figure.of(1)


# --- busts


def busted(trade: Trade, offset: int, logged: int) -> Trade:
    return Trade(offset, trade.trade_id, trade.price, trade.quantity, trade.executed, logged, busted=True)


def test_a_busted_trade_falls_back_to_the_one_before_whichever_came_first(make: Maker) -> None:
    one, two = Trade(1, "a", "1", "1", NS, NS), Trade(2, "b", "2", "1", NS + 1, NS + 1)
    bust = busted(two, 3, NS + 2)
    segment = Segment(0, 4, [one, two, bust])
    for told in (segment.flows(4, NS + 2) + segment.busts(4, NS + 2), segment.busts(4, NS + 2) + segment.flows(4, NS + 2)):
        view = Desk().put(told, segment.progress(4, NS + 2)).view(NS + 2)
        assert view.price("BTC") == Figure.of(1)
        assert view.trade_value_24h("spot") == Figure.of(1)


def test_when_every_kept_trade_is_busted_and_there_were_more_there_is_no_price_until_a_newer_trade(make: Maker) -> None:
    trades = [Trade(n, f"t{n}", str(n), "1", NS + n, NS + n) for n in range(1, 6)]
    busts = [busted(trade, 10 + n, NS + 50) for n, trade in enumerate(trades[1:])]
    segment = Segment(0, 20, [*trades, *busts])
    desk = Desk().put(make.price("77", NS), segment.flush(20, NS + 50))
    view = desk.view(NS + 50)
    assert view.price("BTC") == UNKNOWN
    assert kinds(view) == [("price_missing", "BTC/JPY")]
    newer = Segment(20, 21, [Trade(20, "n", "9", "1", NS + 60, NS + 60)])
    assert desk.put(newer.flush(21, NS + 60)).view(NS + 60).price("BTC") == Figure.of(9)


def test_a_price_newer_than_what_busts_hide_counts(make: Maker) -> None:
    trades = [Trade(n, f"t{n}", str(n), "1", NS + n, NS + n) for n in range(1, 6)]
    segment = Segment(0, 20, [*trades, *(busted(trade, 10 + n, NS + 50) for n, trade in enumerate(trades[1:]))])
    desk = Desk().put(segment.flush(20, NS + 50), make.price("78", NS + 40))
    assert desk.view(NS + 50).price("BTC") == Figure.of(78)


def test_when_no_trade_of_an_hour_is_left_the_newest_older_hour_counts(make: Maker) -> None:
    old, new = Trade(1, "a", "1", "1", NS - HOUR, NS), Trade(2, "b", "2", "1", NS, NS)
    desk = Desk().put(Segment(0, 4, [old, new, busted(new, 3, NS + 1)]).flush(4, NS + 1))
    assert desk.view(NS + 1).price("BTC") == Figure.of(1)
    assert desk.view(NS + DAY).price_at("BTC", NS + 2 * HOUR) == Figure.of(1)


def test_sides_and_capacities_fall_back_by_themselves(make: Maker) -> None:
    buys = [Trade(n, f"t{n}", str(n), "1", NS + n, NS + n, side="buy") for n in range(1, 6)]
    sell = Trade(9, "s", "50", "1", NS + 2, NS + 9, side="sell")
    gone = [Trade(10 + t.offset, t.trade_id, t.price, "1", t.executed, NS + 20, side="buy", busted=True) for t in buys[2:]]
    desk = Desk().put(Segment(0, 20, [*buys, sell, *gone]).flush(20, NS + 20))
    assert desk.view(NS + 20).price("BTC") == Figure.of(50)


# --- closes


def test_daily_closes_by_local_date_one_a_date_the_newest(make: Maker) -> None:
    def close(price: str, as_of: str, logged: str | None = None, source: str = "x") -> JournalRecord:
        return make.price(price, as_of, kind="daily_close", logged=logged, source=source)

    desk = Desk().put(
        close("1", "2026-01-04T14:59:59Z"),
        close("2", "2026-01-04T15:00:00Z"),
        close("3", "2026-01-05T14:59:59Z", logged="2026-01-06T00:00:00Z"),
        close("4", "2026-01-05T14:59:59Z", logged="2026-01-07T00:00:00Z", source="y"),
        make.price("99", "2026-01-05T14:59:59Z", logged="2026-01-07T00:00:00Z"),
        close("5", "2026-01-07T15:00:00Z"),
    )
    view = desk.view("2026-01-07T15:00:00Z", zone=TOKYO)
    first, last = date(2026, 1, 4), date(2026, 1, 7)
    assert view.daily_closes("BTC", first, last) == {date(2026, 1, 4): Decimal(1), date(2026, 1, 5): Decimal(4)}
    desk.put(close("6", "2026-01-07T00:00:00Z"))
    assert desk.view("2026-01-07T16:00:00Z", zone=TOKYO).daily_closes("BTC", first, last)[date(2026, 1, 7)] == 6


# --- retention


def test_after_two_days_the_newest_of_each_hour_and_every_close_are_kept(make: Maker) -> None:
    desk = Desk()
    for minute in range(0, 60 * 24 * 4, 10):
        desk.put(make.price(str(minute + 1), NS + minute * 60 * SECOND))
        desk.put(make.price("7", NS + minute * 60 * SECOND + 1, kind="daily_close", source="c"))
    spot, closes = (desk.shared.prices._series["BTC", "JPY"][key] for key in (("spot", "index"), ("daily_close", "c")))
    assert len(spot) <= 6 * 49 + 24 * 2
    assert len(closes) == 6 * 24 * 4
    view = desk.view(NS + 4 * DAY)
    assert view.price_at("BTC", NS + HOUR - SECOND) == Figure.of(7)


def test_a_pinned_price_stays_and_a_late_one_between_values_anew(make: Maker) -> None:
    def loss(view: View) -> Figure:
        return view.incidents()[0].loss

    occurred = NS + 25 * 60 * SECOND
    losses = [{"asset": "BTC", "quantity": "2", "owner": "client", "account": None}]
    desk = Desk().put(make.price(str(1 + m), NS + m * 60 * SECOND) for m in range(60))
    desk.put(make.incident(1, NS + HOUR, occurred_at="2026-01-05T10:25:00.000000Z", losses=losses))
    assert loss(desk.view(NS + HOUR)) == Figure.of(52)
    assert loss(desk.view(NS + 5 * DAY)) == Figure.of(52)
    assert len(desk.shared.prices._series["BTC", "JPY"]["spot", "index"]) == 2
    assert loss(desk.restored().view(NS + 6 * DAY)) == Figure.of(52)
    desk.put(make.price("1000", occurred + 1, logged=NS + 5 * DAY, source="x"))
    assert loss(desk.view(NS + 5 * DAY)) == Figure.of(52)
    desk.put(make.price("500", occurred - 1, logged=NS + 5 * DAY, source="x"))
    assert loss(desk.view(NS + 6 * DAY)) == Figure.of(52)
    desk.put(
        make.price("500", occurred - 1, logged=NS + 6 * DAY, source="y"),
        make.price("600", occurred, logged=NS + 6 * DAY, source="z"),
    )
    assert loss(desk.view(NS + 6 * DAY)) == Figure.of(1200)


def test_pinned_trade_prices_stay(make: Maker) -> None:
    trades = [Trade(n, f"t{n}", str(n), "1", NS + n * HOUR, NS + n * HOUR) for n in range(1, 20)]
    losses = [{"asset": "BTC", "quantity": "1", "owner": "client", "account": None}]
    desk = Desk().put(traded(*trades), make.incident(1, NS + DAY, occurred_at="2026-01-05T15:30:00.000000Z", losses=losses))
    desk.put(Segment(20, 20, []).progress(20, NS + DAY))
    for at in (NS + DAY, NS + 5 * DAY, NS + 6 * DAY):
        assert desk.view(at).incidents()[0].loss == Figure.of(4)
    assert len(desk.book.trades._marks["BTC/JPY"]._hours) < 6


# --- silence


def test_a_silent_feed_takes_its_own_prices_away_only(make: Maker) -> None:
    ages = {"market.prices/x": limits(max_age_s=60)}
    desk = Desk(content({"freshness": ages})).put(make.price("1", NS, source="x"), make.price("2", NS + 1, source="y"))
    view = desk.view(NS + HOUR)
    assert view.price("BTC") == Figure.of(2)
    assert not view.forced_unknown
    desk.put(make.price("3", NS + 2, source="x", logged=NS + 2))
    view = desk.view(NS + HOUR)
    assert view.price("BTC") == UNKNOWN
    assert kinds(view) == [("source_silent", "market.prices/x")]
    assert view.forced_unknown


def test_silence_now_says_nothing_of_an_earlier_price_but_makes_the_whole_unknown(make: Maker) -> None:
    desk = Desk(content({"freshness": {"market.prices": limits(max_age_s=60)}})).put(make.price("1", NS))
    view = desk.view(NS + HOUR)
    assert view.price_at("BTC", NS + 1) == Figure.of(1)
    assert view.forced_unknown
    assert desk.view(NS + HOUR).price("BTC") == UNKNOWN
