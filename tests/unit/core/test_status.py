"""The status object of CONTRACT 5 and the numbers for metrics."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from monitor.core.engine import Engine
from monitor.core.values.times import SECOND, format_time
from tests.journal_maker import START, Journal, configuration_text, house, load

HOUR_S = 3600


def engine_at(made: Journal) -> Engine:
    engine = Engine(0, check_journal_time=False)
    for record in made.records:
        engine.apply(record)
    return engine


@pytest.fixture
def made() -> Journal:
    journal = Journal()
    journal.configure(configuration_text({"jp-main": house(freshness={"custody.balances/w1": {"max_age_s": 600}})}))
    load(journal)
    journal.position("w", "client_asset", "warm", "BTC", "1.50", source="w1")
    return journal


def test_it_has_the_contracts_parts(made: Journal) -> None:
    made.at(1).tick()
    status = engine_at(made).status("jp-main")
    parts = [
        "entity",
        "at",
        "methods",
        "exposure",
        "alerts",
        "incidents",
        "owed",
        "trade_flow",
        "sources",
        "checkpoint",
        "promotions",
        "held_twice",
    ]
    assert list(status) == parts
    assert (status["entity"], status["at"]) == ("jp-main", format_time(START + SECOND))
    assert [value["method"] for value in status["methods"]] == ["jp.psa_custody"]
    assert status["exposure"]["schema"] == "reserve.exposure/1"


def test_an_alert_that_is_over_says_when_it_clears_if_that_holds() -> None:
    made = Journal()
    made.configure(configuration_text({"jp-main": house(levels={"exit_dwell_s": 60})}))
    load(made)

    def firing() -> list[dict[str, Any]]:
        return [one for one in engine_at(made).status("jp-main")["alerts"] if one["alertname"] == "LiabilityExceedsAssets"]

    made.at(1).position("owed", "client_liability", "ledger", "BTC", "900000", source="w1")
    made.at(5).tick()
    assert [("clears_at" in one, one["clears_after_s"]) for one in firing()] == [(False, 60)]
    made.at(10).position("owed", "client_liability", "ledger", "BTC", "0", source="w1")
    made.at(20).tick()
    assert [one["clears_at"] for one in firing()] == [format_time(START + 70 * SECOND)]
    made.at(65).tick()
    (told,) = firing()
    assert told["reason"] == "updated"
    assert told["summary"] == "jp-main: what clients are owed in BTC is there again; this alert ends if it stays so"
    made.at(71).tick()
    assert firing() == []


def test_trade_flow_is_of_the_last_24_hours_and_of_a_business_date_in_the_entitys_zone(made: Journal) -> None:
    made.at(0).trades(10, 10, "1000", price="99.5")
    made.at(15 * HOUR_S).trades(20, 4, "400", start=10)
    made.at(16 * HOUR_S).tick()
    engine = engine_at(made)
    window, today = engine.status("jp-main")["trade_flow"]
    assert (window["window"], window["date"], window["trades"], window["value"]) == ("24h", None, 14, "1400")
    assert (today["window"], today["date"], today["trades"], today["value"]) == ("day", "2026-01-06", 4, "400")
    _, yesterday = engine.status("jp-main", date(2026, 1, 5))["trade_flow"]
    assert (yesterday["date"], yesterday["trades"], yesterday["value"], yesterday["quantity"]) == ("2026-01-05", 10, "1000", "1")


def test_what_left_the_24_hours_is_gone_from_them(made: Journal) -> None:
    made.at(0).trades(10, 10, "1000")
    made.at(24 * HOUR_S - 1).tick()
    assert [row["window"] for row in engine_at(made).status("jp-main")["trade_flow"]] == ["24h"]
    made.at(24 * HOUR_S).tick()
    assert engine_at(made).status("jp-main")["trade_flow"] == []


def test_sources_show_age_state_and_counts_by_outcome(made: Journal) -> None:
    made.progress("custody.balances", 0, 7, applied=0, dead_letter=2)
    made.at(700).tick()
    rows = {row["topic"]: row for row in engine_at(made).status("jp-main")["sources"]}
    assert (rows["custody.balances"]["applied"], rows["custody.balances"]["dead_letter"]) == (5, 2)
    feed = rows["custody.balances/w1"]
    assert (feed["state"], feed["age_s"], feed["last_event_at"]) == ("silent", 700, format_time(START))
    assert (rows["security.incidents"]["last_event_at"], rows["security.incidents"]["age_s"]) == (None, None)


def test_ages_are_reckoned_at_the_engine_clock(made: Journal) -> None:
    made.at(5).tick()
    engine = engine_at(made)
    ages = []
    for second in (30, 90):
        made.at(second).tick()
        engine.apply(made.records[-1])
        ages.append(next(row["age_s"] for row in engine.status("jp-main")["sources"] if row["topic"] == "market.prices"))
    assert ages == [30, 90]


def test_incidents_are_their_newest_revisions(made: Journal) -> None:
    made.incident("i1", "suspected", 1)
    made.incident("i1", "confirmed", 2)
    made.incident("i1", "suspected", 1)
    assert [(one["incident_id"], one["revision"], one["status"]) for one in engine_at(made).status("jp-main")["incidents"]] == [
        ("i1", 2, "confirmed")
    ]


def test_measures_are_exact_texts_and_null_where_unknown(made: Journal) -> None:
    made.incident("i1", "confirmed", 1)
    made.position("e", "house_asset", "hot", "ETH", "3")
    made.at(0.5).tick()
    measures = engine_at(made).measures("jp-main")
    quantities = {(row.asset, row.role, row.storage): row.quantity for row in measures.custody_quantity}
    assert quantities["BTC", "client_asset", "warm"] == "1.5"
    amounts = {(row.role, row.storage): row.amount for row in measures.custody_amount}
    assert (amounts["client_asset", "warm"], amounts["house_asset", "hot"]) == ("22500000", None)
    assert measures.incident_loss == (("confirmed", "1000000"),)
    assert measures.trade_value == (("24h", None),)
    assert measures.evaluated_at == START + SECOND // 2
    assert measures.state_since == {"jp.psa_custody": START + SECOND // 2}
    assert measures.holes == {}


def test_a_hole_is_counted(made: Journal) -> None:
    made.trades(10, 10, "1000")
    made.trades(60, 5, "500", start=50)
    made.at(1).tick()
    engine = engine_at(made)
    assert engine.measures("jp-main").holes == {"market.trades": 1}


def test_an_entity_that_is_not_here_is_a_key_error(made: Journal) -> None:
    with pytest.raises(KeyError):
        engine_at(made).status("elsewhere")
