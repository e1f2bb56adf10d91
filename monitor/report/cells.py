"""Comma-separated values that a spreadsheet may open: no cell is taken for a formula."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?\Z", re.ASCII)
BOM = "\ufeff"
"""Tells a spreadsheet that the file is UTF-8; where texts are not ASCII."""


def cell(value: object) -> str:
    """The text of a cell: nothing for None; a text a spreadsheet would run is led by an apostrophe. Numbers stay numbers."""
    text = "" if value is None else "yes" if value is True else "no" if value is False else str(value)
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) and not _NUMBER.match(text) else text


def csv_text(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table as RFC 4180, lines ended by CR LF."""
    return csv_rows([header, *rows])


def csv_rows(rows: Iterable[Sequence[object]]) -> str:
    """Rows of any length as RFC 4180, lines ended by CR LF."""
    target = io.StringIO()
    csv.writer(target, lineterminator="\r\n").writerows([cell(value) for value in row] for row in rows)
    return target.getvalue()
