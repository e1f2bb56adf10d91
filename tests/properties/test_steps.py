"""A record taken in steps: whatever is asked of the engine between them, it says what it says at once."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.book.custody import positions
from monitor.core.engine import Engine
from monitor.core.foresight.scenarios import Scenario
from monitor.core.journal.outputs import Output
from monitor.core.journal.records import JournalRecord
from monitor.core.values.times import SECOND
from tests.journal_maker import Journal, configuration_text, house, load

NAMES = ("one", "two")
METHODS = [
    {"id": "jp.psa_custody", "mode": "in_force", "options": {"skip": ["fiat_trust", "capital", "net_assets"]}},
    {"id": "house.composite", "mode": "in_force"},
]
CONFIGURED = configuration_text({name: house(methods=METHODS) for name in NAMES}, scenarios={})
FALL = Scenario("fall", "Fall", ({"type": "price", "asset": "all", "factor": "0.5"},))

Act = Callable[[Journal], None]
Asked = Callable[[Engine], object]
ASKED: tuple[Asked, ...] = (
    lambda engine: [engine.status(name) for name in engine.entities()],
    lambda engine: [engine.measures(name) for name in engine.entities()],
    lambda engine: [engine.foresee(name, FALL) for name in engine.entities()],
    lambda engine: [engine.actions(name) for name in engine.entities()],
    lambda engine: (engine.waiting, engine.next_deadline, engine.clock, engine.standing_alerts()),
)


def _in_steps(engine: Engine, record: JournalRecord, asked: list[Asked]) -> list[Output]:
    steps, taken = engine.steps(record), 0
    while True:
        try:
            next(steps)
        except StopIteration as done:
            found: list[Output] = done.value
            return found
        if asked and taken % 4 == 1:
            asked[taken // 4 % len(asked)](engine)
        taken += 1


def _moved(price: str | None, hot: str, name: str) -> Act:
    def act(journal: Journal) -> None:
        if price is not None:
            journal.price("BTC", price)
        journal.position("hot", "client_asset", "hot", "BTC", hot, entity=name)

    return act


ACTIONS = st.tuples(
    st.sampled_from((0.5, 2, 61)),
    st.builds(
        _moved, st.sampled_from((None, "15000000", "9000000")), st.sampled_from(("0", "40", "900")), st.sampled_from(NAMES)
    ),
)


@settings(max_examples=5, deadline=None)
@given(st.lists(ACTIONS, min_size=1, max_size=2), st.lists(st.sampled_from(ASKED), max_size=3))
def test_what_is_asked_between_steps_changes_no_byte(
    steps: list[tuple[float, Callable[[Journal], None]]], asked: list[Asked]
) -> None:
    journal = Journal()
    journal.configure(CONFIGURED)
    for name in NAMES:
        load(journal, entity=name)
    journal.at(1).tick()
    seconds = 1.0
    for pause, act in steps:
        seconds += pause
        act(journal.at(seconds))
        seconds += 1
        journal.at(seconds).tick()
    whole, stepwise = Engine(0, check_journal_time=True), Engine(0, check_journal_time=True)
    for record in journal.records:
        assert _in_steps(stepwise, record, asked) == whole.apply(record)


def test_a_price_that_an_entity_was_asked_about_before_its_evaluation_is_seen_by_it() -> None:
    journal = Journal()
    journal.configure(configuration_text({"one": house()}))
    load(journal, entity="one")
    journal.at(1).tick()
    journal.at(2).price("BTC", "9000000")
    journal.at(3).tick()
    asked, unasked = Engine(0, check_journal_time=True), Engine(0, check_journal_time=True)
    for record in journal.records:
        assert asked.apply(record) == unasked.apply(record)
        if asked.entities():
            asked.foresee("one", FALL)
    (found,), (anew,) = (engine.evaluations("one")["assessments"] for engine in (asked, unasked))
    assert found == anew
    assert found["required"] == "360000000"


def test_a_method_an_alert_and_a_scenario_are_a_step_each() -> None:
    journal = Journal()
    journal.configure(configuration_text({"one": house(methods=METHODS)}, scenarios={"prices_halve": None}))
    load(journal, entity="one")
    journal.at(1).tick()
    engine = Engine(0, check_journal_time=True)
    for record in journal.records[:-1]:
        engine.apply(record)
    assert sum(1 for _ in engine.steps(journal.records[-1])) > 2 * len(METHODS)


def test_a_new_configuration_takes_few_accounts_a_step_and_shows_nothing_until_it_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(positions, "_DERIVED_AT_ONCE", 2)
    journal = Journal()
    journal.configure(configuration_text({"one": house()}))
    load(journal, entity="one")
    for number in range(20):
        journal.position(f"c-{number}", "client_asset", "cold", "BTC", "1", entity="one")
    for ahead in (90, 95):
        as_of = journal.now + 4 * SECOND + ahead * SECOND // 100
        journal.position(f"ahead-{ahead}", "client_asset", "cold", "BTC", "5", entity="one", as_of=as_of)
    journal.at(1).tick()
    journal.at(4.98).configure(configuration_text({"one": house(time_zone="Asia/Kathmandu")}, revision=2))
    configured = len(journal.records) - 1
    journal.at(6).position("c-3", "client_asset", "cold", "BTC", "2", entity="one")
    journal.at(7).tick()
    whole, asked = Engine(0, check_journal_time=True), Engine(0, check_journal_time=True)
    for record in journal.records[:configured]:
        assert asked.apply(record) == whole.apply(record)
    shown = []
    steps = asked.steps(journal.records[configured])
    while next(steps, asked) is not asked:
        asked.status("one")
        asked.candidates("one")
        shown.append(asked.foresee("one", FALL)[0]["before"]["available"])
    whole.apply(journal.records[configured])
    assert len(shown) > 10
    assert len(set(shown[-10:])) == 1
    for record in journal.records[configured + 1 :]:
        assert asked.apply(record) == whole.apply(record)
    assert dict(asked.cut().buckets) == dict(whole.cut().buckets)
