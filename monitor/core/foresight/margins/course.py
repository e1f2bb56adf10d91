"""What a rule had to spare, hour by hour and day by day: what buffers and forecasts are reckoned from.

The margin is that of the tightest rule of the headline, in money: (held / required - 1) x required, not cut off where one asset
may not help another. For a method with one headline rule it is the surplus.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from monitor.core.evaluation.assessment import Result
from monitor.core.values.figure import Figure
from monitor.core.values.times import DAY, HOUR

KEPT_HOURS = 1500
KEPT_DAYS = 3100
"""Two months of hours, eight and a half years of days: as many as 72 hours at 0.1 % need."""

_BLOCK = 32
"""Cells in one piece of a snapshot."""

_UNKNOWN = "?"


class CourseCell(NamedTuple):
    """An hour or a day in minor units of the method's currency: the lowest margin, the last, and the last requirement.

    `low` is None where something in it was not known, the others where the end of it was not.
    """

    low: int | None
    last: int | None
    required: int | None


class CourseSteps:
    """Cells of one width (ns), without a hole: a time in which nothing was evaluated is as the one before it ended."""

    def __init__(self, width: int, kept: int) -> None:
        self._width, self._kept = width, kept
        self.cells: dict[int, CourseCell] = {}
        self._open: int | None = None
        self._dirty: set[int] = set()

    def take(self, at: int, margin: int | None, required: int | None) -> bool:
        """Notes the margin at `at`, not before what was noted; whether a new cell has begun."""
        number = at // self._width
        begun = number != self._open
        if begun:
            self._go_on_to(number)
        before = self.cells.get(number)
        low = margin if before is None else _lower(before.low, margin)
        self.cells[number] = CourseCell(low, margin, required)
        self._dirty.add(number // _BLOCK)
        return begun

    def closed(self) -> list[CourseCell]:
        """The cells that are over, in order."""
        return [self.cells[number] for number in sorted(self.cells) if number != self._open]

    def _go_on_to(self, number: int) -> None:
        """Fills what lies between with how the last one ended, and forgets what is too old."""
        if self._open is not None:
            _, last, required = self.cells[self._open]
            for between in range(max(self._open + 1, number - self._kept), number + 1):
                self.cells[between] = CourseCell(last, last, required)
                self._dirty.add(between // _BLOCK)
        self._open = number
        for old in [old for old in self.cells if old < number - self._kept]:
            del self.cells[old]
            self._dirty.add(old // _BLOCK)

    def values(self, *, whole: bool) -> Iterator[tuple[int, Any]]:
        """Blocks of cells that changed since `taken`, or all; None for one that is gone."""
        blocks = {number // _BLOCK for number in self.cells}
        for block in sorted(blocks | self._dirty if whole else self._dirty):
            cells = {n: self.cells[n] for n in range(block * _BLOCK, (block + 1) * _BLOCK) if n in self.cells}
            yield block, {str(number): _text(cell) for number, cell in cells.items()} or None

    def taken(self) -> None:
        """A cut is complete."""
        self._dirty.clear()

    def restore(self, block: Mapping[str, str]) -> None:
        """Takes a block back."""
        self.cells.update({int(number): _cell(text) for number, text in block.items()})
        self._open = max(self.cells)


class Course:
    """The hours and the days of one method of an entity. `margin`: that of the evaluation that was taken last."""

    def __init__(self) -> None:
        self.margin: Figure | None = None
        self.hours = CourseSteps(HOUR, KEPT_HOURS)
        self.days = CourseSteps(DAY, KEPT_DAYS)

    def take(self, at: int, result: Result, decimals: int) -> tuple[bool, bool]:
        """Notes an evaluation at `at` (ns); whether an hour, and a day, has begun with it."""
        self.margin = margin_of(result)
        required, margin = _minor(result.required_figure, decimals), _minor(self.margin, decimals)
        return self.hours.take(at, margin, required), self.days.take(at, margin, required)

    def parts(self) -> Mapping[str, CourseSteps]:
        """Hours and days by the name they have in a snapshot."""
        return {"hours": self.hours, "days": self.days}


def margin_of(result: Result) -> Figure | None:
    """What the tightest rule of the headline has to spare; None where no rule of it asks a minimum or nothing is required."""
    if result.watch_ratio is None or result.required_figure is None:
        return None
    ratio, required = result.watch_ratio.exact, result.required_figure.exact
    if ratio is None or required is None:
        return None
    (a, b), (c, d) = ratio.as_integer_ratio(), required.as_integer_ratio()
    return Figure.of(Fraction((a - b) * c, b * d))


def _minor(figure: Figure | None, decimals: int) -> int | None:
    """Whole minor units, rounded toward minus infinity."""
    exact = None if figure is None else figure.exact
    if exact is None:
        return None
    part, whole = exact.as_integer_ratio()
    return int(part * 10**decimals // whole)


def _lower(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else min(one, other)


def _text(cell: CourseCell) -> str:
    return " ".join(_UNKNOWN if value is None else str(value) for value in cell)


def _cell(text: str) -> CourseCell:
    return CourseCell(*(None if value == _UNKNOWN else int(value) for value in text.split(" ")))
