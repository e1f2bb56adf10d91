"""Trades whose key does not keep all records of one trade id in one partition: a repeat in another counts twice (JOURNAL 4).

Intake sees it where it looks (`streams.intake.segment.trades.keys`) and says so in the entity's flow. What counted twice does
not go away by itself: the mark stays until the topic's epoch is raised or a person dismisses an offset at or above the last.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from monitor.core.journal.records import SourcePartition, Statement
from monitor.core.values.times import parse_time

BUCKET = "keys"


class UnsafeKeys:
    """Per source partition the last offset that was seen with such a key, and the log time (ns) of the first."""

    def __init__(self, dirty: set[str]) -> None:
        self._dirty = dirty
        self._seen: dict[SourcePartition, tuple[int, int]] = {}

    def take(self, statement: Statement) -> None:
        """Take a `flow` record."""
        told = statement.body.get("keys_unsafe")
        if told is None or statement.source is None:
            return
        where, first = statement.source.where, parse_time(told["since"])
        last, since = self._seen.get(where, (-1, first))
        new = (max(last, told["last"]), min(since, first))
        if new != (last, since):
            self._seen[where] = new
            self._dirty.add(BUCKET)

    def since(self, topic: str, epoch: int, dismissed: Mapping[SourcePartition, tuple[int, ...]]) -> int | None:
        """Log time of the first such record of a topic or feed that was not dismissed; None for none."""
        if not self._seen:
            return None
        return min(
            (
                since
                for where, (last, since) in self._seen.items()
                if where.topic == topic and where.epoch >= epoch and max(dismissed.get(where, ()), default=-1) < last
            ),
            default=None,
        )

    def names(self) -> Iterator[str]:
        """Names of the buckets."""
        if self._seen:
            yield BUCKET

    def bucket(self, name: str) -> Any:
        """The bucket as JSON values; None when it is empty."""
        if name != BUCKET or not self._seen:
            return None
        return [[w.topic, w.epoch, w.partition, last, str(since)] for w, (last, since) in sorted(self._seen.items())]

    def restore(self, buckets: Mapping[str, Any]) -> None:
        """Take the state of the bucket `keys`."""
        for topic, epoch, partition, last, since in buckets.get(BUCKET) or ():
            self._seen[SourcePartition(topic, epoch, partition)] = (last, int(since))
