"""The published entries and checkpoints of an entity, from Kafka, an archive or a bundle, for the commands that read them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitor.errors import UsageError

if TYPE_CHECKING:
    from monitor.settings.load import Settings
    from streams.lookup.logs import TopicLog


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


def in_log(log: TopicLog, entity: str) -> list[Mapping[str, Any]]:
    """Entries that the output topics hold there, then checkpoints."""
    return asyncio.run(entries_of(log, entity))


async def entries_of(log: TopicLog, entity: str, since: int | None = None, until: int | None = None) -> list[Mapping[str, Any]]:
    """As `in_log`, from within a running loop; those written from `since` to `until` (ns) at least."""
    from monitor.audit.bundle import Origin
    from monitor.core.journal.records import journal_partition
    from streams.lookup.evidence import chain_of
    from streams.lookup.logs import Span

    origin = Origin(entity, journal_partition(entity, log.partitions), log.partitions, log.broker_time)
    return [value async for value in chain_of(log, origin, Span(since, until))]


def log_at(archive: str | None, settings: Settings) -> TopicLog:
    """The archive that a command names, or Kafka where it names none."""
    from monitor.cli.evidence.archives import archive_at
    from streams.kafka.topics import topic_names
    from streams.lookup.logs import ArchiveLog, KafkaLog

    if archive is not None:
        return ArchiveLog(archive_at(archive, settings))
    return KafkaLog(settings.kafka, topic_names(settings))
