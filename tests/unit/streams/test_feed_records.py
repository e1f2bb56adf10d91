"""Simulated events in a feed's form: what is written is read as the event, and what cannot be written is left out."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.settings.feeds import FeedSettings, shipped_mapping
from streams.demo.feed_records import SimulatedRecords
from streams.demo.simulator import Simulator
from streams.wire.feeds import FeedEvent, FeedFormat, FeedPlan, RecordPlace

AT = 1_795_860_000_000_000_000
WRITTEN = [
    "binance",
    "bitflyer",
    "bitstamp",
    "bybit",
    "coinbase",
    "debezium",
    "fireblocks",
    "gateio",
    "kraken",
    "okx",
    "upbit",
    "coingecko",
]
EVENTS = [*Simulator({"e": "USD"}, 1).opening(AT), *Simulator({"e": "USD"}, 1).second(AT, 0, 8)]


def plan_of(name: str, **beside: Any) -> FeedPlan:
    kind = shipped_mapping(name)["kind"]
    constants = {} if kind == "market.prices" else {"entity": "e"}
    if kind == "custody.balances":
        constants |= {"storage": "cold"} | ({"role": "client_asset"} if name == "fireblocks" else {})
    raw = FeedSettings.model_validate({"topic": "t", "use": name, "constants": constants} | beside).model_dump()
    return FeedPlan(FeedFormat.of(kind, name, raw, {}))


@pytest.mark.parametrize("name", WRITTEN)
def test_what_is_written_is_read_as_the_event(name: str) -> None:
    plan = plan_of(name)
    records = SimulatedRecords([plan], frozenset({plan.feed.kind}))
    mine = [event for event in EVENTS if event.topic == plan.feed.kind]
    written = [(event, found) for event in mine if (found := records.of(event)) is not None]
    assert written
    for event, (feed, value) in written:
        assert feed == plan.feed.full_name
        (read,) = plan.read(value, RecordPlace(0, 0, 0, AT // 1_000_000)).events
        assert isinstance(read, FeedEvent)
        assert read.canonical.get("market", event.value.get("market")) == event.value.get("market")
        assert read.canonical.get("asset", event.value.get("asset")) == event.value.get("asset")


@pytest.mark.parametrize(
    "beside", [{"format": "gzip+json"}, {"each": ["$.fills[*]", "$"]}, {"values": {"quantity": {"sign": "side"}}}]
)
def test_packed_listed_and_signed_records_are_written(beside: dict[str, Any]) -> None:
    fields = {"trade_id": "@.id", "market": "@.m", "price": "@.p", "quantity": "@.q", "executed_at": "@.t"}
    raw = {"topic": "t", "fields": fields, "constants": {"entity": "e"}, "times": "us"} | beside
    plan = FeedPlan(FeedFormat.of("market.trades", "house", raw, {}))
    records = SimulatedRecords([plan], frozenset({"market.trades"}))
    assert all(records.of(event) for event in EVENTS if event.topic == "market.trades")


@pytest.mark.parametrize(
    "beside",
    [
        {"fields": {"market": {"join": ["$.a", "$.b"]}}},
        {"each": "$.a[*].b[*]"},
        {"constants": {"entity": "other"}},
        {"where": {"$.type": {"present": False}}},
    ],
)
def test_what_cannot_be_written_is_left_out(beside: dict[str, Any]) -> None:
    beside = {"where": {"$.type": "match"}, "use": "coinbase"} | beside
    if beside["where"] == {"$.type": {"present": False}}:
        beside["fields"] = {"side": "$.type"}
    plan = plan_of("coinbase", **beside)
    records = SimulatedRecords([plan], frozenset({"market.trades"}))
    assert not any(records.of(event) for event in EVENTS)
