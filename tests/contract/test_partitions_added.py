"""Partitions added to a source topic while intake runs: it takes them up by itself, from their first record. Apache Kafka alone:
the embedded broker adds none.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import NewPartitions

from monitor.core.journal.vocabulary import BALANCES
from streams.intake.worker import Intake
from streams.kafka.clients import admin, ended, started
from tests.contract.test_intake import balance
from tests.intake_broker import Counting, configuration, journal, publish
from tests.receivers import until

WAIT_S = 90
"""A consumer looks for new partitions every 30 s."""


@pytest.mark.timeout(150)
async def test_a_running_intake_takes_added_partitions_up(broker: Any) -> None:
    if broker.settings.embedded:
        pytest.skip("the embedded broker adds no partitions")
    await broker.create()
    settings, topic = broker.settings, broker.names.of(BALANCES)
    intake = Intake(settings, broker.names, configuration(settings.journal_partitions), Counting(), 0.2)
    await publish(settings, [(topic, 0, b"a", balance())])
    await intake.start()
    running = asyncio.create_task(intake.run())
    added = TopicPartition(topic, 2)
    try:
        await until(lambda: running.done() or _read(intake, TopicPartition(topic, 0)) == 1)
        client = await started(admin(settings), settings)
        try:
            await client.create_partitions({topic: NewPartitions(3)})
        finally:
            await ended(client)
        await asyncio.sleep(1)
        await publish(settings, [(topic, 2, b"a", balance(event_id="b-2", account="w-2", as_of="2026-01-05T00:01:00Z"))])
        await until(lambda: running.done() or _read(intake, added) == 1, WAIT_S, "the added partition being read")
    finally:
        await intake.stop()
    await running
    values = [json.loads(data) for log in await journal(settings, broker.names) for data in log]
    assert {one["body"]["event_id"] for one in values if one["kind"] == "position"} == {"b-1", "b-2"}, (
        "what was read again after the new assignment is known by its offset"
    )


def _read(intake: Intake, place: TopicPartition) -> int | None:
    work = intake._works.get(place)
    return None if work is None else work.position
