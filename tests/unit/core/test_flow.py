"""JOURNAL 3 and 4: acceptance, fold, completeness, holes, busts, rules."""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from monitor.core.book.completeness import Completeness
from monitor.core.book.shared import Shared
from monitor.core.journal.records import SourcePartition
from monitor.core.values.calendar import Zone
from monitor.core.values.figure import Figure
from monitor.core.values.times import DAY, HOUR, exact_time, parse_time
from tests.book_maker import ENTITY, Desk, Maker, Segment, Trade, content, kinds

T = parse_time("2026-01-05T10:00:00Z")
TRADES = [Trade(n, f"t{n}", "10", "1", T, T) for n in range(6)]
LOST = ("records_lost", "market.trades")
TOKYO = Zone("Asia/Tokyo", [0], [9])


def flow(desk: Desk, at: int = T) -> Figure:
    """Value of the last 24 hours in quantities of 10."""
    return desk.view(at).trade_value_24h("spot").scaled(Decimal("0.1"))


def gaps(desk: Desk, at: int = T) -> list[tuple[str, str]]:
    view = desk.view(at)
    view.trade_value_24h("spot")
    return kinds(view)


@pytest.fixture
def segment() -> Segment:
    return Segment(0, 6, TRADES)


def test_a_greater_upto_replaces_an_equal_one_repeats_a_smaller_one_is_ignored(segment: Segment) -> None:
    desk = Desk().put(segment.flush(2, T), segment.flush(5, T))
    assert flow(desk) == Figure.of(5)
    assert flow(desk.put(segment.flush(5, T))) == Figure.of(5)
    assert flow(desk.put(segment.flush(2, T))) == Figure.of(5)
    assert gaps(desk) == []


def test_an_entity_split_over_two_records_of_one_upto_has_both() -> None:
    both = [TRADES[0], Trade(1, "x", "10", "1", T, T, market="ETH/JPY")]
    whole = Segment(0, 2, both).flows(2, T)[0].statement.body["cells"]
    segment = Segment(0, 2, both)
    halves = []
    for cell in whole:
        half = segment.flows(2, T)[0]
        half.statement.body["cells"] = [cell]  # type: ignore[index]
        halves.append(half)
    desk = Desk().put(halves, segment.progress(2, T))
    assert flow(desk) == Figure.of(2)
    assert gaps(desk) == []


def test_the_next_segment_adds_and_an_older_one_is_ignored(segment: Segment) -> None:
    following = Segment(6, 8, [Trade(n, f"t{n}", "10", "1", T, T) for n in (6, 7)])
    desk = Desk().put(segment.flush(6, T), following.flush(8, T))
    assert flow(desk) == Figure.of(8)
    assert flow(desk.put(segment.flush(6, T), segment.flush(3, T))) == Figure.of(8)
    assert gaps(desk) == []
    assert desk.shared.sources.holes_made() == {}


def test_a_start_above_the_known_upto_is_a_hole_and_stays_one(segment: Segment) -> None:
    following = Segment(6, 8, [Trade(n, f"t{n}", "10", "1", T, T) for n in (6, 7)])
    desk = Desk().put(segment.flush(4, T), following.flush(8, T))
    view = desk.view(T)
    assert view.trade_value_24h("spot") == Figure.between(60, None)
    assert kinds(view) == [LOST]
    assert view.forced_unknown
    assert view.trades_lost()
    assert desk.shared.sources.holes_made() == {"market.trades": 1}
    assert gaps(desk, T + 3 * DAY) == [LOST]


def test_a_hole_ends_by_a_dismissal_within_it_or_a_raised_epoch(segment: Segment) -> None:
    following = Segment(6, 8, [Trade(n, f"t{n}", "10", "1", T, T) for n in (6, 7)])
    desk = Desk().put(segment.flush(4, T), following.flush(8, T))
    assert gaps(desk.put(Maker().dismissal("market.trades", 6, T))) == [LOST]
    assert gaps(desk.put(Maker().dismissal("market.trades", 5, T))) == []
    desk = Desk().put(segment.flush(4, T), following.flush(8, T))
    assert gaps(desk.configure(content(epoch=0))) == [LOST]
    raised = content()
    raised["sources"]["market.trades"] |= {"epoch": 1}
    assert gaps(desk.configure(raised)) == []


