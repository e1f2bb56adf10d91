"""Tables on a terminal of any width: where the columns do not fit beside each other, a record a row instead of folded words."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Column, Table
    from rich.text import Text

_GAP = 2
_LEAST_TEXT = 30
"""A column of sentences may be broken into lines, but not into narrower ones."""
_NOTHING = frozenset({"", "-", "—"})


def console_for(pipe_width: int) -> Console:
    """Of stdout: as wide as its terminal, else `pipe_width` columns."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else pipe_width, highlight=False)


def plain_table(words: frozenset[str], *columns: str) -> Table:
    """Without lines; columns of `words` begin at the left, others are figures and end at the right."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column, justify="left" if column in words else "right", overflow="fold")
    return table


def print_table(console: Console, table: Table, sentences: str = "") -> None:
    """The table, or a record a row where it is wider than the console; `sentences` is the column that may be broken."""
    widths = (_width(column, sentences) for column in table.columns)
    if sum(widths) + _GAP * (len(table.columns) - 1) <= console.width:
        for column in table.columns:
            column.no_wrap = column.header != sentences
        console.print(table)
        return
    for cells in zip(*(column.cells for column in table.columns), strict=True):
        for line in _record(table.columns, cells, sentences):
            console.print(line)


def _width(column: Column, sentences: str) -> int:
    if sentences and column.header == sentences:
        return _LEAST_TEXT
    return max(_text(cell).cell_len for cell in (column.header, *column.cells))


def _record(columns: list[Column], cells: tuple[RenderableType, ...], sentences: str) -> Iterator[RenderableType]:
    """The words of a row, then its figures by name, then its sentences."""
    from rich.padding import Padding
    from rich.text import Text

    row = [(column, _text(cell)) for column, cell in zip(columns, cells, strict=True)]
    row = [(column, cell) for column, cell in row if cell.plain not in _NOTHING]
    words = [cell for column, cell in row if column.justify == "left" and column.header != sentences]
    figures = [Text.assemble(f"{column.header} ", cell) for column, cell in row if column.justify == "right"]
    said = [cell for column, cell in row if sentences and column.header == sentences]
    yield Text("  ").join(words)
    for line in filter(None, (Text(", ").join(figures), *said)):
        yield Padding(line, (0, 0, 0, _GAP))


def _text(cell: RenderableType) -> Text:
    from rich.text import Text

    if isinstance(cell, Text):
        return cell.copy()
    return Text.from_markup(str(cell), overflow="fold")
