"""Long work on the loop in slices, so that nobody else waits long: health, the group's heartbeat, other partitions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Generator
from typing import TypeVar

T = TypeVar("T")

SLICE_S = 0.005


class Slices:
    """Of one task: `held` is for how many seconds it has held the loop in all."""

    def __init__(self, slice_s: float = SLICE_S) -> None:
        self._slice_s = slice_s
        self._before = 0.0
        self._resumed = time.perf_counter()

    @property
    def held(self) -> float:
        """Seconds until now, without those in which others had the loop."""
        return self._before + time.perf_counter() - self._resumed

    async def give_way(self) -> None:
        """Lets others go on when the slice is over."""
        held = time.perf_counter() - self._resumed
        if held > self._slice_s:
            await asyncio.sleep(0)
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
