"""A book and what it shares, read back from buckets in the middle of things (P1, P2)."""

from collections.abc import Callable

import pytest

from monitor.core.book.book import Book
from monitor.core.book.rejections import Rejections, position_identity
from monitor.core.journal.ordering import Order
from monitor.core.journal.records import SourcePartition
from monitor.core.values.figure import Figure
from monitor.core.values.times import DAY, HOUR, SECOND, parse_time
from tests.book_maker import ENTITY, Desk, Maker, Segment, Trade, buckets_of, content, kinds, limits

T = parse_time("2026-01-05T10:00:00Z")


@pytest.fixture
def make() -> Maker:
    return Maker()


def test_a_group_under_way_completes_after_a_restart(make: Maker) -> None:
    desk = Desk().put(make.position("10", T), make.position("6", T, sequence=1, group=("g", 2))).restored()
    assert desk.book.deadline(desk.clock) == T + 5 * SECOND
    desk.put(make.position("4", T, account="b", storage="hot", group=("g", 2)))
    assert desk.view(T + SECOND).quantity("client_asset", "BTC") == Figure.of(10)
    assert desk.view(T + SECOND).quantity("client_asset", "BTC", frozenset({"cold"})) == Figure.of(6)


def test_an_incomplete_group_is_remembered_over_a_restart(make: Maker) -> None:
    desk = Desk().put(make.position("6", T, group=("g", 2)))
    desk.view(T + 6 * SECOND)
    desk = desk.restored()
    view = desk.view(T + 7 * SECOND)
    view.quantity("client_asset", "BTC")
    assert kinds(view) == [("group_incomplete", "client_asset")]
    desk.put(make.position("4", T + 8 * SECOND, account="b", group=("g", 2)))
    view = desk.view(T + 8 * SECOND)
    assert view.quantity("client_asset", "BTC") == Figure.of(10)
    assert kinds(view) == []


def test_rejections_dismissals_and_holes_stay(make: Maker) -> None:
    segments = [Segment(0, 4, [Trade(0, "t", "1", "1", T, T)], log="x"), Segment(8, 9, [], log="x")]
    desk = Desk().put(make.rejected("custody.balances", T, offset=7, account="a", asset="BTC", role="client_asset"))
    desk.put(segments[0].flush(4, T), segments[1].progress(8, T), make.dismissal("custody.balances", 9, T))
    desk = desk.restored().put(make.rejected("custody.balances", T, offset=9))
    view = desk.view(T)
    view.reads("custody.balances")
    view.reads("market.trades")
    assert kinds(view) == [("record_rejected", "custody.balances"), ("records_lost", "market.trades")]
    desk.put(make.dismissal("market.trades", 5, T), make.position("1", T, offset=8))
    view = desk.restored().view(T)
    view.reads("custody.balances")
    view.reads("market.trades")
    assert kinds(view) == []
    assert desk.restored().shared.sources.holes_made() == {"market.trades": 1}


def test_silence_and_ages_go_on_over_a_restart(make: Maker) -> None:
    config = content({"freshness": {"custody.balances": limits(7200, 3600), "custody.balances/x": limits(5400)}})
    desk = Desk(config).put(make.position("3", T, source="x")).restored()
    assert desk.book.deadline(T) == T + HOUR + 1
    assert desk.view(T + HOUR).quantity("client_asset", "BTC") == Figure.of(3)
    desk = desk.restored()
    assert desk.view(T + HOUR + 1).quantity("client_asset", "BTC") == Figure.between(0, None)
    assert desk.restored().book.deadline(T + HOUR + 1) == T + 5400 * SECOND + 1


def test_a_rules_change_under_way_goes_on_over_a_restart() -> None:
    trades = [Trade(n, f"t{n}", "10", "1", T, T) for n in range(6)]
    old, new = Segment(0, 9, trades), Segment(0, 9, trades, rules=2)
    desk = Desk().put(old.flush(6, T), new.flush(2, T)).restored()
    assert desk.view(T).trade_value_24h("spot") == Figure.between(20, None)
    desk.put(old.flush(6, T), new.flush(6, T))
    assert desk.view(T).trade_value_24h("spot") == Figure.of(60)
    desk = desk.restored().put(Segment(6, 9, [], rules=2).progress(6, T))
    assert desk.view(T).price("BTC") == Figure.of(10)
    assert desk.shared.sources.holes_made() == {}


def test_a_book_of_a_register_is_linked_to_its_open_segment(make: Maker) -> None:
    trades = [Trade(n, f"t{n}", str(n + 1), "1", T + n, T + n) for n in range(3)]
    gone = Trade(3, "t2", "3", "1", T + 2, T + 3, busted=True)
    segment = Segment(0, 5, [*trades, gone])
    desk = Desk(entities=(ENTITY, "e-2")).put(segment.flush(3, T + 3)).restored()
    assert desk.view(T + 3).price("BTC") == Figure.of(3)
    desk.put(segment.flush(5, T + 4), Segment(5, 9, []).progress(5, T + DAY)).restored()
    assert desk.restored().view(T + DAY).price("BTC") == Figure.of(2)


