"""Japan: custody of client assets, the FIEA and commodity reserves, the capital ratio, the draft (INPUTS 3; REGIMES 1)."""

import copy

import pytest

from tests.method_bench import Bench, component, gaps, packs

MORNING = "2026-01-05T01:00:00Z"
YEAR_END = "2026-03-31T03:00:00Z"


def custody() -> Bench:
    return (
        Bench()
        .price("BTC", "JPY", "1000")
        .hold("client_asset", "cold", "BTC", "96")
        .hold("client_asset", "hot", "BTC", "4")
        .hold("guarantee_asset", "cold", "BTC", "4")
        .declare("capital", "10000000")
        .declare("net_assets", "4000")
    )


def test_custody_met_everywhere_is_adequate() -> None:
    result = custody().assess("jp.psa_custody")
    assert result["state"] == "adequate"
    assert (result["required"], result["available"], result["surplus"], result["coverage"]) == ("4000", "4000", "0", "1")
    assert gaps(result) == []
    assert component(result, "hot_ratio")["status"] == "primary"


def test_guarantee_in_hot_storage_does_not_count_and_a_surplus_elsewhere_does_not_help() -> None:
    bench = custody().price("ETH", "JPY", "10").hold("client_asset", "hot", "ETH", "1").hold("client_asset", "cold", "ETH", "99")
    result = bench.hold("guarantee_asset", "hot", "ETH", "5").hold("guarantee_asset", "cold", "BTC", "9").assess("jp.psa_custody")
    eth = component(result, "guarantee_asset.ETH")
    assert (eth["held"], eth["shortfall"], eth["amount"], eth["state"]) == ("0", "1", "10", "shortfall")
    assert (result["required"], result["available"], result["surplus"]) == ("4010", "4000", "-10")
    assert component(result, "net_assets")["required"] == "9000"


def test_bank_trust_and_ledger_are_no_part_of_hot_or_cold() -> None:
    result = custody().hold("client_asset", "ledger", "BTC", "1000").assess("jp.psa_custody")
    assert result["figures"]["client_value"] == "100000"


def test_client_fiat_is_no_crypto() -> None:
    result = custody().hold("client_asset", "hot", "JPY", "900000").assess("jp.psa_custody")
    assert result["figures"]["client_value"] == "100000"


def test_role_never_seen_makes_the_headline_unknown_and_a_family_empty() -> None:
    result = Bench().price("BTC", "JPY", "1000").hold("guarantee_asset", "cold", "BTC", "1").assess("jp.psa_custody")
    assert result["state"] == "unknown"
    assert result["required"] is None
    assert ("position_missing", "client_asset") in gaps(result)
    assert component(result, "guarantee_asset.BTC")["state"] == "unknown"
    assert not any(row["name"].startswith("client_asset") for row in result["components"])


def test_guarantee_never_seen_is_not_zero() -> None:
    bench = Bench().price("BTC", "JPY", "1000").hold("client_asset", "hot", "BTC", "4").hold("client_asset", "cold", "BTC", "96")
    result = bench.assess("jp.psa_custody", skip=["capital", "net_assets"])
    row = component(result, "guarantee_asset.BTC")
    assert (row["required"], row["held"], row["shortfall"], row["amount"], row["state"]) == ("4", None, None, None, "unknown")
    assert (result["required"], result["available"], result["coverage_lower"], result["coverage_upper"]) == (
        "4000",
        None,
        "0",
        "1",
    )
    assert result["state"] == "unknown"


def test_liability_above_custody_is_a_shortfall_of_that_asset_with_its_amount() -> None:
    result = custody().hold("client_liability", "ledger", "BTC", "100.00000001").assess("jp.psa_custody")
    row = component(result, "client_asset.BTC")
    assert (row["required"], row["held"], row["shortfall"], row["amount"]) == ("100.00000001", "100", "0.00000001", "1")
    assert result["state"] == "shortfall"
    assert component(result, "fiat_trust")["state"] == "not_applicable"


def test_fiat_trust_missing_declaration_is_unknown() -> None:
    result = custody().hold("client_liability", "ledger", "JPY", "5", account="c-1").assess("jp.psa_custody")
    row = component(result, "fiat_trust")
    assert (row["required"], row["held"], row["state"], row["cure_by"]) == ("5", None, "unknown", None)
    assert ("declaration_missing", "trust_principal") in gaps(result)
    assert result["state"] == "unknown"


