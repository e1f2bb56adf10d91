"""One intake worker as a process, so that a test can kill it: `intake_process.py SETTINGS SOURCES PREFIX CONFIGURATION`."""

import asyncio
import json
import sys
from typing import Any

from monitor.kafka_settings import KafkaSettings
from streams.intake.worker import Intake
from streams.topics import TopicNames


class Nobody:
    """An observer that looks away."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


async def main() -> None:
    settings = KafkaSettings(**json.loads(sys.argv[1]))
    intake = Intake(settings, TopicNames(json.loads(sys.argv[2]), sys.argv[3]), json.loads(sys.argv[4]), Nobody(), 0.2)
    await intake.start()
    await intake.run()


asyncio.run(main())
