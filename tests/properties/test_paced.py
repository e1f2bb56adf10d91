"""Where very many entities are configured, prices alone evaluate one at a pace; all else evaluates it as ever."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.engine import Engine
from monitor.core.entity import population
from monitor.core.journal.records import journal_partition
from monitor.core.values.times import SECOND
from tests.journal_maker import START, Journal, configuration_text, house, load
from tests.properties.test_engine_replay import ENTITIES, Action, Table, journal_of, printed
from tests.properties.test_snapshots_whole import STEPS, whole

PACE = 4 * SECOND


@contextmanager
def very_many() -> Iterator[None]:
    """Two entities count as very many, with this pace."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(population, "PACED_FROM", 1)
        patched.setattr(population, "PACE_NS", PACE // 2)
        yield


@settings(max_examples=15, deadline=None)
@given(STEPS, st.sets(st.integers(0, 40), max_size=4))
def test_a_restored_engine_keeps_the_pace_of_one_never_restored(
    steps: Sequence[tuple[float, Action]], restores: set[int]
) -> None:
    with very_many():
        engine, steady, table = Engine(0, check_journal_time=True), Engine(0, check_journal_time=True), Table()
        for record in journal_of(steps).records:
            assert printed(engine.apply(record)) == printed(steady.apply(record))
            cut = engine.cut()
            table.take(cut)
            if record.offset in restores:
                engine = Engine.restore(0, cut.position, cut.version, table.buckets, check_journal_time=True)
            assert (engine.clock, engine.waiting, engine.next_deadline) == (steady.clock, steady.waiting, steady.next_deadline)
            assert whole(engine) == whole(steady)


def _evaluated(engine: Engine, journal: Journal) -> list[tuple[float, str]]:
    """Seconds at which entities were evaluated, by the records that are new."""
    found = []
    for record in journal.records[engine.position + 1 :]:
        engine.apply(record)
        found += [((engine.clock - START) / SECOND, name) for name in engine.touched()]
    return found


def test_prices_evaluate_an_entity_at_its_pace_and_what_is_its_own_at_once() -> None:
    journal = Journal()
    journal.configure(configuration_text(dict(ENTITIES)))
    for name in ENTITIES:
        load(journal, entity=name)
    journal.at(1).tick()
    engine = Engine(0, check_journal_time=True)
    with very_many():
        _evaluated(engine, journal)
        for second in range(2, 11):
            journal.at(second).price("BTC", str(15_000_000 + second))
            journal.at(second + 0.5).tick()
        assert [at for at, name in _evaluated(engine, journal) if name == "jp-main"] == [4.5, 8.5]
        assert not engine.waiting
        assert (engine.waits(START + round(12.5 * SECOND) - 1), engine.waits(START + round(12.5 * SECOND))) == (False, True)
        journal.at(11).position("hot", "client_asset", "hot", "BTC", "3")
        assert _evaluated(engine, journal) == []
        assert engine.waiting
        journal.at(11.1).tick()
        assert _evaluated(engine, journal) == [(11.1, "jp-main")]
        journal.at(20).tick()
        assert [at for at, name in _evaluated(engine, journal) if name == "kr-main"] == [20]
        assert not engine.waiting


def test_entities_of_other_partitions_count_since_one_worker_may_have_them_all() -> None:
    names = [name for name in map("e{}".format, range(20)) if journal_partition(name, 2) == 0][:1]
    others = [name for name in map("x{}".format, range(20)) if journal_partition(name, 2) == 1][:3]
    journal = Journal()
    journal.configure(configuration_text({name: house() for name in names + others}, kafka={"journal_partitions": 2}))
    load(journal, entity=names[0])
    journal.at(1).tick()
    engine = Engine(0, check_journal_time=True)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(population, "PACED_FROM", 4)
        patched.setattr(population, "PACE_NS", SECOND)
        _evaluated(engine, journal)
        for second in range(2, 11):
            journal.at(second).price("BTC", str(15_000_000 + second))
            journal.at(second + 0.5).tick()
        assert [at for at, _ in _evaluated(engine, journal)] == [4.5, 8.5]