def test_cure_term_begins_when_a_declaration_ends() -> None:
    bench = custody().hold("client_liability", "ledger", "JPY", "500", "2026-01-05T00:00:00Z", account="c-1")
    bench.declare("trust_principal", "400", since="2026-01-05T00:00:00Z")
    bench.declare("trust_principal", "600", since="2026-01-05T00:00:01Z", until="2026-01-07T15:00:00Z")
    before = component(bench.assess("jp.psa_custody", "2026-01-07T14:59:59Z"), "fiat_trust")
    assert (before["state"], before["cure_by"]) == ("adequate", None)
    # 2026-01-08 in Tokyo is a Thursday; the 12th is Coming-of-Age Day
    after = component(bench.assess("jp.psa_custody", "2026-01-20T00:00:00Z"), "fiat_trust")
    assert (after["state"], after["shortfall"], after["cure_by"]) == ("shortfall", "100", "2026-01-13")


def test_expired_declaration_is_unknown_not_zero() -> None:
    bench = custody().declare("net_assets", "4000", since="2026-01-05T00:00:01Z", until="2026-01-05T00:30:00Z")
    bench.declare("net_assets", "4000", until="2026-01-05T00:30:00Z")
    row = component(bench.assess("jp.psa_custody"), "net_assets")
    assert (row["held"], row["state"]) == (None, "unknown")


def test_skipped_family_shows_once_and_the_headline_does_not_count() -> None:
    bench = Bench().hold("client_asset", "hot", "XYZ", "4").declare("capital", "10000000")
    result = bench.assess("jp.psa_custody", skip=["guarantee_asset", "hot_ratio", "net_assets", "client_asset"])
    row = component(result, "guarantee_asset")
    assert (row["required"], row["held"], row["shortfall"], row["amount"], row["state"]) == (
        None,
        None,
        None,
        None,
        "not_applicable",
    )
    assert (result["required"], result["available"], result["coverage"], result["state"]) == (None, None, None, "adequate")
    assert gaps(result) == [("price_missing", "XYZ/JPY")]  # hot_value is printed all the same
    assert result["gaps"][0]["effect"] == "figures"


def test_one_member_of_a_family_can_be_skipped() -> None:
    bench = custody().price("ETH", "JPY", "10").hold("client_asset", "hot", "ETH", "1").hold("client_asset", "cold", "ETH", "99")
    result = bench.assess("jp.psa_custody", skip=["guarantee_asset.ETH"])
    assert component(result, "guarantee_asset.ETH")["state"] == "not_applicable"
    assert (result["required"], result["state"]) == ("4000", "adequate")


def fiea(**declared: str) -> Bench:
    bench = Bench()
    for year, amount in declared.items():
        bench.declare("turnover_fiscal_year", amount, line="equity_turnover", fiscal_year=year.removeprefix("y"))
    return bench


def test_fiea_maximum_is_taken_line_by_line() -> None:
    bench = fiea(y2023="100000000", y2024="300000000", y2025="200000000").declare("liability_reserve", "0", fiscal_year="2024")
    for year, amount in (("2023", "700000000"), ("2024", "100000000"), ("2025", "0")):
        bench.declare("turnover_fiscal_year", amount, line="bond_futures", fiscal_year=year)
    figures = bench.assess("jp.fiea_175", YEAR_END)["figures"]
    assert (figures["item1.equity_turnover"], figures["cap.equity_turnover"]) == ("4000", "24000")
    assert (figures["item1.bond_futures"], figures["cap.bond_futures"]) == ("0", "448")
    assert (figures["item1"], figures["cap"], figures["item2"], figures["accrual"]) == ("4000", "24448", "24448", "4000")


def test_fiea_missing_year_raises_only_a_maximum() -> None:
    bench = fiea(y2024="300000000", y2025="200000000").declare("liability_reserve", "0", fiscal_year="2024")
    result = bench.assess("jp.fiea_175", YEAR_END)
    assert result["figures"]["cap"] is None
    assert (result["figures"]["accrual"], result["required"], result["state"]) == ("4000", "4000", "shortfall")
    assert gaps(result) == [("declaration_missing", "turnover_fiscal_year")]


def test_fiea_years_before_the_first_are_nothing() -> None:
    result = fiea(y2025="200000000").declare("first_fiscal_year", "0", fiscal_year="2025").assess("jp.fiea_175", YEAR_END)
    assert (result["figures"]["cap"], result["figures"]["reserve"], result["available"]) == ("16000", "4000", "0")
    assert gaps(result) == []


