"""EU, UK, Basel, New York and the house method: every figure worked out by hand (INPUTS 3; REGIMES 4, 5, 6)."""

from decimal import Context, Decimal, localcontext
from fractions import Fraction
from typing import Any

import pytest

from monitor.core.components.years.indicator import multiplier
from monitor.errors import ConfigurationError
from tests.method_bench import Bench, component, gaps

CLASS_1: dict[str, Any] = {"class": "1"}
CLASS_3: dict[str, Any] = {"class": "3"}
MARCH = "2024-03-04T11:00:00Z"


def test_mica_net_wins_over_total_and_deductions() -> None:
    bench = (
        Bench().declare("fixed_overheads", "1000000", "EUR", fiscal_year="2025", item="total").declare("own_funds", "1", "EUR")
    )
    bench.declare("fixed_overheads", "300000", "EUR", fiscal_year="2025", item="variable_pay")
    assert bench.assess("eu.mica_67", **{**CLASS_1, "class": 1})["figures"]["overheads"] == "700000"
    bench.declare("fixed_overheads", "640000", "EUR", fiscal_year="2025")
    result = bench.assess("eu.mica_67", **CLASS_1)
    assert (result["figures"]["overheads"], result["figures"]["overhead_leg"], result["required"]) == (
        "640000",
        "160000",
        "160000",
    )


def test_mica_projected_overheads_where_no_year_was_declared() -> None:
    bench = Bench().declare("projected_overheads", "800000", "EUR").declare("fixed_overheads", "9", "EUR", fiscal_year="2024")
    assert bench.assess("eu.mica_67", **CLASS_3)["required"] == "200000"


def test_mica_year_begins_where_the_option_says() -> None:
    bench = Bench().declare("fixed_overheads", "800000", "EUR", fiscal_year="2024").declare("own_funds", "1", "EUR")
    assert bench.assess("eu.mica_67", **CLASS_3, fiscal_year_start="04-01")["required"] == "200000"
    assert bench.assess("eu.mica_67", **CLASS_3)["required"] is None


def test_mica_minimum_alone_can_prove_a_shortfall() -> None:
    result = Bench().declare("own_funds", "149999.99", "EUR").assess("eu.mica_67", **CLASS_3)
    assert (result["required"], result["state"], result["coverage_upper"]) == (None, "shortfall", "0.99999993")
    assert gaps(result) == [("declaration_missing", "fixed_overheads")]


@pytest.mark.parametrize(
    ("services", "number"),
    [(["execution", "advice"], "1"), (["transfer", "exchange_fiat"], "2"), (["custody", "trading_platform"], "3")],
)
def test_mica_highest_class_of_the_services(services: list[str], number: str) -> None:
    assert Bench().assess("eu.mica_67", services=services)["figures"]["class"] == number


def test_mica_own_funds_never_declared_are_nothing_beside_insurance() -> None:
    bench = Bench().declare("projected_overheads", "0", "EUR").declare("insurance_limit", "60000", "EUR", policy="a")
    result = bench.assess("eu.mica_67", **CLASS_1)
    assert (result["available"], result["state"]) == ("60000", "adequate")


def test_amount_in_another_currency_is_converted_at_the_current_price() -> None:
    bench = Bench().declare("projected_overheads", "0", "EUR").declare("own_funds", "100000", "USD").price("USD", "EUR", "0.9")
    assert bench.assess("eu.mica_67", **CLASS_1)["available"] == "90000"
    result = Bench().declare("projected_overheads", "0", "EUR").declare("own_funds", "1", "USD").assess("eu.mica_67", **CLASS_1)
    assert (result["available"], gaps(result)) == (None, [("price_missing", "USD/EUR")])


def test_needed_option_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"eu\.mica_67: class or services is needed"):
        Bench().assess("eu.mica_67")
    with pytest.raises(ConfigurationError, match=r"ae\.vara: activities is needed"):
        Bench().assess("ae.vara")


def test_ifr_position_is_carried_and_a_late_midnight_belongs_to_the_next_day() -> None:
    bench = (
        Bench()
        .price("TKA", "EUR", "1", "2023-06-01T00:00:00Z")
        .hold("client_asset", "cold", "TKA", "100", "2023-05-31T12:00:00Z")
    )
    bench.hold("client_asset", "cold", "TKA", "230", "2023-11-29T23:00:00Z")  # midnight of the 30th in Brussels: one day of 131
    result = bench.assess(
        "eu.ifr_k", MARCH, skip=["k_cmh", "k_coh", "k_dtf", "overhead_leg"], calendar="weekdays", permanent_minimum="0"
    )
    assert (result["figures"]["days_asa"], result["figures"]["calculation_date"]) == ("131", "2024-03-01")
    assert result["figures"]["mean_asa"].startswith("100.99236641221374045801526717557")  # 13,230 / 131
    assert gaps(result) == [("declaration_missing", "own_funds")]


