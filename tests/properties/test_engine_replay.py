"""P2: the same journal gives the same bytes, whatever was snapshot and restored on the way, and whoever takes over."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from monitor.core.engine import Engine
from monitor.core.journal.chain import Forked
from monitor.core.journal.outputs import Output
from monitor.core.journal.snapshot import Cut
from monitor.core.values.canonical import canonical_bytes, digest_of
from monitor.core.values.times import SECOND
from streams.schemas import json_schemas
from tests.journal_maker import Journal, configuration_text, house, load

Action = Callable[[Journal], None]

ENTITIES = {
    "jp-main": house(
        levels={"dwell_s": 5, "watch_enter": "1.05", "watch_exit": "1.10", "shortfall_exit": "1.01"},
        prices={"max_age_s": 900},
        freshness={"custody.balances": {"max_age_s": 1800, "account_max_age_s": 7200}},
    ),
    "kr-main": house(
        time_zone="Asia/Seoul",
        methods=[{"id": "house.composite", "mode": "in_force"}, {"id": "jp.psa_custody", "mode": "shadow"}],
    ),
}


@functools.cache
def _text(revision: int) -> str:
    entities: dict[str, Any] = dict(ENTITIES)
    if revision == 3:
        entities["kr-main"] = entities["kr-main"] | {"methods": [{"id": "house.composite", "mode": "shadow"}]}
    if revision == 4:
        del entities["kr-main"]
    return configuration_text(entities, revision=revision)


NAMES = st.sampled_from(sorted(ENTITIES))
QUANTITIES = st.sampled_from(["0", "10", "35", "40", "42", "500"])


def position(name: str, place: tuple[str, str], quantity: str, age_s: int, group: tuple[str, int] | None) -> Action:
    role, storage = place

    def act(journal: Journal) -> None:
        account = f"{role}-{storage}"
        as_of = journal.now - age_s * SECOND
        journal.position(account, role, storage, "BTC", quantity, entity=name, as_of=as_of, group=group)

    return act


def trades(upto: int, entity: str) -> Action:
    return lambda journal: journal.trades(10 * upto, 10 * upto, str(1000 * upto), entity=entity)


POSITIONS = st.builds(
    position,
    NAMES,
    st.tuples(st.sampled_from(["client_asset", "guarantee_asset", "client_liability"]), st.sampled_from(["cold", "hot"])),
    QUANTITIES,
    st.sampled_from([0, 0, 0, 30, 90_000]),
    st.sampled_from([None, None, None, ("g1", 2), ("g2", 3)]),
)
PRICES = st.builds(
    lambda price, age: lambda j: j.price("BTC", price, as_of=j.now - age * SECOND), QUANTITIES, st.sampled_from([0, 0, 90_000])
)
INCIDENTS = st.builds(
    lambda name, status, revision, entity: lambda j: j.incident(name, status, revision, entity=entity),
    st.sampled_from(["i1", "i2"]),
    st.sampled_from(["suspected", "confirmed", "closed", "withdrawn"]),
    st.integers(1, 4),
    NAMES,
)
TRADES = st.builds(trades, st.integers(1, 5), NAMES)
OPERATIONS = st.builds(lambda s: lambda j: j.operation("rehearsal", expires_at=j.now + s * SECOND), st.sampled_from([1, 100]))
CONFIGURATIONS = st.builds(lambda revision: lambda j: j.configure(_text(revision), parts=2), st.integers(2, 4))
TICKS: st.SearchStrategy[Action] = st.just(lambda journal: journal.tick())
ACTIONS = st.one_of(POSITIONS, POSITIONS, PRICES, INCIDENTS, TRADES, OPERATIONS, CONFIGURATIONS, TICKS, TICKS)
WAITS = st.sampled_from([0.0, 0.0, 0.05, 0.05, 0.3, 0.3, 1.0, 1.0, 6.0, 6.0, 61.0, 61.0, 61.0, 1000.0, 3600.0, 40_000.0])
STEPS = st.lists(st.tuples(WAITS, ACTIONS), max_size=25)


def journal_of(steps: Sequence[tuple[float, Action]]) -> Journal:
    journal = Journal()
    journal.configure(_text(1), parts=3)
    load(journal)
    load(journal, entity="kr-main")
    journal.play(steps, tick_after=1)
    return journal


def replay(journal: Journal, engine: Engine | None = None) -> list[Output]:
    engine = engine or Engine(0, check_journal_time=True)
    return [output for record in journal.records for output in engine.apply(record)]


def printed(outputs: Sequence[Output]) -> list[bytes]:
    return [canonical_bytes([output.topic, output.key, output.value, str(output.caused_at)]) for output in outputs]


class Table:
    """Keeps buckets by name as a snapshot's reader would: the newest of each, and only those a cut names."""

    def __init__(self) -> None:
        self.buckets: dict[str, bytes] = {}

    def take(self, cut: Cut) -> None:
        self.buckets |= dict(cut.buckets)
        self.buckets = {name: self.buckets[name] for name in cut.names}


