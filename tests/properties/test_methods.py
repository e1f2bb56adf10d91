"""What must hold for any input: splits, arrival order, more of an asset, and bounds that contain what was missing."""

import copy
import random
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.configuration.configuration import parse_configuration
from monitor.core.values.times import HOUR, exact_time
from tests import worked_cases
from tests.method_bench import Bench
from tests.random_logs import START, RandomLog

QUANTITIES = st.integers(0, 10**6).map(lambda n: str(Decimal(n) / 1000))
ASSETS = ("BTC", "ETH")
SAME_ASSET = ("us.ny_custody", "ae.vara")
OPTIONS: dict[str, dict[str, Any]] = {"ae.vara": {"skip": ["paid_up_capital", "net_liquid_assets"]}, "us.ny_custody": {}}
CURRENCIES = {"us.ny_custody": "USD", "ae.vara": "AED"}


def priced(method: str) -> Bench:
    return Bench().price("BTC", CURRENCIES[method], "70000").price("ETH", CURRENCIES[method], "3000.5")


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(SAME_ASSET), st.lists(QUANTITIES, min_size=4, max_size=4), QUANTITIES)
def test_more_of_an_asset_never_lowers_coverage(method: str, quantities: list[str], more: str) -> None:
    def result(extra: str) -> dict[str, Any]:
        bench = priced(method)
        for number, asset in enumerate(ASSETS):
            bench.hold("client_liability", "ledger", asset, quantities[number])
            bench.hold("client_asset", "cold", asset, quantities[2 + number])
        return bench.hold("client_asset", "cold", "BTC", extra, account="extra").assess(method, **OPTIONS[method])

    before, after = result("0"), result(more)
    assert after["required"] == before["required"]
    assert Decimal(after["coverage"] or 1) >= Decimal(before["coverage"] or 1)
    assert Decimal(after["surplus"]) >= Decimal(before["surplus"])


@settings(max_examples=40, deadline=None)
@given(QUANTITIES, QUANTITIES, QUANTITIES)
def test_splitting_a_position_over_accounts_changes_nothing(first: str, second: str, owed: str) -> None:
    def assessed(parts: list[str]) -> dict[str, Any]:
        bench = priced("us.ny_custody").hold("client_liability", "ledger", "BTC", owed)
        for number, part in enumerate(parts):
            bench.hold("client_asset", "cold", "BTC", part, account=f"a{number}")
        return bench.assess("us.ny_custody")

    assert assessed([first, second]) == assessed([str(Decimal(first) + Decimal(second)), "0"])


@settings(max_examples=60, deadline=None)
@given(st.lists(QUANTITIES, min_size=3, max_size=3), st.integers(1, 10**6), QUANTITIES)
def test_bounds_contain_the_figure_that_appears_with_the_missing_price(quantities: list[str], price: int, held: str) -> None:
    def bench() -> Bench:
        new = Bench().price("BTC", "HKD", "100").hold("client_asset", "cold", "BTC", quantities[0])
        new.hold("client_asset", "hot", "NEW", quantities[1]).hold("client_asset", "cold", "NEW", quantities[2])
        return new.declare("insurance_limit", held, "HKD", policy="a")

    skip = ["liquid_capital", "liquid_assets", "paid_up_capital"]
    before, after = bench().assess("hk.vatp", skip=skip), bench().price("NEW", "HKD", str(price)).assess("hk.vatp", skip=skip)
    if after["coverage"] is not None:
        low, high = before["coverage_lower"], before["coverage_upper"]
        assert low is None or Decimal(low) <= Decimal(after["coverage"])
        assert high is None or Decimal(after["coverage"]) <= Decimal(high)
    for name, state in {row["name"]: row["state"] for row in before["components"]}.items():
        if state in ("adequate", "shortfall"):
            assert next(row["state"] for row in after["components"] if row["name"] == name) == state


@pytest.mark.parametrize("seed", [3])
def test_order_of_arrival_never_matters(tmp_path: Path, seed: int) -> None:
    """The same records with shuffled log times, once all are in; own times are told apart, incidents by their revision."""
    log = RandomLog(seed, 150)
    kept = list(_told_apart(log.lines))
    config_content = None
    results = []
    for turn in range(2):
        lines = copy.deepcopy(kept)
        if turn:
            random.Random(seed).shuffle(lines)
        folder = tmp_path / str(turn)
        folder.mkdir()
        for number, line in enumerate(lines):
            line["timestamp"] = exact_time(START + 40 * HOUR + number)
        log.lines = lines
        log.write(folder / "events.jsonl")
        config_content = config_content or _content()
        books = worked_cases.books_of(folder, config_content, START + 49 * HOUR)
        config = parse_configuration(config_content)
        check = {"at": exact_time(START + 49 * HOUR), "entity": "a-1"}
        found = [worked_cases.evaluated(books["a-1"], config, check | {"method": method}) for method in config.packs]
        results.append(found)
    assert results[0] == results[1]


def _content() -> dict[str, Any]:
    from monitor.methods.loader import load_packs
    from monitor.settings.load import settings_of
    from monitor.settings.record import build_configuration

    options = {"eu.mica_67": {"class": "2"}, "ae.vara": {"activities": ["exchange"]}}
    methods = [{"id": method, "mode": "in_force", "options": options.get(method, {})} for method in load_packs()]
    entity = {"reporting_currency": "JPY", "time_zone": "Asia/Tokyo", "calendar": "JP", "methods": methods}
    return build_configuration(settings_of({"entities": {"a-1": entity, "b-2": entity}}))


def _told_apart(lines: list[dict[str, Any]]) -> Any:
    """Of records that only their place in the log tells apart, the first; no repeats of trades, whose first counts."""
    seen: set[tuple[Any, ...]] = set()
    for line in lines:
        value = line["value"]
        keys: dict[str, Callable[[dict[str, Any]], tuple[Any, ...]]] = {
            "custody.balances": lambda v: (v["entity"], v["account"], v["asset"], v["role"], v["as_of"]),
            "market.prices": lambda v: (v["asset"], v["currency"], v["as_of"]),
            "entity.declarations": lambda v: (
                v["entity"],
                v["kind"],
                str(sorted((v["attributes"] if v["attributes"] != {"part": "paid_up"} else {}).items())),
                v["effective_from"],
            ),
            "security.incidents": lambda v: (v["entity"], v["incident_id"], v["revision"]),
            "market.trades": lambda v: (v["entity"], v["trade_id"], v["market"], v["executed_at"]),
        }
        key = keys[line["topic"]](value)
        if (line["topic"], *key) not in seen:
            seen.add((line["topic"], *key))
            yield line
