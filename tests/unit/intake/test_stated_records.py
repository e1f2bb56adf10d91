"""Prices are all stated: how a second was cut into flushes decides nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from monitor.core.journal.records import SourcePartition, Statement
from monitor.core.journal.vocabulary import PRICES
from streams.intake.segment.readers import reader_of
from tests.intake_logs import START_MS, Logged, batch_of, intake_rules


def price(number: int, text: str) -> Logged:
    value = {"event_id": str(number), "asset": "BTC", "currency": "JPY", "price": text, "source": "x", "kind": "spot"}
    value["as_of"] = f"2026-01-05T00:00:00.{number}Z"
    return Logged(number, START_MS + number, json.dumps(value).encode())


def stated(cuts: Sequence[Sequence[Logged]]) -> list[tuple[Any, Any]]:
    """What is stated of prices that come in these flushes."""
    reader = reader_of(SourcePartition(PRICES, 0, 0), intake_rules(partitions=1), "log", 0)
    found: list[Statement] = []
    for number, records in enumerate(cuts):
        reader.feed(batch_of(list(records)), 0, number)
        flush = reader.flush(number)
        assert flush is not None, "nothing is left over from the flush before"
        found += [statement for _, statement in flush.contents if statement.kind == "price"]
    return [(one.body, one.source and one.source.offset) for one in found]


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_prices_within_a_second_are_all_stated_however_it_is_cut(cut: int) -> None:
    prices = [price(number, text) for number, text in enumerate(("100", "90", "110", "100"))]
    whole = stated([prices])
    assert [body["price"] for body, _ in whole] == ["100", "90", "110", "100"]
    assert stated([prices[:cut], prices[cut:]]) == whole