def test_trades_that_progress_counted_and_cells_lack_are_lost_until_they_come(segment: Segment) -> None:
    desk = Desk().put(segment.flows(3, T), segment.progress(5, T))
    assert flow(desk) == Figure.between(3, None)
    assert gaps(desk) == [LOST]
    assert gaps(desk.put(segment.flows(5, T))) == []
    assert desk.shared.sources.holes_made() == {}


def test_cells_unlike_the_count_at_the_fold_are_a_hole(segment: Segment) -> None:
    following = Segment(6, 6, [])
    desk = Desk().put(segment.flows(5, T), segment.progress(6, T), following.progress(6, T))
    assert gaps(desk) == [LOST]
    more = Desk().put(segment.flows(6, T), segment.progress(6, T))
    assert gaps(more.put(following.progress(6, T))) == []


def test_trades_of_all_entities_of_the_partition_complete_a_segment() -> None:
    mixed = Segment(0, 2, [TRADES[0], Trade(1, "x", "10", "1", T, T, entity="e-2")])
    desk = Desk(entities=(ENTITY, "e-2")).put(mixed.flows(2, T), mixed.progress(2, T))
    assert gaps(desk) == [LOST]
    assert gaps(desk.put(mixed.flows(2, T, "e-2"))) == []


def test_a_higher_rules_number_drops_what_lower_ones_said_of_all_entities_until_all_is_read_again() -> None:
    moved = [Trade(n, f"t{n}", "10", "1", T, T, entity="e-2") for n in range(3)]
    old = Segment(0, 9, TRADES, rules=1)
    new = Segment(0, 9, [*moved, *TRADES[3:]], rules=2)
    desk = Desk(entities=(ENTITY, "e-2")).put(old.flush(6, T))
    desk.put(new.flows(2, T, "e-2"), new.progress(2, T))
    assert flow(desk) == Figure.between(0, None)
    assert gaps(desk) == [LOST]
    desk.put(old.flush(6, T))
    assert flow(desk) == Figure.between(0, None)
    desk.put(new.flush(6, T, (ENTITY, "e-2")))
    assert flow(desk) == Figure.of(3)
    assert desk.view(T, entity="e-2").trade_value_24h("spot") == Figure.of(30)
    assert gaps(desk) == []
    assert desk.view(T).price("BTC") == Figure.of(10)


def test_busts_of_dropped_rules_do_not_count_either() -> None:
    bust = Trade(3, "t0", "10", "1", T, T, busted=True)
    old, new = Segment(0, 9, [TRADES[0], bust], rules=1), Segment(0, 9, [TRADES[0]], rules=2)
    desk = Desk().put(old.flush(4, T))
    assert flow(desk) == Figure.of(0)
    assert flow(desk.put(new.flush(4, T))) == Figure.of(1)


def test_retention_past_the_commit_keeps_cells_that_end_by_then_and_reports_what_no_progress_covers(segment: Segment) -> None:
    passed = Segment(8, 20, [])
    desk = Desk().put(segment.flush(5, T), passed.progress(8, T))
    assert flow(desk) == Figure.between(5, None)
    quiet = Desk().put(segment.flush(5, T), Segment(5, 20, []).progress(5, T))
    assert flow(quiet) == Figure.of(5)
    assert quiet.shared.sources.holes_made() == {}


def test_retention_within_the_segment_discards_it(segment: Segment) -> None:
    passed = Segment(3, 20, TRADES)
    desk = Desk().put(segment.flush(5, T), passed.progress(3, T))
    assert flow(desk) == Figure.between(0, None)
    assert desk.shared.sources.holes_made() == {"market.trades": 1}
    assert flow(desk.put(passed.flush(6, T))) == Figure.between(3, None)


