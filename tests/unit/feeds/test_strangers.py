"""Venues whose mapping does not ship, in the shape of published frames: mapped by configuration alone, and mapped wrongly."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from monitor.core.journal.records import SourcePartition
from monitor.core.journal.vocabulary import PRICES, TRADES
from monitor.errors import ConfigurationError
from streams.eventfiles.trial import TriedRecord, tried
from streams.intake.segment.batches import Batch
from streams.intake.segment.readers import reader_of
from streams.wire import Known, SourceFormat
from streams.wire.feeds import FeedFormat, FeedPlan, RecordPlace
from streams.wire.feeds.formats import wrapped
from tests.intake_logs import START_MS, intake_rules

MS = START_MS - 1000
NUMBERLESS = {"trade_id": "%id"}
TRADE = {"trade_id": "@.id", "price": "@.price", "quantity": "@.amount", "executed_at": "@.ts"}

VENUES: dict[str, tuple[dict[str, Any], list[Any], list[str], int]] = {
    "lists of trades beside a book": (
        {
            "where": {"$.type": "l2_updates"},
            "each": "$.trades[*]",
            "fields": TRADE | {"market": "@.symbol", "side": "@.side"},
            "values": {"market": {"quotes": ["USD", "BTC"]}, "executed_at": {"times": "ms"}},
        },
        [
            {"type": "l2_updates", "symbol": "BTCUSD", "changes": [["buy", "1", "2"]], "trades": [
                {"id": 1, "symbol": "BTCUSD", "price": "9122.04", "amount": "0.0073173", "side": "sell", "ts": MS},
                {"id": 2, "symbol": "ETHBTC", "price": "0.05", "amount": "3", "side": "buy", "ts": MS}]},
            {"type": "l2_updates", "symbol": "BTCUSD", "changes": [["buy", "1", "2"]]},
            {"type": "heartbeat", "ts": MS},
        ],
        ["BTC/USD sell 9122.04 0.0073173", "ETH/BTC buy 0.05 3"],
        2,
    ),
    "local times and no ids": (
        {
            "where": {"$.type": "transaction"},
            "each": "$.content.list[*]",
            "time_zone": "Asia/Seoul",
            "fields": NUMBERLESS | {"market": "@.s", "price": "@.p", "quantity": "@.q", "side": "@.g", "executed_at": "@.t"},
            "values": {"market": {"separator": "_"}, "side": {"table": {"1": "sell", "2": "buy"}}},
        },
        [
            {"status": "0000", "resmsg": "Connected Successfully"},
            {"type": "transaction", "content": {"list": [
                {"s": "BTC_KRW", "g": "1", "p": "10579000", "q": "0.01", "t": "2026-01-05 08:59:18.830039"}]}},
        ],
        ["BTC/KRW sell 10579000 0.01"],
        1,
    ),
    "packed frames, the symbol in the channel, floats": (
        {
            "format": "gzip+json",
            "where": {"$.ch": {"ends": ".trade.detail"}},
            "each": "$.tick.data[*]",
            "numbers": "lenient",
            "fields": TRADE | {"market": "$.ch", "side": "@.direction"},
            "values": {
                "market": {"strip": "market.", "before": ".", "case": "upper", "quotes": ["USDT", "BTC"]},
                "executed_at": {"times": "ms"},
            },
        },
        [
            {"ping": MS},
            {"ch": "market.btcusdt.trade.detail", "tick": {"data": [
                {"id": 137005445109359286410323766, "ts": MS, "amount": 1e-05, "price": 52648.62, "direction": "buy"}]}},
        ],
        ["BTC/USDT buy 52648.62 0.00001"],
        1,
    ),
    "arrays of scaled integers, times in ns": (
        {
            "where": {"$.type": "incremental"},
            "each": "$.trades[*]",
            "fields": NUMBERLESS | {
                "market": "$.symbol", "price": "@[2]", "quantity": "@[3]", "side": "@[1]", "executed_at": "@[0]"
            },
            "values": {
                "market": {"strip": "s", "quotes": ["USDT"]},
                "side": {"case": "lower"},
                "executed_at": {"times": "ns"},
                "price": {"scale": "0.00000001"},
                "quantity": {"scale": "0.00000001"},
            },
        },
        [
            {"symbol": "sBTCUSDT", "trades": [[MS * 1_000_000 + 7, "Buy", 867000000000, 56000000]], "type": "incremental"},
            {"symbol": "sBTCUSDT", "trades": [[MS * 1_000_000, "Sell", 1, 1]], "type": "snapshot"},
        ],
        ["BTC/USDT buy 8670 0.56"],
        1,
    ),
    "parameters of a call": (
        {
            "where": {"$.method": "trades_update"},
            "each": "$.params[1][*]",
            "fields": TRADE | {"market": "$.params[0]", "side": "@.type"},
            "values": {"market": {"separator": "_"}, "executed_at": {"times": "s"}},
        },
        [{"id": None, "method": "trades_update", "params": [
            "BTC_USDT", [{"id": 41358530, "ts": MS / 1000, "price": "0.020857", "amount": "5.511", "type": "sell"}]]}],
        ["BTC/USDT sell 0.020857 5.511"],
        0,
    ),
    "one money for all": (
        {
            "where": {"$.channel": "trades"},
            "fields": {
                "trade_id": "%id", "market": "$.symbol", "price": "$.price", "quantity": "$.size", "side": "$.side",
                "executed_at": "$.timestamp",
            },
            "values": {"market": {"quote": "JPY", "separator": "_"}, "side": {"case": "lower"}},
        },
        [
            {"channel": "trades", "price": "750760", "side": "BUY", "size": "0.1", "symbol": "BTC",
             "timestamp": "2026-01-04T23:59:59.789Z"},
            {"channel": "trades", "price": "75", "side": "SELL", "size": "2", "symbol": "ETH_JPY",
             "timestamp": "2026-01-04T23:59:59.789Z"},
            {"channel": "ticker", "symbol": "BTC"},
        ],
        ["BTC/JPY buy 750760 0.1", "ETH/JPY sell 75 2"],
        1,
    ),
    "arrays of arrays of texts": (
        {
            "where": {"$[0][0]": {"present": True}},
            "each": "$[*]",
            "fields": {
                "trade_id": "@[1]", "market": "@[2]", "price": "@[3]", "quantity": "@[4]", "side": "@[5]", "executed_at": "@[0]"
            },
            "values": {"market": {"case": "upper", "separator": "_"}, "executed_at": {"times": "s"}},
        },
        [
            [[str(MS // 1000), "2357062", "btc_jpy", "2820896.0", "5.0", "sell", "1", "2"]],
            ["btc_jpy", {"bids": [["148634.0", "0"]], "asks": []}],
        ],
        ["BTC/JPY sell 2820896.0 5.0"],
        1,
    ),
}  # fmt: skip


def plan_of(mapping: dict[str, Any]) -> FeedPlan:
    return FeedPlan(FeedFormat.of(TRADES, "venue", {"topic": "t", "constants": {"entity": "a"}} | mapping, {}))


def records_of(plan: FeedPlan, frames: list[Any]) -> list[bytes]:
    return [wrapped(plan.feed.format, json.dumps(frame).encode()) for frame in frames]


@pytest.mark.parametrize("venue", VENUES)
def test_every_trade_counts_once_and_every_other_frame_is_left_out(venue: str) -> None:
    mapping, frames, expected, left_out = VENUES[venue]
    plan = plan_of(mapping)
    values = records_of(plan, frames)
    records = [TriedRecord(n, value, RecordPlace(0, 0, n, START_MS)) for n, value in enumerate(values)]
    found = list(tried(plan, Known(frozenset({"a"}), 1 << 62), records))
    told = [
        " ".join(str(one.canonical[key]) for key in ("market", "side", "price", "quantity")) for one in found if one.canonical
    ]
    assert told == expected
    assert all(one.reason is None for one in found), [one.detail for one in found]
    assert sum(one.filtered for one in found) == left_out
    assert all(one.left_out for one in found if one.outcome == "filtered")
    where = SourcePartition(plan.feed.full_name, 0, 0)
    rules = intake_rules(segment_records=1000, block_records=1000)
    rules = replace(rules, plans={where.topic: plan}, sources={**rules.sources, where.topic: SourceFormat(TRADES)})
    reader = reader_of(where, rules, "log", 0)
    reader.feed(Batch(range(len(values)), [START_MS] * len(values), values), 0, 1)
    flush = reader.flush(1)
    assert flush is not None
    counts = flush.progress[0][1].body["counts"]
    assert (counts["applied"], counts["dead_letter"], counts.get("filtered", 0)) == (len(expected), 0, left_out)


GOOD = VENUES["parameters of a call"][0]
WRONG: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({"price": "@.pric"}, {}, "nothing stands at @.pric: see fields.price"),
    ({}, {"executed_at": {"times": "ms"}}, "is values.executed_at.times the unit of the record?"),
    ({}, {"executed_at": {"times": "rfc3339"}}, "values.executed_at.times: s, ms, us or ns"),
    ({}, {"market": {}}, "or say how it is written by separator, quotes or quote"),
    ({}, {"market": {"separator": "-"}}, "name it in values.market.table (raw: BASE/QUOTE), or leave it out by where"),
    ({}, {"market": {"quotes": ["EUR"]}}, "add its quote to quotes, or name it in values.market.table"),
    ({}, {"side": {"case": "upper"}}, "translate 'SELL' in values.side.table"),
    ({"price": "@.float"}, {}, "values.price.numbers: lenient"),
    ({}, {"quantity": {"scale": {"by": "market", "table": {"ETH/USDT": "1"}}}}, "name it in "),
]


@pytest.mark.parametrize(("fields", "values", "words"), WRONG)
def test_a_wrong_mapping_is_told_where_to_look(fields: dict[str, str], values: dict[str, Any], words: str) -> None:
    plan = plan_of(GOOD | {"fields": GOOD["fields"] | fields, "values": GOOD["values"] | values})
    frame = {"method": "trades_update", "params": [
        "BTC_USDT", [{"id": 1, "ts": MS / 1000, "price": "1", "float": 1.5, "amount": "5", "type": "sell"}]]}  # fmt: skip
    record = TriedRecord(0, json.dumps(frame).encode(), RecordPlace(0, 0, 0, START_MS))
    (one,) = tried(plan, Known(frozenset({"a"}), 1 << 62), [record])
    assert one.outcome == "dead_letter"
    assert words in f"{one.detail}; {one.next}"


def test_a_name_that_is_no_asset_is_told_where_it_gets_one() -> None:
    raw = {"topic": "p", "fields": {"event_id": "%id", "asset": "@.s", "price": "@.p", "as_of": "%timestamp"}}
    plan = FeedPlan(FeedFormat.of(PRICES, "venue", raw | {"constants": {"currency": "USD", "kind": "spot"}}, {}))
    record = TriedRecord(0, b'{"s": "$TRUMP", "p": "1"}', RecordPlace(0, 0, 0, START_MS))
    (one,) = tried(plan, Known(None, 1 << 62), [record])
    assert one.next == "'$TRUMP': give it a canonical name in assets.aliases, or in the feed's aliases"


def test_all_that_a_mapping_lacks_is_told_at_once() -> None:
    with pytest.raises(ConfigurationError, match="price, quantity, executed_at are needed: map them in fields"):
        plan_of({"fields": {"trade_id": "%id", "market": "@.m"}})
    with pytest.raises(ConfigurationError, match=r"fields\.size: market\.trades has no such field; it has trade_id, "):
        plan_of({"fields": {"size": "@.m"}})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"where": {"$.method": "trade"}}, "where: $.method is 'trades_update'"),
        ({"where": {"$.metod": "trades_update"}}, "where: $.metod is not there"),
        ({"where": {"$.params": {"starts": "x"}}}, "where: $.params is a list"),
        ({"each": "$.param[1][*]"}, "each: no list with elements at $.param[1][*]"),
        ({"where": {"@.type": "buy"}}, "where: @.type is 'sell'"),
    ],
)
def test_what_is_left_out_says_by_what(change: dict[str, Any], words: str) -> None:
    plan = plan_of(GOOD | change)
    record = TriedRecord(0, json.dumps(VENUES["parameters of a call"][1][0]).encode(), RecordPlace(0, 0, 0, START_MS))
    (one,) = tried(plan, Known(frozenset({"a"}), 1 << 62), [record])
    assert (one.outcome, one.left_out) == ("filtered", [words])
