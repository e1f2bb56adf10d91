"""The book against a naive search through all events, and segments of trades under every schedule that the protocol allows."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.journal.records import JournalRecord
from monitor.core.values.calendar import WEEKDAYS, Zone
from monitor.core.values.times import HOUR, SECOND, exact_time, parse_time
from tests.book_maker import ENTITY, Desk, Segment, Trade, content, record
from tests.naive_view import Event, NaiveView

START = parse_time("2026-01-05T00:00:00Z")
SPAN_S = 40 * 3600
TOKYO = Zone("Asia/Tokyo", [0], [9])
KATHMANDU = Zone("Asia/Kathmandu", [0], [Fraction(23, 4)])
PRICES = {"prices": {"max_age_s": 7200, "pivots": ["USD"]}}
CONFIGS = {
    TOKYO: content(PRICES),
    KATHMANDU: content(PRICES | {"time_zone": "Asia/Kathmandu"}) | {"zones": {"Asia/Kathmandu": [[exact_time(0), "+05:45"]]}},
}
QUOTES = ("JPY", "USD")
Line = tuple[str, int, dict[str, Any]]
Log = list[tuple[int, int, bool]]

ages = st.one_of(st.integers(-60, 100), st.integers(0, 30 * 3600))
logged_s = st.integers(3600, SPAN_S)


def ns(at: int) -> int:
    return START + at * SECOND


def _time(logged: int, age: int) -> str:
    return exact_time(ns(max(0, logged - age)))


def _balance(logged: int, age: int, quantity: int, sequence: int, names: tuple[str, str, str, str]) -> Line:
    role, asset, account, storage = names
    body = {"role": role, "asset": asset, "account": account, "storage": storage, "sequence": sequence, "source": None}
    return (
        "custody.balances",
        logged,
        body | {"quantity": str(quantity), "as_of": _time(logged, age), "group": None, "group_size": None},
    )


def _price(logged: int, age: int, price: int, asset: str, currency: str) -> Line:
    kind = "spot" if price % 3 else "daily_close"
    body = {"asset": asset, "currency": currency, "price": str(price), "as_of": _time(logged, age), "source": "x", "kind": kind}
    return "market.prices", logged, body


def _trade(logged: int, age: int, price: int, identity: int, market: str) -> Line:
    body = {
        "trade_id": f"t{identity}",
        "market": market,
        "price": str(price),
        "quantity": "1.5",
        "executed_at": _time(logged, age),
    }
    capacity, instrument = ("client_order", "spot") if identity % 3 else ("venue", "derivative")
    return "market.trades", logged, body | {"capacity": capacity, "instrument": instrument, "side": "buy" if price % 2 else None}


def _declared(logged: int, age: int, amount: int, policy: str, length: int | None) -> Line:
    since, until = logged - age, None if length is None else exact_time(ns(logged - age + length))
    body = {"kind": "insurance_limit", "effective_from": exact_time(ns(since)), "effective_to": until, "amount": str(amount)}
    return "entity.declarations", logged, body | {"currency": QUOTES[amount % 2], "attributes": {"policy": policy}}


def _incident(logged: int, age: int, revision: int, quantity: int | None, estimate: int | None) -> Line:
    lost = {"asset": "BTC", "quantity": None if quantity is None else str(quantity), "owner": "client", "account": None}
    body: dict[str, Any] = {"incident_id": f"i{revision % 2}", "revision": revision, "kind": "other", "severity": "low"}
    recoveries = [{"asset": "ETH", "quantity": "1", "received_at": _time(logged, 0)}]
    found = None if estimate is None else {"amount": str(estimate), "currency": "JPY"}
    body |= {
        "status": "confirmed",
        "occurred_at": _time(logged, age),
        "updated_at": _time(logged, age),
        "losses": [lost],
        "loss_estimate": found,
        "recoveries": recoveries,
    }
    return "security.incidents", logged, body


assets = st.sampled_from(["BTC", "ETH"])
names = st.tuples(
    st.sampled_from(["client_asset", "reserve_asset"]),
    st.sampled_from(["BTC", "ETH", "JPY"]),
    st.sampled_from("ab"),
    st.sampled_from(["cold", "hot"]),
)
small = st.integers(0, 60)
lengths = st.one_of(st.none(), st.integers(1, SPAN_S))
past = ages.map(lambda age: max(age, 0))
lines = st.one_of(
    st.builds(_balance, logged_s, ages, small, st.integers(0, 1), names),
    st.builds(_price, logged_s, ages, st.integers(1, 60), assets, st.sampled_from(QUOTES)),
    st.builds(_price, logged_s, ages, st.integers(1, 60), st.just("USD"), st.just("JPY")),
    st.builds(_trade, logged_s, ages, st.integers(1, 60), st.integers(1, 40), st.sampled_from(["BTC/JPY", "ETH/USD"])),
    st.builds(
        _declared, logged_s, st.integers(0, 3600), small, st.sampled_from("pq"), st.one_of(st.none(), st.integers(1, 40 * 3600))
    ),
    st.builds(
        _incident, logged_s, ages.map(lambda a: max(a, 0)), st.integers(1, 4), st.one_of(st.none(), small), st.none() | small
    ),
)


def _events(found: list[Line], busted: set[int]) -> list[Event]:
    """In log order; of trades with one id only the first stays, and some of them are busted at the end."""
    kept, seen = [], set()
    for topic, logged, body in sorted(found, key=lambda line: line[1]):
        if topic == "market.trades":
            if body["trade_id"] in seen:
                continue
            seen.add(body["trade_id"])
        kept.append((topic, logged, {"entity": ENTITY} | body))
    again = [
        (t, SPAN_S, b | {"status": "busted"}) for t, _, b in kept if t == "market.trades" and int(b["trade_id"][1:]) in busted
    ]
    return [Event(topic, ns(logged), n, body) for n, (topic, logged, body) in enumerate([*kept, *again])]


def _records(events: list[Event]) -> list[JournalRecord]:
    kinds = {"custody.balances": "position", "entity.declarations": "declaration", "security.incidents": "incident"}
    told = []
    for event in events:
        if event.topic == "market.prices":
            told.append(record("price", None, (event.topic, event.offset), event.logged, {**event.value, "event_id": "p"}))
        elif event.topic in kinds:
            told.append(record(kinds[event.topic], ENTITY, (event.topic, event.offset), event.logged, event.value))
    return told


def _trades(events: list[Event], width: int) -> list[Trade]:
    return [
        Trade(
            e.offset,
            e.value["trade_id"],
            e.value["price"],
            e.value["quantity"],
            e.time("executed_at"),
            e.logged,
            market=e.value["market"],
            capacity=e.value["capacity"],
            instrument=e.value["instrument"],
            side=e.value["side"],
            busted="status" in e.value,
            width=width,
        )
        for e in events
        if e.topic == "market.trades"
    ]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(lines, max_size=30),
    st.sets(st.integers(1, 40), max_size=3),
    st.integers(0, 3600),
    st.sampled_from([TOKYO, KATHMANDU]),
)
def test_every_read_is_that_of_a_search_through_all_events(found: list[Line], busted: set[int], after: int, place: Zone) -> None:
    events, at = _events(found, busted), ns(SPAN_S + after)
    desk = Desk(CONFIGS[place]).put(_records(events))
    trades = _trades(events, place.grain)
    if trades:
        end = trades[-1].offset + 1
        desk.put(Segment(0, end, trades).flush(end, ns(SPAN_S)))
    view = desk.view(at, zone=place)
    naive = NaiveView(
        events, ENTITY, at, place=place, days=WEEKDAYS, currency="JPY", price_max_age_ns=7200 * SECOND, pivots=("USD",)
    )
    ends = [place.day_end(date(2026, 1, day)) for day in (4, 5, 6)]
    for role in ("client_asset", "reserve_asset", "client_liability"):
        assert view.role_seen(role) == naive.role_seen(role)
        assert view.assets(role) == naive.assets(role)
        assert view.role_value(role) == naive.role_value(role)
        for asset in ("BTC", "ETH", "JPY"):
            for storages in (None, frozenset({"cold"})):
                assert view.quantity(role, asset, storages) == naive.quantity(role, asset, storages)
                if view.role_seen(role):
                    assert [view.quantity_at(role, asset, storages, e) for e in ends if view.assets_at(role, e)] == [
                        naive.quantity_at(role, asset, storages, e) for e in ends if naive.assets_at(role, e)
                    ]
    few = not any(_crowded(trades))
    if few:
        for asset in ("BTC", "ETH", "USD"):
            assert view.price(asset) == naive.price(asset)
            assert [view.price_at(asset, e) for e in ends] == [naive.price_at(asset, e) for e in ends]
    assert view.daily_closes("BTC", date(2026, 1, 4), date(2026, 1, 7)) == naive.daily_closes(
        "BTC", date(2026, 1, 4), date(2026, 1, 7)
    )
    assert view.came("insurance_limit") == naive.came("insurance_limit")
    for policy in "pqr":
        assert view.declared("insurance_limit", policy=policy) == naive.declared("insurance_limit", policy=policy)
    for day in (4, 5, 6, 7):
        assert view.trade_value_day(date(2026, 1, day), "spot", "client_order") == {
            quote: value for quote, value in naive.trade_value_day(date(2026, 1, day), "spot", "client_order").items() if value
        }
    if few:
        assert view.trade_value_24h("spot") == naive.trade_value_24h("spot")
        for mine, other in zip(view.incidents(), naive.incidents(), strict=True):
            assert (mine.id, mine.status, mine.occurred_at) == (other.id, other.status, other.occurred_at)
            assert (mine.loss, mine.recovered, mine.net) == (other.loss, other.recovered, other.net)
            assert (mine.client, mine.client_net) == (other.client, other.client_net)
        assert {(g.kind, g.subject) for g in view.gaps} == {(g.kind, g.subject) for g in naive.gaps}
    assert view.first_record_date("balance") == naive.first_record_date("balance")
    assert view.first_record_date("balance", "client_asset") == naive.first_record_date("balance", "client_asset")
    for capacity in ("client_order", "venue", "own_account"):
        assert view.first_record_date("trade", capacity) == naive.first_record_date("trade", capacity)


def _crowded(trades: list[Trade]) -> list[bool]:
    """Cells whose busts may hide a price, or whose trades' own times for prices lie in another hour than their cells."""
    counts: dict[Any, int] = {}
    for trade in trades:
        counts[trade.cell] = counts.get(trade.cell, 0) + 1
    return [count > 4 for count in counts.values()] + [
        min(t.executed, t.logged) // t.width != t.executed // t.width for t in trades
    ]


