"""What tests of intake on a broker share: a configuration, publishing, and reading back what was said."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable
from typing import Any

from aiokafka import TopicPartition

from monitor.core.journal.records import decode_record
from monitor.core.journal.vocabulary import JOURNAL, SOURCE_TOPICS, TRADES
from monitor.settings.kafka import KafkaSettings
from streams.intake.segment.rules import IntakeRules
from streams.intake.worker import Intake
from streams.kafka.clients import ended, producer, started
from streams.kafka.reading import read_range
from streams.kafka.topics import TopicNames
from tests.intake_logs import Cut, Logged, oracle
from tests.simulation.intake.world import Cells, EngineSide, totals_of

TRADE_PARTITIONS = 12
_PACE = 1000


def configuration(partitions: int, *, revision: int = 1, segment_records: int = 500, **trades: Any) -> dict[str, Any]:
    """A configuration's content as far as intake reads it; `trades` changes how trades are read."""
    source: dict[str, Any] = {
        "epoch": 0,
        "late_after_s": None,
        "max_ahead_s": 60,
        "bad_share": None,
        "ignore_unknown": False,
        "fields": {},
        "constants": {},
        "numbers": "strict",
    }
    return {
        "schema": "reserve.configuration/1",
        "revision": revision,
        "journal_partitions": partitions,
        "entities": {"a": {}, "b": {}, "c": {}},
        "any_entity": None,
        "corrections": {"horizon_days": 20_000},
        "intake": {"segment_records": segment_records, "lookback_blocks": 20, "lookback_h": 72},
        "assets": {"crypto": [], "fiat": [], "decimals": {}, "aliases": {}},
        "sources": {topic: source | (trades if topic == TRADES else {}) for topic in SOURCE_TOPICS},
    }


class Counting:
    """An observer that remembers."""

    def __init__(self) -> None:
        self.outcomes: dict[tuple[str, str], int] = {}
        self.reasons: dict[tuple[str, str], int] = {}
        self.lags: dict[tuple[str, int], int | None] = {}

    def counted(self, topic: str, outcome: str, count: int) -> None:
        self.outcomes[topic, outcome] = self.outcomes.get((topic, outcome), 0) + count

    def keys_unsafe(self, topic: str, count: int) -> None:
        """Records with a key that may part a trade id's records."""

    def dead_letter(self, topic: str, reason: str) -> None:
        self.reasons[topic, reason] = self.reasons.get((topic, reason), 0) + 1

    def lag(self, topic: str, partition: int, records: int | None) -> None:
        self.lags[topic, partition] = records

    def total(self, topic: str) -> int:
        return sum(count for (of, _), count in self.outcomes.items() if of == topic)


async def publish(
    settings: KafkaSettings, records: Iterable[tuple[str, int, bytes | None, bytes | None]], most_per_s: float = 1e9
) -> int:
    """Send (topic, partition, key, value), not faster than told; the number sent."""
    client = await started(producer(settings, linger_ms=20), settings)
    count = 0
    try:
        for topic, partition, key, value in records:
            await client.send(topic, value=value, key=key, partition=partition, headers=[("origin", b"test")])
            count += 1
            if count % _PACE == 0:
                await asyncio.sleep(_PACE / most_per_s)
        await client.flush()
    finally:
        await ended(client)
    return count


async def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait until it holds; AssertionError after so many seconds."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, "it did not come true"
        await asyncio.sleep(0.02)


async def run_intake(intake: Intake, condition: Callable[[], bool]) -> None:
    """Run a worker until the condition holds, then stop it."""
    await intake.start()
    running = asyncio.create_task(intake.run())
    try:
        await until(lambda: running.done() or condition())
    finally:
        await intake.stop()
    await running


async def logged(settings: KafkaSettings, topic: str, partitions: int) -> list[list[Logged]]:
    """What the partitions of a topic hold."""
    logs: list[list[Logged]] = [[] for _ in range(partitions)]
    async for record in read_range(settings, {TopicPartition(topic, p): 0 for p in range(partitions)}):
        logs[record.partition].append(Logged(record.offset, record.timestamp, record.value))
    return logs


async def journal(settings: KafkaSettings, names: TopicNames) -> list[list[bytes]]:
    """What each journal partition holds."""
    count = settings.journal_partitions
    records: list[list[bytes]] = [[] for _ in range(count)]
    async for record in read_range(settings, {TopicPartition(names.of(JOURNAL), p): 0 for p in range(count)}):
        records[record.partition].append(record.value)
    return records


def kinds(records: list[list[bytes]]) -> dict[str, int]:
    """How many statements of each kind a journal holds."""
    found: dict[str, int] = {}
    for data in (data for partition in records for data in partition):
        kind = json.loads(data)["kind"]
        found[kind] = found.get(kind, 0) + 1
    return found


def read_so_far(records: list[list[bytes]]) -> int:
    """How many offsets of all source partitions a journal accounts for."""
    statements = [decode_record(data, offset, 0).statement for offset, data in enumerate(records[0])]
    upto: dict[Any, int] = {}
    for statement in statements:
        if statement.kind == "progress" and statement.source is not None:
            upto[statement.source.where] = max(statement.source.upto or 0, upto.get(statement.source.where, 0))
    return sum(upto.values())


def expected(logs: list[list[Logged]], content: dict[str, Any]) -> tuple[Cells, dict[str, int]]:
    """Totals and counts of all partitions by the oracle."""
    rules = IntakeRules.of(content)
    cuts: list[Cut] = []
    for log in logs:
        cuts += oracle(log, rules, log[-1].offset + 1 if log else 0)
    return totals_of(cuts)


def said(records: list[list[bytes]]) -> tuple[Cells, list[dict[str, int]], bool]:
    """Totals, counts by journal partition, and whether a loss is reported, as the engine takes the journal in."""
    side = EngineSide(records)
    return side.cells(), [side.counts(partition) for partition in range(len(records))], side.lossy
