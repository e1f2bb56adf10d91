"""Feeds of whole lists: who is left out holds nothing, unless the list is not known whole or was overtaken."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from monitor.core.journal.records import SourcePartition
from monitor.core.journal.vocabulary import BALANCES
from monitor.errors import ConfigurationError
from streams.intake.segment.readers import reader_of
from streams.intake.segment.rules import IntakeRules
from streams.wire import SourceFormat
from streams.wire.feeds import FeedFormat, FeedPlan, RecordPlace
from tests.intake_logs import START_MS, Logged, batch_of, intake_rules

WHERE = SourcePartition(f"{BALANCES}/wallets", 0, 0)
MAPPING: dict[str, Any] = {
    "topic": "wallets",
    "each": "$.list[*]",
    "where": {"@.off": {"present": False}},
    "fields": {"event_id": "%id", "account": "@.a", "asset": "@.c", "quantity": "@.q", "as_of": "$.at", "role": "@.r"},
    "constants": {"entity": "a", "storage": "hot"},
    "values": {"role": {"table": {"null": "client_asset"}}},
    "times": "s",
    "snapshot": {"by": ["entity", "role"]},
}
AT = START_MS // 1000


def rules(**changes: Any) -> IntakeRules:
    raw = MAPPING | changes
    made = intake_rules()
    plans = {WHERE.topic: FeedPlan(FeedFormat.of(BALANCES, "wallets", raw, {}))}
    return replace(made, plans=plans, sources={**made.sources, WHERE.topic: SourceFormat(BALANCES)})


def listing(at: int, *accounts: str, **more: Any) -> dict[str, Any]:
    return {"at": at, "list": [{"a": one, "c": "BTC", "q": "5", "r": "client_asset"} | more for one in accounts]}


def said(log: list[dict[str, Any]], *, begin: int = 0, **changes: Any) -> list[tuple[int, str, str]]:
    """Offset, account and quantity of each position; the reader begins at `begin` and remembers what lies below."""
    values = [Logged(offset, START_MS + offset, json.dumps(value).encode()) for offset, value in enumerate(log)]
    reader = reader_of(WHERE, rules(**changes), "log", begin)
    first = reader.remember_from()
    reader.remember(batch_of([one for one in values if first <= one.offset < begin]))
    reader.feed(batch_of(values), begin, 1)
    told = [
        (statement.source.offset or 0, statement.body["account"], statement.body["quantity"])
        for _, statement in reader.take()
        if statement.kind == "position" and statement.source is not None
    ]
    return sorted(told, key=lambda one: one[0])


def test_an_account_that_is_left_out_holds_nothing_from_then_on() -> None:
    log = [listing(AT, "x", "y"), listing(AT + 1, "y"), listing(AT + 2, "y")]
    assert said(log) == [(0, "x", "5"), (0, "y", "5"), (1, "y", "5"), (1, "x", "0"), (2, "y", "5")]


def test_a_worker_that_begins_anew_knows_the_list_before() -> None:
    log = [listing(AT, "x", "y"), listing(AT + 1, "y")]
    assert said(log, begin=1) == said(log)[2:]


def test_a_list_with_a_refused_element_leaves_nobody_out() -> None:
    log = [listing(AT, "x", "y"), listing(AT + 1, "y", q="bad"), listing(AT + 2, "y")]
    assert said(log) == [(0, "x", "5"), (0, "y", "5"), (2, "y", "5"), (2, "x", "0")]


def test_a_list_that_was_overtaken_leaves_nobody_out() -> None:
    assert said([listing(AT + 5, "x", "y"), listing(AT, "y"), listing(AT + 6, "y")])[2:] == [
        (1, "y", "5"),
        (2, "y", "5"),
        (2, "x", "0"),
    ]


def test_only_its_own_kind_is_left_out() -> None:
    log = [listing(AT, "x"), listing(AT + 1, "ledger", r="client_liability"), listing(AT + 2, "z")]
    assert said(log) == [(0, "x", "5"), (1, "ledger", "5"), (2, "z", "5"), (2, "x", "0")]


@pytest.mark.parametrize("empty", [[], [{"a": "x", "off": 1}, {"a": "y", "off": 1}]])
def test_an_empty_list_is_refused_unless_it_is_allowed(empty: list[Any]) -> None:
    log = [listing(AT, "x"), {"at": AT + 1, "list": empty}]
    assert said(log) == [(0, "x", "5")]
    reading = rules().plans[WHERE.topic].read(json.dumps(log[1]).encode(), RecordPlace(0, 0, 1, START_MS))
    assert "allow_empty" in str(reading.events[0])
    assert len(reading.events) + reading.filtered == max(1, len(empty))
    constant: dict[str, Any] = {"fields": {k: v for k, v in MAPPING["fields"].items() if k != "role"}, "values": {}}
    constant["constants"] = MAPPING["constants"] | {"role": "client_asset"}
    assert said(log, **constant, snapshot={"allow_empty": True}) == [(0, "x", "5"), (1, "x", "0")]
    with pytest.raises(ConfigurationError, match="role are constants"):
        rules(snapshot={"allow_empty": True})


def test_it_is_of_balances_alone() -> None:
    with pytest.raises(ConfigurationError, match=r"snapshot: is of balances"):
        FeedPlan(FeedFormat.of(BALANCES, "w", MAPPING | {"snapshot": {"by": ["account"]}}, {}))
