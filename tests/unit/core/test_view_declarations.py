"""INPUTS 1, Declarations; INPUTS 2 default attributes."""

import pytest

from monitor.core.values.figure import UNKNOWN, Figure
from monitor.core.values.times import parse_time
from tests.book_maker import Desk, Maker, content, kinds, limits

FROM, LATER, END = "2026-01-05T00:00:00Z", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"


@pytest.fixture
def make() -> Maker:
    return Maker()


def test_never_came_is_none_without_a_gap_and_needed_is_unknown_with_one() -> None:
    view = Desk().view(FROM)
    assert view.declared("own_funds") is None
    assert view.gaps == ()
    assert view.needed("own_funds") == UNKNOWN
    assert kinds(view) == [("declaration_missing", "own_funds")]


def test_counts_from_effective_from_until_before_effective_to_and_then_is_unknown(make: Maker) -> None:
    desk = Desk().put(make.declaration("own_funds", "5", LATER, until=END, logged=FROM))
    assert desk.view("2026-01-31T23:59:59.999999999Z").declared("own_funds") is None
    assert not desk.view("2026-01-31T23:59:59.999999999Z").came("own_funds")
    assert desk.book.deadline(desk.clock) is not None
    assert desk.view(LATER).declared("own_funds") == Figure.of(5)
    assert desk.view("2026-02-28T23:59:59.999999999Z").declared("own_funds") == Figure.of(5)
    view = desk.view(END)
    assert view.came("own_funds")
    assert view.declared("own_funds") == UNKNOWN
    assert [(g.kind, g.subject, g.since) for g in view.gaps] == [("declaration_missing", "own_funds", parse_time(END))]
    assert view.declarations("own_funds") == ()


def test_of_those_in_effect_the_newest_effective_from_counts_and_an_ended_one_lets_the_older_through(make: Maker) -> None:
    desk = Desk().put(make.declaration("own_funds", "5", FROM), make.declaration("own_funds", "7", LATER, until=END))
    assert desk.view(LATER).declared("own_funds") == Figure.of(7)
    assert desk.view(END).declared("own_funds") == Figure.of(5)


@pytest.mark.parametrize("backwards", [False, True])
def test_of_one_effective_from_the_latest_in_the_log_counts(make: Maker, *, backwards: bool) -> None:
    said = [make.declaration("own_funds", amount, FROM, logged=at) for amount, at in (("5", FROM), ("6", LATER), ("7", LATER))]
    assert Desk().put(reversed(said) if backwards else said).view(LATER).declared("own_funds") == Figure.of(7)


def test_a_policy_is_ended_by_sending_it_again(make: Maker) -> None:
    desk = Desk().put(make.declaration("insurance_limit", "9", FROM, policy="a"))
    desk.put(make.declaration("insurance_limit", "9", FROM, until=LATER, logged=LATER, policy="a"))
    view = desk.view(LATER)
    assert view.declarations("insurance_limit") == ()
    assert view.came("insurance_limit")
    assert kinds(view) == []


def test_each_policy_is_an_instrument_of_its_own(make: Maker) -> None:
    desk = Desk().put(
        make.declaration("insurance_limit", "9", FROM, policy="b"), make.declaration("insurance_limit", "4", FROM, policy="a")
    )
    found = desk.view(FROM).declarations("insurance_limit")
    assert [(d.attributes, d.amount) for d in found] == [({"policy": "a"}, Figure.of(4)), ({"policy": "b"}, Figure.of(9))]
    assert desk.view(FROM).declared("insurance_limit") is None
    assert desk.view(FROM).came("insurance_limit", policy="a")
    assert not desk.view(FROM).came("insurance_limit", policy="c")
    desk.put(make.declaration("turnover_fiscal_year", "1", FROM, line="x", fiscal_year="2025", months="6"))
    assert desk.view(FROM).came("turnover_fiscal_year", line="x", fiscal_year="2025")
    assert desk.view(FROM).declared("turnover_fiscal_year", line="x", fiscal_year="2025") is None


@pytest.mark.parametrize(
    ("kind", "default", "more"),
    [
        ("capital", {"part": "paid_up"}, {}),
        ("fixed_overheads", {"item": "net"}, {"fiscal_year": "2025"}),
        ("turnover_fiscal_year", {"months": "12"}, {"line": "x", "fiscal_year": "2025"}),
        ("business_indicator", {"component": "total"}, {"fiscal_year": "2025"}),
    ],
)
def test_default_attributes_and_absent_ones_are_the_same(
    make: Maker, kind: str, default: dict[str, str], more: dict[str, str]
) -> None:
    desk = Desk().put(
        make.declaration(kind, "1", FROM, **more), make.declaration(kind, "2", FROM, logged=LATER, **more, **default)
    )
    assert desk.view(LATER).declared(kind, **more) == Figure.of(2)
    assert len(desk.view(LATER).declarations(kind)) == 1
    assert desk.view(LATER).declarations(kind)[0].attributes == default | more


def test_another_currency_is_converted_at_the_current_price(make: Maker) -> None:
    desk = Desk().put(
        make.declaration("own_funds", "-5", FROM, currency="USD"), make.declaration("capital", "0", FROM, currency="USD")
    )
    view = desk.view(FROM)
    assert view.declared("capital") == Figure.of(0)
    assert view.gaps == ()
    assert view.declared("own_funds") == Figure.between(None, 0)
    assert kinds(view) == [("price_missing", "USD/JPY")]
    assert desk.put(make.price("150", FROM, asset="USD")).view(FROM).declared("own_funds") == Figure.of(-750)


def test_a_silent_topic_leaves_no_bound(make: Maker) -> None:
    config = content({"freshness": {"entity.declarations": limits(max_age_s=60)}})
    desk = Desk(config).put(make.declaration("own_funds", "5", FROM))
    assert desk.view("2026-01-05T00:01:00Z").declared("own_funds") == Figure.of(5)
    view = desk.view("2026-01-05T00:01:01Z")
    assert view.declared("own_funds") == UNKNOWN
    assert kinds(view) == [("source_silent", "entity.declarations")]
    assert view.forced_unknown
