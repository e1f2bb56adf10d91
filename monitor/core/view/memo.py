"""What one evaluation has read of a book, shared by the views of all its methods: nothing is looked up or added up twice."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, NamedTuple, TypeVar

from monitor.core.book.book import Book
from monitor.core.book.completeness import Completeness
from monitor.core.view.gaps import GapNote, Gaps
from monitor.core.view.health import Feed, SourceHealth

T = TypeVar("T")


class _Notes(NamedTuple):
    """All that a view must note that reads a value."""

    feeds: tuple[Feed, ...]
    gaps: tuple[GapNote, ...]


class Memo:
    """Values read at one instant of one book. It must not outlive the evaluation: the book moves on."""

    def __init__(self) -> None:
        self.known: dict[Hashable, tuple[Any, _Notes]] = {}
        self.notes: dict[_Notes, _Notes] = {}
        self._completeness: Completeness | None = None

    def completeness(self, book: Book, at: int) -> Completeness:
        """What is known of the book at that instant."""
        if self._completeness is None:
            self._completeness = Completeness(book, at)
        return self._completeness


class Remembering:
    """One view's way to a memo. A value found there leaves the notes in this view that it left where it was first read.

    Equal notes are one object, and once a view has them under an effect they need not be left again.
    """

    def __init__(self, memo: Memo, gaps: Gaps, health: SourceHealth) -> None:
        self._known = memo.known
        self._notes = memo.notes
        self._left: set[tuple[int, str]] = set()
        self._reading = 0
        self._gaps = gaps
        self._health = health

    def value(self, key: Hashable, read: Callable[[], T]) -> T:
        """What `read` gives. `key` names it, and whatever of the view's own it depends on."""
        found = self._known.get(key)
        if found is None:
            return self._first(key, read)
        value: T = found[0]
        mark = (id(found[1]), self._gaps.effect)
        if self._reading or mark not in self._left:
            self._left.add(mark)
            self._leave(found[1])
        return value

    def _leave(self, notes: _Notes) -> None:
        for feed in notes.feeds:
            self._health.reads(*feed)
        for gap in notes.gaps:
            self._gaps.add(*gap)

    def _first(self, key: Hashable, read: Callable[[], T]) -> T:
        feeds, gaps = self._health.trace, self._gaps.trace
        feeds_before, gaps_before = len(feeds), len(gaps)
        self._reading += 1
        value = read()
        self._reading -= 1
        notes = _Notes(tuple(dict.fromkeys(feeds[feeds_before:])), tuple(dict.fromkeys(gaps[gaps_before:])))
        self._known[key] = (value, self._notes.setdefault(notes, notes))
        return value
