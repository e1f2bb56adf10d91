"""How long the fetches of a consumer wait at the broker: short while records come, longer once none has come for a while.

A short wait has two reasons. aiokafka has one request under way, so that a partition to be read on waits while the broker
holds back its answer for idle ones: with 500 ms one partition of Apache Kafka gave a fifth of what it gives with 20. And the
embedded broker looks for records only at the middle and the end of a wait. Neither is one where nothing comes: Apache Kafka
answers at the first record, and on the embedded broker half a wait is what the first record of a quiet time may lie there.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, ClassVar

from aiokafka import AIOKafkaConsumer

from monitor.settings.kafka import KafkaSettings
from streams.kafka.clients import fetch_wait_ms

_BUSY_MS = 20
_IDLE_MS, _EMBEDDED_IDLE_MS = 500, 100
_QUIET_S = 2.0
"""So long without a record is quiet: longer than what comes every second, such as trades that are flushed."""


def busy_wait_ms(settings: KafkaSettings) -> int:
    """How long a fetch of intake may wait while records come."""
    return fetch_wait_ms(settings) if settings.embedded else _BUSY_MS


def idle_wait_ms(settings: KafkaSettings) -> int:
    """How long a fetch may wait where nothing comes."""
    return _EMBEDDED_IDLE_MS if settings.embedded else _IDLE_MS


class FetchPace:
    """Of one consumer, which is started; `busy_ms` and `idle_ms`: the two waits. `clock` gives seconds.

    What one consumer of a process hears the others are about to hear, stage after stage: so all are quick then. A record
    that only says the time is not passed on; what a stage makes of it is told by `passed_on`.
    """

    _heard: ClassVar[float] = float("-inf")

    def __init__(
        self, consumer: AIOKafkaConsumer, busy_ms: int, idle_ms: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fetcher: Any = consumer._fetcher  # noqa: SLF001 - its wait is read at each request, and no method changes it
        self._busy_ms, self._idle_ms, self._clock = busy_ms, idle_ms, clock

    @classmethod
    def passed_on(cls) -> None:
        """Tell that this process sent what its next stage is about to hear."""
        cls._heard = time.monotonic()

    def after(self, fetched: object) -> None:
        """Tell what a call brought: records, or nothing."""
        now = self._clock()
        if fetched:
            FetchPace._heard = now
        quiet = now - FetchPace._heard >= _QUIET_S
        self._fetcher._fetch_max_wait_ms = self._idle_ms if quiet else self._busy_ms  # noqa: SLF001 - see above
