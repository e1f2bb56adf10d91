"""How well the source topics are heard: counts, bad share, silence, holes (JOURNAL 3 Completeness, CONTRACT 4).

A hole stays a gap until the topic's epoch is raised above its own or an operation dismisses an offset in it: what is lost
does not come back by waiting.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, astuple, dataclass
from decimal import Decimal
from typing import Any

from monitor.core.configuration.configuration import SourceRules
from monitor.core.journal.records import SourcePartition

JUDGED_FROM = 100
"""Records of a segment from which its bad share is judged."""
HOLES_KEPT = 1000
VERDICTS_KEPT = 1000
META = "sources"


@dataclass(frozen=True, slots=True)
class OutcomeCounts:
    """Outcomes of records; disjoint. `conflict`: trades that repeat the id of another with other figures."""

    applied: int = 0
    duplicate: int = 0
    late: int = 0
    dead_letter: int = 0
    filtered: int = 0
    conflict: int = 0

    def plus(self, other: OutcomeCounts) -> OutcomeCounts:
        """The sum."""
        return OutcomeCounts(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def values(self) -> tuple[int, ...]:
        """In the order of the fields; the last two only where there were any."""
        return astuple(self)[: 6 if self.conflict else 5 if self.filtered else 4]

    def unhealthy(self, bad_share: Decimal | None) -> bool:
        """Whether dead letters are past the share, from 100 records on; those that a feed leaves out do not count."""
        return self.past(bad_share) and self.enough

    def of_each(self) -> dict[str, int]:
        """By outcome."""
        return asdict(self)

    @property
    def enough(self) -> bool:
        """Whether there are records enough to judge by."""
        return self.taken >= JUDGED_FROM

    def past(self, bad_share: Decimal | None) -> bool:
        """Whether dead letters are past the share, of however few records."""
        return bad_share is not None and self.dead_letter > bad_share * self.taken

    @property
    def taken(self) -> int:
        """Records that are meant for the feed."""
        return self.applied + self.duplicate + self.conflict + self.late + self.dead_letter


@dataclass(frozen=True, slots=True, order=True)
class Hole:
    """Offsets [`low`, `high`) of a source partition that are lost; `since` (ns) is when that was seen."""

    where: SourcePartition
    low: int
    high: int
    since: int


class Sources:
    """What is known of the source topics in one journal partition."""

    def __init__(self, dirty: set[str]) -> None:
        self._dirty = dirty
        self._holes: dict[Hole, None] = {}
        self._made: dict[str, int] = {}
        self._counts: dict[str, OutcomeCounts] = {}
        self._newest_log: dict[str, int] = {}
        self._logs: dict[SourcePartition, str] = {}
        self._other_logs: dict[SourcePartition, int] = {}
        self._verdicts: dict[str, list[tuple[int, bool]]] = {}

    def judge(self, topic: str, clock: int, *, unhealthy: bool) -> None:
        """The verdict on a topic's bad share at `clock` (ns), kept over time where it changes."""
        kept = self._verdicts.get(topic, [])
        if unhealthy != (kept[-1][1] if kept else False):
            kept.append((clock, unhealthy))
            self._verdicts[topic] = kept[-VERDICTS_KEPT:]
            self._dirty.add(META)

    def was_unhealthy(self, topic: str, at: int) -> bool:
        """The verdict that held at `at` (ns)."""
        kept = self._verdicts.get(topic, ())
        return next((verdict for since, verdict in reversed(kept) if since <= at), False)

    def log_id(self, where: SourcePartition, log: str | None, at: int) -> None:
        """A record names the log it was read from: another one under a known epoch means the topic was made anew."""
        if log is None or self._logs.get(where) == log:
            return
        if where in self._logs:
            self._other_logs.setdefault(where, at)
        self._logs.setdefault(where, log)
        self._dirty.add(META)

    def hole(self, hole: Hole) -> None:
        """Offsets were lost."""
        if hole.low == hole.high:
            return
        self._holes[hole] = None
        self._made[hole.where.topic] = self._made.get(hole.where.topic, 0) + 1
        while len(self._holes) > HOLES_KEPT:
            del self._holes[next(iter(self._holes))]
        self._dirty.add(META)

    def closed(self, topic: str, counts: OutcomeCounts) -> None:
        """A segment is closed: its outcomes are for good."""
        self._counts[topic] = self._counts.get(topic, OutcomeCounts()).plus(counts)
        self._dirty.add(META)

    def heard(self, topic: str, newest_log: int | None) -> None:
        """Log time of the newest record of a topic, whoever's."""
        if newest_log is not None and newest_log > self._newest_log.get(topic, 0):
            self._newest_log[topic] = newest_log
            self._dirty.add(META)

    def counts(self, topic: str) -> OutcomeCounts:
        """Outcomes of all closed segments."""
        return self._counts.get(topic, OutcomeCounts())

    def newest_log(self, topic: str) -> int | None:
        """Log time of the newest record of the topic, whoever's."""
        return self._newest_log.get(topic)

    def lost_since(self, topic: str, epoch: int, dismissed: Mapping[SourcePartition, tuple[int, ...]]) -> int | None:
        """Since when records of the topic are known to be lost, holes with a dismissed offset apart; None: none are."""
        times = [
            hole.since
            for hole in self._holes
            if hole.where.topic == topic
            and hole.where.epoch >= epoch
            and not any(hole.low <= offset < hole.high for offset in dismissed.get(hole.where, ()))
        ]
        times += [at for where, at in self._other_logs.items() if where.topic == topic and where.epoch >= epoch]
        return min(times, default=None)

    def holes_made(self) -> dict[str, int]:
        """Holes ever seen by topic, sorted."""
        return dict(sorted(self._made.items()))

    def names(self) -> Iterator[str]:
        """Names of the buckets."""
        yield META

    def bucket(self, name: str) -> Any:
        """The bucket as JSON values."""
        return (
            {
                "holes": [[*_place(h.where), h.low, h.high, str(h.since)] for h in self._holes],
                "made": self._made,
                "counts": {topic: list(counts.values()) for topic, counts in self._counts.items()},
                "newest_log": {topic: str(newest) for topic, newest in self._newest_log.items()},
                "logs": [[*_place(where), log] for where, log in self._logs.items()],
                "other_logs": [[*_place(where), str(at)] for where, at in self._other_logs.items()],
                "verdicts": {topic: [[str(at), bad] for at, bad in kept] for topic, kept in self._verdicts.items()},
            }
            if name == META
            else None
        )

    def restore(self, buckets: Mapping[str, Any]) -> None:
        """Take the state of the bucket `sources`."""
        raw = buckets[META]
        for topic, epoch, partition, low, high, since in raw["holes"]:
            self._holes[Hole(SourcePartition(topic, epoch, partition), low, high, int(since))] = None
        self._made = dict(raw["made"])
        self._counts = {topic: OutcomeCounts(*values) for topic, values in raw["counts"].items()}
        self._newest_log = {topic: int(newest) for topic, newest in raw["newest_log"].items()}
        self._logs = {SourcePartition(t, e, p): log for t, e, p, log in raw["logs"]}
        self._other_logs = {SourcePartition(t, e, p): int(at) for t, e, p, at in raw["other_logs"]}
        kept = raw["verdicts"]
        self._verdicts = {topic: [(int(at), bad) for at, bad in several] for topic, several in kept.items()}


def _place(where: SourcePartition) -> tuple[str, int, int]:
    return where.topic, where.epoch, where.partition


def rules_of(sources: Mapping[str, SourceRules], topic: str) -> SourceRules:
    """The configured rules of a topic, or the defaults."""
    return sources.get(topic, SourceRules())
