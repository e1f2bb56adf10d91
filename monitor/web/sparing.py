"""Questions that compute, kept from the time that the figures need."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

MOST_WAITING = 8
_REST_FOR_WORK = 4.0
"""After a question the next waits four times as long as that took: together they have a fifth of one core."""


class Questions:
    """One question at a time, each paid for by a rest; of those that wait too many, the next is sent away."""

    def __init__(self) -> None:
        self._one = asyncio.Lock()
        self._waiting = 0
        self._free_at = 0.0

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[None]:
        """Within it the question may compute. HTTP 503 with `Retry-After` where too many wait."""
        if self._waiting >= MOST_WAITING:
            text = "too many questions wait here already: ask again in a few seconds"
            raise web.HTTPServiceUnavailable(text=text, headers={"Retry-After": "5"})
        self._waiting += 1
        try:
            async with self._one:
                clock = asyncio.get_running_loop().time
                await asyncio.sleep(max(0.0, self._free_at - clock()))
                began = clock()
                try:
                    yield
                finally:
                    ended = clock()
                    self._free_at = ended + _REST_FOR_WORK * (ended - began)
        finally:
            self._waiting -= 1