# --- segments under any schedule


def _log(raw: Log) -> list[Trade]:
    """Trades and busts by offset; a bust repeats the figures of an earlier or later trade, or of none."""
    trades = [Trade(n, f"t{n}", str(price), "1", START + hour * HOUR, START + n) for n, (price, hour, _) in enumerate(raw)]
    return [
        replace(trades[(n * 7) % len(raw)], offset=n, logged=START + n, busted=True) if bust else trades[n]
        for n, (_, _, bust) in enumerate(raw)
    ]


def _oracle(log: list[Trade]) -> Decimal:
    """The log read once: every trade less every bust, of one id once each."""
    new = {t.trade_id: Decimal(t.price) for t in log if not t.busted}
    gone = {t.trade_id: Decimal(t.price) for t in log if t.busted}
    return sum(new.values(), Decimal(0)) - sum(gone.values(), Decimal(0))


class _Worker:
    """States segments in order from a commit: flushes at some offsets, each closed by its progress."""

    def __init__(self, log: list[Trade], start: int, size: int, cuts: list[int]) -> None:
        self.records: list[JournalRecord] = []
        self.commits = {start: 0}
        while start < len(log):
            end = min(start - start % size + size, len(log))
            segment = Segment(start, end, log)
            for upto in sorted({c for c in cuts if start < c < end} | {end}):
                self.records += segment.flush(upto, START + upto)
            start = end
            self.commits[start] = len(self.records)


