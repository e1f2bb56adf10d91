"""An event loop whose clock jumps to the next timer when nothing is ready: minutes pass in milliseconds, in the same order."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class VirtualLoop(asyncio.SelectorEventLoop):
    """For code that waits by timers alone; sockets and threads would be overtaken by the clock."""

    def __init__(self) -> None:
        super().__init__()
        self._passed = 0.0

    def time(self) -> float:
        return self._passed

    def _run_once(self) -> None:
        ready, scheduled = self._ready, self._scheduled  # type: ignore[attr-defined]
        if not ready and scheduled:
            self._passed = max(self._passed, scheduled[0].when())
        super()._run_once()  # type: ignore[misc]


def run_virtually(what: Coroutine[Any, Any, Any]) -> None:
    """Run to the end on a loop of its own."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(what)
