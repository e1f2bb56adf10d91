"""The examples say what their pages say they do: every command of every page is run."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from monitor import __main__ as program
from monitor.errors import CHECK_FAILED, GOOD, MonitorError

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FOLDERS = sorted(folder.name for folder in EXAMPLES.iterdir() if folder.is_dir())
runner = CliRunner()


def run_page(name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Result]:
    """The commands of a folder's page, in a copy of the folder."""
    for variable in [variable for variable in os.environ if variable.startswith("RESERVE_")]:
        monkeypatch.delenv(variable)
    folder = shutil.copytree(EXAMPLES / name, tmp_path / name)
    monkeypatch.chdir(folder)
    page = (folder / "README.md").read_text(encoding="utf-8")
    assert f"]({name}/README.md)" in (EXAMPLES / "README.md").read_text(encoding="utf-8")
    commands = [line for line in page.split("```")[1].splitlines() if line.strip()]
    assert all(command.startswith("reserve-monitor ") for command in commands)
    return [runner.invoke(program.program, shlex.split(command)[1:]) for command in commands]


def code_of(result: Result) -> int:
    return result.exception.exit_code if isinstance(result.exception, MonitorError) else result.exit_code


@pytest.mark.parametrize(
    ("name", "state", "coverage"),
    [
        ("1-canonical-events", "adequate", "1"),
        ("3-wallets-and-ledger", "shortfall", "0.99025"),
        ("4-two-price-sources", "adequate", "1"),
        ("5-incident-ticket", "adequate", "1"),
    ],
)
def test_an_example_comes_out_as_its_page_says(
    name: str, state: str, coverage: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    result = next(one for one in run_page(name, monkeypatch, tmp_path) if one.stdout.startswith("["))
    (assessment,) = json.loads(result.stdout)
    assert (assessment["state"], assessment["coverage"]) == (state, coverage), result.stderr
    assert code_of(result) == (CHECK_FAILED if state == "shortfall" else GOOD)
    assert not [gap for gap in assessment["gaps"] if gap["kind"] != "position_missing"]
    page = (EXAMPLES / name / "README.md").read_text(encoding="utf-8")
    assert f"`{state}`" in page
    assert f"coverage {coverage}" in page


def test_the_frames_of_a_venue_come_out_as_their_page_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    shown, tried = run_page("2-venue-frames", monkeypatch, tmp_path)
    assert "kind: market.trades" in shown.stdout
    assert code_of(tried) == CHECK_FAILED
    assert "3 events, 1 dead letter, 2 left out" in tried.stderr


def test_a_ticket_is_shown_with_its_losses(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tried: Any = run_page("5-incident-ticket", monkeypatch, tmp_path)[0]
    assert code_of(tried) == GOOD, tried.stderr
    assert "'asset': 'BTC'" in tried.stdout
    assert "'quantity': '25'" in tried.stdout


def test_an_example_record_is_printed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert json.loads(run_page("1-canonical-events", monkeypatch, tmp_path)[1].stdout)["asset"] == "BTC"


def test_every_folder_is_run_here() -> None:
    assert [name[0] for name in FOLDERS] == ["1", "2", "3", "4", "5"]
