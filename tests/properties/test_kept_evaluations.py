"""An evaluation that keeps what has not changed finds what one finds that reads everything anew: byte for byte, on any log."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.book.book import Book
from monitor.core.engine import Engine
from monitor.core.evaluation.assessment import Brief
from monitor.core.evaluation.evaluation import Evaluator
from monitor.core.foresight.overlay import HoldingChange, OverlaidView, Overlay, carried_on, memo_under, result_under
from monitor.core.foresight.published import touches
from monitor.core.foresight.scenarios import NotApplicable, Scenario, overlay_of
from monitor.core.journal.outputs import Output
from monitor.core.values.canonical import canonical_bytes
from monitor.core.values.times import HOUR, SECOND
from monitor.core.view.memory.kept import Kept, KeptDays
from monitor.core.view.memory.memo import Memo
from monitor.core.view.memory.trial import Trial, all_is_well
from monitor.core.view.prices.earlier import Earlier
from monitor.core.view.view import View
from monitor.methods.stresses import load_scenarios
from tests.journal_maker import START, Journal, configuration_text, house, load
from tests.watching import calls_of, forget_what_is_kept, silence_changes

Action = Callable[[Journal], None]

ROLES = ("client_asset", "client_liability", "guarantee_asset", "house_asset")
ASSETS = ("BTC", "ETH", "MNT", "SPAM", "JPY", "USD")
METHODS = ("jp.psa_custody", "kr.vaupa_cold", "house.composite", "ae.vara")


@functools.cache
def _text(revision: int, *, limits: bool, methods: tuple[str, ...] = METHODS, zone: str = "Asia/Tokyo") -> str:
    options = {"ae.vara": {"activities": ["exchange", "custody"]}}
    own = [{"id": name, "mode": "in_force", "options": options.get(name, {})} for name in methods[: 5 - revision]]
    entity: dict[str, Any] = house(
        methods=own,
        time_zone=zone,
        levels={"dwell_s": 5, "watch_enter": "1.05", "watch_exit": "1.10"},
        prices={"max_age_s": 900 if limits else None, "pivots": ["USD"]},
        freshness={"custody.balances": {"max_age_s": 1800, "account_max_age_s": 7200}} if limits else {},
    )
    sources = {"custody.balances": {"jump_ratio": "20", "confirm_s": 60}}
    return configuration_text({"jp-main": entity}, revision=revision, sources=sources, assets={"ignore": ["SPAM"]})


def _position(place: tuple[str, str, str], quantity: str, ages_s: int, group: tuple[str, int] | None) -> Action:
    role, storage, asset = place

    def act(journal: Journal) -> None:
        as_of = journal.now - ages_s * SECOND
        journal.position(f"{role}-{storage}", role, storage, asset, quantity, as_of=as_of, group=group)

    return act


def _price(pair: tuple[str, str], price: str, age_s: int, kind: str) -> Action:
    return lambda journal: journal.price(pair[0], price, pair[1], as_of=journal.now - age_s * SECOND, kind=kind)


AGES = st.sampled_from([0, 0, 0, -20, 30, 4000, 90_000, 40 * 86_400, 500 * 86_400])
PLACES = st.tuples(st.sampled_from(ROLES), st.sampled_from(["cold", "hot"]), st.sampled_from(ASSETS))
QUANTITIES = st.sampled_from(["0", "10", "12.50", "40", "500"])
GROUPS = st.sampled_from([None, None, None, ("g1", 2), ("g2", 3)])
PAIRS = st.sampled_from(
    [("BTC", "JPY"), ("ETH", "JPY"), ("BTC", "USD"), ("ETH", "USD"), ("USD", "JPY"), ("MNT", "JPY"), ("BTC", "KRW")]
)
ACTIONS: st.SearchStrategy[Action] = st.one_of(
    st.builds(_position, PLACES, QUANTITIES, AGES, GROUPS),
    st.builds(_position, PLACES, QUANTITIES, AGES, GROUPS),
    st.builds(_price, PAIRS, st.sampled_from(["100", "101", "104.5", "5000"]), AGES, st.sampled_from(["spot", "daily_close"])),
    st.builds(_price, PAIRS, st.sampled_from(["100", "101", "104.5", "5000"]), AGES, st.just("spot")),
    st.builds(lambda upto, price: lambda j: j.trades(10 * upto, 10 * upto, "1000", price=price), st.integers(1, 5), QUANTITIES),
    st.builds(lambda status: lambda j: j.incident("i1", status), st.sampled_from(["suspected", "closed"])),
    st.builds(lambda amount: lambda j: j.declaration("trust_principal", amount), st.sampled_from(["5", "1000"])),
    st.builds(lambda asset: lambda j: j.rejected("custody.balances", "cold", asset, "client_asset"), st.sampled_from(ASSETS)),
    st.builds(
        lambda offset: (
            lambda j: j.operation("dismissal", body={"topic": "custody.balances", "epoch": 0, "partition": 0, "offset": offset})
        ),
        st.integers(0, 12),
    ),
    st.just(lambda j: j.operation("dismissal", body={"group": "g1"})),
    st.builds(
        lambda revision, *, limits: lambda j: j.configure(_text(revision, limits=limits)), st.integers(2, 4), limits=st.booleans()
    ),
    st.just(lambda j: j.tick()),
)
WAITS = st.sampled_from([0.0, 0.05, 0.3, 1.0, 6.0, 61.0, 61.0, 901.0, 3600.0, 40_000.0])
STEPS = st.lists(st.tuples(WAITS, ACTIONS), min_size=5, max_size=14)


LATE = st.sampled_from([0, 0, 4000, 20_000, 50_000, 90_000, 130_000, 40 * 86_400])
DAYS_ACTIONS: st.SearchStrategy[Action] = st.one_of(
    st.builds(_position, PLACES, QUANTITIES, LATE, GROUPS),
    st.builds(_price, PAIRS, st.sampled_from(["100", "101", "104.5", "5000"]), LATE, st.sampled_from(["spot", "daily_close"])),
    ACTIONS,
)
DAYS = st.lists(st.tuples(st.sampled_from([0.3, 1.0, 61.0, 3600.0, 30_000.0, 60_000.0]), DAYS_ACTIONS), min_size=5, max_size=14)


def _journal(steps: Sequence[tuple[float, Action]], **configured: Any) -> Journal:
    journal = Journal()
    journal.configure(_text(1, **configured))
    load(journal)
    journal.tick()
    journal.play(steps, tick_after=1)
    return journal


def _outputs(journal: Journal, engine: Engine, before_each: Callable[[Engine], None] | None = None) -> list[bytes]:
    found = list[Output]()
    for record in journal.records:
        if before_each is not None:
            before_each(engine)
        found += engine.apply(record)
    return [canonical_bytes([output.topic, output.key, output.value, str(output.caused_at)]) for output in found]


def _same_as_anew(journal: Journal) -> None:
    engine = Engine(0, check_journal_time=True, checked=True)
    kept = _outputs(journal, engine)
    assert engine.differences() == []
    assert kept == _outputs(journal, Engine(0, check_journal_time=True), forget_what_is_kept)


@settings(max_examples=15, deadline=None)
@given(STEPS, st.booleans())
def test_what_is_kept_changes_no_byte(steps: Sequence[tuple[float, Action]], limits: bool) -> None:
    _same_as_anew(_journal(steps, limits=limits))


@settings(max_examples=10, deadline=None)
@given(DAYS, st.booleans(), st.sampled_from(["Asia/Tokyo", "Asia/Kathmandu"]))
def test_what_is_kept_of_closed_days_changes_no_byte(steps: Sequence[tuple[float, Action]], limits: bool, zone: str) -> None:
    _same_as_anew(_journal(steps, limits=limits, methods=("jp.psa_custody", "house.composite"), zone=zone))


MOVES = st.builds(
    lambda place, shift: Overlay().with_holding(place, HoldingChange(shift=Decimal(shift))),
    st.tuples(st.sampled_from(ROLES), st.sampled_from(["cold", "bank"]), st.sampled_from(["BTC", "MNT", "JPY"])),
    st.sampled_from(["7", "-3"]),
)


@settings(max_examples=15, deadline=None)
@given(STEPS, MOVES)
def test_what_is_tried_on_what_is_kept_finds_what_a_reading_of_all_finds(
    steps: Sequence[tuple[float, Action]], move: Overlay
) -> None:
    journal, engine = (
        _journal(steps, limits=False, methods=("jp.psa_custody", "house.composite", "eu.ifr_k")),
        Engine(0, check_journal_time=True),
    )
    for record in journal.records:
        engine.apply(record)
        if record.statement.kind == "tick":
            _tried_as_anew(engine, move)


def _tried_as_anew(engine: Engine, move: Overlay) -> None:
    entity = engine._entities["jp-main"]
    evaluator, book, at = entity.evaluator, entity.book, engine.clock
    assert evaluator is not None
    for name, scenario in {**load_scenarios(), "moved": None}.items():
        known = evaluator.reads(book, at)
        tried_on = [known, *([Trial.of(known)] if all_is_well(known.completeness(book, at)) else [])]
        overlays = [move if scenario is None else _overlay(scenario, evaluator, book, at, memo) for memo in tried_on]
        assert all(overlay == overlays[0] for overlay in overlays)
        if (overlay := overlays[0]) is None:
            continue
        for prepared in (evaluator.yardstick, *evaluator.methods):
            anew = Brief.of(result_under(prepared, book, at, overlay))
            carried = carried_on(known, (name, prepared.config.id), overlay)
            for memo in (carried, *(memo_under(memo, overlay, book, at) for memo in tried_on)):
                assert prepared.method.brief(OverlaidView(prepared, book, at, overlay, memo)) == anew
            if not touches(overlay, evaluator, book):
                assert Brief.of(prepared.method.evaluate(prepared.view(book, at, known))) == anew


def _overlay(scenario: Scenario, evaluator: Evaluator, book: Book, at: int, known: Memo) -> Overlay | None:
    try:
        return overlay_of(scenario, evaluator.yardstick, book, at, known)
    except NotApplicable:
        return None


MONTHS = st.sampled_from([0, 110 * 86_400, 150 * 86_400 + 777, 200 * 86_400, 200 * 86_400 + 3600, 260 * 86_400])
EUROS = st.sampled_from([("BTC", "EUR"), ("ETH", "EUR"), ("ETH", "USD"), ("USD", "EUR"), ("SPAM", "EUR")])
MONTHS_ACTIONS: st.SearchStrategy[Action] = st.one_of(
    st.builds(
        _position,
        st.tuples(st.just("client_asset"), st.sampled_from(["cold", "hot", "bank"]), st.sampled_from([*ASSETS, "EUR"])),
        QUANTITIES,
        MONTHS,
        GROUPS,
    ),
    st.builds(_price, EUROS, st.sampled_from(["100", "101", "5000"]), MONTHS, st.sampled_from(["spot", "daily_close"])),
    st.builds(_price, EUROS, st.sampled_from(["100", "101", "5000"]), MONTHS, st.just("daily_close")),
    ACTIONS,
)
LATE_MONTHS = st.lists(st.tuples(st.sampled_from([0.3, 1.0, 61.0, 3600.0]), MONTHS_ACTIONS), min_size=6, max_size=16)


def _months(steps: Sequence[tuple[float, Action]]) -> Journal:
    journal = Journal()
    journal.configure(_text(1, limits=False, methods=("eu.ifr_k",)))
    for asset in ("BTC", "ETH", "USD"):
        for days, price in ((300, "100"), (200, "104"), (120, "99")):
            journal.price(asset, price, "EUR", as_of=journal.now - days * 86_400 * SECOND, kind="daily_close")
        journal.position("cold", "client_asset", "cold", asset, "7", as_of=journal.now - 299 * 86_400 * SECOND)
    journal.tick()
    journal.play(steps, tick_after=1)
    return journal


@settings(max_examples=12, deadline=None)
@given(LATE_MONTHS)
def test_what_is_kept_of_the_months_of_k_factors_changes_no_byte(steps: Sequence[tuple[float, Action]]) -> None:
    _same_as_anew(_months(steps))


def test_a_late_record_of_a_months_window_values_its_own_asset_again_and_a_new_one_none() -> None:
    engine = Engine(0, check_journal_time=True)
    journal = _months([])
    with calls_of(View.value_at) as valued:
        _outputs(journal, engine)
    assert {call.names["asset"] for call in valued} == {"BTC", "ETH", "USD"}
    for age, asked in ((0, set()), (200 * 86_400 + 3600, {"ETH"})):
        _price(("ETH", "EUR"), "120", age, "spot")(journal)
        journal.at((journal.now - START) // SECOND + 1).tick()
        with calls_of(View.value_at) as valued:
            for record in journal.records[engine.position + 1 :]:
                engine.apply(record)
        assert {call.names["asset"] for call in valued} == asked


def test_the_months_of_k_factors_are_first_read_an_asset_a_step() -> None:
    engine, each = Engine(0, check_journal_time=True), list[set[str]]()
    for record in _months([]).records:
        steps, over = engine.steps(record), False
        while not over:
            with calls_of(Earlier._read) as read:
                over = next(steps, engine) is engine
            each.append({call.names["asset"] for call in read})
    assert {"BTC", "ETH"} <= set[str]().union(*each)
    assert max(map(len, each)) == 1


def _closed_day(late: Action, zone: str = "Asia/Tokyo", closed_s: int = 57_600) -> Journal:
    journal = Journal()
    journal.configure(_text(1, limits=False, zone=zone))
    load(journal)
    for asset in ("ETH", "XRP"):
        journal.price(asset, "100")
        journal.position("cold", "client_asset", "cold", asset, "5")
    journal.tick()
    journal.at(closed_s).tick()
    late(journal.at(closed_s + 100))
    journal.at(closed_s + 101).tick()
    return journal


def test_a_late_record_is_read_in_its_day_and_no_other_asset_of_it_again() -> None:
    for late in (_price(("ETH", "JPY"), "104.5", 30_000, "spot"), _position(("client_asset", "hot", "ETH"), "9", 30_000, None)):
        with calls_of(KeptDays.memo) as begun:
            outputs = _outputs(_closed_day(late), Engine(0, check_journal_time=True))
        assert any(b'"kind":"close"' in one and b'"revision":1,' in one for one in outputs)
        assert list(begun[-1].gave.changed.since(0)) == ["ETH"]


def test_a_record_of_the_quarter_of_an_hour_in_which_a_day_ended_revises_it() -> None:
    for late in (_price(("BTC", "JPY"), "20000000", 400, "spot"), _position(("client_asset", "hot", "BTC"), "9", 400, None)):
        journal = _closed_day(late, "Asia/Kathmandu", 18 * 3600 + 15 * 60)
        _same_as_anew(journal)
        outputs = _outputs(journal, Engine(0, check_journal_time=True))
        assert any(b'"method":"house.composite"' in one and b'"revision":1,' in one for one in outputs)


def test_the_check_finds_what_was_not_read_again_of_a_closed_day() -> None:
    journal = _closed_day(_price(("ETH", "JPY"), "104.5", 30_000, "spot"))
    right = _outputs(journal, Engine(0, check_journal_time=True))
    engine = Engine(0, check_journal_time=True, checked=True)
    assert _outputs(journal, engine, silence_changes) == right
    assert any("at 1767625199999999999: kept" in one for one in engine.differences())


def test_a_price_that_moves_reads_no_other_asset_again() -> None:
    journal = Journal()
    journal.configure(_text(1, limits=True))
    load(journal)
    for asset in ("ETH", "XRP", "SOL"):
        journal.price(asset, "100")
        journal.position("cold", "client_asset", "cold", asset, "5")
    journal.tick()
    journal.at(1).price("ETH", "101")
    journal.at(2).tick()
    with calls_of(Kept.memo) as begun:
        _outputs(journal, Engine(0, check_journal_time=True, checked=False))
    assert list(begun[-1].gave.changed.since(0)) == ["ETH"]


def test_the_check_finds_a_price_that_was_not_read_again_and_what_is_read_anew_stands() -> None:
    journal = Journal()
    journal.configure(_text(1, limits=False))
    load(journal)
    journal.tick()
    journal.at(HOUR // SECOND // 4).price("BTC", "101")
    journal.at(HOUR // SECOND // 4 + 1).tick()
    right = _outputs(journal, Engine(0, check_journal_time=True))
    engine = Engine(0, check_journal_time=True, checked=True)
    faulty = _outputs(journal, Engine(0, check_journal_time=True), silence_changes)
    assert _outputs(journal, engine, silence_changes) == right != faulty
    assert "jp-main: jp.psa_custody at" in "".join(engine.differences())
    assert engine.differences() == []


def test_a_price_that_trades_confirm_is_read_again_at_every_hour_and_not_only_at_the_first() -> None:
    journal = Journal()
    journal.configure(_text(1, limits=False))
    load(journal)
    journal.tick()
    journal.at(901).trades(20, 20, "1000", price="12.50")
    journal.at(4600).tick()
    journal.at(8163).trades(40, 40, "1000", price="40")
    journal.at(8164).tick()
    journal.at(10_805).tick()
    engine = Engine(0, check_journal_time=True, checked=True)
    outputs = _outputs(journal, engine)
    assert b"price_outlier" in b"".join(outputs)
    assert engine.differences() == []
