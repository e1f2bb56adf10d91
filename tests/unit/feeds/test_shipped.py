"""Every shipped mapping on a made record, and those of venues on what the venues sent, beside sums made without a plan."""

# ruff: noqa: E501 - records as they come are long

from __future__ import annotations

import ast
import gzip
import json
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from monitor.settings.feeds import FeedSettings, shipped_mapping, shipped_names
from streams.eventfiles.trial import TriedEvent, TriedRecord, tried
from streams.wire import Known
from streams.wire.feeds import FeedFormat, FeedPlan, RecordPlace

CAPTURES = Path(__file__).parents[4] / "shared" / "data" / "captures"
NOW_MS = 1_795_860_000_000

BALANCE = {"role": "client_asset", "storage": "cold"}
MADE: dict[str, tuple[dict[str, Any], Any, dict[str, Any]]] = {
    "binance": (
        {},
        {"stream": "x", "data": {"e": "aggTrade", "s": "LRCBTC", "a": 9, "p": "0.5", "q": "2", "T": 1633998534486, "m": True}},
        {"market": "LRC/BTC", "side": "sell", "trade_id": "9", "quantity": "2"},
    ),
    "binance-trade": (
        {},
        {"e": "trade", "s": "BTCUSDT", "t": 7, "p": "0.5", "q": "2", "T": 1633998534486, "m": False},
        {"market": "BTC/USDT", "side": "buy", "trade_id": "7"},
    ),
    "bitflyer": (
        {},
        {
            "method": "channelMessage",
            "params": {
                "channel": "lightning_executions_FX_BTC_JPY",
                "message": [{"id": 5, "side": "", "price": 5860832.0, "size": 1e-7, "exec_date": "2021-12-12T23:05:30.0946265Z"}],
            },
        },
        {"market": "BTC/JPY", "instrument": "derivative", "price": "5860832", "quantity": "0.0000001"},
    ),
    "bitstamp": (
        {},
        {
            "event": "trade",
            "channel": "live_trades_ethusd",
            "data": {"id": 1, "price_str": "3805.44", "amount_str": "0.0792", "type": 0, "microtimestamp": "1641343699596000"},
        },
        {"market": "ETH/USD", "side": "buy", "executed_at": "2022-01-05T00:48:19.596000Z"},
    ),
    "bybit": (
        {},
        {
            "topic": "trade.BTCUSD",
            "data": [{"trade_time_ms": 1618677786614, "symbol": "BTCUSD", "side": "Sell", "size": 8, "price": 64000.0, "trade_id": "u"}],
        },
        {"market": "BTC/USD", "quantity": "0.000125", "instrument": "derivative", "side": "sell"},
    ),
    "upbit": (
        {},
        {"ty": "trade", "cd": "KRW-BTC", "tp": 127.0, "tv": 9.9e-7, "ab": "BID", "ttms": 1618678262000, "sid": 1618678262000003},
        {"market": "BTC/KRW", "quantity": "0.00000099", "side": "buy", "trade_id": "1618678262000003"},
    ),
    "coinbase": (
        {},
        {"type": "match", "trade_id": 3, "product_id": "BTC-USD", "price": "1", "size": "2", "side": "buy", "time": "2021-04-17T16:43:30Z"},
        {"market": "BTC/USD", "trade_id": "3"},
    ),
    "kraken": (
        {},
        [12, [["354.11", "0.5", "1618678136.268208", "b", "m", ""]], "trade", "XBT/CHF"],
        {"market": "BTC/CHF", "trade_id": "kraken.0.0.0.0", "executed_at": "2021-04-17T16:48:56.268208Z"},
    ),
    "okx": (
        {},
        {
            "arg": {"channel": "trades", "instId": "BTC-USDT"},
            "data": [{"instId": "BTC-USDT", "tradeId": "1", "px": "2", "sz": "3", "side": "sell", "ts": "1652459199958"}],
        },
        {"market": "BTC/USDT", "quantity": "3"},
    ),
    "gateio": (
        {},
        {
            "channel": "spot.trades",
            "event": "update",
            "result": {
                "id": 8, "create_time_ms": "1619093546958.116", "side": "buy", "currency_pair": "NEO_BTC", "amount": "1", "price": "2",
            },
        },
        {"market": "NEO/BTC", "executed_at": "2021-04-22T12:12:26.958116Z"},
    ),
    "bitfinex": (
        {"values": {"market": {"table": {"17": "BTC/USD"}}, "quantity": {"sign": "side"}}},
        [17, "te", [401, 1574694478808, -0.005, 7245.3], 5],
        {"market": "BTC/USD", "side": "sell", "quantity": "0.005", "trade_id": "401"},
    ),
    "kucoin": (
        {},
        {
            "subject": "trade.l3match",
            "data": {"symbol": "A-BTC", "side": "buy", "size": "1", "price": "2", "time": "1619378327739050725", "tradeId": "6085"},
        },
        {"market": "A/BTC", "executed_at": "2021-04-25T19:18:47.739050725Z"},
    ),
    "bitmex": (
        {},
        {
            "table": "trade",
            "action": "insert",
            "data": [
                {
                    "timestamp": "2021-07-22T22:24:15.328Z", "symbol": "XBTUSD", "side": "Sell", "size": 100, "price": 32000.5,
                    "trdMatchID": "g", "homeNotional": 0.00312495,
                }
            ],
        },
        {"market": "BTC/USD", "quantity": "0.00312495"},
    ),
    "deribit": (
        {},
        {
            "method": "subscription",
            "params": {
                "channel": "trades.BTC-PERPETUAL.raw",
                "data": [
                    {
                        "trade_id": "1", "timestamp": 1626993723632, "price": 32000.0, "instrument_name": "BTC-PERPETUAL",
                        "direction": "buy", "amount": 160.0,
                    }
                ],
            },
        },
        {"market": "BTC/USD", "quantity": "0.005"},
    ),
    "ccxt": (
        {},
        {"id": "1", "timestamp": 1626993723632, "symbol": "BTC/USDT:USDT", "side": "buy", "price": 1.5, "amount": 2.0, "info": {}},
        {"market": "BTC/USDT", "price": "1.5"},
    ),
    "fireblocks": (
        {"constants": BALANCE},
        {"id": "evt-1", "vaultId": "7", "assetId": "USDT_ERC20", "total": "1250000.55", "frozen": "0"},
        {"asset": "USDT", "quantity": "1250000.55", "account": "7-USDT_ERC20", "source": "fireblocks"},
    ),
    "bitgo": (
        {"constants": BALANCE},
        {"id": "w1", "coin": "btc", "balanceString": "12345678900", "ts": "2026-11-28T10:00:00.000Z"},
        {"asset": "BTC", "quantity": "123.456789"},
    ),
    "okx-wallets": (
        {"constants": BALANCE | {"account": "main"}},
        {"arg": {"channel": "account"}, "data": [{"details": [{"ccy": "BTC", "cashBal": "1.5", "uTime": "1652459199958"}]}]},
        {"asset": "BTC", "quantity": "1.5"},
    ),
    "bitfinex-wallets": (
        {"constants": BALANCE},
        [0, "ws", [["exchange", "UST", 12.5, 0, None]]],
        {"asset": "USDT", "quantity": "12.5", "account": "exchange"},
    ),
    "debezium": (
        {"constants": {"storage": "ledger"}},
        {
            "schema": {"type": "struct"},
            "payload": {
                "before": None,
                "after": {"id": 991, "account": "a", "asset": "BTC", "quantity": "12.5", "updated_at": 1795859990123456, "role": "client_liability"},
                "source": {"lsn": 123},
                "op": "u",
            },
        },
        {"event_id": "991-123", "role": "client_liability", "as_of": "2026-11-28T09:59:50.123456Z"},
    ),
    "cloudevents": (
        {},
        {
            "specversion": "1.0",
            "id": "ce-1",
            "time": "2026-11-28T10:00:00Z",
            "data": {"entity": "e", "account": "a", "asset": "ETH", "quantity": "1"} | BALANCE,
        },
        {"event_id": "ce-1", "as_of": "2026-11-28T10:00:00Z"},
    ),
    "pyth": (
        {"constants": {"source": "pyth", "kind": "spot", "asset": "BTC", "currency": "USD"}},
        {"id": "e62d", "price": {"price": "6140993501000", "conf": "1", "expo": -8, "publish_time": 1795859999}},
        {"price": "61409.93501"},
    ),
    "chainlink": (
        {"constants": {"source": "chainlink", "kind": "spot", "asset": "BTC", "currency": "USD"}},
        {"roundId": "110680464442257320247", "answer": "6140993501000", "updatedAt": "1795859999"},
        {"price": "61409.93501", "event_id": "110680464442257320247"},
    ),
    "coingecko": (
        {},
        [{"id": "bitcoin", "symbol": "btc", "current_price": 61409.93, "last_updated": "2026-11-28T09:59:50.123Z"}],
        {"asset": "BTC", "price": "61409.93", "currency": "USD"},
    ),
    "pagerduty": (
        {},
        {
            "event": {
                "resource_type": "incident",
                "occurred_at": "2026-11-28T09:50:00Z",
                "data": {
                    "id": "Q1", "title": "Hot wallet", "urgency": "high", "status": "resolved", "created_at": "2026-11-28T09:40:00Z",
                },
            }
        },
        {"status": "closed", "revision": 3, "severity": "high", "occurred_at": "2026-11-28T09:40:00Z"},
    ),
    "defillama": (
        {},
        {"date": 1651968000, "name": "Example Bridge", "technique": "Private Key Compromised", "amount": 182000000, "chain": ["Ethereum"]},
        {"incident_id": "Example Bridge-1651968000", "loss_estimate": {"currency": "USD", "amount": 182000000}},
    ),
}  # fmt: skip


