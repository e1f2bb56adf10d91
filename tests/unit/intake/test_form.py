"""What intake writes of lawful events, however extreme, is in the form that the engine takes."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from monitor.core.journal.form.statements import refuse_unfit
from monitor.core.journal.records import SourcePartition, decode_record, encode_statement
from monitor.core.values.times import exact_time, from_ms
from streams.intake.segment.readers import reader_of
from streams.wire.fields import Reading
from tests.intake_logs import START_MS, Logged, batch_of, intake_rules

NOW = exact_time(from_ms(START_MS))
FIRST, LAST = "2009-01-01T00:00:00Z", "2199-12-31T23:59:59.999999999Z"
WIDE, DEEP = "9" * 20, f"0.{'9' * 36}"
TEXT = "\u3042-\U0001f600" * 21
BALANCE = {
    "event_id": TEXT,
    "entity": "a",
    "account": TEXT,
    "role": "client_asset",
    "storage": "cold",
    "asset": "A.B-9",
    "as_of": NOW,
}
TRADE = {"trade_id": "t", "entity": "a", "market": "A.B-9/JPY", "price": f"{WIDE}.{'9' * 18}", "executed_at": NOW}
INCIDENT = {
    "incident_id": TEXT,
    "revision": 10_000,
    "entity": "a",
    "kind": "hot_wallet_theft",
    "severity": "high",
    "status": "confirmed",
    "occurred_at": FIRST,
    "detected_at": NOW,
    "updated_at": NOW,
    "losses": [{"asset": "A.B-9", "quantity": DEEP, "owner": "client"}, {"asset": "JPY", "quantity": None, "owner": "house"}],
    "loss_estimate": {"amount": f"{WIDE}.{'9' * 18}", "currency": "JPY"},
    "recoveries": [{"asset": "A.B-9", "quantity": DEEP, "received_at": NOW}],
    "reported_by": "internal",
    "summary": TEXT,
}
PRICE = {
    "event_id": TEXT,
    "asset": "A.B-9",
    "currency": "JPY",
    "price": f"0.{'9' * 18}",
    "as_of": NOW,
    "source": TEXT,
    "kind": "spot",
}
DECLARATION = {
    "event_id": TEXT,
    "entity": "a",
    "kind": "capital",
    "effective_from": FIRST,
    "effective_to": LAST,
    "amount": f"-{WIDE}.{'9' * 18}",
    "currency": "JPY",
    "attributes": {"part": "audited_result", "basis": TEXT},
}
DISMISSAL = {
    "event_id": TEXT,
    "entity": "a",
    "kind": "dismissal",
    "at": NOW,
    "by": [TEXT],
    "reason": TEXT,
    "body": {"topic": "custody.balances", "epoch": 0, "partition": 0, "offset": 2**53 - 1},
}
EVENTS: list[tuple[str, dict[str, Any]]] = [
    ("custody.balances", BALANCE | {"quantity": DEEP, "sequence": 2**53 - 1, "source": TEXT}),
    ("custody.balances", BALANCE | {"quantity": WIDE, "group": TEXT, "group_size": 1}),
    ("custody.balances", BALANCE | {"quantity": f"-{WIDE}.{'9' * 18}", "role": "client_liability", "asset": "JPY"}),
    ("market.trades", TRADE | {"quantity": DEEP, "side": "buy", "capacity": "client_order", "instrument": "derivative"}),
    ("market.trades", TRADE | {"quantity": DEEP, "status": "busted"}),
    ("security.incidents", INCIDENT),
    ("market.prices", PRICE),
    ("entity.declarations", DECLARATION),
    ("reserve.operations", DISMISSAL),
    *(
        (topic, record | {"surplus": 1})
        for topic, record in (("custody.balances", BALANCE), ("market.trades", TRADE), ("security.incidents", INCIDENT))
    ),
]


@pytest.mark.parametrize(("topic", "event"), EVENTS)
def test_what_intake_writes_of_lawful_events_is_in_form(topic: str, event: dict[str, Any]) -> None:
    rules = intake_rules(partitions=1)
    rules = replace(rules, known=replace(rules.known, assets=Reading(decimals={"A.B-9": 36})))
    reader = reader_of(SourcePartition(topic, 0, 0), rules, "log", 0)
    reader.feed(batch_of([Logged(0, START_MS, json.dumps(event).encode())]), 0, from_ms(START_MS))
    refused = reader.take_dead_letters()
    assert bool(refused) == ("surplus" in event), refused
    flush = reader.flush(from_ms(START_MS))
    assert flush is not None
    statements = [statement for _, statement in (*flush.contents, *flush.progress)]
    assert len(statements) == (1 if refused and topic == "market.trades" else 2)
    for statement in statements:
        refuse_unfit(decode_record(encode_statement(statement), 0, START_MS).statement)
