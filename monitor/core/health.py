"""Whether what a source topic says may be believed at an instant (P3); reading it leaves its gaps."""

from __future__ import annotations

from typing import NamedTuple

from monitor.core.book import Book
from monitor.core.gaps import Effect, Gaps


class _Health(NamedTuple):
    impaired: bool
    gaps: tuple[tuple[str, str, Effect | None, int | None], ...]


class SourceHealth:
    """The feeds that one evaluation at `at` (ns) reads."""

    def __init__(self, book: Book, at: int, gaps: Gaps) -> None:
        self._book = book
        self._at = at
        self._gaps = gaps
        self._read: dict[tuple[str, str | None], _Health] = {}

    def reads(self, topic: str, source: str | None = None) -> bool:
        """Note that a topic, or one feed within it, is read; whether it is silent, unhealthy or holed.

        Its gaps are noted under the effect set at each read; `record_rejected` only marks (CONTRACT 2).
        """
        health = self._read.get((topic, source))
        if health is None:
            health = self._read[topic, source] = self._look(topic, source)
        for gap in health.gaps:
            self._gaps.add(*gap)
        return health.impaired

    @property
    def impaired(self) -> bool:
        """Whether anything read so far is silent, unhealthy or holed."""
        return any(health.impaired for health in self._read.values())

    def _look(self, topic: str, source: str | None) -> _Health:
        book = self._book
        gaps: list[tuple[str, str, Effect | None, int | None]] = []
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
        return _Health(impaired, tuple(gaps))
