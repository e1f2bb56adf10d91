"""Finding a published output by its digest or an alert by its fingerprint, in the output topics."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from aiokafka import TopicPartition

from monitor.core.journal.vocabulary import ALERTS, ASSESSMENTS, EXPOSURES
from monitor.settings.kafka import KafkaSettings
from streams.kafka.reading import read_range
from streams.kafka.topics import TopicNames, require_there

Picks = Callable[[dict[str, Any]], bool]


async def find_alerts(settings: KafkaSettings, names: TopicNames, fingerprint: str) -> list[dict[str, Any]]:
    """All changes of an alert that are still kept, by revision, each once."""
    found = {
        (value["revision"], value["digest"]): value
        async for _, value in _outputs(settings, names, (ALERTS,), fingerprint)
        if value.get("fingerprint") == fingerprint
    }
    return [found[key] for key in sorted(found)]


async def find_digest(settings: KafkaSettings, names: TopicNames, digest: str) -> tuple[str, dict[str, Any]] | None:
    """The output with this `digest` or `result_digest`, and the default name of its topic; None when none is kept."""
    async for topic, value in _outputs(settings, names, (ASSESSMENTS, ALERTS, EXPOSURES), digest):
        if digest in {value.get("digest"), value.get("result_digest")}:
            return topic, value
    return None


async def find_beginning(settings: KafkaSettings, names: TopicNames, digest: str) -> dict[str, Any] | None:
    """The first output found whose `digest` begins so; None when none is kept."""
    async for _, value in _outputs(settings, names, (ASSESSMENTS, ALERTS, EXPOSURES), digest):
        if value["digest"].startswith(digest):
            return value
    return None


async def _outputs(
    settings: KafkaSettings, names: TopicNames, topics: tuple[str, ...], holding: str
) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """Records of output topics whose bytes hold a text."""
    sought = holding.encode()
    await require_there(settings, names, *topics)
    for topic in topics:
        starts = {TopicPartition(names.of(topic), partition): 0 for partition in range(settings.journal_partitions)}
        async for record in read_range(settings, starts):
            if record.value is not None and sought in record.value:
                yield topic, json.loads(record.value)
