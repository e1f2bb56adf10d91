"""What is known of an entity at one instant: the one answer for live figures, closes, revisions and alerts (P3).

At the book's clock a feed is silent by log times. Of an earlier instant it is judged what is known now of then, by event
times alone: a record that came late heals the past, and a feed that spoke again later does not. A role is whole unless a
group of positions misses members: what is missing may be of any account of any role.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from monitor.core.book.book import Book
from monitor.core.journal.vocabulary import BALANCES, FeedState


@dataclass(
    slots=True
)  # not frozen, though nobody changes one: to freeze it takes thrice as long, of each feed in each evaluation
class FeedKnown:
    """A feed (`<topic>` or `<topic>/<source>`) at one instant; each `*_since` (ns) is None also where it is not known.

    `silent`: past its freshness; `grace` (ns): a feed never heard is silent at once, but stale only once its freshness has
    passed since it was first waited for, else every fresh installation would page. `behind`: its newest record says what
    was so long before. `unhealthy`: past its bad share, None: of too few records to judge by. `lost`: records are lost, not
    all here, or may count twice. `rejected_since`: a refused record still marks what was accepted.
    `keys_unsafe_since`: trades may count twice for their keys. `limited`: a limit of silence, or of how far it may lie behind,
    is configured: without any, that it is neither says nothing. `judged`: so is a bad share.
    """

    name: str
    silent: bool = False
    silent_since: int | None = None
    grace: int = 0
    behind: bool = False
    behind_since: int | None = None
    unhealthy: bool | None = False
    lost: bool = False
    lost_since: int | None = None
    rejected_since: int | None = None
    keys_unsafe_since: int | None = None
    limited: bool = True
    judged: bool = True

    @property
    def impaired(self) -> bool:
        """Whether what it says may be wrong, or not all."""
        return self.silent or self.behind or self.unhealthy is True or self.lost or self.keys_unsafe_since is not None

    @property
    def state(self) -> FeedState:
        """The worst that is known of it."""
        states: tuple[tuple[FeedState, bool], ...] = (
            ("silent", self.silent),
            ("unhealthy", self.unhealthy is True),
            ("lost", self.lost or self.keys_unsafe_since is not None),
            ("behind", self.behind),
        )
        return next((state for state, holds in states if holds), "ok")


class Completeness:
    """Of `book` at the instant `at` (ns). It must not outlive an evaluation: the book moves on."""

    def __init__(self, book: Book, at: int) -> None:
        self._book = book
        self._at = at
        self._live = at >= book.clock
        self._feeds: dict[str, FeedKnown] = {}
        self._lost: dict[str, bool] = {}
        self._of_balances = (self.group_incomplete_since(), self.unheard_sources())

    def says_as(self, earlier: Completeness) -> bool:
        """Whether it says just what another said that was asked before it, whatever that was asked.

        Both are of the book's clock, or of one instant that is past.
        """
        alike = earlier._live if self._live else earlier._at == self._at and not earlier._live
        return (
            alike
            and self._of_balances == earlier._of_balances
            and all(self.feed(name) == known for name, known in earlier._feeds.items())
        )

    def feeds(self) -> Iterator[FeedKnown]:
        """Every source topic or, where it is read by feeds, each of these, and every configured feed within one, by name."""
        return (self.feed(name) for name in self._book.feeds())

    def read_as(self, topic: str) -> tuple[str, ...]:
        """A source topic and the feeds by which it is read."""
        return tuple(dict.fromkeys((topic, *self._book.config.feeds_of(topic))))

    def feed(self, name: str) -> FeedKnown:
        """One of them; what is known of a topic's records alone (bad share, holes, refusals) is told of the topic."""
        found = self._feeds.get(name)
        if found is None:
            found = self._feeds[name] = self._look(name)
        return found

    def lost(self, topic: str) -> bool:
        """Whether records of a topic are lost, not all here or counted twice: see `Book.lost_since`."""
        found = self._lost.get(topic)
        if found is None:
            found = self._lost[topic] = self._book.lost_since(topic)[0]
        return found

    def counts_twice(self, topic: str) -> bool:
        """Whether records of a topic may count twice, so that what is summed is no lower bound either."""
        return any(self.feed(name).keys_unsafe_since is not None for name in self.read_as(topic))

    def group_incomplete_since(self, instant: int | None = None) -> int | None:
        """Event time, up to `instant` (None: that of the whole), from which members of a group of positions are missing."""
        if instant is None and self._live:
            return self._book.groups.incomplete_since(None)
        return self._book.groups.incomplete_since(self._at if instant is None else instant)

    def unheard_sources(self) -> tuple[str, ...]:
        """Configured feeds of balances that never spoke of this entity until then: any account may be theirs."""
        sources = self._book.sources_of(BALANCES)
        return tuple(source for source in sources if self._newest(f"{BALANCES}/{source}") is None)

    def silent_sources(self) -> frozenset[str]:
        """Configured feeds of balances whose accounts do not count then."""
        return frozenset(s for s in self._book.sources_of(BALANCES) if self.feed(f"{BALANCES}/{s}").impaired)

    def _newest(self, feed: str) -> int | None:
        """Log time of its newest record; of an earlier instant the newest event time until then."""
        return self._book.last_heard(feed) if self._live else self._book.last_event_before(feed, self._at + 1)

    def _look(self, name: str) -> FeedKnown:
        book, source = self._book, name.partition("/")[2]
        limits = book.freshness(name)
        limited = limits.behind_ns is not None
        silent, since = self._silent(name, limits.max_age_ns)
        behind = book.behind_since(name) if limited and self._live else None
        grace = (limits.max_age_ns or 0) if silent and since is None else 0
        if source and name not in book.config.sources:
            return FeedKnown(name, silent, since, grace, behind is not None, behind, limited=limited)
        lost, lost_since = book.lost_since(name)
        return FeedKnown(
            name,
            silent,
            since,
            grace,
            behind is not None,
            behind,
            limited=limited,
            unhealthy=book.shared.past_bad_share(name) if self._live else book.shared.was_unhealthy(name, self._at),
            judged=book.shared.is_judged(name),
            lost=lost,
            lost_since=lost_since,
            rejected_since=book.rejections.since(name),
            keys_unsafe_since=book.keys_unsafe_since(name),
        )

    def _silent(self, name: str, limit: int | None) -> tuple[bool, int | None]:
        if limit is None:
            return False, None
        newest = self._newest(name)
        if newest is not None and self._at - newest <= limit:
            return False, None
        return True, None if newest is None else newest + limit
