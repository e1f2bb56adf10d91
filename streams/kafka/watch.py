"""Whether a broker answers: asked for its metadata from time to time, since a client without a broker just waits."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from monitor.errors import ConnectionProblem
from monitor.settings.kafka import KafkaSettings
from streams.kafka.clients import consumer, ended, started

_ASK_S = 5.0
_ANSWER_S = 5.0


class BrokerWatch:
    """Runs beside the stages. `silent_s` is how long ago the broker answered last, counted from `run` on."""

    def __init__(self, kafka: KafkaSettings, every_s: float = _ASK_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._kafka = kafka
        self._every_s = every_s
        self._clock = clock
        self._answered = clock()

    @property
    def silent_s(self) -> float:
        """Seconds since the last answer."""
        return self._clock() - self._answered

    async def run(self) -> None:
        """Ask for ever; a broker that is away is asked again."""
        self._answered = self._clock()  # a start that took long says nothing of the broker: it was reached
        while True:
            client = consumer(self._kafka)
            try:
                with contextlib.suppress(ConnectionProblem):
                    await self._ask(await started(client, self._kafka))
            finally:
                await ended(client)
            await asyncio.sleep(self._every_s)

    async def _ask(self, client: AIOKafkaConsumer) -> None:
        while True:
            with contextlib.suppress(KafkaError, OSError, TimeoutError):
                await asyncio.wait_for(client.topics(), _ANSWER_S)
                self._answered = self._clock()
            await asyncio.sleep(self._every_s)
