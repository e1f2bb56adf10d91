"""Holes: offsets of which the journal cannot say what they held, and topics that were made anew (JOURNAL 3 Completeness).

A hole stays a gap until the topic's epoch is raised above its own or an operation dismisses an offset in it: what is lost
does not come back by waiting.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from monitor.core.journal.records import SourcePartition

HOLES_KEPT = 1000


@dataclass(frozen=True, slots=True, order=True)
class Hole:
    """Offsets [`low`, `high`) of a source partition that are lost; `since` (ns) is when that was seen."""

    where: SourcePartition
    low: int
    high: int
    since: int


class Holes:
    """What is lost of the source topics in one journal partition. What changes it says whether it did."""

    def __init__(self) -> None:
        self._holes: dict[Hole, None] = {}
        self._made: dict[str, int] = {}
        self._logs: dict[SourcePartition, str] = {}
        self._other_logs: dict[SourcePartition, int] = {}

    def add(self, hole: Hole) -> bool:
        """Offsets were lost."""
        if hole.low == hole.high:
            return False
        self._holes[hole] = None
        self._made[hole.where.topic] = self._made.get(hole.where.topic, 0) + 1
        while len(self._holes) > HOLES_KEPT:
            del self._holes[next(iter(self._holes))]
        return True

    def log_id(self, where: SourcePartition, log: str | None, at: int) -> bool:
        """A record names the log it was read from: another one under a known epoch means the topic was made anew."""
        if log is None or self._logs.get(where) == log:
            return False
        if where in self._logs:
            self._other_logs.setdefault(where, at)
        self._logs.setdefault(where, log)
        return True

    def lost_since(self, topic: str, epoch: int, dismissed: Mapping[SourcePartition, tuple[int, ...]]) -> int | None:
        """Since when records of the topic are known to be lost, holes with a dismissed offset apart; None: none are."""
        if not self._holes and not self._other_logs:
            return None
        times = [
            hole.since
            for hole in self._holes
            if hole.where.topic == topic
            and hole.where.epoch >= epoch
            and not any(hole.low <= offset < hole.high for offset in dismissed.get(hole.where, ()))
        ]
        times += [at for where, at in self._other_logs.items() if where.topic == topic and where.epoch >= epoch]
        return min(times, default=None)

    def made(self) -> dict[str, int]:
        """Holes ever seen by topic, sorted."""
        return dict(sorted(self._made.items()))

    def state(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "holes": [[*_place(h.where), h.low, h.high, str(h.since)] for h in self._holes],
            "made": self._made,
            "logs": [[*_place(where), log] for where, log in self._logs.items()],
            "other_logs": [[*_place(where), str(at)] for where, at in self._other_logs.items()],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take what `state` gave."""
        for topic, epoch, partition, low, high, since in state["holes"]:
            self._holes[Hole(SourcePartition(topic, epoch, partition), low, high, int(since))] = None
        self._made = dict(state["made"])
        self._logs = {SourcePartition(t, e, p): log for t, e, p, log in state["logs"]}
        self._other_logs = {SourcePartition(t, e, p): int(at) for t, e, p, at in state["other_logs"]}


def _place(where: SourcePartition) -> tuple[str, int, int]:
    return where.topic, where.epoch, where.partition
