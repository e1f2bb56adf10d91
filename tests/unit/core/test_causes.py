"""Causes: the newest few of each part, and what came since a place in the journal."""

from monitor.core.journal.causes import CAUSES_A_PART, Causes, cause_of, configuration_cause, why
from tests.journal_maker import Journal


def test_each_kind_of_event_explains_its_part() -> None:
    journal = Journal()
    journal.price("BTC", "1")
    journal.position("a", "client_asset", "hot", "BTC", "1")
    journal.trades(7, 7, "10")
    journal.incident("i", "confirmed")
    journal.declaration("own_funds", "1")
    journal.rejected("custody.balances", "a", "BTC", "client_asset")
    journal.tick()
    causes = [cause_of(record) for record in journal.records]
    parts = [cause and cause.part for cause in causes]
    assert parts == ["price", "balance", "volume", "data_quality", "incident", "declaration", "data_quality", None]
    flow = causes[2]
    assert flow is not None
    assert (flow.printed()["topic"], flow.printed()["offset"]) == ("market.trades", 6)


def test_a_configuration_is_its_own_source() -> None:
    journal = Journal()
    journal.configure('{"revision":7}')
    cause = configuration_cause(journal.records[0], 3)
    assert cause.printed() == {"topic": "reserve.journal", "epoch": 0, "partition": 3, "offset": 0, "event_id": "configuration/7"}


def test_a_busy_second_keeps_its_newest_and_what_came_before_a_mark_is_told_already() -> None:
    journal, causes = Journal(), Causes()
    for number in range(3 * CAUSES_A_PART):
        journal.price("BTC", str(number + 1))
        causes.note(cause_of(journal.records[-1]))
    assert len(causes.since(-1)) == CAUSES_A_PART
    assert [cause.number for cause in causes.since(3 * CAUSES_A_PART - 3)] == [3 * CAUSES_A_PART - 2, 3 * CAUSES_A_PART - 1]
    assert Causes.of_state(causes.state()).since(-1) == causes.since(-1)


def test_a_cause_that_is_made_when_it_is_asked_for_is_the_one_of_its_record() -> None:
    journal, made, asked = Journal(), Causes(), Causes()
    journal.price("BTC", "1")
    journal.position("a", "client_asset", "hot", "BTC", "1")
    journal.trades(7, 7, "10")
    journal.incident("i", "confirmed")
    journal.declaration("own_funds", "1")
    journal.tick()
    for record in journal.records:
        made.note(cause_of(record, "9", "cold"))
        asked.note_of(record, "9", "cold")
    assert len(made.since(-1)) == 6
    assert asked.since(-1) == made.since(-1)
    assert asked.state() == made.state()


def test_an_explanation_has_its_parts_in_order_with_deltas_null() -> None:
    journal, causes = Journal(), Causes()
    journal.declaration("own_funds", "1")
    journal.price("BTC", "1")
    for record in journal.records:
        causes.note(cause_of(record))
    told = why(causes.since(-1))
    assert [part["part"] for part in told] == ["price", "declaration"]
    assert {(part["required_delta"], part["available_delta"]) for part in told} == {(None, None)}
