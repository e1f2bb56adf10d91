"""A made recording with every defect of real ones, row by row: converting loses nothing and mends nothing."""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from monitor.cli.event_files.formats import Given, reader_of
from monitor.cli.progress import text_lines
from monitor.core.values.times import parse_time
from monitor.events import Event
from streams.wire.judge import Invalid, Judge, Known
from streams.wire.mapping import SourceFormat
from tests.made_capture import MadeCapture, Planted

Recording = tuple[Planted, list[dict[str, Any]], list[Event]]


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    path = tmp_path_factory.mktemp("made") / "capture.csv.gz"
    planted = MadeCapture(seed=1, polls=300).write(path)
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return planted, rows, list(reader_of("bitflyer-executions")(text_lines(path), Given(entity="e-1")))


def test_every_defect_is_planted(recording: Recording) -> None:
    planted = recording[0]
    assert min(vars(planted).values()) > 0, planted


def test_each_row_becomes_one_event_with_the_same_figures(recording: Recording) -> None:
    planted, rows, found = recording
    assert len(found) == len(rows) == planted.rows
    for event, row in zip(found, rows, strict=True):
        assert "E" not in event.value["quantity"]
        assert Decimal(event.value["quantity"]) == Decimal(row["size"])
        assert Decimal(event.value["price"]) == Decimal(row["price"])
        assert event.logged_at == parse_time(row["loaded"])


def test_defects_are_passed_on_in_their_number(recording: Recording) -> None:
    planted, _, found = recording
    assert sum(one.value["executed_at"] is None for one in found) == planted.without_time
    assert sum("side" not in one.value for one in found) == planted.without_side
    ids = [one.value["trade_id"] for one in found if one.value["executed_at"] is not None]
    assert len(ids) - len(set(ids)) == planted.repeats


def test_the_edge_refuses_rows_without_a_time_and_no_others(recording: Recording) -> None:
    planted, _, found = recording
    judge = Judge(SourceFormat("market.trades"), Known(None, 10**20))
    verdicts = [judge.verdict(event.payload(), event.logged_at) for event in found]
    refused = Counter(verdict.reason.value for verdict in verdicts if isinstance(verdict, Invalid))
    assert refused == {"wrong_type": planted.without_time}
