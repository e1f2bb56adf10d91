"""A report as paragraphs and tables in one language: what HTML, PDF, Markdown and CSV are each a rendering of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from monitor.core.values import wording
from monitor.core.values.calendar import Zone
from monitor.core.values.times import MINUTE, format_time, parse_time
from monitor.report.adequacy.words import STATES, Words

CellKind = Literal["text", "number", "code", "state"]

SIGNS = {"adequate": "✓", "watch": "!", "shortfall": "\u00d7", "unknown": "?", "not_computable": "\u2013"}
"""Signs that are read without colour."""


@dataclass(frozen=True, slots=True)
class SheetCell:
    """What people read, and the exact value that a spreadsheet takes (None: the same); `state` names a state's colour."""

    shown: str
    exact: str | None = None
    kind: CellKind = "text"
    state: str | None = None


@dataclass(frozen=True, slots=True)
class SheetColumn:
    """A column; `width` is its share of the page."""

    title: str
    kind: CellKind = "text"
    width: float = 1.0


@dataclass(frozen=True, slots=True)
class SheetTable:
    """Rows under columns; `caption` names them where a section has several."""

    columns: tuple[SheetColumn, ...]
    rows: tuple[tuple[SheetCell, ...], ...]
    caption: str = ""


@dataclass(frozen=True, slots=True)
class SheetSection:
    """A heading with sentences and tables."""

    title: str
    sentences: tuple[str, ...] = ()
    tables: tuple[SheetTable, ...] = ()


@dataclass(frozen=True, slots=True)
class Sheet:
    """The whole: `lead` is what the audience is told first, `bad` whether it is to be marked; `facts` are small print."""

    language: str
    title: str
    subtitle: str
    lead: tuple[str, ...]
    bad: bool
    sections: tuple[SheetSection, ...]
    facts: tuple[str, ...]


def text(shown: str) -> SheetCell:
    """Plain words."""
    return SheetCell(shown)


def code(shown: str | None) -> SheetCell:
    """A digest or another name that is read letter by letter."""
    return SheetCell(shown or "", kind="code")


def number(exact: str | None, unit: str = "") -> SheetCell:
    """An amount with its digits in threes and its unit."""
    shown = wording.grouped(exact)
    return SheetCell(f"{shown} {unit}".rstrip() if exact is not None else shown, exact or "", "number")


def measured(exact: str | None, unit: str) -> SheetCell:
    """A component's figure: a ratio in percent, else as `number`."""
    return SheetCell(wording.percent(exact), exact or "", "number") if unit == "1" else number(exact, unit)


def percent(exact: str | None) -> SheetCell:
    """A ratio, cut at two decimals of a percent."""
    return SheetCell(wording.percent(exact), exact or "", "number")


def state_cell(state: str, words: Words) -> SheetCell:
    """A state with its sign and its word."""
    return SheetCell(f"{SIGNS.get(state, '')} {words.of(STATES, state)}".strip(), state, "state", state)


def local_time(moment: str | None, zone: Zone) -> str:
    """An RFC 3339 text as local time to the second, with its offset."""
    if moment is None:
        return wording.NOT_KNOWN
    instant = parse_time(moment)
    offset = zone.offset(instant)
    hours, minutes = divmod(abs(offset) // MINUTE, 60)
    there = format_time(instant + offset)
    return f"{there[:10]} {there[11:19]} {'-' if offset < 0 else '+'}{hours:02d}:{minutes:02d}"


def duration(seconds: int, words: Words) -> str:
    """How long, in the two largest units that say it."""
    days, rest = divmod(seconds, 86_400)
    hours, rest = divmod(rest, 3600)
    minutes, left = divmod(rest, 60)
    if days:
        return words.say("{days} d {hours} h", days=days, hours=hours)
    if hours:
        return words.say("{hours} h {minutes} min", hours=hours, minutes=minutes)
    return words.say("{minutes} min {seconds} s", minutes=minutes, seconds=left)
