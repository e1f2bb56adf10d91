"""How fast a channel is told: at most so many sends a minute, and ever longer waits after failures."""

from __future__ import annotations

from collections.abc import Callable

import stamina

from monitor.notify.settings import ChannelSettings

_ONE = 1 - 1e-9
"""A send that is allowed but for the last digits of the clock."""


class Pace:
    """At most `per_minute` sends at once and per minute. `clock` gives seconds, monotone."""

    def __init__(self, per_minute: int, clock: Callable[[], float]) -> None:
        self._capacity = float(per_minute)
        self._per_second = per_minute / 60
        self._clock = clock
        self._left = self._capacity
        self._at = clock()

    def delay(self) -> float:
        """Seconds until one more send is allowed."""
        self._fill()
        return max(0.0, (_ONE - self._left) / self._per_second)

    def take(self) -> None:
        """One send is made, allowed or not: one that could not wait is paid for by those that follow."""
        self._fill()
        self._left -= 1

    def _fill(self) -> None:
        now = self._clock()
        self._left = min(self._capacity, self._left + (now - self._at) * self._per_second)
        self._at = now


def patient(settings: ChannelSettings, wait: Callable[[Exception], bool | float]) -> stamina.BoundAsyncRetryingCaller:
    """A caller that never gives up: `wait` says whether a failure is tried again, and when if not at the channel's own pace."""
    return stamina.AsyncRetryingCaller(
        attempts=None,
        timeout=None,
        wait_initial=settings.retry_first_s,
        wait_max=settings.retry_max_s,
        wait_jitter=settings.retry_first_s,
    ).on(wait)
