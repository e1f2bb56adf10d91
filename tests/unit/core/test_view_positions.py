"""INPUTS 1, Order and Sums over accounts; JOURNAL 2 Corrections, 4 groups."""

import json
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from monitor.core.book.custody.position import AccountKey, Position, account_key, position_of
from monitor.core.journal.records import JournalRecord
from monitor.core.values.calendar import UTC_ZONE, Zone
from monitor.core.values.figure import UNKNOWN, Figure
from monitor.core.values.times import DAY, HOUR, SECOND, parse_time
from tests.book_maker import Desk, Maker, content, kinds, limits

COLD = frozenset({"cold"})
T = "2026-01-05T10:00:00Z"
TOKYO = Zone("Asia/Tokyo", [0], [9])


@pytest.fixture
def make() -> Maker:
    return Maker()


def held(desk: Desk, at: str, role: str = "client_asset", asset: str = "BTC") -> Figure:
    return desk.view(at).quantity(role, asset)


def test_a_role_never_seen_is_unknown_and_an_asset_without_account_of_a_seen_role_is_nothing(make: Maker) -> None:
    desk = Desk().put(make.position("3", T))
    view = desk.view(T)
    assert view.quantity("client_asset", "ETH") == Figure.of(0)
    assert kinds(view) == []
    assert view.quantity("guarantee_asset", "BTC") == UNKNOWN
    assert kinds(view) == [("position_missing", "guarantee_asset")]
    assert view.role_seen("client_asset")
    assert not view.role_seen("guarantee_asset")


def test_a_record_counts_from_its_own_time_on_and_not_before(make: Maker) -> None:
    desk = Desk().put(make.position("3", "2026-01-05T10:00:30Z", logged=T))
    assert not desk.view("2026-01-05T10:00:29.999999999Z").role_seen("client_asset")
    assert held(desk, "2026-01-05T10:00:30Z") == Figure.of(3)


def test_a_position_ahead_waits_behind_the_one_that_counts(make: Maker) -> None:
    desk = Desk().put(make.position("3", T), make.position("5", "2026-01-05T10:00:30Z", logged=T))
    assert held(desk, "2026-01-05T10:00:10Z") == Figure.of(3)
    assert desk.book.deadline(desk.clock) == parse_time("2026-01-05T10:00:30Z")
    assert held(desk, "2026-01-05T10:00:30Z") == Figure.of(5)


def test_a_position_that_comes_while_a_newer_one_waits_counts_meanwhile(make: Maker) -> None:
    desk = Desk().put(make.position("3", T), make.position("5", "2026-01-05T10:00:30Z", logged=T))
    desk.put(make.position("4", "2026-01-05T10:00:10Z"))
    assert held(desk, "2026-01-05T10:00:10Z") == Figure.of(4)
    assert held(desk, "2026-01-05T10:00:30Z") == Figure.of(5)


@pytest.mark.parametrize("newest_first", [False, True])
def test_newest_is_by_own_time_then_sequence_then_log_time_then_offset(make: Maker, *, newest_first: bool) -> None:
    ladder = [
        make.position("1", "2026-01-05T09:00:00Z", sequence=9, logged="2026-01-05T12:00:00Z"),
        make.position("2", T, sequence=0, logged="2026-01-05T11:00:00Z"),
        make.position("3", T, sequence=1, logged="2026-01-05T10:30:00Z"),
        make.position("4", T, sequence=1, logged="2026-01-05T10:40:00Z", offset=900),
        make.position("5", T, sequence=1, logged="2026-01-05T10:40:00Z", offset=901),
    ]
    desk = Desk().put(reversed(ladder) if newest_first else ladder)
    assert held(desk, "2026-01-05T12:00:00Z") == Figure.of(5)


def test_the_same_record_again_changes_nothing(make: Maker) -> None:
    one = make.position("3", T)
    assert held(Desk().put(one, one, one), T) == Figure.of(3)


