"""Whether the calculation moves: what readiness follows, and what the dispatcher tells when it does not (CONTRACT 7)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from monitor.core.values.times import SECOND, format_time
from streams.kafka.watch import BrokerWatch

Pulse = Callable[[], Mapping[str, int]]
"""Of each entity evaluated in this process the engine clock of its newest evaluation (ns)."""


_NAMED = 5
"""So many entities are named; the others are counted."""


class Progress:
    """`pulse` is None in a process without an assessor; `stopped` gives the partitions that stand still, with the reason."""

    def __init__(
        self,
        broker: BrokerWatch,
        pulse: Pulse | None,
        stopped: Callable[[], Mapping[int, str]],
        stale_after_s: float,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self._broker = broker
        self._pulse = pulse
        self._stopped = stopped
        self._stale_after_s = stale_after_s
        self._clock = clock
        self._first_seen: int | None = None

    def checks(self) -> dict[str, str]:
        """For readiness: `ok`, or what stands still and for how long."""
        silent_s = self._broker.silent_s
        found = {"broker": "ok" if silent_s <= self._stale_after_s else f"no answer for {silent_s:.0f} s"}
        if self._pulse is not None:
            now = self._clock()
            still = [f"{entity} for {(now - at) / SECOND:.0f} s" for entity, at in self._late(now).items()]
            found["evaluation"] = f"stands still: {_some(still)}" if still else "ok"
        return found | {f"journal partition {number}": f"stopped: {why}" for number, why in self._stopped().items()}

    def standstill(self) -> str | None:
        """Why nothing, or not all, is evaluated; an empty text when all is, None while a start may still catch up."""
        if self._broker.silent_s > self._stale_after_s:
            return "the broker does not answer"
        stopped = [f"journal partition {number}: {why}" for number, why in self._stopped().items()]
        if stopped:
            return "; ".join(stopped)
        now = self._clock()
        if self._pulse is None:
            return ""
        if not self._pulse():
            return None
        if self._first_seen is None:
            self._first_seen = now
        late = self._late(now)
        if not late:
            return ""
        if now - self._first_seen <= self._stale_after_s * SECOND:
            return None  # what was read first is as old as the start took, and may be caught up with
        return _some([f"{entity} was evaluated last at {format_time(at)}" for entity, at in late.items()])

    def _late(self, now: int) -> dict[str, int]:
        pulse = {} if self._pulse is None else self._pulse()
        return {entity: at for entity, at in sorted(pulse.items()) if now - at > self._stale_after_s * SECOND}


def _some(told: list[str]) -> str:
    more = len(told) - _NAMED
    return ", ".join([*told[:_NAMED], *([f"and {more:,} more"] if more > 0 else [])])
