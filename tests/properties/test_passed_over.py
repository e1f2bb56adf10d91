"""An entity passes over an evaluation that only foreign prices asked for: it publishes what one does that evaluates always."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.engine import Engine
from monitor.core.evaluation.evaluation import Evaluator
from monitor.core.journal.records import JournalRecord
from monitor.core.values.canonical import canonical_bytes
from monitor.core.values.times import SECOND
from tests.journal_maker import Journal, configuration_text, house, load
from tests.properties.test_engine_replay import Table
from tests.watching import calls_of, disturb

Action = Callable[[Journal], None]
FOREIGN = ("XLM", "DOT")
METHODS = ("jp.psa_custody", "house.composite")
SKIPPED = {"jp.psa_custody": {"skip": ["fiat_trust", "capital", "net_assets"]}}
PRICE = "15000000"


def _text(revision: int, *, limits: bool) -> str:
    entity = house(
        methods=[{"id": name, "mode": "in_force", "options": SKIPPED.get(name, {})} for name in METHODS[: 3 - revision]],
        levels={"dwell_s": 5, "watch_enter": "1.05", "watch_exit": "1.10", "forecast_window_h": 24},
        prices={"max_age_s": 900 if limits else None, "pivots": ["USD"]},
        freshness={"custody.balances": {"max_age_s": 1800}, "market.prices": {"max_age_s": 40}} if limits else {},
    )
    return configuration_text({"jp-main": entity}, revision=revision)


def _foreign(asset: str, price: str, age_s: int) -> Action:
    return lambda journal: journal.price(asset, price, as_of=journal.now - age_s * SECOND)


def _own(quantity: str, age_s: int, group: tuple[str, int] | None) -> Action:
    return lambda j: j.position("w", "client_asset", "cold", "XLM", quantity, as_of=j.now - age_s * SECOND, group=group)


AGES = st.sampled_from([0, 0, 0, -20, 30, 4000, 90_000])
QUIET: st.SearchStrategy[Action] = st.builds(_foreign, st.sampled_from(FOREIGN), st.sampled_from(["1", "2", "50"]), AGES)
LOUD: st.SearchStrategy[Action] = st.one_of(
    st.builds(_foreign, st.just("BTC"), st.sampled_from(["15000100", "14990000", "15000000", "101"]), AGES),
    st.builds(_own, st.sampled_from(["0", "3"]), AGES, st.sampled_from([None, ("g1", 2)])),
    st.builds(lambda q: lambda j: j.position("hot", "client_asset", "hot", "BTC", q), st.sampled_from(["39", "40", "900"])),
    st.builds(lambda n: lambda j: j.trades(10 * n, 10 * n, PRICE, price=PRICE), st.integers(2, 4)),
    st.builds(lambda status: lambda j: j.incident("i1", status), st.sampled_from(["suspected", "closed"])),
    st.builds(lambda limits: lambda j: j.configure(_text(2, limits=limits)), st.booleans()),
)
WAITS = st.sampled_from([0.0, 0.03, 0.2, 1.0, 1.0, 4.0, 21.0, 61.0, 901.0, 3590.0, 40_000.0])
STEPS = st.lists(st.tuples(WAITS, st.one_of(QUIET, QUIET, QUIET, LOUD)), min_size=6, max_size=14)


def _journal(steps: Sequence[tuple[float, Action]], *, limits: bool) -> Journal:
    journal = Journal()
    journal.configure(_text(1, limits=limits))
    load(journal)
    journal.trades(10, 10, PRICE, price=PRICE)
    for kind in ("own_funds", "insurance_limit"):
        journal.declaration(kind, "100000000000000")
    journal.tick()
    journal.play(steps, tick_after=1)
    return journal


class Followed:
    """An engine with the newest of each bucket that it cut."""

    def __init__(self, before_each: Callable[[Engine], None] | None = None, *, checked: bool = False) -> None:
        self.engine, self.before_each = Engine(0, check_journal_time=True, checked=checked), before_each
        self.table = Table()

    def take(self, record: JournalRecord) -> tuple[list[bytes], dict[str, bytes]]:
        """What a record published, and the state after it."""
        if self.before_each is not None:
            self.before_each(self.engine)
        found = [canonical_bytes([o.topic, o.key, o.value, str(o.caused_at)]) for o in self.engine.apply(record)]
        found += [canonical_bytes(dict(one)) for one in self.engine.checkpoints()]
        self.table.take(self.engine.cut())
        return found, self.table.buckets


@settings(max_examples=15, deadline=None)
@given(STEPS, st.booleans())
def test_what_is_passed_over_changes_no_byte_of_outputs_or_state(steps: Sequence[tuple[float, Action]], limits: bool) -> None:
    always, passing, checked = Followed(disturb), Followed(), Followed(checked=True)
    for record in _journal(steps, limits=limits).records:
        expected = always.take(record)
        assert passing.take(record) == expected
        assert checked.take(record) == expected
    assert checked.engine.differences() == []


def _evaluations(late: Sequence[tuple[float, Action]], *, limits: bool = False) -> int:
    """How many evaluations these records make, each with a tick behind it."""
    engine = Engine(0, check_journal_time=True)
    journal = _journal([], limits=limits)
    for record in journal.records:
        engine.apply(record)
    journal.play(late, tick_after=1)
    with calls_of(Evaluator.evaluate) as made:
        for record in journal.records[engine.position + 1 :]:
            engine.apply(record)
    return len(made)


def test_a_foreign_price_evaluates_nobody_and_one_that_is_held_does() -> None:
    assert _evaluations([(1.0, _foreign("XLM", "2", 0)), (1.0, _foreign("DOT", "2", 0)), (1.0, _foreign("XLM", "5", 0))]) == 0
    assert _evaluations([(1.0, _foreign("BTC", "15000100", 0))]) == 1


def test_an_asset_that_came_to_be_held_is_foreign_no_more() -> None:
    assert _evaluations([(1.0, _foreign("XLM", "2", 0)), (1.0, _own("3", 0, None)), (1.0, _foreign("XLM", "3", 0))]) == 2


def test_a_minute_is_never_passed_over_nor_a_silent_feed_that_speaks_again() -> None:
    assert _evaluations([(number + 1.0, _foreign("XLM", "2", 0)) for number in range(20)]) >= 2
    assert _evaluations([(45.0, _foreign("XLM", "2", 0)), (1.0, _foreign("XLM", "2", 0))], limits=True) >= 2


def test_the_check_finds_what_would_be_passed_over_and_was_not_the_same() -> None:
    journal = _journal([(1.0, _foreign("BTC", "15000100", 0))], limits=False)
    engine = Engine(0, check_journal_time=True, checked=True)
    for record in journal.records:
        for entity in engine._entities.values():
            entity.reads_price = lambda *_: False  # type: ignore[method-assign]
        engine.apply(record)
    assert any("would be passed over" in one for one in engine.differences())
