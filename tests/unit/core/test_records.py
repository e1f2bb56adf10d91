"""The journal record: one form, one text, read back whole."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from monitor.core.journal.records import (
    BadRecord,
    JournalRecord,
    Rules,
    Source,
    SourcePartition,
    Statement,
    decode_record,
    encode_statement,
    journal_partition,
)
from streams.journal.decoding import decoded

TRADES = SourcePartition("market.trades", 0, 3)


@pytest.mark.parametrize(
    "statement",
    [
        Statement("tick", None, 1_767_582_245_000_000_000, {}),
        Statement("position", "jp-main", 5, {"quantity": "1"}, Source(TRADES, offset=7), 4, Rules(2, "sha256:a"), "acl"),
        Statement("flow", "jp-main", 5, {"cells": []}, Source(TRADES, start=0, upto=9), 4, Rules(2, "sha256:a")),
    ],
)
def test_what_is_written_is_read_back(statement: Statement) -> None:
    data = encode_statement(statement)
    record = decode_record(data, 11, 6)
    assert record.statement == statement
    assert (record.offset, record.journal_time, len(record.digest)) == (11, 6, 32)
    assert encode_statement(record.statement) == data


def test_the_record_is_the_one_of_the_design() -> None:
    data = json.loads(encode_statement(Statement("tick", None, 0, {})))
    assert data == {
        "v": 1, "kind": "tick", "entity": None, "at": "1970-01-01T00:00:00.000000Z", "src": None,
        "logged_at": None, "rules": None, "auth": "none", "body": {},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"v": 2}, "upgrade"),
        ({"kind": "gossip"}, "unknown kind"),
        ({"at": "yesterday"}, "cannot be read"),
        ({"src": {"topic": "x"}}, "cannot be read"),
        ({"src": {"topic": ["x"], "epoch": 0, "partition": 0}}, "cannot be read"),
        ({"src": {"topic": "x", "epoch": "0", "partition": 0}}, "no epoch"),
        ({"src": {"topic": "\ud800", "epoch": 0, "partition": 0}}, "surrogates"),
        ({"src": {"topic": 5, "epoch": 0, "partition": 0}}, "cannot be read"),
        ({"entity": ["x"]}, "no entity"),
        ({"entity": 5}, "no entity"),
    ],
)
def test_a_record_of_another_form_is_refused(change: dict[str, Any], message: str) -> None:
    raw = json.loads(encode_statement(Statement("tick", None, 0, {}))) | change
    with pytest.raises(BadRecord, match=message):
        decode_record(json.dumps(raw).encode(), 0, 0)


def test_bytes_that_are_no_record_are_refused() -> None:
    with pytest.raises(BadRecord):
        decode_record(b"\xff", 0, 0)


@pytest.mark.parametrize("decode", [decode_record, decoded])
def test_a_record_nested_beyond_reason_is_refused(decode: Callable[[bytes, int, int], JournalRecord]) -> None:
    data = encode_statement(Statement("tick", None, 0, {"x": 0})).replace(b'"x":0', b'"x":' + b"[" * 100_000 + b"]" * 100_000)
    with pytest.raises(BadRecord):
        decode(data, 0, 0)


def test_an_entity_keeps_its_partition_for_ever() -> None:
    assert [journal_partition(name, 16) for name in ("jp-main", "hk-a", "x-1", "coincheck")] == [8, 2, 1, 0]