def plan_of(name: str, **beside: Any) -> FeedPlan:
    raw = FeedSettings.model_validate({"topic": "t", "use": name} | beside).model_dump()
    kind = shipped_mapping(name)["kind"]
    if kind != "market.prices" and "entity" not in raw["fields"]:
        raw["constants"].setdefault("entity", "e")
    return FeedPlan(FeedFormat.of(kind, name, raw, {}))


def tell(plan: FeedPlan, records: list[tuple[bytes, int]]) -> list[TriedEvent]:
    made = [TriedRecord(n, value, RecordPlace(0, 0, n, time_ms)) for n, (value, time_ms) in enumerate(records)]
    return list(tried(plan, Known(None, 1 << 62), made))


def test_every_shipped_mapping_is_tried_here() -> None:
    assert sorted(MADE) == shipped_names()


@pytest.mark.parametrize("name", sorted(MADE))
def test_a_made_record_becomes_an_event(name: str) -> None:
    beside, record, expected = MADE[name]
    told = tell(plan_of(name, **beside), [(json.dumps(record).encode(), NOW_MS)])
    (found,) = [one for one in told if one.outcome != "filtered"]
    assert found.outcome == "event", found
    assert {key: found.canonical.get(key) for key in expected} == expected


@pytest.mark.parametrize("name", sorted(set(MADE) - {"fireblocks", "bitgo", "ccxt", "chainlink", "pyth", "defillama"}))
def test_a_record_of_another_kind_is_left_out(name: str) -> None:
    (found,) = tell(plan_of(name, **MADE[name][0]), [(b'{"event": "subscribed", "type": "book"}', NOW_MS)])
    assert found.outcome == "filtered"


