"""Exact money: decimals under one context that refuses to lose a digit, and rounding named at the edge.

Amounts at rest are `Decimal`. Inside a method figures are rational numbers (`Fraction`): sums, products and shares are
then exact, and a limit that is met by equality is met. Digits are cut once, when a figure is printed.
"""

import re
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, Clamped, Context, Decimal, Inexact, InvalidOperation, Overflow
from fractions import Fraction
from functools import cache

EXACT = Context(prec=120, traps=[Inexact, InvalidOperation, Overflow, Clamped])
"""For +, - and x on amounts: raises `decimal.Inexact` instead of rounding (JOURNAL 9)."""

FIGURE_DIGITS = 34
ZERO = Decimal(0)

INTEGER_DIGITS = 20
FRACTION_DIGITS = 18
MOST_FRACTION_DIGITS = 36
"""Of quantities whose asset divides further than 18 digits (`assets.decimals`)."""

_PLAIN = re.compile(r"-?[0-9]{1,20}(?:\.([0-9]{1,36}))?\Z", re.ASCII)
_WIDE = Context(prec=200)


class BadDecimal(ValueError):
    """The text is not a plain decimal of at most 20 integer and 18 fraction digits."""


def parse_decimal(text: str, fraction_digits: int = FRACTION_DIGITS) -> Decimal:
    """A plain decimal text as `Decimal`, digits kept; `BadDecimal` for exponents, signs but '-', or too many digits."""
    found = _PLAIN.match(text)
    if not found or (len(text) > fraction_digits and len(found[1] or "") > fraction_digits):
        shown = f"{text[:60]!r} is not a plain decimal"
        raise BadDecimal(f"{shown} of at most {INTEGER_DIGITS} integer and {fraction_digits} fraction digits")
    return Decimal(text)


def parse_quantity(text: str) -> Decimal:
    """A quantity as the journal holds it: of whatever asset, so with all the digits that any may have."""
    return Decimal(text) if _PLAIN.match(text) else parse_decimal(text, MOST_FRACTION_DIGITS)


def parse_total(text: str) -> Decimal:
    """A sum or product of amounts: plain, with more digits than an amount may have."""
    return EXACT.create_decimal(text)


def plain(value: Decimal) -> str:
    """The shortest plain text of an amount: no exponent, no trailing zeros, no minus zero."""
    if not value:
        return "0"
    text = str(value)
    if "E" in text:
        text = format(value, "f")
    return text.rstrip("0").rstrip(".") if text[-1] == "0" and "." in text else text


def round_up(value: Decimal | Fraction, decimals: int) -> str:
    """Plain text of `value` rounded toward plus infinity at `decimals` places."""
    return _rounded(value, decimals, ROUND_CEILING)


def round_down(value: Decimal | Fraction, decimals: int) -> str:
    """Plain text of `value` rounded toward minus infinity at `decimals` places."""
    return _rounded(value, decimals, ROUND_FLOOR)


def ratio_down(part: Decimal | Fraction, whole: Decimal | Fraction, decimals: int) -> str:
    """Plain text of `part / whole`, which is not 0, rounded toward minus infinity at `decimals` places."""
    (a, b), (c, d) = part.as_integer_ratio(), whole.as_integer_ratio()
    return plain(_integer(a * d * 10**decimals // (b * c)).scaleb(-decimals, _WIDE))


def exact_text(value: Decimal | Fraction, digits: int = FIGURE_DIGITS) -> str:
    """`value` exactly where it terminates within `digits` significant digits, else `digits` digits, truncated."""
    context = _truncating(digits)
    if isinstance(value, Decimal):
        return plain(context.plus(value))
    return plain(context.divide(_integer(value.numerator), _integer(value.denominator)))


@cache
def _truncating(digits: int) -> Context:
    return Context(prec=digits, rounding=ROUND_DOWN)


def _rounded(value: Decimal | Fraction, decimals: int, rounding: str) -> str:
    if isinstance(value, Decimal):
        return plain(value.quantize(_place(decimals), rounding, _WIDE))
    whole, rest = divmod(value.numerator * 10**decimals, value.denominator)
    if rest and rounding == ROUND_CEILING:
        whole += 1
    return plain(_integer(whole).scaleb(-decimals, _WIDE))


@cache
def _place(decimals: int) -> Decimal:
    return Decimal(1).scaleb(-decimals)


def _integer(value: int) -> Decimal:
    return Decimal(value)