def test_another_log_under_a_known_epoch_is_loss_until_the_epoch_is_raised() -> None:
    desk = Desk().put(Segment(0, 9, TRADES, log="one").flush(6, T))
    assert gaps(desk) == []
    desk.put(Segment(0, 9, TRADES[:2], log="two").flush(2, T + 1))
    assert gaps(desk) == [LOST]
    raised = content()
    raised["sources"]["market.trades"] |= {"epoch": 1}
    assert gaps(desk.configure(raised)) == []


def test_a_short_look_back_is_a_gap_while_its_segment_is_open(segment: Segment) -> None:
    desk = Desk().put(segment.flows(6, T), segment.progress(6, T, short=True))
    assert gaps(desk) == [LOST]
    assert gaps(desk.put(Segment(6, 9, []).progress(6, T))) == []


# --- busts


def bust(offset: int, trade: Trade, price: str | None = None, executed: int | None = None) -> Trade:
    return Trade(offset, trade.trade_id, price or trade.price, "1", executed or trade.executed, T, busted=True)


def test_a_bust_counts_once_whenever_it_comes() -> None:
    first, then = Segment(0, 3, [*TRADES[:2], bust(2, TRADES[0])]), Segment(3, 5, [bust(3, TRADES[0]), TRADES[4]])
    desk = Desk().put(
        first.busts(3, T), first.busts(3, T), first.flows(3, T), first.progress(3, T), then.flush(5, T), then.flush(5, T)
    )
    assert flow(desk) == Figure.of(2)
    assert gaps(desk) == []


def test_of_several_busts_of_one_id_the_one_of_the_least_offset_counts() -> None:
    segment = Segment(0, 9, [*TRADES[:2], bust(5, TRADES[0], price="4"), bust(7, TRADES[0], price="3")])
    for order in (1, -1):
        desk = Desk().put(segment.busts(9, T)[::order], segment.flows(9, T), segment.progress(9, T))
        assert desk.view(T).trade_value_24h("spot") == Figure.of(16)


def test_a_bust_without_its_trade_lowers_its_cell_and_below_zero_is_a_gap() -> None:
    segment = Segment(0, 9, [TRADES[0], bust(5, TRADES[1]), bust(6, TRADES[2])])
    desk = Desk().put(segment.flush(9, T))
    assert flow(desk) == Figure.between(0, None)
    assert gaps(desk) == [LOST]
    assert gaps(desk, T + 2 * DAY) == []


def test_a_bust_takes_back_from_the_cell_it_names() -> None:
    other = bust(5, TRADES[0], executed=T - 2 * DAY)
    desk = Desk().put(Segment(0, 9, [*TRADES[:2], other]).flush(9, T))
    assert flow(desk) == Figure.of(2)


def test_a_bust_weeks_later_counts_once_and_ids_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.core.book.trades.busts.BUSTS_REMEMBERED", 3)
    first = Segment(0, 6, TRADES)
    gone = [replace(bust(n, TRADES[n - 10]), logged=T + n) for n in range(10, 14)]
    desk = Desk().put(first.flush(6, T), Segment(6, 14, gone).flush(14, T + 20 * DAY))
    again = [replace(gone[3], offset=14), replace(gone[0], offset=15)]
    desk.put(Segment(14, 16, again[:1]).flush(16, T + 40 * DAY))
    day = date(2026, 1, 5)
    assert desk.view(T + 40 * DAY, zone=TOKYO).trade_value_day(day, "spot", "venue") == {"JPY": 20}
    assert sum(len(desk.book.bucket(name)) for name in desk.book.trades.busts.names()) <= 5
    assert desk.restored().view(T + 41 * DAY, zone=TOKYO).trade_value_day(day, "spot", "venue") == {"JPY": 20}


# --- totals


