"""One completeness for every view: an earlier instant says what was known of then, whatever came later (P3)."""

from __future__ import annotations

import pytest

from monitor.core.book.completeness import Completeness
from monitor.core.book.trades.unsafe_keys import UnsafeKeys
from monitor.core.journal.records import Source, SourcePartition, Statement
from monitor.core.journal.vocabulary import BALANCES, PRICES, TRADES
from monitor.core.values.figure import UNKNOWN, Figure
from monitor.core.values.times import DAY, HOUR, MINUTE, SECOND, exact_time, parse_time
from tests.book_maker import Desk, Maker, content, kinds, limits

T = parse_time("2026-01-05T12:00:00Z")
MIDNIGHT = parse_time("2026-01-06T00:00:00Z")
CLOSE = MIDNIGHT - 1


@pytest.fixture
def make() -> Maker:
    return Maker()


def fresh(**feeds: object) -> Desk:
    return Desk(content({"freshness": {name.replace("__", "/").replace("_", ".", 1): given for name, given in feeds.items()}}))


def test_an_account_too_old_at_midnight_is_a_bound_of_that_close(make: Maker) -> None:
    """Fails where closes know no ages: the account reported again later, and the close was green."""
    desk = fresh(custody_balances=limits(account_max_age_s=6 * 3600))
    desk.put(make.position("5", T), make.position("2", MIDNIGHT - HOUR, account="b"))
    desk.put(make.position("5", MIDNIGHT + HOUR))
    view = desk.view(CLOSE)
    assert view.quantity("client_asset", "BTC") == Figure.between(2, None)
    assert [(gap.kind, gap.since) for gap in view.gaps] == [("position_stale", T + 6 * HOUR)]
    assert desk.view(MIDNIGHT + HOUR).quantity("client_asset", "BTC") == Figure.of(7)


def test_a_feed_that_was_silent_at_midnight_stays_so_when_it_speaks_again(make: Maker) -> None:
    """Fails where a past instant is judged by what was heard last of all."""
    desk = fresh(custody_balances=limits(max_age_s=3600)).put(make.position("5", T), make.position("5", MIDNIGHT + HOUR))
    view = desk.view(CLOSE)
    assert view.quantity("client_asset", "BTC") == UNKNOWN
    assert [(gap.kind, gap.since) for gap in view.gaps] == [("source_silent", T + HOUR)]
    assert view.forced_unknown
    assert not desk.view(MIDNIGHT + HOUR).impaired(BALANCES)


def test_a_record_that_comes_late_heals_the_past(make: Maker) -> None:
    desk = fresh(custody_balances=limits(max_age_s=3600)).put(make.position("5", T))
    desk.put(make.position("6", MIDNIGHT - MINUTE, account="b", logged=MIDNIGHT + HOUR))
    assert desk.view(CLOSE).quantity("client_asset", "BTC") == Figure.of(11)


def test_a_feed_within_the_topic_that_was_silent_then_counts_not_then(make: Maker) -> None:
    desk = fresh(custody_balances__x=limits(max_age_s=3600))
    desk.put(make.position("5", T, source="x"), make.position("2", T, account="b", source="y"))
    desk.put(make.position("5", MIDNIGHT + HOUR, source="x"))
    view = desk.view(CLOSE)
    assert view.quantity("client_asset", "BTC") == Figure.between(2, None)
    assert kinds(view) == [("source_silent", f"{BALANCES}/x")]


def test_a_configured_feed_that_had_not_spoken_by_midnight_may_hold_anything_then(make: Maker) -> None:
    desk = fresh(custody_balances__x=limits(max_age_s=3600))
    desk.put(make.position("2", T, account="b"), make.position("5", MIDNIGHT + HOUR, source="x"))
    view = desk.view(CLOSE)
    assert view.quantity("client_asset", "BTC") == Figure.between(2, None)
    assert kinds(view) == [("source_silent", f"{BALANCES}/x")]


