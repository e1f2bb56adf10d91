"""P3: silent, unhealthy and holed topics, rejected records; CONTRACT 2 and 4; what widens, what only marks."""

import pytest

from monitor.core.book.completeness import Completeness
from monitor.core.journal.records import JournalRecord, Rules, Source, SourcePartition, Statement
from monitor.core.values.figure import UNKNOWN, Figure
from monitor.core.values.times import HOUR, SECOND, parse_time
from monitor.core.view.gaps import Gaps
from tests.book_maker import Desk, Maker, Segment, Trade, content, kinds, limits

T = parse_time("2026-01-05T10:00:00Z")
BALANCES, PRICES, TRADES = "custody.balances", "market.prices", "market.trades"


@pytest.fixture
def make() -> Maker:
    return Maker()


def progress(topic: str, start: int, upto: int, partition: int = 0, **counts: int) -> JournalRecord:
    body = {"log": None, "final": False, "applied": 0, "newest_log": None, "short": False}
    told = {"applied": 0, "duplicate": 0, "late": 0, "dead_letter": 0} | counts
    source = Source(SourcePartition(topic, 0, partition), start=start, upto=upto)
    return JournalRecord(Statement("progress", None, T, body | {"counts": told}, source, rules=Rules(1, "r")), 0, T, b"")


def fresh(**feeds: dict[str, int | None]) -> dict[str, object]:
    return content({"freshness": {name.replace("__", "/").replace("_", "."): value for name, value in feeds.items()}})


def test_a_topic_is_silent_after_its_limit_by_log_time(make: Maker) -> None:
    desk = Desk(fresh(custody_balances=limits(max_age_s=60))).put(make.position("3", T - 30 * SECOND, logged=T))
    assert desk.view(T + 60 * SECOND).quantity("client_asset", "BTC") == Figure.of(3)
    assert desk.book.deadline(T + 60 * SECOND) == T + 60 * SECOND + 1
    view = desk.view(T + 60 * SECOND + 1)
    assert view.quantity("client_asset", "BTC") == UNKNOWN
    assert [(g.kind, g.subject, g.since) for g in view.gaps] == [("source_silent", BALANCES, T + 60 * SECOND)]
    assert view.forced_unknown
    known = Completeness(desk.book, T + 60 * SECOND + 1).feed(BALANCES)
    assert (known.state, known.silent, known.unhealthy) == ("silent", True, False)
    assert desk.book.last_heard(BALANCES) == T


def test_a_topic_never_heard_is_silent_and_one_not_read_does_no_harm(make: Maker) -> None:
    desk = Desk(fresh(custody_balances=limits(max_age_s=60))).put(make.declaration("own_funds", "5", T))
    view = desk.view(T)
    assert view.declared("own_funds") == Figure.of(5)
    assert not view.forced_unknown
    view.role_seen("client_asset")
    assert view.forced_unknown
    assert [(g.kind, g.since) for g in view.gaps] == [("source_silent", None)]


def test_a_silent_feed_within_a_topic_leaves_what_others_hold_as_lower_bound(make: Maker) -> None:
    config = fresh(custody_balances__x=limits(max_age_s=60))
    desk = Desk(config).put(make.position("3", T, source="x"), make.position("4", T, account="b", source="y"))
    desk.put(make.position("9", T, asset="ETH", source="y"))
    view = desk.view(T + 61 * SECOND)
    assert view.quantity("client_asset", "ETH") == Figure.of(9)
    assert not view.forced_unknown
    assert view.quantity("client_asset", "BTC") == Figure.between(4, None)
    assert kinds(view) == [("source_silent", f"{BALANCES}/x")]
    assert view.forced_unknown


def test_a_configured_feed_never_heard_may_hold_anything(make: Maker) -> None:
    view = Desk(fresh(custody_balances__x=limits(max_age_s=60))).put(make.position("4", T, source="y")).view(T)
    assert view.quantity("client_asset", "BTC") == Figure.between(4, None)
    assert kinds(view) == [("source_silent", f"{BALANCES}/x")]


