"""Korea, Hong Kong, Singapore, Dubai: every figure worked out by hand (INPUTS 3; REGIMES 2, 3, 6)."""

from typing import Any

import pytest

from tests.method_bench import Bench, component, gaps

JANUARY = "2026-01-15T03:00:00Z"
EARLY = "2025-01-01T00:00:00Z"


def korea() -> Bench:
    bench = Bench()
    for day, price in (
        ("2024-12-31", "999"),
        ("2025-01-01", "100"),
        ("2025-06-01", "200"),
        ("2025-12-31", "600"),
        ("2026-01-01", "999"),
    ):
        bench.price("BTC", "KRW", price, f"{day}T03:00:00Z", "daily_close")
    return bench


def test_korea_mean_is_of_the_year_to_the_previous_month_end() -> None:
    result = (
        korea().hold("client_asset", "cold", "BTC", "9").hold("client_asset", "hot", "BTC", "1").assess("kr.vaupa_cold", JANUARY)
    )
    assert result["figures"] == {"economic_value": "3000", "cold_value": "2700", "hot_value": "300"}
    assert gaps(result) == [("window_short", "BTC/KRW")]
    assert (result["required"], result["available"], component(result, "cold_ratio")["held"]) == ("2400", "2700", "0.9")


def test_korea_close_belongs_to_the_date_in_seoul_and_the_newest_of_a_date_counts() -> None:
    bench = Bench().price("BTC", "KRW", "5", "2025-12-31T15:00:00Z", "daily_close")  # 1 January 2026 in Seoul
    bench.price("BTC", "KRW", "100", "2025-12-30T15:00:00Z", "daily_close").price(
        "BTC", "KRW", "300", "2025-12-31T14:59:59Z", "daily_close"
    )
    bench.price("BTC", "KRW", "7", "2025-12-31T14:00:00Z", "spot")
    result = bench.hold("client_asset", "cold", "BTC", "1").assess("kr.vaupa_cold", JANUARY)
    assert result["figures"]["economic_value"] == "300"


def test_korea_without_any_close_is_unknown_but_nothing_needs_no_price() -> None:
    bench = korea().hold("client_asset", "cold", "NEW", "0").hold("client_asset", "cold", "BTC", "1")
    assert bench.assess("kr.vaupa_cold", JANUARY)["state"] == "adequate"
    result = bench.hold("client_asset", "hot", "NEW", "1", account="other").assess("kr.vaupa_cold", JANUARY)
    assert (result["state"], result["required"], result["available"]) == ("unknown", None, "300")
    assert ("price_missing", "NEW/KRW") in gaps(result)
    assert component(result, "cold_ratio")["held"] is None


def test_korea_holding_is_quantity_for_quantity() -> None:
    bench = (
        korea()
        .hold("client_asset", "cold", "BTC", "1")
        .hold("client_liability", "ledger", "BTC", "1.5")
        .price("BTC", "KRW", "10")
    )
    result = bench.assess("kr.vaupa_cold", JANUARY)
    row = component(result, "holding.BTC")
    assert (row["shortfall"], row["amount"], row["state"], result["state"]) == ("0.5", "5", "shortfall", "shortfall")


def test_korea_share_of_nothing_asks_nothing() -> None:
    result = Bench().hold("client_asset", "cold", "BTC", "0").assess("kr.vaupa_cold", JANUARY, watch="1.05")
    row = component(result, "cold_ratio")
    assert (row["held"], row["shortfall"], row["state"]) == ("0", "0", "adequate")
    assert (result["required"], result["coverage"], result["state"]) == ("0", None, "adequate")


