"""One assessor as a process of its own, so that a test can kill it: `assessor_process.py SETTINGS-JSON SOURCES-JSON PREFIX`."""

import asyncio
import json
import signal
import sys
from typing import Any

from monitor.settings.kafka import KafkaSettings
from streams.assessor.partition import SnapshotCadence
from streams.assessor.worker import Assessor
from streams.kafka.topics import TopicNames


class Nobody:
    """An observer that looks away."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


async def main() -> None:
    settings = KafkaSettings(**json.loads(sys.argv[1]))
    names = TopicNames(json.loads(sys.argv[2]), sys.argv[3])
    assessor = Assessor(settings, names, Nobody(), SnapshotCadence(records=25, seconds=1.0))
    await assessor.start()
    loop = asyncio.get_running_loop()
    stopping: list[asyncio.Task[None]] = []
    loop.add_signal_handler(signal.SIGTERM, lambda: stopping.append(loop.create_task(assessor.stop())))
    await assessor.run()
    await asyncio.gather(*stopping)


asyncio.run(main())
