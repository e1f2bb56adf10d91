"""Groups of positions found by their order, against a search through all of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.book.custody.groups import PATIENCE_NS, REMEMBERED_NS, Groups
from monitor.core.book.custody.position import AccountKey, Position
from monitor.core.values.money import ZERO
from monitor.core.values.times import SECOND

Step = tuple[int, str, int, int, int]
"""Seconds that pass, group, its size, the member's number, and its event time."""

PASSING = st.sampled_from([0, 0, 1, 3, 5, 60, REMEMBERED_NS // SECOND])
STEPS = st.lists(
    st.tuples(PASSING, st.sampled_from(["", "a", "b", "c"]), st.integers(1, 3), st.integers(0, 3), st.integers(0, 50))
)


@dataclass
class Plain:
    """All groups, looked through at every question."""

    size: dict[str, set[int]] = field(default_factory=dict)
    first: dict[str, int] = field(default_factory=dict)
    members: dict[str, dict[int, int]] = field(default_factory=dict)

    def put(self, group: str, size: int, member: int, event_time: int, clock: int) -> None:
        self.first.setdefault(group, clock)
        self.size.setdefault(group, set()).add(size)
        times = self.members.setdefault(group, {})
        times[member] = min(times.get(member, event_time), event_time)
        if len(self.size[group]) == 1 and len(times) >= size:
            for known in (self.first, self.size, self.members):
                del known[group]

    def incomplete_since(self, clock: int) -> int | None:
        late = [g for g, first in self.first.items() if first + PATIENCE_NS <= clock]
        return min((min(self.members[g].values()) for g in late), default=None)

    def waiting(self, clock: int) -> list[int]:
        return [first + PATIENCE_NS for first in self.first.values() if first + PATIENCE_NS > clock]


@settings(max_examples=120, deadline=None)
@given(STEPS, st.integers(0, 12))
def test_what_is_due_is_what_a_search_finds(steps: list[Step], restored: int) -> None:
    groups, plain, clock, dirty = Groups(set()), Plain(), SECOND, set[str]()
    for number, (passes, group, size, member, event_time) in enumerate(steps):
        clock += passes * SECOND
        groups.advance(clock)
        key: AccountKey = ("client_asset", "BTC", f"account-{member}")
        groups.put(group, size, key, Position(event_time, 0, clock, "t", 0, 0, number, "hot", ZERO, None), clock, repeat=False)
        plain.put(group, size, member, event_time, clock)
        if number == restored:
            again = Groups(dirty)
            again.restore({name: groups.bucket(name) for name in groups.names()})
            assert again.bucket("groups") == groups.bucket("groups")
            groups = again
        since = plain.incomplete_since(clock)
        assert groups.incomplete_since(None) == since
        assert groups.incomplete_since(20) == (since if since is not None and since <= 20 else None)
        waiting = plain.waiting(clock)
        assert groups.settled_at == max(waiting, default=None)
        assert groups.next_change(clock) == min(waiting, default=None)