def test_shipped_mappings_say_what_their_system_lacks() -> None:
    assert all(shipped_mapping(name)[key].endswith(".") for name in shipped_names() for key in ("about", "lacks"))


# --- what the venues sent


def frames(venue: str) -> list[tuple[bytes, int]]:
    """Received frames with their times of receipt."""
    found = []
    for path in sorted(CAPTURES.glob(f"cryptofeed.{venue.upper()}.*")):
        for line in gzip.decompress(path.read_bytes()).decode().splitlines():
            time, _, text = line.partition(": ")
            if "<" in time or not text:
                continue
            raw = ast.literal_eval(text) if text.startswith("b'") else text.encode()
            found.append((raw, int(float(time) * 1000)))
    return found


def exactly(raw: bytes) -> Any:
    return json.loads(raw, parse_float=Fraction)


Sum = Iterator[tuple[Any, Any]]
"""(price, quantity in base) of each trade in a frame."""


def _binance(f: Any) -> Sum:
    if f.get("data", {}).get("e") == "aggTrade":
        yield f["data"]["p"], f["data"]["q"]


def _bitflyer(f: Any) -> Sum:
    if "executions" in f.get("params", {}).get("channel", ""):
        yield from ((one["price"], one["size"]) for one in f["params"]["message"])


def _bitstamp(f: Any) -> Sum:
    if f["event"] == "trade":
        yield f["data"]["price_str"], f["data"]["amount_str"]


