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
    "lists under the names of their symbols": (
        {
            "where": {"$.ch": "trades"},
            "each": ["$.update[*][*]", "$.snapshot[*][*]"],
            "times": "ms",
            "fields": {
                "trade_id": "@.i", "market": "%name", "price": "@.p", "quantity": "@.q", "side": "@.s", "executed_at": "@.t"
            },
            "values": {"market": {"quotes": ["USDT", "BTC"]}},
        },
        [
            {"ch": "trades", "snapshot": {"ETHBTC": [{"t": MS, "i": 7, "p": "0.05", "q": "3", "s": "sell"}]}},
            {"ch": "trades", "update": {
                "BTCUSDT": [{"t": MS, "i": 7, "p": "30881.9", "q": "1", "s": "buy"},
                            {"t": MS, "i": 8, "p": "30881.8", "q": "2", "s": "sell"}],
                "ETHBTC": [{"t": MS, "i": 8, "p": "0.06", "q": "4", "s": "buy"}]}},
            {"result": {"ch": "trades", "subscriptions": ["BTCUSDT"]}, "id": 123},
        ],
        ["ETH/BTC sell 0.05 3", "BTC/USDT buy 30881.9 1", "BTC/USDT sell 30881.8 2", "ETH/BTC buy 0.06 4"],
        1,
    ),
    "a map of trades by their ids": (
        {
            "each": "$.trades[*]",
            "fields": {"trade_id": "%name", "market": "@.pair", "price": "@.px", "quantity": "@.q", "executed_at": "%timestamp"},
        },
        [{"trades": {"a-1": {"pair": "BTC/JPY", "px": "5", "q": "1"}, "a-2": {"pair": "BTC/JPY", "px": "6", "q": "2"}}},
         {"error": {"code": 7}}],
        ["BTC/JPY 5 1", "BTC/JPY 6 2"],
        1,
    ),
    "a history as a list, then trades alone, in contracts": (
        {
            "where": {"$.feed": ["trade", "trade_snapshot"]},
            "each": ["$.trades[*]", "$"],
            "numbers": "lenient",
            "times": "ms",
            "fields": {
                "trade_id": "@.uid", "market": "@.product_id", "price": "@.price", "quantity": "@.qty", "side": "@.side",
                "executed_at": "@.time",
            },
            "values": {"market": {"table": {"PI_XBTUSD": "BTC/USD"}}, "quantity": {"in": "quote"}},
        },
        [
            {"feed": "trade_snapshot", "product_id": "PI_XBTUSD", "trades": [
                {"product_id": "PI_XBTUSD", "uid": "u-1", "side": "buy", "time": MS, "qty": 100.0, "price": 40000.0}]},
            {"feed": "trade", "product_id": "PI_XBTUSD", "uid": "u-2", "side": "sell", "time": MS, "qty": 300, "price": 30000.0},
            {"feed": "book", "product_id": "PI_XBTUSD"},
        ],
        ["BTC/USD buy 40000 0.0025", "BTC/USD sell 30000 0.01"],
        1,
    ),
    "signed contracts, some in lists and some alone": (
        {
            "where": {"$.channel": "futures.trades", "$.event": "update"},
            "each": ["$.result[*]", "$.result"],
            "fields": {
                "trade_id": "@.id", "market": "@.contract", "price": "@.price", "quantity": "@.size", "executed_at": "@.created"
            },
            "values": {
                "market": {"before": "_2", "separator": "_"},
                "quantity": {"scale": {"by": "market", "table": {"BTC/USDT": "0.0001"}}, "sign": "side"},
                "executed_at": {"times": "s"},
            },
        },
        [
            {"channel": "futures.trades", "event": "update", "result": [
                {"size": -20, "id": 1, "created": MS // 1000, "price": "29009.9", "contract": "BTC_USDT_20260130"}]},
            {"channel": "futures.trades", "event": "update", "result":
                {"size": 5, "id": 2, "created": MS // 1000, "price": "29010", "contract": "BTC_USDT"}},
            {"channel": "futures.trades", "event": "subscribe", "result": {"status": "success"}},
        ],
        ["BTC/USDT sell 29009.9 0.002", "BTC/USDT buy 29010 0.0005"],
        1,
    ),
    "packets of a socket, numbers in front": (
        {
            "format": "prefixed_json",
            "where": {"$[1].room_name": {"starts": "transactions_"}},
            "each": "$[1].message.data.transactions[*]",
            "times": "ms",
            "fields": {
                "trade_id": "@.transaction_id", "market": "$[1].room_name", "price": "@.price", "quantity": "@.amount",
                "side": "@.side", "executed_at": "@.executed_at",
            },
            "values": {"market": {"strip": "transactions_", "case": "upper", "separator": "_"}},
        },
        [
            b'0{"sid":"GjQ9","upgrades":[],"pingInterval":25000}', b"40", b"2",
            b'42["message",{"room_name":"ticker_btc_jpy","message":{"data":{"sell":"9"}}}]',
            b'42["message",{"room_name":"transactions_btc_jpy","message":{"data":{"transactions":[{"transaction_id":1237,'
            b'"side":"sell","price":"13638000","amount":"0.0001","executed_at":%d}]}}}]' % MS,
        ],
        ["BTC/JPY sell 13638000 0.0001"],
        4,
    ),
    "messages in the text of an envelope": (
        {
            "json_texts": ["$.data"],
            "where": {"$.event": "trade"},
            "times": "us",
            "fields": {
                "trade_id": "$.data.id", "market": "$.channel", "price": "$.data.price_str", "quantity": "$.data.amount_str",
                "executed_at": "$.data.microtimestamp",
            },
            "values": {"market": {"after": "live_trades_", "case": "upper", "quotes": ["USD"]}},
        },
        [
            {"event": "pusher:connection_established", "data": '{"socket_id":"1.2"}'},
            {"event": "pusher:error", "data": "no JSON"},
            {"event": "trade", "channel": "live_trades_ethusd",
             "data": json.dumps({"id": 9, "price_str": "3805.4", "amount_str": "0.07", "microtimestamp": f"{MS}000"})},
        ],
        ["ETH/USD 3805.4 0.07"],
        2,
    ),
    "words that keep a connection alive, times as FIX writes them": (
        {
            "where": {"$.MsgType": "X"},
            "each": "$.NoMDEntries[*]",
            "time_zone": "UTC",
            "fields": {
                "trade_id": "@.MDEntryID", "market": "@.Symbol", "price": "@.MDEntryPx", "quantity": "@.MDEntrySize",
                "side": "@.AggressorSide", "executed_at": {"join": ["@.MDEntryDate", "@.MDEntryTime"]},
            },
            "values": {"side": {"table": {"1": "buy", "2": "sell"}}},
        },
        [
            b"ping", b"pong",
            {"MsgType": "0"},
            {"MsgType": "X", "NoMDEntries": [{
                "MDEntryID": "x1", "Symbol": "BTC/USD", "MDEntryPx": "61000.5", "MDEntrySize": "0.1", "AggressorSide": "1",
                "MDEntryDate": "20260104", "MDEntryTime": "23:59:59.123"}]},
        ],
        ["BTC/USD buy 61000.5 0.1"],
        3,
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
    texts = [frame if isinstance(frame, bytes) else json.dumps(frame).encode() for frame in frames]
    return [wrapped(plan.feed.format, text) for text in texts]


@pytest.mark.parametrize("venue", VENUES)
def test_every_trade_counts_once_and_every_other_frame_is_left_out(venue: str) -> None:
    mapping, frames, expected, left_out = VENUES[venue]
    plan = plan_of(mapping)
    values = records_of(plan, frames)
    records = [TriedRecord(n, value, RecordPlace(0, 0, n, START_MS)) for n, value in enumerate(values)]
    found = list(tried(plan, Known(frozenset({"a"}), 1 << 62), records))
    told = [
        " ".join(str(one.canonical[key]) for key in ("market", "side", "price", "quantity") if key in one.canonical)
        for one in found
        if one.canonical
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
    ({}, {"market": {"quotes": ["USDT"]}}, "'BTC_USDT' is cut into 'BTC_' and 'USDT': is there a separator?"),
    ({"quantity": "@.fine"}, {}, "or assets.decimals where the asset does divide so far"),
]


@pytest.mark.parametrize(("fields", "values", "words"), WRONG)
def test_a_wrong_mapping_is_told_where_to_look(fields: dict[str, str], values: dict[str, Any], words: str) -> None:
    plan = plan_of(GOOD | {"fields": GOOD["fields"] | fields, "values": GOOD["values"] | values})
    trade = {"id": 1, "ts": MS / 1000, "price": "1", "float": 1.5, "fine": f"0.{'1' * 37}", "amount": "5", "type": "sell"}
    frame = {"method": "trades_update", "params": ["BTC_USDT", [trade]]}
    record = TriedRecord(0, json.dumps(frame).encode(), RecordPlace(0, 0, 0, START_MS))
    (one,) = tried(plan, Known(frozenset({"a"}), 1 << 62), [record])
    assert one.outcome == "dead_letter"
    assert words in f"{one.detail}; {one.next}"


def test_an_object_where_a_list_is_meant_is_told_how_its_members_become_events() -> None:
    plan = plan_of({"each": "$.trades[*]", "fields": TRADE | {"market": "@.m"}})
    record = TriedRecord(0, b'{"trades": {"1": {"id": 1}}}', RecordPlace(0, 0, 0, START_MS))
    (one,) = tried(plan, Known(frozenset({"a"}), 1 << 62), [record])
    assert one.left_out == ["each: an object, no list, at $.trades[*]; its members are events where the feed reads their %name"]


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