@settings(max_examples=25, deadline=None)
@given(STEPS)
def test_two_replays_give_the_same_bytes(steps: Sequence[tuple[float, Action]]) -> None:
    journal = journal_of(steps)
    assert printed(replay(journal)) == printed(replay(journal))


@settings(max_examples=40, deadline=None)
@given(STEPS, st.lists(st.integers(0, 35), max_size=6), st.data())
def test_snapshots_and_restores_leave_no_trace(
    steps: Sequence[tuple[float, Action]], cuts: list[int], data: st.DataObject
) -> None:
    journal = journal_of(steps)
    engine, table, outputs = Engine(0, check_journal_time=True), Table(), []
    for record in journal.records:
        outputs += engine.apply(record)
        if record.offset in cuts:
            cut = engine.cut()
            table.take(cut)
            if data.draw(st.booleans()):
                before = (engine.clock, engine.waiting, engine.next_deadline)
                engine = Engine.restore(0, cut.position, cut.version, table.buckets, check_journal_time=True)
                assert (engine.clock, engine.waiting, engine.next_deadline) == before
    assert printed(outputs) == printed(replay(journal))


@settings(max_examples=25, deadline=None)
@given(STEPS, st.integers(0, 40), st.integers(0, 40))
def test_a_take_over_sends_what_is_missing_and_nothing_twice(
    steps: Sequence[tuple[float, Action]], snapshot_at: int, died_at: int
) -> None:
    journal = journal_of(steps)
    snapshot_at, died_at = min(snapshot_at, died_at), max(snapshot_at, died_at)
    first, table = Engine(0, check_journal_time=True), Table()
    sent: list[Output] = []
    cut = None
    for record in journal.records[: died_at + 1]:
        sent += first.apply(record)
        if record.offset == snapshot_at:
            cut = first.cut()
            table.take(cut)
    assert cut is not None or snapshot_at >= len(journal.records)
    if cut is None:
        return
    second = Engine.restore(0, cut.position, cut.version, table.buckets, check_journal_time=True)
    second.expect(newest(sent))
    for record in journal.records[cut.position + 1 :]:
        sent += second.apply(record)
    assert chained(printed(sent)) == chained(printed(replay(journal)))


def newest(outputs: Sequence[Output]) -> dict[str, tuple[int, str]]:
    heads: dict[str, tuple[int, str]] = {}
    for output in outputs:
        if output.value is not None:
            heads[output.entity] = (output.value["chain"]["sequence"], output.value["digest"])
    return heads


def chained(values: list[bytes]) -> list[bytes]:
    """Without tombstones, which have no place in a chain and may come again."""
    return [value for value in values if b",null," not in value[:120]]


@settings(max_examples=20, deadline=None)
@given(STEPS)
def test_every_chain_is_whole_and_every_digest_right(steps: Sequence[tuple[float, Action]]) -> None:
    heads: dict[str, tuple[int, str | None]] = {}
    for output in replay(journal_of(steps)):
        if output.value is None:
            continue
        sequence, digest = heads.get(output.entity, (0, None))
        assert output.value["chain"] == {"sequence": sequence + 1, "previous_digest": digest}
        rest = {name: value for name, value in output.value.items() if name != "digest"}
        assert output.value["digest"] == digest_of(rest)
        heads[output.entity] = (sequence + 1, output.value["digest"])


@settings(max_examples=20, deadline=None)
@given(STEPS)
def test_no_two_alerts_fire_with_one_fingerprint_and_revisions_only_grow(steps: Sequence[tuple[float, Action]]) -> None:
    known: dict[str, dict[str, Any]] = {}
    for output in replay(journal_of(steps)):
        if output.topic != "reserve.alerts":
            continue
        if output.value is None:
            assert known.pop(output.key)["status"] == "resolved"
            continue
        record, before = output.value, known.get(output.key)
        assert record["fingerprint"] == output.key
        grown = record["revision"] - (before["revision"] if before else 0)
        assert grown == (0 if record["reason"] == "resent" else 1)
        if record["reason"] in {"entered", "reopened"}:
            assert before is None or before["status"] == "resolved"
        if record["status"] == "resolved" and record["reason"] != "resent":
            assert before is not None
            assert before["status"] == "firing"
            assert record["ends_at"] >= record["starts_at"]
        known[output.key] = record


COMPONENT_ALERTS = {"SameAssetShortfall", "ClientAssetShortfall", "HotStorageLimitExceeded"}