def test_a_new_storage_moves_the_whole_balance(make: Maker) -> None:
    desk = Desk().put(make.position("8", T), make.position("2", "2026-01-05T11:00:00Z", storage="hot"))
    view = desk.view("2026-01-05T11:00:00Z")
    assert view.quantity("client_asset", "BTC", COLD) == Figure.of(0)
    assert view.quantity("client_asset", "BTC", frozenset({"hot"})) == Figure.of(2)
    assert desk.book.custody() == [("client_asset", "BTC", "hot", Decimal(2))]


def test_an_account_is_told_apart_by_role_and_asset(make: Maker) -> None:
    desk = Desk().put(
        make.position("8", T),
        make.position("5", T, role="client_liability", storage="ledger"),
        make.position("1", T, asset="ETH"),
    )
    assert held(desk, T) == Figure.of(8)
    assert held(desk, T, "client_liability") == Figure.of(5)
    assert desk.view(T).assets("client_asset") == ("BTC", "ETH")


def test_digits_are_never_lost(make: Maker) -> None:
    many = [make.position("12345678901234567890.123456789012345678", T, account=f"a{n}") for n in range(5)]
    gone = make.position("0.000000000000000001", "2026-01-05T11:00:00Z", account="a0", storage="hot")
    view = Desk().put(many, gone).view("2026-01-05T11:00:00Z")
    assert view.quantity("client_asset", "BTC", COLD) == Figure.of(Fraction(4 * 12345678901234567890123456789012345678, 10**18))


def test_debits_of_one_client_are_not_netted_against_credits_of_another(make: Maker) -> None:
    owed = [
        make.position("700", T, account="x", role="client_liability", storage="ledger", asset="JPY"),
        make.position("-500", T, account="y", role="client_liability", storage="ledger", asset="JPY"),
    ]
    view = Desk().put(owed).view(T)
    assert view.positive_quantity("client_liability", "JPY") == Figure.of(700)
    assert view.quantity("client_liability", "JPY") == Figure.of(200)


def test_an_account_too_old_leaves_the_rest_as_a_lower_bound_from_the_instant_after_its_limit(make: Maker) -> None:
    config = content({"freshness": {"custody.balances": limits(account_max_age_s=3600)}})
    desk = Desk(config).put(make.position("3", T, account="x"), make.position("4", "2026-01-05T10:30:00Z", account="y"))
    assert held(desk, "2026-01-05T11:00:00Z") == Figure.of(7)
    assert desk.book.deadline(desk.clock) == parse_time("2026-01-05T11:00:00.000000001Z")
    view = desk.view("2026-01-05T11:00:00.000000001Z")
    assert view.quantity("client_asset", "BTC") == Figure.between(4, None)
    assert [(g.kind, g.subject, g.since) for g in view.gaps] == [
        ("position_stale", "client_asset", parse_time("2026-01-05T11:00:00Z"))
    ]
    assert not view.forced_unknown
    assert view.quantity("client_asset", "ETH") == Figure.of(0)
    desk.put(make.position("2", "2026-01-05T11:10:00Z", account="x"))
    assert held(desk, "2026-01-05T11:10:00Z") == Figure.of(6)


def test_the_age_limit_of_a_feed_goes_before_that_of_its_topic(make: Maker) -> None:
    ages = {"custody.balances": limits(account_max_age_s=60), "custody.balances/vault": limits(account_max_age_s=7200)}
    desk = Desk(content({"freshness": ages})).put(
        make.position("3", T, source="vault"), make.position("1", T, account="b", source="x")
    )
    assert held(desk, "2026-01-05T10:01:01Z") == Figure.between(3, None)


def test_a_position_already_too_old_when_it_comes_is_a_bound(make: Maker) -> None:
    config = content({"freshness": {"custody.balances": limits(account_max_age_s=60)}})
    desk = Desk(config).put(make.position("3", "2026-01-05T10:59:00Z", logged="2026-01-05T11:00:00Z"))
    assert held(desk, "2026-01-05T11:00:00Z") == Figure.of(3)
    desk = Desk(config).put(make.position("3", "2026-01-05T10:58:59Z", logged="2026-01-05T11:00:00Z"))
    assert held(desk, "2026-01-05T11:00:00Z") == Figure.between(0, None)


