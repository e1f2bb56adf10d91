"""Fiscal years are named by the calendar year in which they begin (INPUTS 2)."""

from __future__ import annotations

from datetime import date, timedelta


def fiscal_year_of(day: date, start: str) -> int:
    """The fiscal year that holds `day` when years begin at `start` (`MM-DD`)."""
    month, first = start.split("-")
    return day.year if (day.month, day.day) >= (int(month), int(first)) else day.year - 1


def year_in(text: str | None) -> int | None:
    """The year a declaration's attribute names; None when it is not four digits."""
    return int(text) if text is not None and len(text) == 4 and text.isdecimal() else None


def last_day_of_fiscal_year(year: int, start: str) -> date:
    """The last date of the fiscal year that begins in calendar year `year`."""
    month, first = start.split("-")
    return date(year + 1, int(month), int(first)) - timedelta(days=1)
