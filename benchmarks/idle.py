"""What a daemon costs that watches and hears nothing: CPU a minute, beside consumers of the same partitions that do nothing else.

    python -m benchmarks idle

One entity that is adequate, every stage in one process, everybody told. The bare consumers wait at the broker as long as the
daemon's do, so that the ratio says what the daemon itself adds to asking.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp
from aiokafka import AIOKafkaConsumer

from benchmarks.children import Child, say
from benchmarks.fleet import Fleet, Shape, a_fleet
from benchmarks.stage import Stage
from monitor.core.journal.vocabulary import ALERTS, JOURNAL, SOURCE_TOPICS
from monitor.settings.kafka import KafkaSettings
from streams.kafka.clients import as_it_is, consumer, ended, started
from streams.kafka.pace import idle_wait_ms

_CPU = "process_cpu_seconds_total "
_MINUTE_S = 60.0
_CALM_S = 15.0


async def show(stage: Stage, *, full: bool) -> None:
    """The table."""
    seconds = 3 * _MINUTE_S if full else _MINUTE_S
    print(f"\n{'nothing comes, 16 partitions':46} {'CPU s a minute':>15} {'of a core':>10}")
    with tempfile.TemporaryDirectory() as folder:
        async with a_fleet(stage.settings, Shape(1, partitions=16), Path(folder)) as fleet:
            daemon = await fleet.start()
            await fleet.open()
            await fleet.settled()
            await asyncio.sleep(_CALM_S)
            before = await _spent(daemon.url)
            async with Child("benchmarks.idle", await _job(fleet, seconds)) as bare:
                await asyncio.sleep(seconds)
                spent = await _spent(daemon.url) - before
                least = (await bare.until("spent"))["cpu_s"]
    for name, cpu_s in (("this daemon, all stages", spent), ("bare consumers of the same topics", least)):
        print(f"{name:46} {cpu_s / seconds * _MINUTE_S:>15.2f} {cpu_s / seconds:>10.1%}", flush=True)
    print(f"the daemon takes {spent / least:.1f} times what they take")


async def _job(fleet: Fleet, seconds: float) -> dict[str, Any]:
    """Each list of topics is read by one consumer, as a stage does."""
    names, kafka = fleet.names, await as_it_is(fleet.kafka)
    stages = [[names.of(topic) for topic in SOURCE_TOPICS], [names.of(JOURNAL)], [names.of(ALERTS)]]
    return {"settings": kafka.model_dump(mode="json"), "stages": stages, "seconds": seconds}


async def _spent(url: str) -> float:
    async with aiohttp.ClientSession() as session, session.get(f"{url}/metrics") as answer:
        text = await answer.text()
    return next(float(line.removeprefix(_CPU)) for line in text.splitlines() if line.startswith(_CPU))


async def main(job: dict[str, Any]) -> None:
    """The child: bare consumers that read for so many seconds, and what that cost."""
    kafka = KafkaSettings(**job["settings"])
    options: dict[str, Any] = {"auto_offset_reset": "latest", "fetch_max_wait_ms": idle_wait_ms(kafka)}
    clients = [await started(consumer(kafka, *topics, **options), kafka) for topics in job["stages"]]
    before = time.process_time()
    readers = [asyncio.create_task(_read(client)) for client in clients]
    await asyncio.sleep(job["seconds"])
    say(event="spent", cpu_s=time.process_time() - before)
    for reader in readers:
        reader.cancel()
    await asyncio.gather(*readers, return_exceptions=True)
    for client in clients:
        await ended(client)


async def _read(client: AIOKafkaConsumer) -> None:
    while True:
        await client.getmany(timeout_ms=1000)


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.stdin.readline())))
