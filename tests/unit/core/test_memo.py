"""Views of one evaluation share what they read; each has the gaps of its own reads, under its own effects."""

from decimal import Decimal
from fractions import Fraction

from monitor.core.values.calendar import UTC_ZONE, WEEKDAYS
from monitor.core.values.figure import UNKNOWN, Figure
from monitor.core.values.times import parse_time
from monitor.core.view.memory.memo import Memo
from monitor.core.view.view import View
from tests.book_maker import ENTITY, Desk, Maker, content, limits

T = "2026-01-05T10:00:00Z"
LATER = parse_time(T) + 120 * 10**9
BALANCES = "custody.balances"


def two_views(desk: Desk, currency: str = "JPY") -> tuple[View, View]:
    memo, book = Memo(), desk.books[ENTITY]
    one = View(book, LATER, UTC_ZONE, WEEKDAYS, "JPY", memo=memo)
    return one, View(book, LATER, UTC_ZONE, WEEKDAYS, currency, memo=memo)


def noted(view: View) -> list[tuple[str, str, str]]:
    return [(gap.kind, gap.subject, gap.effect) for gap in view.gaps]


def test_a_second_view_has_the_gaps_of_what_it_reads_from_the_memo() -> None:
    one, other = two_views(Desk().put(Maker().position("3", T)))
    assert one.role_value("client_asset") == other.role_value("client_asset") == UNKNOWN
    assert noted(one) == noted(other) == [("price_missing", "BTC/JPY", "both")]


def test_a_view_has_no_gap_of_what_only_another_read() -> None:
    one, other = two_views(Desk().put(Maker().position("3", T)))
    one.price("BTC")
    assert noted(other) == []


def test_a_remembered_value_leaves_its_gaps_under_each_effect_it_is_read_with() -> None:
    one, other = two_views(Desk().put(Maker().position("3", T)))
    for view in (one, other):
        with view.reading("required"):
            view.price("ETH")
            view.price("ETH")
        assert noted(view) == [("price_missing", "ETH/JPY", "required")]
        with view.reading("available"):
            view.price("ETH")
        assert noted(view) == [("price_missing", "ETH/JPY", "both")]


def test_gaps_of_nested_values_are_all_left_again() -> None:
    one, other = two_views(Desk().put(Maker().position("3", T)))
    with one.reading("figures"):
        one.price("BTC")
    one.role_value("client_asset")
    other.role_value("client_asset")
    assert noted(one) == noted(other) == [("price_missing", "BTC/JPY", "both")]


def test_a_silent_feed_forces_every_view_that_reads_it_and_no_other() -> None:
    desk = Desk(content({"freshness": {BALANCES: limits(60)}})).put(Maker().position("3", T))
    one, other = two_views(desk)
    one.quantity("client_asset", "BTC")
    assert one.forced_unknown
    assert not other.forced_unknown
    assert other.quantity("client_asset", "BTC") == UNKNOWN
    assert other.forced_unknown
    assert noted(other) == [("source_silent", BALANCES, "both")]


def test_views_in_two_currencies_share_quantities_but_not_values() -> None:
    make = Maker()
    desk = Desk().put(make.position("3", T), make.price("2", T), make.price("5", T, currency="USD"))
    one, other = two_views(desk, "USD")
    assert one.role_value("client_asset") == Figure.of(6)
    assert other.role_value("client_asset") == Figure.of(15)


def test_digits_beyond_the_decimal_context_are_kept_as_rational_numbers() -> None:
    tiny, great, long = Decimal("1E-100"), Decimal("1E+100"), Decimal(3**200)
    exact = Fraction(10**200 + 1, 10**100)
    assert (Figure.of(great) + Figure.of(tiny)).value == exact
    assert (Figure.of(great) - Figure.of(-tiny)).value == exact
    assert Figure.of(long).times(Figure.of(long)).value == 3**400
    assert Figure.of(long).scaled(Fraction(1, 3)).value == 3**199