@pytest.mark.parametrize(("option", "available"), [("largest", "4000000000"), ("sum", "9000000000")])
def test_korea_reserve_counts_the_largest_instrument_or_the_sum(option: str, available: str) -> None:
    bench = korea().hold("client_asset", "hot", "BTC", "1").declare("insurance_limit", "3000000000", "KRW", policy="a")
    bench.declare("insurance_limit", "2000000000", "KRW", policy="b").hold("reserve_asset", "bank", "KRW", "4000000000")
    result = bench.assess("kr.vaupa_reserve", JANUARY, available=option)
    assert (result["required"], result["available"], result["figures"]["rate_leg"]) == ("3000000000", available, "15")


def test_korea_reserve_floor_by_market() -> None:
    bench = korea().hold("client_asset", "cold", "BTC", "1").declare("guarantee_limit", "5", "KRW", guarantee="g")
    assert bench.assess("kr.vaupa_reserve", JANUARY, market="other")["required"] == "500000000"


def test_instruments_never_declared_are_unknown_expired_ones_are_nothing() -> None:
    bench = korea().hold("client_asset", "cold", "BTC", "1")
    result = bench.assess("kr.vaupa_reserve", JANUARY)
    assert (result["available"], result["state"], result["coverage_lower"], result["coverage_upper"]) == (
        None,
        "unknown",
        "0",
        None,
    )
    missing = [("declaration_missing", "guarantee_limit"), ("declaration_missing", "insurance_limit")]
    assert [gap for gap in gaps(result) if gap[0] != "window_short"] == [*missing, ("position_missing", "reserve_asset")]
    result = bench.declare("insurance_limit", "9", "KRW", until="2026-01-06T00:00:00Z", policy="a").assess(
        "kr.vaupa_reserve", JANUARY
    )
    assert (result["available"], result["state"]) == ("0", "shortfall")


def test_bank_guideline_is_decided_by_its_bounds() -> None:
    result = Bench().declare("insurance_limit", "25000000000", "KRW", policy="a").assess("kr.kfb_reserve")
    assert (component(result, "reserve")["state"], result["required"], result["state"]) == ("adequate", None, "unknown")
    assert (result["coverage_lower"], result["coverage_upper"]) == ("1.25", "8.33333333")
    result = Bench().declare("insurance_limit", "2999999999", "KRW", policy="a").assess("kr.kfb_reserve")
    assert (result["state"], result["required"]) == ("shortfall", None)


def hong_kong() -> Bench:
    bench = (
        Bench()
        .price("BTC", "HKD", "100")
        .hold("client_asset", "cold", "BTC", "98")
        .hold("client_asset", "third_party", "BTC", "1")
    )
    bench.hold("client_asset", "in_transit", "BTC", "1").declare("guarantee_limit", "5099.99", "HKD", guarantee="g")
    return bench.declare("adjusted_liabilities", "60000000.2", "HKD").declare("capital", "5000000", "HKD")


def test_hong_kong_other_storage_is_charged_like_hot() -> None:
    result = hong_kong().assess("hk.vatp", skip=["liquid_capital", "liquid_assets"])
    assert (component(result, "hot_ratio")["held"], component(result, "hot_ratio")["state"]) == ("0.02", "adequate")
    assert (result["required"], result["available"], result["surplus"], result["coverage"]) == (
        "5100",
        "5099.99",
        "-0.01",
        "0.99999803",
    )


def test_hong_kong_liquid_capital_leg_is_a_rate_of_liabilities() -> None:
    row = component(hong_kong().declare("liquid_capital", "3000000", "HKD").assess("hk.vatp"), "liquid_capital")
    assert (row["required"], row["held"], row["shortfall"], row["amount"], row["status"]) == (
        "3000000.01", "3000000", "0.01", "0.01", "unverified",
    )  # fmt: skip


def test_hong_kong_liquid_capital_below_the_floor_is_short_whatever_the_liabilities() -> None:
    bench = Bench().declare("liquid_capital", "2999999.99", "HKD")
    row = component(bench.assess("hk.vatp"), "liquid_capital")
    assert (row["required"], row["shortfall"], row["state"]) == (None, None, "shortfall")