def test_the_day_is_the_utc_hour_of_the_clock_and_the_23_before_it() -> None:
    trades = [Trade(n, f"t{n}", "10", "1", T - n * HOUR, T) for n in range(30)]
    desk = Desk().put(Segment(0, 30, trades).flush(30, T))
    assert flow(desk, T) == Figure.of(24)
    assert flow(desk, T + HOUR - 1) == Figure.of(24)
    assert desk.book.deadline(T + HOUR - 1) == T + HOUR
    assert flow(desk, T + HOUR) == Figure.of(23)


def test_trades_are_told_apart_by_instrument_capacity_and_quote() -> None:
    trades = [
        Trade(0, "a", "2", "3", T, T, capacity="client_order", side="buy"),
        Trade(1, "b", "2", "5", T, T, capacity="client_order", side="sell"),
        Trade(2, "c", "2", "7", T, T, capacity="client_order", market="BTC/USD"),
        Trade(3, "d", "2", "11", T, T, capacity="own_account"),
        Trade(4, "e", "2", "13", T, T, capacity="client_order", instrument="derivative"),
    ]
    view = Desk().put(Segment(0, 5, trades).flush(5, T)).view(T)
    day = view.local_date()
    assert view.trade_value_day(day, "spot", "client_order") == {"JPY": 16, "USD": 14}
    assert view.trade_value_day(day, "spot", "own_account") == {"JPY": 22}
    assert view.trade_value_day(day, "derivative", "client_order") == {"JPY": 26}
    assert view.trade_value_day(day, "derivative", "own_account") == {}
    assert view.trade_value_24h("spot", "own_account") == Figure.of(22)


