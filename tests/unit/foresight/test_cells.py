"""A spreadsheet that opens our values runs none of them."""

import pytest

from monitor.report.cells import cell, csv_text


@pytest.mark.parametrize("text", ["=1+1", "+1", "@x", "-x", " =1", "\t=1", "-1+1", "\uff1d1", "\n=1"])
def test_texts_that_a_spreadsheet_would_run_are_led_by_an_apostrophe(text: str) -> None:
    assert cell(text) == "'" + text


@pytest.mark.parametrize(("value", "text"), [("-12.5", "-12.5"), (None, ""), (True, "yes"), ("a=b", "a=b"), (3, "3")])
def test_numbers_and_plain_texts_stay(value: object, text: str) -> None:
    assert cell(value) == text


def test_cells_are_quoted_as_rfc_4180() -> None:
    assert csv_text(["a"], [['x"y,z']]) == 'a\r\n"x""y,z"\r\n'
