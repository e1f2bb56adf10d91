"""Members with a name of their own (`kafka.instance_id`): one that is started again comes back to its partitions, and the group
does not share anew. Apache Kafka alone: the embedded broker knows no such members.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import NewPartitions

from monitor.core.journal.vocabulary import BALANCES
from streams.assessor.worker import Assessor
from streams.dispatch.worker import Dispatcher
from streams.intake.worker import Intake
from streams.kafka.clients import admin, ended, started
from tests.bench import Observed
from tests.contract.conftest import Broker
from tests.contract.test_intake import balance
from tests.intake_broker import Counting, configuration, publish, until

pytestmark = pytest.mark.timeout(150)


class Nobody:
    """An observer that looks away."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


@pytest.fixture
async def kafka(broker: Broker) -> Broker:
    if broker.settings.embedded:
        pytest.skip("the embedded broker knows no static members")
    await broker.create()
    return broker


@contextlib.asynccontextmanager
async def member(broker: Broker, stage: str, name: str) -> AsyncIterator[Any]:
    """A worker of a stage under a name, reading; it ends in order."""
    kafka = broker.settings.model_copy(update={"instance_id": name, "session_s": 10})
    worker: Any
    if stage == "intake":
        worker = Intake(kafka, broker.names, configuration(kafka.journal_partitions), Counting(), 0.2)
    elif stage == "assessor":
        worker = Assessor(kafka, broker.names, Nobody())
    else:
        worker = Dispatcher(kafka, broker.names, {}, Observed())
    await worker.start()
    running = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        await worker.stop()
        await running


def held(worker: Any) -> dict[Any, int]:
    """The partitions of a worker, each with the generation of the group in which it was given."""
    if isinstance(worker, Assessor):
        thread = worker._app.consumer._thread
        client = thread._consumer
    else:
        client = worker._consumer
    return dict.fromkeys(client.assignment(), client._coordinator.generation)


@pytest.mark.parametrize("stage", ["intake", "assessor", "dispatcher"])
async def test_one_that_comes_back_has_what_it_had_and_the_others_go_on(kafka: Broker, stage: str) -> None:
    async with member(kafka, stage, "b") as other:
        async with member(kafka, stage, "a") as first:
            await until(lambda: first.ready and other.ready and bool(held(first)) and bool(held(other)))
            had, others = held(first), held(other)
        async with member(kafka, stage, "a") as again:
            await until(lambda: again.ready)
            assert held(again) == had, "the same partitions, in the same generation"
        async with member(kafka, stage, "c") as new:
            await until(lambda: new.ready and other.ready and bool(held(new)))
            assert min(held(other).values()) > max(others.values()), "whoever is new makes the group share anew"
    assert set(had)
    assert not set(had) & set(others)


async def test_added_partitions_are_taken_up_by_the_one_that_came_back(kafka: Broker) -> None:
    """What lets it fail: the broker does not tell a member that comes back that it is the one who shares out."""
    topic = kafka.names.of(BALANCES)
    async with member(kafka, "intake", "a") as first:
        await until(lambda: first.ready)
    async with member(kafka, "intake", "a") as again:
        await until(lambda: again.ready)
        client = await started(admin(kafka.settings), kafka.settings)
        try:
            await client.create_partitions({topic: NewPartitions(3)})
        finally:
            await ended(client)
        await again._consumer._client.force_metadata_update()  # which it asks for every half a minute
        await publish(kafka.settings, [(topic, 2, b"a", balance())])
        work = again._works
        await until(lambda: (found := work.get(TopicPartition(topic, 2))) is not None and found.position == 1)
