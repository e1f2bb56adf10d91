"""What the tests of the daemon share: a configuration file on an embedded broker, and asking the running daemon."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from monitor.settings.kafka import KafkaSettings
from streams.demo.child import DaemonProcess, free_port

ENTITY = "jp-main"
WAIT_S = 60


def written(folder: Path, kafka: KafkaSettings, port: int | None = None, **sections: Any) -> tuple[Path, int]:
    """The configuration in `folder`, and the port in it."""
    port = free_port() if port is None else port
    entity = {
        "reporting_currency": "JPY",
        "time_zone": "Asia/Tokyo",
        "calendar": "JP",
        "methods": [{"id": "jp.psa_custody"}, {"id": "house.composite"}],
    }
    content = {"kafka": kafka.model_dump(mode="json"), "http": {"port": port}, "entities": {ENTITY: entity}, **sections}
    config = folder / f"reserve-{port}.yaml"
    config.write_text(yaml.safe_dump(content))
    return config, port


def daemon_of(folder: Path, kafka: KafkaSettings, *stages: str, **sections: Any) -> DaemonProcess:
    """A daemon, not started."""
    config, port = written(folder, kafka, **sections)
    return DaemonProcess(config, folder / f"daemon-{port}.log", port, stages)


async def asked(url: str, path: str) -> tuple[int, Any]:
    """HTTP status and JSON body; 0 while nobody answers."""
    try:
        async with aiohttp.ClientSession() as session, session.get(url + path) as answer:
            return answer.status, await answer.json()
    except aiohttp.ClientError:
        return 0, None


async def status_when(url: str, holds: Callable[[dict[str, Any]], bool], entity: str = ENTITY) -> dict[str, Any]:
    """The first status object that `holds`; TimeoutError after a minute."""
    async with asyncio.timeout(WAIT_S):
        while True:
            code, body = await asked(url, f"/status/{entity}")
            if code == 200 and holds(body):
                return dict(body)
            await asyncio.sleep(0.1)


def applied(status: dict[str, Any], topic: str) -> int:
    """Records of a source topic that counted."""
    return sum(row["applied"] for row in status["sources"] if row["topic"] == topic)
