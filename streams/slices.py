"""Long work on the loop in slices, so that nobody else waits long: health, the group's heartbeat, other partitions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator
from itertools import count
from typing import TypeVar

T = TypeVar("T")

SLICE_S = 0.005
_NOTHING_S = 0.0002
"""A pass of the loop that took no longer had nothing to do."""

_PATIENCE_S = 5.0
"""A work that is not over after so long is as urgent as any: where others always are, it never would be."""

_SLICES_ON = 10
"""So many slices a work goes on before the others of its rank have their turn: most are over by then."""


class Turns:
    """Several long works on one loop: one of them goes on at a time, the urgent first; in between whoever has little to do.

    If each took a slice at every pass of the loop, a pass would last as many slices as there are works, and who needs a pass
    for each record, as whoever delivers them does, would stand still. Between two slices the others have as long as one.
    """

    def __init__(self, slice_s: float = SLICE_S, patience_s: float = _PATIENCE_S) -> None:
        self._slice_s = slice_s
        self.patience_s = patience_s
        self._waiting: list[tuple[int, Callable[[], bool], asyncio.Future[None]]] = []
        self._numbers = count()
        self._handing: asyncio.Task[None] | None = None

    def place(self) -> int:
        """A place behind all that were given so far."""
        return next(self._numbers)

    async def take(self, place: int, urgent: Callable[[], bool]) -> None:
        """Wait until it is the turn of a place. `urgent` is asked while it waits: what it waits with may become so."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((place, urgent, turn))
        if self._handing is None or self._handing.done():
            self._handing = asyncio.create_task(self._hand_out(), name="turns")
        await turn

    async def _hand_out(self) -> None:
        while self._waiting:
            await self._let_others()
            first = min(self._waiting, key=lambda waiting: (not waiting[1](), waiting[0]))
            self._waiting.remove(first)
            if not first[2].done():
                first[2].set_result(None)
                await asyncio.sleep(0)  # its slice is taken in this pass, and it waits here again

    async def _let_others(self) -> None:
        until = time.perf_counter() + self._slice_s
        while True:
            before = time.perf_counter()
            await asyncio.sleep(0)
            now = time.perf_counter()
            if now - before < _NOTHING_S or now >= until:
                return


class Slices:
    """Of one task: `held` is for how many seconds it has held the loop in all.

    With `turns` others of these go on with theirs before; not so while it is `urgent`.
    """

    def __init__(self, slice_s: float = SLICE_S, turns: Turns | None = None, urgent: Callable[[], bool] = lambda: False) -> None:
        self._slice_s = slice_s
        self._turns, self._urgent = turns, urgent
        self._place = -1 if turns is None else turns.place()
        self._taken = 0
        self._before = 0.0
        self._begun = self._resumed = time.perf_counter()

    @property
    def held(self) -> float:
        """Seconds until now, without those in which others had the loop."""
        return self._before + time.perf_counter() - self._resumed

    @property
    def over(self) -> bool:
        """Whether the slice is over: it is time to give way."""
        return time.perf_counter() - self._resumed > self._slice_s

    async def give_way(self) -> None:
        """Lets others go on when the slice is over."""
        if self.over:
            await self.let_others()

    async def let_others(self) -> None:
        """Lets others go on, however much of the slice is left."""
        held = time.perf_counter() - self._resumed
        if self._turns is None:
            await asyncio.sleep(0)
        else:
            self._taken += 1
            if self._taken % _SLICES_ON == 0:
                self._place = self._turns.place()
            patient_until = self._begun + self._turns.patience_s
            await self._turns.take(self._place, lambda: self._urgent() or time.perf_counter() > patient_until)
        self._before += held
        self._resumed = time.perf_counter()

    async def take(self, steps: Generator[None, None, T]) -> T:
        """What the steps find; others may go on between them."""
        while True:
            try:
                next(steps)
            except StopIteration as done:
                found: T = done.value
                return found
            await self.give_way()
