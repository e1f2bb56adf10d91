"""When each feed was heard: live by log times, and for a past instant by event times alone (JOURNAL 2).

Of each UTC hour the newest event time is kept (of each quarter of one where a zone in use is not on whole hours), of days older
than 72 hours that of each local day: the instants at which days are closed then see exactly the newest record before them.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from monitor.core.values.times import HOUR, hour_of

HOURLY_NS = 72 * HOUR
PREFIX = "heard/"


class _Feed:
    """One feed. `hours`: starts of the hours or quarters of `newest`, ascending."""

    __slots__ = ("hours", "log_time", "newest")

    def __init__(self) -> None:
        self.log_time = 0
        self.hours: list[int] = []
        self.newest: dict[int, int] = {}

    def note(self, event_time: int, grain: int) -> bool:
        hour = event_time - event_time % grain
        known = self.newest.get(hour)
        if known is None:
            insort(self.hours, hour)
        elif event_time <= known:
            return False
        self.newest[hour] = event_time
        return True


class Heard:
    """The feeds of one entity by name (`<topic>` or `<topic>/<source>`)."""

    def __init__(self, dirty: set[str], grain: int = HOUR) -> None:
        self._dirty = dirty
        self._grain = grain
        self._feeds: dict[str, _Feed] = {}
        self._hourly_from = 0

    def configure(self, grain: int) -> None:
        """What is heard from now on is told apart by `grain` (ns): what local midnights are multiples of."""
        self._grain = grain

    def note(self, feed: str, log_time: int, event_time: int) -> None:
        """A record of a feed came, logged at `log_time` and about the instant `event_time` (ns)."""
        found = self._feeds.get(feed)
        if found is None:
            found = self._feeds[feed] = _Feed()
        moved = found.note(event_time, self._grain)
        if log_time > found.log_time or moved:
            found.log_time = max(found.log_time, log_time)
            self._dirty.add(PREFIX + feed)

    def knows(self, feed: str) -> bool:
        """Whether a record of the feed ever came."""
        return feed in self._feeds

    def log_time(self, feed: str) -> int | None:
        """Log time of the feed's newest record."""
        found = self._feeds.get(feed)
        return None if found is None else found.log_time

    def event_time(self, feed: str) -> int | None:
        """The newest event time of the feed."""
        found = self._feeds.get(feed)
        return None if found is None or not found.hours else found.newest[found.hours[-1]]

    def newest(self, feed: str) -> tuple[int, int] | None:
        """The newest log time and the newest event time of the feed."""
        log_time, event_time = self.log_time(feed), self.event_time(feed)
        return None if log_time is None or event_time is None else (log_time, event_time)

    def event_time_before(self, feed: str, instant: int) -> int | None:
        """The newest event time below `instant`: exact where that is a multiple of the grain, never too new elsewhere."""
        found = self._feeds.get(feed)
        if found is None:
            return None
        place = bisect_left(found.hours, instant)
        for hour in reversed(found.hours[max(0, place - 2) : place]):
            if found.newest[hour] < instant:
                return found.newest[hour]
        return None

    def advance(self, clock: int, start_of: Callable[[int], int], oldest: int) -> None:
        """Once an hour of the clock: hours that are over 72 hours ago go into their local day, days before `oldest` go."""
        hourly_from = hour_of(clock) - HOURLY_NS
        if hourly_from <= self._hourly_from:
            return
        self._hourly_from = hourly_from
        for name, feed in self._feeds.items():
            if self._thin(feed, hourly_from, start_of, oldest):
                self._dirty.add(PREFIX + name)

    @staticmethod
    def _thin(feed: _Feed, hourly_from: int, start_of: Callable[[int], int], oldest: int) -> bool:
        end = bisect_left(feed.hours, hourly_from)
        kept: dict[int, int] = {}
        for hour in feed.hours[:end]:
            kept[start_of(hour)] = hour  # ascending: the last hour of a day stays
        hours = [hour for day, hour in kept.items() if day >= oldest] or feed.hours[max(0, end - 1) : end]
        if len(hours) == end:
            return False
        feed.hours[:end] = hours
        feed.newest = {hour: feed.newest[hour] for hour in feed.hours}
        return True

    def names(self) -> Iterator[str]:
        """Names of the buckets."""
        yield from (PREFIX + feed for feed in sorted(self._feeds))

    def bucket(self, name: str) -> Any:
        """One bucket as JSON values; None when it is empty."""
        feed = self._feeds.get(name.removeprefix(PREFIX))
        return None if feed is None else [str(feed.log_time), [str(feed.newest[hour]) for hour in feed.hours]]

    def restore(self, buckets: Mapping[str, Any], clock: int) -> None:
        """Take the state at `clock` of the buckets named as by `names`."""
        self._hourly_from = hour_of(clock) - HOURLY_NS
        for name in buckets:
            value = buckets[name] if name.startswith(PREFIX) else None
            if value is not None:
                feed = self._feeds[name.removeprefix(PREFIX)] = _Feed()
                feed.log_time = int(value[0])
                for event_time in value[1]:
                    feed.note(int(event_time), self._grain)