def test_a_topic_is_unhealthy_past_its_share_from_a_hundred_records_of_the_segment_on(make: Maker) -> None:
    desk = Desk(content(bad_share="0.1")).put(make.position("3", T))

    def healthy() -> bool:
        view = desk.view(T)
        known = view.quantity("client_asset", "BTC") == Figure.of(3)
        assert known != view.forced_unknown
        assert kinds(view) == ([] if known else [("source_unhealthy", BALANCES)])
        return known

    desk.put(progress(BALANCES, 0, 99, applied=9, dead_letter=90))
    assert healthy()
    desk.put(progress(BALANCES, 0, 100, applied=89, dead_letter=11))
    assert not healthy()
    desk.put(progress(BALANCES, 0, 110, applied=90, late=5, duplicate=4, dead_letter=11))
    assert healthy()
    desk.put(progress(BALANCES, 0, 111, applied=90, late=5, duplicate=4, dead_letter=12))
    assert not healthy()
    desk.put(progress(BALANCES, 111, 112, applied=1))
    assert not healthy(), "a segment that has just begun is no proof that the source is well again"
    desk.put(progress(BALANCES, 111, 211, applied=100))
    assert healthy()


def test_one_bad_partition_is_enough(make: Maker) -> None:
    desk = Desk(content(bad_share="0.1")).put(make.position("3", T), progress(BALANCES, 0, 100, applied=100))
    desk.put(progress(BALANCES, 0, 100, partition=1, dead_letter=100))
    assert desk.view(T).quantity("client_asset", "BTC") == UNKNOWN


def test_a_hole_in_positions_leaves_no_bound_even_for_closed_days(make: Maker) -> None:
    desk = Desk().put(make.position("3", T - 48 * HOUR), progress(BALANCES, 0, 5, applied=5), progress(BALANCES, 9, 9))
    view = desk.view(T)
    assert view.quantity("client_asset", "BTC") == UNKNOWN
    assert view.quantity_at("client_asset", "BTC", None, T - 10 * HOUR) == UNKNOWN
    assert kinds(view) == [("records_lost", BALANCES)]


def test_silence_of_trades_makes_flow_a_lower_bound_and_prices_of_trades_unknown(make: Maker) -> None:
    desk = Desk(fresh(market_trades=limits(max_age_s=60))).put(Segment(0, 1, [Trade(0, "t", "7", "2", T, T)]).flush(1, T))
    assert desk.view(T + 60 * SECOND).trade_value_24h("spot") == Figure.of(14)
    view = desk.view(T + 61 * SECOND)
    assert view.trade_value_24h("spot") == Figure.between(14, None)
    assert kinds(view) == [("source_silent", TRADES)]
    assert desk.view(T + 61 * SECOND).price("BTC") == UNKNOWN
    newer = desk.put(make.price("8", T + 5)).view(T + 61 * SECOND)
    assert newer.price("BTC") == Figure.of(8)
    assert not newer.forced_unknown


def test_a_feed_configured_later_was_heard_when_its_positions_came(make: Maker) -> None:
    desk = Desk().put(make.position("4", T, source="x"), make.position("5", T + HOUR, account="b", source="y"))
    desk.configure(fresh(custody_balances__x=limits(max_age_s=60), custody_balances__z=limits(max_age_s=60)))
    assert desk.book.last_heard(f"{BALANCES}/x") == T
    assert desk.book.last_heard(f"{BALANCES}/z") is None
    assert Completeness(desk.book, desk.clock).unheard_sources() == ("z",)


# --- rejected records


def marked(desk: Desk, topic: str = BALANCES) -> bool:
    view = desk.view(T + HOUR)
    view.reads(topic)
    assert not view.forced_unknown
    return ("record_rejected", topic) in kinds(view)


def test_a_rejected_record_marks_without_changing_anything_until_a_newer_valid_one(make: Maker) -> None:
    desk = Desk().put(
        make.position("3", T, offset=5), make.rejected(BALANCES, T, offset=7, account="a", asset="BTC", role="client_asset")
    )
    view = desk.view(T)
    with view.reading("required"):
        assert view.quantity("client_asset", "BTC") == Figure.of(3)
    assert [(g.kind, g.subject, g.effect, g.since) for g in view.gaps] == [("record_rejected", BALANCES, "both", T)]
    assert not view.forced_unknown
    assert marked(desk.put(make.position("4", T, account="b", offset=8)))
    assert marked(desk.put(make.position("4", T, asset="ETH", offset=9)))
    assert marked(desk.put(make.position("4", T - 1, offset=6)))
    assert not marked(desk.put(make.position("4", T, offset=10)))


def test_a_rejected_incident_or_declaration_ends_by_a_newer_one_of_the_same(make: Maker) -> None:
    desk = Desk().put(make.rejected("security.incidents", T, incident_id="i-1"))
    assert marked(desk, "security.incidents")
    assert not marked(desk.put(make.incident(1, T)), "security.incidents")
    desk.put(make.rejected("entity.declarations", T, kind="capital", attributes={"part": "paid_up"}))
    assert marked(desk.put(make.declaration("capital", "1", T, part="dividends")), "entity.declarations")
    assert not marked(desk.put(make.declaration("capital", "1", T)), "entity.declarations")


