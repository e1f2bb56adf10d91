"""`assess`: what holds at a time, by the daemon's own engine, from event files alone."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from typer.testing import CliRunner, Result

from monitor.__main__ import program
from monitor.errors import UsageError
from streams.schemas import json_schemas

runner = CliRunner()


def balance(entity: str, role: str, quantity: str, at: str, **more: Any) -> dict[str, Any]:
    storage = "ledger" if role == "client_liability" else "cold"
    value = {
        "event_id": f"{entity}-{role}-{at}",
        "entity": entity,
        "account": role,
        "role": role,
        "storage": storage,
        "asset": "ETH",
    }
    return {"topic": "custody.balances", "timestamp": at, "value": {**value, "quantity": quantity, "as_of": at, **more}}


def price(text: str, at: str) -> dict[str, Any]:
    value = {"event_id": f"p-{at}", "asset": "ETH", "currency": "USD", "price": text, "as_of": at, "source": "s", "kind": "spot"}
    return {"topic": "market.prices", "timestamp": at, "value": value}


def story(entity: str = "ny-1") -> list[dict[str, Any]]:
    return [
        price("2500", "2026-01-05T00:00:00Z"),
        balance(entity, "client_asset", "8", "2026-01-05T00:00:01Z"),
        balance(entity, "client_liability", "8", "2026-01-05T00:00:02Z"),
        balance(entity, "client_asset", "6", "2026-01-05T01:00:00Z"),
    ]


def written(path: Path, lines: list[dict[str, Any]]) -> str:
    text = "".join(json.dumps(line) + "\n" for line in lines)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(text.encode()))
    else:
        path.write_text(text)
    return str(path)


def assess(*arguments: str) -> tuple[Result, list[dict[str, Any]]]:
    result = runner.invoke(program, ["assess", *arguments])
    return result, json.loads(result.stdout) if result.stdout else []


@pytest.fixture(autouse=True)
def _no_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("RESERVE_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)


def test_after_the_last_line_a_shortfall_is_exit_1(tmp_path: Path) -> None:
    result, found = assess("--events", written(tmp_path / "e.jsonl", story()), "--method", "us.ny_custody")
    assert result.exit_code == 1
    (one,) = found
    assert (one["entity"], one["method"], one["state"], one["surplus"]) == ("ny-1", "us.ny_custody", "shortfall", "-5000")
    assert one["at"] == "2026-01-05T01:00:00.000000Z"


def test_events_after_the_time_are_not_seen(tmp_path: Path) -> None:
    events = written(tmp_path / "e.jsonl", story())
    result, found = assess("--events", events, "--at", "2026-01-05T09:59:59+09:00", "--method", "us.ny_custody")
    assert result.exit_code == 0
    assert found[0]["state"] == "adequate"


def closed(found: list[dict[str, Any]]) -> list[tuple[str, int, str, str | None]]:
    return [(c["business_date"], c["revision"], c["state"], c["required"]) for c in found if c["kind"] == "close"]


def test_closes_and_their_revisions_as_of_the_time(tmp_path: Path) -> None:
    """What lets it fail: a day that was short at its end cannot be judged offline, nor what was said of it at an earlier time."""
    lines = [
        *story(),
        price("2600", "2026-01-06T09:00:00Z"),
        balance("ny-1", "client_asset", "9", "2026-01-05T02:00:00Z") | {"timestamp": "2026-01-06T10:00:00Z"},
        price("2700", "2026-01-07T09:00:00Z"),
    ]
    asked = ("--closes", "--events", written(tmp_path / "e.jsonl", lines), "--method", "us.ny_custody")
    result, found = assess(*asked)
    assert found[0]["kind"] == "live"
    assert closed(found) == [  # of New York, whose 4 January had five hours to go at the first event
        ("2026-01-04", 0, "shortfall", "20000"),
        ("2026-01-04", 1, "adequate", "20000"),
        ("2026-01-05", 0, "shortfall", "20000"),
        ("2026-01-05", 1, "adequate", "20000"),
        ("2026-01-06", 0, "adequate", "20800"),
    ]
    assert found[2]["replaces"] == found[1]["digest"]
    assert result.exit_code == 0
    assert closed(assess(*asked, "--at", "2026-01-06T09:59:00Z")[1]) == [
        ("2026-01-04", 0, "shortfall", "20000"),
        ("2026-01-05", 0, "shortfall", "20000"),
    ]


def test_corrections_that_are_gathered_still_when_the_events_end_are_told(tmp_path: Path) -> None:
    """What lets it fail: the last of a bulk of corrections waits for a minute that no event brings."""
    late = [
        balance("ny-1", "client_asset", quantity, "2026-01-05T02:00:00Z") | {"timestamp": f"2026-01-06T10:00:{second}Z"}
        for quantity, second in (("7", "00"), ("9", "20"), ("11", "40"))
    ]
    lines = [*story(), price("2600", "2026-01-06T09:00:00Z"), *late]
    _, found = assess("--closes", "--events", written(tmp_path / "e.jsonl", lines), "--method", "us.ny_custody")
    assert [one for one in closed(found) if one[0] == "2026-01-05"] == [
        ("2026-01-05", 0, "shortfall", "20000"),
        ("2026-01-05", 1, "shortfall", "20000"),
        ("2026-01-05", 2, "adequate", "20000"),
    ]
    assert [c["components"][0]["held"] for c in found if c["kind"] == "close" and c["revision"] == 2] == ["11", "11"]


def test_a_close_counts_the_trades_that_were_told_before_its_day_ended(tmp_path: Path) -> None:
    """What lets it fail: trades wait for the end of a UTC day, and a local day that ends before is closed without them."""
    trade = {"trade_id": "1", "entity": "ny-1", "market": "ETH/USD", "price": "3000", "quantity": "1"}
    at = "2026-01-06T04:00:00Z"
    lines = [*story(), {"topic": "market.trades", "timestamp": at, "value": trade | {"executed_at": at}}]
    lines.append(price("2500", "2026-01-06T12:00:00Z") | {})
    _, found = assess("--closes", "--events", written(tmp_path / "e.jsonl", lines), "--method", "us.ny_custody")
    assert closed(found)[-1] == ("2026-01-05", 0, "shortfall", "24000")


def test_what_is_not_known_is_exit_5(tmp_path: Path) -> None:
    result, found = assess("--events", written(tmp_path / "e.jsonl", story()[:2]), "--method", "us.ny_custody")
    assert result.exit_code == 5
    assert found[0]["state"] == "unknown"


def test_a_time_before_the_first_line_is_exit_5(tmp_path: Path) -> None:
    events = written(tmp_path / "e.jsonl", story())
    result, found = assess("--events", events, "--at", "1999-01-01T00:00:00Z", "--method", "us.ny_custody")
    assert (result.exit_code, found) == (5, [])
    assert "nothing was received by then" in result.stderr


def test_of_several_a_shortfall_comes_before_unknown(tmp_path: Path) -> None:
    events = written(tmp_path / "e.jsonl", [*story("ny-1"), balance("ny-2", "client_asset", "1", "2026-01-05T02:00:00Z")])
    result, found = assess("--events", events, "--method", "us.ny_custody", "--method", "jp.capital_ratio")
    assert result.exit_code == 1
    assert [(one["entity"], one["method"]) for one in found] == [
        ("ny-1", "us.ny_custody"),
        ("ny-1", "jp.capital_ratio"),
        ("ny-2", "us.ny_custody"),
        ("ny-2", "jp.capital_ratio"),
    ]


def test_a_refused_line_is_left_out_and_named(tmp_path: Path) -> None:
    bad = balance("ny-1", "client_asset", "-1", "2026-01-05T02:00:00Z")
    events = written(tmp_path / "e.jsonl", [*story(), bad])
    result, found = assess("--events", events, "--method", "us.ny_custody")
    assert found[0]["components"][0]["held"] == "6"
    assert "e.jsonl:5: custody.balances: out_of_range" in result.stderr
    assert [gap["kind"] for gap in found[0]["gaps"]] == ["record_rejected"]


def test_several_files_are_one_log(tmp_path: Path) -> None:
    first = written(tmp_path / "a.jsonl", story()[:2])
    second = written(tmp_path / "b.jsonl.gz", story()[2:])
    result, found = assess("--events", first, second, "--method", "us.ny_custody")
    assert result.exit_code == 1
    assert found[0]["surplus"] == "-5000"


def configuration(tmp_path: Path) -> str:
    text = """
