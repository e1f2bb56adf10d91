"""Exact amounts and the rounding at the edge."""

from decimal import Decimal, Inexact
from fractions import Fraction

import pytest

from monitor.core.values import money


@pytest.mark.parametrize("text", ["0", "12", "-3.5", "00012.50", "9" * 20 + "." + "9" * 18])
def test_plain_decimals_are_read_to_the_digit(text: str) -> None:
    assert money.parse_decimal(text) == Decimal(text)


@pytest.mark.parametrize(
    "text", ["", "1e3", "+1", ".5", "1.", "NaN", "Infinity", "1_000", " 1", "1\n", "9" * 21, "0." + "1" * 19, "١"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(money.BadDecimal):
        money.parse_decimal(text)


def test_the_context_refuses_to_lose_a_digit() -> None:
    one, other = "120000000.123456789012345678", "12345.678901"  # inexact at 34 digits
    assert Fraction(money.EXACT.multiply(Decimal(one), Decimal(other))) == Fraction(one) * Fraction(other)
    with pytest.raises(Inexact):
        money.EXACT.divide(Decimal(1), Decimal(3))


@pytest.mark.parametrize(
    ("value", "up", "down"), [("1.001", "1.01", "1"), ("-1.001", "-1", "-1.01"), ("2", "2", "2"), ("-0.001", "0", "-0.01")]
)
def test_rounding_goes_the_way_it_is_named(value: str, up: str, down: str) -> None:
    exact = Fraction(value)
    assert money.round_up(exact, 2) == up
    assert money.round_down(exact, 2) == down


def test_figures_are_exact_where_they_terminate_and_truncated_elsewhere() -> None:
    assert money.exact_text(Fraction(1, 8)) == "0.125"
    assert money.exact_text(Fraction(2, 3)) == "0." + "6" * 34
    assert money.exact_text(Fraction(-2, 3)) == "-0." + "6" * 34
    assert money.exact_text(Fraction(12 * 10**40, 10)) == "12" + "0" * 39


def test_plain_text_has_no_exponent_and_no_idle_zero() -> None:
    assert [money.plain(Decimal(t)) for t in ("1E-7", "100", "1.500", "-0.00", "1E+3")] == [
        "0.0000001",
        "100",
        "1.5",
        "0",
        "1000",
    ]
