"""What is left of a fetch that was not delivered whole."""

from types import SimpleNamespace
from typing import Any

from faust.types import TP

from streams.assessor.faust_app import undelivered

TABLE, JOURNAL = TP("table", 0), TP("journal", 1)


def records(*offsets: int) -> list[Any]:
    return [SimpleNamespace(offset=offset) for offset in offsets]


def test_what_was_fetched_and_not_delivered_is_left_from_its_first_record_on() -> None:
    fetched = {TABLE: records(3, 4, 7), JOURNAL: records(9, 10)}
    assert undelivered(fetched, {}) == {TABLE: (3, 8), JOURNAL: (9, 11)}
    assert undelivered(fetched, {TABLE: 5}) == {TABLE: (5, 8), JOURNAL: (9, 11)}
    assert undelivered(fetched, {TABLE: 8, JOURNAL: 11}) == {}


def test_a_fetch_that_brought_nothing_leaves_nothing() -> None:
    assert undelivered({TABLE: []}, {TABLE: 5}) == {}
    assert undelivered({}, {}) == {}
