"""The published entries and checkpoints of an entity, from Kafka or from a bundle, for the commands that read them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitor.errors import UsageError

if TYPE_CHECKING:
    from monitor.settings.load import Settings


def in_bundle(path: Path) -> Iterator[Mapping[str, Any]]:
    """Entries by topic, then checkpoints, of a bundle; nothing of it is verified. `UsageError` for a file that is none."""
    from monitor.audit.bundle import OUTPUTS, SEALS
    from monitor.audit.container import Reader
    from monitor.audit.faults import Fault

    if not path.is_file():
        raise UsageError(f"{path}: there is no such file")
    try:
        reader = Reader(path)
        for member in (*OUTPUTS.values(), SEALS):
            yield from (json.loads(line) for line in reader.lines(member))
    except (Fault, ValueError) as error:
        raise UsageError(f"{path}: is not a bundle as `audit export` writes it: {error}") from None


def in_kafka(settings: Settings, entity: str) -> list[Mapping[str, Any]]:
    """Entries that the output topics keep, then checkpoints."""
    from monitor.audit.bundle import Origin
    from monitor.core.journal.records import journal_partition
    from streams.kafka.topics import TopicNames
    from streams.lookup.evidence import chain_of

    kafka, names = settings.kafka, TopicNames(settings.source_names())
    count = kafka.journal_partitions
    origin = Origin(entity, journal_partition(entity, count), count, not kafka.embedded)

    async def read() -> list[Mapping[str, Any]]:
        return [value async for value in chain_of(kafka, names, origin)]

    return asyncio.run(read())
