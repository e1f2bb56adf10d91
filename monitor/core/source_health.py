"""What a journal partition's source partitions have in common for all its entities: how far read, and whether trustworthy."""

from __future__ import annotations

from typing import Any

from monitor.core.book import Shared
from monitor.core.sources import TOPICS, rules_of

Health = tuple[tuple[bool, bool, int | None], ...]
"""Per source topic: whether unhealthy, whether lossy now, and since when records are lost."""


def health_of(shared: Shared) -> Health:
    """The health of every source topic; it changes seldom, while progress comes every second."""
    return tuple(_health_of_topic(shared, topic) for topic in TOPICS)


def source_positions(shared: Shared) -> list[dict[str, Any]]:
    """The `sources` of an assessment: how far each source partition is read (CONTRACT 2)."""
    return [
        {"topic": where.topic, "epoch": where.epoch, "partition": where.partition, "upto": upto}
        for where, upto in shared.flow.read_positions()
    ]


def _health_of_topic(shared: Shared, topic: str) -> tuple[bool, bool, int | None]:
    epoch = rules_of(shared.config.sources, topic).epoch
    return shared.unhealthy(topic), shared.flow.lossy(topic, epoch), shared.sources.lost_since(topic, epoch, {})
