"""Intake in a process of its own, told what to do on standard input; see `benchmarks.children`.

It says `ready` when it reads, then how many records it has taken in as that grows, and after `stop` what it cost.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

from benchmarks.children import peak_bytes, say
from monitor.core.journal.vocabulary import TRADES
from monitor.settings.kafka import KafkaSettings
from streams.intake.fetching import PublicFetch, best_fetch
from streams.intake.worker import Intake
from streams.kafka.topics import TopicNames

_LOOK_S = 0.02


class Counted:
    """Counts trades by outcome."""

    def __init__(self) -> None:
        self.outcomes: dict[str, int] = {}

    def counted(self, topic: str, outcome: str, count: int) -> None:
        if topic == TRADES:
            self.outcomes[outcome] = self.outcomes.get(outcome, 0) + count

    def keys_unsafe(self, topic: str, count: int) -> None:
        """Records with a key that may part a trade id's records."""

    def dead_letter(self, topic: str, reason: str) -> None:
        """Counted by its outcome."""

    def lag(self, topic: str, partition: int, records: int | None) -> None:
        """Not looked at here."""


async def main(job: dict[str, Any]) -> None:
    """Run intake until `stop` comes in."""
    observer = Counted()
    intake = Intake(
        KafkaSettings(**job["settings"]),
        TopicNames(job["sources"], job["prefix"]),
        job["configuration"],
        observer,
        job.get("flush_s", 1.0),
        fetch=PublicFetch if job.get("public_fetch") else best_fetch,
    )
    await intake.start()
    began_cpu, began = time.process_time(), time.perf_counter()
    said_in = await _input()
    line = asyncio.create_task(said_in.readline())
    if job.get("wait"):
        while not intake.begun:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(_LOOK_S)
        say(event="ready")
        await line
        line = asyncio.create_task(said_in.readline())
        began = time.perf_counter()
    running = asyncio.create_task(intake.run())
    said, warm = -1, (0, time.process_time())
    while not line.done() and not running.done():
        count = sum(observer.outcomes.values())
        if count != said:
            said = count
            warm = warm if warm[0] else (count, time.process_time())
            say(event="count", count=count)
        await asyncio.wait([line, running], timeout=_LOOK_S, return_when=asyncio.FIRST_COMPLETED)
    await intake.stop()
    await running
    say(
        event="result",
        cpu_s=time.process_time() - began_cpu,
        wall_s=time.perf_counter() - began,
        peak_bytes=peak_bytes(),
        outcomes=observer.outcomes,
        warm=(sum(observer.outcomes.values()) - warm[0]) / (time.process_time() - warm[1]),
        whole_s=time.process_time(),
    )


async def _input() -> asyncio.StreamReader:
    """Standard input for the loop: a thread that waits for a line would keep a failed process from ending."""
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    return lines


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.stdin.readline())))