def _days_of_trades() -> Desk:
    """Two markets, an hour without trades, a closed segment and an open one."""
    markets = ("BTC/JPY", "ETH/JPY")
    executed = (0, 1, 30, 31, 33, 33)
    trades = [
        Trade(n, f"t{n}", str(n + 1), "1", T + executed[n // 2] * HOUR, T + 33 * HOUR, market=markets[n % 2]) for n in range(12)
    ]
    return Desk().put(Segment(0, 11, trades).flush(11, T + 33 * HOUR), Segment(11, 12, trades).flush(12, T + 33 * HOUR))


def test_a_trade_of_now_writes_nothing_of_what_its_market_traded_before(make: Maker) -> None:
    desk, at = _days_of_trades(), T + 33 * HOUR
    desk.book.dirty.clear()
    desk.put(Segment(11, 13, [Trade(n, f"t{n}", "1", "1", at, at) for n in (11, 12)]).flush(13, at))
    assert {name.partition("/")[0] for name in desk.book.dirty if name != "trades"} == {"young"}
    young = {name for name in desk.book.names() if name.startswith("young/")}
    before = {name: desk.book.bucket(name) for name in desk.book.names()}
    desk.book.dirty.clear()
    desk.book.advance(T + 36 * HOUR)
    assert not [name for name in desk.book.names() if name.startswith("young/")]
    changed = {name for name in {*before, *desk.book.names()} if desk.book.bucket(name) != before.get(name)}
    assert changed >= {*young, "trades", "trades/BTC/JPY", "trades/ETH/JPY"}
    assert changed <= desk.book.dirty
    assert buckets_of(desk.restored().book) == buckets_of(desk.book)


def test_a_book_whose_young_hours_stand_with_the_old_is_read_too() -> None:
    desk = _days_of_trades()
    now = buckets_of(desk.book)
    former = {name: value for name, value in now.items() if not name.startswith("young/")}
    for name in now.keys() - former.keys():
        for market, capacity, instrument, side, *total in now[name]["totals"]:
            (cell,) = former[f"trades/{market}"]["totals"]
            former[f"trades/{market}"]["totals"] = [[market, capacity, instrument, side, [*cell[4], total]]]
        for market, *mark in now[name]["marks"]:
            former[f"trades/{market}"]["marks"] = [*former[f"trades/{market}"]["marks"], mark]
    assert [len(former[f"trades/{market}"]["totals"][0][4]) for market in ("BTC/JPY", "ETH/JPY")] == [5, 5]
    read = Book.restore(ENTITY, desk.config, desk.shared, former)
    assert buckets_of(read) == buckets_of(desk.book)


def test_what_time_alone_lets_go_is_in_the_next_snapshot(make: Maker) -> None:
    """Fails where trade marks that are thinned leave their bucket unmarked: nobody wrote to it, and a restart forks from it."""
    trades = [Trade(n, f"t{n}", str(n + 1), "1", T + n * 7 * HOUR, T + n * 7 * HOUR) for n in range(6)]
    late = T + 140 * HOUR
    trades += [Trade(6, "t6", "9", "1", T + 30 * HOUR, late), Trade(7, "t7", "9", "1", T + 37 * HOUR, late)]
    desk = Desk(content(horizon_days=2))
    for number, trade in enumerate(trades):
        desk.put(Segment(number, number + 1, [trade]).flush(number + 1, trade.logged))
    book, changes = desk.book, 0
    for hour in range(140, 24 * 40):
        before = {name: book.bucket(name) for name in book.names()}
        book.dirty.clear()
        book.advance(T + hour * HOUR)
        changed = {name for name, value in before.items() if book.bucket(name) != value}
        assert changed <= book.dirty, hour
        changes += "trades/BTC/JPY" in changed
    assert changes > 3, "time did let something go"


def test_a_change_of_configuration_changes_limits_and_zones_at_once(make: Maker) -> None:
    desk = Desk().put(make.position("3", T), make.price("5", T))
    assert desk.view(T + 2 * HOUR).price("BTC") == Figure.of(5)
    strict = {"freshness": {"custody.balances": limits(account_max_age_s=3600)}, "prices": {"max_age_s": 3600, "pivots": []}}
    desk.configure(content(strict | {"time_zone": "Europe/Brussels"}))
    view = desk.view(T + 2 * HOUR)
    assert view.quantity("client_asset", "BTC") == Figure.between(0, None)
    view.price("BTC")
    assert kinds(view) == [("position_stale", "client_asset"), ("price_stale", "BTC/JPY")]
    assert desk.book.deadline(desk.clock) == parse_time("2026-01-05T23:00:00Z")
    desk.configure(content())
    assert desk.view(T + 2 * HOUR).quantity("client_asset", "BTC") == Figure.of(3)


def test_every_change_of_what_was_rejected_is_written_with_the_next_snapshot() -> None:
    """Fails where a restart brings back a mark that a valid record or a person had ended."""
    dirty, where = set[str](), SourcePartition("custody.balances", 0, 0)
    kept, about = Rejections(dirty), position_identity("client_asset", "BTC", "a")

    def order(offset: int) -> Order:
        return (T, 0, T, where.topic, where.epoch, where.partition, where.place(offset))

    changes: tuple[Callable[[], object], ...] = (
        lambda: kept.refuse(order(5), about, "b-5"),
        lambda: kept.valid(about, order(6)),
        lambda: kept.dismiss({"topic": where.topic, "epoch": 0, "partition": 0, "offset": 7}),
    )
    for change in changes:
        dirty.clear()
        change()
        assert dirty == {"rejections"}
    dirty.clear()
    kept.valid(about, order(8))
    kept.refuse(order(7), about, "b-7")
    assert dirty == set()
