"""Synthetic events: seeded, lawful, keyed so that every trade id stays in one partition."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import pytest

from monitor.core.values.times import SECOND, parse_time
from monitor.events import Event
from streams.demo.scenario import ACTS, ENTITY, STOLEN, January2018, demo_settings
from streams.demo.simulator import Simulator
from streams.eventfiles.codec import decode_line
from streams.eventfiles.publisher import key_of, oldest_by_topic
from streams.wire.judge import Invalid, Judge, Known
from streams.wire.mapping import SourceFormat
from streams.wire.models import MODELS

AT = parse_time("2026-01-05T03:00:00Z")
CURRENCIES = {"jp-main": "JPY", "ny-1": "USD"}


def minutes(seed: int, rate: float = 20, length_s: int = 180) -> list[Event]:
    simulator = Simulator(CURRENCIES, seed)
    events = list(simulator.opening(AT))
    for number in range(length_s):
        events += simulator.second(AT + number * SECOND, number, rate)
    return events


def story(seed: int = 1, length_s: int = 60) -> list[list[Event]]:
    tale = January2018(seed, length_s)
    opening = list(tale.opening(AT))
    return [opening, *(list(tale.second(number, AT + number * SECOND)) for number in range(length_s))]


def refused(events: list[Event]) -> list[str]:
    judges = {topic: Judge(SourceFormat(topic), Known(None, 10**18)) for topic in MODELS}
    verdicts = [(judges[event.topic].verdict(event.payload(), event.logged_at), event) for event in events]
    return [f"{event.topic}: {verdict.detail}" for verdict, event in verdicts if isinstance(verdict, Invalid)]


def test_the_same_seed_gives_the_same_events() -> None:
    assert [event.line() for event in minutes(7)] == [event.line() for event in minutes(7)]
    assert [event.line() for event in minutes(7)] != [event.line() for event in minutes(8)]


def test_every_event_is_lawful() -> None:
    assert refused(minutes(3)) == []
    assert refused([event for second in story() for event in second]) == []


def test_the_rate_is_of_all_entities_together() -> None:
    trades = [event for event in minutes(3, rate=7, length_s=10) if event.topic == "market.trades"]
    assert len(trades) == 70
    assert {event.value["entity"] for event in trades} == set(CURRENCIES)


def test_trade_ids_are_unique_and_keyed_by_entity_and_market() -> None:
    trades = [event for event in minutes(3) if event.topic == "market.trades"]
    ids = Counter((event.value["entity"], event.value["trade_id"]) for event in trades)
    assert max(ids.values()) == 1
    for event in trades:
        assert event.key == f"{event.value['entity']}|{event.value['market']}"


def test_simulated_wallets_stay_whole() -> None:
    """What clients are owed is there after every step of deposits and withdrawals."""
    held: dict[tuple[str, str], dict[str, Decimal]] = {}
    for event in minutes(5):
        if event.topic == "custody.balances":
            value = event.value
            held.setdefault((value["entity"], value["asset"]), {})[value["account"]] = Decimal(value["quantity"])
    for accounts in held.values():
        owed = sum(quantity for name, quantity in accounts.items() if name.startswith("ledger"))
        there = sum(quantity for name, quantity in accounts.items() if name.startswith(("cold", "hot")))
        assert owed == there


def test_the_story_has_every_act_once_and_in_order() -> None:
    tale = January2018(1, 60)
    named = [tale.act(second).name for second in range(60)]
    assert list(dict.fromkeys(named)) == [act.name for act in ACTS]
    incidents = [event.value for second in story() for event in second if event.topic == "security.incidents"]
    assert [value["revision"] for value in incidents] == [1, 2, 3, 4]
    assert len({value["occurred_at"] for value in incidents}) == 1
    assert incidents[0]["loss_estimate"] == {"amount": "1000000000", "currency": "JPY"}
    assert incidents[2]["losses"][0]["quantity"] == str(STOLEN)


def test_the_story_ends_whole() -> None:
    quantities = {}
    for second in story():
        for event in second:
            if event.topic == "custody.balances":
                quantities[event.value["account"]] = Decimal(event.value["quantity"])
    assert quantities["cold-xem"] + quantities["hot-xem"] == quantities["ledger-xem"]
    assert quantities["cold-btc"] + quantities["hot-btc"] == quantities["ledger-btc"]


def test_transfers_are_groups() -> None:
    grouped = [event.value for second in story() for event in second if event.value.get("group")]
    assert Counter(value["group"] for value in grouped) == {"to-hot": 2, "to-cold": 2}
    assert {value["group_size"] for value in grouped} == {2}


def test_demo_settings_are_settings() -> None:
    from monitor.settings.load import settings_of

    settings = settings_of(demo_settings({"embedded": True}, 1, "http://127.0.0.1:1/alerts", "secret"))
    assert settings.kafka.embedded
    assert list(settings.entities) == [ENTITY]


def test_replayed_trades_are_keyed_anew_and_keep_their_bytes() -> None:
    text = (
        '{"topic": "market.trades", "key": "wrong", "timestamp": "2018-01-26T00:00:00+09:00",'
        ' "value": {"trade_id":"1", "entity":"e", "market":"BTC/JPY",  "price": 1E-7}}'
    )
    record = decode_line(text.encode(), "f:1")
    assert record.value == b'{"trade_id":"1", "entity":"e", "market":"BTC/JPY",  "price": 1E-7}'
    assert key_of(record) == "e|BTC/JPY"
    assert record.logged_at == parse_time("2018-01-25T15:00:00Z")


@pytest.mark.parametrize("value", ["[]", "null", "5", '{"entity": 1, "market": "x"}', '"text"'])
def test_a_trade_that_cannot_be_read_still_has_a_key(value: str) -> None:
    text = '{"topic": "market.trades", "timestamp": "2018-01-26T00:00:00Z", "value": ' + value + "}"
    assert key_of(decode_line(text.encode(), "f:1")) == ""


def test_other_topics_keep_their_key() -> None:
    text = b'{"topic": "custody.balances", "key": "k", "timestamp": "2018-01-26T00:00:00Z", "value": {}}'
    assert key_of(decode_line(text, "f:1")) == "k"


def test_the_oldest_event_of_each_topic() -> None:
    lines = [
        ("f:1", '{"topic": "market.prices", "timestamp": "2018-01-26T00:00:02Z", "value": 1}'),
        ("f:2", '{"topic": "market.prices", "timestamp": "2018-01-26T00:00:01Z", "value": 1}'),
        ("f:3", "\n"),
    ]
    assert oldest_by_topic(lines) == {"market.prices": parse_time("2018-01-26T00:00:01Z")}
