"""One assessor as a process of its own, so that a test can kill it.

assessor_process.py SETTINGS-JSON SOURCES-JSON PREFIX ENGINE-VERSION
"""

import asyncio
import json
import signal
import sys
from typing import Any

import pytest

from monitor.cli.running.ending import close
from monitor.settings.kafka import KafkaSettings
from streams.assessor.cuts import SnapshotCadence
from streams.assessor.worker import Assessor
from streams.daemon import STOP_S
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
    told = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, told.set)
    working = loop.create_task(assessor.run())
    await asyncio.wait({working, loop.create_task(told.wait())}, return_when=asyncio.FIRST_COMPLETED)
    if told.is_set():
        stopped, _ = await asyncio.wait({loop.create_task(assessor.stop())}, timeout=STOP_S)  # as the daemon does
        for task in stopped:
            task.result()
    else:
        await working


runner = asyncio.Runner()
try:
    with pytest.MonkeyPatch.context() as patch:
        for module in ("monitor.core.entity.publication", "streams.assessor.partition"):
            patch.setattr(f"{module}.ENGINE_VERSION", sys.argv[4])
        runner.run(main())
finally:
    close(runner)
