"""The whole installation on one machine: Apache Kafka, the daemon as its processes, Prometheus, Alertmanager, receivers."""

import asyncio
import contextlib
import itertools
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from aiokafka import AIOKafkaProducer

from monitor.core.values.times import format_time
from streams.kafka.embedded import EmbeddedBroker
from tests.receivers import PagerDutyReceiver, SlackReceiver, WebhookReceiver
from tests.stack.servers import (
    REPOSITORY,
    Alertmanager,
    Child,
    Notifications,
    Prometheus,
    alertmanager_configuration,
    eventually,
    fetch,
    free_port,
)

BTC_PRICE = "1240000"
"""Near that of the simulated trades, which are the newest prices once they come."""
FEED_LIMIT_S = 15


@contextlib.asynccontextmanager
async def kafka() -> AsyncIterator[str]:
    """Address of the broker in KAFKA_BOOTSTRAP_SERVERS, else of one started by deploy/kafka/up on ports of its own."""
    given = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if given:
        yield given
        return
    port, controller = free_port(), free_port()
    env = os.environ | {"KAFKA_PORT": str(port), "KAFKA_CONTROLLER_PORT": str(controller), "KAFKA_HEAP": "512m"}
    code, words = await _script("deploy/kafka/up", env)
    if code:
        pytest.skip(f"no Apache Kafka: {words.strip()}")
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await _script("deploy/kafka/down", env)


async def _script(path: str, env: dict[str, str]) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        str(REPOSITORY / path), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, env=env
    )
    words, _ = await process.communicate()
    return process.returncode or 0, words.decode()


@dataclass
class Daemon:
    """One process of `reserve-monitor run` with some of the stages."""

    name: str
    stages: tuple[str, ...]
    folder: Path
    config: Path
    port: int = field(default_factory=free_port)
    child: Child | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        self.child = Child(self.name, self.folder)
        only = [part for stage in self.stages for part in ("--only", stage)]
        env = os.environ | {"RESERVE_HTTP__PORT": str(self.port)}
        await self.child.start(sys.executable, "-m", "monitor", "run", "--config", str(self.config), *only, env=env)
        await self.child.ready(f"{self.url}/readyz", 60)

    async def stop(self, *, kill: bool = False) -> None:
        assert self.child is not None
        await self.child.stop(kill=kill)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator["Daemon"]:
        await self.start()
        try:
            yield self
        finally:
            if self.child is not None and self.child.process is not None:
                await self.stop()


class Feeds:
    """Publishes source events, each stamped with the present."""

    def __init__(self, bootstrap: str) -> None:
        self._pen = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", linger_ms=0)
        self._numbers = itertools.count(1)
        self._alive: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self._pen.start()

    async def stop(self) -> None:
        await self.fall_silent()
        await self._pen.stop()

    async def publish(self, topic: str, **value: Any) -> float:
        """Publish one event and give the time (s) right before it was sent."""
        sent = time.time()
        await self._pen.send_and_wait(topic, json.dumps(value).encode(), key=value.get("entity", "all").encode())
        return sent

    async def balance(
        self, account: str, role: str, asset: str, quantity: str, *, storage: str = "cold", entity: str = "jp-main"
    ) -> float:
        number = next(self._numbers)
        return await self.publish(
            "custody.balances",
            event_id=f"b-{account}-{number}",
            entity="jp-main",
            account=account,
            role=role,
            storage=storage,
            asset=asset,
            quantity=quantity,
            as_of=format_time(time.time_ns()),
            sequence=number,
        )

    async def guarantee(self, quantity: str) -> float:
        """The guarantee in BTC: 40 are needed."""
        return await self.balance("own-BTC", "guarantee_asset", "BTC", quantity)

    async def price(self, asset: str, price: str) -> float:
        number = next(self._numbers)
        return await self.publish(
            "market.prices",
            event_id=f"p-{number}",
            asset=asset,
            currency="JPY",
            price=price,
            as_of=format_time(time.time_ns()),
            source="index",
            kind="spot",
        )

    async def incident(self, name: str, revision: int, status: str) -> float:
        now = format_time(time.time_ns())
        return await self.publish(
            "security.incidents",
            incident_id=name,
            revision=revision,
            entity="jp-main",
            kind="key_compromise",
            severity="critical",
            status=status,
            occurred_at=now,
            detected_at=now,
            updated_at=now,
            losses=[],
            loss_estimate=None,
            recoveries=[],
            reported_by="internal",
            summary="a key was seen outside",
        )

    async def open_book(self) -> None:
        """1,000 BTC owed and held, 40 of them hot, with more than enough of everything else."""
        await self.price("BTC", BTC_PRICE)
        await self.balance("cold-BTC", "client_asset", "BTC", "960")
        await self.balance("hot-BTC", "client_asset", "BTC", "40", storage="hot")
        await self.balance("owed-BTC", "client_liability", "BTC", "1000", storage="ledger")
        await self.guarantee("50")
        await self.declaration("capital", "10000000", part="paid_up")
        await self.declaration("net_assets", "99000000000")

    async def declaration(self, kind: str, amount: str, **attributes: str) -> float:
        return await self.publish(
            "entity.declarations",
            event_id=f"d-{next(self._numbers)}",
            entity="jp-main",
            kind=kind,
            effective_from="2026-01-05T00:00:00Z",
            effective_to=None,
            amount=amount,
            currency="JPY",
            attributes=attributes,
        )

    async def open_second_asset(self) -> None:
        """100 QTUM owed and held, all hot: at 50,000 JPY they matter little, at 400,000 JPY too much is hot.

        No step between the two is an outlier, which would be a bound until it is confirmed (`outlier_ratio`).
        """
        await self.price("QTUM", "50000")
        await self.balance("hot-QTUM", "client_asset", "QTUM", "100", storage="hot")
        await self.balance("owed-QTUM", "client_liability", "QTUM", "100", storage="ledger")
        await self.balance("own-QTUM", "guarantee_asset", "QTUM", "200")

    def keep_alive(self) -> None:
        """A balance every two seconds, so that the feed is not silent."""

        async def beat() -> None:
            while True:
                await self.balance("cold-BTC", "client_asset", "BTC", "960")
                await asyncio.sleep(2)

        self._alive = asyncio.create_task(beat())

    async def fall_silent(self) -> None:
        if self._alive is not None:
            self._alive.cancel()
            await asyncio.gather(self._alive, return_exceptions=True)
            self._alive = None


