"""Rate limit of a channel: a bucket of as many sends as a minute allows, filled steadily."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Pace:
    """At most `per_minute` sends at once and per minute. `clock` gives seconds, monotone."""

    def __init__(self, per_minute: int, clock: Callable[[], float]) -> None:
        self._capacity = float(per_minute)
        self._per_second = per_minute / 60
        self._clock = clock
        self._left = self._capacity
        self._at = clock()

    def delay(self) -> float:
        """Take one send; the seconds to wait before it."""
        now = self._clock()
        self._left = min(self._capacity, self._left + (now - self._at) * self._per_second) - 1
        self._at = now
        return max(0.0, -self._left / self._per_second)

    async def wait(self) -> None:
        """Wait until one more send is allowed."""
        delay = self.delay()
        if delay > 0:
            await asyncio.sleep(delay)