# --- closings


def test_closing_positions_of_local_days_and_late_corrections_of_them(make: Maker) -> None:
    desk = Desk().put(make.position("1", "2026-01-05T00:00:00Z"), make.position("2", "2026-01-07T15:30:00Z"))
    ends = {day: TOKYO.day_end(date(2026, 1, day)) for day in (4, 5, 6, 7, 8)}

    def closings() -> list[Figure]:
        view = desk.view("2026-01-09T00:00:00Z", zone=TOKYO)
        return [view.quantity_at("client_asset", "BTC", None, ends[day]) for day in (5, 6, 7, 8)]

    assert closings() == [Figure.of(1), Figure.of(1), Figure.of(1), Figure.of(2)]
    desk.put(make.position("5", "2026-01-06T01:00:00Z", logged="2026-01-09T00:00:00Z"))
    assert closings() == [Figure.of(1), Figure.of(5), Figure.of(5), Figure.of(2)]
    desk.put(make.position("3", "2026-01-06T14:59:59Z", logged="2026-01-09T00:00:00Z", storage="hot"))
    assert closings() == [Figure.of(1), Figure.of(3), Figure.of(3), Figure.of(2)]
    view = desk.view("2026-01-09T00:00:00Z", zone=TOKYO)
    assert view.quantity_at("client_asset", "BTC", COLD, ends[6]) == Figure.of(0)
    assert view.assets_at("client_asset", ends[4]) == ()
    assert view.quantity_at("client_asset", "BTC", None, ends[4]) == UNKNOWN


def test_a_day_ends_before_the_next_local_midnight(make: Maker) -> None:
    desk = Desk().put(make.position("1", "2026-01-05T00:00:00Z"), make.position("2", "2026-01-05T15:00:00Z"))
    view = desk.view("2026-01-06T00:00:00Z", zone=TOKYO)
    assert view.quantity_at("client_asset", "BTC", None, TOKYO.day_end(date(2026, 1, 5))) == Figure.of(1)
    assert view.quantity_at("client_asset", "BTC", None, TOKYO.day_end(date(2026, 1, 6))) == Figure.of(2)


def test_closings_stay_exact_while_the_rest_is_thinned(make: Maker) -> None:
    desk = Desk()
    start = parse_time("2026-01-05T00:00:00Z")
    for hour in range(24 * 30):
        desk.put(make.position(str(hour), start + hour * HOUR))
    view = desk.view(start + 30 * DAY, zone=TOKYO)
    closing = [view.quantity_at("client_asset", "BTC", None, TOKYO.day_end(date(2026, 1, day))) for day in range(5, 30)]
    assert closing == [Figure.of(14 + 24 * n) for n in range(25)]
    kept = len(desk.book.positions.history(("client_asset", "BTC", "a")))
    assert kept <= 30 + 24 * 2 * 2 + 1
    desk.put(make.position("7777", start + 9 * DAY + 1, logged=start + 30 * DAY))
    view = desk.view(start + 30 * DAY, zone=TOKYO)
    assert view.quantity_at("client_asset", "BTC", None, TOKYO.day_end(date(2026, 1, 14))) == Figure.of(14 + 24 * 9)


def test_of_positions_older_than_the_horizon_only_the_newest_of_an_account_counts(make: Maker) -> None:
    old = "2024-01-01T00:00:00Z"
    desk = Desk().put(make.position("9", old, logged=T, account="x"))
    assert held(desk, T) == Figure.of(9)
    desk.put(make.position("1", T, account="y"), make.position("5", old, logged=T, account="y"))
    desk.put(make.position("5", parse_time(T) - 400 * DAY - 1, logged=T, account="y"))
    view = desk.view(T, zone=TOKYO)
    assert view.quantity_at("client_asset", "BTC", None, TOKYO.day_end(date(2026, 1, 4))) == Figure.of(9)
    desk.put(make.position("5", parse_time(T) - 400 * DAY, logged=T, account="y"))
    view = desk.view(T, zone=TOKYO)
    assert view.quantity_at("client_asset", "BTC", None, TOKYO.day_end(date(2026, 1, 4))) == Figure.of(14)