def test_fiea_without_an_earlier_balance_is_unknown() -> None:
    result = fiea(y2023="1", y2024="1", y2025="200000000").assess("jp.fiea_175", YEAR_END)
    assert (result["required"], result["available"], result["state"]) == (None, None, "unknown")
    assert ("declaration_missing", "liability_reserve") in gaps(result)


def test_fiea_nothing_declared_is_unknown() -> None:
    result = Bench().declare("liability_reserve", "5", fiscal_year="2024").assess("jp.fiea_175", YEAR_END)
    assert (result["figures"]["item1"], result["state"]) == (None, "unknown")


def test_fiea_use_lowers_what_is_stored_and_a_lower_cap_releases() -> None:
    bench = fiea(y2023="100000000", y2024="100000000", y2025="50000000").declare("liability_reserve", "10000", fiscal_year="2024")
    result = bench.declare("reserve_used", "1500", fiscal_year="2025").assess("jp.fiea_175", YEAR_END)
    figures = result["figures"]
    assert (figures["cap"], figures["item2"], figures["accrual"], figures["releasable"]) == ("8000", "-500", "0", "500")
    assert (result["required"], result["available"], result["state"]) == ("8500", "8500", "adequate")


@pytest.mark.parametrize(
    ("at", "projection", "state"),
    [
        ("2026-03-30T14:59:59Z", True, "watch"),
        ("2026-03-30T15:00:00Z", False, "shortfall"),
        ("2026-03-31T14:59:59Z", False, "shortfall"),
    ],
)
def test_fiea_is_statutory_on_the_last_date_only(at: str, projection: bool, state: str) -> None:
    bench = fiea(y2023="1", y2024="1", y2025="100000000").declare("liability_reserve", "0", fiscal_year="2024")
    result = bench.assess("jp.fiea_175", at)
    assert (result["projection"], result["state"]) == (projection, state)
    assert (component(result, "reserve")["shortfall"], component(result, "reserve")["state"]) == ("2000", state)


def test_fiea_fiscal_year_can_begin_in_january() -> None:
    bench = fiea(y2023="1", y2024="1", y2025="100000000").declare(
        "liability_reserve", "0", fiscal_year="2024", since="2025-01-01T00:00:00Z"
    )
    for event in bench.events:
        event.value["effective_from"] = "2025-01-01T00:00:00Z"
    moved = [type(e)(e.topic, e.time("effective_from"), e.offset, e.value) for e in bench.events]
    bench.events = moved
    result = bench.assess("jp.fiea_175", "2025-12-31T03:00:00Z", fiscal_year_start="01-01")
    assert (result["projection"], result["figures"]["item1"]) == (False, "2000")


def test_commodity_newcomer_rates_replace_the_accident_rate() -> None:
    bench = Bench().declare("first_fiscal_year", "0", fiscal_year="2023").declare("liability_reserve", "0", fiscal_year="2024")
    for year in ("2023", "2024", "2025"):
        bench.declare("turnover_fiscal_year", "1000000000000", line="futures.ordinary", fiscal_year=year)
        bench.declare("turnover_fiscal_year", "1000000000", line="options.professional", fiscal_year=year)
    figures = bench.assess("jp.commodity_111", YEAR_END)["figures"]
    assert (figures["accident_rate"], figures["item1"]) == (None, "30010000")
    assert figures["cap"] == "62520000"


def test_commodity_accident_rate_counts_ordinary_lines_from_the_fourth_year_on() -> None:
    bench = Bench().declare("first_fiscal_year", "0", fiscal_year="2022").declare("liability_reserve", "0", fiscal_year="2024")
    for year in ("2022", "2023", "2024", "2025"):
        bench.declare("turnover_fiscal_year", "100000000000", line="futures.ordinary", fiscal_year=year)
        bench.declare("turnover_fiscal_year", "900000000000", line="futures.professional", fiscal_year=year)
        bench.declare("accident_payouts_fiscal_year", "700000", fiscal_year=year)
    figures = bench.assess("jp.commodity_111", YEAR_END)["figures"]
    assert figures["accident_rate"] == "0.000007"
    assert figures["item1"] == "1600000"  # 100bn x 0.000007 + 900bn x 0.000001


def test_commodity_short_year_is_annualised_for_the_cap_alone() -> None:
    bench = Bench().declare("first_fiscal_year", "0", fiscal_year="2025").declare("liability_reserve", "0", fiscal_year="2024")
    bench.declare("turnover_fiscal_year", "700000000000", line="futures.ordinary", fiscal_year="2025", months="7")
    figures = bench.assess("jp.commodity_111", YEAR_END)["figures"]
    assert (figures["item1"], figures["cap"]) == ("21000000", "75000000")


