"""An alert that another configuration makes look over has not recovered, and one nobody can look at says so (CONTRACT 2)."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.core.engine import Engine
from tests.journal_maker import Journal, alerts, configuration_text, house, load, run

SHARE = {"custody.balances": {"bad_share": "0.1"}}


def text(revision: int = 1, *, sources: dict[str, Any] | None = None, **own: Any) -> str:
    return configuration_text({"jp-main": house(**own)}, revision=revision, sources=sources or {})


def told(made: Journal, name: str) -> list[tuple[str, str]]:
    found = alerts(run(made), name)
    return [(one["status"], one["reason"]) for one in found if one["reason"] not in {"resent", "updated"}]


def begun(**own: Any) -> Journal:
    made = Journal()
    made.configure(text(**own))
    load(made)
    made.at(0.1).tick()
    return made


ENTERED = ("firing", "entered")
GONE = ("resolved", "method_changed")


@pytest.mark.parametrize("share", [{}, {"custody.balances": {"bad_share": "0.9"}}], ids=["removed", "raised"])
def test_a_share_that_is_removed_or_raised_makes_no_source_well(share: dict[str, Any]) -> None:
    """Fails where the source sends what it sent before and the alert says that it has recovered."""
    made = begun(sources=SHARE)
    made.at(1).progress("custody.balances", 0, 200, dead_letter=100)
    made.at(2).tick()
    made.at(3).configure(text(2, sources=share))
    made.at(4).tick()
    assert told(made, "SourceUnhealthy") == [ENTERED, GONE]


def test_a_source_that_sends_good_records_again_has_recovered_under_any_configuration() -> None:
    """Fails where every end after a change of configuration is laid to it."""
    made = begun(sources=SHARE)
    made.at(1).progress("custody.balances", 0, 200, dead_letter=100)
    made.at(2).tick()
    made.at(3).configure(text(2, sources=SHARE, freshness={"market.prices": {"max_age_s": 900}}))
    made.at(4).tick()
    made.at(5).progress("custody.balances", 0, 4000, dead_letter=100)
    made.at(6).tick()
    assert told(made, "SourceUnhealthy") == [ENTERED, ("resolved", "recovered")]


def test_of_a_source_that_could_not_be_judged_the_alert_stays_and_says_that_nobody_looks() -> None:
    """Fails where the share goes while too few records had come to judge by: nothing proves the source well."""
    made = begun(sources=SHARE)
    made.at(1).progress("custody.balances", 0, 200, dead_letter=100, final=True)
    made.at(2).tick()
    made.at(3).progress("custody.balances", 200, 10_200, final=True)
    made.progress("custody.balances", 10_200, 10_230, dead_letter=30)
    made.at(4).tick()
    made.at(5).configure(text(2))
    made.at(6).tick()
    made.at(9).tick()
    found = alerts(run(made), "SourceUnhealthy")
    assert [(one["status"], one["reason"]) for one in found] == [ENTERED, ("firing", "method_changed")]
    assert f"alerts dismiss {found[-1]['fingerprint']}" in found[-1]["description"]
    assert found[-1]["causes"] != []
    made.at(10).operation("dismissal", body={"alert": found[-1]["fingerprint"]})
    made.at(11).tick()
    assert told(made, "SourceUnhealthy")[2:] == [("resolved", "ended")]


@pytest.mark.parametrize(
    ("before", "after", "name"),
    [
        ({"levels": {"watch_enter": "1.2"}}, {"levels": {"watch_enter": "1.01"}}, "ReserveCoverageLow"),
        ({"levels": {"watch_enter": "1.2"}}, {}, "ReserveCoverageLow"),
        (
            {"freshness": {"custody.balances": {"max_age_s": 5}}},
            {"freshness": {"custody.balances": {"max_age_s": 900}}},
            "SourceStale",
        ),
        ({"prices": {"max_age_s": 5}}, {"prices": {"max_age_s": 900}}, "ReserveUnknown"),
        ({"prices": {"max_age_s": 5}}, {}, "ReserveUnknown"),
    ],
    ids=["level-lowered", "level-removed", "freshness-raised", "age-raised", "age-removed"],
)
@pytest.mark.parametrize("dwell", [0, 30])
def test_a_level_that_moves_is_no_recovery(before: dict[str, Any], after: dict[str, Any], name: str, dwell: int) -> None:
    """Fails where the figure stands still, the level moves, and people read that it has recovered."""
    dwells = {"levels": {"exit_dwell_s": dwell, "enter_dwell_s": 0}}
    before, after = ({**one, "levels": one.get("levels", {}) | dwells["levels"]} for one in (before, after))
    made = begun(**before)
    made.at(20).tick()
    made.at(21).configure(text(2, **after))
    for second in (22, 40, 60):
        made.at(second).tick()
    assert told(made, name) == [ENTERED, GONE]


def test_a_restart_between_the_configuration_and_the_end_changes_no_reason() -> None:
    """Fails where the reason waits for its dwell in memory alone."""
    made = begun(levels={"watch_enter": "1.2", "enter_dwell_s": 0, "exit_dwell_s": 30})
    made.at(21).configure(text(2, levels={"enter_dwell_s": 0, "exit_dwell_s": 30}))
    for second in (22, 40, 60):
        made.at(second).tick()
    straight = list(run(made))
    assert alerts(straight, "ReserveCoverageLow")[-1]["reason"] == "method_changed"
    for cut_at in range(len(made.records) - 5, len(made.records)):
        engine = Engine(0, check_journal_time=False)
        before = [output for record in made.records[:cut_at] for output in engine.apply(record)]
        cut = engine.cut()
        again = Engine.restore(0, cut.position, cut.version, dict(cut.buckets), check_journal_time=False)
        assert before + list(run(made.records[cut_at:], again)) == straight


def drained(window: int | None, *, blind: bool) -> Journal:
    own: dict[str, Any] = {"methods": [{"id": "us.ny_custody", "mode": "in_force"}]}
    levels = {"dwell_s": 0, "forecast_dwell_s": 600}
    made = Journal()
    made.configure(text(**own, levels=levels | {"forecast_window_h": 12}))
    load(made)
    for asset, price in (("BTC", "100000"), ("ETH", "3000")):
        made.price(asset, price, "USD")
    for hour in range(15):
        made.at(hour * 3600 + 60).position("cold-1", "client_asset", "cold", "BTC", str(1300 - 80 * hour))
        made.tick()
        made.at(hour * 3600 + 1200).tick()
    if blind:
        made.at(54_000).position("x", "client_asset", "cold", "BTC", "1", group=("g", 2))
        made.at(54_010).tick()
    made.at(54_020).configure(text(2, **own, levels=levels | ({} if window is None else {"forecast_window_h": window})))
    made.at(54_030).tick()
    return made


def test_a_forecast_nobody_asks_for_any_more_does_not_say_that_the_drift_is_over() -> None:
    """Fails where taking the window away reads like good news, or ends what nobody could know."""
    assert told(drained(None, blind=False), "ShortfallForecast") == [ENTERED, GONE]
    assert told(drained(None, blind=True), "ShortfallForecast") == [ENTERED]
