"""After every cut the snapshot written piece by piece is the whole state: what was not marked as changed is caught here.

What lets it fail: a part of the state changes (a thinned price, a folded segment, a bust, a group that had its time, a dwell)
and its bucket is not marked, or is kept otherwise by who has restored it, so that a restored engine forks from the running one
days later and its snapshots go by other digests.
"""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.engine import Engine
from monitor.core.journal.records import Source, SourcePartition, Statement
from monitor.core.journal.snapshot import Cutter
from monitor.core.values.times import HOUR, SECOND, exact_time
from tests.journal_maker import RULES, Journal, configuration_text, load
from tests.properties.test_engine_replay import ACTIONS, ENTITIES, NAMES, QUANTITIES, WAITS, Action, Table

FEEDS = {"custody.balances": {"jump_ratio": "5", "supply": {"BTC": "400"}}}
WHERE = SourcePartition("market.trades", 0, 0)


def flush(segment: int, share: int, name: str, price: str) -> Action:
    """Progress within a segment of ten, or the first of the next one, which folds the one before."""
    start = 10 * segment

    def act(journal: Journal) -> None:
        journal.trades(start + share, share, str(100 * share), entity=name, start=start, final=share == 10, price=price)

    return act


def bust(segment: int, name: str) -> Action:
    def act(journal: Journal) -> None:
        body = {"log": "log-1", "trade_id": f"t{10 * segment + 2}", "market": "BTC/JPY", "capacity": "venue"}
        body |= {"instrument": "spot", "side": "buy", "price": "100", "quantity": "1", "executed_at": exact_time(journal.now)}
        source = Source(WHERE, offset=10 * segment + 5, start=10 * segment)
        journal.put(Statement("bust", name, journal.now, body, source, journal.now, RULES))

    return act


def refused_price(age_h: int) -> Action:
    def act(journal: Journal) -> None:
        body = {"topic": "market.prices", "reason": "bad_decimal", "event_id": None, "asset": "BTC", "currency": "JPY"}
        source = Source(SourcePartition("market.prices", 0, 0), offset=10_000 + len(journal.records))
        at = journal.now - age_h * HOUR
        journal.put(Statement("rejected", None, journal.now, body | {"kind": "spot", "source": None}, source, at))

    return act


def dismissal(offset: int, topic: str, name: str) -> Action:
    place = {"topic": topic, "epoch": 0, "partition": 0, "offset": offset}
    return lambda journal: journal.operation("dismissal", entity=name, body=place)


def ended_group(group: str, name: str) -> Action:
    return lambda journal: journal.operation("dismissal", entity=name, body={"group": group})


def feed_price(price: str, source_age_s: int) -> Action:
    return lambda journal: journal.price("ETH", price, as_of=journal.now - source_age_s * SECOND)


MORE = st.one_of(
    st.builds(flush, st.integers(0, 3), st.sampled_from([3, 7, 10]), NAMES, QUANTITIES.filter(lambda text: text != "0")),
    st.builds(bust, st.integers(0, 3), NAMES),
    st.builds(refused_price, st.sampled_from([0, 5])),
    st.builds(dismissal, st.integers(0, 12), st.sampled_from(["custody.balances", "market.prices", "market.trades"]), NAMES),
    st.builds(ended_group, st.sampled_from(["g1", "g2"]), NAMES),
    st.builds(lambda name: lambda j: j.rejected("custody.balances", "cold", "BTC", "client_asset", entity=name), NAMES),
    st.builds(feed_price, st.sampled_from(["1", "90", "8000"]), st.sampled_from([0, 30, 200_000])),
)
STEPS = st.lists(st.tuples(WAITS, st.one_of(ACTIONS, MORE, MORE)), max_size=12)


def whole(engine: Engine) -> dict[str, bytes]:
    """The state in buckets, written as if nothing had been written before."""
    population = engine._population
    entities = list(population.entities.values())
    kept = population.uncut, [(entity.uncut, entity.changed) for entity in entities]
    population.uncut = True
    for entity in entities:
        entity.uncut = entity.changed = True
    buckets = dict(Cutter().cut(engine._values(), set()))
    population.uncut = kept[0]
    for entity, (uncut, changed) in zip(entities, kept[1], strict=True):
        entity.uncut, entity.changed = uncut, changed
    return buckets


@settings(max_examples=15, deadline=None)
@given(STEPS, st.sets(st.integers(0, 40), max_size=3))
def test_every_incremental_snapshot_is_the_whole_state_and_a_restored_engine_has_that_of_one_never_restored(
    steps: Sequence[tuple[float, Action]], restores: set[int]
) -> None:
    journal = Journal()
    journal.configure(configuration_text(dict(ENTITIES), sources=FEEDS))
    load(journal)
    load(journal, entity="kr-main")
    journal.play(steps)
    engine, steady, table = Engine(0, check_journal_time=True), Engine(0, check_journal_time=True), Table()
    for record in journal.records:
        engine.apply(record)
        steady.apply(record)
        cut = engine.cut()
        table.take(cut)
        assert table.buckets == whole(engine) == whole(steady)
        if record.offset in restores:
            engine = Engine.restore(0, cut.position, cut.version, table.buckets, check_journal_time=True)
            assert table.buckets == whole(engine)