def test_one_that_cannot_be_read_ends_by_dismissal_only_before_or_after(make: Maker) -> None:
    desk = Desk().put(make.rejected(BALANCES, T, offset=7), make.position("4", T + 1))
    assert marked(desk)
    assert marked(desk.put(make.dismissal(BALANCES, 8, T)))
    assert not marked(desk.put(make.dismissal(BALANCES, 7, T)))
    assert not marked(Desk().put(make.dismissal(BALANCES, 7, T), make.rejected(BALANCES, T, offset=7)))


def test_rejections_do_not_pile_up(make: Maker) -> None:
    desk = Desk().put(make.rejected(BALANCES, T + n, offset=n) for n in range(1500))
    assert len(desk.book.rejections._marks) == 1000
    assert marked(desk)


# --- gaps


def test_gaps_of_one_kind_and_subject_are_one() -> None:
    gaps = Gaps()
    with gaps.reading("figures"):
        gaps.add("b", "x", since=5)
    with gaps.reading("required"):
        gaps.add("b", "x", since=3)
        gaps.add("a", "y")
    gaps.add("b", "x", "available", 9)
    gaps.add("a", "y", "figures", 4)
    gaps.add("c", "z")
    assert [(g.kind, g.subject, g.effect, g.since) for g in gaps.sorted()] == [
        ("a", "y", "required", None),
        ("b", "x", "both", 3),
        ("c", "z", "both", None),
    ]


# --- deadlines


def test_nothing_but_local_midnight_changes_a_quiet_book(make: Maker) -> None:
    desk = Desk().put(make.position("3", T))
    assert desk.book.deadline(desk.clock) == parse_time("2026-01-05T15:00:00Z")
    assert desk.book.deadline(parse_time("2026-01-05T15:00:00Z")) == parse_time("2026-01-06T15:00:00Z")


def test_the_nearest_of_all_deadlines_and_none_twice(make: Maker) -> None:
    config = content({"prices": {"max_age_s": 60, "pivots": []}, "freshness": {BALANCES: limits(30, 45)}})
    desk = Desk(config).put(
        make.position("3", T), make.price("1", T), make.declaration("own_funds", "1", T, until=T + 50 * SECOND)
    )
    desk.put(Segment(0, 1, [Trade(0, "t", "7", "2", T - 5 * SECOND, T)]).flush(1, T))
    found: list[int] = []
    at = desk.clock
    while len(found) < 5:
        at = desk.book.deadline(at) or 0
        desk.view(at)
        found.append(at - T)
    assert found == [30 * SECOND + 1, 45 * SECOND + 1, 50 * SECOND, 55 * SECOND + 1, 60 * SECOND + 1]


def test_a_heartbeat_keeps_a_feed_alive_that_has_spoken_of_the_entity(make: Maker) -> None:
    feed = f"{BALANCES}/x"
    desk = Desk(fresh(custody_balances__x=limits(max_age_s=60))).put(make.position("3", T, source="x"))
    assert desk.book.beat(feed, T + 50 * SECOND)
    assert not desk.book.beat(feed, T + 50 * SECOND), "it is no news"
    assert desk.view(T + 110 * SECOND).quantity("client_asset", "BTC") == Figure.of(3)
    view = desk.view(T + 110 * SECOND + 1)
    assert view.quantity("client_asset", "BTC") != Figure.of(3)
    assert kinds(view) == [("source_silent", feed)]


def test_a_heartbeat_of_a_feed_that_never_spoke_says_nothing(make: Maker) -> None:
    desk = Desk(fresh(custody_balances__x=limits(max_age_s=60))).put(make.position("4", T, source="y"))
    assert not desk.book.beat(f"{BALANCES}/x", T)
    view = desk.view(T)
    view.quantity("client_asset", "BTC")
    assert kinds(view) == [("source_silent", f"{BALANCES}/x")]


def test_a_heartbeat_of_prices_is_everybodys(make: Maker) -> None:
    desk = Desk(fresh(market_prices__x=limits(max_age_s=60))).put(make.price("1", T, source="x", logged=T))
    assert not desk.shared.beat("market.prices/y", T + SECOND)
    assert desk.shared.beat("market.prices/x", T + 50 * SECOND)
    assert (desk.book.last_heard("market.prices/x"), desk.book.last_heard("market.prices")) == (T + 50 * SECOND,) * 2
    assert not desk.shared.beat("market.prices/x", T + 50 * SECOND)
