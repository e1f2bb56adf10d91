"""Whole recorded days through the running daemon, killed once in the middle, against a sum that knows nothing of it."""

from __future__ import annotations

import asyncio
import csv
import gzip
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import yaml

from monitor.cli.event_files.formats import Given, reader_of
from monitor.cli.progress import text_lines
from monitor.core.journal.vocabulary import DEAD_LETTERS, SOURCE_TOPICS
from monitor.core.values.money import EXACT
from monitor.settings.kafka import KafkaSettings
from streams.demo.child import DaemonProcess, free_port
from streams.eventfiles.publisher import Publisher, replay
from streams.kafka.embedded import EmbeddedBroker
from streams.kafka.reading import read_range
from streams.kafka.topics import TopicNames, create_topics, topic_specs

ENTITY = "jp-main"
WAIT_S = 100


@dataclass
class Day:
    """What one local date saw."""

    trades: int = 0
    quantity: Decimal = Decimal(0)
    value: Decimal = Decimal(0)


@dataclass
class Oracle:
    """The files summed by themselves: unique ids of rows with a time, by local date; rows in the order of the log."""

    rows: int = 0
    without_time: int = 0
    repeats: int = 0
    days: dict[str, Day] = field(default_factory=dict)


def summed(files: Iterable[Path]) -> Oracle:
    """Read the recordings once."""
    oracle, seen = Oracle(), set()
    for path in files:
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                oracle.rows += 1
                if not row["exec_date"]:
                    oracle.without_time += 1
                elif row["id"] in seen:
                    oracle.repeats += 1
                else:
                    seen.add(row["id"])
                    assert row["exec_date"].endswith("+09:00")
                    day = oracle.days.setdefault(row["exec_date"][:10], Day())
                    price, size = Decimal(row["price"]), Decimal(row["size"])
                    day.trades += 1
                    day.quantity = EXACT.add(day.quantity, size)
                    day.value = EXACT.add(day.value, EXACT.multiply(price, size))
    return oracle


def daemon_of(folder: Path, kafka: KafkaSettings) -> DaemonProcess:
    port = free_port()
    settings: dict[str, Any] = {
        "kafka": kafka.model_dump(mode="json"),
        "http": {"port": port},
        "corrections": {"horizon_days": 20_000},
        "entities": {
            ENTITY: {
                "reporting_currency": "JPY",
                "time_zone": "Asia/Tokyo",
                "calendar": "JP",
                "methods": [{"id": "house.composite"}],
            }
        },
    }
    config = folder / "reserve.yaml"
    config.write_text(yaml.safe_dump(settings))
    return DaemonProcess(config, folder / "daemon.log", port)


async def status(url: str, day: str | None = None) -> dict[str, Any] | None:
    """The status object, or None while the worker does not answer or does not hold the entity yet."""
    query = f"?date={day}" if day else ""
    try:
        async with aiohttp.ClientSession() as session, session.get(f"{url}/status/{ENTITY}{query}") as answer:
            return await answer.json() if answer.status == 200 else None
    except aiohttp.ClientError:
        return None


async def counts(url: str) -> Counter[str]:
    """Outcomes of the records of market.trades, as the journal has them."""
    found = await status(url)
    rows = [row for row in (found or {}).get("sources", ()) if row["topic"] == "market.trades"]
    return Counter({name: row[name] for row in rows for name in ("applied", "duplicate", "late", "dead_letter")})


async def read_upto(url: str, records: int) -> Counter[str]:
    """Wait until so many records of market.trades are accounted for."""
    async with asyncio.timeout(WAIT_S):
        while (found := await counts(url)).total() < records:  # noqa: ASYNC110 - another process is waited for
            await asyncio.sleep(0.2)
    return found


async def dead_letters(kafka: KafkaSettings) -> dict[tuple[str, ...], str]:
    """Reason by identity: a restart may repeat a dead letter, and it is still one."""
    from aiokafka import TopicPartition

    found = {}
    async for record in read_range(kafka, {TopicPartition(DEAD_LETTERS, 0): 0}):
        headers = {name: value.decode() for name, value in record.headers}
        identity = tuple(headers[f"dlq.{name}"] for name in ("topic", "epoch", "partition", "offset"))
        found[identity] = headers["dlq.reason"]
    return found


async def reconcile(files: Sequence[Path], tmp_path: Path) -> Oracle:
    """Publish recordings, kill the daemon between the two halves, start it again, and hold all it says against their sum."""
    oracle = summed(files)
    events = [
        event.line() for path in files for event in reader_of("bitflyer-executions")(text_lines(path), Given(entity=ENTITY))
    ]
    lines = [(f"line {number}", text) for number, text in enumerate(events)]
    async with EmbeddedBroker() as broker:
        kafka = broker.settings.model_copy(update={"journal_partitions": 2})
        await create_topics(kafka, topic_specs(kafka, TopicNames()))
        daemon = daemon_of(tmp_path, kafka)
        await daemon.start()
        try:
            half = len(lines) // 2
            async with Publisher(kafka, TopicNames()) as publisher:
                assert await replay(publisher, lines[:half]) == half
                before = await read_upto(daemon.url, oracle.rows // 3)
                await daemon.kill()
                assert before.total() < oracle.rows, "the kill must come in the middle"
                assert await replay(publisher, lines[half:]) == oracle.rows - half
            await daemon.start()
            found = await read_upto(daemon.url, oracle.rows)
            days = {day: await status(daemon.url, day) for day in oracle.days}
            letters = await dead_letters(kafka)
        finally:
            code = await daemon.stop()
    assert found == Counter(
        applied=sum(day.trades for day in oracle.days.values()), duplicate=oracle.repeats, dead_letter=oracle.without_time
    )
    for day, expected in oracle.days.items():
        _reconcile_day(day, expected, days[day])
    assert Counter(letters.values()) == {"wrong_type": oracle.without_time}
    assert all(topic in SOURCE_TOPICS for topic, *_ in letters)
    assert code == 0, daemon.last_words()
    return oracle


def _reconcile_day(day: str, expected: Day, said: dict[str, Any] | None) -> None:
    assert said is not None
    (row,) = [one for one in said["trade_flow"] if one["window"] == "day" and one["market"] == "BTC/JPY"]
    assert row["date"] == day
    assert row["trades"] == expected.trades
    assert Decimal(row["quantity"]) == expected.quantity
    assert Decimal(row["value"]) == expected.value
