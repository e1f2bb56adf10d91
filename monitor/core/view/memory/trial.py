"""What a trial reads: a view under a scenario of which nobody asks anything but its figures.

Of what is noted beside values gaps decide no figure, and a feed only where it is impaired, which leaves the whole unknown.
Where none is there is nothing to note, and to note it is most of what a small entity costs.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from monitor.core.book.book import Book
from monitor.core.book.completeness import Completeness
from monitor.core.journal.vocabulary import SOURCE_TOPICS, Effect
from monitor.core.values.figure import Figure, total
from monitor.core.view.gaps import GapNote, Gaps, UnderEffect
from monitor.core.view.health import Feed, SourceHealth
from monitor.core.view.memory.access import MemoAccess
from monitor.core.view.memory.memo import Memo

T = TypeVar("T")
S = TypeVar("S")
U = TypeVar("U")

MadeBefore = Mapping[Hashable, Mapping[str, Any]]
"""What was made of single assets, by key."""


class Trial(Memo):
    """A memo of the instant of `known`, from which holdings and prices are read; whatever else is read it keeps for itself.

    Only where no feed is impaired: see `all_is_well`. `made`: what `known` has of single assets, of those that are not read
    otherwise.
    """

    notes_gaps = False

    def __init__(self, known: Memo, made: MadeBefore) -> None:
        super().__init__()
        self.base = known
        self.made_before = made
        self.otherwise: dict[str, None] = {}
        self._access = _TrialAccess(self)
        self._feeds: _Well | None = None

    @staticmethod
    def of(known: Memo) -> Trial:
        """One that reads all as it is known."""
        return Trial(known, {key: parts.current(known.changed) for (key, _), parts in known.parts.items()})

    def lent(self) -> Trial:
        """See `Memo`."""
        return Trial(self.base, {})

    def forked(self) -> Trial:
        """See `Memo`."""
        return Trial(self.base, self.made_before)

    def read_otherwise(self, asset: str) -> None:
        """See `Memo`."""
        self.otherwise[asset] = None

    def priced(self, asset: str, currency: str, markets: Iterable[str], until: int | None) -> None:
        """Nothing is kept of a price that only a trial has read."""

    def completeness(self, book: Book, at: int) -> Completeness:
        """See `Memo`."""
        return self.base.completeness(book, at)

    def notebook(self, completeness: Completeness) -> tuple[Gaps, SourceHealth, MemoAccess]:
        """See `Memo`: one for all views of it."""
        if self._feeds is None:
            self._feeds = _Well(completeness, _NO_GAPS)
        return _NO_GAPS, self._feeds, self._access

    def made_of(self, key: Hashable, things: tuple[S, ...], make: Callable[[S], T], whole: Callable[[list[T]], U]) -> U:
        """See `View.made_of`: once, so that nothing need be kept."""
        del key
        return whole([make(thing) for thing in things])


def all_is_well(completeness: Completeness) -> bool:
    """Whether no feed is impaired, whichever a figure may read."""
    topics = (name for topic in SOURCE_TOPICS for name in completeness.read_as(topic))
    return not any(feed.impaired for feed in (*completeness.feeds(), *map(completeness.feed, topics)))


class _NoGaps(Gaps):
    """Takes no gap."""

    def add(self, kind: str, subject: str, effect: Effect | None = None, since: int | None = None) -> None:
        """See `Gaps`."""

    def leave(self, notes: Iterable[tuple[GapNote, Effect]]) -> None:
        """See `Gaps`."""

    def put(self, kind: str, subject: str, effect: Effect | None, since: int | None) -> None:
        """See `Gaps`."""

    def reading(self, effect: Effect) -> UnderEffect:
        """See `Gaps`: whatever the effect would be."""
        del effect
        return _UNDER_NO_EFFECT


_NO_GAPS = _NoGaps()
_UNDER_NO_EFFECT = UnderEffect(_NO_GAPS, "both")


class _Well(SourceHealth):
    """Feeds of which none is impaired."""

    def reads(self, topic: str, source: str | None = None) -> bool:
        """See `SourceHealth`."""
        del topic, source
        return False

    def reads_under(self, feed: Feed, effect: Effect) -> bool:
        """See `SourceHealth`."""
        del feed, effect
        return False


class _TrialAccess:
    """The way of a trial's views to what is known; nothing is noted."""

    def __init__(self, trial: Trial) -> None:
        self._trial = trial
        self._own: dict[Hashable, Any] = {}

    def value(self, key: Hashable, read: Callable[[], T]) -> T:
        """See `MemoAccess`."""
        own = self._own
        if key not in own:
            own[key] = read()
        found: T = own[key]
        return found

    def kept(self, key: Hashable, read: Callable[[], T]) -> T:
        """See `MemoAccess`."""
        found = self._trial.base.kept.get(key)
        if found is None:
            return self.value(key, read)
        value: T = found[0]
        return value

    def old(self, asset: str, key: Hashable, read: Callable[[], T]) -> T:
        """See `MemoAccess`."""
        found = self._trial.base.old.values.get(asset, {}).get(key)
        if found is None:
            return self.value((asset, key), read)
        value: T = found[0]
        return value

    def each(self, key: Hashable, assets: tuple[str, ...], make: Callable[[str], T]) -> Mapping[str, T]:
        """See `MemoAccess`."""
        made, otherwise = self._trial.made_before.get(key), self._trial.otherwise
        if made is None:
            return {asset: make(asset) for asset in assets}
        return {asset: make(asset) if asset in otherwise or asset not in made else made[asset] for asset in assets}

    def summed(self, key: Hashable, assets: tuple[str, ...], make: Callable[[str], Figure]) -> Figure:
        """See `MemoAccess`."""
        return total(self.each(key, assets, make).values())

    def summed_old(self, key: Hashable, assets: tuple[str, ...], make: Callable[[str], Figure]) -> Figure:
        """See `MemoAccess`."""
        del key
        return total(map(make, assets))

    def old_parts_ahead(self, key: Hashable, assets: tuple[str, ...], make: Callable[[str], T]) -> Iterator[None]:
        """See `MemoAccess`: nothing is made ahead."""
        del key, assets, make
        return iter(())
