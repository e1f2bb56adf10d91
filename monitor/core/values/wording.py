"""Exact figures as people read them: regrouped or cut, never computed anew."""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal

MINUS = "\N{MINUS SIGN}"
NOT_KNOWN = "—"


def grouped(text: str | None) -> str:
    """A decimal text with its digits in threes and a true minus sign; a dash for a figure that is not known."""
    if text is None:
        return NOT_KNOWN
    whole, point, fraction = text.lstrip("-").partition(".")
    sign = MINUS if text.startswith("-") else ""
    return f"{sign}{int(whole):,}{point}{fraction}"


def percent(text: str | None) -> str:
    """A ratio as a percentage, cut (never rounded up) at two decimals: 0.99999 is not 100 %."""
    if text is None:
        return NOT_KNOWN
    value = (Decimal(text) * 100).quantize(Decimal("0.01"), ROUND_FLOOR)
    return f"{value:,} %".replace("-", MINUS)


def figure(text: str | None, unit: str) -> str:
    """A component's figure with its unit: ratios in percent, all else in threes."""
    return percent(text) if unit == "1" else f"{grouped(text)} {unit}"


def count_of(number: int, one: str, many: str | None = None) -> str:
    """`1 record`, `2,000 records`; `many` where the plural is not made with an s."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
