"""First balances that are taken straight, many at once, leave what they leave one by one: outputs, snapshots, refusals."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.book.balances import Balances
from monitor.core.engine import Engine
from monitor.core.journal.records import JournalRecord, Source, SourcePartition, Statement
from monitor.core.values.canonical import canonical_bytes
from monitor.core.values.times import SECOND, exact_time
from tests.journal_maker import Journal, configuration_text, house, load
from tests.properties.test_engine_replay import Table
from tests.watching import calls_of

Action = Callable[[Journal], None]
Changed = dict[str, Any]
NAMES = ("in-main", "jp-main")
FEED = "custody.balances/node"


@functools.cache
def _text(revision: int, *, limits: bool) -> str:
    ages: dict[str, Any] = {
        "custody.balances": {"max_age_s": 1800, "account_max_age_s": 3600},
        "custody.balances/bank": {"max_age_s": 900, "account_max_age_s": 1},
        FEED: {"max_age_s": 900},
    }
    return configuration_text(
        {
            "jp-main": house(freshness=ages if limits else {}, prices={"max_age_s": 900}),
            "in-main": house(time_zone="Asia/Kolkata", freshness={} if limits else {FEED: {"max_age_s": 900}}),
        },
        revision=revision,
        sources={"custody.balances": {"supply": {"ETH": "400"}, "jump_ratio": "100"}} if limits else {},
    )


def _balance(whose: tuple[str, str], what: tuple[str, str], quantity: str, age_ns: int, more: Changed) -> Action:
    (name, account), (role, asset) = whose, what

    def act(journal: Journal) -> None:
        topic = more.get("topic", "custody.balances")
        body = {
            "event_id": f"b-{len(journal.records)}",
            "account": account,
            "role": role,
            "storage": "cold",
            "asset": asset,
            "quantity": quantity if what == ("client_liability", "JPY") else quantity.removeprefix("-"),  # as intake lets through
            "as_of": exact_time(journal.now - age_ns),
            "sequence": 0,
            "source": None,
            "group": None,
            "group_size": None,
        } | more.get("body", {})
        for absent in more.get("without", ()):
            del body[absent]
        source = Source(SourcePartition(topic, 0, len(account) % 2), offset=len(journal.records), index=more.get("index", 0))
        logged_at = None if more.get("unlogged") else journal.now - more.get("lag_ns", 0)
        statement = Statement("position", name, journal.now, body, source, logged_at)
        journal.put(statement, journal.now + more.get("ahead_ns", 0))

    return act


WHAT = st.sampled_from([(r, a) for r in ("client_asset", "client_liability", "guarantee_asset") for a in ("BTC", "ETH", "JPY")])
QUANTITIES = st.sampled_from(["10", "-3.5", "0", "-0", "10.00", "00.1", "399", "401", "123456789012.000000000000000001"])
AGES_NS = st.sampled_from([0, 0, 0, 1, 500_000_000, SECOND, 901 * SECOND, 86_400 * SECOND, 40 * 86_400 * SECOND, -1, -SECOND])
ENTITIES = st.sampled_from([*NAMES, "jp-main", "nobody"])
ACCOUNTS = st.one_of(st.integers(0, 400).map(lambda number: f"a-{number}"), st.sampled_from(["hot", "cold", "ä"]))
USUAL: st.SearchStrategy[Changed] = st.sampled_from(
    [
        {},
        {},
        {},
        {"body": {"source": "bank"}},
        {"body": {"storage": "hot"}},
        {"topic": FEED, "index": 3},
        {"lag_ns": 400_000_000},
    ]
)
UNUSUAL: st.SearchStrategy[Changed] = st.sampled_from(
    [
        {"body": {"group": "g-1", "group_size": 2}},
        {"body": {"group": "g-2", "group_size": None}},
        {"body": {"sequence": 7}},
        {"body": {"sequence": 2**40}},
        {"ahead_ns": 6 * SECOND},
        {"ahead_ns": -6 * SECOND},
    ]
)
FORGED: st.SearchStrategy[Changed] = st.sampled_from(
    [
        {"unlogged": True},
        {"without": ["group"]},
        {"without": ["group_size"]},
        {"without": ["account"]},
        {"body": {"group": None, "group_size": 3}},
        {"body": {"quantity": "1e3"}},
        {"body": {"quantity": 10}},
        {"body": {"quantity": "-3.5"}},
        {"body": {"as_of": "yesterday"}},
        {"body": {"as_of": "0001-01-01T00:00:00.000000Z"}},
        {"body": {"sequence": -1}},
        {"body": {"sequence": "1"}},
        {"body": {"account": 5}},
        {"body": {"account": ["x"]}},
        {"body": {"storage": None}},
        {"body": {"role": 7}},
        {"body": {"role": "nobody"}},
        {"body": {"asset": "a/b"}},
        {"body": {"event_id": 5}},
        {"body": {"event_id": None}},
        {"body": {"account": "\x00"}},
        {"body": {"source": "\x00"}},
        {"body": {"sequence": 2**60}},
        {"body": {"quantity": "-0"}},
        {"body": {"as_of": "1969-12-31T23:59:59.999999Z"}},
        {"body": {"source": 7}},
        {"topic": "custody.balances/other", "index": 2**40},
    ]
)


def _balances(more: st.SearchStrategy[Changed]) -> st.SearchStrategy[Action]:
    return st.builds(_balance, st.tuples(ENTITIES, ACCOUNTS), WHAT, QUANTITIES, AGES_NS, more)


def _dismissal(offset: int) -> Action:
    place = {"topic": "custody.balances", "epoch": 0, "partition": 0, "offset": offset}
    return lambda journal: journal.operation("dismissal", body=place)


def _all(actions: Sequence[Action]) -> Action:
    def act(journal: Journal) -> None:
        for number, action in enumerate(actions):
            journal.now += number % 3
            action(journal)

    return act


def _tick_of_before(age_ns: int) -> Action:
    def act(journal: Journal) -> None:
        journal.now -= age_ns
        journal.tick()

    return act


SOON_NS = st.sampled_from([0, 1, 300_000_000, 2 * SECOND])
OTHERS: st.SearchStrategy[Action] = st.one_of(
    st.builds(lambda asset: lambda j: j.price(asset, "15000000"), st.sampled_from(["BTC", "ETH", "DOT"])),
    st.just(lambda journal: journal.tick()),
    st.builds(lambda a: lambda j: j.rejected("custody.balances", a, "BTC", "client_asset"), ACCOUNTS),
    st.builds(_dismissal, st.integers(0, 60)),
    st.just(lambda journal: journal.operation("dismissal", body={"group": "g-1"})),
    st.builds(lambda n: lambda j: j.trades(10 * n, 10 * n, "9"), st.integers(1, 4)),
    st.builds(lambda limits, parts: lambda j: j.configure(_text(2, limits=limits), parts), st.booleans(), st.integers(1, 2)),
    st.builds(lambda status: lambda j: j.incident("i-1", status), st.sampled_from(["open", "closed"])),
    st.builds(lambda wait: lambda j: j.declaration("net_assets", "5", effective_from=j.now + wait), SOON_NS),
    st.builds(lambda wait: lambda j: j.price("BTC", "14000000", as_of=j.now + wait), SOON_NS),
    st.just(lambda journal: journal.operation("checkpoint", entity="in-main")),
    st.builds(lambda bad: lambda j: j.progress("custody.balances", 0, 10, dead_letter=bad), st.sampled_from([0, 9])),
    st.builds(_tick_of_before, SOON_NS),
)
WAITS = st.sampled_from([0.0, 0.0, 0.0, 0.0, 0.001, 0.001, 0.01, 0.3, 1.0, 5.0, 61.0, 3600.0, 100_000.0])
MANY = st.lists(_balances(USUAL), min_size=1, max_size=12).map(_all)
STEPS = st.lists(st.tuples(WAITS, st.one_of(MANY, MANY, _balances(USUAL), _balances(UNUSUAL), OTHERS)), min_size=1, max_size=25)
SIZES = st.lists(st.integers(1, 40), min_size=1, max_size=5)


def _journal(steps: Sequence[tuple[float, Action]], *, limits: bool) -> Journal:
    journal = Journal()
    journal.configure(_text(1, limits=limits))
    load(journal)
    journal.play(steps, tick_after=1)
    return journal


def _outcome(act: Callable[..., Any], *given: Any) -> Any:
    """What it gives, or what it raises."""
    try:
        return act(*given)
    except Exception as error:  # noqa: BLE001 - whatever the one raises the other has to raise as well
        return repr(error)


def _applied(engine: Engine, record: JournalRecord) -> list[bytes]:
    return [canonical_bytes([o.topic, o.key, o.value, str(o.caused_at)]) for o in engine.apply(record)]


def _kept(table: Table, engine: Engine) -> None:
    table.take(engine.cut())


def _stands(engine: Engine) -> list[Any]:
    told = [engine.position, engine.clock, engine.unheeded, engine.waiting, engine.next_deadline]
    return [*told, *(_outcome(engine.status, name) for name in engine.entities())]


class Pair:
    """An engine that takes records one by one beside one that takes as many as it can."""

    def __init__(self) -> None:
        self.one, self.many = (Engine(0, check_journal_time=True) for _ in range(2))
        self.tables = Table(), Table()

    def take(self, records: Sequence[JournalRecord]) -> bool:
        """The next records; whether all could be taken, by both alike."""
        taken = _outcome(self.many.take, records)
        refused = self.many.too_old
        left = iter(records)
        expected = [(_outcome(_applied, self.one, record), self.one.too_old) for record in islice(left, self._count(records))]
        assert [outputs for outputs, _ in expected] == [[]] * len(expected)
        assert refused == tuple(one for _, several in expected for one in several)
        for record in left:
            outcome = _outcome(_applied, self.one, record)
            if not isinstance(taken, int):
                assert outcome == taken
                return False
            assert _outcome(_applied, self.many, record) == outcome
            assert self.many.too_old == self.one.too_old
            return isinstance(outcome, list) and self.take(list(left))
        assert _stands(self.many) == _stands(self.one)
        return True

    def _count(self, records: Sequence[JournalRecord]) -> int:
        return self.many.position + 1 - records[0].offset if records else 0

    def cut(self) -> bool:
        """A snapshot of both; whether there could be one."""
        found = [_outcome(_kept, table, one) for table, one in zip(self.tables, (self.one, self.many), strict=True)]
        assert found[0] == found[1]
        assert self.tables[0].buckets == self.tables[1].buckets
        return found[0] is None


def _parts(records: Sequence[JournalRecord], sizes: Sequence[int]) -> Iterator[Sequence[JournalRecord]]:
    begin = 0
    while begin < len(records):
        for size in sizes:
            yield records[begin : begin + size]
            begin += size


@settings(max_examples=100, deadline=None)
@given(STEPS, SIZES, st.booleans())
def test_many_taken_together_are_as_one_by_one(steps: Sequence[tuple[float, Action]], sizes: list[int], limits: bool) -> None:
    pair = Pair()
    for part in _parts(_journal(steps, limits=limits).records, sizes):
        assert pair.take(part)
        assert pair.cut()


@settings(max_examples=100, deadline=None)
@given(MANY, _balances(FORGED), MANY, SIZES, st.booleans())
def test_what_is_refused_is_refused_alike(before: Action, forged: Action, after: Action, sizes: list[int], limits: bool) -> None:
    pair = Pair()
    steps = [(0.0, before), (0.0, forged), (0.0, after), (0.0, before)]
    for part in _parts(_journal(steps, limits=limits).records, sizes):
        if not (pair.take(part) and pair.cut()):
            return


S = SECOND
CLIENTS, OWED, YEN = ("client_asset", "BTC"), ("client_liability", "BTC"), ("client_liability", "JPY")


def _of(account: str, what: tuple[str, str] = CLIENTS, quantity: str = "1", age_s: float = 0, **more: Any) -> Action:
    return _balance(("jp-main", account), what, quantity, round(age_s * S), more)


BANK = {"source": "bank"}
THINGS: list[list[Action]] = [
    [_of("a", body=BANK, age_s=0.9)],
    [_of("b", YEN, "-3.5"), _of("c", YEN, "7", topic=FEED, index=2)],
    [_of("d", age_s=4000), _of("d", quantity="2")],
    [_of("e", age_s=-0.15), _of("e", quantity="3")],
    [_of("f", age_s=-2), _of("g", age_s=-0.05)],
    [_of("h", ("guarantee_asset", "SOL")), _of("h", ("guarantee_asset", "SOL"), "2"), _of("h", ("guarantee_asset", "SOL"), "3")],
    [_of("i", quantity="1"), _of("i", quantity="5000"), _of("i", quantity="5000", body=BANK)],
    [_of("j", body={"storage": "hot"}), _of("j")],
    [_of("k", ("client_asset", "ETH"), "401")],
    [_of("l", age_s=86_400), _of("m", age_s=86_400, quantity="3"), _of("l", age_s=90_000, quantity="9")],
    [lambda journal: journal.rejected("custody.balances", "n", "BTC", "client_asset"), _of("o"), _of("n"), _of("o", OWED)],
    [_of("r"), _of("r", age_s=500 * 86_400), _of("r", quantity="2")],
    [_of("p", body={"group": "g", "group_size": 2}), _of("p", quantity="8"), _of("q", body={"group": "g", "group_size": 2})],
]


def _play(journal: Journal, thing: Sequence[Action], begin: float) -> None:
    """A thing between first balances of the same second, with a price before it and evaluations behind it."""
    journal.at(begin).price("BTC", "15000000")
    few = [_of(f"{begin}-{number}") for number in range(4)]
    for number, act in enumerate((*few[:2], *thing, *few[2:])):
        act(journal.at(begin + 1.05 + number / 10))
    journal.at(begin + 2.5).tick()
    journal.at(begin + 7.5).tick()


@pytest.mark.parametrize("limits", [False, True])
@pytest.mark.parametrize("size", [3, 1000])
def test_whatever_else_a_balance_may_do_it_does_all_the_same(size: int, limits: bool) -> None:
    journal, pair = _journal([], limits=limits), Pair()
    for day in (0, 4 * 86_400):
        for number, thing in enumerate(THINGS):
            _play(journal, thing, day + 53_800 + number * 15)
        journal.at(day + 54_000).tick()
    for part in _parts(journal.records, [size]):
        assert pair.take(part)
        assert pair.cut()


def test_first_balances_are_taken_straight_but_the_first_after_an_evaluation() -> None:
    journal = _journal([], limits=True)
    for number in range(100):
        journal.now += 1_000_000
        _balance((NAMES[number % 2], f"a-{number}"), ("client_asset", "BTC"), "1", number, {})(journal)
    with calls_of(Balances.take) as made:
        assert Pair().take(journal.records)
    assert sum(call.gave for call in made) == 4 + 98


def test_a_record_that_was_taken_is_refused_when_it_comes_again() -> None:
    engine, journal = Engine(0, check_journal_time=True), _journal([], limits=False)
    first = engine.take(journal.records)
    assert first == 0
    engine.apply(journal.records[0])
    assert engine.take(journal.records[1:4]) == 3
    with pytest.raises(ValueError, match="record 3 was applied already"):
        engine.take(journal.records[3:])
