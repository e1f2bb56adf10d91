"""What was delivered to whoever works on it and is not read yet: many records at a time, but so many at most."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any


class Inbox:
    """Deliveries in their order; `event.message.records` are the records of one. `most`: so many unread let nobody put more in.

    `urgent`: how many deliveries, of those unread and the one that was taken last, have a record that is so by its bytes.
    """

    def __init__(self, most: int, is_urgent: Callable[[bytes], bool]) -> None:
        self._most = most
        self._is_urgent = is_urgent
        self._unread = 0
        self._waiting: deque[tuple[Any, bool]] = deque()
        self._in_hand = self._idle = False
        self._filled, self._emptied = asyncio.Event(), asyncio.Event()
        self.urgent = 0

    @property
    def idle(self) -> bool:
        """Whether everything was read, and whoever reads has done with it."""
        return self._idle and not self._waiting

    async def put(self, event: Any) -> None:
        """Hand over the next delivery; waits while too many records lie unread."""
        while self._unread >= self._most:
            self._emptied.clear()
            await self._emptied.wait()
        records = event.message.records
        urgent = any(self._is_urgent(record.value) for record in records)
        self._waiting.append((event, urgent))
        self._unread += len(records)
        self.urgent += urgent
        self._filled.set()

    async def take(self) -> Any:
        """The next delivery, once there is one; the one before is done with."""
        self.urgent -= self._in_hand
        self._in_hand = False
        self._idle = True
        while not self._waiting:
            self._filled.clear()
            await self._filled.wait()
        self._idle = False
        event, self._in_hand = self._waiting.popleft()
        self._unread -= len(event.message.records)
        self._emptied.set()
        return event

    def drop(self) -> None:
        """What lies here is read by nobody: whoever waits in `put` is let go."""
        self._waiting.clear()
        self._unread = 0
        self._emptied.set()