def test_days_stay_exact_after_hours_are_summed_up_and_by_late_trades() -> None:
    trades = [Trade(n, f"t{n}", "1", "1", T + n * HOUR, T + n * HOUR) for n in range(24 * 8)]
    desk = Desk()
    for day in range(8):
        part = [t for t in trades if t.offset // 24 == day]
        desk.put(Segment(day * 24, day * 24 + 24, part).flush(day * 24 + 24, part[-1].logged))
    late = Trade(500, "late", "1", "100", T + 2 * DAY, T + 8 * DAY)
    desk.put(Segment(192, 501, [late]).flush(501, T + 8 * DAY))
    view = desk.view(T + 8 * DAY, zone=TOKYO)
    days = [view.trade_value_day(date(2026, 1, d), "spot", "venue")["JPY"] for d in range(5, 14)]
    assert days == [5, 24, 124, 24, 24, 24, 24, 24, 19]
    assert max(len(by_key) for by_key in desk.book.trades._cells.values()) <= 72 + 2 + 8


def test_sources_count_outcomes_of_the_whole_topic(segment: Segment) -> None:
    desk = Desk().put(segment.flows(6, T), segment.progress(6, T, duplicate=2, late=1, dead_letter=3))
    desk.put(Segment(6, 9, []).progress(8, T, duplicate=5))
    assert desk.shared.counts("market.trades").values() == (6, 7, 1, 3)
    assert desk.book.last_heard("market.trades") == T
    assert Completeness(desk.book, T).feed("market.trades").state == "ok"
    assert desk.shared.source_positions() == [{"topic": "market.trades", "epoch": 0, "partition": 0, "upto": 8}]


def test_trade_flow_for_status() -> None:
    trades = [
        Trade(0, "a", "2", "3", T, T, side="buy"),
        Trade(1, "b", "4", "5", T + 1, T + 1),
        Trade(2, "c", "1", "1", T, T, market="A/B"),
    ]
    desk = Desk().put(Segment(0, 3, trades).flush(3, T + 1))
    assert desk.book.trade_flow(T, T + HOUR) == [
        {"market": "A/B", "trades": 1, "quantity": "1", "value": "1", "last_price": "1"},
        {"market": "BTC/JPY", "trades": 2, "quantity": "8", "value": "26", "last_price": "4"},
    ]
    assert desk.book.trade_flow(T + HOUR, T + 2 * HOUR) == []


def test_segments_of_several_partitions_do_not_meet() -> None:
    one, two = Segment(0, 6, TRADES[:2], partition=0), Segment(4, 6, [TRADES[5]], partition=1)
    desk = Desk().put(one.flush(6, T), two.flush(6, T))
    assert flow(desk) == Figure.of(3)
    assert SourcePartition("market.trades", 0, 1) in dict(desk.shared.flow.read_positions())


def test_trades_that_may_count_twice_for_their_keys_bound_nothing(segment: Segment) -> None:
    """What lets it fail: the flow of an entity whose trade ids are parted over partitions is a confident figure."""
    (record,) = segment.flows(6, T)
    told = {"count": 6, "last": 5, "since": exact_time(T)}
    marked = replace(record.statement, body={**record.statement.body, "keys_unsafe": told})
    desk = Desk().put(replace(record, statement=marked), segment.progress(6, T))
    view = desk.view(T)
    assert view.trade_value_24h("spot") == Figure.between(0, None)
    assert ("keys_unsafe", "market.trades") in {(gap.kind, gap.subject) for gap in view.gaps}
    assert view.forced_unknown


def _many(count: int) -> Segment:
    return Segment(0, count, [Trade(n, f"t{n}", "10", "1", T, T, market=f"M{n}/JPY") for n in range(count)])


def test_what_a_segment_says_of_a_market_is_written_with_few_others() -> None:
    segment = _many(40)
    desk = Desk().put(segment.flush(39, T))
    whole = {name: desk.shared.bucket(name) for name in desk.shared.flow.names()}
    cells = {name: value for name, value in whole.items() if name.startswith("cells/")}
    assert sum(map(len, cells.values())) == 39
    assert len(cells) > 8
    assert max(map(len, cells.values())) < 39 / 4
    desk.shared.dirty.clear()
    one = next(record for record in segment.flows(40, T) if record.statement.entity == ENTITY)
    one.statement.body["cells"] = [cell for cell in one.statement.body["cells"] if cell["market"] == "M39/JPY"]  # type: ignore[index]
    desk.put(one, segment.progress(40, T))
    assert [name.partition("/")[0] for name in sorted(desk.shared.dirty) if "market.trades" in name] == ["cells", "segment"]


def test_a_segment_that_is_closed_leaves_nothing_of_its_markets_behind() -> None:
    desk = Desk().put(_many(40).flush(40, T))
    desk.shared.dirty.clear()
    desk.put(Segment(40, 41, [Trade(40, "t40", "10", "1", T, T, market="M40/JPY")]).flush(41, T))
    written = {name: desk.shared.bucket(name) for name in desk.shared.dirty if name.startswith("cells/")}
    assert len(written) > 8
    assert [value for value in written.values() if value is not None] == [
        desk.shared.bucket(name) for name in desk.shared.flow.names() if name.startswith("cells/")
    ]


def test_a_segment_whose_markets_stand_in_one_bucket_is_read_too() -> None:
    desk = Desk().put(_many(40).flush(40, T))
    now = {name: desk.shared.bucket(name) for name in desk.shared.names()}
    former = {name: value for name, value in now.items() if not name.startswith("cells/")}
    former["segment/0/0/market.trades"]["cells"] = [cell for name, cells in now.items() if name not in former for cell in cells]
    read = Shared.restore(desk.config, former)
    del former["segment/0/0/market.trades"]["cells"]
    assert {name: read.bucket(name) for name in read.names()} == now


def test_newest_trades_that_name_their_source_partition_themselves_are_read_too() -> None:
    desk = Desk().put(_many(40).flush(40, T))
    now = {name: desk.shared.bucket(name) for name in desk.shared.names()}
    former = {name: desk.shared.bucket(name) for name in desk.shared.names()}
    for cell in (cell for name, cells in former.items() if name.startswith("cells/") for cell in cells):
        cell[-1] = [[time, 0, logged, "market.trades", 0, 0, *rest] for time, logged, *rest in cell[-1]]
    read = Shared.restore(desk.config, former)
    assert {name: read.bucket(name) for name in read.names()} == now
