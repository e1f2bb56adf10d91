"""The worked cases are held against results by this: it must find what differs."""

from typing import Any

import pytest

from tests.expectations import ABSENT, at, differences, meets

RESULT = {
    "state": "shortfall",
    "required": "12.50",
    "coverage": None,
    "figures": {"item1": "3", "item1.crypto": "2", "ratio": "0.0147783312"},
    "components": [{"name": "asset", "held": "1"}, {"name": "asset.BTC", "held": "2"}],
    "gaps": [{"kind": "price_stale", "subject": "BTC/JPY", "since": "2026-01-05T00:00:00Z"}],
}

STALE = {"gap": {"kind": "price_stale"}}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("state", "shortfall"),
        ("figures.item1", "3"),
        ("figures.item1.crypto", "2"),
        ("components.asset.held", "1"),
        ("components.asset.BTC.held", "2"),
        ("components.asset.ETH.held", ABSENT),
        ("figures.item2", ABSENT),
        ("state.more", ABSENT),
    ],
)
def test_a_path_finds_the_longest_name(path: str, found: Any) -> None:
    assert at(RESULT, path) == found


@pytest.mark.parametrize(
    ("path", "right", "wrong"),
    [
        ("required", "12.5", "12.51"),
        ("state", "shortfall", "adequate"),
        ("coverage", None, "0"),
        ("figures.ratio", {"starts": "0.01477833"}, {"starts": "0.0147784"}),
        ("state", {"in": ["watch", "shortfall"]}, {"in": ["watch", "adequate"]}),
        ("gaps", {"gap": {"kind": "price_stale", "subject": "BTC/JPY"}}, {"gap": {"kind": "price_stale", "subject": "ETH/JPY"}}),
        (
            "gaps",
            {"all": [{"gap": {"kind": "price_stale"}}]},
            {"all": [{"gap": {"kind": "price_stale"}}, {"gap": {"kind": "x"}}]},
        ),
        ("figures.item1", "3", None),
        ("gaps", RESULT["gaps"], []),
    ],
)
def test_what_is_right_passes_and_what_is_wrong_does_not(path: str, right: Any, wrong: Any) -> None:
    assert differences({path: right}, RESULT) == []
    assert len(differences({path: wrong}, RESULT)) == 1


def test_what_is_absent_meets_nothing() -> None:
    assert not meets(ABSENT, None)
    assert not meets(ABSENT, "0")
    assert differences({"figures.nothing": None}, RESULT) == ["figures.nothing: wanted None, found (absent)"]


def test_a_form_that_nobody_knows_is_an_error_of_the_case() -> None:
    with pytest.raises(ValueError, match="no expectation has the form"):
        meets("1", {"about": "1"})
