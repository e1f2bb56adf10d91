"""Intake in several processes of one daemon: they share the partitions as one group, and have one status and one stop.

Python uses one core a process. Each child is an `Intake` of its own, so nothing of what a journal record says depends on how
many there are. One that is killed is started anew; meanwhile the others have its partitions, as a group's members do.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from typing import Any

import structlog

from monitor.core.journal.records import SourcePartition
from monitor.errors import CONFIGURATION, CONNECTION, ConfigurationError, ConnectionProblem, MonitorError
from streams.intake.observer import IntakeObserver, SegmentCounts
from streams.intake.process import Job

_AGAIN_AFTER_S = 1.0
_LINE_LIMIT = 16 * 1024 * 1024
_ERRORS = {CONFIGURATION: ConfigurationError, CONNECTION: ConnectionProblem}
_OUTPUT = 1
"""The daemon's standard output, where its logs go."""

_log = structlog.get_logger(__name__)


class IntakeProcesses:
    """A stage of `count` processes. `job` is what each is told; `observer` hears what all of them tell."""

    def __init__(self, count: int, job: Job, observer: IntakeObserver) -> None:
        told = SegmentCounts()
        self._children = [_Child(number, job.numbered(number).line(), observer, told) for number in range(1, count + 1)]
        self._stopping = asyncio.Event()

    @property
    def ready(self) -> bool:
        """Whether every process reads all that is assigned to it."""
        return all(child.ready for child in self._children)

    @property
    def pids(self) -> list[int]:
        """The processes that run."""
        return [child.pid for child in self._children if child.pid is not None]

    async def start(self) -> None:
        """Returns when all have joined; raises what hindered the first that could not."""
        await asyncio.gather(*(child.start() for child in self._children))

    async def run(self) -> None:
        """Look after the processes until `stop`; raises what one of them cannot get over."""
        watching = [asyncio.create_task(self._kept(child)) for child in self._children]
        try:
            await asyncio.gather(*watching)
        finally:
            for task in watching:
                task.cancel()

    async def stop(self) -> None:
        """All of them say once more how far they read, and leave the group."""
        self._stopping.set()
        try:
            await asyncio.gather(*(child.stop() for child in self._children))
        finally:
            for child in self._children:
                child.kill()

    async def _kept(self, child: _Child) -> None:
        while True:
            code = await child.ended()
            if self._stopping.is_set():
                return
            _log.error("intake_process_ended", process=child.number, exit_code=code)
            await asyncio.sleep(_AGAIN_AFTER_S)
            if self._stopping.is_set():
                return
            await child.start()


class _Child:
    """One process, by its number from 1 on. `told`: by all of them, as a partition goes from one to another."""

    def __init__(self, number: int, job: str, observer: IntakeObserver, told: SegmentCounts) -> None:
        self.number = number
        self.ready = False
        self._job, self._observer, self._told = job, observer, told
        self._process: asyncio.subprocess.Process | None = None
        self._listening: asyncio.Task[None] | None = None
        self._joined: asyncio.Future[None] | None = None
        self._failed: MonitorError | None = None

    @property
    def pid(self) -> int | None:
        """Of the process, if it runs."""
        return None if self._process is None or self._process.returncode is not None else self._process.pid

    async def start(self) -> None:
        """Start it and wait until it has joined the group; raises what hindered it."""
        pipe = asyncio.subprocess.PIPE
        self._failed, self._joined = None, asyncio.get_running_loop().create_future()
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "streams.intake.process",
            stdin=pipe,
            stdout=pipe,
            stderr=_OUTPUT,
            limit=_LINE_LIMIT,
            start_new_session=True,  # a Ctrl-C is for the daemon, which then stops it in order
        )
        self._listening = asyncio.create_task(self._listen(self._process))
        stdin = self._process.stdin
        if stdin is not None:
            stdin.write(self._job.encode() + b"\n")
        await asyncio.wait([self._joined, self._listening], return_when=asyncio.FIRST_COMPLETED)
        if not self._joined.done():
            raise self._failed or MonitorError(f"intake process {self.number} ended before it had joined: see the log")

    async def ended(self) -> int | None:
        """Wait until it is gone; its exit code, negative for a signal. Raises what it could not get over."""
        if self._listening is not None:
            await asyncio.wait([self._listening])
        if self._failed is not None:
            raise self._failed
        return None if self._process is None else await self._process.wait()

    async def stop(self) -> None:
        """Let it finish what is in hand."""
        process = self._process
        if process is not None and process.stdin is not None:
            process.stdin.close()
            await process.wait()
        if self._listening is not None:
            await asyncio.wait([self._listening])

    def kill(self) -> None:
        """End it, if it still runs: what it had not acknowledged is read again."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        try:
            if process.stdout is not None:
                async for line in process.stdout:
                    self._heard(json.loads(line))
        finally:
            self.ready = False

    def _heard(self, told: Mapping[str, Any]) -> None:
        self.ready = bool(told.get("ready", self.ready))
        if "joined" in told and self._joined is not None:
            self._joined.set_result(None)
        if "failed" in told:
            self._failed = _ERRORS.get(told["exit_code"], MonitorError)(told["failed"])
        for topic, epoch, partition, start, counts in told.get("counts", ()):
            for outcome, count in self._told.news(SourcePartition(topic, epoch, partition), start, counts):
                self._observer.counted(topic, outcome, count)
        for topic, reason, count in told.get("dead_letters", ()):
            for _ in range(count):
                self._observer.dead_letter(topic, reason)
        for topic, count in told.get("keys_unsafe", ()):
            self._observer.keys_unsafe(topic, count)
        for topic, partition, records in told.get("lags", ()):
            self._observer.lag(topic, partition, records)
