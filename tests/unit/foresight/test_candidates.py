"""Candidates side by side: the newest figures digit for digit, in one currency, held against what asks most today."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from monitor.core.engine import Engine
from monitor.settings.load import settings_of
from monitor.settings.record import build_configuration
from streams.eventfiles.offline import statements
from tests.unit.cli.test_assess import written
from tests.unit.foresight.test_study import METHOD, packs

__all__ = ["packs"]

NOON = "2026-01-05T03:00:00Z"
SKIP = {"skip": ["capital", "net_assets", "fiat_trust"]}
PSA = {"id": "jp.psa_custody", "options": SKIP}
STUDY = {"id": METHOD, "mode": "shadow"}
NEW_YORK = {"id": "us.ny_custody", "mode": "shadow"}


def priced(asset: str, currency: str, amount: str) -> dict[str, Any]:
    value = {"event_id": asset + currency, "asset": asset, "currency": currency, "price": amount}
    value |= {"as_of": NOON, "source": "s", "kind": "spot"}
    return {"topic": "market.prices", "timestamp": NOON, "value": value}


def held(role: str, storage: str, quantity: str) -> dict[str, Any]:
    place = {"entity": "jp-main", "account": f"{role}-{storage}", "role": role, "storage": storage, "asset": "BTC"}
    value = {"event_id": role + storage, **place, "quantity": quantity, "as_of": NOON, "source": "s"}
    return {"topic": "custody.balances", "timestamp": NOON, "value": value}


def side_by_side(folder: Path, methods: list[dict[str, Any]], lines: list[dict[str, Any]]) -> tuple[Engine, dict[str, Any]]:
    entity = {"reporting_currency": "JPY", "time_zone": "Asia/Tokyo", "methods": methods}
    section = {
        "kafka": {"journal_partitions": 1},
        "methods": {"pack_dirs": [str(folder / "packs")]},
        "entities": {"jp-main": entity},
    }
    engine = Engine(0, check_journal_time=False, evaluate="at_ticks")
    configuration = build_configuration(settings_of(section))
    for record in statements([Path(written(folder / "e.jsonl", lines))], configuration, None, lambda _: None):
        engine.apply(record)
    return engine, engine.candidates("jp-main")


STORY = [
    priced("BTC", "JPY", "15000000"),
    held("client_asset", "hot", "4"),
    held("client_asset", "cold", "96"),
    held("guarantee_asset", "cold", "5"),
    held("client_liability", "ledger", "99.5"),
]


@pytest.mark.usefixtures("packs")
def test_a_study_stands_beside_what_is_in_force(tmp_path: Path) -> None:
    engine, found = side_by_side(tmp_path, [PSA, STUDY], STORY)
    in_force, study = found["methods"]
    published = {one["method"]: one for one in engine.evaluations("jp-main")["assessments"]}
    for row in found["methods"]:
        for name in ("required", "available", "surplus", "coverage", "state", "components"):
            assert row[name] == published[row["method"]][name]
        assert row["reporting"]["required"] == row["required"], "in the reporting currency nothing is converted"
    assert found["today"] == {"method": "jp.psa_custody", "required": "60000000"}
    assert (study["study"], study["required"], study["more"]) == (True, "2000000000", "1940000000")
    assert (in_force["study"], in_force["more"], in_force["parameters"]) == (False, "0", [])
    values = {one["name"]: one["value"] for one in study["parameters"]}
    assert values["jp.crypto_reserve.floor"] == "2000000000"


def test_a_method_of_another_currency_is_converted_once_and_is_not_known_without_a_price(tmp_path: Path) -> None:
    (tmp_path / "packs").mkdir()
    without = side_by_side(tmp_path, [PSA, NEW_YORK], [*STORY, priced("BTC", "USD", "100000.01")])[1]["methods"][1]
    assert without["required"] is not None
    assert (without["reporting"]["required"], without["more"]) == (None, None)
    rate = priced("USD", "JPY", "150.123")
    new_york = side_by_side(tmp_path, [PSA, NEW_YORK], [*STORY, priced("BTC", "USD", "100000.01"), rate])[1]["methods"][1]
    asked = int(new_york["required"]) * 150123
    assert int(new_york["reporting"]["required"]) == -(-asked // 1000), "rounded up"
    assert int(new_york["more"]) == -(-asked // 1000) - 60_000_000


def test_without_a_known_method_in_force_there_is_nothing_to_hold_a_candidate_against(tmp_path: Path) -> None:
    (tmp_path / "packs").mkdir()
    unpriced = [line for line in STORY if line["topic"] != "market.prices"]
    draft = {"id": METHOD, "mode": "shadow"}
    found = side_by_side(tmp_path, [PSA, draft], unpriced)[1]
    assert found["today"] is None
    assert [row["more"] for row in found["methods"]] == [None, None]
    assert found["methods"][1]["draft"]
    assert {one["value"] for one in found["methods"][1]["parameters"] if one["status"] == "unverified"} == {None}
    with pytest.raises(KeyError):
        Engine(0, check_journal_time=False).candidates("jp-main")