def test_hong_kong_twelve_months_before_this_one() -> None:
    bench = hong_kong().declare("liquid_assets", "77", "HKD")
    for month in [f"2025-{n:02d}" for n in range(1, 13)] + ["2024-12", "2026-01"]:
        bench.declare("operating_expenses_monthly", "100" if month in ("2024-12", "2026-01") else "7", "HKD", month=month)
    row = component(bench.assess("hk.vatp", "2026-01-31T15:59:59Z"), "liquid_assets")
    assert (row["required"], row["shortfall"]) == ("84", "7")
    assert component(bench.assess("hk.vatp", "2026-01-31T16:00:00Z"), "liquid_assets")["required"] == "177"


def test_hong_kong_known_months_alone_can_prove_a_shortfall() -> None:
    bench = hong_kong().declare("liquid_assets", "6", "HKD").declare("operating_expenses_monthly", "7", "HKD", month="2025-12")
    row = component(bench.assess("hk.vatp"), "liquid_assets")
    assert (row["required"], row["shortfall"], row["amount"], row["state"]) == (None, None, None, "shortfall")


def singapore() -> Bench:
    bench = Bench().declare("capital", "250000", "SGD").declare("capital", "-10", "SGD", part="audited_result")
    bench.declare("capital", "5", "SGD", part="interim_loss").declare(
        "guarantee_limit", "100000", "SGD", guarantee="mas_security"
    )
    return bench.declare("payment_value_month", "6000000", "SGD", service="a", month="2026-01")


def test_singapore_base_capital_needs_all_four_parts() -> None:
    result = singapore().assess("sg.ps", skip=["cold_ratio"], institution="standard")
    assert (component(result, "base_capital")["held"], component(result, "base_capital")["state"]) == (None, "unknown")
    assert (result["required"], result["available"], result["state"]) == ("200000", None, "unknown")
    # dividends can only lower what is there: already short of 250,000 without them
    assert component(singapore().assess("sg.ps"), "base_capital")["state"] == "shortfall"
    result = singapore().declare("capital", "2", "SGD", part="dividends").assess("sg.ps", skip=["cold_ratio"])
    row = component(result, "base_capital")
    assert (row["held"], row["shortfall"], result["required"], result["available"]) == ("249983", "17", "350000", "349983")
    result = (
        singapore().declare("capital", "2", "SGD", part="dividends").assess("sg.ps", skip=["cold_ratio"], institution="standard")
    )
    assert (result["required"], result["available"], result["state"]) == ("200000", "349983", "adequate")


def test_singapore_threshold_is_inclusive_and_the_highest_service_decides() -> None:
    assert component(singapore().assess("sg.ps"), "security")["required"] == "100000"
    bench = singapore().declare("payment_value_month", "6000000.01", "SGD", service="b", month="2026-02")
    assert component(bench.assess("sg.ps"), "security")["required"] == "200000"
    bench = singapore().declare("payment_value_month", "99000000", "SGD", service="a", month="2025-12")
    assert component(bench.assess("sg.ps"), "security")["required"] == "100000"


def test_singapore_security_without_any_month_is_one_of_two() -> None:
    result = Bench().declare("guarantee_limit", "100000", "SGD", guarantee="mas_security").assess("sg.ps")
    assert (component(result, "security")["required"], component(result, "security")["state"]) == (None, "unknown")
    result = Bench().declare("guarantee_limit", "99999", "SGD", guarantee="mas_security").assess("sg.ps")
    assert component(result, "security")["state"] == "shortfall"


def test_singapore_guarantee_that_has_expired_covers_nothing() -> None:
    month, later = "2026-01-05T00:00:00Z", "2026-01-06T00:00:00Z"
    bench = Bench().declare("payment_value_month", "6000000", "SGD", since=month, service="a", month="2026-01")
    never = component(bench.assess("sg.ps", "2026-01-07T00:00:00Z"), "security")
    assert (never["held"], never["state"]) == (None, "unknown")
    bench.declare("guarantee_limit", "100000", "SGD", since=month, until=later, guarantee="mas_security")
    row = component(bench.assess("sg.ps", "2026-01-07T00:00:00Z"), "security")
    assert (row["held"], row["shortfall"], row["state"]) == ("0", "100000", "shortfall")


