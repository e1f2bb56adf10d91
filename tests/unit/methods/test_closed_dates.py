"""The calendars that ship are the library's; others are asked of it."""

import holidays
import pytest

from monitor.methods.closed_dates import FIRST_YEAR, LAST_YEAR, SHIPPED_CODES, TABLES, closed_dates, printed, table

YEARS = range(FIRST_YEAR, LAST_YEAR + 1)


@pytest.mark.parametrize("code", SHIPPED_CODES)
def test_a_shipped_calendar_is_the_librarys(code: str) -> None:
    whole = (holidays.financial_holidays if code == "ECB" else holidays.country_holidays)(code, years=YEARS)
    assert closed_dates(code) == set(whole), "`make calendars` makes them anew: say in the change why they differ"
    assert table(code).read_text() == printed(set(whole))


def test_no_table_is_left_over() -> None:
    assert {file.stem for file in TABLES.iterdir()} == set(SHIPPED_CODES)


@pytest.mark.parametrize("code", ["DE", "XJPX"])
def test_another_is_asked_of_the_library(code: str) -> None:
    whole = (holidays.financial_holidays if code == "XJPX" else holidays.country_holidays)(code, years=YEARS)
    assert closed_dates(code) == set(whole) != set()


def test_a_code_nobody_knows() -> None:
    with pytest.raises(NotImplementedError):
        closed_dates("ZZ")
