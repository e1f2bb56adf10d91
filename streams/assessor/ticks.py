"""When the owner of a journal partition writes a tick (JOURNAL 2): the engine has no clock but what the journal says."""

from __future__ import annotations

from typing import Any, Protocol

from monitor.core.values.times import SECOND

BETWEEN_NS = SECOND // 10
"""While something waits for evaluation, ticks are at least so far apart."""

_SHARE = 4
_MOST_BETWEEN_NS = SECOND
"""Ticks stay apart by four times what an evaluation costs, so that it takes a quarter of a core, but by a second at most."""

IDLE_NS = 60 * SECOND
_PATIENCE_NS = 5 * SECOND


class Clockwork(Protocol):
    """What a ticker looks at in an engine."""

    @property
    def clock(self) -> int: ...
    @property
    def waiting(self) -> bool: ...
    @property
    def next_deadline(self) -> int | None: ...
    @property
    def position(self) -> int: ...


class Ticker:
    """Of one partition, since it was assigned. Writes no second tick while the last is on its way, so a lag feeds no ticks.

    `idle_ns`: how far apart they are at most where nothing happens, so that an answer's age tells whether time moves.
    """

    def __init__(self, idle_ns: int = IDLE_NS) -> None:
        self._idle = idle_ns
        self._last = 0
        self._sent: Any = None
        self._first: Any = None
        self._told = False
        self.caught_up = False
        """The first tick written since the assignment has been applied: all that was there by then is known."""

    def due(self, engine: Clockwork, now: int, *, begun: bool, cost: int = 0) -> int | None:
        """The time (ns) a tick is to carry now, or None.

        `begun`: the engine has been taken over and works. `cost`: what its last evaluation took (ns).
        """
        self._see(engine)
        since = now - self._last
        if self._last == 0:
            return now
        if engine.clock < self._last and since < _PATIENCE_NS:
            return None
        deadline = engine.next_deadline
        if begun and engine.waiting:
            wanted = max(BETWEEN_NS, min(_SHARE * cost, _MOST_BETWEEN_NS))
        elif begun and deadline is not None and engine.clock < deadline <= now:
            wanted = 0
        else:
            wanted = self._idle if begun else _PATIENCE_NS
        return now if since >= wanted else None

    def written(self, at: int, sent: Any) -> None:
        """Note a tick handed to the producer and its future acknowledgement."""
        self._last = at
        self._sent = sent
        if self._first is None:
            self._first = sent

    def newly_caught_up(self) -> bool:
        """True once, when `caught_up` has become true."""
        if self.caught_up and not self._told:
            self._told = True
            return True
        return False

    def _see(self, engine: Clockwork) -> None:
        first = self._first
        if self.caught_up or first is None or not first.done():
            return
        self.caught_up = first.exception() is None and engine.position >= first.result().offset
