"""Whether what a source topic says may be believed at an instant (P3); reading it leaves its gaps."""

from __future__ import annotations

from monitor.core.book.completeness import Completeness, FeedKnown
from monitor.core.journal.vocabulary import Effect, GapKind
from monitor.core.view.gaps import GapNote, Gaps

Feed = tuple[str, str | None]
"""A source topic, or one feed within it."""


class SourceHealth:
    """The feeds that one view reads, as `completeness` knows them."""

    def __init__(self, completeness: Completeness, gaps: Gaps) -> None:
        self.completeness = completeness
        self._gaps = gaps
        self._read: dict[Feed, tuple[bool, tuple[GapNote, ...]]] = {}
        self.trace: list[tuple[Feed, Effect]] = []
        """Every read and the effect set then, in order."""

    def reads(self, topic: str, source: str | None = None) -> bool:
        """Note that a topic, or one feed within it, is read; whether it is silent, behind, unhealthy or holed.

        Its gaps are noted under the effect set at each read; `record_rejected` only marks (CONTRACT 2).
        """
        return self.reads_under((topic, source), self._gaps.effect)

    def reads_under(self, feed: Feed, effect: Effect) -> bool:
        """The same with gaps of an effect."""
        self.trace.append((feed, effect))
        found = self._read.get(feed)
        if found is None:
            found = self._read[feed] = self._look(*feed)
        for kind, subject, own, since in found[1]:
            self._gaps.put(kind, subject, own or effect, since)
        return found[0]

    @property
    def impaired(self) -> bool:
        """Whether anything read so far is silent, behind, unhealthy or holed."""
        return any(impaired for impaired, _ in self._read.values())

    def _look(self, topic: str, source: str | None) -> tuple[bool, tuple[GapNote, ...]]:
        names = (*self.completeness.read_as(topic), *([] if source is None else [f"{topic}/{source}"]))
        known = [self.completeness.feed(name) for name in dict.fromkeys(names)]
        return any(feed.impaired for feed in known), tuple(gap for feed in known for gap in _gaps_of(feed))


def _gaps_of(feed: FeedKnown) -> list[GapNote]:
    kinds: list[tuple[GapKind, bool, Effect | None, int | None]] = [
        ("source_silent", feed.silent, None, feed.silent_since),
        ("source_behind", feed.behind, None, feed.behind_since),
        ("source_unhealthy", feed.unhealthy is True, None, None),
        ("records_lost", feed.lost, None, feed.lost_since),
        ("keys_unsafe", feed.keys_unsafe_since is not None, "both", feed.keys_unsafe_since),
        ("record_rejected", feed.rejected_since is not None, "both", feed.rejected_since),
    ]
    return [(kind, feed.name, effect, since) for kind, holds, effect, since in kinds if holds]
