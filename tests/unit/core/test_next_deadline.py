"""When something is due by time alone, asked at every price: what prices cannot change is found once (JOURNAL 2)."""

from __future__ import annotations

from dataclasses import replace

from monitor.core.engine import Engine
from monitor.core.journal.records import Rules
from monitor.core.values.times import SECOND
from tests.journal_maker import START, Journal, configuration_text, house, load
from tests.properties.test_engine_replay import Table

TWO = {name: house(prices={"max_age_s": 30}) for name in ("a-main", "b-main")}


def _read(engine: Engine, journal: Journal) -> None:
    """What is new of the journal; after each record it is asked when something is due."""
    for record in journal.records[engine.position + 1 :]:
        engine.apply(record)
        assert engine.next_deadline is None or engine.next_deadline > START


def _asked_anew(engine: Engine, table: Table) -> int | None:
    """When something is due as an engine finds it that was restored just now."""
    cut = engine.cut()
    table.take(cut)
    return Engine.restore(0, cut.position, cut.version, table.buckets, check_journal_time=True).next_deadline


def test_what_was_declared_since_is_due_though_it_was_evaluated_at_the_same_instant_before() -> None:
    journal, engine = Journal(), Engine(0, check_journal_time=True)
    journal.configure(configuration_text({name: house() for name in TWO}))
    load(journal, entity="a-main")
    journal.at(0.1).tick()
    _read(engine, journal)
    journal.declaration("capital", "1000", entity="a-main", effective_from=START + 30 * SECOND)
    journal.at(2).position("hot", "client_asset", "hot", "BTC", "1", entity="b-main")
    _read(engine, journal)
    assert engine.next_deadline == START + 30 * SECOND


def _under_newer_rules(journal: Journal) -> None:
    """The flush that was written last is one under newer rules, and its progress is not there yet."""
    _, flow = (journal.records.pop().statement for _ in "ab")
    journal.put(replace(flow, rules=Rules(2, "sha256:newer")))


def test_trades_that_a_flush_of_another_entity_takes_back_are_not_waited_for() -> None:
    """Fails where an engine that was not restored meanwhile looks once more when such a trade would have become too old."""
    journal, engine, table = Journal(), Engine(0, check_journal_time=True), Table()
    journal.configure(configuration_text(TWO))
    for name in TWO:
        load(journal, entity=name)
    for second, name in enumerate(TWO, 3):
        journal.at(second).trades(10, 5, "1000", entity=name)
    journal.at(5).price("BTC", "15000001")
    journal.at(5.5).tick()
    _read(engine, journal)
    assert engine.next_deadline == _asked_anew(engine, table)
    journal.trades(12, 5, "1000", entity="a-main")
    _under_newer_rules(journal)
    journal.at(6).position("hot", "client_asset", "hot", "BTC", "1", entity="a-main")
    _read(engine, journal)
    assert engine.next_deadline == _asked_anew(engine, table) == START + 35 * SECOND + 1
