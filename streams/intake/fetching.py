"""How batches come out of aiokafka: one await a round for all partitions, as columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.intake.segments import Batch


class Fetch(Protocol):
    """What is new in the partitions that are not paused, after at most `wait_ms`."""

    async def __call__(self, wait_ms: int) -> Mapping[TopicPartition, Batch]: ...


class PublicFetch:
    """By `getmany`, the public way: every record is an object of its own."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer

    async def __call__(self, wait_ms: int) -> Mapping[TopicPartition, Batch]:
        """Raises what `getmany` raises."""
        fetched = await self._consumer.getmany(timeout_ms=wait_ms)
        return {tp: batch_of(records) for tp, records in fetched.items()}


def batch_of(records: Sequence[Any]) -> Batch:
    """Consumer records as columns."""

    def original(index: int) -> tuple[bytes | None, Sequence[tuple[str, bytes]]]:
        return records[index].key, records[index].headers

    return Batch([r.offset for r in records], [r.timestamp for r in records], [r.value for r in records], original)
