"""Programs under measurement run as children: a job as one line of JSON in, events as lines of JSON out."""

from __future__ import annotations

import asyncio
import contextlib
import json
import resource
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from monitor.errors import MonitorError

_LONGEST_S = 180.0
_MOMENT_S = 0.05
_LINE_LIMIT = 64 * 1024 * 1024


@dataclass(frozen=True)
class Cost:
    """What a run cost and what it found."""

    records: int
    cpu_s: float
    wall_s: float
    peak_bytes: int
    found: dict[str, Any] = field(default_factory=dict)

    @property
    def per_core(self) -> float:
        """Records per second of CPU."""
        return self.records / self.cpu_s

    @property
    def microseconds(self) -> float:
        """CPU per record."""
        return self.cpu_s / self.records * 1e6


def say(**event: Any) -> None:
    """A child tells its parent."""
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def peak_bytes() -> int:
    """Most memory this process ever held. `getrusage` would count what the parent held when it forked."""
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


class Child:
    """`python -m module`, given a job."""

    def __init__(self, module: str, job: dict[str, Any]) -> None:
        self.last: dict[str, dict[str, Any]] = {}
        self._module, self._job = module, job
        self._changed = asyncio.Event()
        self._ended = False
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._errors: asyncio.Task[bytes] | None = None

    async def __aenter__(self) -> Self:
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", self._module, stdin=pipe, stdout=pipe, stderr=pipe, limit=_LINE_LIMIT
        )
        self._reading = asyncio.create_task(self._read())
        self._errors = asyncio.create_task(self._process.stderr.read())  # type: ignore[union-attr]
        await self.tell(json.dumps(self._job))
        return self

    async def __aexit__(self, *_error: object) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def tell(self, line: str) -> None:
        """One line to the child's standard input."""
        stdin = self._process.stdin  # type: ignore[union-attr]
        stdin.write(line.encode() + b"\n")  # type: ignore[union-attr]
        await stdin.drain()  # type: ignore[union-attr]

    async def until(self, event: str, holds: Callable[[dict[str, Any]], bool] = lambda _: True) -> dict[str, Any]:
        """Wait for an event for which `holds` is true; `MonitorError` when the child ends without it or takes too long."""
        try:
            async with asyncio.timeout(_LONGEST_S):
                while event not in self.last or not holds(self.last[event]):
                    if self._ended:
                        raise MonitorError(f"{self._module} ended early: {await self._last_words()}")
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            raise MonitorError(f"{self._module} took longer than {_LONGEST_S:.0f} s, it last said {self.last}") from None
        return self.last[event]

    async def changed_soon(self) -> None:
        """Wait for this child's next event, a moment at most; `MonitorError` when it has ended."""
        if self._ended:
            raise MonitorError(f"{self._module} ended early: {await self._last_words()}")
        self._changed.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), _MOMENT_S)

    async def result(self, records: int) -> Cost:
        """The cost the child reports at its end, reckoned over `records`."""
        found = await self.until("result")
        await self._process.wait()  # type: ignore[union-attr]
        return Cost(records, found.pop("cpu_s"), found.pop("wall_s"), found.pop("peak_bytes"), found)

    async def _read(self) -> None:
        stdout = self._process.stdout  # type: ignore[union-attr]
        async for line in stdout:  # type: ignore[union-attr]
            if line.startswith(b"{"):
                event = json.loads(line)
                self.last[event.pop("event")] = event
                self._changed.set()
        self._ended = True
        self._changed.set()

    async def _last_words(self) -> str:
        text = (await self._errors).decode(errors="replace") if self._errors is not None else ""
        return text.strip()[-2000:]
