"""Intervals carry what is not known through the arithmetic."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.values import figure
from monitor.core.values.figure import NOTHING, UNKNOWN, Figure, RunningTotal, total

WHOLE = st.integers(0, 50).map(Fraction)
Held = tuple[Figure, Fraction]


@st.composite
def held(draw: st.DrawFn) -> tuple[Figure, Fraction]:
    """A figure >= 0 and a value inside it."""
    low = draw(WHOLE)
    inside = low + draw(WHOLE)
    high = draw(st.none() | WHOLE.map(lambda more: inside + more))
    return Figure(low, high), inside


def contains(interval: Figure, value: Fraction) -> bool:
    return (interval.low is None or interval.low <= value) and (interval.high is None or value <= interval.high)


@given(held(), held())
def test_the_figure_that_appears_later_lies_within_the_bounds(one: Held, other: Held) -> None:
    (a, x), (b, y) = one, other
    assert contains(a + b, x + y)
    assert contains(a - b, x - y)
    assert contains(a.times(b), x * y)
    assert contains(a.scaled(3), x * 3)
    assert contains(figure.maximum([a, b]), max(x, y))
    assert contains(figure.minimum([a, b]), min(x, y))
    assert contains(a.share_of_rest(b), x / (x + y) if x + y else Fraction(0))


@given(held(), held())
def test_a_proof_is_never_taken_back(one: Held, other: Held) -> None:
    (a, x), (b, y) = one, other
    verdict = a.reaches(b)
    assert verdict is None or verdict == (x >= y)


def test_the_share_of_nothing_is_nothing() -> None:
    assert NOTHING.share_of_rest(NOTHING) == NOTHING
    assert NOTHING.share_of_rest(UNKNOWN) == NOTHING
    assert UNKNOWN.share_of_rest(NOTHING) == Figure.between(0, 1)


@pytest.mark.parametrize(("part", "rest"), [(-1, 1), (1, -1), (-2, 1), (1, -3), (-1, -1)])
def test_of_a_sum_in_which_something_is_owed_no_share_is_known(part: int, rest: int) -> None:
    assert Figure.of(part).share_of_rest(Figure.of(rest)) == Figure(None, None)
    assert Figure.between(part, 5).share_of_rest(Figure.between(rest, 5)) == Figure(None, None)


def test_a_limit_met_by_equality_is_met() -> None:
    assert Figure.of(1).reaches(Figure.of(1)) is True
    assert UNKNOWN.reaches(Figure.of(1)) is None
    assert Figure.of(1).reaches(UNKNOWN) is None


def test_nothing_of_something_without_a_price_is_nothing() -> None:
    assert NOTHING.times(UNKNOWN) == NOTHING
    assert UNKNOWN.scaled(0) == NOTHING


def test_a_negative_factor_would_turn_the_ends() -> None:
    with pytest.raises(ValueError, match=">= 0"):
        NOTHING.scaled(-1)


def test_a_known_figure_beside_an_unknown_one() -> None:
    assert figure.maximum([UNKNOWN, Figure.of(5)]) == Figure.between(5, None)
    assert figure.minimum([UNKNOWN, Figure.of(5)]) == Figure.between(0, 5)
    assert not UNKNOWN.known
    assert UNKNOWN.value is None
    assert Figure.of(Fraction(1, 2)).value == Fraction(1, 2)


ENDS = st.none() | st.decimals(-50, 50, places=2) | st.fractions(-50, 50, max_denominator=7)


@given(st.lists(st.tuples(ENDS, ENDS, st.booleans()), max_size=8))
def test_a_running_total_is_the_total_of_what_was_not_taken_away(
    parts: list[tuple[figure.Exact | None, figure.Exact | None, bool]],
) -> None:
    running, left = RunningTotal(), list[Figure]()
    for low, high, point in parts:
        one = Figure(low, low if point else high)
        running.add(one)
        left.append(one)
    for place, (_, _, goes) in enumerate(parts):
        if goes and place % 2:
            running.subtract(left[place])
            left[place] = NOTHING
    assert running.figure == total(left)
