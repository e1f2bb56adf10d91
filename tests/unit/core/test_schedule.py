"""The earliest of many deadlines, whatever changes in between."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from monitor.core.journal.schedule import Deadlines, earliest

CHANGES = st.lists(st.tuples(st.sampled_from("abcd"), st.one_of(st.none(), st.integers(0, 5))), max_size=30)


@given(CHANGES)
def test_the_earliest_is_that_of_all_that_stand_now(changes: Sequence[tuple[str, int | None]]) -> None:
    deadlines, known = Deadlines(), dict[str, int | None]()
    for name, instant in changes:
        deadlines.put(name, instant)
        known[name] = instant
        assert deadlines.earliest == earliest(known.values())
        for now in range(7):
            assert deadlines.due(now) == sorted(one for one, at in known.items() if at is not None and at <= now)
