"""A feed's lean way and its plan say the same of every record, however the records come in pieces."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.journal.records import SourcePartition, encode_statement
from monitor.core.journal.vocabulary import TRADES
from streams.intake.segment.batches import Batch
from streams.intake.segment.columns.decoding import keys_of
from streams.intake.segment.content import Findings
from streams.intake.segment.events import Sighted, events_of_feed
from streams.intake.segment.lean_events import LeanSight
from streams.intake.segment.rules import IntakeRules
from streams.intake.segment.segments import SegmentReader
from streams.intake.segment.trades.counted import CountedTrades
from streams.wire import SourceFormat
from streams.wire.feeds import FeedFormat, FeedPlan
from streams.wire.feeds.lean import lean_feed
from tests.intake_logs import START_MS, intake_rules

WHERE = SourcePartition(f"{TRADES}/venue", 0, 3)
START_S = START_MS // 1000

FEEDS: dict[str, dict[str, Any]] = {
    "flat": {
        "where": {"$.type": ["match", "last"]},
        "heartbeat": {"$.type": "beat"},
        "fields": {"trade_id": "id", "market": "$.m", "price": "p", "quantity": "q", "side": "$.s", "executed_at": "t"},
        "constants": {"entity": "a"},
        "values": {"market": {"separator": "-"}, "side": {"table": {"b": "buy", "s": "sell"}}},
        "times": "ms",
    },
    "enveloped": {
        "where": {"$.d.e": {"starts": "tr"}, "@.d.big": {"not": "true"}},
        "fields": {
            "trade_id": "d.id",
            "entity": "d.who",
            "market": "d.m",
            "price": "d.p",
            "quantity": "d.q",
            "side": "d.mk",
            "executed_at": "d.t",
        },
        "values": {
            "market": {"quotes": ["USD", "JPY"]},
            "side": {"table": {"true": "sell", "false": "buy"}},
            "price": {"scale": "0.01"},
        },
        "numbers": "lenient",
        "times": "us",
    },
    "listed": {
        "where": {"$.arg.channel": "trades", "$.data": {"present": True}, "@.kind": ["x", "y"]},
        "heartbeat": {"$.arg.channel": "beat"},
        "each": "$.data[*]",
        "fields": {
            "trade_id": "@.id",
            "market": "$.arg.m",
            "price": "@.p",
            "quantity": "@.q",
            "side": "@.s",
            "executed_at": "@.t",
            "status": "@.st",
        },
        "constants": {"entity": "b"},
        "values": {"side": {"case": "lower"}},
        "aliases": {"XBT": "BTC"},
    },
    "arrays": {
        "where": {"$[2]": "trade"},
        "each": "$[1][*]",
        "times": "s",
        "aliases": {"XBT": "BTC"},
        "fields": {
            "trade_id": "%id",
            "market": "$[3]",
            "price": "@[0]",
            "quantity": "@[1]",
            "executed_at": "@[2]",
            "side": "@[3]",
        },
        "constants": {"entity": "a"},
        "values": {"side": {"table": {"b": "buy", "s": "sell"}}},
    },
    "renamed": {
        "fields": {
            "trade_id": "n.id",
            "entity": "who",
            "market": "m",
            "price": "p",
            "quantity": "q",
            "side": "s",
            "executed_at": "t",
        },
        "constants": {"capacity": "client_order"},
    },
    "contracts": {
        "each": "$.data[*]",
        "where": {"$.topic": {"starts": "trade"}},
        "numbers": "lenient",
        "times": "ms",
        "fields": {"trade_id": "id", "market": "m", "price": "p", "quantity": "q", "side": "@.s", "executed_at": "t"},
        "constants": {"entity": "a", "instrument": "derivative"},
        "values": {
            "side": {"case": "lower"},
            "market": {"quotes": ["USD", "JPY"]},
            "quantity": {"scale": {"by": "market", "table": {"BTC/JPY": "100", "ETH/USD": "0.01"}}, "in": "quote"},
        },
    },
    "top list": {
        "each": "$[*]",
        "times": "ns",
        "fields": {"trade_id": "id", "market": ["sym", "m"], "price": "p", "quantity": "q", "executed_at": "t"},
        "constants": {"entity": "a"},
    },
}

ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, False, 0, 1, -1, 1.5, 10**30, "", "1", "0", "-2", "1e3", "1.", "x", "é", "a\nb", [], {}, [1], {"a": {"p": "9"}}]
)
AMOUNTS: st.SearchStrategy[Any] = st.sampled_from(["1.5", "2", 3, "0.00000001", "12345678901234567890", 1.25, "1e2", "0", "-1"])
WORDS: dict[str, list[Any]] = {
    "id": ["1", "2", 3, "4001", "t-1", 10**27],
    "m": ["BTC-JPY", "XBT/JPY", "BTC/JPY", "ETHUSD", "btc-jpy", 7],
    "sym": ["BTC/JPY", None, "ETH/JPY"],
    "s": ["b", "s", "BUY", "Sell", "x", None],
    "mk": [True, False, "true", None],
    "who": ["a", "b", "zz"],
    "e": ["trade", "try", "book", 1],
    "big": [False, True, "no", None],
    "kind": ["x", "y", "z"],
    "st": ["new", "busted", None],
    "type": ["match", "last", "book", "beat"],
    "channel": ["trades", "trades", "book", "beat"],
}


def words(name: str) -> st.SearchStrategy[Any]:
    return st.one_of(st.sampled_from(WORDS[name][:3]), st.sampled_from(WORDS[name][:3]), st.sampled_from(WORDS[name]), ODD)


def seconds(places: int) -> st.SearchStrategy[Any]:
    """Counts of 10^-places s, as integers, texts, with fractions, or oddly."""
    count = st.integers(0, 62 * 10**places).map(lambda late: START_S * 10**places + late)
    fractions = st.sampled_from(["", ".5", ".000001", ".123456789", ".1234567891", ".", "e3"])
    return st.one_of(count, count.map(str), st.builds(lambda whole, rest: f"{whole}{rest}", count, fractions), ODD)


def pick(draw: st.DrawFn, **fields: st.SearchStrategy[Any]) -> dict[str, Any]:
    found = {name: draw(values) for name, values in fields.items()}
    if draw(st.integers(0, 9)) == 0:
        del found[draw(st.sampled_from(sorted(found)))]
    if draw(st.integers(0, 5)) == 0:
        found[draw(st.sampled_from(["x", "p2", "é"]))] = draw(ODD)
    return found


def raw_record(draw: st.DrawFn, name: str) -> Any:
    amounts = {"id": words("id"), "p": AMOUNTS, "q": AMOUNTS}
    if name == "flat":
        return pick(draw, type=words("type"), m=words("m"), s=words("s"), t=seconds(3), **amounts)
    if name == "enveloped":
        inner = pick(
            draw, e=words("e"), big=words("big"), who=words("who"), m=words("m"), mk=words("mk"), t=seconds(6), **amounts
        )
        return {"stream": "x", "d": inner}
    if name == "listed":
        time = st.sampled_from(["2026-01-05T00:00:00.000Z", "2026-01-05T00:00:01.500Z", "2026-01-05T09:00:00+09:00", "x"])
        data = [
            pick(draw, kind=words("kind"), s=words("s"), t=time, st=words("st"), **amounts)
            for _ in range(draw(st.integers(0, 4)))
        ]
        return {
            "arg": pick(draw, channel=words("channel"), m=words("m")),
            "data": draw(st.sampled_from([data, data, data, None, 1, {"x": data}])),
        }
    if name == "contracts":
        market = st.sampled_from(["BTCJPY", "ETHUSD", "BTCJPY", "XRPUSD", "x"])
        data = [pick(draw, m=market, s=words("s"), t=seconds(3), **amounts) for _ in range(draw(st.integers(0, 4)))]
        return {"topic": draw(st.sampled_from(["trade.x", "trade.x", "book"])), "data": data}
    if name == "renamed":
        time = st.sampled_from(["2026-01-05T00:00:00.000Z", "2026-01-05T00:00:01.500Z", "2026-01-05T09:00:00+09:00", 5])
        side = st.sampled_from(["buy", "sell", "buy", "b", None, 1])
        market = st.sampled_from(["BTC/JPY", "ETH/JPY", "BTC/JPY", "BTC-JPY", "BTC/JPY/", "btc/jpy"])
        whole = pick(draw, n=st.just({}), who=words("who"), m=market, s=side, t=time, p=AMOUNTS, q=AMOUNTS)
        return whole | {"n": draw(st.sampled_from([{"id": draw(words("id"))}, {"id": "7", "x": 1}]))}
    if name == "arrays":
        lines = [
            [draw(AMOUNTS), draw(AMOUNTS), draw(seconds(0)), draw(words("s")), *draw(st.lists(ODD, max_size=2))]
            for _ in range(draw(st.integers(0, 3)))
        ]
        return [draw(ODD), lines, draw(st.sampled_from(["trade", "trade", "book"])), draw(words("m"))][
            : draw(st.sampled_from([4, 4, 4, 2]))
        ]
    return [pick(draw, sym=words("sym"), m=words("m"), t=seconds(9), **amounts) for _ in range(draw(st.integers(0, 3)))]


@st.composite
def records(draw: st.DrawFn, name: str) -> bytes | None:
    """A record of a feed, mostly good; sometimes with a key twice, odd spaces, or broken."""
    value = json.dumps(
        raw_record(draw, name), ensure_ascii=draw(st.booleans()), separators=draw(st.sampled_from([None, (",", ":")]))
    )
    data = value.encode("utf-8", "surrogatepass")
    odd = draw(st.integers(0, 11))
    if odd in {0, 1}:
        key = draw(st.sampled_from(["p", "id", "d", "data", "x", "kind", "m", "t"]))
        at = [index for index, sign in enumerate(value) if sign == "{"]
        if at:
            place = len(value[: draw(st.sampled_from(at)) + 1].encode("utf-8", "surrogatepass"))
            again = draw(st.sampled_from([b'"9"', b"{}", b"[]"]))
            rest = b"" if data[place : place + 1] == b"}" else b","
            data = data[:place] + f'"{key}" : '.encode() + again + rest + data[place:]
    elif odd == 2:
        at_byte = draw(st.integers(0, len(data)))
        data = data[:at_byte] + draw(st.sampled_from([b"", b"\xff", b"}", b"[", b'"', b" ", b"\\", b"\n"])) + data[at_byte + 1 :]
    elif odd == 3:
        return draw(st.sampled_from([None, b"", b"1", b"[]", b"{}", b"[" * 70 + b"]" * 70, b'{"x":' * 70 + b"1" + b"}" * 70]))
    return data


def rules_of(name: str) -> tuple[IntakeRules, FeedPlan]:
    plan = FeedPlan(FeedFormat.of(TRADES, "venue", FEEDS[name] | {"topic": "frames"}, {}))
    rules = intake_rules(segment_records=1000, block_records=1000)
    return replace(rules, plans={WHERE.topic: plan}, sources={**rules.sources, WHERE.topic: SourceFormat(TRADES)}), plan


def told(rules: IntakeRules, sighted: Sighted, values: list[bytes | None], pieces: list[int]) -> tuple[list[Any], list[bytes]]:
    """Dead letters, and all that a reader says of the values, which come in pieces."""
    reader = SegmentReader(rules, "log", 0, [CountedTrades(Findings(WHERE, rules), sighted, "log")])
    begin = 0
    for piece in [*pieces, len(values)]:
        part = values[begin : begin + piece]
        if part:
            reader.feed(Batch(range(begin, begin + len(part)), [START_MS + 60_000] * len(part), part), 0, 1)
        begin += len(part)
    flush = reader.flush(1)
    letters = [(letter.offset, letter.index, letter.reason, letter.detail) for letter in reader.take_dead_letters()]
    assert flush is not None
    return letters, [encode_statement(statement) for _, statement in (*flush.contents, *flush.progress)]


@pytest.mark.parametrize("name", sorted(FEEDS))
@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_the_lean_way_of_a_feed_says_what_its_plan_says(name: str, data: st.DataObject) -> None:
    rules, plan = rules_of(name)
    lean, judge = lean_feed(plan.feed), rules.judge(WHERE.topic)
    assert lean is not None
    values = data.draw(st.lists(records(name), min_size=1, max_size=8))
    pieces = data.draw(st.lists(st.integers(1, 3), max_size=8))
    expected = told(rules, events_of_feed(plan, judge, WHERE), values, [])
    assert told(rules, LeanSight(lean, plan, judge, WHERE), values, pieces) == expected


GOOD: dict[str, Any] = {
    "flat": {"type": "match", "id": "1", "m": "BTC-JPY", "p": "1.5", "q": 2, "s": "b", "t": START_MS, "x": {"y": ["9"]}},
    "enveloped": {
        "d": {
            "e": "trade",
            "big": False,
            "id": 7,
            "who": "a",
            "m": "BTCJPY",
            "p": 150,
            "q": 1.25,
            "mk": True,
            "t": f"{START_MS}000",
        }
    },
    "listed": {
        "arg": {"channel": "trades", "m": "XBT/JPY"},
        "data": [
            {"kind": "x", "id": str(number), "p": "1", "q": "2", "s": "BUY", "st": "new", "t": "2026-01-05T00:00:00.000Z"}
            for number in range(3)
        ],
    },
    "arrays": [336, [["1.5", "2", f"{START_S}.1234", "b", "l", ""], ["1.5", "2", f"{START_S}.5", "s"]], "trade", "XBT/JPY"],
    "contracts": {
        "topic": "trade.x",
        "data": [{"id": 1, "m": "BTCJPY", "p": 64000.5, "q": 8, "s": "Buy", "t": START_MS, "x": 1}],
    },
    "renamed": {
        "n": {"id": 5},
        "who": "a",
        "m": "BTC/JPY",
        "p": "1.5",
        "q": 2,
        "s": "buy",
        "t": "2026-01-05T00:00:00.000Z",
        "x": [1],
    },
    "top list": [{"id": 1, "sym": "BTC/JPY", "m": None, "p": "1", "q": "1", "t": START_MS * 1_000_000}],
}
"""A good record of each feed."""


def sight_of(name: str) -> tuple[LeanSight, Sighted, IntakeRules]:
    rules, plan = rules_of(name)
    lean, judge = lean_feed(plan.feed), rules.judge(WHERE.topic)
    assert lean is not None
    return LeanSight(lean, plan, judge, WHERE), events_of_feed(plan, judge, WHERE), rules


@pytest.mark.parametrize("name", sorted(FEEDS))
def test_a_good_record_needs_no_authority(name: str) -> None:
    sight, _, _ = sight_of(name)
    values = [json.dumps(GOOD[name]).encode()] * 2
    events = sight(Batch(range(2), [START_MS] * 2, values), 0, 2)
    assert events.end > 1
    assert None not in keys_of(events.columns(0, events.end))


@pytest.mark.parametrize(
    "twice",
    [
        b'{"p": "9", "type": "match", "id": "1", "m": "BTC-JPY", "p": "1.5", "q": 2, "s": "b", "t": 1767571200000}',
        b'{"type": "book", "type": "match", "id": "1", "m": "BTC-JPY", "p": "1.5", "q": 2, "s": "b", "t": 1767571200000}',
        b'{"y": {"p": 1}, "p" : 2, "type": "match", "id": "1", "m": "BTC-JPY", "p": "1.5", "q": 2, "s": "b", "t": 1767571200000}',
    ],
)
def test_a_key_on_a_path_given_twice_is_refused_among_good_records_too(twice: bytes) -> None:
    """What lets it fail: a decoder that takes the last of two values, and a count over a run that another record evens out."""
    sight, planned, rules = sight_of("flat")
    values: list[bytes | None] = [json.dumps(GOOD["flat"]).encode(), twice, b'{"type": "match"}']
    letters, said = told(rules, sight, values, [])
    assert (letters, said) == told(rules, planned, values, [])
    assert "is given twice" in letters[0][3]


@pytest.mark.parametrize("name", ["flat", "enveloped", "listed", "renamed"])
def test_a_key_given_twice_shows_though_another_is_missing_for_it(name: str) -> None:
    """What lets it fail: to count the keys of records of one layout, and not ask that each of the layout's keys is there."""
    sight, planned, rules = sight_of(name)
    good: Any = GOOD[name] | {"note": 1}
    value = json.dumps(good).encode()
    twice = value.replace(b'"note": 1', b'"p": "9"' if name != "listed" else b'"arg": {"channel": "trades", "m": "XBT/JPY"}')
    for key in (b'"id": ', b'"p": ', b'"kind": '):
        inner = value.replace(key, key + b'"1", ' + key, 1)
        values: list[bytes | None] = [value, value, twice, inner, value]
        expected = told(rules, planned, values, [])
        for pieces in ([], [2], [1, 1]):
            assert told(rules, sight, values, pieces) == expected
            assert told(rules, sight_of(name)[0], values, pieces) == expected


def test_a_key_given_twice_that_the_feed_does_not_read_says_nothing() -> None:
    sight, planned, rules = sight_of("flat")
    value = b'{"note": 1, "note": 2, ' + json.dumps(GOOD["flat"]).encode()[1:]
    for sighted in (sight, planned):
        assert told(rules, sighted, [value], [])[0] == []
