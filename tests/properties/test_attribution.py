"""Why a figure changed: the parts sum to the change, stand on reads that changed, and name only what those depend on."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.attribution.deltas import split
from monitor.core.attribution.split_view import SplitView
from monitor.core.engine import Engine
from monitor.core.journal.records import JournalRecord
from monitor.core.journal.vocabulary import CAUSE_PARTS, CausePart
from monitor.core.values.canonical import canonical_bytes
from monitor.core.values.money import round_up
from monitor.core.values.times import DAY, HOUR, SECOND
from tests.journal_maker import Journal, configuration_text, house, load
from tests.watching import calls_of

Action = Callable[[Journal], None]
METHODS = ("jp.psa_custody", "house.composite", "eu.mica_67", "eu.ifr_k")
OPTIONS: dict[str, dict[str, Any]] = {
    "jp.psa_custody": {"skip": ["fiat_trust", "capital", "net_assets"]},
    "eu.mica_67": {"class": "2"},
}
KIND_OF = {"position": "balance", "flow": "volume", "incident": "incident", "declaration": "declaration", "price": "price"}
PAIRS = (("required", "required_delta"), ("available", "available_delta"), ("coverage", "coverage_delta"))


@functools.cache
def text(revision: int) -> str:
    methods = [{"id": name, "mode": "shadow", "options": OPTIONS.get(name, {})} for name in METHODS]
    if revision == 2:
        methods[0]["options"] = {"skip": ["fiat_trust", "capital"]}
    prices = {"max_age_s": 7200, "pivots": ["USD"] if revision == 2 else ["USD", "KRW"]}
    more = {"freshness": {"custody.balances": {"max_age_s": 90_000}}, "prices": prices}
    return configuration_text({"jp-main": house(methods=methods, **more)}, revision=revision)


def position(place: tuple[str, str, str], quantity: str, age: int) -> Action:
    role, storage, asset = place
    return lambda j: j.position(f"{role}-{asset}", role, storage, asset, quantity, as_of=j.now - age)


PLACES = st.tuples(
    st.sampled_from(["client_asset", "guarantee_asset", "client_liability"]),
    st.sampled_from(["cold", "hot"]),
    st.sampled_from(["BTC", "ETH"]),
)
ASSETS = st.sampled_from(["BTC", "ETH"])
QUANTITIES = st.sampled_from(["0", "1.1", "3.37", "40", "41.000001", "500"])
PRICES = st.sampled_from(["100", "101.5", "99.9999", "130.37"])
ACTIONS = st.one_of(
    st.builds(position, PLACES, QUANTITIES, st.sampled_from([0, 0, HOUR, 3 * DAY])),
    st.builds(
        lambda a, p, c: lambda j: j.price(a, p, c), st.sampled_from(["BTC", "ETH"]), PRICES, st.sampled_from(["JPY", "USD"])
    ),
    st.builds(lambda p: lambda j: j.price("USD", p), PRICES),
    st.builds(lambda n: lambda j: j.trades(10 * n, 10 * n, str(1000 * n)), st.integers(1, 4)),
    st.builds(
        lambda status, n, q: (
            lambda j: j.incident("i1", status, n, loss_estimate=None, losses=[{"asset": "BTC", "quantity": q, "owner": "client"}])
        ),
        st.sampled_from(["suspected", "confirmed", "closed"]),
        st.integers(1, 4),
        QUANTITIES,
    ),
    st.builds(
        lambda kind, amount, ahead: lambda j: j.declaration(kind, amount, effective_from=j.now + ahead * HOUR),
        st.sampled_from(["own_funds", "insurance_limit", "capital"]),
        QUANTITIES,
        st.sampled_from([-1, 0, 1]),
    ),
    st.builds(lambda revision: lambda j: j.configure(text(revision)), st.just(2)),
    st.just(lambda j: j.tick()),
)
WAITS = st.sampled_from([0.0, 0.2, 1.0, 61.0, 61.0, 61.0, 1000.0, 3601.0, 30_000.0])
STEPS = st.lists(st.tuples(WAITS, ACTIONS), max_size=14)


def journal_of(steps: Sequence[tuple[float, Action]]) -> Journal:
    journal = Journal()
    journal.configure(text(1))
    load(journal, price="100")
    journal.price("ETH", "99")
    journal.play(steps, tick_after=61)
    return journal


def assessments(journal: Journal) -> list[dict[str, Any]]:
    engine = Engine(0, check_journal_time=False)
    outputs = [output for record in journal.records for output in engine.apply(record)]
    return [output.value for output in outputs if output.topic == "reserve.assessments" and output.value is not None]


@settings(max_examples=25, deadline=None)
@given(STEPS)
def test_parts_sum_to_the_printed_change_and_stand_on_what_came_since(steps: Sequence[tuple[float, Action]]) -> None:
    journal = journal_of(steps)
    known: dict[str, dict[str, Any]] = {}
    for value in assessments(journal):
        known[value["digest"]] = value
        before = known.get(value["why_since"] or "")
        check_sums(value, before)
        if before is not None:
            check_causes(value, journal.records[before["journal"]["offset"] + 1 : value["journal"]["offset"] + 1])


def check_sums(value: dict[str, Any], before: dict[str, Any] | None) -> None:
    """To the last printed digit; null where either side is not known."""
    assert [part["part"] for part in value["why"]] == sorted((p["part"] for p in value["why"]), key=CAUSE_PARTS.index)
    for name, delta in PAIRS:
        deltas = [part[delta] for part in value["why"]]
        if before is None or before[name] is None or value[name] is None:
            assert set(deltas) <= {None}
        else:
            assert sum(map(Decimal, deltas)) == Decimal(value[name]) - Decimal(before[name]), (value["method"], name)


def check_causes(value: dict[str, Any], came: Sequence[JournalRecord]) -> None:
    """Each cause came since and is of its part; balances and incidents of live figures move by records alone."""
    kinds = {KIND_OF.get(record.statement.kind) for record in came}
    for part in value["why"]:
        for cause in part["causes"]:
            assert any(is_cause(record, part["part"], cause) for record in came), (part, value["method"])
        moved = any(part[delta] not in {None, "0"} for _, delta in PAIRS)
        if moved and part["part"] in {"balance", "incident"} and value["kind"] == "live" and value["method"] != "eu.ifr_k":
            assert part["part"] in kinds, (part, value["method"])


def is_cause(record: JournalRecord, part: str, cause: dict[str, Any]) -> bool:
    statement = record.statement
    if statement.kind == "configuration":
        return part == "method" and cause["topic"] == "reserve.journal"
    if statement.source is None or statement.source.where.topic != cause["topic"]:
        return False
    place = statement.source.offset if statement.source.offset is not None else (statement.source.upto or 0) - 1
    fits = KIND_OF.get(statement.kind) == part or (part == "price" and statement.kind == "flow") or part == "data_quality"
    return place == cause["offset"] and fits


@settings(max_examples=10, deadline=None)
@given(STEPS, st.integers(3, 18), st.booleans())
def test_a_restored_engine_explains_with_the_same_bytes(steps: Sequence[tuple[float, Action]], cut_at: int, again: bool) -> None:
    journal = journal_of(steps)
    engine, buckets, outputs = Engine(0, check_journal_time=False), dict[str, bytes](), []
    for record in journal.records:
        outputs += engine.apply(record)
        if record.offset == cut_at or (again and record.offset == cut_at + 2):
            cut = engine.cut()
            buckets |= dict(cut.buckets)
            buckets = {name: buckets[name] for name in cut.names}
            engine = Engine.restore(0, cut.position, cut.version, buckets, check_journal_time=False)
    found = [output.value for output in outputs if output.topic == "reserve.assessments"]
    assert list(map(canonical_bytes, found)) == list(map(canonical_bytes, assessments(journal)))


NUMBERS = st.one_of(st.none(), st.fractions(min_value=-1000, max_value=1000, max_denominator=97))


@settings(max_examples=150, deadline=None)
@given(NUMBERS, st.lists(NUMBERS, min_size=1, max_size=7), st.integers(0, 8))
def test_digits_that_are_cut_go_to_the_largest_part(before: Any, values: list[Any], decimals: int) -> None:
    walk: list[tuple[CausePart, Any]] = list(zip(CAUSE_PARTS, values, strict=False))
    printed = [None if number is None else round_up(number, decimals) for number in (before, values[-1])]
    found = split(before, walk, (printed[0], printed[1]), decimals)
    if before is None or values[-1] is None:
        assert found == {}
        return
    assert sum(map(Decimal, found.values())) == Decimal(printed[1] or "") - Decimal(printed[0] or "")
    known = before
    for part, value in walk:
        exact = 0 if value is None else value - known
        known = known if value is None else value
        assert abs(Decimal(found[part]) - Decimal(float(exact))) < 3 * Decimal(10) ** -decimals * len(walk) + Decimal("1e-6")
        assert exact or found[part] == "0" or known == before


def test_a_move_to_cold_storage_and_a_price_are_told_apart() -> None:
    journal = Journal()
    journal.configure(text(1))
    load(journal, price="100")
    journal.tick()
    journal.at(61)
    journal.price("BTC", "110")
    journal.position("hot", "client_asset", "hot", "BTC", "30")
    journal.at(61.5)
    journal.tick()
    (value,) = [one for one in assessments(journal)[4:] if one["method"] == "jp.psa_custody"]
    price, balance = value["why"]
    assert (price["part"], price["required_delta"], price["available_delta"]) == ("price", "400", "400")
    assert (balance["part"], balance["required_delta"], balance["available_delta"]) == ("balance", "-1100", "-1100")
    (cause,) = balance["causes"]
    assert (cause["subject"], cause["before"], cause["after"]) == ("client_asset BTC hot", "40", "30")


def test_an_explanation_reads_no_other_asset_again() -> None:
    journal = Journal()
    journal.configure(text(1))
    load(journal, price="100")
    for asset in ("ETH", "XRP"):
        journal.price(asset, "100")
        journal.position("cold", "client_asset", "cold", asset, "5")
    journal.at(61).tick()
    engine = Engine(0, check_journal_time=False)
    for record in journal.records:
        engine.apply(record)
    journal.at(130).price("ETH", "101")
    journal.at(130.5).tick()
    with calls_of(SplitView.price) as read:
        outputs = [output for record in journal.records[engine.position + 1 :] for output in engine.apply(record)]
    assert any(output.topic == "reserve.assessments" for output in outputs)
    assert {call.names["asset"] for call in read if call.names["self"]._notes} == {"ETH"}


def test_time_alone_is_told_with_the_part_it_moved_and_no_event() -> None:
    journal = Journal()
    journal.configure(text(1))
    load(journal)
    journal.price("BTC", "100", as_of=journal.now)
    journal.trades(10, 10, "5000")
    journal.tick()
    for hours in range(1, 26):
        journal.at(hours * HOUR / SECOND)
        journal.price("BTC", "100")
        journal.tick()
    found = [one for one in assessments(journal) if one["method"] == "house.composite" and one["kind"] == "live"]
    moved = [part for one in found[1:] for part in one["why"] if part["required_delta"] not in {None, "0"}]
    assert [(part["part"], part["causes"]) for part in moved] == [("volume", [])]


def test_a_price_gone_stale_leaves_no_split_and_names_the_gap() -> None:
    journal = Journal()
    journal.configure(text(1))
    load(journal)
    journal.tick()
    journal.at(7202)
    journal.tick()
    value = [one for one in assessments(journal) if one["method"] == "jp.psa_custody"][-1]
    assert value["state"] == "unknown"
    quality = value["why"][-1]
    assert quality["part"] == "data_quality"
    assert {"kind": "price_stale", "subject": "BTC/JPY"} in quality["opened"]
    assert {part[delta] for part in value["why"] for _, delta in PAIRS} == {None}