logs = st.lists(st.tuples(st.integers(1, 9), st.integers(0, 5), st.booleans()), min_size=1, max_size=24)
cuts = st.lists(st.integers(0, 24), max_size=6)


@settings(max_examples=200, deadline=None)
@given(logs, st.integers(1, 9), cuts, cuts, st.data())
def test_crashes_zombies_and_repeats_change_nothing(raw: Log, size: int, first: list[int], second: list[int], data: Any) -> None:
    log = _log(raw)
    one = _Worker(log, 0, size, first)
    stop = data.draw(st.integers(0, len(one.records)))
    commit = max(offset for offset, sent in one.commits.items() if sent <= stop)
    two = _Worker(log, commit, size, second)
    journal = one.records[:stop]
    zombie = list(one.records[: min(len(one.records), stop + 2)]) if data.draw(st.booleans()) else []
    for told in two.records:
        journal.append(told)
        if zombie and data.draw(st.booleans()):
            journal.append(zombie.pop(0))
    repeated = [r for r in journal for _ in range(data.draw(st.integers(1, 2)))]
    desk = Desk().put(repeated)
    totals = desk.book.trades.value_between("spot", None, START - 9 * HOUR, START + 9 * HOUR)
    assert totals.get("JPY", Decimal(0)) == _oracle(log)
    view = desk.view(desk.clock + 1)
    assert desk.shared.sources.holes_made() == {}
    view.reads("market.trades")
    assert not view.forced_unknown