def test_a_view_of_the_last_hours_sees_what_held_then(make: Maker) -> None:
    desk = Desk().put(
        make.position("1", T), make.position("-5", T, role="client_liability", asset="JPY"), make.position("2", T, account="b")
    )
    desk.put(make.position("9", "2026-01-05T12:00:00Z"))
    desk.view("2026-01-05T13:00:00Z")
    past = desk.view("2026-01-05T11:30:00Z")
    assert past.quantity("client_asset", "BTC") == Figure.of(3)
    assert past.positive_quantity("client_liability", "JPY") == Figure.of(0)
    assert past.assets("client_asset") == ("BTC",)
    assert not desk.view("2026-01-05T09:59:59Z").role_seen("client_asset")


def test_first_record_date_is_the_local_date_of_the_oldest_own_time(make: Maker) -> None:
    desk = Desk().put(make.position("1", "2026-01-05T20:00:00Z"))
    assert desk.view("2026-01-06T00:00:00Z", zone=TOKYO).first_record_date("balance") == date(2026, 1, 6)
    assert desk.view("2026-01-06T00:00:00Z", zone=UTC_ZONE).first_record_date("balance") == date(2026, 1, 5)
    assert desk.view("2026-01-06T00:00:00Z").first_record_date("trade") is None


# --- client money


def test_history_of_client_money_is_rebuilt_by_own_times(make: Maker) -> None:
    def owed(quantity: str, as_of: str, account: str, logged: str = "2026-01-06T00:00:00Z") -> JournalRecord:
        return make.position(
            quantity, as_of, account=account, role="client_liability", storage="ledger", asset="JPY", logged=logged
        )

    desk = Desk().put(
        make.declaration("trust_principal", "500", "2026-01-05T00:00:00Z", until="2026-01-05T23:00:00Z"),
        owed("400", "2026-01-05T01:00:00Z", "x"),
        owed("200", "2026-01-05T03:00:00Z", "y"),
        owed("-50", "2026-01-05T02:00:00Z", "x"),
    )
    steps = list(desk.view("2026-01-06T00:00:00Z").fiat_trust_history())
    hours: list[tuple[int, Decimal, Decimal | None]] = [
        (parse_time(f"2026-01-05T{h:02d}:00:00Z"), Decimal(o), Decimal(p))
        for h, o, p in [(0, 0, 500), (1, 400, 500), (2, 0, 500), (3, 200, 500)]
    ]
    assert steps == [*hours, (parse_time("2026-01-05T23:00:00Z"), Decimal(200), None)]


def test_a_breach_interrupted_within_an_old_day_began_anew_on_that_day(make: Maker) -> None:
    def owed(quantity: str, as_of: str) -> JournalRecord:
        return make.position(quantity, as_of, role="client_liability", storage="ledger", asset="JPY")

    desk = Desk().put(make.declaration("trust_principal", "500", "2026-01-01T00:00:00Z"), owed("600", "2026-01-05T01:00:00Z"))
    desk.put(owed("400", "2026-01-06T03:00:00Z"), owed("700", "2026-01-06T04:00:00Z"), owed("650", "2026-01-07T04:00:00Z"))

    def breach_began(one: Desk, at: str) -> date:
        began, breached = date.min, False
        view = one.view(at, zone=TOKYO)
        for instant, liability, trust in view.fiat_trust_history():
            short = trust is not None and liability > trust
            began, breached = (view.local_date(instant) if short and not breached else began), short
        return began

    for at in ("2026-01-07T05:00:00Z", "2026-01-12T00:00:00Z", "2026-02-12T00:00:00Z"):
        assert breach_began(desk, at) == date(2026, 1, 6)
        assert breach_began(desk.restored(), at) == date(2026, 1, 6)
    desk.put(make.position("200", "2026-01-05T02:00:00Z", account="b", role="client_liability", storage="ledger", asset="JPY"))
    assert breach_began(desk, "2026-02-13T00:00:00Z") == date(2026, 1, 5)


