"""The README's table of promises is true in a plain clone: what it names is there, and no test of it can be skipped."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from monitor.__main__ import COMMANDS
from monitor.core.journal.vocabulary import GAP_KINDS
from monitor.metrics.declared import METRICS

ROOT = Path(__file__).resolve().parents[3]
ROWS = re.findall(r"^\| (P\d) .*? \| (.*?) \| (.*?) \|$", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
CONTRACT = (ROOT / "docs" / "design" / "contract.md").read_text(encoding="utf-8")
SKIPS = re.compile(r"skipif|pytest\.skip\(|importorskip|/ \"shared\"|mark\.(kafka|stack|slow)")


def named(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_every_promise_has_its_row() -> None:
    assert [promise for promise, _, _ in ROWS] == [f"P{number}" for number in range(1, 8)]


@pytest.mark.parametrize(("promise", "kept", "tested"), ROWS, ids=[row[0] for row in ROWS])
def test_what_a_promise_names_is_there_and_always_runs(promise: str, kept: str, tested: str) -> None:
    assert [name for name in (*named(kept), *named(tested)) if not (ROOT / name).exists()] == []
    assert named(tested), promise
    for name in named(tested):
        files = [ROOT / name] if (ROOT / name).is_file() else list((ROOT / name).rglob("test_*.py"))
        assert files, name
        assert [file.name for file in files if SKIPS.search(file.read_text(encoding="utf-8"))] == []


def test_the_contract_names_every_metric() -> None:
    missing = [metric.name for metric in METRICS if f"`{metric.name}`" not in CONTRACT]
    assert missing == [], "name it in docs/design/contract.md, section 6"


def test_the_contract_names_every_kind_of_gap() -> None:
    assert [kind for kind in GAP_KINDS if f"`{kind}`" not in CONTRACT] == [], "name it in docs/design/contract.md, section 2"


def test_the_contract_names_every_command() -> None:
    assert [name for name in COMMANDS if f"`{name}`" not in CONTRACT] == [], "name it in docs/design/contract.md, section 3"