def test_commodity_cap_has_a_floor() -> None:
    bench = Bench().declare("first_fiscal_year", "0", fiscal_year="2025")
    bench.declare("turnover_fiscal_year", "1000000", line="futures.ordinary", fiscal_year="2025")
    figures = bench.assess("jp.commodity_111", YEAR_END)["figures"]
    assert (figures["cap"], figures["room"]) == ("10000000", "10000000")


def test_commodity_unreadable_months_are_unknown_and_break_nothing() -> None:
    bench = Bench().declare("first_fiscal_year", "0", fiscal_year="2025")
    bench.declare("turnover_fiscal_year", "1000000", line="futures.ordinary", fiscal_year="2025", months="0")
    bench.declare("turnover_fiscal_year", "1000000", line="futures.ordinary", fiscal_year="9" * 5000)
    assert bench.assess("jp.commodity_111", YEAR_END)["figures"]["item1"] is None


def test_capital_ratio_of_nothing_asks_nothing() -> None:
    result = Bench().declare("risk_equivalents", "0").declare("non_fixed_own_capital", "5").assess("jp.capital_ratio")
    assert (result["required"], result["coverage"], result["state"], result["figures"]["ratio"]) == ("0", None, "adequate", None)


def test_negative_capital_is_a_shortfall_in_full() -> None:
    result = Bench().declare("risk_equivalents", "100").declare("non_fixed_own_capital", "-10").assess("jp.capital_ratio")
    row = component(result, "capital_ratio")
    assert (row["held"], row["shortfall"], row["amount"], result["coverage"]) == ("-0.1", "1.3", "130", "-0.08333334")
    assert result["state"] == "shortfall"


def test_draft_names_every_null_parameter_and_prints_no_figure() -> None:
    result = Bench().hold("client_asset", "cold", "BTC", "1").assess("jp.crypto_reserve_2026")
    assert result["state"] == "not_computable"
    assert [result[name] for name in ("required", "available", "surplus", "coverage", "coverage_lower", "coverage_upper")] == [
        None
    ] * 6
    assert gaps(result) == [
        ("parameter_null", "jp.crypto_reserve.ceiling"),
        ("parameter_null", "jp.crypto_reserve.floor"),
        ("parameter_null", "jp.crypto_reserve.insurance_offset_max"),
        ("parameter_null", "jp.crypto_reserve.loss_history_multiplier"),
        ("parameter_null", "jp.crypto_reserve.rate.cold_custody_value"),
        ("parameter_null", "jp.crypto_reserve.rate.turnover"),
    ]


def site_version() -> dict[str, object]:
    pack = copy.deepcopy(packs()["jp.crypto_reserve_2026"])
    values = {
        "rate.turnover": "0.001", "rate.cold_custody_value": "0.01", "loss_history_multiplier": "2", "floor": "100",
        "ceiling": "100000", "insurance_offset_max": "0.5",
    }  # fmt: skip
    for name, value in values.items():
        pack["parameters"][f"jp.crypto_reserve.{name}"]["value"] = value
    return pack | {"version": "site-1", "status": "in_force", "effective_from": "2026-01-05"}


def test_site_version_with_numbers_computes_from_its_commencement_on() -> None:
    bench = (
        Bench()
        .price("BTC", "JPY", "1000")
        .hold("client_asset", "cold", "BTC", "100")
        .hold("reserve_asset", "bank", "JPY", "4000")
    )
    bench.trade("BTC/JPY", "1000", "3", "2026-01-05T00:00:00Z").trade("BTC/JPY", "1000", "5", "2025-01-06T00:00:00Z")
    bench.trade("BTC/JPY", "1000", "900", "2025-01-04T00:00:00Z").declare("insurance_limit", "200", policy="a")
    before = bench.assess("jp.crypto_reserve_2026", "2026-01-04T14:59:59Z", pack=site_version())
    assert (before["state"], gaps(before)) == ("not_computable", [("not_in_force", "jp.crypto_reserve_2026")])
    after = bench.assess("jp.crypto_reserve_2026", pack=site_version())
    # (0.001 x 8,000 + 0.01 x 100,000) x 2 = 2,016, less insurance of 200
    assert (after["required"], after["available"], after["state"]) == ("1816", "4000", "adequate")
    bench.declare("insurance_limit", "5000", policy="b")
    assert bench.assess("jp.crypto_reserve_2026", pack=site_version())["required"] == "1008"