@settings(max_examples=100, deadline=None)
@given(logs, st.integers(1, 9), cuts, st.data())
def test_flow_records_that_never_came_are_noticed(raw: Log, size: int, marks: list[int], data: Any) -> None:
    log = _log(raw)
    start = data.draw(st.sampled_from(range(0, len(log), size)))
    told = [r for r in _Worker(log, 0, size, marks).records if r.statement.kind != "flow" or _start(r) != start]
    desk = Desk().put(told)
    view = desk.view(desk.clock + 1)
    view.reads("market.trades")
    assert view.forced_unknown == any(not t.busted for t in log[start : start + size])


def _start(told: JournalRecord) -> int | None:
    return None if told.statement.source is None else told.statement.source.start


@settings(max_examples=200, deadline=None)
@given(logs, st.integers(1, 6), cuts, st.data())
def test_retention_past_the_commit_is_never_double_nor_silent(raw: Log, size: int, marks: list[int], data: Any) -> None:
    log = [replace(t, busted=False, trade_id=f"t{t.offset}") for t in _log(raw)]
    one = _Worker(log, 0, size, marks)
    stop = data.draw(st.integers(1, len(one.records)))
    commit = max(offset for offset, sent in one.commits.items() if sent <= stop)
    if commit == len(log):
        return
    low = data.draw(st.integers(commit + 1, len(log)))
    passed = Segment(low, low + size, []).progress(low, START)
    desk = Desk().put(one.records[:stop], passed, _Worker(log, low, size, marks).records)
    counted = sum(t.trades for t in desk.book.trades.market_totals(START - 9 * HOUR, START + 9 * HOUR).values())
    assert counted <= len(log)
    assert counted == len(log) or desk.shared.sources.holes_made()
    said = [r.statement.source.upto for r in one.records[:stop] if r.statement.kind == "progress" and r.statement.source]
    if low in said and max(r.statement.source.upto or 0 for r in one.records[:stop] if r.statement.source) == low:
        assert (counted, desk.shared.sources.holes_made()) == (len(log), {})
