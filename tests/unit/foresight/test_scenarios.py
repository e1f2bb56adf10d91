"""Scenarios: each stress by hand reckoning, and that looking ahead leaves not one byte of the record changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.engine import Engine
from monitor.core.foresight.scenarios import STRESSES, NotApplicable, Scenario
from monitor.core.journal.records import JournalRecord, Statement
from monitor.errors import ConfigurationError
from monitor.methods.stresses import load_scenarios, scenario_of
from monitor.settings.load import settings_of
from monitor.settings.record import build_configuration
from streams.eventfiles.offline import statements
from tests.journal_maker import Journal, configuration_text, house, load, run
from tests.random_logs import ENTITIES, RandomLog
from tests.unit.cli.test_assess import written

NOON = "2026-01-05T03:00:00Z"
HOLDINGS = [
    ("client_asset", "cold", "BTC", "960"),
    ("client_asset", "hot", "BTC", "40"),
    ("client_asset", "cold", "ETH", "19100"),
    ("client_asset", "hot", "ETH", "900"),
    ("client_asset", "third_party_cold", "XRP", "2000000"),
    ("guarantee_asset", "cold", "BTC", "42"),
    ("guarantee_asset", "cold", "ETH", "900"),
    ("guarantee_asset", "cold", "XRP", "0"),
    ("client_liability", "ledger", "BTC", "1000"),
    ("client_liability", "ledger", "ETH", "20000"),
    ("client_liability", "ledger", "XRP", "2000000"),
]
PRICES = {"BTC": "15000000", "ETH": "500000", "XRP": "400"}
SKIP = {"skip": ["fiat_trust", "capital", "net_assets"]}


def lines() -> Iterator[dict[str, Any]]:
    for asset, price in PRICES.items():
        value = {
            "event_id": asset,
            "asset": asset,
            "currency": "JPY",
            "price": price,
            "as_of": NOON,
            "source": "s",
            "kind": "spot",
        }
        yield {"topic": "market.prices", "timestamp": NOON, "value": value}
    for role, storage, asset, quantity in HOLDINGS:
        place = {"entity": "jp-main", "account": f"{role}-{storage}", "role": role, "storage": storage, "asset": asset}
        value = {"event_id": f"{role}{storage}{asset}", **place, "quantity": quantity, "as_of": NOON, "source": "s"}
        yield {"topic": "custody.balances", "timestamp": NOON, "value": value}
    trade = {"trade_id": "1", "entity": "jp-main", "market": "BTC/JPY", "price": "15000000", "quantity": "2", "executed_at": NOON}
    yield {"topic": "market.trades", "timestamp": NOON, "value": trade}


def engine_of(path: Path, *methods: dict[str, Any]) -> Engine:
    entity = {"reporting_currency": "JPY", "time_zone": "Asia/Tokyo", "methods": list(methods)}
    content = build_configuration(settings_of({"kafka": {"journal_partitions": 1}, "entities": {"jp-main": entity}}))
    engine = Engine(0, check_journal_time=False)
    for record in statements([Path(written(path / "e.jsonl", list(lines())))], content, None, lambda _: None):
        engine.apply(record)
    later = engine.clock + 1
    engine.apply(JournalRecord(Statement("tick", None, later, {}), engine.position + 1, later, b""))
    return engine


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    folder = tmp_path_factory.mktemp("events")
    return engine_of(folder, {"id": "jp.psa_custody", "options": SKIP}, {"id": "house.composite", "mode": "shadow"})


def after(engine: Engine, *stresses: dict[str, Any]) -> dict[str, dict[str, Any]]:
    scenario = scenario_of("tried", {"title": "tried", "stresses": list(stresses)})
    found = {outcome["method"]: outcome for outcome in engine.foresee("jp-main", scenario)}
    return {name: outcome | {"rows": {c["name"]: c for c in outcome["after"]["components"]}} for name, outcome in found.items()}


def test_what_is_lost_is_gone_while_clients_are_still_owed_it(engine: Engine) -> None:
    found = after(engine, {"type": "lose", "storages": ["hot"]})
    rows = found["jp.psa_custody"]["rows"]
    assert rows["client_asset.BTC"]["held"] == "960"
    assert rows["client_asset.BTC"]["shortfall"] == "40"
    assert rows["guarantee_asset.BTC"]["required"] == "0"
    assert found["jp.psa_custody"]["broken"] == ["client_asset.BTC", "client_asset.ETH"]
    before, now = found["house.composite"]["before"], found["house.composite"]["after"]
    lost = 40 * 15_000_000 + 900 * 500_000
    at_risk = Decimal(lost) * Decimal("0.05")
    assert Decimal(now["required"]) - Decimal(before["required"]) == lost - at_risk


def test_a_share_of_one_asset_can_be_lost(engine: Engine) -> None:
    rows = after(engine, {"type": "lose", "storages": ["cold"], "asset": "ETH", "share": "0.5"})["jp.psa_custody"]["rows"]
    assert rows["client_asset.ETH"]["held"] == "10450"
    assert rows["client_asset.BTC"]["held"] == "1000"


def test_the_account_worth_most_and_the_largest_asset(engine: Engine) -> None:
    rows = after(engine, {"type": "lose_account"})["jp.psa_custody"]["rows"]
    assert (rows["client_asset.BTC"]["held"], rows["client_asset.ETH"]["held"]) == ("40", "900")
    rows = after(engine, {"type": "liability", "asset": "largest", "factor": "2"})["jp.psa_custody"]["rows"]
    assert (rows["client_asset.BTC"]["required"], rows["client_asset.ETH"]["required"]) == ("2000", "20000")


def test_the_custodian_that_keeps_most(engine: Engine) -> None:
    rows = after(engine, {"type": "lose_custodian"})["jp.psa_custody"]["rows"]
    assert rows["client_asset.XRP"]["held"] == "0"
    assert rows["client_asset.BTC"]["held"] == "1000"


def test_prices_move_values_and_no_quantity(engine: Engine) -> None:
    found = after(engine, {"type": "price", "asset": "all", "factor": "0.5", "except": ["XRP"]})["jp.psa_custody"]
    assert found["after"]["required"] == str((40 * 15_000_000 + 900 * 500_000) // 2)
    assert found["after"]["state"] == found["before"]["state"] == "adequate"


def test_withdrawals_are_paid_from_hot_storage_first(engine: Engine) -> None:
    rows = after(engine, {"type": "withdraw", "share": "0.3"})["jp.psa_custody"]["rows"]
    assert (rows["client_asset.BTC"]["required"], rows["client_asset.BTC"]["held"]) == ("700", "700")
    assert rows["guarantee_asset.BTC"]["required"] == "0"


def test_volume_moves_the_flow_part_alone(engine: Engine) -> None:
    found = after(engine, {"type": "volume", "factor": "10"})["house.composite"]
    assert Decimal(found["difference"]["required"]) == 9 * 30_000_000 * Decimal("0.001")


def test_balances_and_stresses_add_up_in_their_order(engine: Engine) -> None:
    place = {"type": "balance", "role": "client_asset", "storage": "hot", "asset": "BTC"}
    once = after(engine, place | {"shift": "10"})["jp.psa_custody"]["rows"]["guarantee_asset.BTC"]
    assert (once["required"], once["shortfall"]) == ("50", "8")
    twice = after(engine, place | {"shift": "10"}, {"type": "lose", "storages": ["hot"], "share": "0.5"})
    assert twice["jp.psa_custody"]["rows"]["guarantee_asset.BTC"]["required"] == "25"
    none = after(engine, place | {"shift": "-1000"})["jp.psa_custody"]["rows"]["client_asset.BTC"]
    assert none["held"] == "960"


def test_a_role_never_seen_is_there_once_something_is_moved_into_it(engine: Engine) -> None:
    found = after(engine, {"type": "balance", "role": "reserve_asset", "storage": "bank", "asset": "JPY", "shift": "9000000000"})
    assert found["house.composite"]["before"]["state"] == "unknown"
    assert found["house.composite"]["after"]["available"] == "9000000000"


def test_every_shipped_scenario_is_published_with_the_exposure(engine: Engine) -> None:
    rows = {row["name"]: row for row in engine.evaluations("jp-main")["exposure"]["scenarios"]}
    assert sorted(rows) == sorted(load_scenarios())
    assert all(row["left_out"] is None for row in rows.values())
    (method,) = rows["hot_tier_lost"]["methods"]
    assert (method["method"], method["state"], method["shortfall"]) == ("jp.psa_custody", "shortfall", "0")


def test_what_is_published_of_a_scenario_is_what_looking_ahead_finds(engine: Engine) -> None:
    for row in engine.evaluations("jp-main")["exposure"]["scenarios"]:
        found = {one["method"]: one["after"] for one in engine.foresee("jp-main", load_scenarios()[row["name"]])}
        told = {"house.composite": row, **{one["method"]: one for one in row["methods"]}}
        for name in ("state", "required", "available", "shortfall"):
            assert {method: one[name] for method, one in told.items()} == {method: one[name] for method, one in found.items()}


def test_a_scenario_is_not_known_where_a_feed_that_it_reads_is_silent() -> None:
    journal = Journal()
    entity = house(methods=[{"id": "jp.psa_custody", "options": SKIP}], freshness={"entity.declarations": {"max_age_s": 60}})
    journal.configure(configuration_text({"jp-main": entity}, scenarios={}))
    load(journal)
    journal.position("reserve", "reserve_asset", "bank", "JPY", "90000000000")
    journal.trades(1, 1, "1000", price="15000000")
    journal.declaration("insurance_limit", "5")
    states = list[str]()
    for seconds in (1, 121):
        journal.at(seconds).tick()
        engine = Engine(0, check_journal_time=True)
        list(run(journal, engine))
        rows = {row["name"]: row for row in engine.evaluations("jp-main")["exposure"]["scenarios"]}
        states.append(rows["prices_halve"]["state"])
    assert states == ["adequate", "unknown"]


def test_a_site_adds_replaces_and_leaves_out() -> None:
    mine = {"title": "mine", "stresses": [{"type": "volume", "factor": "2"}]}
    found = load_scenarios({"volume_10x": None, "prices_halve": mine, "ours": mine})
    assert "volume_10x" not in found
    assert found["prices_halve"].title == found["ours"].title == "mine"


@pytest.mark.parametrize(
    "stress",
    [
        {"type": "no"},
        {"type": "lose"},
        {"type": "lose", "storages": ["moon"]},
        {"type": "lose", "storages": ["hot"], "share": "1.5"},
        {"type": "price", "asset": "BTC", "factor": 0.5},
        {"type": "volume", "factor": "10", "more": "1"},
        {"type": "withdraw", "share": "x"},
    ],
)
def test_bad_stresses_are_refused(stress: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="stress 1"):
        scenario_of("bad", {"title": "bad", "stresses": [stress]})


def test_every_type_of_stress_is_known_to_the_checker() -> None:
    from monitor.methods.stresses import _ARGUMENTS, _NEEDED

    assert set(STRESSES) == set(_ARGUMENTS) == set(_NEEDED)


@pytest.mark.timeout(300)
@settings(max_examples=3)
@given(seed=st.integers(0, 2**20), length=st.integers(10, 40))
def test_looking_ahead_leaves_not_one_byte_of_the_record_changed(
    tmp_path_factory: pytest.TempPathFactory, seed: int, length: int
) -> None:
    log = RandomLog(seed, length).write(tmp_path_factory.mktemp("log") / "log.jsonl")
    entity = {"reporting_currency": "JPY", "methods": [{"id": "jp.psa_custody"}, {"id": "house.composite", "mode": "shadow"}]}
    configured = {"kafka": {"journal_partitions": 1}, "entities": dict.fromkeys(ENTITIES, entity)}
    records = list(statements([log], build_configuration(settings_of(configured)), None, lambda _: None))
    alone, asked = Engine(0, check_journal_time=False), Engine(0, check_journal_time=False)
    scenarios: list[Scenario] = list(load_scenarios().values())
    for number, record in enumerate(records):
        assert [output.value for output in alone.apply(record)] == [output.value for output in asked.apply(record)]
        if number % (len(records) // 3 + 1) == len(records) // 4:
            for name in asked.entities():
                for scenario in scenarios[:: 1 + number % 3]:
                    with suppress(NotApplicable):
                        asked.foresee(name, scenario)
    assert dict(alone.cut().buckets) == dict(asked.cut().buckets)
