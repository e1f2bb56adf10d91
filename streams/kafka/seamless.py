"""A consumer of the embedded broker that passes over no record, whatever the broker shows first.

The broker gives a batch its offsets and puts it into the log afterwards, a large one later than a small one that another
producer sent meanwhile. Measured: a reader is given 51 behind 49 while 50 is on its way, and where 1 was put before 0, the log
is said to begin at 1 for good. But nothing is ever deleted from these logs: they begin at 0, and have no gaps.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

_PATIENCE_S = 10.0

_log = structlog.get_logger(__name__)


class Seams:
    """Where partitions go on. A record that does not come within `patience_s` never will: its batch could not be put."""

    def __init__(self, patience_s: float = _PATIENCE_S, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience_s = patience_s
        self._clock = clock
        self._next: dict[TopicPartition, int] = {}
        self._missed: dict[TopicPartition, tuple[int, float]] = {}

    def begin(self, place: TopicPartition, offset: int) -> None:
        """The partition is read from `offset` on."""
        self._next[place] = offset

    def joined(self, place: TopicPartition, offsets: Sequence[int]) -> int:
        """How many of these new offsets follow without a gap; what is behind one is to be read again from `goes_on` on."""
        begun = self._next.get(place, offsets[0])
        count = len(offsets)
        if offsets[0] != begun or offsets[-1] - offsets[0] + 1 != count:
            count = self._without_gap(place, begun, offsets)
        if count:
            self._next[place] = offsets[count - 1] + 1
        return count

    def goes_on(self, place: TopicPartition) -> int:
        """The offset that follows what was read of the partition."""
        return self._next[place]

    def _without_gap(self, place: TopicPartition, begun: int, offsets: Sequence[int]) -> int:
        for index, offset in enumerate(offsets):
            wanted = begun if index == 0 else offsets[index - 1] + 1
            if offset > wanted and not self._given_up(place, wanted, offset):
                return index
        return len(offsets)

    def _given_up(self, place: TopicPartition, wanted: int, shown: int) -> bool:
        missed, since = self._missed.get(place, (-1, 0.0))
        if missed != wanted:
            self._missed[place] = wanted, self._clock()
            return False
        if self._clock() - since <= self._patience_s:
            return False
        _log.warning("offsets_without_records", topic=place.topic, partition=place.partition, first=wanted, behind=shown)
        return True


class SeamlessConsumer(AIOKafkaConsumer):
    """For readers that seek before they read; `seams` is for who takes records out of it by another way than `getmany`."""

    def __init__(self, *topics: str, **arguments: Any) -> None:
        super().__init__(*topics, **arguments)  # type: ignore[no-untyped-call]
        self.seams = Seams()

    async def beginning_offsets(self, partitions: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """Not what the broker says: see the module's head."""
        return dict.fromkeys(partitions, 0)

    async def seek_to_beginning(self, *partitions: TopicPartition) -> bool:
        """Of these partitions, or of all that are assigned."""
        for place in partitions or self.assignment():  # type: ignore[no-untyped-call]
            self.seek(place, 0)
        return True

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Read from there on."""
        super().seek(partition, offset)  # type: ignore[no-untyped-call]
        self.seams.begin(partition, offset)

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int = 0, max_records: int | None = None
    ) -> dict[TopicPartition, list[Any]]:
        """What follows without a gap; what lies behind one is fetched again."""
        found: dict[TopicPartition, list[Any]] = {}
        for place, records in (await super().getmany(*partitions, timeout_ms=timeout_ms, max_records=max_records)).items():
            count = self.seams.joined(place, [record.offset for record in records])
            if count < len(records):
                self.seek(place, self.seams.goes_on(place))
            if count:
                found[place] = records[:count]
        return found
