"""The broker a benchmark runs on: topics by load, settings by run, what the journal holds afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from benchmarks.load import MAPPED, Load, Totals, fill
from monitor.core.journal.vocabulary import DEAD_LETTERS, JOURNAL, SOURCE_TOPICS, TRADES
from monitor.core.values.money import EXACT, plain
from monitor.errors import ConnectionProblem
from monitor.settings.kafka import KafkaSettings
from monitor.settings.load import settings_of
from monitor.settings.record import build_configuration
from streams.journal.writer import journal_records
from streams.kafka.clients import admin, ended, started
from streams.kafka.embedded import EmbeddedBroker
from streams.kafka.topics import TopicNames, create_topics, topic_specs

JOURNAL_PARTITIONS = 16
_DEPLOYED = Path(__file__).parent.parent / "deploy" / "kafka"


@dataclass(frozen=True)
class Filled:
    """A topic with a load in it."""

    load: Load
    topic: str
    totals: Totals


class Stage:
    """Names and topics on a running broker; all names begin with one random prefix."""

    def __init__(self, settings: KafkaSettings, product: str) -> None:
        self.settings = settings
        self.product = product
        self._prefix = f"bench{uuid.uuid4().hex[:6]}"
        self._count = 0

    async def fill(self, load: Load) -> Filled:
        """A new topic with the load in it."""
        topic = await self.empty(load)
        return Filled(load, topic, await fill(self.settings, topic, load))

    async def empty(self, load: Load) -> str:
        """A new topic for trades."""
        topic = self._name("trades")
        await self._create(
            TopicNames({name: topic if name == TRADES else f"{self._prefix}.{name}" for name in SOURCE_TOPICS}), load
        )
        return topic

    async def output(self, load: Load) -> str:
        """A new topic for what a rival tells."""
        return await self.empty(load)

    async def run(self, filled: Filled) -> Run:
        """Names of one run over a filled topic: a journal and a group of its own."""
        prefix = self._name("run")
        sources = {name: filled.topic if name == TRADES else f"{self._prefix}.{name}" for name in SOURCE_TOPICS}
        names = TopicNames(sources, f"{prefix}.")
        await self._create(names, filled.load)
        return Run(self.settings.model_copy(update={"prefix": prefix}), names, filled.load)

    async def remove(self) -> None:
        """Delete every topic made here, on a broker that stays."""
        if self.settings.embedded:
            return
        client = await started(admin(self.settings), self.settings)
        try:
            await client.delete_topics([name for name in await client.list_topics() if name.startswith(self._prefix)])
        finally:
            await ended(client)

    def _name(self, kind: str) -> str:
        self._count += 1
        return f"{self._prefix}.{kind}{self._count}"

    async def _create(self, names: TopicNames, load: Load) -> None:
        wanted = {*SOURCE_TOPICS, JOURNAL, DEAD_LETTERS}
        specs = [spec for spec in topic_specs(self.settings, names) if spec.default in wanted]
        await create_topics(
            self.settings, [replace(spec, partitions=load.partitions) if spec.default == TRADES else spec for spec in specs]
        )


@dataclass(frozen=True)
class Run:
    """Where one run of intake reads and writes."""

    settings: KafkaSettings
    names: TopicNames
    load: Load

    def as_json(self) -> dict[str, Any]:
        """For a child process."""
        return {
            "settings": self.settings.model_dump(mode="json"),
            "sources": dict(self.names.sources),
            "prefix": self.names.prefix,
            "configuration": configuration(self.load),
        }

    async def totals(self) -> Totals:
        """What the journal says of the trades: of each segment the statement that reaches furthest (JOURNAL 3)."""
        newest: dict[tuple[Any, ...], tuple[int, dict[str, Any]]] = {}
        for partition in range(self.settings.journal_partitions):
            async for record in journal_records(self.settings, self.names, partition):
                statement = record.statement
                if statement.kind != "flow" or statement.source is None:
                    continue
                for cell in statement.body["cells"]:
                    key = (statement.source.where, statement.source.start, statement.entity, *_name(cell))
                    if key not in newest or newest[key][0] < (statement.source.upto or 0):
                        newest[key] = (statement.source.upto or 0, cell)
        sums: dict[str, tuple[int, Decimal, Decimal]] = {}
        for key, (_, cell) in newest.items():
            name = f"{key[2]}|{cell['market']}"
            count, quantity, value = sums.get(name, (0, Decimal(0), Decimal(0)))
            sums[name] = (
                count + cell["trades"],
                EXACT.add(quantity, Decimal(cell["quantity"])),
                EXACT.add(value, Decimal(cell["value"])),
            )
        return {name: (count, plain(quantity), plain(value)) for name, (count, quantity, value) in sorted(sums.items())}


def configuration(load: Load) -> dict[str, Any]:
    """The content of a configuration record whose entities are the load's."""
    entity = {
        "reporting_currency": "JPY",
        "time_zone": "Asia/Tokyo",
        "calendar": "JP",
        "methods": [{"id": "house.composite", "mode": "in_force"}],
    }
    values: dict[str, Any] = {"entities": dict.fromkeys(load.entity_names(), entity)}
    if load.mapped:
        values["sources"] = {TRADES: {"fields": MAPPED}}
    return build_configuration(settings_of(values))


@contextlib.asynccontextmanager
async def a_stage() -> AsyncIterator[Stage]:
    """The embedded broker; with BROKER=kafka the one KAFKA_BOOTSTRAP_SERVERS names, or one started by deploy/kafka/up."""
    if os.environ.get("BROKER", "embedded") != "kafka":
        async with EmbeddedBroker() as broker:
            yield Stage(broker.settings.model_copy(update={"journal_partitions": JOURNAL_PARTITIONS}), "embedded broker")
        return
    servers = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    mine = servers is None
    if servers is None:
        servers = f"127.0.0.1:{os.environ.get('KAFKA_PORT', '9092')}"
        up = await asyncio.to_thread(subprocess.run, [_DEPLOYED / "up"], capture_output=True, text=True, check=False)
        if up.returncode:
            raise ConnectionProblem(up.stderr.strip() or "deploy/kafka/up failed")
        mine = "already running" not in up.stdout
    stage = Stage(KafkaSettings(bootstrap_servers=servers, journal_partitions=JOURNAL_PARTITIONS), f"Apache Kafka at {servers}")
    try:
        yield stage
    finally:
        if mine:
            await asyncio.to_thread(subprocess.run, [_DEPLOYED / "down"], capture_output=True, check=False)
        else:
            await stage.remove()


def _name(cell: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(cell[name] for name in ("market", "capacity", "instrument", "side", "hour"))
