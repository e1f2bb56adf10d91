"""A figure is an interval of rational numbers: known where both ends meet (INPUTS 1, Bounds).

What is missing lies in [0, no bound]; arithmetic carries the ends, so a limit can be proved met or broken although an
input is not known. Every result is exact: ends are decimals as long as their digits suffice, rational numbers beyond.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal, DecimalException
from fractions import Fraction

from monitor.core.values.money import EXACT, ZERO

Number = int | Decimal | Fraction
Exact = Decimal | Fraction
"""An exact number. The two kinds compare and hash alike; decimals are some ten times as fast."""

_RATIONAL = (DecimalException, TypeError)
"""What decimals raise that have more digits than the context holds, or where one is none: rational numbers take them all."""


class Figure:
    """Every value from `low` to `high`; None is no bound on that side. Not to be changed once made.

    `exact_low` and `exact_high` are the ends in the form they are held in.
    """

    __slots__ = ("exact_high", "exact_low")

    def __init__(self, low: Exact | None, high: Exact | None) -> None:
        self.exact_low = low
        self.exact_high = high

    @staticmethod
    def of(value: Number) -> Figure:
        """A known figure."""
        exact = _exact(value)
        return Figure(exact, exact)

    @staticmethod
    def between(low: Number | None, high: Number | None) -> Figure:
        """A figure known to lie between two ends, either of which may be missing."""
        return Figure(None if low is None else _exact(low), None if high is None else _exact(high))

    @property
    def low(self) -> Fraction | None:
        """The lower end."""
        return None if self.exact_low is None else _fraction(self.exact_low)

    @property
    def high(self) -> Fraction | None:
        """The upper end."""
        return None if self.exact_high is None else _fraction(self.exact_high)

    @property
    def known(self) -> bool:
        """Whether both ends meet."""
        return self.exact_low is not None and (self.exact_low is self.exact_high or self.exact_low == self.exact_high)

    @property
    def exact(self) -> Exact | None:
        """The value in the form it is held in, or None when it is not known."""
        return self.exact_low if self.known else None

    @property
    def value(self) -> Fraction | None:
        """The value, or None when it is not known."""
        return self.low if self.known else None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Figure):
            return NotImplemented
        return self.exact_low == other.exact_low and self.exact_high == other.exact_high

    def __hash__(self) -> int:
        return hash((self.exact_low, self.exact_high))

    def __repr__(self) -> str:
        return f"Figure(low={self.low!r}, high={self.high!r})"

    def __add__(self, other: Figure) -> Figure:
        low = _sum(self.exact_low, other.exact_low)
        points = self.exact_low is self.exact_high and other.exact_low is other.exact_high
        return Figure(low, low if points else _sum(self.exact_high, other.exact_high))

    def __sub__(self, other: Figure) -> Figure:
        low = _difference(self.exact_low, other.exact_high)
        points = self.exact_low is self.exact_high and other.exact_low is other.exact_high
        return Figure(low, low if points else _difference(self.exact_high, other.exact_low))

    def scaled(self, factor: Number) -> Figure:
        """Times a known factor, which must not be negative."""
        exact = factor if isinstance(factor, Decimal) else terminating(factor) if isinstance(factor, Fraction) else _exact(factor)
        if exact < 0:
            raise ValueError("a figure is scaled by a factor >= 0 only")
        if exact == 0:
            return NOTHING
        if exact == 1:
            return self
        low = _times(self.exact_low, exact)
        return Figure(low, low if self.exact_low is self.exact_high else _times(self.exact_high, exact))

    def times(self, other: Figure) -> Figure:
        """Product of two figures that are not negative; nothing of something without a bound is nothing."""
        if self.exact_low is None or other.exact_low is None:
            low: Exact | None = ZERO
        else:
            low = _times(self.exact_low, other.exact_low)
            if self.exact_low is self.exact_high and other.exact_low is other.exact_high:
                return Figure(low, low)
        if self.exact_high == 0 or other.exact_high == 0:
            return Figure(low, ZERO)
        return Figure(low, _times(self.exact_high, other.exact_high))

    def at_price(self, price: Figure) -> Figure:
        """A quantity of either sign at a price that is not negative: what is owed counts with its sign."""
        low, high = self.exact_low, self.exact_high
        if low is not None and low >= 0:
            return self.times(price)
        return Figure(
            None if low is None else _worth(low, price.exact_high if low < 0 else price.exact_low),
            None if high is None else _worth(high, price.exact_low if high < 0 else price.exact_high),
        )

    def share_of_rest(self, rest: Figure) -> Figure:
        """`part / (part + rest)` of figures >= 0: lowest part with highest rest, and the reverse; of nothing it is 0.

        Nothing can be said of the share of a sum that is not above 0 but for what is owed in it.
        """
        if (self.exact_low is not None and self.exact_low < 0) or (rest.exact_low is not None and rest.exact_low < 0):
            return Figure(None, None)
        if self._is_point() and rest._is_point():
            share = _share(self.exact_low, rest.exact_low)
            return Figure(share, share)
        return Figure(_share(self.exact_low, rest.exact_high), _share_high(self.exact_high, rest.exact_low))

    def ratio_to(self, other: Figure) -> Figure | None:
        """The quotient to a figure >= 0 as an interval; None when that is nothing."""
        if other.exact_high == 0:
            return None
        if self._is_point() and other._is_point():
            quotient = _over(self.exact_low, other.exact_low)
            return Figure(quotient, quotient)
        low, high = self.exact_low, self.exact_high
        return Figure(
            None if low is None else _over(low, other.exact_high if low >= 0 else other.exact_low),
            None if high is None else _over(high, other.exact_low if high >= 0 else other.exact_high),
        )

    def at_least(self, floor: Number) -> Figure:
        """`max(self, floor)`."""
        exact = _exact(floor) if floor else ZERO
        low = exact if self.exact_low is None else max(self.exact_low, exact)
        if self.exact_low is self.exact_high and self.exact_low is not None:
            return self if low is self.exact_low else Figure(low, low)
        return Figure(low, None if self.exact_high is None else max(self.exact_high, exact))

    def reaches(self, other: Figure) -> bool | None:
        """Whether self >= other: True or False when every pair of values says so, None else."""
        if self.exact_low is not None and other.exact_high is not None and self.exact_low >= other.exact_high:
            return True
        if self.exact_high is not None and other.exact_low is not None and self.exact_high < other.exact_low:
            return False
        return None

    def _is_point(self) -> bool:
        """Whether the ends are one number, so that an operation need be done only once."""
        return self.exact_low is self.exact_high and self.exact_low is not None


UNKNOWN = Figure(ZERO, None)
"""A quantity or value that is missing."""

NOTHING = Figure(ZERO, ZERO)


class RunningTotal:
    """A sum of figures from which any can be taken away again."""

    __slots__ = ("_highs", "_lows", "_points", "_wide", "_without_high", "_without_low")

    def __init__(self) -> None:
        self._points: Exact = ZERO
        self._lows: Exact = ZERO
        self._highs: Exact = ZERO
        self._wide = self._without_low = self._without_high = 0

    def add(self, figure: Figure) -> None:
        """One more figure."""
        self._move(figure, 1, _plus)

    def subtract(self, figure: Figure) -> None:
        """One that was added is no part of it any more."""
        self._move(figure, -1, _minus)

    def copied(self) -> RunningTotal:
        """The same sum, that goes its own way from here."""
        found = RunningTotal()
        found._points, found._lows, found._highs = self._points, self._lows, self._highs
        found._wide, found._without_low, found._without_high = self._wide, self._without_low, self._without_high
        return found

    @property
    def figure(self) -> Figure:
        """The sum of those that were added and not taken away."""
        if not self._wide:
            return Figure(self._points, self._points)
        low = None if self._without_low else _plus(self._points, self._lows)
        return Figure(low, None if self._without_high else _plus(self._points, self._highs))

    def _move(self, figure: Figure, step: int, to: Callable[[Exact, Exact], Exact]) -> None:
        low, high = figure.exact_low, figure.exact_high
        if low is high and low is not None:
            self._points = to(self._points, low)
            return
        self._wide += step
        if low is None:
            self._without_low += step
        else:
            self._lows = to(self._lows, low)
        if high is None:
            self._without_high += step
        else:
            self._highs = to(self._highs, high)


def total(figures: Iterable[Figure]) -> Figure:
    """The sum; 0 of none."""
    low: Exact | None = ZERO
    high: Exact | None = ZERO
    for figure in figures:
        least, most = figure.exact_low, figure.exact_high
        point = low is high and least is most
        low = None if low is None or least is None else _plus(low, least)
        high = low if point else _sum(high, most)
    return Figure(low, high)


def maximum(figures: Iterable[Figure]) -> Figure:
    """The greatest of at least one figure."""
    several = list(figures)
    lows = [f.exact_low for f in several if f.exact_low is not None]
    highs = [f.exact_high for f in several if f.exact_high is not None]
    return Figure(max(lows, default=None), max(highs) if len(highs) == len(several) else None)


def minimum(figures: Iterable[Figure]) -> Figure:
    """The least of at least one figure."""
    several = list(figures)
    lows = [f.exact_low for f in several if f.exact_low is not None]
    highs = [f.exact_high for f in several if f.exact_high is not None]
    return Figure(min(lows) if len(lows) == len(several) else None, min(highs, default=None))


def _exact(value: Number) -> Exact:
    return Decimal(value) if isinstance(value, int) else value


def _fraction(value: Exact) -> Fraction:
    return Fraction(*value.as_integer_ratio()) if isinstance(value, Decimal) else value


def terminating(value: Fraction) -> Exact:
    """As a decimal, where it is one."""
    try:
        return EXACT.divide(Decimal(value.numerator), Decimal(value.denominator))
    except DecimalException:
        return value


def _sum(a: Exact | None, b: Exact | None) -> Exact | None:
    return None if a is None or b is None else _plus(a, b)


def _plus(a: Exact, b: Exact) -> Exact:
    try:
        return EXACT.add(a, b)  # type: ignore[arg-type]
    except _RATIONAL:
        return _fraction(a) + _fraction(b)


def _difference(a: Exact | None, b: Exact | None) -> Exact | None:
    return None if a is None or b is None else _minus(a, b)


def _minus(a: Exact, b: Exact) -> Exact:
    try:
        return EXACT.subtract(a, b)  # type: ignore[arg-type]
    except _RATIONAL:
        return _fraction(a) - _fraction(b)


def _times(a: Exact | None, b: Exact | None) -> Exact | None:
    if a is None or b is None:
        return None
    try:
        return EXACT.multiply(a, b)  # type: ignore[arg-type]
    except _RATIONAL:
        return _fraction(a) * _fraction(b)


def _worth(quantity: Exact, price: Exact | None) -> Exact | None:
    return ZERO if quantity == 0 else _times(quantity, price)


def _over(part: Exact | None, whole: Exact | None) -> Exact | None:
    if part is None or whole is None:
        return ZERO
    if whole == 0:
        return None
    (a, b), (c, d) = part.as_integer_ratio(), whole.as_integer_ratio()
    return Fraction(a * d, b * c)


def _share(part: Exact | None, rest: Exact | None) -> Fraction:
    if not part or rest is None:
        return Fraction(0)
    return _part_of(part, rest)


def _share_high(part: Exact | None, rest: Exact | None) -> Fraction:
    if part == 0:
        return Fraction(0)
    if part is None or not rest:
        return Fraction(1)
    return _part_of(part, rest)


def _part_of(part: Exact, rest: Exact) -> Fraction:
    (a, b), (c, d) = part.as_integer_ratio(), rest.as_integer_ratio()
    return Fraction(a * d, a * d + c * b)
