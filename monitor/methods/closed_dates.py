"""Holidays of one country or market: from a table that ships where it has them, else from the holidays library.

The library takes a tenth of a command's start. The tables are made from it (`make calendars`), and a test holds them to it.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

FIRST_YEAR, LAST_YEAR = 2008, 2040
"""The years of every calendar (JOURNAL 5)."""
SHIPPED_CODES = ("AE", "ECB", "FR", "GB", "HK", "JP", "KR", "SG", "US")
"""Codes of the holidays library that have a table: those of the jurisdictions that methods ship for."""

TABLES = Path(__file__).parent / "calendars"


def closed_dates(code: str) -> set[date]:
    """The holidays of a country or market; NotImplementedError for a code the library does not know."""
    return parsed(table(code).read_text(encoding="ascii")) if code in SHIPPED_CODES else librarys(code)


def librarys(code: str) -> set[date]:
    """What the holidays library says of a code; NotImplementedError for one it does not know."""
    import holidays
    from holidays.registry import FINANCIAL

    market = any(code in names for _, *names in FINANCIAL.values())
    years = range(FIRST_YEAR, LAST_YEAR + 1)
    return set(holidays.financial_holidays(code, years=years) if market else holidays.country_holidays(code, years=years))


def table(code: str) -> Path:
    """The file of a shipped code: a line a year, `2026 01-01 01-12`."""
    return TABLES / f"{code}.txt"


def parsed(text: str) -> set[date]:
    """The dates of a table."""
    lines = (line.split() for line in text.splitlines())
    return {date.fromisoformat(f"{year}-{day}") for year, *days in lines for day in days}


def printed(dates: set[date]) -> str:
    """The table of some dates."""
    years = sorted({day.year for day in dates})
    return "".join(" ".join([str(year), *(f"{day:%m-%d}" for day in sorted(dates) if day.year == year)]) + "\n" for year in years)