# --- groups


def test_members_of_a_group_apply_together(make: Maker) -> None:
    desk = Desk().put(make.position("10", T, account="cold"), make.position("1", T, account="hot", storage="hot"))
    desk.put(make.position("6", "2026-01-05T10:00:02Z", account="cold", group=("g", 2)))
    assert held(desk, "2026-01-05T10:00:02Z") == Figure.of(11)
    desk.put(make.position("5", "2026-01-05T10:00:02Z", account="hot", storage="hot", group=("g", 2)))
    view = desk.view("2026-01-05T10:00:03Z")
    assert view.quantity("client_asset", "BTC") == Figure.of(11)
    assert view.quantity("client_asset", "BTC", COLD) == Figure.of(6)
    assert kinds(view) == []


def test_a_member_sent_twice_does_not_complete_a_group(make: Maker) -> None:
    desk = Desk().put(
        make.position("10", T),
        make.position("6", T, sequence=1, group=("g", 2)),
        make.position("6", T, sequence=1, group=("g", 2)),
    )
    assert held(desk, T) == Figure.of(10)


def test_an_incomplete_group_applies_after_five_seconds_with_a_gap_that_its_last_member_ends(make: Maker) -> None:
    desk = Desk().put(make.position("10", T), make.position("6", T, sequence=1, group=("g", 2)))
    assert desk.book.deadline(desk.clock) == parse_time(T) + 5 * SECOND
    assert held(desk, "2026-01-05T10:00:04.999Z") == Figure.of(10)
    view = desk.view("2026-01-05T10:00:05Z")
    assert view.quantity("client_asset", "BTC") == UNKNOWN, "what is missing may be of any account"
    assert kinds(view) == [("group_incomplete", "client_asset")]
    desk.put(make.position("4", "2026-01-05T11:00:00Z", account="b", group=("g", 2)))
    view = desk.view("2026-01-05T11:00:00Z")
    assert view.quantity("client_asset", "BTC") == Figure.of(10)
    assert kinds(view) == []


def test_no_time_ends_the_gap_of_an_incomplete_group(make: Maker) -> None:
    desk = Desk().put(make.position("6", T, group=("g", 2)))
    desk.view("2026-01-05T10:00:05Z")
    view = desk.view(parse_time("2026-01-05T10:00:05Z") + 400 * HOUR)
    assert view.quantity("client_asset", "BTC") == UNKNOWN
    assert kinds(view) == [("group_incomplete", "client_asset")]


def test_a_group_that_misses_members_leaves_every_role_unknown_until_it_is_dismissed(make: Maker) -> None:
    """Fails where only the roles of members that came are doubted: the missing one may be of another."""
    desk = Desk().put(make.position("12", T, role="client_liability"), make.position("10", T))
    desk.put(make.position("5", T, account="own", role="house_asset", group=("g", 2)))
    view = desk.view("2026-01-05T10:00:05Z")
    assert [view.quantity(role, "BTC") for role in ("client_asset", "client_liability")] == [UNKNOWN, UNKNOWN]
    assert kinds(view) == [("group_incomplete", "client_asset"), ("group_incomplete", "client_liability")]
    desk.put(make.operation("dismissal", "2026-01-05T11:00:00Z", {"group": "g"}))
    view = desk.view("2026-01-05T11:00:00Z")
    assert [view.quantity(role, "BTC") for role in ("client_asset", "house_asset")] == [Figure.of(10), Figure.of(5)]
    assert kinds(view) == []


def test_a_dismissal_is_the_same_whether_it_is_read_before_or_after_the_group(make: Maker) -> None:
    """Fails where an operation whose partition is read faster than that of balances is forgotten."""
    member = make.position("5", T, group=("g", 2))
    dismissal = make.operation("dismissal", "2026-01-05T11:00:00Z", {"group": "g"})
    for records in ((member, dismissal), (dismissal, member)):
        desk = Desk().put(*records)
        view = desk.view("2026-01-05T11:00:10Z")
        assert (view.quantity("client_asset", "BTC"), kinds(view)) == (Figure.of(5), [])