def test_singapore_cold_share_is_rounded_down() -> None:
    bench = Bench().price("BTC", "SGD", "1").hold("client_asset", "cold", "BTC", "2").hold("client_asset", "hot", "BTC", "1")
    row = component(bench.assess("sg.ps"), "cold_ratio")
    assert (row["bound"], row["held"], row["shortfall"], row["amount"], row["state"]) == (
        "min",
        "0.66666666",
        "0.23333334",
        "0.7",
        "shortfall",
    )


def test_headline_loses_the_skipped_part() -> None:
    result = singapore().assess("sg.ps", skip=["cold_ratio", "base_capital"])
    assert (result["required"], result["available"], result["state"]) == ("100000", "100000", "adequate")


def test_dubai_capital_is_the_sum_over_activities() -> None:
    bench = Bench().declare("fixed_overheads", "4000000", "AED", fiscal_year="2025").declare("capital", "3000000", "AED")
    own = component(bench.assess("ae.vara", activities=["exchange", "custody", "broker_dealer"]), "paid_up_capital")
    assert (own["required"], own["shortfall"]) == ("3500000", "500000")  # 1.5m + 1m + 1m
    licensed = component(bench.assess("ae.vara", activities=["exchange", "custody"], custodian="licensed"), "paid_up_capital")
    assert licensed["required"] == "1800000"  # 800,000 + 1m


def test_dubai_capital_below_the_floors_is_short_without_overheads() -> None:
    row = component(Bench().declare("capital", "1499999", "AED").assess("ae.vara", activities=["exchange"]), "paid_up_capital")
    assert (row["required"], row["state"]) == (None, "shortfall")


def test_dubai_net_liquid_assets_take_the_latest_month() -> None:
    bench = Bench().declare("operating_expenses_monthly", "100.01", "AED", month="2025-12").declare("liquid_assets", "200", "AED")
    bench.declare("operating_expenses_monthly", "900", "AED", month="2025-11").declare("current_liabilities", "80", "AED")
    row = component(bench.assess("ae.vara", skip=["paid_up_capital"]), "net_liquid_assets")
    assert (row["required"], row["held"], row["shortfall"]) == ("120.02", "120", "0.02")


def test_dubai_reserve_assets_are_fiat_too_and_never_netted() -> None:
    bench = (
        Bench().price("BTC", "AED", "10").hold("client_asset", "cold", "BTC", "3").hold("client_liability", "ledger", "BTC", "1")
    )
    bench.hold("client_asset", "bank", "AED", "10").hold("client_liability", "ledger", "AED", "15", account="a")
    bench.hold("client_liability", "ledger", "AED", "-3", account="b")
    result = bench.assess("ae.vara", skip=["paid_up_capital", "net_liquid_assets"])
    assert (result["required"], result["available"], result["surplus"]) == ("22", "20", "-2")
    assert component(result, "reserve_asset.AED")["shortfall"] == "2"


def test_watch_ratio_is_the_smallest_of_the_headline() -> None:
    bench = (
        Bench()
        .price("BTC", "AED", "10")
        .hold("client_asset", "cold", "BTC", "104")
        .hold("client_liability", "ledger", "BTC", "100")
    )
    bench.hold("client_asset", "bank", "AED", "900").hold("client_liability", "ledger", "AED", "10")
    options: dict[str, Any] = {"skip": ["paid_up_capital", "net_liquid_assets"]}
    assert bench.assess("ae.vara", watch="1.05", **options)["state"] == "watch"
    assert bench.assess("ae.vara", watch="1.04", **options)["state"] == "adequate"
    assert bench.assess("ae.vara", **options)["coverage"] == "1"
