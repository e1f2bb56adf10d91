"""Times are integer nanoseconds; text goes in with any offset and out in UTC."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.values import times

JANUARY = 1_767_582_245 * times.SECOND  # 2026-01-05T03:04:05Z


@pytest.mark.parametrize(
    "text", ["2026-01-05T03:04:05Z", "2026-01-05T12:04:05+09:00", "2026-01-04t22:04:05.000-05:00", "2026-01-05T03:04:05z"]
)
def test_every_offset_names_the_same_instant(text: str) -> None:
    assert times.parse_time(text) == JANUARY


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-05",
        "2026-01-05T03:04:05",
        "2026-02-30T00:00:00Z",
        "2026-01-05T24:00:00Z",
        "2026-01-05T00:00:60Z",
        "0000-01-01T00:00:00Z",
        "2026-01-05T03:04:05.0000000001Z",
        "2026-01-05T03:04:05+24:00",
        "2026-01-05 03:04:05Z",
        "",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(times.BadTime):
        times.parse_time(text)


def test_output_has_microseconds_and_the_journal_keeps_nanoseconds() -> None:
    assert times.format_time(JANUARY + 1_999) == "2026-01-05T03:04:05.000001Z"
    assert times.exact_time(JANUARY + 1_999) == "2026-01-05T03:04:05.000001999Z"
    assert times.exact_time(JANUARY) == "2026-01-05T03:04:05.000000Z"


@given(st.integers(-62_135_596_800 * times.SECOND, 253_402_300_799 * times.SECOND))
def test_the_journal_form_reads_back_to_the_nanosecond(ns: int) -> None:
    assert times.parse_time(times.exact_time(ns)) == ns


def test_hours_and_days_are_utc() -> None:
    assert times.format_time(times.hour_of(JANUARY)) == "2026-01-05T03:00:00.000000Z"
    assert times.utc_day(JANUARY) == 20458


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-30T00:00:01.5Z",
        "2026-02-27T24:00:01Z",
        "2026-02-27T00:61:01Z",
        "2026-2-027T00:00:01Z",
        "2026-02-30T00:00:01.500000Z",
        "2026-02-27T00:00:60.000000Z",
        "2026-02-27T00:00:01.12345\u0663Z",
        "2026-02-27T00:00:0-.000000Z",
    ],
)
def test_a_minute_that_is_none_is_refused_with_the_whole_text(text: str) -> None:
    for _ in range(2):
        with pytest.raises(times.BadTime, match=re.escape(text)):
            times.parse_time(text)


@given(st.integers(0, times.LAST_OWN_NS))
def test_times_of_one_minute_are_told_apart_to_the_nanosecond(instant: int) -> None:
    minute = instant - instant % times.MINUTE
    for other in (instant, minute, minute + times.MINUTE - 1):
        assert times.parse_time(times.exact_time(other)) == other
        assert times.parse_time(times.exact_time(other).replace("Z", "+00:00")) == other
