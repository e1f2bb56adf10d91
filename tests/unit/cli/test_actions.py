"""`actions`: what is to be done, and that it cannot be said where a method in force is not known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from monitor.__main__ import program
from monitor.errors import CHECK_FAILED, GOOD, UNKNOWN
from tests.unit.cli.test_status import Worker

PROPOSAL = {"method": "jp.psa_custody", "rule": "reserve", "ref": None, "state": "shortfall", "reason": None, "costs": [],
            "moves": [{"text": "move 1 BTC from hot to cold"}]}  # fmt: skip


def state(method: str, state: str, mode: str = "in_force") -> dict[str, str]:
    return {"method": method, "state": state, "mode": mode}


@pytest.mark.parametrize(
    ("methods", "proposals", "code", "said"),
    [
        ([state("a", "adequate")], [], GOOD, "jp-main: nothing to do"),
        ([state("a", "adequate"), state("b", "not_computable", "shadow")], [], GOOD, "jp-main: nothing to do"),
        ([state("a", "unknown"), state("b", "adequate")], [], UNKNOWN, "a: what is to be done is not known"),
        ([state("a", "unknown"), state("b", "shortfall")], [PROPOSAL], CHECK_FAILED, "a: what is to be done is not known"),
    ],
)
def test_nothing_to_do_is_said_only_where_every_method_in_force_is_known(
    methods: list[dict[str, str]], proposals: list[Any], code: int, said: str, worker: Worker
) -> None:
    worker.answers = {"/actions/jp-main": (200, proposals), "/status/jp-main": (200, {"methods": methods})}
    done = CliRunner().invoke(program, ["actions", "jp-main"])
    assert done.exit_code == code
    assert said in done.output
    assert ("nothing to do" in done.output) == (code == GOOD)


def test_a_method_that_is_left_out_is_not_asked_of(worker: Worker) -> None:
    methods = [state("a", "unknown"), state("b", "adequate")]
    worker.answers = {"/actions/jp-main": (200, []), "/status/jp-main": (200, {"methods": methods})}
    assert CliRunner().invoke(program, ["actions", "jp-main", "--method", "b"]).exit_code == GOOD
    assert CliRunner().invoke(program, ["actions", "jp-main", "--method", "a"]).exit_code == UNKNOWN


def test_of_event_files_it_is_the_same(tmp_path: Path) -> None:
    position = {"event_id": "b-1", "entity": "jp-main", "account": "cold-1", "role": "client_asset", "storage": "cold"}
    body = position | {"asset": "BTC", "quantity": "1", "as_of": "2026-01-05T00:00:00Z"}
    line = {"topic": "custody.balances", "key": None, "timestamp": "2026-01-05T00:00:00Z", "value": body}
    file = tmp_path / "day.jsonl"
    file.write_text(json.dumps(line) + "\n")
    done = CliRunner().invoke(program, ["actions", "jp-main", "--events", str(file), "--method", "us.ny_custody"])
    assert (done.exit_code, "nothing to do" in done.output) == (UNKNOWN, False)
