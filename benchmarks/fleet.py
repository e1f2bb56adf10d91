"""A system of several daemons over one broker, what it is fed with, and a webhook that hears what it tells.

Every entity owes 1,000 of each asset and holds more, until `short` takes an asset away from it: then its methods raise alerts,
and they end when the asset is `whole` again. Each key of an alert's telling is kept with the moment it came.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import aiohttp
import yaml
from aiohttp import web

from benchmarks.changed import CURRENCIES, OPTIONS, ROLES
from benchmarks.load import Load
from benchmarks.stage import Run
from monitor.core.journal.vocabulary import BALANCES, PRICES, SOURCE_TOPICS
from monitor.core.values.times import exact_time
from monitor.errors import MonitorError
from monitor.events import Event
from monitor.settings.kafka import KafkaSettings
from streams.demo.child import DaemonProcess, free_port
from streams.eventfiles.publisher import Publisher
from streams.kafka.clients import admin, ended, started
from streams.kafka.topics import TopicNames, create_topics, topic_specs

SHORT = "1"
HELD = "1000"
_ASSET = "A000"
_LOOK_S = 0.01
_READY_S = 90.0
_READ_S = 600.0
_LAST_S = 3.0
_JUST_NOW = 40


@dataclass(frozen=True)
class Shape:
    """What the system watches."""

    entities: int
    assets: int = 1
    methods: tuple[str, ...] = ("us.ny_custody",)
    partitions: int = 4
    trades: int = 0
    """How many will be produced."""

    @property
    def load(self) -> Load:
        """The trades beside it."""
        return Load(max(1, self.trades), entities=self.entities, markets=max(20, self.entities))


@dataclass
class Hearing:
    """What came to the webhook, in order: moment (monotonic), key of the telling, alert."""

    url: str = ""
    told: list[tuple[float, str, Mapping[str, Any]]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.Response:
        """One telling, of one alert or of several."""
        now, body = time.monotonic(), await request.json()
        for alert in body.get("alerts", [body]):
            self.told.append((now, request.headers["Idempotency-Key"], alert))
        return web.Response(status=204)

    def repeated(self) -> list[str]:
        """Keys that came more than once."""
        keys = Counter((key, alert["fingerprint"]) for _, key, alert in self.told)
        return [key for (key, _), count in keys.items() if count > 1]

    def firing(self) -> set[str]:
        """Fingerprints that were told last to fire."""
        last = {alert["fingerprint"]: alert["status"] for _, _, alert in self.told}
        return {fingerprint for fingerprint, status in last.items() if status == "firing"}

    def shortages(self) -> list[tuple[float, str, str]]:
        """Moment, entity and status of each telling that the whole of a method is short, or is so no longer."""
        return [(at, alert["entity"], alert["status"]) for at, _, alert in self.told if alert["alertname"] == "ReserveShortfall"]


class Fleet:
    """The daemons, by the names their starter gives them; `a_fleet` makes one and ends it."""

    def __init__(self, kafka: KafkaSettings, names: TopicNames, shape: Shape, folder: Path, hearing: Hearing) -> None:
        self.kafka, self.names, self.shape, self.hearing = kafka, names, shape, hearing
        self.run = Run(kafka, names, shape.load)
        self.entities = shape.load.entity_names()
        self.daemons: list[DaemonProcess] = []
        self._folder = folder
        self.publisher = Publisher(kafka, names)
        self._events = 0

    async def start(self, *stages: str, instance_id: str | None = None, **sections: Any) -> DaemonProcess:
        """One more daemon with these stages (none: all), not waited for."""
        daemon = self.daemon(*stages, instance_id=instance_id, **sections)
        await daemon.start()
        return daemon

    def daemon(self, *stages: str, instance_id: str | None = None, **sections: Any) -> DaemonProcess:
        """One more daemon, not started."""
        port, number = free_port(), len(self.daemons)
        config = self._folder / f"reserve-{number}.yaml"
        config.write_text(yaml.safe_dump(self._content(port, instance_id) | sections))
        daemon = DaemonProcess(config, self._folder / f"daemon-{number}.log", port, stages)
        self.daemons.append(daemon)
        return daemon

    async def settled(self) -> None:
        """All that run are caught up, and nothing fires: where all came at once, nothing ever did."""
        await self.ready()
        await self.quiet(_LAST_S)
        await self.heard(lambda: not self.hearing.firing(), _READY_S, "every entity adequate")

    async def quiet(self, for_s: float) -> None:
        """Nothing was told for so long, after something was."""
        told, now = self.hearing.told, time.monotonic()

        def over() -> bool:
            return time.monotonic() - max(now, told[-1][0] if told else now) > for_s

        await self.heard(over, _READY_S, f"nothing for {for_s:.0f} s")

    async def read(self) -> None:
        """The journal is read to its end, but for what comes just now."""
        async with aiohttp.ClientSession() as session:
            deadline = time.monotonic() + _READ_S
            while (behind := sum([await _behind(session, daemon.url) for daemon in self.daemons])) > _JUST_NOW:
                if time.monotonic() > deadline:
                    raise MonitorError(f"{behind:.0f} records of the journal were not read within {_READ_S:.0f} s")
                await asyncio.sleep(0.5)

    async def reader(self, topic: str, daemons: Sequence[DaemonProcess]) -> DaemonProcess:
        """Which of them reads the first partition of a source topic, once their group has shared it out."""
        deadline = time.monotonic() + _READY_S
        async with aiohttp.ClientSession() as session:
            while time.monotonic() < deadline:
                for daemon in daemons:
                    async with session.get(f"{daemon.url}/metrics") as answer:
                        if f'reserve_intake_lag_records{{partition="0",topic="{topic}"}}' in await answer.text():
                            return daemon
                await asyncio.sleep(0.2)
        raise MonitorError(f"no daemon reads {topic}")

    async def ready(self, within_s: float = _READY_S) -> None:
        """All that run are caught up."""
        await asyncio.gather(*(daemon.ready(within_s) for daemon in self.daemons if not daemon.ended))

    async def open(self) -> None:
        """Prices, and what every entity owes and holds."""
        for number in range(self.shape.assets):
            for currency in CURRENCIES:
                body = {"asset": f"A{number:03d}", "currency": currency, "price": f"{100 + number}.5", "source": "index"}
                await self._say(PRICES, f"A{number:03d}", body | {"kind": "spot"})
            for entity in self.entities:
                for role, storage in ROLES:
                    await self._balance(entity, role, storage, f"A{number:03d}", "5" if storage == "hot" else HELD)
        await self.publisher.flush()

    async def prices(self, turn: int) -> None:
        """Every asset's price in the entities' currency is another."""
        for number in range(self.shape.assets):
            body = {"asset": f"A{number:03d}", "currency": "JPY", "price": f"{100 + number}.{turn % 90 + 10}", "source": "index"}
            await self._say(PRICES, f"A{number:03d}", body | {"kind": "spot"})
        await self.publisher.flush()

    async def hold(self, entity: str, quantity: str) -> float:
        """The entity holds so much of the first asset from now on; the moment it was said (monotonic)."""
        now = time.monotonic()
        await self._balance(entity, "client_asset", "cold", _ASSET, quantity)
        await self.publisher.flush()
        return now

    async def heard(self, condition: Callable[[], bool], within_s: float, what: str) -> None:
        """Wait for what is told; MonitorError when it does not come."""
        deadline = time.monotonic() + within_s
        while not condition():
            if time.monotonic() > deadline:
                logs = "; ".join(daemon.last_words() for daemon in self.daemons)
                raise MonitorError(f"{what}: not heard within {within_s:.0f} s. {logs}")
            await asyncio.sleep(_LOOK_S)

    async def fill(self, records: int) -> None:
        """So many balances of nothing more, to give the journal weight."""
        for number in range(records):
            entity = self.entities[number % len(self.entities)]
            await self._balance(entity, "house_asset", "hot", "A000", "0", account=f"x-{number}")
        await self.publisher.flush()

    async def _balance(self, entity: str, role: str, storage: str, asset: str, quantity: str, *, account: str = "") -> None:
        body = {"entity": entity, "account": account or f"{role}-{storage}", "role": role, "storage": storage, "asset": asset}
        await self._say(BALANCES, entity, body | {"quantity": quantity})

    async def _say(self, topic: str, key: str, body: dict[str, Any]) -> None:
        self._events += 1
        own = {"event_id": f"e-{self._events}", "as_of": exact_time(time.time_ns())}
        await self.publisher.publish_event(Event(topic, key, time.time_ns(), own | body))

    def _content(self, port: int, instance_id: str | None) -> dict[str, Any]:
        entity = {
            "reporting_currency": "JPY",
            "time_zone": "Asia/Tokyo",
            "calendar": "JP",
            "methods": [{"id": name, "mode": "in_force", "options": OPTIONS.get(name, {})} for name in self.shape.methods],
            "levels": {"enter_dwell_s": 0, "exit_dwell_s": 0},
        }
        hook = {"type": "webhook", "url": self.hearing.url, "max_per_minute": 600_000}
        return {
            "kafka": self.kafka.model_dump(mode="json") | {"instance_id": instance_id},
            "topics": {"prefixed": True},
            "sources": {name: {"name": topic} for name, topic in self.names.sources.items()},
            "http": {"port": port},
            "entities": dict.fromkeys(self.entities, entity),
            "alerting": {"channels": {"hook": hook}, "group_above": None},
        }

    async def __aenter__(self) -> Self:
        await create_topics(self.kafka, topic_specs(self.kafka, self.names))
        await self.publisher.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        for daemon in self.daemons:
            await daemon.kill()
        await self.publisher.__aexit__(None, None, None)
        if not self.kafka.embedded:
            await _remove_topics(self.kafka)


async def _behind(session: aiohttp.ClientSession, url: str) -> float:
    async with session.get(f"{url}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    return sum(
        float(line.rpartition(" ")[2])
        for line in lines
        if line.startswith(("reserve_journal_lag_records{", "reserve_intake_lag"))
    )


@contextlib.asynccontextmanager
async def a_fleet(kafka: KafkaSettings, shape: Shape, folder: Path) -> AsyncIterator[Fleet]:
    """A fleet without daemons yet, under names of its own on a broker that runs; they are gone afterwards."""
    prefix = f"fleet{uuid.uuid4().hex[:6]}"
    names = TopicNames({topic: f"{prefix}.{topic}" for topic in SOURCE_TOPICS}, f"{prefix}.")
    own = kafka.model_copy(update={"prefix": prefix, "journal_partitions": shape.partitions})
    hearing = Hearing()
    app = web.Application(client_max_size=16 * 1024 * 1024)
    app.router.add_post("/", hearing.take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    hearing.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with Fleet(own, names, shape, folder, hearing) as fleet:
            yield fleet
    finally:
        await runner.cleanup()


async def _remove_topics(kafka: KafkaSettings) -> None:
    client = await started(admin(kafka), kafka)
    try:
        await client.delete_topics([name for name in await client.list_topics() if name.startswith(kafka.prefix)])
    finally:
        await ended(client)
