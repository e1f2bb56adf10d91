"""Keeps a web page's memory of what was published, read from the output topics: it outlives a restart, as they do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from aiokafka import TopicPartition

from monitor.core.journal.vocabulary import ALERTS, ASSESSMENTS
from monitor.errors import MonitorError
from monitor.nesting import json_of
from monitor.settings.kafka import KafkaSettings
from streams.kafka.reading import follow
from streams.kafka.topics import TopicNames

AGAIN_S = 30.0
_DAY_MS = 86_400_000

_log = structlog.get_logger(__name__)


async def remember(
    settings: KafkaSettings, names: TopicNames, days: int, take: Callable[[Mapping[str, Any]], None], again_s: float = AGAIN_S
) -> None:
    """Hands every assessment and alert of the last `days` to `take`, and then each new one, for ever.

    Where the broker is away it begins anew after `again_s`: what is taken twice is the same.
    """
    count = settings.journal_partitions
    partitions = [TopicPartition(names.of(topic), n) for topic in (ASSESSMENTS, ALERTS) for n in range(count)]
    while True:
        try:
            async for record in follow(settings, partitions, int(time.time() * 1000) - days * _DAY_MS):
                if record.value is not None:
                    taken(record, take)
        except MonitorError as error:
            _log.warning("published_not_read", detail=str(error))
        await asyncio.sleep(again_s)


def taken(record: Any, take: Callable[[Mapping[str, Any]], None]) -> None:
    """What is no output, whoever wrote it there, is told and left out."""
    try:
        take(json_of(record.value))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        _log.warning(
            "published_unreadable", topic=record.topic, partition=record.partition, offset=record.offset, detail=repr(error)
        )
