"""Refused records on their way to `reserve.dead-letters`: as they came, with the reason in headers (CONTRACT 2)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError

from monitor.core.journal.vocabulary import DEAD_LETTERS
from monitor.core.values.times import exact_time, from_ms
from monitor.settings.kafka import KafkaSettings
from streams.intake.segment.batches import DeadLetter, clamped
from streams.kafka.clients import ended, started_producer
from streams.kafka.topics import TopicNames

PREFIX = "dlq."


def headers_of(letter: DeadLetter, at: int) -> list[tuple[str, bytes]]:
    """The record's own headers, then ours; `at` (ns) is when it was refused."""
    ours = {
        "reason": letter.reason.value,
        "detail": letter.detail,
        "topic": letter.where.kind,
        "epoch": str(letter.where.epoch),
        "partition": str(letter.where.partition),
        "offset": str(letter.offset),
        "timestamp": exact_time(from_ms(clamped(letter.time_ms))),
        "at": exact_time(at),
    }
    if letter.where.feed is not None:
        ours["feed"] = letter.where.feed
    if letter.index is not None:
        ours["index"] = str(letter.index)
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

        A value that the topic has no room for is left out: the headers say where the record lies.
        """
        try:
            sent = await self._send(letter, letter.value, letter.detail)
        except MessageSizeTooLargeError:
            return await self._without_value(letter)
        return asyncio.ensure_future(self._settled(letter, sent))

    async def _settled(self, letter: DeadLetter, sent: asyncio.Future[Any]) -> Any:
        try:
            return await sent
        except MessageSizeTooLargeError:
            return await (await self._without_value(letter))

    async def _without_value(self, letter: DeadLetter) -> asyncio.Future[Any]:
        size = len(letter.value or b"")
        return await self._send(letter, None, f"{letter.detail}; the value of {size} bytes stays in the source, too large here")

    async def _send(self, letter: DeadLetter, value: bytes | None, detail: str) -> asyncio.Future[Any]:
        if self._producer is None:
            raise RuntimeError("the dead-letter producer is not started")
        headers = headers_of(replace(letter, detail=detail), self._clock())
        result: asyncio.Future[Any] = await self._producer.send(self._topic, value=value, key=letter.key, headers=headers)
        return result
