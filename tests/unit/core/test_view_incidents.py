"""INPUTS 1, Incidents."""

from typing import Any

import pytest

from monitor.core.book.incidents import Incidents
from monitor.core.values.figure import UNKNOWN, Figure
from monitor.core.values.times import DAY, HOUR, exact_time, parse_time
from monitor.core.view.view import IncidentView
from tests.book_maker import Desk, Maker, content, kinds, limits

T = parse_time("2026-01-05T10:00:00Z")


@pytest.fixture
def make() -> Maker:
    return Maker()


def loss(asset: str, quantity: str | None, owner: str = "client") -> dict[str, Any]:
    return {"asset": asset, "quantity": quantity, "owner": owner, "account": None}


def receipt(asset: str, quantity: str, at: int) -> dict[str, str]:
    return {"asset": asset, "quantity": quantity, "received_at": exact_time(at)}


def only(desk: Desk, at: int = T) -> IncidentView:
    (found,) = desk.view(at).incidents()
    return found


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)])
def test_the_highest_revision_counts_and_of_two_the_first_in_the_log(make: Maker, order: tuple[int, ...]) -> None:
    told = [
        make.incident(1, T, losses=[loss("JPY", "1")]),
        make.incident(3, T + 2, losses=[loss("JPY", "3")], occurred_at=exact_time(T)),
        make.incident(3, T + 3, losses=[loss("JPY", "4")], occurred_at=exact_time(T)),
        make.incident(2, T + 9, losses=[loss("JPY", "2")], occurred_at=exact_time(T)),
    ]
    desk = Desk().put(told[n] for n in order)
    assert only(desk, T + 9).loss == Figure.of(3)
    assert [body["revision"] for body in desk.book.incident_objects()] == [3]


def test_an_estimate_goes_before_losses_but_not_before_the_client_part(make: Maker) -> None:
    losses = [loss("JPY", "7"), loss("JPY", "5", "house")]
    told = make.incident(1, T, losses=losses, loss_estimate={"amount": "100", "currency": "JPY"})
    found = only(Desk().put(told))
    assert (found.loss, found.client) == (Figure.of(100), Figure.of(7))
    assert only(Desk().put(make.incident(1, T, losses=losses))).loss == Figure.of(12)


def test_receipts_count_from_when_they_are_received_and_go_against_the_client_part_in_full(make: Maker) -> None:
    losses = [loss("JPY", "7"), loss("JPY", "5", "house")]
    desk = Desk().put(
        make.incident(1, T, losses=losses, recoveries=[receipt("JPY", "6", T + HOUR), receipt("JPY", "90", T + DAY)])
    )
    assert desk.book.deadline(T) == T + HOUR
    early, late, last = only(desk, T + HOUR - 1), only(desk, T + HOUR), only(desk, T + DAY)
    assert (early.recovered, early.net, early.client_net) == (Figure.of(0), Figure.of(12), Figure.of(7))
    assert (late.recovered, late.net, late.client_net) == (Figure.of(6), Figure.of(6), Figure.of(1))
    assert (last.recovered, last.net, last.client_net) == (Figure.of(96), Figure.of(0), Figure.of(0))


def test_losses_and_receipts_are_valued_at_the_newest_price_not_after_the_occurrence(make: Maker) -> None:
    desk = Desk().put(make.price("10", T - 1), make.price("20", T), make.price("30", T + 1))
    desk.put(
        make.incident(1, T + 1, occurred_at=exact_time(T), losses=[loss("BTC", "3")], recoveries=[receipt("BTC", "1", T + 1)])
    )
    found = only(desk, T + DAY)
    assert (found.loss, found.recovered, found.net) == (Figure.of(60), Figure.of(20), Figure.of(40))


def test_an_unknown_quantity_or_price_leaves_the_known_part_as_lower_bound_with_a_gap_when_read(make: Maker) -> None:
    desk = Desk().put(make.incident(1, T, losses=[loss("JPY", "7"), loss("MONA", None), loss("XRP", "5")]))
    view = desk.view(T)
    (found,) = view.incidents()
    assert view.gaps == ()
    assert found.loss == Figure.between(7, None)
    assert kinds(view) == [("price_missing", "XRP/JPY"), ("quantity_unknown", "i-1")]
    assert found.net == Figure.between(7, None)


def test_an_incident_counts_from_its_occurrence_on(make: Maker) -> None:
    desk = Desk().put(make.incident(1, T, occurred_at=exact_time(T + 9), losses=[loss("JPY", "7")]))
    assert desk.view(T + 8).incidents() == ()
    assert desk.book.deadline(T + 8) == T + 9
    assert only(desk, T + 9).loss == Figure.of(7)


def test_a_view_of_the_past_sees_the_revision_known_then(make: Maker) -> None:
    desk = Desk().put(make.incident(1, T, status="suspected"), make.incident(2, T + HOUR, occurred_at=exact_time(T)))
    desk.view(T + DAY)
    assert only(desk, T + HOUR - 1).status == "suspected"
    assert only(desk, T + HOUR).status == "confirmed"
    assert desk.view(T - 1).incidents() == ()


def test_revisions_do_not_pile_up(make: Maker) -> None:
    desk = Desk().put(make.incident(n, T + n, occurred_at=exact_time(T)) for n in range(1, 500))
    known: Incidents = desk.book.incidents
    assert len(known._known["i-1"]) == 64
    assert only(desk, T + 500).revision == 499


def test_an_open_incident_that_names_no_loss_is_not_known_to_have_cost_nothing(make: Maker) -> None:
    """Fails where an empty list counts 0: nobody has said yet what it cost."""
    desk = Desk().put(make.incident(1, T))
    view = desk.view(T)
    (found,) = view.incidents()
    assert (found.loss, found.client, found.net) == (UNKNOWN, UNKNOWN, UNKNOWN)
    assert kinds(view) == [("quantity_unknown", "i-1")]


def test_a_closed_incident_that_names_no_loss_cost_nothing(make: Maker) -> None:
    found = only(Desk().put(make.incident(1, T, status="closed")))
    assert (found.loss, found.client, found.net) == (Figure.of(0), Figure.of(0), Figure.of(0))


def test_a_silent_topic_of_incidents_is_not_to_be_believed(make: Maker) -> None:
    config = content({"freshness": {"security.incidents": limits(max_age_s=60)}})
    view = Desk(config).put(make.incident(1, T, losses=[loss("JPY", "7")])).view(T + HOUR)
    assert view.impaired("security.incidents")
    assert view.forced_unknown
    assert kinds(view) == [("source_silent", "security.incidents")]
