"""Commands of the documents that need no server are run as they are written, on an example; the others are played."""

from __future__ import annotations

import gzip
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from monitor.__main__ import program
from monitor.errors import CHECK_FAILED, GOOD, UNKNOWN
from tests.deploy.test_documents import every
from tests.deploy.tools import REPOSITORY

EXAMPLE = REPOSITORY / "examples" / "1-canonical-events"
RUN = (
    "assess --events events.jsonl", "backtest --events", "config check", "config init", "config reference", "config show",
    "feeds show", "methods list", "report jp-main --date", "scenario list", "scenario run --file", "schema custody.balances",
    "audit keygen",
)  # fmt: skip
"""What a command begins with that needs neither broker nor daemon."""


def chosen() -> list[str]:
    return sorted({command for _, command in every() if command.startswith(RUN)})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the documents name."""
    for name in ("reserve.yaml", "events.jsonl"):
        (tmp_path / name).write_text((EXAMPLE / name).read_text(encoding="utf-8").replace("ex-main", "jp-main"), encoding="utf-8")
    events = (tmp_path / "events.jsonl").read_bytes()
    later = events.replace(b"2026-01-05", b"2026-01-09").replace(b'"event_id": "', b'"event_id": "later-')
    (tmp_path / "day.jsonl").write_bytes(events.rstrip() + b"\n" + later.replace(b'"event_id":"', b'"event_id":"later-'))
    for name in ("2025.jsonl.gz", "year.jsonl.gz"):
        (tmp_path / name).write_bytes(gzip.compress(events))
    lost = "mine: {title: hot coins lost, stresses: [{type: lose, storages: [hot]}]}"
    (tmp_path / "mine.yaml").write_text(f"schema: reserve.scenarios/1\nscenarios: {{{lost}}}\n")
    (tmp_path / "etc").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", chosen())
def test_a_command_without_a_server_runs_as_it_is_written(folder: Path, command: str) -> None:
    if command.startswith("config init"):
        (folder / "reserve.yaml").unlink()
    arguments = [word.replace("/etc/reserve-monitor", str(folder / "etc")) for word in shlex.split(command)]
    result = CliRunner().invoke(program, arguments)
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    assert result.exit_code in {GOOD, CHECK_FAILED, UNKNOWN}, result.output


def test_they_are_many() -> None:
    assert len(chosen()) >= 15
