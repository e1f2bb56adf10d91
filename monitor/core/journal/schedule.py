"""The engine's clock and the order in which instants are evaluated (JOURNAL 2). Nothing here reads a real clock."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush

from monitor.core.journal.records import JournalRecord
from monitor.core.values.times import SECOND

CLOCK_TOLERANCE = 5 * SECOND


class EngineClock:
    """The running maximum of the records' `at`, in ns.

    A record whose `at` lies more than 5 s from its journal time does not move it and is counted in `refused`: one
    worker with a wrong clock would otherwise age every price and feed. `check_journal_time` is off where the broker
    keeps the producer's time stamp.
    """

    __slots__ = ("_check", "now", "refused")

    def __init__(self, *, check_journal_time: bool, now: int = 0, refused: int = 0) -> None:
        self._check = check_journal_time
        self.now = now
        self.refused = refused

    def reading(self, record: JournalRecord) -> int:
        """What the clock will show after this record; counts a record that lies too far from its journal time."""
        if not self.trusts(record):
            self.refused += 1
            return self.now
        return max(self.now, record.statement.at)

    def trusts(self, record: JournalRecord) -> bool:
        """Whether a record may move the clock."""
        return not self._check or abs(record.statement.at - record.journal_time) <= CLOCK_TOLERANCE

    def later_second(self, reading: int) -> bool:
        """Whether `reading` lies in a later second than the clock shows."""
        return reading // SECOND > self.now // SECOND


class Deadlines:
    """The next instant (ns) of each of several names: the earliest costs what changed, not how many there are."""

    def __init__(self) -> None:
        self._of: dict[str, int] = {}
        self._order: list[tuple[int, str]] = []

    def put(self, name: str, instant: int | None) -> None:
        """The instant of a name from now on; None: it has none."""
        if instant is None:
            self._of.pop(name, None)
        elif self._of.get(name) != instant:
            self._of[name] = instant
            heappush(self._order, (instant, name))

    @property
    def earliest(self) -> int | None:
        """The earliest of all; None: there is none."""
        order = self._order
        while order and self._of.get(order[0][1]) != order[0][0]:
            heappop(order)
        return order[0][0] if order else None

    def due(self, now: int) -> list[str]:
        """The names whose instant is not after `now`, sorted."""
        return sorted(name for name, instant in self._of.items() if instant <= now)


def earliest(instants: Iterable[int | None]) -> int | None:
    """The earliest of the instants that exist."""
    return min((instant for instant in instants if instant is not None), default=None)
