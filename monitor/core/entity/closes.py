"""Closed business days of one method: which are due, which are to be looked at again, what was published of each (JOURNAL 7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from monitor.core.values.calendar import Zone

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Closed:
    """What was published last of a closed day: its revision, the record's digest and that of the result alone."""

    revision: int
    digest: str
    result_digest: str


@dataclass(slots=True)
class Closes:
    """Days from the method's first evaluation on. `open_day` is the local date that has not ended yet."""

    open_day: date
    closed: dict[date, Closed] = field(default_factory=dict)
    again: set[date] = field(default_factory=set)

    def ended(self, zone: Zone, at: int) -> list[date]:
        """The days that have ended by `at` (ns) and were not closed, in order; the open day moves on."""
        days: list[date] = []
        while zone.day_end(self.open_day) <= at:
            days.append(self.open_day)
            self.open_day += _ONE_DAY
        return days

    def touch(self, zone: Zone, event_time: int) -> None:
        """An event with this event time (ns) came: every closed day from its local date on is to be looked at again."""
        first = zone.local_date(event_time)
        if first < self.open_day:
            self.again.update(day for day in self.closed if day >= first)

    def next_again(self) -> date | None:
        """The earliest day to look at again, taken off the list; None when there is none."""
        if not self.again:
            return None
        day = min(self.again)
        self.again.discard(day)
        return day

    def forget(self, first: date) -> None:
        """Drops days before `first`: they lie outside the correction horizon."""
        for day in [day for day in self.closed if day < first]:
            del self.closed[day]
            self.again.discard(day)

    def state(self) -> dict[str, Any]:
        """JSON values for a snapshot."""
        return {
            "open_day": self.open_day.isoformat(),
            "closed": {day.isoformat(): [done.revision, done.digest, done.result_digest] for day, done in self.closed.items()},
            "again": sorted(day.isoformat() for day in self.again),
        }

    @staticmethod
    def of_state(state: Mapping[str, Any]) -> Closes:
        """The days that `state` wrote."""
        closed = {date.fromisoformat(day): Closed(*done) for day, done in sorted(state["closed"].items())}
        return Closes(date.fromisoformat(state["open_day"]), closed, {date.fromisoformat(day) for day in state["again"]})
