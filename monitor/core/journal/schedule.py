"""The engine's clock and the order in which instants are evaluated (JOURNAL 2). Nothing here reads a real clock."""

from __future__ import annotations

from collections.abc import Iterable

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
        at = record.statement.at
        if self._check and abs(at - record.journal_time) > CLOCK_TOLERANCE:
            self.refused += 1
            return self.now
        return max(self.now, at)

    def later_second(self, reading: int) -> bool:
        """Whether `reading` lies in a later second than the clock shows."""
        return reading // SECOND > self.now // SECOND


def earliest(instants: Iterable[int | None]) -> int | None:
    """The earliest of the instants that exist."""
    return min((instant for instant in instants if instant is not None), default=None)