def test_prices_silent_at_midnight_leave_the_close_unknown(make: Maker) -> None:
    desk = fresh(market_prices=limits(max_age_s=3600))
    desk.put(make.price("8", T), make.price("9", MIDNIGHT + HOUR)).view(MIDNIGHT + HOUR)
    assert Completeness(desk.book, CLOSE).feed(PRICES).silent_since == T + HOUR
    assert desk.view(CLOSE).impaired(PRICES)


def test_a_feed_whose_newest_record_is_of_long_ago_is_behind(make: Maker) -> None:
    """Fails where freshness looks at log times alone: everything arrives now, dated five hours ago."""
    desk = fresh(custody_balances=limits(max_age_s=3600) | {"max_behind_s": 600})
    desk.put(make.position("1000", T), make.position("196", T + HOUR, logged=T + 6 * HOUR))
    view = desk.view(T + 6 * HOUR)
    assert view.quantity("client_asset", "BTC") == UNKNOWN
    assert [(gap.kind, gap.subject, gap.since) for gap in view.gaps] == [("source_behind", BALANCES, T + HOUR + 600 * SECOND)]
    desk.put(make.position("190", T + 6 * HOUR))
    assert desk.view(T + 6 * HOUR).quantity("client_asset", "BTC") == Figure.of(190)


def test_how_far_behind_is_the_limit_of_silence_where_none_is_given(make: Maker) -> None:
    desk = fresh(custody_balances=limits(max_age_s=3600)).put(make.position("3", T - HOUR - 1, logged=T))
    assert kinds_read(desk, BALANCES) == [("source_behind", BALANCES)]


def test_daily_closes_and_declarations_are_never_behind(make: Maker) -> None:
    desk = fresh(market_prices=limits(max_age_s=60), entity_declarations=limits(max_age_s=60))
    desk.put(make.price("8", T - DAY, kind="daily_close", logged=T))
    desk.put(make.declaration("net_assets", "5", T - 30 * DAY, logged=T))
    assert kinds_read(desk, PRICES) == kinds_read(desk, "entity.declarations") == []
    desk.put(make.price("8", T - DAY, logged=T))
    assert kinds_read(desk, PRICES) == [("source_behind", PRICES)]


def test_an_incident_is_as_new_as_its_revision(make: Maker) -> None:
    desk = fresh(security_incidents=limits(max_age_s=60))
    desk.put(make.incident(1, T, occurred_at=exact_time(T - DAY), updated_at=exact_time(T)))
    assert kinds_read(desk, "security.incidents") == []
    desk = fresh(security_incidents=limits(max_age_s=60))
    desk.put(make.incident(1, T, occurred_at=exact_time(T - DAY), updated_at=exact_time(T - DAY)))
    assert kinds_read(desk, "security.incidents") == [("source_behind", "security.incidents")]


def test_trades_never_heard_are_silent_and_not_behind() -> None:
    desk = fresh(market_trades=limits(max_age_s=60))
    assert kinds_read(desk, TRADES) == [("source_silent", TRADES)]


def kinds_read(desk: Desk, topic: str) -> list[tuple[str, str]]:
    view = desk.view(T)
    view.reads(topic)
    return kinds(view)


def test_trades_under_unsafe_keys_are_no_bound_of_the_flow_until_dismissed_or_made_anew() -> None:
    """What lets it fail: a trade id in two partitions counts twice, and the flow is a confident figure."""
    dirty: set[str] = set()
    keys = UnsafeKeys(dirty)
    where = SourcePartition("market.trades", 0, 2)
    told = {"count": 3, "last": 40, "since": "2026-01-05T00:00:00.000000Z"}
    for last in (40, 12):  # a zombie says less later
        body = {"keys_unsafe": told | {"last": last}}
        keys.take(Statement("flow", "jp-main", 1, body, Source(where, start=0, upto=50)))
    assert dirty == {"keys"}
    since = parse_time("2026-01-05T00:00:00.000000Z")
    assert keys.since("market.trades", 0, {}) == since
    assert keys.since("market.trades", 0, {where: (39,)}) == since
    assert keys.since("market.trades", 0, {where: (40,)}) is None
    assert keys.since("market.trades", 1, {}) is None
    again = UnsafeKeys(set())
    again.restore({"keys": keys.bucket("keys")})
    assert again.bucket("keys") == keys.bucket("keys")
