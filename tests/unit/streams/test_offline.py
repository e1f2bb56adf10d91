"""Event files as a journal: offsets, refusals, files of every kind, and the same records as a broker's log would give."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from monitor.core.journal.records import JournalRecord
from monitor.core.values.times import parse_time
from monitor.errors import UsageError
from streams.eventfiles.codec import event_lines
from streams.eventfiles.offline import Rejection, statements
from tests.intake_broker import configuration

START = parse_time("2026-01-05T00:00:00Z")


def trade(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "trade_id": str(number),
        "entity": "a",
        "market": "BTC/JPY",
        "price": "100",
        "quantity": "1",
        "executed_at": "2026-01-05T00:00:00Z",
    } | changes


def line(value: Any, topic: str = "market.trades", timestamp: str = "2026-01-05T00:00:00Z") -> str:
    return json.dumps({"topic": topic, "key": None, "timestamp": timestamp, "value": value})


def written(path: Path, lines: list[str], *, packed: bool = False) -> Path:
    data = ("\n".join(lines) + "\n").encode()
    path.write_bytes(gzip.compress(data) if packed else data)
    return path


def read(paths: list[Path], until: int | None = None, **source: Any) -> tuple[list[JournalRecord], list[Rejection]]:
    rejected: list[Rejection] = []
    content = configuration(16, **source)
    return list(statements(paths, content, until, rejected.append)), rejected


def kinds(records: list[JournalRecord]) -> list[str]:
    return [record.statement.kind for record in records]


def test_the_configuration_comes_first_and_a_tick_last(tmp_path: Path) -> None:
    records, rejected = read([written(tmp_path / "e.jsonl", [line(trade(1)), line(trade(1)), line(trade(2))])])
    assert kinds(records) == ["configuration", "flow", "progress", "tick"]
    assert not rejected
    assert [record.offset for record in records] == [0, 1, 2, 3]
    flow, progress = records[1].statement, records[2].statement
    assert flow.body["cells"][0]["trades"] == 2
    assert progress.body["counts"] == {"applied": 2, "duplicate": 1, "late": 0, "dead_letter": 0}
    assert progress.source is not None
    assert (progress.source.start, progress.source.upto) == (0, 3)


def test_offsets_are_line_numbers_over_all_files(tmp_path: Path) -> None:
    price = {"event_id": "p", "asset": "BTC", "currency": "JPY", "price": "1", "as_of": "2026-01-05T00:00:00Z"}
    price |= {"source": "index", "kind": "spot"}
    first = written(tmp_path / "a.jsonl", [line(price, "market.prices"), "", line(trade(1))])
    second = written(tmp_path / "b.jsonl.gz", [line(trade(2))], packed=True)
    assert [(one.path.name, one.line, one.offset) for one in event_lines([first, second])] == [
        ("a.jsonl", 1, 0),
        ("a.jsonl", 3, 2),
        ("b.jsonl.gz", 1, 3),
    ]
    records, _ = read([first, second])
    newest = next(r for r in records if r.statement.kind == "flow").statement.body["cells"][0]["newest"]
    assert [one["offset"] for one in newest] == [3, 2]


def test_what_intake_would_dead_letter_is_told_and_left_out(tmp_path: Path) -> None:
    path = written(tmp_path / "e.jsonl", [line(trade(1)), line(trade(2, price=1.5)), line(None), line(trade(3))])
    records, rejected = read([path])
    assert [(one.line, one.reason.value) for one in rejected] == [(2, "wrong_type"), (3, "null_value")]
    assert str(rejected[0]).startswith(f"{path}:2: market.trades: wrong_type: price")
    assert next(r for r in records if r.statement.kind == "flow").statement.body["cells"][0]["trades"] == 2


def test_events_logged_after_the_time_are_not_seen(tmp_path: Path) -> None:
    path = written(tmp_path / "e.jsonl", [line(trade(1)), line(trade(2), timestamp="2026-01-05T00:00:01Z")])
    records, _ = read([path], START)
    assert next(r for r in records if r.statement.kind == "flow").statement.body["cells"][0]["trades"] == 1
    assert (records[-1].statement.kind, records[-1].statement.at) == ("tick", START)


def test_each_utc_day_is_told_when_it_is_over(tmp_path: Path) -> None:
    lines = [line(trade(1)), line(trade(2), timestamp="2026-01-06T00:00:00Z"), line(trade(3), timestamp="2026-01-06T00:00:01Z")]
    records, _ = read([written(tmp_path / "e.jsonl", lines)])
    flows = [r.statement for r in records if r.statement.kind == "flow"]
    assert [(flow.source.start, flow.source.upto) for flow in flows if flow.source] == [(0, 1), (1, 3)]


def test_any_entity_counts_where_the_configuration_says_so(tmp_path: Path) -> None:
    path = written(tmp_path / "e.jsonl", [line(trade(1, entity="whoever"))])
    content = configuration(16) | {"any_entity": {}}
    found = list(statements([path], content, None, lambda one: pytest.fail(str(one))))
    assert next(r for r in found if r.statement.kind == "flow").statement.entity == "whoever"


def test_nothing_makes_nothing_but_a_tick_where_a_time_is_asked(tmp_path: Path) -> None:
    path = written(tmp_path / "e.jsonl", [])
    assert read([path])[0] == []
    assert kinds(read([path], START)[0]) == ["configuration", "tick"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not an event line"),
        ("[]", "not an event line"),
        ('{"topic": "market.trades", "value": {}}', "timestamp"),
        (line({}, "market.news"), "no source topic"),
        (line({}, timestamp="yesterday"), "RFC 3339"),
        (line({}).replace('"key"', '"keys"'), "keys"),
        ("\xff", "not an event line"),
    ],
)
def test_an_unreadable_line_is_named(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "e.jsonl"
    path.write_bytes(b"\n" + text.encode("latin-1") + b"\n")
    with pytest.raises(UsageError, match=words) as error:
        read([path])
    assert str(error.value).startswith(f"{path}:2: ")


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="absent"):
        read([tmp_path / "absent.jsonl"])
    broken = tmp_path / "broken.gz"
    broken.write_bytes(gzip.compress(b"x" * 1000)[:20])
    with pytest.raises(UsageError, match="cannot be read"):
        read([broken])
