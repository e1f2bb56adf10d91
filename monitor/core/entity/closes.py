"""Closed business days of one method: which are due, which are to be looked at again, what was published of each (JOURNAL 7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from operator import itemgetter
from typing import Any

from monitor.core.evaluation.evaluation import Prepared
from monitor.core.values.calendar import Zone

_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Closed:
    """What was published last of a closed day: its revision, the record's digest and that of the result alone.

    `published_at` (ns): when that was.
    """

    revision: int
    digest: str
    result_digest: str
    published_at: int = 0


@dataclass(slots=True)
class Closes:
    """Days from the method's first evaluation on. `open_day` is the local date that has not ended yet.

    A closed day of which something came is looked at again, but not sooner than `gather` ns after it was published: what comes
    late comes in bulk, and is one revision then.
    """

    open_day: date
    closed: dict[date, Closed] = field(default_factory=dict)
    again: set[date] = field(default_factory=set)
    _all_from: date | None = None
    """Every closed day from this one on is in `again`."""

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
        if first < self.open_day and (self._all_from is None or first < self._all_from):
            self.again.update(day for day in self.closed if day >= first)
            self._all_from = first

    def due(self, at: int, gather: int) -> list[date]:
        """The days to look at again at `at` (ns)."""
        return [day for day in self.again if self.closed[day].published_at + gather <= at]

    def next_due(self, gather: int) -> int | None:
        """The first instant (ns) at which there is one; it may lie behind."""
        return min((self.closed[day].published_at + gather for day in self.again), default=None)

    def looked(self, day: date, published: Closed | None) -> None:
        """A day that has ended was looked at; `published`: what was published of it, None where it stands as it was."""
        if published is not None:
            self.closed[day] = published
        self.again.discard(day)
        self._all_from = None

    def hurry(self) -> bool:
        """The days to look at again are due at once; whether there are any."""
        for day in self.again:
            self.closed[day] = replace(self.closed[day], published_at=0)
        return bool(self.again)

    def forget(self, first: date) -> None:
        """Drops days before `first`: they lie outside the correction horizon."""
        for day in [day for day in self.closed if day < first]:
            del self.closed[day]
            self.again.discard(day)

    def state(self) -> dict[str, Any]:
        """JSON values for a snapshot."""
        return {
            "open_day": self.open_day.isoformat(),
            "closed": {
                day.isoformat(): [done.revision, done.digest, done.result_digest, str(done.published_at)]
                for day, done in self.closed.items()
            },
            "again": sorted(day.isoformat() for day in self.again),
        }

    @staticmethod
    def of_state(state: Mapping[str, Any]) -> Closes:
        """The days that `state` wrote."""
        closed = {date.fromisoformat(day): _closed(*done) for day, done in sorted(state["closed"].items())}
        return Closes(date.fromisoformat(state["open_day"]), closed, {date.fromisoformat(day) for day in state["again"]})


ClosedDay = tuple[Prepared, Closes, date]
"""A method, its closes, and a local date that has ended."""


def days_again(methods: Sequence[Prepared], closes: Mapping[str, Closes], at: int, gather: int) -> list[ClosedDay]:
    """The closed days to look at again at `at` (ns), the earliest first and those of one instant together."""
    due = [
        (prepared.zone.day_end(day), place, (prepared, own, day))
        for place, prepared in enumerate(methods)
        if (own := closes[prepared.config.id]).again
        for day in own.due(at, gather)
    ]
    return [again for _, _, again in sorted(due, key=itemgetter(0, 1))]


def _closed(revision: int, digest: str, result_digest: str, published_at: str = "0") -> Closed:
    """Before state version 8 nobody wrote when a day was looked at."""
    return Closed(revision, digest, result_digest, int(published_at))
