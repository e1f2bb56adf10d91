"""Actions: by hand reckoning, and that applying them mends their rules and breaks no other, or says what they break."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.book.book import Book
from monitor.core.book.shared import Shared
from monitor.core.configuration.configuration import parse_configuration
from monitor.core.evaluation.evaluation import Evaluator
from monitor.core.foresight.moves import Planner
from monitor.core.foresight.overlay import Overlay, result_under
from monitor.settings.load import settings_of
from monitor.settings.record import build_configuration
from streams.eventfiles.offline import statements
from tests.unit.cli.test_assess import written

NOON = "2026-01-05T03:00:00Z"
SKIP = {"skip": ["capital", "net_assets"]}
ENTITY = {"reporting_currency": "JPY", "time_zone": "Asia/Tokyo", "methods": [{"id": "jp.psa_custody", "options": SKIP}]}
CONTENT = build_configuration(settings_of({"kafka": {"journal_partitions": 1}, "entities": {"jp-main": ENTITY}}))
PRICES = {"BTC": "15000000", "ETH": "500000"}


def planned(folder: Path, holdings: list[tuple[str, str, str, str]], trust: str | None = None) -> tuple[Planner, Any]:
    lines: list[dict[str, Any]] = []
    for asset, price in PRICES.items():
        value = {"event_id": asset, "asset": asset, "currency": "JPY", "price": price}
        value |= {"as_of": NOON, "source": "s", "kind": "spot"}
        lines.append({"topic": "market.prices", "timestamp": NOON, "value": value})
    for role, storage, asset, quantity in holdings:
        place = {"entity": "jp-main", "account": f"{role}-{storage}", "role": role, "storage": storage, "asset": asset}
        value = {"event_id": f"{role}{storage}{asset}", **place, "quantity": quantity, "as_of": NOON, "source": "s"}
        lines.append({"topic": "custody.balances", "timestamp": NOON, "value": value})
    if trust is not None:
        told = {"event_id": "t", "entity": "jp-main", "kind": "trust_principal", "effective_from": NOON, "effective_to": None}
        money: dict[str, Any] = {**told, "amount": trust, "currency": "JPY", "attributes": {}}
        lines.append({"topic": "entity.declarations", "timestamp": NOON, "value": money})
    config = parse_configuration(CONTENT)
    shared = Shared(config)
    book, clock = Book("jp-main", config, shared), 0
    for record in statements([Path(written(folder / "e.jsonl", lines))], CONTENT, None, lambda _: None):
        if record.statement.kind not in ("configuration", "tick"):
            (shared if record.statement.entity is None else book).apply(record, record.statement.at)
        clock = record.statement.at
    evaluator = Evaluator("jp-main", config)
    found = Planner(evaluator, book, clock)

    def after(overlay: Overlay) -> dict[str, str]:
        rows = result_under(evaluator.methods[0], book, clock, overlay).rows
        return {row.name: row.state for row in rows}

    return found, after


def test_hot_coins_without_backing_are_moved_to_cold_storage(tmp_path: Path) -> None:
    holdings = [("client_asset", "cold", "ETH", "19100"), ("client_asset", "hot", "ETH", "900")]
    holdings.append(("guarantee_asset", "cold", "ETH", "850"))
    planner, _ = planned(tmp_path, [*holdings, ("client_liability", "ledger", "ETH", "20000")])
    (proposal,) = planner.plan()
    (move,) = proposal.moves
    assert (proposal.rule, move.kind, str(move.quantity), move.source, move.target) == (
        "guarantee_asset.ETH", "transfer", "50", "hot", "cold",
    )  # fmt: skip
    assert proposal.by is None


def test_missing_client_coins_come_from_own_coins_and_else_from_outside(tmp_path: Path) -> None:
    owed = ("client_liability", "ledger", "BTC", "10")
    planner, _ = planned(tmp_path, [owed, ("client_asset", "cold", "BTC", "8"), ("house_asset", "cold", "BTC", "5")])
    (proposal,) = planner.plan()
    assert [(move.kind, str(move.quantity)) for move in proposal.moves] == [("designate", "2")]
    planner, _ = planned(tmp_path, [owed, ("client_asset", "cold", "BTC", "8"), ("house_asset", "cold", "BTC", "1")])
    (proposal,) = planner.plan()
    assert [(move.kind, str(move.quantity)) for move in proposal.moves] == [("add", "2")]


def test_money_in_trust_has_its_date(tmp_path: Path) -> None:
    planner, _ = planned(tmp_path, [("client_liability", "ledger", "JPY", "300000000")], trust="180000000")
    (proposal,) = planner.plan()
    (move,) = proposal.moves
    assert (move.kind, move.role, str(move.quantity), proposal.by) == ("declare", "trust_principal", "120000000", "2026-01-07")


def test_a_ratio_is_mended_by_moves_of_the_largest_hot_holding(tmp_path: Path) -> None:
    holdings = [("client_asset", "cold", "BTC", "90"), ("client_asset", "hot", "BTC", "10")]
    holdings.append(("guarantee_asset", "cold", "BTC", "10"))
    planner, after = planned(tmp_path, holdings)
    (proposal,) = planner.plan()
    assert (proposal.rule, str(proposal.moves[0].quantity)) == ("hot_ratio", "5")
    assert after(proposal.moves[0].on(Overlay()))["hot_ratio"] == "adequate"


QUANTITY = st.integers(0, 2000).map(lambda n: str(n / 4))


@pytest.mark.timeout(300)
@settings(max_examples=25)
@given(data=st.data())
def test_applied_proposals_mend_their_rules_and_break_no_other(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    places = [("client_asset", "cold"), ("client_asset", "hot"), ("client_asset", "warm"), ("guarantee_asset", "cold")]
    places += [("client_liability", "ledger"), ("house_asset", "hot")]
    holdings = [
        (role, storage, asset, data.draw(QUANTITY)) for role, storage in places for asset in PRICES if data.draw(st.booleans())
    ]
    planner, after = planned(tmp_path_factory.mktemp("moves"), holdings)
    before, overlay, costs, hopeless = after(Overlay()), Overlay(), set(), set()
    for proposal in planner.plan():
        for move in proposal.moves:
            overlay = move.on(overlay)
        costs |= {cost.partition(": ")[2] for cost in proposal.costs}
        hopeless |= set() if proposal.moves else {proposal.rule}
    now = after(overlay)
    short = {name for name, state in now.items() if state == "shortfall"}
    assert short <= costs | hopeless
    if not costs:
        assert not {name for name in short if before.get(name) != "shortfall"}
