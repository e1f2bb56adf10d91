"""One of several processes of intake that one daemon runs: a job as a line of JSON in, what it tells as lines of JSON out.

It ends when its input ends, so also when the daemon was killed. Standard output is the daemon's to read: logs go elsewhere.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from monitor.core.journal.records import SourcePartition
from monitor.errors import MonitorError
from monitor.logs import configure_logs, flush_dropped
from monitor.settings.kafka import KafkaSettings
from monitor.settings.sections import LogSettings
from streams.intake.observer import SegmentCounts
from streams.intake.worker import Intake
from streams.kafka.topics import TopicNames

_TELL_S = 0.2


@dataclass(frozen=True)
class Job:
    """What a process of intake is told: `configuration` is the journal's, `flush_s` as for `Intake`."""

    kafka: KafkaSettings
    names: TopicNames
    configuration: Mapping[str, Any]
    flush_s: float
    log: LogSettings

    def numbered(self, number: int) -> Job:
        """Of one among several processes, which must not have one name in their group."""
        name = self.kafka.instance_id
        return self if name is None else replace(self, kafka=self.kafka.model_copy(update={"instance_id": f"{name}-{number}"}))

    def line(self) -> str:
        """As one line of JSON; it names files of secrets, and holds none."""
        names = asdict(self.names) | {"signed": sorted(self.names.signed)}
        kafka, log = self.kafka.model_dump(mode="json"), self.log.model_dump(mode="json")
        told = {"kafka": kafka, "names": names, "configuration": self.configuration, "flush_s": self.flush_s, "log": log}
        return json.dumps(told)

    @classmethod
    def of(cls, line: str) -> Job:
        """The job that was written as `line`."""
        told = json.loads(line)
        names = TopicNames(**told["names"] | {"signed": frozenset(told["names"]["signed"])})
        kafka, log = KafkaSettings(**told["kafka"]), LogSettings(**told["log"])
        return cls(kafka, names, told["configuration"], told["flush_s"], log)


class Gathered(SegmentCounts):
    """An observer that gathers what it is told until it is taken. Which counts are news the daemon knows, no process alone."""

    def __init__(self) -> None:
        super().__init__()
        self._counts: dict[tuple[SourcePartition, int], dict[str, int]] = {}
        self._letters: dict[tuple[str, str], int] = {}
        self._unsafe: dict[str, int] = {}
        self._lags: dict[tuple[str, int], int | None] = {}

    def news(self, where: SourcePartition, start: int, counts: Mapping[str, int]) -> list[tuple[str, int]]:
        self._counts[where, start] = dict(counts)
        return []

    def counted(self, topic: str, outcome: str, count: int) -> None:
        """Nothing is news here."""

    def dead_letter(self, topic: str, reason: str) -> None:
        self._letters[topic, reason] = self._letters.get((topic, reason), 0) + 1

    def keys_unsafe(self, topic: str, count: int) -> None:
        self._unsafe[topic] = self._unsafe.get(topic, 0) + count

    def lag(self, topic: str, partition: int, records: int | None) -> None:
        self._lags[topic, partition] = records

    def take(self) -> dict[str, list[list[Any]]]:
        """Each kind of what was told since the last time, as rows: the arguments, counts added up, of lags the newest."""
        taken: dict[str, list[list[Any]]] = {
            "counts": [[w.topic, w.epoch, w.partition, start, counts] for (w, start), counts in self._counts.items()],
            "dead_letters": [[*about, count] for about, count in self._letters.items()],
            "keys_unsafe": [[*about] for about in self._unsafe.items()],
            "lags": [[*about, records] for about, records in self._lags.items()],
        }
        self._counts, self._letters, self._unsafe, self._lags = {}, {}, {}, {}
        return {kind: rows for kind, rows in taken.items() if rows}


async def main(job: Job) -> int:
    """Work until the input ends or a signal comes; the exit code."""
    told = Gathered()
    intake = Intake(job.kafka, job.names, job.configuration, told, job.flush_s, told=told)
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, over.set)
    watching = asyncio.create_task(_input_ends(over))
    try:
        await intake.start()
        _say(joined=True)
        await _work(intake, told, over)
    except MonitorError as error:
        _say(failed=str(error), exit_code=error.exit_code)
        return error.exit_code
    finally:
        watching.cancel()
    return 0


async def _work(intake: Intake, told: Gathered, over: asyncio.Event) -> None:
    running, asked = asyncio.create_task(intake.run()), asyncio.create_task(over.wait())
    try:
        while not asked.done() and not running.done():
            _say(ready=intake.ready, **told.take())
            await asyncio.wait([asked, running], timeout=_TELL_S, return_when=asyncio.FIRST_COMPLETED)
    finally:
        asked.cancel()
        await intake.stop()
        _say(ready=False, **told.take())
    await running


async def _input_ends(over: asyncio.Event) -> None:
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    await lines.read()
    over.set()


def _say(**what: Any) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def run() -> int:
    """The job from standard input, then the work."""
    job = Job.of(sys.stdin.readline())
    configure_logs(job.log.level, job.log.format, sys.stderr)
    try:
        return asyncio.run(main(job))
    finally:
        flush_dropped()


if __name__ == "__main__":
    sys.exit(run())