def test_ifr_price_of_a_day_is_that_of_its_end() -> None:
    bench = (
        Bench()
        .hold("client_asset", "cold", "TKA", "131", "2023-05-31T12:00:00Z")
        .price("TKA", "EUR", "1", "2023-05-31T12:00:00Z")
    )
    bench.price("TKA", "EUR", "2", "2023-11-30T22:59:59Z").price("TKA", "EUR", "900", "2023-11-30T23:00:00Z")
    result = bench.assess("eu.ifr_k", MARCH, skip=["k_cmh", "k_coh", "k_dtf", "overhead_leg"], calendar="weekdays")
    assert result["figures"]["mean_asa"] == "132"


def test_ifr_client_money_segregated_or_not() -> None:
    bench = Bench().hold("client_asset", "trust", "EUR", "1000", "2023-05-31T12:00:00Z")
    bench.hold("client_asset", "bank", "EUR", "2000", "2023-05-31T12:00:00Z").hold(
        "client_asset", "cold", "EUR", "7", "2023-05-31T12:00:00Z"
    )
    result = bench.assess("eu.ifr_k", MARCH, skip=["k_asa", "k_coh", "k_dtf", "overhead_leg"], permanent_minimum="0")
    figures = result["figures"]
    assert (figures["mean_cmh_segregated"], figures["mean_cmh_other"], figures["k_cmh"]) == ("1000", "2000", "14")
    assert (figures["k_asa"], figures["mean_asa"], figures["days_asa"]) == (None, None, None)


def test_ifr_orders_count_on_business_days_whatever_their_side() -> None:
    bench = Bench().trade("BTC/EUR", "10", "65", "2023-09-01T10:00:00Z", capacity="client_order", side="sell")
    bench.trade("BTC/EUR", "10", "65", "2023-11-30T22:59:59Z", capacity="client_order")
    bench.trade("BTC/EUR", "10", "65", "2023-11-30T23:00:00Z", capacity="client_order")  # December in Brussels
    bench.trade("BTC/EUR", "10", "65", "2023-10-07T10:00:00Z", capacity="client_order")  # a Saturday
    bench.trade("BTC/EUR", "10", "65", "2023-10-06T10:00:00Z", capacity="venue")
    result = bench.assess(
        "eu.ifr_k", MARCH, skip=["k_asa", "k_cmh", "k_dtf", "overhead_leg"], calendar="weekdays", permanent_minimum="0"
    )
    assert (result["figures"]["mean_coh_cash"], result["figures"]["k_coh"], result["figures"]["days_coh"]) == ("20", "0.02", "65")
    assert gaps(result) == [("declaration_missing", "own_funds")]


def test_ifr_a_house_that_held_its_own_before_has_no_months_of_clients_with_nothing() -> None:
    """What lets it fail: an own coin of years ago fills the window of clients' assets with zeros, and halves the mean."""
    bench = Bench().hold("house_asset", "cold", "TKB", "1", "2020-01-01T12:00:00Z")
    bench.hold("client_asset", "cold", "TKA", "100", "2023-10-02T12:00:00Z").price("TKA", "EUR", "1", "2023-10-02T12:00:00Z")
    result = bench.assess("eu.ifr_k", MARCH, skip=["k_cmh", "k_coh", "k_dtf", "overhead_leg"], calendar="weekdays")
    assert (result["figures"]["mean_asa"], ("window_short", "k_asa") in gaps(result)) == ("100", True)


def test_ifr_a_house_that_carried_out_orders_before_it_traded_itself_has_no_months_of_own_trades_of_nothing() -> None:
    """What lets it fail: the first trade of any capacity begins every window, and years of orders halve the mean."""
    bench = Bench().trade("BTC/EUR", "1", "65", "2020-01-02T10:00:00Z", capacity="client_order")
    bench.trade("BTC/EUR", "20", "65", "2023-10-02T10:00:00Z", capacity="own_account")  # 44 of 131 or 66 days
    result = bench.assess("eu.ifr_k", MARCH, skip=["k_asa", "k_cmh", "overhead_leg"], calendar="weekdays")
    assert result["figures"]["mean_dtf_cash"].startswith("29.5")  # 1,300 / 44
    assert (result["figures"]["mean_coh_cash"], result["figures"]["days_coh"]) == ("0", "65")
    assert ("window_short", "k_dtf") in gaps(result)
    assert ("window_short", "k_coh") not in gaps(result)


