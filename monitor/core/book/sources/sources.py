"""How well the source topics are heard: counts, bad share, the newest record, holes; one bucket of the state."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from monitor.core.book.sources.bad_share import OutcomeCounts, Verdicts
from monitor.core.book.sources.holes import Hole, Holes
from monitor.core.configuration.configuration import SourceRules
from monitor.core.journal.records import SourcePartition

META = "sources"
_DEFAULT_RULES = SourceRules()


class Sources:
    """What is known of the source topics in one journal partition."""

    def __init__(self, dirty: set[str]) -> None:
        self._dirty = dirty
        self._holes = Holes()
        self._verdicts = Verdicts()
        self._counts: dict[str, OutcomeCounts] = {}
        self._newest_log: dict[str, int] = {}

    def judge(self, topic: str, clock: int, *, unhealthy: bool) -> None:
        """The verdict on a topic's bad share at `clock` (ns), kept over time where it changes."""
        self._changed(self._verdicts.judge(topic, clock, unhealthy=unhealthy))

    def was_unhealthy(self, topic: str, at: int) -> bool:
        """The verdict that held at `at` (ns)."""
        return self._verdicts.at(topic, at)

    def log_id(self, where: SourcePartition, log: str | None, at: int) -> None:
        """A record names the log it was read from: another one under a known epoch means the topic was made anew."""
        self._changed(self._holes.log_id(where, log, at))

    def hole(self, hole: Hole) -> None:
        """Offsets were lost."""
        self._changed(self._holes.add(hole))

    def closed(self, topic: str, counts: OutcomeCounts) -> None:
        """A segment is closed: its outcomes are for good."""
        self._counts[topic] = self._counts.get(topic, OutcomeCounts()).plus(counts)
        self._changed()

    def heard(self, topic: str, newest_log: int | None) -> None:
        """Log time of the newest record of a topic, whoever's."""
        if newest_log is not None and newest_log > self._newest_log.get(topic, 0):
            self._newest_log[topic] = newest_log
            self._changed()

    def counts(self, topic: str) -> OutcomeCounts:
        """Outcomes of all closed segments."""
        return self._counts.get(topic, OutcomeCounts())

    def newest_log(self, topic: str) -> int | None:
        """Log time of the newest record of the topic, whoever's."""
        return self._newest_log.get(topic)

    def lost_since(self, topic: str, epoch: int, dismissed: Mapping[SourcePartition, tuple[int, ...]]) -> int | None:
        """Since when records of the topic are known to be lost, holes with a dismissed offset apart; None: none are."""
        return self._holes.lost_since(topic, epoch, dismissed)

    def holes_made(self) -> dict[str, int]:
        """Holes ever seen by topic, sorted."""
        return self._holes.made()

    def names(self) -> Iterator[str]:
        """Names of the buckets."""
        yield META

    def bucket(self, name: str) -> Any:
        """The bucket as JSON values."""
        if name != META:
            return None
        return self._holes.state() | {
            "counts": {topic: list(counts.values()) for topic, counts in self._counts.items()},
            "newest_log": {topic: str(newest) for topic, newest in self._newest_log.items()},
            "verdicts": self._verdicts.state(),
        }

    def restore(self, buckets: Mapping[str, Any]) -> None:
        """Take the state of the bucket `sources`."""
        raw = buckets[META]
        self._holes.restore(raw)
        self._verdicts.restore(raw["verdicts"])
        self._counts = {topic: OutcomeCounts(*values) for topic, values in raw["counts"].items()}
        self._newest_log = {topic: int(newest) for topic, newest in raw["newest_log"].items()}

    def _changed(self, changed: bool = True) -> None:
        if changed:
            self._dirty.add(META)


def rules_of(sources: Mapping[str, SourceRules], topic: str) -> SourceRules:
    """The configured rules of a topic, or the defaults."""
    return sources.get(topic, _DEFAULT_RULES)
