"""An engine for one entity, fed with stubs of the others' records, gives the very outputs of the whole partition's engine."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.audit.stubs import Stubber, expanded
from monitor.core.engine import Engine
from monitor.core.journal.records import JournalRecord
from tests.journal_maker import Journal, configuration_text
from tests.properties.test_engine_replay import ENTITIES, STEPS, Action, journal_of, printed, replay


def told(journal: Journal, entity: str) -> list[JournalRecord]:
    """The journal as a bundle of the entity holds it."""
    stubber = Stubber(0)
    return [
        record
        if record.statement.entity in (None, entity)
        else expanded(stubber.stub(record.statement), 0, record.offset, record.journal_time, record.digest)
        for record in journal.records
    ]


@settings(max_examples=40, deadline=None)
@given(STEPS, st.sampled_from(["jp-main", "kr-main"]))
def test_stubs_tell_all_that_figures_share(steps: Sequence[tuple[float, Action]], entity: str) -> None:
    journal = journal_of(steps)
    alone, whole = Engine(0, check_journal_time=True, only=entity), Engine(0, check_journal_time=True)
    outputs = [output for record in told(journal, entity) for output in alone.apply(record)]
    assert printed(outputs) == printed([output for output in replay(journal, whole) if output.entity == entity])
    assert alone.checkpoints() == [one for one in whole.checkpoints() if one["entity"] == entity]


def test_stubs_name_nothing_of_the_other_entity() -> None:
    journal = Journal()
    journal.trades(10, 10, "123456789", entity="kr-main")
    journal.position("secret-account", "client_asset", "hot", "BTC", "196.5", entity="kr-main")
    journal.incident("secret-incident", "confirmed", entity="kr-main")
    stubber = Stubber(0)
    text = str([stubber.stub(record.statement) for record in journal.records if record.statement.entity])
    for word in ("123456789", "secret", "BTC", "196.5", "theft", "hot"):
        assert word not in text


def test_a_whole_log_of_trades_with_others_is_complete_by_their_stubs() -> None:
    journal = Journal()
    journal.configure(configuration_text(dict(ENTITIES)))
    for upto in (10, 20, 30):
        journal.at(upto).trades(upto, upto, str(upto), entity="kr-main")
        journal.tick()
    journal.at(40).position("a", "client_asset", "hot", "BTC", "1")
    journal.at(41).tick()
    engine = Engine(0, check_journal_time=True, only="jp-main")
    for record in told(journal, "jp-main"):
        engine.apply(record)
    assert engine.status("jp-main")["methods"][0]["gaps"] == _gaps_of_the_whole(journal)


def _gaps_of_the_whole(journal: Journal) -> object:
    engine = Engine(0, check_journal_time=True)
    for record in journal.records:
        engine.apply(record)
    return engine.status("jp-main")["methods"][0]["gaps"]