def test_ifr_a_capacity_never_traded_in_is_unknown_and_not_nothing() -> None:
    bench = Bench().trade("BTC/EUR", "1", "65", "2020-01-02T10:00:00Z", capacity="own_account")
    result = bench.assess("eu.ifr_k", MARCH, skip=["k_asa", "k_cmh", "overhead_leg"], calendar="weekdays")
    figures = result["figures"]
    assert (figures["k_coh"], figures["k_dtf"], figures["days_coh"], result["required"]) == (None, "0", "0", None)
    assert ("window_short", "k_coh") in gaps(result)


def test_ifr_without_any_record_is_unknown() -> None:
    bench = Bench().declare("own_funds", "200000", "EUR", since="2024-01-01T00:00:00Z")
    result = bench.assess("eu.ifr_k", MARCH, skip=["overhead_leg"])
    assert (result["required"], result["state"]) == (None, "unknown")
    short = [("window_short", figure) for figure in ("k_asa", "k_cmh", "k_coh", "k_dtf")]
    assert gaps(result) == [("position_missing", "client_asset"), *short]


def test_ifr_greatest_leg_decides_and_bounds_prove() -> None:
    bench = Bench().declare("fixed_overheads", "1000000", "EUR", fiscal_year="2023", since="2024-01-01T00:00:00Z")
    bench.declare("own_funds", "249999", "EUR", since="2024-01-01T00:00:00Z")
    result = bench.assess("eu.ifr_k", MARCH)
    assert (result["state"], result["figures"]["overhead_leg"], result["required"]) == ("shortfall", "250000", None)
    assert result["coverage_upper"] == "0.999996"


def test_uk_twin_has_its_own_currency_and_calendar() -> None:
    bench = Bench().declare("own_funds", "150000", "GBP", since="2024-01-01T00:00:00Z")
    result = bench.assess("uk.mifidpru_k", "2025-01-01T23:59:59Z", skip=["k_asa", "k_cmh", "k_coh", "k_dtf", "overhead_leg"])
    # New Year's Day is closed, so the computation of December still holds
    assert (result["currency"], result["figures"]["calculation_date"], result["figures"]["k_sum"]) == ("GBP", "2024-12-02", None)
    assert (result["required"], result["state"]) == ("150000", "adequate")


def basel(**more: str) -> Bench:
    bench = Bench()
    for year in ("2023", "2024", "2025"):
        bench.declare("business_indicator", "2000000000", "EUR", fiscal_year=year)
    for year, loss in more.items():
        bench.declare("annual_loss", loss, "EUR", year=year.removeprefix("y"))
    return bench


def test_basel_parts_are_absolute_and_averaged_each_by_itself() -> None:
    bench = Bench()
    for year, ildc in (("2022", "900"), ("2023", "-300"), ("2024", "300"), ("2025", "600")):
        bench.declare("business_indicator", ildc, "EUR", fiscal_year=year, component="ildc")
        bench.declare("business_indicator", "-30", "EUR", fiscal_year=year, component="fc")
    figures = bench.assess("basel.ope25")["figures"]
    assert (figures["bi"], figures["bic"], figures["ilm"], figures["orc"], figures["lc"]) == ("430", "51.6", "1", "51.6", None)
    assert figures["rwa"] == "645"


def test_basel_first_bucket_needs_no_losses() -> None:
    bench = (
        Bench().declare("business_indicator", "1000000000", "EUR", fiscal_year="2025").declare("own_funds", "120000000", "EUR")
    )
    result = bench.assess("basel.ope25")
    assert (result["required"], result["state"], gaps(result)) == ("120000000", "adequate", [("window_short", "bi")])
    result = bench.assess("basel.ope25", use_loss_data="always")
    assert (result["state"], result["figures"]["ilm"]) == ("unknown", None)
    assert ("declaration_missing", "annual_loss") in gaps(result)


def test_basel_marginal_rates() -> None:
    bench = Bench().declare("business_indicator", "31000000000", "EUR", fiscal_year="2025")
    assert bench.assess("basel.ope25")["figures"]["bic"] == "4650000000"  # 120m + 29bn x 15 % + 1bn x 18 %


def test_basel_years_without_losses_are_nothing_when_one_is_known() -> None:
    result = basel(y2016="0", y2025="180000000", y2015="77").assess("basel.ope25")
    assert (result["figures"]["lc"], result["figures"]["bic"], result["figures"]["ilm"]) == ("270000000", "270000000", "1")


def test_basel_incidents_of_a_year_without_a_declared_loss() -> None:
    bench = basel(y2025="5").price("EUR", "EUR", "1")
    bench.incident(
        "2024-12-31T12:00:00Z",
        [("EUR", "90", "client")],
        recoveries=[{"asset": "EUR", "quantity": "20", "received_at": "2025-01-01T00:00:00Z"}],
    )
    bench.incident("2024-12-31T12:00:00Z", [("EUR", "900", "client")], status="suspected")
    bench.incident("2025-12-30T12:00:00Z", [("EUR", "900", "client")], status="closed")  # 2025 is declared
    assert bench.assess("basel.ope25")["figures"]["lc"] == "112.5"  # 15 x (70 + 5) / 10


