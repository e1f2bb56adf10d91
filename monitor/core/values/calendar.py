"""Local dates and business days, from transitions and holidays that the configuration carries (JOURNAL 5).

The core knows no time zone library: a `Zone` is a list of instants at which the offset from UTC changes, a `Calendar` a
set of closed days. Every zone is on whole hours or on quarters of one, so that a local midnight is the start of a UTC hour or
of a quarter of one.
"""

from __future__ import annotations

import calendar as _gregorian
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from fractions import Fraction

from monitor.core.values.times import DAY, HOUR, QUARTER

_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
_ONE_DAY = timedelta(days=1)
_FIRST_ORDINAL = date.min.toordinal() + 1
_LAST_ORDINAL = date.max.toordinal() - 1
"""A day from the ends, so that the day before and after can still be named."""


def day_number(day: date) -> int:
    """Days from 1970-01-01 to `day`."""
    return day.toordinal() - _EPOCH_ORDINAL


def date_of_number(number: int) -> date:
    """The date `number` days after 1970-01-01; the calendar's first or last one beyond its ends."""
    return date.fromordinal(min(max(number + _EPOCH_ORDINAL, _FIRST_ORDINAL), _LAST_ORDINAL))


def month_before(year: int, month: int, count: int = 1) -> tuple[int, int]:
    """(year, month) of the calendar month `count` months before; a negative count goes forward."""
    months = year * 12 + month - 1 - count
    return months // 12, months % 12 + 1


def month_end(year: int, month: int) -> date:
    """Last day of a month."""
    return date(year, month, _gregorian.monthrange(year, month)[1])


class Zone:
    """Offsets of a place from UTC: `instants` (ns, ascending) from which each of `offsets` (hours, to the quarter) holds."""

    __slots__ = ("_instants", "_newest", "_offsets_ns", "name")

    def __init__(self, name: str, instants: Sequence[int] = (), offsets: Sequence[int | Fraction] = ()) -> None:
        self.name = name
        self._instants = tuple(instants) or (0,)
        self._offsets_ns = tuple(int(hours * HOUR) for hours in offsets) or (0,)
        self._newest: tuple[int | None, date] = (None, date.min)
        """The instant that was asked of last, and its date: an evaluation asks of its own again and again."""

    @property
    def grain(self) -> int:
        """What every local midnight is a multiple of (ns since 1970): an hour, or a quarter of one."""
        return QUARTER if any(offset % HOUR for offset in self._offsets_ns) else HOUR

    def offset(self, instant: int) -> int:
        """Offset from UTC in ns at `instant`; before the first known transition its offset holds."""
        return self._offsets_ns[max(0, bisect_right(self._instants, instant) - 1)]

    def local_date(self, instant: int) -> date:
        """The local date at `instant`."""
        if self._newest[0] != instant:
            self._newest = (instant, date_of_number((instant + self.offset(instant)) // DAY))
        return self._newest[1]

    def day_start(self, day: date) -> int:
        """The first instant (ns) whose local date is `day`: local midnight, or the transition that jumps over it."""
        midnight = day_number(day) * DAY
        for instant in sorted({midnight - self.offset(midnight - DAY), midnight - self.offset(midnight + DAY)}):
            if instant + self.offset(instant) >= midnight and instant - 1 + self.offset(instant - 1) < midnight:
                return instant
        first = bisect_right(self._instants, midnight - DAY)
        return next(i for i in self._instants[first:] if i + self.offset(i) >= midnight)

    def day_end(self, day: date) -> int:
        """The instant at which the next local day begins: `day` is over then."""
        return self.day_start(day + _ONE_DAY)

    def start_of(self, instant: int) -> int:
        """The start of the local day that holds `instant`."""
        return self.day_start(self.local_date(instant))


UTC_ZONE = Zone("UTC")


@dataclass(frozen=True, slots=True)
class Calendar:
    """Business days: all but the `weekend` days (Monday is 0), `closed` days and their exceptions in `open_days`."""

    code: str
    weekend: frozenset[int]
    closed: frozenset[date] = frozenset()
    open_days: frozenset[date] = frozenset()

    def is_business_day(self, day: date) -> bool:
        """Whether `day` is a business day."""
        if day in self.open_days:
            return True
        return day.weekday() not in self.weekend and day not in self.closed

    def add_business_days(self, day: date, count: int) -> date:
        """The `count`-th business day after `day` (the day after counts as the first if it is one); count 0 is `day`."""
        for _ in range(count):
            day += _ONE_DAY
            while not self.is_business_day(day):
                day += _ONE_DAY
        return day

    def first_business_day(self, year: int, month: int) -> date:
        """First business day of a month."""
        return self.add_business_days(date(year, month, 1) - _ONE_DAY, 1)


WEEKDAYS = Calendar("weekdays", frozenset({5, 6}))
ALL_DAYS = Calendar("all", frozenset())
