"""What intake tells whoever watches it: metrics implement this, tests may, nothing here knows how."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from monitor.core.journal.records import SourcePartition

_SEGMENTS_KEPT = 8


class IntakeObserver(Protocol):
    """Called from intake's event loop; an implementation returns at once and does not raise."""

    def counted(self, topic: str, outcome: str, count: int) -> None:
        """`count` records of a source topic (its default name) became `outcome`."""

    def dead_letter(self, topic: str, reason: str) -> None:
        """A record was refused; its outcome is told to `counted` like every other."""

    def keys_unsafe(self, topic: str, count: int) -> None:
        """`count` records of a topic of several partitions have a key that may part the records of one trade id."""

    def lag(self, topic: str, partition: int, records: int | None) -> None:
        """Records of a source partition not read yet; None when it is no longer read here."""


class SegmentCounts:
    """What was told of the newest segments of each partition: what is read again when they are shared anew counts once."""

    def __init__(self) -> None:
        self._told: dict[SourcePartition, dict[int, dict[str, int]]] = {}

    def news(self, where: SourcePartition, start: int, counts: Mapping[str, int]) -> list[tuple[str, int]]:
        """Of each outcome how many more the segment that begins at `start` has by now than were told before."""
        segments = self._told.setdefault(where, {})
        known = segments.setdefault(start, {})
        if len(segments) > _SEGMENTS_KEPT:
            del segments[next(iter(segments))]
        found = [(outcome, count - known.get(outcome, 0)) for outcome, count in counts.items() if count > known.get(outcome, 0)]
        for outcome, count in found:
            known[outcome] = known.get(outcome, 0) + count
        return found
