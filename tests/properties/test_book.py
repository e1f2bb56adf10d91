"""What a book says depends on what was said, not on order, repeats, partition into accounts, or restarts (P1, P2, P3)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.journal.records import JournalRecord
from monitor.core.values.calendar import Zone
from monitor.core.values.times import HOUR, SECOND, exact_time, parse_time
from tests.book_maker import Desk, Maker, Segment, Trade, buckets_of, content, limits

START = parse_time("2026-01-05T00:00:00Z")
SPAN_S = 4 * 86400
TOKYO = Zone("Asia/Tokyo", [0], [9])
ROLES, ASSETS, STORAGES = ("client_asset", "client_liability"), ("BTC", "ETH", "JPY"), ("cold", "hot")
CONFIG = content(
    {
        "prices": {"max_age_s": 86400, "pivots": ["USD"]},
        "freshness": {"custody.balances": limits(2 * 86400, 86400), "custody.balances/x": limits(86400)},
    }
)

Make = Callable[[Maker], JournalRecord]
seconds = st.one_of(st.integers(0, SPAN_S), st.integers(0, 96).map(lambda hours: hours * 3600))
delays = st.one_of(st.integers(0, 100), st.integers(-60, 0), st.integers(0, SPAN_S))
amounts = st.integers(0, 999).map(str)


def ns(at: int) -> int:
    return START + at * SECOND


def _position(own: int, delay: int, quantity: str, sequence: int, names: tuple[str, str, str, str, str | None]) -> Make:
    role, asset, account, storage, source = names
    more: dict[str, Any] = {"role": role, "asset": asset, "account": account, "storage": storage, "source": source}
    return lambda make: make.position(quantity, ns(own), logged=ns(own + delay), sequence=sequence, **more)


def _price(own: int, delay: int, price: str, pair: tuple[str, str], series: tuple[str, str]) -> Make:
    more: dict[str, Any] = {"asset": pair[0], "currency": pair[1], "kind": series[0], "source": series[1]}
    return lambda make: make.price(price, ns(own), logged=ns(own + delay), **more)


def _declaration(since: int, delay: int, amount: str, until: int | None, policy: str) -> Make:
    end, logged = None if until is None else ns(since + until), ns(max(0, since + delay))
    return lambda make: make.declaration("insurance_limit", amount, ns(since), until=end, logged=logged, policy=policy)


def _incident(logged: int, revision: int, quantity: str | None, received: int) -> Make:
    losses = [{"asset": "BTC", "quantity": quantity, "owner": "client", "account": None}]
    recoveries = [{"asset": "JPY", "quantity": "5", "received_at": exact_time(ns(min(received, logged)))}]
    occurred = exact_time(ns(max(0, logged - 3600)))
    return lambda make: make.incident(revision, ns(logged), occurred_at=occurred, losses=losses, recoveries=recoveries)


sources = st.sampled_from(["x", None])
names = st.tuples(st.sampled_from(ROLES), st.sampled_from(ASSETS), st.sampled_from("ab"), st.sampled_from(STORAGES), sources)
positions = st.builds(_position, seconds, delays, amounts, st.integers(0, 2), names)
pairs = st.sampled_from([("BTC", "JPY"), ("ETH", "USD"), ("USD", "JPY")])
series = st.tuples(st.sampled_from(["spot", "daily_close"]), st.sampled_from("yz"))
prices = st.builds(_price, seconds, delays, st.integers(1, 99).map(str), pairs, series)
lengths = st.one_of(st.none(), st.integers(1, SPAN_S))
declarations = st.builds(_declaration, seconds, delays, amounts, lengths, st.sampled_from("pq"))
incidents = st.builds(_incident, seconds, st.integers(1, 3), st.one_of(st.none(), amounts), seconds)
logs = st.lists(st.one_of(positions, positions, prices, declarations, incidents), max_size=30)


def records(log: list[Make]) -> list[JournalRecord]:
    """Source offsets are given in the order of the log, which is that of log time."""
    order = sorted(range(len(log)), key=lambda n: (log[n](Maker()).statement.logged_at or 0, n))
    make = Maker()
    return [log[n](make) for n in order]


def sight(desk: Desk, at: int) -> list[Any]:
    """All that a method may read."""
    view = desk.view(at, zone=TOKYO)
    ends = [TOKYO.day_end(date(2026, 1, day)) for day in range(4, 9)]
    seen: list[Any] = []
    for role in ROLES:
        seen += [view.role_seen(role), view.assets(role), view.role_value(role, fiat=None), view.positive_quantity(role, "JPY")]
        for asset in ASSETS:
            seen += [view.quantity(role, asset, storages) for storages in (None, frozenset({"cold"}))]
            seen += [view.quantity_at(role, asset, None, end) for end in ends if end <= at]
    for asset in ("BTC", "ETH", "USD"):
        seen += [view.price(asset), *(view.price_at(asset, end) for end in ends if end <= at)]
        seen.append(view.daily_closes(asset, date(2026, 1, 4), date(2026, 1, 9)))
    seen += [view.declarations("insurance_limit"), view.came("insurance_limit"), view.first_record_date("balance")]
    seen += [(i.id, i.revision, i.loss, i.recovered, i.net, i.client_net) for i in view.incidents()]
    seen += [view.trade_value_24h("spot"), view.trades_seen()]
    trust = {view.local_date(instant): (owed, held) for instant, owed, held in view.fiat_trust_history()}
    return [*seen, view.gaps, view.forced_unknown, trust, desk.book.deadline(desk.clock)]


AT = ns(2 * SPAN_S + 200)
"""After every log time."""


@settings(max_examples=40, deadline=None)
@given(logs, st.randoms(use_true_random=False))
def test_order_of_arrival_and_repeats_never_matter(log: list[Make], random: Any) -> None:
    told = records(log)
    again = [*told, *random.choices(told, k=len(told) // 2)] if told else []
    random.shuffle(again)
    one, other = Desk(CONFIG).put(again), Desk(CONFIG).put(told)
    for at in (max(one.clock, START), AT):
        assert sight(one, at) == sight(other, at)


@settings(max_examples=40, deadline=None)
@given(logs, st.lists(st.integers(0, SPAN_S), max_size=4), st.integers(0, 30))
def test_a_restart_is_as_if_nothing_had_happened(log: list[Make], instants: list[int], cut: int) -> None:
    told = records(log)
    one = Desk(CONFIG).put(told[:cut])
    other = one.restored()
    assert buckets_of(other.book) == buckets_of(one.book)
    assert buckets_of(other.shared) == buckets_of(one.shared)
    for record in told[cut:]:
        one.put(record)
        other.put(record)
        assert other.book.deadline(other.clock) == one.book.deadline(one.clock)
    for at in (max(one.clock, START), *sorted(AT + instant * SECOND for instant in instants)):
        assert sight(other, at) == sight(one, at)


@settings(max_examples=40, deadline=None)
@given(logs)
def test_only_buckets_named_dirty_have_changed(log: list[Make]) -> None:
    desk, before = Desk(CONFIG), buckets_of(Desk(CONFIG).book)
    shared_before = buckets_of(desk.shared)
    for record in records(log):
        desk.book.dirty.clear()
        desk.shared.dirty.clear()
        desk.put(record)
        for part, known in ((desk.book, before), (desk.shared, shared_before)):
            now = buckets_of(part)
            changed = {name for name in known.keys() | now.keys() if known.get(name) != now.get(name)}
            assert changed <= part.dirty
            assert all(part.bucket(name) == now.get(name) for name in part.dirty)
            known.clear()
            known.update(now)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(seconds, delays, st.integers(0, 500), st.sampled_from(STORAGES)), min_size=1, max_size=12), st.data())
def test_a_balance_split_over_accounts_is_the_same_balance(moves: list[tuple[int, int, int, str]], data: Any) -> None:
    whole, parts = Desk(), Desk()
    for number, (own, delay, quantity, storage) in enumerate(sorted(moves, key=lambda m: m[0] + m[1])):
        first = data.draw(st.integers(0, quantity))
        for desk, shares in ((whole, {"w": quantity}), (parts, {"p": first, "q": quantity - first})):
            make = Maker()
            make.offset = number * 10
            for account, share in shares.items():
                desk.put(
                    make.position(str(share), ns(own), logged=ns(own + delay), account=account, storage=storage, offset=number)
                )
    for at in (AT, ns(SPAN_S // 2)):
        views = [desk.view(max(at, desk.clock), zone=TOKYO) for desk in (whole, parts)]
        for storages in (None, frozenset({"cold"})):
            assert len({v.quantity("client_asset", "BTC", storages) for v in views}) == 1
            for day in range(4, 9):
                end = TOKYO.day_end(date(2026, 1, day))
                assert len({v.quantity_at("client_asset", "BTC", storages, end) for v in views}) == 1


@settings(max_examples=40, deadline=None)
@given(logs)
def test_every_change_by_time_alone_has_a_deadline(log: list[Make]) -> None:
    """Between two deadlines nothing a method may read changes."""
    desk = Desk(CONFIG).put(records(log))
    at = desk.clock
    for _ in range(6):
        following = desk.book.deadline(at)
        assert following is not None
        assert following > at
        if following > at + 1:
            one = sight(desk, at)[:-1]
            other = sight(desk, following - 1)[:-1]
            assert one == other
        at = following


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, SPAN_S), st.integers(-30, 7200), st.integers(1, 99)), min_size=1, max_size=25), st.data()
)
def test_registers_of_trades_are_read_back_as_they_were(raw: list[tuple[int, int, int]], data: Any) -> None:
    ordered = sorted(raw, key=lambda r: r[0] + r[1])
    log = [Trade(n, f"t{n % 20}", str(p), "1", ns(own), ns(own + d), busted=n % 20 != n) for n, (own, d, p) in enumerate(ordered)]
    middle = data.draw(st.integers(0, len(log)))
    one = Desk(CONFIG)
    segments = [Segment(0, middle, log), Segment(middle, len(log), log)]
    stop = data.draw(st.integers(0, len(log)))
    for segment in segments:
        upto = min(stop, segment.end)
        if segment.start < upto:
            one.put(segment.flush(upto, max(t.logged for t in log[:upto])))
    other = one.restored()
    for segment in segments:
        if segment.end > max(stop, segment.start):
            for desk in (one, other):
                desk.put(segment.flush(segment.end, max(t.logged for t in log[: segment.end])))
    for at in (max(t.logged for t in log) + 1, AT + HOUR, AT + 80 * HOUR):
        views = [desk.view(at, zone=TOKYO) for desk in (one, other)]
        assert views[0].trade_value_24h("spot") == views[1].trade_value_24h("spot")
        assert views[0].price("BTC") == views[1].price("BTC")
        for day in range(4, 10):
            end = TOKYO.day_end(date(2026, 1, day))
            assert views[0].trade_value_day(date(2026, 1, day), "spot", "venue") == views[1].trade_value_day(
                date(2026, 1, day), "spot", "venue"
            )
            assert views[0].price_at("BTC", end) == views[1].price_at("BTC", end)
        assert views[0].gaps == views[1].gaps
        assert one.book.deadline(at) == other.book.deadline(at)
