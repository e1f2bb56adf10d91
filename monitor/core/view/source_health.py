"""What a journal partition's source partitions have in common for all its entities: how far read, and whether trustworthy."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from monitor.core.book.book import Shared
from monitor.core.book.sources.freshness import Counts, rules_of
from monitor.core.journal.vocabulary import SOURCE_TOPICS

Health = tuple[tuple[bool | None, bool, int | None], ...]
"""Per source topic: whether past its bad share, whether lossy now, and since when records are lost."""


def health_of(shared: Shared) -> Health:
    """The health of every source topic; it changes seldom, while progress comes every second."""
    return tuple(_health_of_topic(shared, topic) for topic in SOURCE_TOPICS)


def source_positions(shared: Shared) -> list[dict[str, Any]]:
    """The `sources` of an assessment: how far each source partition is read (CONTRACT 2)."""
    return [
        {"topic": where.topic, "epoch": where.epoch, "partition": where.partition, "upto": upto}
        for where, upto in shared.flow.read_positions()
    ]


def past_bad_share(shared: Shared, topic: str) -> bool | None:
    """Whether a topic's dead letters are past its share; None where they would be, of too few records to judge by.

    A segment that has just begun is no proof that its source is well again.
    """
    if shared.unhealthy(topic):
        return True
    rules = rules_of(shared.config.sources, topic)
    for where, counts in shared.flow.open_counts():
        if where.topic == topic and where.epoch >= rules.epoch and _past(counts, rules.bad_share):
            return None
    return False


def _past(counts: Counts, bad_share: Decimal | None) -> bool:
    return bad_share is not None and counts.dead_letter > bad_share * sum(counts.values())


def _health_of_topic(shared: Shared, topic: str) -> tuple[bool | None, bool, int | None]:
    epoch = rules_of(shared.config.sources, topic).epoch
    return past_bad_share(shared, topic), shared.flow.lossy(topic, epoch), shared.sources.lost_since(topic, epoch, {})