entities:
  ny-1:
    reporting_currency: USD
    methods:
      - {id: us.ny_custody, mode: shadow, options: {skip: [client_asset.BTC]}}
  quiet:
    reporting_currency: USD
    methods: [{id: us.ny_custody}]
"""
    path = tmp_path / "config.yaml"
    path.write_text(text)
    return str(path)


def test_configured_entities_and_methods(tmp_path: Path) -> None:
    events = written(tmp_path / "e.jsonl", [*story(), *story("stranger")])
    result, found = assess("--events", events, "--config", configuration(tmp_path))
    assert [(one["entity"], one["mode"], one["state"]) for one in found] == [
        ("ny-1", "shadow", "shortfall"),
        ("quiet", "in_force", "unknown"),
    ]
    assert result.exit_code == 5, "a shadow method never decides beside one in force"
    assert result.stderr.count("unknown_entity") == 3


def test_a_method_beside_a_configuration_is_of_its_entities(tmp_path: Path) -> None:
    events = written(tmp_path / "e.jsonl", story())
    arguments = ("--events", events, "--config", configuration(tmp_path), "--method", "jp.capital_ratio")
    _, found = assess(*arguments)
    assert [(one["entity"], one["method"]) for one in found] == [("ny-1", "jp.capital_ratio"), ("quiet", "jp.capital_ratio")]


def test_without_any_method_there_is_nothing_to_assess(tmp_path: Path) -> None:
    result, _ = assess("--events", written(tmp_path / "e.jsonl", story()))
    assert isinstance(result.exception, UsageError)


def test_offline_assessments_are_of_the_published_schema(tmp_path: Path) -> None:
    _, found = assess("--events", written(tmp_path / "e.jsonl", story()), "--method", "us.ny_custody")
    schema = json_schemas()["reserve.assessments"]
    for name in ("chain", "digest", "why", "sources", "journal", "inputs_digest", "result_digest"):
        assert name in found[0]
    errors = [error.message for error in Draft202012Validator(schema).iter_errors(found[0])]
    assert errors == []
