"""A balance in doubt stays what it is over a restart: what ended it before ends it after, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from monitor.core.journal.records import JournalRecord
from monitor.core.values.figure import Figure
from monitor.core.values.times import SECOND, parse_time
from tests.book_maker import Desk, Maker, content, kinds

T = parse_time("2026-01-05T10:00:00Z")
KNOWN = Figure.of(10)
DOUBTED = Figure.between(10, 1000)


@pytest.fixture
def make() -> Maker:
    return Maker()


def desk_of(make: Maker, **limits: Any) -> Desk:
    """An account that held 10 and says 1000, put away and read back."""
    config = content()
    config["sources"]["custody.balances"] |= {"jump_ratio": "5", "confirm_s": 60, **limits}
    desk = Desk(config).put(make.position("10", T, source="x"), make.position("1000", T + SECOND, source="x", offset=7))
    return desk.restored()


def held(desk: Desk, at: int) -> tuple[Figure, list[tuple[str, str]]]:
    view = desk.view(at)
    return view.quantity("client_asset", "BTC"), kinds(view)


def test_a_doubt_is_the_same_after_a_restart(make: Maker) -> None:
    """Fails where doubts are in no snapshot: a restart makes a wrong scale the truth."""
    assert held(desk_of(make), T + 2 * SECOND) == (DOUBTED, [("position_outlier", "client_asset")])


@pytest.mark.parametrize(
    ("record", "quantity"),
    [
        (lambda make: make.position("1001", T + 30 * SECOND, source="x"), Figure.between(10, 1001)),
        (lambda make: make.position("1001", T + 62 * SECOND, source="x"), Figure.of(1001)),
        (lambda make: make.position("1001", T + 2 * SECOND, source="y"), Figure.of(1001)),
        (lambda make: make.position("11", T + 2 * SECOND, source="x"), Figure.of(11)),
        (lambda make: make.dismissal("custody.balances", 7, T + 2 * SECOND), Figure.of(1000)),
        (lambda make: make.dismissal("custody.balances", 8, T + 2 * SECOND), DOUBTED),
    ],
    ids=["repeated-at-once", "a-minute-later", "another-source", "back-again", "a-person", "a-person-about-another"],
)
def test_what_ends_it_is_the_same_too(make: Maker, record: Callable[[Maker], JournalRecord], quantity: Figure) -> None:
    """Fails where the first record of a doubt, its source or its log time is lost on the way."""
    desk = desk_of(make).put(record(make))
    assert held(desk, T + 90 * SECOND)[0] == quantity
    assert held(desk.restored(), T + 91 * SECOND)[0] == quantity


def test_what_a_person_allowed_above_the_supply_stays_allowed(make: Maker) -> None:
    """Fails where the next repeat after a restart is doubted again."""
    desk = desk_of(make, jump_ratio=None, supply={"BTC": "400"})
    assert held(desk, T + 2 * SECOND)[1] == [("position_outlier", "client_asset")]
    desk = desk.put(make.dismissal("custody.balances", 7, T + 3 * SECOND)).restored()
    desk.put(make.position("1000", T + 4 * SECOND, source="x"))
    assert held(desk, T + 5 * SECOND) == (Figure.of(1000), [])
    desk.put(make.position("1001", T + 6 * SECOND, source="x"))
    assert held(desk, T + 7 * SECOND)[1] == [("position_outlier", "client_asset")]
