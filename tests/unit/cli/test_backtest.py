"""`backtest`: one pass, many candidates, figures that are those of `assess`."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from monitor.__main__ import program
from monitor.errors import CHECK_FAILED, GOOD, UsageError
from tests.random_logs import RandomLog
from tests.unit.cli.test_assess import assess, balance, price, story, written

runner = CliRunner()
METHODS = ("us.ny_custody", "house.composite", "kr.vaupa_cold")
FIGURES = ("state", "required", "available", "surplus", "coverage")


def backtest(*arguments: str) -> tuple[int, dict[str, Any]]:
    result = runner.invoke(program, ["backtest", *arguments, "--json"])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, json.loads(result.stdout)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("cadence", [(), ("--every", "6h")])
def test_every_close_is_what_assess_prints_at_that_instant(tmp_path: Path, seed: int, cadence: tuple[str, ...]) -> None:
    log = str(RandomLog(seed, 250).write(tmp_path / "log.jsonl"))
    chosen = [part for method in METHODS for part in ("--method", method)]
    _, found = backtest("--events", log, *chosen, *cadence)
    ids = {candidate["id"]: candidate["method"] for candidate in found["candidates"]}
    compared = 0
    for result in found["results"]:
        for close in result["closes"]:
            nanosecond = close["at"].replace("Z", "999Z")
            _, live = assess("--events", log, "--at", nanosecond, "--method", ids[result["candidate"]])
            same = next(one for one in live if one["entity"] == result["entity"])
            assert {name: same[name] for name in FIGURES} == {name: close[name] for name in FIGURES}
            assert same["business_date"] == close["day"]
            compared += 1
    assert compared > 0


def test_a_breach_has_its_beginning_its_end_and_its_rule(tmp_path: Path) -> None:
    lines = [*story(), balance("ny-1", "client_asset", "9", "2026-01-07T05:00:00Z"), price("2600", "2026-01-08T12:00:00Z")]
    code, found = backtest("--events", written(tmp_path / "e.jsonl", lines), "--method", "us.ny_custody")
    (result,) = found["results"]
    assert code == CHECK_FAILED
    assert result["breaches"] == [
        {
            "from": "2026-01-05T01:00:00.000000Z",
            "to": "2026-01-07T05:00:00.000000Z",
            "worst": "-5000",
            "rules": ["client_asset.ETH"],
        }
    ]
    assert result["days_short"] == ["2026-01-04", "2026-01-05", "2026-01-06"]
    assert result["worst"]["surplus"] == "-5000"


def test_every_whole_multiple_is_looked_at_also_where_a_record_or_a_tick_lies_on_it(tmp_path: Path) -> None:
    lines = [*story(), price("2600", "2026-01-05T02:00:00Z"), price("2700", "2026-01-05T05:30:00Z")]
    _, found = backtest("--events", written(tmp_path / "e.jsonl", lines), "--method", "us.ny_custody", "--every", "1h")
    (result,) = found["results"]
    assert result["evaluations"] == 5 + 1 + 1  # five hours, a day's end at 05:00 in New York, the last record
    _, more = backtest("--events", written(tmp_path / "e.jsonl", lines), "--method", "us.ny_custody", "--every", "30m")
    assert more["results"][0]["evaluations"] == 11 + 1


def test_values_of_a_parameter_are_candidates_and_a_frontier(tmp_path: Path) -> None:
    log = written(tmp_path / "e.jsonl", [*story(), balance("ny-1", "client_asset", "8", "2026-01-07T05:00:00Z")])
    given = "house.composite:custody.cold_rate=0.1,0.2"
    _, found = backtest("--events", log, "--method", "house.composite", "--set", given, "--every", "12h")
    assert [candidate["changes"] for candidate in found["candidates"]] == [
        {"house.custody.cold_rate": "0.1"},
        {"house.custody.cold_rate": "0.2"},
    ]
    assert {row["value"] for row in found["frontier"]} == {"0.1", "0.2"}
    assert len({candidate["digest"] for candidate in found["candidates"]}) == 2


def test_a_draft_computes_once_its_parameters_have_values(tmp_path: Path) -> None:
    eth = price("250000", "2026-01-05T00:00:00Z")
    eth["value"]["currency"] = "JPY"
    trade = {"trade_id": "1", "entity": "ny-1", "market": "ETH/JPY", "price": "250000", "quantity": "4"}
    trade["executed_at"] = "2026-01-05T00:00:02Z"
    lines = [eth, {"topic": "market.trades", "timestamp": "2026-01-05T00:00:02Z", "value": trade}, *story()[1:3]]
    lines.append(balance("ny-1", "reserve_asset", "9", "2026-01-05T00:00:03Z"))
    lines.append({"topic": "market.prices", "timestamp": "2026-01-07T00:00:00Z", "value": {**eth["value"], "event_id": "p2"}})
    sets = {"rate.turnover": "0.5", "rate.cold_custody_value": "0.1", "loss_history_multiplier": "1", "floor": "0"}
    sets |= {"ceiling": "9000000", "insurance_offset_max": "0"}
    options = [part for name, value in sets.items() for part in ("--set", f"jp.crypto_reserve_2026:{name}={value}")]
    log = written(tmp_path / "e.jsonl", lines)
    _, found = backtest("--events", log, "--method", "jp.crypto_reserve_2026", *options)
    assert {close["required"] for close in found["results"][0]["closes"]} == {"700000"}
    _, bare = backtest("--events", log, "--method", "jp.crypto_reserve_2026")
    assert {close["state"] for close in bare["results"][0]["closes"]} == {"not_computable"}


def test_files_are_written_and_no_cell_is_a_formula(tmp_path: Path) -> None:
    log = written(tmp_path / "e.jsonl", [*story(), price("2600", "2026-01-07T12:00:00Z")])
    page, sheet = tmp_path / "page.html", tmp_path / "sheet.csv"
    options = ["--method", "us.ny_custody", "--csv", str(sheet), "--html", str(page)]
    result = runner.invoke(program, ["backtest", "--events", log, *options])
    assert result.exit_code == CHECK_FAILED
    assert "us.ny_custody" in result.stdout
    text = page.read_text(encoding="utf-8")
    assert "<svg" in text
    assert not [mark for mark in ("<script", "src=", "@import", "<link") if mark in text]
    rows = list(csv.DictReader(io.StringIO(sheet.read_text(encoding="utf-8"))))
    assert [row["state"] for row in rows] == ["adequate", "shortfall", "shortfall", "shortfall"][-len(rows) :]


def test_what_cannot_be_is_said_with_what_to_do(tmp_path: Path) -> None:
    log = written(tmp_path / "e.jsonl", story())
    for options, message in (
        (["--method", "no.such"], "methods list"),
        (["--method", "us.ny_custody", "--set", "us.ny_custody:nothing=1"], "choose from"),
        (["--method", "house.composite", "--set", "house.composite:cold_rate=x"], "not a plain decimal"),
        (["--method", "us.ny_custody", "--set", "hk.vatp:x=1"], "add --method hk.vatp"),
        (["--method", "us.ny_custody", "--to", "soon"], "--from, --to"),
    ):
        with pytest.raises(UsageError, match=message):
            backtest("--events", log, *options)


def test_no_event_is_no_result(tmp_path: Path) -> None:
    code, found = backtest("--events", written(tmp_path / "e.jsonl", []), "--method", "us.ny_custody")
    assert code != GOOD
    assert found["results"] == []
