"""A figure is an interval of rational numbers: known where both ends meet (INPUTS 1, Bounds).

What is missing lies in [0, no bound]; arithmetic carries the ends, so a limit can be proved met or broken although an
input is not known.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

Number = int | Decimal | Fraction


@dataclass(frozen=True, slots=True)
class Figure:
    """Every value from `low` to `high`; None is no bound on that side."""

    low: Fraction | None
    high: Fraction | None

    @staticmethod
    def of(value: Number) -> Figure:
        """A known figure."""
        exact = Fraction(value)
        return Figure(exact, exact)

    @staticmethod
    def between(low: Number | None, high: Number | None) -> Figure:
        """A figure known to lie between two ends, either of which may be missing."""
        return Figure(None if low is None else Fraction(low), None if high is None else Fraction(high))

    @property
    def known(self) -> bool:
        """Whether both ends meet."""
        return self.low is not None and self.low == self.high

    @property
    def value(self) -> Fraction | None:
        """The value, or None when it is not known."""
        return self.low if self.known else None

    def __add__(self, other: Figure) -> Figure:
        return Figure(_sum(self.low, other.low), _sum(self.high, other.high))

    def __sub__(self, other: Figure) -> Figure:
        return Figure(_difference(self.low, other.high), _difference(self.high, other.low))

    def scaled(self, factor: Number) -> Figure:
        """Times a known factor, which must not be negative."""
        exact = Fraction(factor)
        if exact < 0:
            raise ValueError("a figure is scaled by a factor >= 0 only")
        if exact == 0:
            return NOTHING
        return Figure(None if self.low is None else self.low * exact, None if self.high is None else self.high * exact)

    def times(self, other: Figure) -> Figure:
        """Product of two figures that are not negative; nothing of something without a bound is nothing."""
        low = Fraction(0) if self.low is None or other.low is None else self.low * other.low
        if self.high == 0 or other.high == 0:
            return Figure(low, Fraction(0))
        high = None if self.high is None or other.high is None else self.high * other.high
        return Figure(low, high)

    def share_of_rest(self, rest: Figure) -> Figure:
        """`part / (part + rest)` of figures >= 0: lowest part with highest rest, and the reverse; of nothing it is 0."""
        return Figure(_share(self.low, rest.high), _share_high(self.high, rest.low))

    def at_least(self, floor: Number) -> Figure:
        """`max(self, floor)`."""
        return maximum([self, Figure.of(floor)])

    def at_most(self, ceiling: Number) -> Figure:
        """`min(self, ceiling)`."""
        return minimum([self, Figure.of(ceiling)])

    def reaches(self, other: Figure) -> bool | None:
        """Whether self >= other: True or False when every pair of values says so, None else."""
        if self.low is not None and other.high is not None and self.low >= other.high:
            return True
        if self.high is not None and other.low is not None and self.high < other.low:
            return False
        return None


UNKNOWN = Figure(Fraction(0), None)
"""A quantity or value that is missing."""

NOTHING = Figure(Fraction(0), Fraction(0))


def total(figures: Iterable[Figure]) -> Figure:
    """The sum; 0 of none."""
    result = NOTHING
    for figure in figures:
        result = result + figure
    return result


def maximum(figures: Iterable[Figure]) -> Figure:
    """The greatest of at least one figure."""
    several = list(figures)
    lows = [f.low for f in several if f.low is not None]
    highs = [f.high for f in several if f.high is not None]
    return Figure(max(lows, default=None), max(highs) if len(highs) == len(several) else None)


def minimum(figures: Iterable[Figure]) -> Figure:
    """The least of at least one figure."""
    several = list(figures)
    lows = [f.low for f in several if f.low is not None]
    highs = [f.high for f in several if f.high is not None]
    return Figure(min(lows) if len(lows) == len(several) else None, min(highs, default=None))


def _sum(a: Fraction | None, b: Fraction | None) -> Fraction | None:
    return None if a is None or b is None else a + b


def _difference(a: Fraction | None, b: Fraction | None) -> Fraction | None:
    return None if a is None or b is None else a - b


def _share(part: Fraction | None, rest: Fraction | None) -> Fraction:
    if not part or rest is None:
        return Fraction(0)
    return part / (part + rest)


def _share_high(part: Fraction | None, rest: Fraction | None) -> Fraction:
    if part == 0:
        return Fraction(0)
    if part is None or not rest:
        return Fraction(1)
    return part / (part + rest)