def _bybit(f: Any) -> Sum:
    if f.get("topic", "").startswith("trade."):
        yield from ((one["price"], None) for one in f["data"])


def _upbit(f: Any) -> Sum:
    if f["ty"] == "trade":
        yield f["tp"], f["tv"]


def _coinbase(f: Any) -> Sum:
    if f["type"] in {"match", "last_match"}:
        yield f["price"], f["size"]


def _kraken(f: Any) -> Sum:
    if isinstance(f, list) and f[2] == "trade":
        yield from ((one[0], one[1]) for one in f[1])


def _gateio(f: Any) -> Sum:
    if f["channel"] == "spot.trades" and f["event"] == "update":
        yield f["result"]["price"], f["result"]["amount"]


def _kucoin(f: Any) -> Sum:
    if f.get("subject") == "trade.l3match":
        yield f["data"]["price"], f["data"]["size"]


def _bitmex(f: Any) -> Sum:
    if f.get("table") == "trade":
        yield from ((one["price"], one["homeNotional"]) for one in f["data"])


def _okx(f: Any) -> Sum:
    if f.get("arg", {}).get("channel") == "trades" and "data" in f:
        yield from ((one["px"], one["sz"]) for one in f["data"] if one["instId"].count("-") == 1)


def _bitfinex(f: Any) -> Sum:
    if isinstance(f, list) and isinstance(f[1], list) and f[1] and isinstance(f[1][0], list) and len(f[1][0]) == 4:
        yield from ((one[3], abs(one[2])) for one in f[1])


def _bitfinex_markets() -> dict[str, Any]:
    """The table a connection gives: channel numbers and the pairs subscribed to."""
    told = [exactly(raw) for raw, _ in frames("bitfinex") if b'"subscribed"' in raw]
    pairs = {str(one["chanId"]): one["pair"] for one in told if one["channel"] == "trades"}
    cut = {chan: pair.split(":") if ":" in pair else [pair[:-3], pair[-3:]] for chan, pair in pairs.items()}
    return {chan: "/".join(parts).upper() for chan, parts in cut.items()}


DATED = {"XRPU21": "XRP/XBT", "TRXU21": "TRX/XBT"}
VENUES: dict[str, tuple[int, Callable[[Any], Sum], Callable[[], dict[str, Any]]]] = {
    "binance": (2, _binance, dict),
    "bitflyer": (162, _bitflyer, dict),
    "bitstamp": (10, _bitstamp, dict),
    "bybit": (150, _bybit, dict),
    "upbit": (304, _upbit, dict),
    "coinbase": (107, _coinbase, dict),
    "kraken": (10, _kraken, dict),
    "gateio": (9, _gateio, dict),
    "kucoin": (18, _kucoin, dict),
    "bitmex": (27, _bitmex, lambda: {"values": {"market": {"table": DATED, "quotes": ["USDT", "USD", "EUR", "XBT"]}}}),
    "okx": (0, _okx, lambda: {"where": {"$.arg.instId": "BTC-USDT"}}),
    "bitfinex": (210, _bitfinex, lambda: {"values": {"market": {"table": _bitfinex_markets()}}}),
    "deribit": (0, lambda _frame: iter(()), dict),
}


@pytest.mark.skipif(not CAPTURES.is_dir(), reason="the captures are not here")
@pytest.mark.parametrize("venue", sorted(VENUES))
def test_what_a_venue_sent_is_taken_whole(venue: str) -> None:
    count, alone, beside = VENUES[venue]
    sent = frames(venue)
    found = tell(plan_of(venue, **beside()), sent)
    assert not [one for one in found if one.outcome == "dead_letter"]
    events = [one.canonical for one in found if one.outcome == "event"]
    sums = [pair for raw, _ in sent for pair in alone(exactly(raw))]
    assert len(events) == len(sums)
    assert len(events) == count or not count
    assert sum(Fraction(one["price"]) for one in events) == sum(Fraction(price) for price, _ in sums)
    if venue != "bybit":
        assert sum(Fraction(one["quantity"]) for one in events) == sum(Fraction(quantity) for _, quantity in sums)
