"""Whether what a source topic says may be believed at an instant (P3); reading it leaves its gaps."""

from __future__ import annotations

from typing import NamedTuple

from monitor.core.book.book import Book
from monitor.core.view.gaps import GapNote, Gaps

Feed = tuple[str, str | None]
"""A source topic, or one feed within it."""


class FeedTrust(NamedTuple):
    """Of one feed: whether it is silent, unhealthy or holed, and the gaps that reading it leaves."""

    impaired: bool
    gaps: tuple[GapNote, ...]


class SourceHealth:
    """The feeds that one view at `at` (ns) reads; `looked`: what is known already of feeds at that instant."""

    def __init__(self, book: Book, at: int, gaps: Gaps, looked: dict[Feed, FeedTrust]) -> None:
        self._book = book
        self._at = at
        self._gaps = gaps
        self._looked = looked
        self._read: dict[Feed, FeedTrust] = {}
        self.trace: list[Feed] = []
        """Every read, in order."""

    def reads(self, topic: str, source: str | None = None) -> bool:
        """Note that a topic, or one feed within it, is read; whether it is silent, unhealthy or holed.

        Its gaps are noted under the effect set at each read; `record_rejected` only marks (CONTRACT 2).
        """
        feed = (topic, source)
        self.trace.append(feed)
        health = self._read.get(feed)
        if health is None:
            health = self._looked.get(feed)
            if health is None:
                health = self._looked[feed] = self._look(topic, source)
            self._read[feed] = health
        for gap in health.gaps:
            self._gaps.put(*gap)
        return health.impaired

    @property
    def impaired(self) -> bool:
        """Whether anything read so far is silent, unhealthy or holed."""
        return any(health.impaired for health in self._read.values())

    def _look(self, topic: str, source: str | None) -> FeedTrust:
        book = self._book
        gaps: list[GapNote] = []
        for feed in [topic] if source is None else [topic, f"{topic}/{source}"]:
            silent, since = book.silent_since(feed, self._at)
            if silent:
                gaps.append(("source_silent", feed, None, since))
        if book.shared.unhealthy(topic):
            gaps.append(("source_unhealthy", topic, None, None))
        lost, since = book.lost_since(topic)
        if lost:
            gaps.append(("records_lost", topic, None, since))
        impaired = bool(gaps)
        rejected = book.rejections.since(topic)
        if rejected is not None:
            gaps.append(("record_rejected", topic, "both", rejected))
        return FeedTrust(impaired, tuple(gaps))
