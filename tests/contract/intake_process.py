"""One intake worker as a process, so that a test can kill it: `intake_process.py SETTINGS SOURCES PREFIX CONFIGURATION`."""

import asyncio
import json
import sys
from typing import Any

from monitor.settings.kafka import KafkaSettings
from streams.intake.worker import Intake
from streams.kafka.topics import TopicNames


class Told:
    """An observer that prints how many records were taken in so far."""

    def __init__(self) -> None:
        self._read = 0

    def counted(self, _topic: str, _outcome: str, count: int) -> None:
        self._read += count
        print(self._read, flush=True)  # noqa: T201 - its parent reads it

    def keys_unsafe(self, topic: str, count: int) -> None:
        """Records with a key that may part a trade id's records."""

    def dead_letter(self, *_: Any) -> None:
        """Counted by its outcome."""

    def lag(self, *_: Any) -> None:
        """Not looked at here."""


async def main() -> None:
    settings = KafkaSettings(**json.loads(sys.argv[1]))
    intake = Intake(settings, TopicNames(json.loads(sys.argv[2]), sys.argv[3]), json.loads(sys.argv[4]), Told(), 0.2)
    await intake.start()
    await intake.run()


asyncio.run(main())