@settings(max_examples=25, deadline=None)
@given(STEPS)
def test_component_alerts_begin_and_end_on_proof_in_the_assessment_they_name(steps: Sequence[tuple[float, Action]]) -> None:
    assessments: dict[str, dict[str, Any]] = {}
    for output in replay(journal_of(steps)):
        if output.value is None:
            continue
        if output.topic == "reserve.assessments":
            assessments[output.value["digest"]] = output.value
        record = output.value
        if record.get("alertname") not in COMPONENT_ALERTS or record["reason"] not in {"entered", "reopened", "recovered"}:
            continue
        name = f"{record['rule']}.{record['subject']}" if record["subject"] else record["rule"]
        assessment = assessments[record["assessment_digest"]]
        (state,) = [one["state"] for one in assessment["components"] if one["name"] == name]
        assert state == ("adequate" if record["reason"] == "recovered" else "shortfall")


@settings(max_examples=12, deadline=None)
@given(STEPS)
def test_every_output_is_of_its_published_schema(steps: Sequence[tuple[float, Action]]) -> None:
    schemas = {topic: Draft202012Validator(schema) for topic, schema in json_schemas().items()}
    for output in replay(journal_of(steps)):
        if output.value is not None:
            schemas[output.topic].validate(output.value)


def test_a_forged_output_is_a_fork() -> None:
    journal = journal_of([])
    outputs = replay(journal)
    engine = Engine(0, check_journal_time=True)
    sequence, _ = newest(outputs)["jp-main"]
    engine.expect({"jp-main": (sequence, "sha256:forged")})
    with pytest.raises(Forked):
        replay(journal, engine)


@settings(max_examples=12, deadline=None)
@given(STEPS)
def test_a_record_given_twice_to_the_journal_changes_no_figure(steps: Sequence[tuple[float, Action]]) -> None:
    """Every record is an idempotent statement: sent again, it changes the position in the log and nothing else."""
    journal = journal_of(steps)
    twice = Journal()
    for record in journal.records:
        twice.put(record.statement)
        if record.statement.kind != "tick":
            twice.put(record.statement)
    ones, twos = Engine(0, check_journal_time=True), Engine(0, check_journal_time=True)
    replay(journal, ones)
    replay(twice, twos)
    for name in ones.entities():
        assert figures(ones, name) == figures(twos, name)


def figures(engine: Engine, name: str) -> list[Any]:
    newest_ones = engine.evaluations(name)["assessments"]
    return [
        [one["state"], one["required"], one["available"], one["components"], one["gaps"], one["result_digest"]]
        for one in newest_ones
    ]


@settings(max_examples=12, deadline=None)
@given(STEPS)
def test_live_and_offline_agree_in_what_they_find(steps: Sequence[tuple[float, Action]]) -> None:
    """JOURNAL 2: figures, states, components and gaps are the same once both have applied the same records."""
    journal = journal_of(steps)
    journal.at(150_000)
    journal.price("BTC", "40")
    journal.at(150_000.5)
    journal.tick()
    live, offline = Engine(0, check_journal_time=True), Engine(0, check_journal_time=True, evaluate="at_ticks")
    replay(journal, live)
    replay(journal, offline)
    assert live.entities() == offline.entities()
    for name in live.entities():
        assert figures(live, name) == figures(offline, name)


def every_other_way(journal: Journal) -> Journal:
    """The same events under an owner who writes a tick after every record."""
    other = Journal()
    for record in journal.records:
        other.put(record.statement)
        other.now = record.statement.at + SECOND // 100
        other.tick()
    return other


@settings(max_examples=10, deadline=None)
@given(STEPS)
def test_how_often_ticks_come_changes_no_figure(steps: Sequence[tuple[float, Action]]) -> None:
    journal = journal_of(steps)
    ones, twos = Engine(0, check_journal_time=False), Engine(0, check_journal_time=False)
    replay(journal, ones)
    other = every_other_way(journal)
    replay(other, twos)
    for name in ones.entities():
        assert [one[0] for one in figures(ones, name)] == [two[0] for two in figures(twos, name)]


@settings(max_examples=25, deadline=None)
@given(STEPS)
def test_records_by_which_nothing_is_evaluated_may_be_taken_without_steps(steps: Sequence[tuple[float, Action]]) -> None:
    journal = journal_of(steps)
    stepwise, quiet = Engine(0, check_journal_time=True), Engine(0, check_journal_time=True)
    passed = 0
    for record in journal.records:
        outputs = stepwise.apply(record)
        if quiet.take([record]):
            passed += 1
            assert outputs == []
        else:
            assert printed(quiet.apply(record)) == printed(outputs)
        assert (quiet.too_old, quiet.clock, quiet.unheeded) == (stepwise.too_old, stepwise.clock, stepwise.unheeded)
    assert passed > 0
    assert dict(quiet.cut().buckets) == dict(stepwise.cut().buckets)
