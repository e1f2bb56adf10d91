"""Alerts before what takes long: scenarios and figures that are due by their interval alone wait for the next evaluation."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.core.engine import LEFT_TO_TICKS, UNTICKED, Engine
from monitor.core.entity.entity import ALERTS_FIRST
from monitor.core.entity.publication import SPREAD, SPREAD_FROM, spread_of
from monitor.core.journal.outputs import Output
from monitor.core.journal.vocabulary import ALERTS, ASSESSMENTS, EXPOSURES
from monitor.core.values.times import MINUTE, SECOND, parse_time
from tests.journal_maker import START, Journal, alerts, configuration_text, house, load
from tests.properties.test_engine_replay import Table

SCENARIOS = {"fall": {"title": "fall", "stresses": [{"type": "price", "asset": "BTC", "factor": "0.5"}]}}
METHODS = [
    {"id": "jp.psa_custody", "mode": "in_force", "options": {"skip": ["fiat_trust", "capital", "net_assets"]}},
    {"id": "hk.vatp", "mode": "in_force", "options": {}},
]


class Desk:
    """An engine and the pen of its journal, with an entity that was published just now."""

    def __init__(self) -> None:
        self.journal, self.engine = Journal(), Engine(0, check_journal_time=False)
        self._applied = 0
        self.journal.configure(configuration_text({"jp-main": house(methods=METHODS)}, scenarios=SCENARIOS))
        self.journal.price("BTC", "5000000")
        for role, storage in (("client_asset", "cold"), ("client_liability", "ledger"), ("guarantee_asset", "cold")):
            self.journal.position(f"{role}-{storage}", role, storage, "BTC", "1000")
        self.journal.at(1).tick()
        self.journal.at(62).tick()
        self.outputs()

    def outputs(self) -> list[Output]:
        """Of what was written since."""
        new = self.journal.records[self._applied :]
        self._applied += len(new)
        return [output for record in new for output in self.engine.apply(record)]

    def hot(self, second: float, quantity: str) -> list[Output]:
        """A hot balance, and what the tick that follows publishes."""
        self.journal.at(second).position("hot", "client_asset", "hot", "BTC", quantity)
        self.journal.at(second + 0.1).tick()
        return self.outputs()


def topics(outputs: list[Output]) -> list[str]:
    return [output.topic for output in outputs]


def exposures(outputs: list[Output]) -> list[dict[str, Any]]:
    return [output.value for output in outputs if output.topic == EXPOSURES and output.value is not None]


def test_an_evaluation_that_tells_of_an_alert_leaves_scenarios_to_the_next() -> None:
    """Fails where an alert is published behind the scenarios that were due with it."""
    desk = Desk()
    told = desk.hot(130, "300")
    assert ALERTS in topics(told)
    assert exposures(told) == []
    assert desk.engine.waiting
    desk.journal.at(130.2).tick()
    [exposure] = exposures(desk.outputs())
    assert exposure["scenarios"][0]["name"] == "fall"
    assert exposure["at"].endswith("10.200000Z")
    assert not desk.engine.waiting


def test_figures_without_an_alert_of_their_own_follow_too() -> None:
    desk = Desk()
    told = [output.value["method"] for output in desk.hot(130, "300") if output.topic == ASSESSMENTS and output.value]
    desk.journal.at(130.2).tick()
    later = [output.value["method"] for output in desk.outputs() if output.topic == ASSESSMENTS and output.value]
    assert sorted(told + later) == ["hk.vatp", "jp.psa_custody"]


def test_alerts_that_go_on_and_on_hold_scenarios_up_for_a_moment_only() -> None:
    desk, published = Desk(), None
    for number in range(60):
        second = 130 + number / 5
        outputs = desk.hot(second, "300" if number % 2 else "1")
        if exposures(outputs):
            published = second
            break
    assert published is not None
    assert published - 130 <= ALERTS_FIRST / SECOND


def test_exposures_of_many_entities_of_a_partition_are_due_at_other_instants() -> None:
    many = 3 * SPREAD_FROM
    desk, names = Desk(), [f"e-{number}" for number in range(many)]
    desk.journal = Journal()
    desk.engine, desk._applied = Engine(0, check_journal_time=False), 0
    desk.journal.configure(configuration_text(dict.fromkeys(names, house(methods=METHODS[:1])), scenarios=SCENARIOS))
    for number in range(3):
        desk.journal.at(number * 3).price("BTC", str(5_000_000 + number))
        for name in names:
            desk.journal.position("cold", "client_asset", "cold", "BTC", str(1000 + number), entity=name)
        desk.journal.at(number * 3 + 1).tick()
    desk.outputs()
    desk.journal.at(200).tick()
    found = [exposure["at"] for exposure in exposures(desk.outputs())]
    assert len(found) == many
    assert len(set(found)) > many // 2
    config = desk.engine.config
    assert config is not None
    spread = [spread_of(name, config) for name in names]
    assert 0 <= min(spread) < max(spread) < min(many * SPREAD, MINUTE // 2)


def test_a_few_entities_are_due_when_their_interval_is_over() -> None:
    desk = Desk()
    config = desk.engine.config
    assert config is not None
    assert spread_of("jp-main", config) == 0


def test_whoever_asks_between_two_steps_of_an_evaluation_sees_an_alert_as_it_was_published_last() -> None:
    """Fails where an alert that has just resolved, and still stands as firing, is asked how long it must be over."""
    desk = Desk()
    desk.hot(130, "300")
    asked = set[int]()
    desk.journal.at(131).position("hot", "client_asset", "hot", "BTC", "1")
    desk.journal.at(131.1).tick()
    for record in desk.journal.records[desk._applied :]:
        for _ in desk.engine.steps(record):
            asked.add(len(desk.engine.figures("jp-main")["alerts"]))
    assert len(asked | {len(desk.engine.status("jp-main")["alerts"])}) > 1


@pytest.mark.parametrize(
    ("waits", "ticked", "after"),
    [
        ("price", True, LEFT_TO_TICKS // SECOND + 1),
        ("flow", True, LEFT_TO_TICKS // SECOND + 1),
        ("price", False, UNTICKED // SECOND),
        ("flow", False, UNTICKED // SECOND),
        ("position", True, 2),
        ("position", False, 2),
    ],
)
def test_trades_and_prices_are_left_to_ticks_and_all_else_is_evaluated_before_a_record_of_the_next_second(
    waits: str, ticked: bool, after: int
) -> None:
    """Fails where a price a second evaluates every entity as often whatever the worker can carry: who writes ticks knows."""
    desk = Desk()
    begin = 130 if ticked else 300
    desk.journal.at(begin).position("hot", "client_asset", "hot", "BTC", "3")
    if ticked:
        desk.journal.at(begin + 0.5).tick()
    for second in range(1, 70):
        desk.journal.at(begin + second)
        if waits == "price":
            desk.journal.price("BTC", str(5_000_000 + second))
        elif waits == "flow":
            desk.journal.trades(second * 10, second * 10, f"{second}00")
        elif second == 1:
            desk.journal.position("hot", "client_asset", "hot", "BTC", "2")
        else:
            desk.journal.price("ZZZ", str(second))
        desk.outputs()
        if parse_time(desk.engine.figures("jp-main")["methods"][0]["at"]) > START + begin * SECOND + SECOND // 2:
            assert second == after
            return
    raise AssertionError("never evaluated")


def test_a_price_is_looked_at_before_what_comes_long_after_it_where_nobody_writes_ticks() -> None:
    """Fails where the price waits for that record and is named beside it as a cause of what it changed."""
    desk = Desk()
    desk.hot(130, "300")
    desk.journal.at(132).price("BTC", "5000001")
    desk.outputs()
    desk.journal.at(3732).position("hot", "client_asset", "hot", "BTC", "1")
    desk.outputs()
    assert desk.engine.figures("jp-main")["methods"][0]["at"] >= "2026-01-05T00:02:12"
    desk.journal.at(3733).tick()
    ended = [output.value for output in desk.outputs() if output.topic == ALERTS and output.value is not None]
    assert ended
    causes = [cause["event_id"] for alert in ended for cause in alert["causes"]]
    assert not [cause for cause in causes if "BTC" in cause]


def test_an_exposure_that_has_come_to_be_unknown_carries_the_scenarios_of_its_own_figures() -> None:
    """Fails where an alert of the same evaluation leaves those of the last time in it, where they stay until figures move."""
    desk = Desk()
    desk.journal, desk.engine, desk._applied = Journal(), Engine(0, check_journal_time=False), 0
    entity = house(methods=METHODS[:1], prices={"max_age_s": 900})
    desk.journal.configure(configuration_text({"jp-main": entity}, scenarios=SCENARIOS))
    desk.journal.price("BTC", "5000000")
    for role, storage in (("client_asset", "cold"), ("client_asset", "hot"), ("client_liability", "ledger")):
        desk.journal.position(f"{role}-{storage}", role, storage, "BTC", "10")
    desk.journal.at(1).tick()
    [known] = exposures(desk.outputs())
    desk.journal.at(910).tick()
    outputs = desk.outputs()
    [unknown] = exposures(outputs)
    assert "ReserveUnknown" in [output.value["alertname"] for output in outputs if output.topic == ALERTS and output.value]
    stale, too_old = (exposure["scenarios"][0]["methods"][0]["state"] for exposure in (known, unknown))
    assert (stale, too_old) == ("shortfall", "unknown")


@pytest.mark.parametrize("restored", [False, True])
def test_what_waits_at_a_tick_that_is_not_ahead_is_evaluated_before_a_record_of_the_next_second(restored: bool) -> None:
    """Fails where prices are evaluated once a minute because the clock of intake is a second ahead of the assessor's."""
    desk = Desk()
    desk.journal.at(70.1).price("BTC", "5000001")
    desk.journal.at(69.5).tick()
    assert desk.outputs() == []
    if restored:
        table = Table()
        cut = desk.engine.cut()
        table.take(cut)
        desk.engine = Engine.restore(0, cut.position, cut.version, table.buckets, check_journal_time=False)
    evaluated = []
    for second in range(71, 80):
        desk.journal.at(second).price("BTC", str(5_000_000 + second))
        desk.outputs()
        evaluated.append(desk.engine.figures("jp-main")["methods"][0]["at"][-10:])
    assert evaluated == ["10.100000Z"] * 9


def test_a_dwell_that_is_over_fires_though_prices_come_and_ticks_are_far_apart() -> None:
    """Fails where what waits for a price hides until the next tick that a balance is to be told of by now."""
    journal, fired = Journal(), list[float]()
    journal.configure(configuration_text({"jp-main": house(levels={"enter_dwell_s": 10})}))
    load(journal)
    journal.at(1).tick()
    journal.at(2).position("hot", "client_asset", "hot", "BTC", "300")
    journal.at(2.1).tick()
    for second in range(3, 40):
        journal.at(second).price("BTC", str(15_000_000 + second))
        if second % 20 == 3:
            journal.at(second + 0.1).tick()
    engine = Engine(0, check_journal_time=True)
    for record in journal.records:
        if any(alert["status"] == "firing" for alert in alerts(engine.apply(record))):
            fired.append((record.statement.at - START) / SECOND)
    assert fired[0] == 13
