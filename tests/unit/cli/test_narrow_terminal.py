"""What commands print on a terminal of 80 columns: nothing is cut, no word and no digest is broken."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from rich.console import Console

from monitor.cli import fitted
from monitor.cli.running import status
from monitor.cli.tables import plain_table, print_table
from tests.status_examples import adequate, shortfall, unknown

WIDTH = 80
WORDS = frozenset({"method", "state", "currency", "text"})


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    return Terminal()


def shown(width: int, sentences: str = "") -> str:
    table = plain_table(WORDS, "method", "state", "required", "currency", "text")
    table.add_row("jp.crypto_reserve_2026", "[red]not_computable[/]", "600,000,000", "JPY", "why it is so " * 9)
    table.add_row("house.composite", "unknown", "—", "JPY", "")
    console = Console(width=width, file=io.StringIO(), highlight=False)
    print_table(console, table, sentences)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_row_that_does_not_fit_is_a_record() -> None:
    lines = shown(WIDTH, "text").splitlines()
    assert lines[0] == "jp.crypto_reserve_2026  not_computable  JPY"
    assert lines[1].rstrip() == "  required 600,000,000"
    assert lines[2].startswith("  why it is so why it is so")
    assert "house.composite  unknown  JPY" in lines
    assert max(map(len, lines)) <= WIDTH


def test_a_table_that_fits_has_its_columns() -> None:
    head, first, *_ = shown(120, "text").splitlines()
    assert head.split() == ["method", "state", "required", "currency", "text"]
    assert first.startswith("jp.crypto_reserve_2026  not_computable  600,000,000")
    assert shown(200).splitlines()[0].split() == ["method", "state", "required", "currency", "text"]


@pytest.mark.parametrize("example", [adequate, shortfall, unknown])
def test_a_status_breaks_no_name(
    example: Callable[[], dict[str, Any]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", str(WIDTH))
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    value = example()
    status._show(value)
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= WIDTH
    for name in [one["method"] for one in value["methods"]] + [one["topic"] for one in value["sources"]]:
        assert re.search(rf"^{re.escape(name)}\b", said, re.MULTILINE)


def test_lines_are_broken_between_words_and_digests_never(terminal: Terminal) -> None:
    digest = f"sha256:{'4f1c' * 16}"
    said = fitted(f"  Not known: {'no position was ever received ' * 4}of {digest}", terminal).splitlines()
    assert all(len(line) <= WIDTH for line in said)
    assert any(digest in line for line in said)
    assert all(line.startswith("    ") for line in said[1:])
    assert len(fitted("x" * 300, terminal).splitlines()) == 1


def test_what_goes_into_a_pipe_is_a_line_a_line() -> None:
    line = "a sentence " * 30
    assert fitted(line, io.StringIO()) == line
