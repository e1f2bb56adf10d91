"""`ShortfallForecast` through the engine: it fires after its own dwell, names the interval, and ends with the drift."""

from __future__ import annotations

from typing import Any

from monitor.core.engine import Engine
from monitor.core.journal.vocabulary import EXPOSURES
from tests.journal_maker import Journal, alerts, configuration_text, house, load, run

DRAINED = house(
    levels={"dwell_s": 0, "forecast_window_h": 12, "forecast_dwell_s": 600}, methods=[{"id": "us.ny_custody", "mode": "in_force"}]
)


def drained(levels: dict[str, Any] | None = None, *, refilled: bool = False) -> Journal:
    """Client coins leave cold storage at 80 an hour for 14 hours; then they stand still, or come back."""
    journal = Journal()
    journal.configure(configuration_text({"jp-main": DRAINED | ({} if levels is None else {"levels": levels})}))
    load(journal)
    journal.price("BTC", "100000", "USD")
    journal.price("ETH", "3000", "USD")
    for hour in range(15):
        journal.at(hour * 3600 + 60).position("cold-1", "client_asset", "cold", "BTC", str(1300 - 80 * hour))
        journal.tick()
        journal.at(hour * 3600 + 1200).tick()
    for hour in range(15, 30):
        journal.at(hour * 3600 + 60).position("cold-1", "client_asset", "cold", "BTC", "1500" if refilled else "180")
        journal.tick()
    return journal


def test_it_fires_after_its_dwell_with_the_interval_and_ends_with_the_drift() -> None:
    outputs = list(run(drained(refilled=True)))
    fired, *_, ended = [one for one in alerts(outputs, "ShortfallForecast") if one["reason"] != "resent"]
    assert (fired["status"], fired["severity"], fired["rule"], fired["method"]) == (
        "firing", "warning", "shortfall_forecast", "us.ny_custody",
    )  # fmt: skip
    assert fired["updated_at"] > "2026-01-05T12:11", "twelve hours, and ten minutes of dwell"
    assert fired["figures"]["earliest"] <= fired["figures"]["shortfall_at"] <= fired["figures"]["latest"]
    assert (ended["status"], ended["reason"]) == ("resolved", "ended")


def test_without_a_window_nothing_is_forecast() -> None:
    outputs = list(run(drained({"dwell_s": 0})))
    assert alerts(outputs, "ShortfallForecast") == []
    exposures = [output.value for output in outputs if output.topic == EXPOSURES and output.value]
    assert {(one["forecast"]["shortfall_at"], len(one["forecasts"])) for one in exposures} == {(None, 0)}
    assert {row["reason"] for row in exposures[-1]["buffers"] if row["horizon_h"] == 24} == {
        "history is short: 0 windows of 24 h, 99 are needed", "history is short: 0 windows of 24 h, 999 are needed",
    }  # fmt: skip


def test_a_changed_rule_begins_a_course_anew() -> None:
    engine = Engine(0, check_journal_time=False)
    journal = drained()
    list(run(journal, engine))
    before = engine.evaluations("jp-main")["exposure"]["buffers"][0]["observations"]
    journal.configure(configuration_text({"jp-main": DRAINED | {"methods": [{"id": "hk.vatp", "mode": "in_force"}]}}, revision=2))
    journal.at(31 * 3600).tick()
    for record in journal.records[engine.position + 1 :]:
        engine.apply(record)
    after = engine.evaluations("jp-main")["exposure"]["buffers"][0]
    assert before > 20
    assert (after["method"], after["observations"]) == ("hk.vatp", 0)
