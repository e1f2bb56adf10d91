"""Which published entries count at a take-over: those that follow the snapshot without a gap."""

import pytest

from streams.assessor.takeover import _newest


@pytest.mark.parametrize(
    ("heads", "entries", "newest"),
    [
        ({}, {1: "a", 2: "b"}, {"e": (2, "b")}),
        ({"e": 4}, {5: "a", 6: "b"}, {"e": (6, "b")}),
        ({"e": 4}, {5: "a", 7: "c"}, {"e": (5, "a")}),
        ({"e": 4}, {6: "b"}, {}),
        ({}, {2: "b"}, {}),
        ({"e": 4}, {3: "x", 4: "y"}, {"e": (4, "y")}),
    ],
    ids=["from the start", "after a snapshot", "one lost in between", "the next lost", "the first lost", "repeats of old ones"],
)
def test_a_lost_entry_ends_what_counts(
    heads: dict[str, int], entries: dict[int, str], newest: dict[str, tuple[int, str]]
) -> None:
    assert _newest({"e": entries}, heads) == newest