@dataclass
class Plant:
    """Everything, started."""

    folder: Path
    bootstrap: str
    config: Path
    am: Alertmanager
    told: Notifications
    hook: WebhookReceiver
    pd: PagerDutyReceiver
    slack: SlackReceiver
    feeds: Feeds

    def daemon(self, name: str, *stages: str) -> Daemon:
        return Daemon(name, stages, self.folder, self.config)

    def prometheus(self, *daemons: Daemon) -> Prometheus:
        targets = [f"127.0.0.1:{daemon.port}" for daemon in daemons]
        return Prometheus(self.folder / "prometheus", targets, f"127.0.0.1:{self.am.port}")

    async def state(self, daemon: Daemon) -> str | None:
        """State of jp.psa_custody as the assessor's status shows it."""
        with contextlib.suppress(AssertionError):
            status = await fetch(f"{daemon.url}/status/jp-main")
            for method in status["methods"]:
                return str(method["state"])
        return None

    async def settle(self, daemon: Daemon, state: str, within_s: float = 30) -> None:
        async def there() -> bool:
            return await self.state(daemon) == state

        await eventually(there, within_s, f"state {state}")


def configuration(folder: Path, kafka: dict[str, Any], urls: dict[str, str]) -> Path:
    """The daemon's configuration with all four kinds of channels; `urls` by their names."""
    for name, secret in (("hook", "s3"), ("key", "R0"), ("token", "xoxb")):
        (folder / name).write_text(secret)
    fast = {"retry_first_s": 0.1, "retry_max_s": 1, "timeout_s": 2}
    content = {
        "kafka": kafka | {"journal_partitions": 4},
        "revision": 1,
        "alerting": {
            "channels": {
                "pager": {"type": "alertmanager", "urls": [urls["pager"]], "resend_s": 1, **fast},
                "hook": {"type": "webhook", "url": urls["hook"], "secret_file": str(folder / "hook"), **fast},
                "pd": {"type": "pagerduty", "routing_key_file": str(folder / "key"), "url": urls["pd"], **fast},
                "chat": {"type": "slack", "token_file": str(folder / "token"), "channel": "C1", "url": urls["chat"], **fast},
            }
        },
        "entities": {
            "jp-main": {
                "reporting_currency": "JPY",
                "time_zone": "Asia/Tokyo",
                "calendar": "JP",
                "methods": [{"id": "jp.psa_custody", "mode": "in_force"}],
                "levels": {"dwell_s": 0},
                "freshness": {"custody.balances": {"max_age_s": FEED_LIMIT_S}},
            }
        },
    }
    path = folder / "reserve.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@contextlib.asynccontextmanager
async def embedded() -> AsyncIterator[str]:
    """Address of an embedded broker."""
    async with EmbeddedBroker() as broker:
        yield broker.bootstrap


@contextlib.asynccontextmanager
async def a_plant(folder: Path, broker: Literal["kafka", "embedded"] = "kafka") -> AsyncIterator[Plant]:
    """Broker with its topics, Alertmanager and receivers; daemons and Prometheus are started by the test."""
    async with contextlib.AsyncExitStack() as stack:
        bootstrap = await stack.enter_async_context(kafka() if broker == "kafka" else embedded())
        told = await stack.enter_async_context(Notifications().serve())
        hook = await stack.enter_async_context(WebhookReceiver(secret="s3").serve())
        pd = await stack.enter_async_context(PagerDutyReceiver(routing_key="R0").serve())
        slack = await stack.enter_async_context(SlackReceiver(token="xoxb").serve())
        shape = alertmanager_configuration(told.url)
        shape["global"]["resolve_timeout"] = "5s"
        am = await stack.enter_async_context(Alertmanager(folder / "am", shape).running())
        urls = {"pager": am.url, "hook": hook.url, "pd": pd.url, "chat": f"{slack.url}/api"}
        config = configuration(folder, {"bootstrap_servers": bootstrap, "embedded": broker == "embedded"}, urls)
        topics = Child("topics", folder)
        await topics.start(sys.executable, "-m", "monitor", "topics", "create", "--config", str(config))
        assert topics.process is not None
        assert await topics.process.wait() == 0, topics.log_path.read_text()
        feeds = Feeds(bootstrap)
        await feeds.start()
        stack.push_async_callback(feeds.stop)
        yield Plant(folder, bootstrap, config, am, told, hook, pd, slack, feeds)
