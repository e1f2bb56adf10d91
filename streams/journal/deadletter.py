"""Refused records on their way to `reserve.dead-letters`: as they came, with the reason in headers (CONTRACT 2).

Intake refuses what it can tell by itself, the assessor what only the engine knows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError

from monitor.core.journal.vocabulary import DEAD_LETTERS
from monitor.settings.kafka import KafkaSettings
from streams.kafka.clients import ended, started_producer
from streams.kafka.topics import TopicNames
from streams.wire.rejected import DeadLetter, headers_of

_LONGEST_KEY = 1024


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
