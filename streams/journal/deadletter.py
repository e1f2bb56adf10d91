"""Refused records on their way to `reserve.dead-letters`: as they came, with the reason in headers (CONTRACT 2).

Intake refuses what it can tell by itself, the assessor what only the engine knows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError

from monitor.core.journal.records import SourcePartition
from monitor.core.journal.vocabulary import DEAD_LETTERS
from monitor.core.values.times import exact_time
from monitor.settings.kafka import KafkaSettings
from streams.kafka.clients import ended, started_producer
from streams.kafka.topics import TopicNames
from streams.wire.reasons import Reason

PREFIX = "dlq."
_LONGEST_KEY = 1024


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A refused record, as it came, with the reason and where it lies; `logged_at` is in ns.

    `index` is the refused element of a feed's record; None where the record as a whole cannot be read, or is the event.
    Of a record the feed's first letter has value and headers; `left_out` is the size of the value that the others do without.
    """

    where: SourcePartition
    offset: int
    logged_at: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    reason: Reason
    detail: str
    index: int | None = None
    entity: str | None = None
    left_out: int | None = None


def headers_of(letter: DeadLetter, at: int) -> list[tuple[str, bytes]]:
    """The record's own headers, then ours; `at` (ns) is when it was refused."""
    ours = {
        "reason": letter.reason.value,
        "detail": letter.detail,
        "topic": letter.where.kind,
        "epoch": str(letter.where.epoch),
        "partition": str(letter.where.partition),
        "offset": str(letter.offset),
        "timestamp": exact_time(letter.logged_at),
        "at": exact_time(at),
    }
    if letter.where.feed is not None:
        ours["feed"] = letter.where.feed
    optional = {"index": letter.index, "entity": letter.entity, "left_out": letter.left_out}
    ours |= {name: str(value) for name, value in optional.items() if value is not None}
    return [*letter.headers, *((PREFIX + name, text.encode("utf-8", "backslashreplace")) for name, text in ours.items())]


class DeadLetterProducer:
    """Writes dead letters."""

    def __init__(self, settings: KafkaSettings, names: TopicNames, clock: Callable[[], int]) -> None:
        self._settings = settings
        self._topic = names.of(DEAD_LETTERS)
        self._clock = clock
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Connect; `ConnectionProblem` without a broker."""
        self._producer = await started_producer(self._settings)

    async def stop(self) -> None:
        """Send what is buffered, then disconnect."""
        client, self._producer = self._producer, None
        if client is not None:
            await ended(client)

    async def send(self, letter: DeadLetter) -> asyncio.Future[Any]:
        """Hand a letter over; the future is done once it is acknowledged.

        Where the topic has no room for a record, value and headers are left out: the letter says where it lies.
        """
        try:
            sent = await self._send(letter)
        except MessageSizeTooLargeError:
            return await self._without_value(letter)
        return asyncio.ensure_future(self._settled(letter, sent))

    async def _settled(self, letter: DeadLetter, sent: asyncio.Future[Any]) -> Any:
        try:
            return await sent
        except MessageSizeTooLargeError:
            return await (await self._without_value(letter))

    async def _without_value(self, letter: DeadLetter) -> asyncio.Future[Any]:
        key = letter.key if letter.key is None or len(letter.key) <= _LONGEST_KEY else None
        return await self._send(replace(letter, key=key, value=None, headers=(), left_out=len(letter.value or b"")))

    async def _send(self, letter: DeadLetter) -> asyncio.Future[Any]:
        if self._producer is None:
            raise RuntimeError("the dead-letter producer is not started")
        headers = headers_of(letter, self._clock())
        result: asyncio.Future[Any] = await self._producer.send(self._topic, value=letter.value, key=letter.key, headers=headers)
        return result
