"""Actions for rules of money: by hand for each kind of rule, and over every pack that they mend their rule and break no other."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.evaluation.evaluation import Evaluator
from monitor.core.foresight.moves import NOT_KNOWN, NOTHING_MENDS, Planner, Proposal
from monitor.core.foresight.overlay import Overlay, result_under
from monitor.core.foresight.sentences import proposal_object
from monitor.methods.example import ENTITY, example_book
from monitor.methods.loader import load_documents, pack_object

DOCUMENTS = load_documents()
PACKS = {name: pack_object(document) for name, document in DOCUMENTS.items()}
COMPUTED = sorted(name for name in PACKS if name != "jp.crypto_reserve_2026")


def example(method: str) -> dict[str, Any]:
    return copy.deepcopy(dict(DOCUMENTS[method].value["documentation"]["example"]))


def planned(method: str, inputs: Mapping[str, Any]) -> tuple[list[Proposal], dict[str, str], dict[str, str]]:
    """The proposals, the states of the rules before, and after all moves are done."""
    config, book, at = example_book(PACKS[method], inputs)
    evaluator = Evaluator(ENTITY, config)

    def states(overlay: Overlay) -> dict[str, str]:
        return {row.name: row.state for row in result_under(evaluator.methods[0], book, at, overlay).rows}

    found, overlay = list(Planner(evaluator, book, at).plan()), Overlay()
    for proposal in found:
        for move in proposal.moves:
            overlay = move.on(overlay)
    return found, states(Overlay()), states(overlay)


def declared(method: str, **amounts: str) -> dict[str, Any]:
    """The example of a pack with other amounts of declarations by kind."""
    inputs = example(method)
    inputs["declarations"] = [
        [kind, attributes, amounts.get(kind, amount)] for kind, attributes, amount in inputs["declarations"]
    ]
    return inputs


def told(method: str, inputs: Mapping[str, Any], rule: str) -> str:
    """The sentence of the one move that mends a rule."""
    (found,) = [one for one in planned(method, inputs)[0] if one.rule == rule]
    (move,) = proposal_object(found)["moves"]
    return str(move["text"])


@pytest.mark.parametrize(
    ("method", "kind"), [("eu.ifr_k", "own_funds"), ("basel.ope25", "own_funds"), ("eu.mica_67", "own_funds")]
)
def test_own_funds_are_raised_by_what_is_missing_and_no_more(method: str, kind: str) -> None:
    config, book, at = example_book(PACKS[method], declared(method, own_funds="1", insurance_limit="0"))
    (row,) = result_under(Evaluator(ENTITY, config).methods[0], book, at, Overlay()).rows
    assert row.required is not None
    assert row.held is not None
    assert row.required.value is not None
    assert row.held.value is not None
    found, _, after = planned(method, declared(method, own_funds="1", insurance_limit="0"))
    (move,) = found[0].moves
    assert (move.kind, move.role) == ("declare", kind)
    missing = row.required.value - row.held.value
    assert missing <= move.quantity < missing + 1
    assert after["reserve"] == "adequate"
    assert "raise own funds by EUR " in str(proposal_object(found[0])["moves"][0]["text"]).replace("JPY", "EUR")


def test_a_ratio_of_capital_is_mended_by_capital_and_its_watch_too() -> None:
    inputs = declared("jp.capital_ratio", non_fixed_own_capital="110000000", risk_equivalents="100000000")
    assert told("jp.capital_ratio", inputs, "capital_ratio") == (
        "raise non-fixed own capital by JPY 10,000,000, at once: the rule sets no term"
    )
    found, before, after = planned("jp.capital_ratio", inputs)
    assert before == {"capital_ratio": "shortfall", "notification_ratio": "watch"}
    assert [str(move.quantity) for one in found for move in one.moves] == ["10000000", "20000000"], (
        "each on what the first leaves"
    )
    assert set(after.values()) == {"adequate"}


def test_a_reserve_of_article_175_is_booked_whole_by_the_end_of_the_year_where_none_is_booked() -> None:
    method = "jp.fiea_175"
    (found,) = planned(method, example(method))[0]
    (move,) = found.moves
    assert (move.role, move.attributes, found.by) == ("liability_reserve", (("fiscal_year", "2025"),), "2026-03-31")
    assert str(proposal_object(found)["moves"][0]["text"]).startswith("book JPY ")
    booked = example(method)
    booked["declarations"].append(["liability_reserve", {"fiscal_year": "2025"}, str(move.quantity - 7)])
    (more,) = planned(method, booked)[0][0].moves
    assert more.quantity == 7, "what is booked already counts"
    booked["declarations"][-1][2] = str(move.quantity)
    assert planned(method, booked)[0] == []


def test_where_the_largest_instrument_counts_one_of_them_reaches_it_by_itself() -> None:
    method = "kr.vaupa_reserve"
    inputs = declared(method, insurance_limit="1000000")
    inputs["options"] = dict(inputs.get("options", {})) | {"available": "largest"}
    inputs["positions"] = [*inputs["positions"], ["reserve_asset", "bank", "KRW", "5"]]
    found, before, after = planned(method, inputs)
    assert before["reserve"] == "shortfall"
    assert after["reserve"] == "adequate"
    assert found[0].moves[0].role == "reserve_asset"


def test_coins_are_moved_at_the_prices_that_the_rule_itself_uses() -> None:
    method = "kr.vaupa_cold"
    inputs = example(method)
    inputs["positions"] = [[role, "hot" if storage == "cold" else storage, *rest] for role, storage, *rest in inputs["positions"]]
    found, before, after = planned(method, inputs)
    assert before["cold_ratio"] == "shortfall"
    assert next(move.kind for move in found[0].moves) == "transfer"
    assert after["cold_ratio"] == "adequate"


def test_what_is_not_known_is_said_to_be_so() -> None:
    method = "eu.ifr_k"
    inputs = example(method)
    inputs["declarations"] = [one for one in inputs["declarations"] if one[0] != "own_funds"]
    found, before, _ = planned(method, inputs)
    if before["reserve"] == "shortfall":
        assert [(one.moves, one.reason) for one in found] == [((), NOT_KNOWN)]
    else:
        assert before["reserve"] == "unknown"
        assert found == []


FACTOR = st.sampled_from(["0", "0.01", "0.5", "0.97", "1", "3"])


def drawn(data: st.DataObject, method: str) -> dict[str, Any]:
    """The example with every quantity and amount times a factor of its own."""
    inputs = example(method)
    if "closes" in inputs:
        inputs["closes"] = [[*rest, last, last] for *rest, _, last in inputs["closes"]]  # a short window, for time's sake
    for name, place in (("positions", 3), ("declarations", 2)):
        for given_ in inputs.get(name, []):
            if given_[0] not in {"first_fiscal_year", "method_fact"}:
                given_[place] = f"{Decimal(given_[place]) * Decimal(data.draw(FACTOR)):f}"
    return inputs


@pytest.mark.parametrize("method", COMPUTED)
@settings(max_examples=10)
@given(data=st.data())
def test_applied_they_mend_their_rules_and_break_no_other_under_every_method(method: str, data: st.DataObject) -> None:
    found, before, after = planned(method, drawn(data, method))
    hopeless = {one.rule for one in found if not one.moves}
    costs = {cost.partition(": ")[2] for one in found for cost in one.costs}
    short = {name for name, state in after.items() if state == "shortfall"}
    assert short <= hopeless | costs
    assert {name for name in short if before.get(name) != "shortfall"} <= costs
    for one in found:
        assert bool(one.moves) != bool(one.reason)
        assert one.reason in {None, NOT_KNOWN, NOTHING_MENDS}, "every rule of every pack has a kind of move"