def test_multiplier_has_sixty_digits_and_is_exactly_one_at_equality() -> None:
    assert multiplier(Fraction(7, 3), Fraction(7, 3), Fraction(4, 5)) == 1
    found = multiplier(Fraction(6), Fraction(537, 100), Fraction(4, 5))
    with localcontext(Context(prec=400)):
        quotient = (Decimal(600) / Decimal(537)) ** Decimal("0.8")
        expected = (Decimal(1).exp() - 1 + quotient).ln()
        assert abs(Decimal(found.numerator) / Decimal(found.denominator) - expected) < Decimal("1e-70")
    assert str(float(found)).startswith("1.0335701941407")


def test_multiplier_of_no_loss() -> None:
    found = multiplier(Fraction(0), Fraction(5), Fraction(4, 5))
    assert str(float(found)).startswith("0.54132")


def test_new_york_own_assets_do_not_count_and_an_empty_entity_is_unknown() -> None:
    bench = (
        Bench().price("BTC", "USD", "10").hold("house_asset", "cold", "BTC", "9").hold("client_liability", "ledger", "BTC", "1")
    )
    result = bench.assess("us.ny_custody")
    assert (component(result, "client_asset.BTC")["held"], result["required"], result["state"]) == (None, "10", "unknown")
    empty = Bench().hold("house_asset", "cold", "BTC", "9").assess("us.ny_custody")
    assert (empty["components"], empty["required"], empty["state"]) == ([], None, "unknown")


def test_new_york_fiat_is_not_custody() -> None:
    bench = Bench().hold("client_liability", "ledger", "USD", "5").hold("client_asset", "bank", "USD", "1")
    result = bench.assess("us.ny_custody")
    assert (result["components"], result["required"], result["coverage"], result["state"]) == ([], "0", None, "adequate")


def house() -> Bench:
    return Bench().hold("reserve_asset", "bank", "JPY", "1000")


def test_house_hour_of_at_and_the_23_before_it() -> None:
    bench = house().trade("BTC/JPY", "1000", "7", "2026-01-04T01:59:59Z").trade("BTC/JPY", "1000", "2", "2026-01-04T02:00:00Z")
    bench.trade("BTC/JPY", "1000", "3", "2026-01-05T00:30:00Z", instrument="derivative")
    options: dict[str, Any] = {"skip": ["custody", "incidents", "loss_history"]}
    assert bench.assess("house.composite", "2026-01-05T00:59:59Z", **options)["figures"]["flow"] == "9.3"
    assert bench.assess("house.composite", "2026-01-05T01:00:00Z", **options)["figures"]["flow"] == "2.3"


def test_house_without_any_trade_is_unknown() -> None:
    result = house().assess("house.composite", skip=["custody"])
    assert (result["figures"]["flow"], result["figures"]["custody"], result["figures"]["incidents"]) == (None, None, "0")
    assert (gaps(result), result["state"]) == ([("source_silent", "market.trades")], "unknown")


def test_house_losses_closed_less_than_ten_years_ago() -> None:
    bench = house().incident("2016-01-05T01:00:00Z", [("JPY", "100", "house")], status="closed", logged="2016-01-05T01:00:00Z")
    bench.incident("2016-01-05T01:00:01Z", [("JPY", "30", "house")], status="closed", logged="2016-01-05T01:00:01Z")
    bench.incident("2026-01-04T00:00:00Z", [("JPY", "500", "house")], status="suspected").incident(
        "2026-01-04T00:00:00Z", [("JPY", "9999", "house")], status="withdrawn"
    )
    result = bench.assess("house.composite", "2026-01-05T01:00:00Z", skip=["custody", "flow"])
    assert (result["figures"]["loss_history"], result["figures"]["incidents"], result["required"]) == ("3", "500", "503")


def test_house_every_part_skipped_has_no_headline() -> None:
    result = house().assess("house.composite", skip=["custody", "flow", "incidents", "loss_history"])
    assert (result["required"], result["available"], result["state"]) == (None, None, "adequate")
    assert component(result, "reserve")["state"] == "not_applicable"


def test_house_estimate_replaces_losses_but_not_the_client_part() -> None:
    bench = house().incident(
        "2026-01-04T00:00:00Z", [("JPY", "70", "client")], loss_estimate={"amount": "100", "currency": "JPY"}
    )
    figures = bench.assess("house.composite", skip=["custody", "flow"])["figures"]
    assert (figures["incidents"], figures["incidents.gross"], figures["incidents.client"]) == ("100", "100", "70")
