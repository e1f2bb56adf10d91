"""When the owner of a journal partition writes a tick (JOURNAL 2): the engine has no clock but what the journal says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from monitor.core.values.times import SECOND

BETWEEN_NS = SECOND // 10
"""While something waits for evaluation, ticks are at least so far apart."""

_OWN_SHARE, _MOST_BY_OWN_NS = 4, SECOND
_WHOLE_SHARE, _MOST_BY_WHOLE_NS = 2, 30 * SECOND
"""Ticks stay apart by four times what an evaluation costs, and by twice what one of each partition of the worker does: so one
takes a quarter of a core, and all of them half of it. But by so long at most.
"""

_LOOK_NS = SECOND
"""How often it is looked whether something turned too old while ticks are far apart. One for that comes besides the others, but
once in as long as an evaluation of each partition takes.
"""

_KIND = b'"kind":"'
URGENT = frozenset({"position", "incident", "declaration", "operation", "rejected", "bust"})
"""The kinds of record that may open an alert by themselves."""
_URGENT = frozenset(kind.encode() for kind in URGENT)

IDLE_NS = 60 * SECOND
_PATIENCE_NS = 5 * SECOND
"""So long a tick that was lost, or whose time the engine refused, is waited for."""
_BEHIND_NS = 30 * SECOND
"""And one that lies in the journal unread: each makes a partition that is behind evaluate, so that it comes to be further so."""


def is_urgent(record: bytes) -> bool:
    """Whether a journal record may open an alert by itself, so that it is looked at at once, told before anybody reads it.

    Trades and prices come all the time, and what they move is looked at as often as there is room for. Canonical bytes have the
    kind behind the body.
    """
    start = record.rfind(_KIND) + len(_KIND)
    return record[start : record.find(b'"', start)] in _URGENT


@dataclass(frozen=True, slots=True)
class Cost:
    """What the last evaluation of a partition took (ns), and the last one of each partition of the worker together.

    `urgent`: something waits that may open an alert by itself, which no cost holds up.
    """

    own: int = 0
    whole: int = 0
    urgent: bool = False

    @property
    def between(self) -> int:
        """How far apart (ns) ticks are to stay while something waits."""
        by_own, by_whole = min(_OWN_SHARE * self.own, _MOST_BY_OWN_NS), min(_WHOLE_SHARE * self.whole, _MOST_BY_WHOLE_NS)
        return 0 if self.urgent else max(by_own, by_whole)


NO_COST = Cost()


class Clockwork(Protocol):
    """What a ticker looks at in an engine."""

    @property
    def clock(self) -> int: ...
    def waits(self, at: int) -> bool: ...
    def turned(self, at: int) -> bool: ...
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
        self._last = self._look_from = 0
        self._sent: Any = None
        self._first: Any = None
        self._told = False
        self.caught_up = False
        """The first tick written since the assignment has been applied: all that was there by then is known."""

    def due(self, engine: Clockwork, now: int, *, begun: bool, cost: Cost = NO_COST, known: int | None = None) -> int | None:
        """The time (ns) a tick is to carry now, or None.

        `begun`: the engine has been taken over and works. `known`: it knows all that came until then (None: until now).
        """
        self._see(engine)
        since = now - self._last
        if self._last == 0 or since < 0:  # the first, or the first since this clock was put back
            self._look_from = 0
            return now
        if engine.clock < self._last and since < (_BEHIND_NS if self._on_its_way(engine) else _PATIENCE_NS):
            return None
        deadline = engine.next_deadline
        if begun and engine.waits(now):
            wanted = max(BETWEEN_NS, cost.between)
            if since < wanted and self._turned(engine, now, now if known is None else known, cost):
                return now
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

    def _turned(self, engine: Clockwork, now: int, at: int, cost: Cost) -> bool:
        """Whether what turned too old by `at` is not left to the next tick."""
        if now < max(self._look_from, self._last + _LOOK_NS):
            return False
        turned = engine.turned(at)
        self._look_from = now + max(_LOOK_NS, cost.whole if turned else 0)
        return turned

    def _on_its_way(self, engine: Clockwork) -> bool:
        """Whether the last tick is still to be read: it is in the journal, or it may get there."""
        sent = self._sent
        return not sent.done() or (not _is_lost(sent) and engine.position < sent.result().offset)

    def _see(self, engine: Clockwork) -> None:
        first = self._first
        if self.caught_up or first is None or not first.done():
            return
        if _is_lost(first):
            self._first = None  # whichever comes next tells it as well
        else:
            self.caught_up = engine.position >= first.result().offset


def _is_lost(sent: Any) -> bool:
    return bool(sent.cancelled()) or sent.exception() is not None