def test_a_member_that_comes_after_the_dismissal_counts_and_the_id_used_again_is_a_group_anew(make: Maker) -> None:
    """Fails where the late twin opens a group that nothing ends, or where a dismissed id hides half a group for ever."""
    desk = Desk().put(make.position("5", T, group=("g", 2)))
    dismissal = make.operation("dismissal", "2026-01-05T11:00:00Z", {"group": "g"})
    desk.put(dismissal, make.position("3", T, account="b", group=("g", 2)))
    view = desk.view("2026-01-05T11:00:10Z")
    assert (view.quantity("client_asset", "BTC"), kinds(view)) == (Figure.of(8), [])
    later = "2026-01-05T12:00:00Z"
    desk.put(make.position("9", later, group=("g", 2)), dismissal)
    view = desk.view("2026-01-05T12:00:10Z")
    assert (view.quantity("client_asset", "BTC"), kinds(view)) == (UNKNOWN, [("group_incomplete", "client_asset")])
    desk.put(make.operation("dismissal", "2026-01-05T13:00:00Z", {"group": "g"}))
    view = desk.view("2026-01-05T13:00:00Z")
    assert (view.quantity("client_asset", "BTC"), kinds(view)) == (Figure.of(12), [])


def test_members_that_disagree_on_the_size_never_make_a_group_whole(make: Maker) -> None:
    """Fails where the greatest size counts: three members of a group of two or three may be any three."""
    desk = Desk().put(make.position("6", T, group=("g", 2)), make.position("4", T, account="b", group=("g", 3)))
    desk.put(make.position("1", T, account="c", group=("g", 3)))
    view = desk.view("2026-01-05T10:00:05Z")
    assert view.quantity("client_asset", "BTC") == UNKNOWN
    assert kinds(view) == [("group_incomplete", "client_asset")]
    desk.put(make.operation("dismissal", "2026-01-05T11:00:00Z", {"group": "g"}))
    assert desk.view("2026-01-05T11:00:00Z").quantity("client_asset", "BTC") == Figure.of(11)


def test_an_id_used_again_is_a_group_anew_and_repeats_are_none(make: Maker) -> None:
    """Fails where later members of a known id apply at once: half a snapshot under a used id was green."""
    first = make.position("6", T, group=("g", 2))
    desk = Desk().put(first, make.position("4", T, account="b", group=("g", 2)), first)
    assert held(desk, "2026-01-05T10:00:10Z") == Figure.of(10)
    later = "2026-01-05T12:00:00Z"
    desk.put(make.position("9", later, group=("g", 2)), make.position("6", T, group=("g", 2), logged=later))
    assert held(desk, later) == Figure.of(10), "a member of the second use waits for the others"
    view = desk.view("2026-01-05T12:00:05Z")
    assert (view.quantity("client_asset", "BTC"), kinds(view)) == (UNKNOWN, [("group_incomplete", "client_asset")])
    desk.put(make.position("1", later, account="b", group=("g", 2), logged="2026-01-05T12:00:06Z"))
    view = desk.view("2026-01-05T12:00:06Z")
    assert (view.quantity("client_asset", "BTC"), kinds(view)) == (Figure.of(10), [])


def test_texts_that_many_positions_share_are_kept_once() -> None:
    def read() -> tuple[AccountKey, Position]:
        role, asset, storage, source = json.loads('["client_asset", "BTC", "hot", "books"]')
        return account_key(role, asset, "a"), position_of((1, 0, 1, "custody.balances", 0, 0, 1), storage, Decimal(1), source)

    (key, position), (other_key, other) = read(), read()
    assert (key, position) == (other_key, other)
    assert all(one is another for one, another in zip(key[:2], other_key[:2], strict=True))
    assert (position.topic is other.topic, position.storage is other.storage, position.source is other.source) == (
        True,
        True,
        True,
    )
