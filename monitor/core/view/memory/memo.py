"""What evaluations have read of a book, shared by the views of all methods: nothing is looked up or added up twice.

Some of it outlives the evaluation (see kept.py): what is read of one asset stays until something of the asset changes.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from heapq import heappop, heappush
from operator import is_
from typing import Any, Generic, NamedTuple, TypeVar

from monitor.core.book.book import Book
from monitor.core.book.completeness import Completeness
from monitor.core.journal.vocabulary import Effect
from monitor.core.values.changes import Changes
from monitor.core.values.figure import NOTHING, Figure, RunningTotal
from monitor.core.view.gaps import GapNote, Gaps
from monitor.core.view.health import Feed, SourceHealth
from monitor.core.view.memory.access import MemoAccess

S = TypeVar("S")
T = TypeVar("T")
U = TypeVar("U")


_Place = tuple[Hashable, Effect]
"""What parts are of, and the effect that their gaps have."""


class _Notes(NamedTuple):
    """All that a view must note that reads a value."""

    feeds: tuple[Feed, ...]
    gaps: tuple[GapNote, ...]


class _Placed(NamedTuple):
    """The same, each under the effect that was set when it was noted."""

    feeds: tuple[tuple[Feed, Effect], ...]
    gaps: tuple[tuple[GapNote, Effect], ...]


class Parts(Generic[T]):
    """One value for each of several assets, and how often each note is left by them."""

    __slots__ = ("_all", "assets", "count", "noted", "notes", "total", "values")

    def __init__(self) -> None:
        self.assets: tuple[str, ...] = ()
        self.count = 0
        self.values: dict[str, T] = {}
        self.notes: dict[str, _Placed] = {}
        self.noted: dict[_Placed, int] = {}
        self._all: _Placed | None = None
        self.total: RunningTotal | None = None

    def put(self, asset: str, value: T, notes: _Placed) -> None:
        """The value of an asset, in place of the one it had; an equal one stays the object it was."""
        if asset in self.values and self.notes[asset] is notes and self.values[asset] == value:
            return
        self.take(asset)
        self.values[asset], self.notes[asset] = value, notes
        if notes not in self.noted:
            self._all = None
        self.noted[notes] = self.noted.get(notes, 0) + 1
        if self.total is not None and isinstance(value, Figure):
            self.total.add(value)

    def take(self, asset: str) -> None:
        """The asset is none of them any more."""
        if asset not in self.values:
            return
        value, notes = self.values.pop(asset), self.notes.pop(asset)
        self.noted[notes] -= 1
        if not self.noted[notes]:
            del self.noted[notes]
            self._all = None
        if self.total is not None and isinstance(value, Figure):
            self.total.subtract(value)

    def current(self, changed: Changes[str]) -> Mapping[str, T]:
        """The values of those assets of which nothing has changed since they were made."""
        if self.count == changed.count:
            return self.values
        again = frozenset(changed.since(self.count))
        return {asset: value for asset, value in self.values.items() if asset not in again}

    def copied(self) -> Parts[T]:
        """The same parts, that go their own way from here."""
        found: Parts[T] = Parts()
        found.assets, found.count, found._all = self.assets, self.count, self._all
        found.values, found.notes, found.noted = self.values.copy(), self.notes.copy(), self.noted.copy()
        found.total = None if self.total is None else self.total.copied()
        return found

    def all_notes(self) -> _Placed:
        """The notes of all assets, each once."""
        if self._all is None:
            feeds = dict.fromkeys(feed for notes in self.noted for feed in notes.feeds)
            self._all = _Placed(tuple(feeds), tuple(dict.fromkeys(gap for notes in self.noted for gap in notes.gaps)))
        return self._all


class Made(Generic[S, T]):
    """What was made of each of several objects and of all of them, in the last evaluation that asked."""

    __slots__ = ("_each", "_of", "_whole")

    def __init__(self) -> None:
        self._each: dict[int, tuple[S, T]] = {}
        self._of: tuple[S, ...] | None = None
        self._whole: Any = None

    def copied(self) -> Made[S, T]:
        """The same, that goes its own way from here."""
        found: Made[S, T] = Made()
        found._each, found._of, found._whole = self._each, self._of, self._whole
        return found

    def of(self, things: tuple[S, ...], make: Callable[[S], T], whole: Callable[[list[T]], U]) -> U:
        """`whole` of what `make` gives of each; both depend on nothing else, so that the same objects give the same again."""
        if self._of is None or len(things) != len(self._of) or not all(map(is_, things, self._of)):
            each: dict[int, tuple[S, T]] = {}
            for thing in things:
                known = self._each.get(id(thing))
                each[id(thing)] = (thing, make(thing)) if known is None else known
            self._whole = whole([each[id(thing)][1] for thing in things])
            self._each, self._of = each, things
        found: U = self._whole
        return found


class Old:
    """What was read of instants that are long past: another only when something comes so late.

    `values` by asset, `parts` of several assets; `changed` tells of which assets something may be otherwise.
    """

    def __init__(self) -> None:
        self.values: dict[str, dict[Hashable, tuple[Any, _Notes]]] = {}
        self.parts: dict[_Place, Parts[Any]] = {}
        self.changed: Changes[str] = Changes()
        self.unsettled: dict[str, None] = {}
        """Assets of which something was read that other things may change too."""
        self._of_market: dict[str, dict[str, None]] = {}

    def lent(self) -> Old:
        """The same values, with sums of its own: see `Memo.lent`."""
        old = Old()
        old.values, old.unsettled, old._of_market, old.changed = self.values, self.unsettled, self._of_market, self.changed
        return old

    def priced(self, asset: str, markets: Iterable[str]) -> None:
        """Prices of the asset were read from these markets."""
        for market in markets:
            self._of_market.setdefault(market, {})[asset] = None

    def market_changed(self, market: str) -> None:
        """Something came late of a market."""
        for asset in self._of_market.pop(market, ()):
            self.forget(asset)

    def forget(self, asset: str) -> None:
        """Something of the asset may be otherwise."""
        self.values.pop(asset, None)
        self.changed.note(asset)

    def come_to(self) -> None:
        """Another evaluation begins."""
        for asset in self.unsettled:
            self.forget(asset)


class Memo:
    """Values read at one instant of one book.

    `known` must not outlive the evaluation: the book moves on. `kept` and `parts` hold until something of their asset changes:
    `changed` tells which assets have. A memo that nobody carries on to another instant is right as it is.
    """

    notes_gaps = True
    """Whether views of it leave gaps behind: all but those of a trial."""

    def __init__(self) -> None:
        self.known: dict[Hashable, tuple[Any, _Notes]] = {}
        self.kept: dict[Hashable, tuple[Any, _Notes]] = {}
        self.parts: dict[_Place, Parts[Any]] = {}
        self.made: dict[Hashable, Made[Any, Any]] = {}
        self.notes: dict[_Notes, _Notes] = {}
        self.placed: dict[_Placed, _Placed] = {}
        self.notes_of: dict[_Placed, _Notes] = {}
        self.changed: Changes[str] = Changes()
        self.varying: dict[str, None] = {}
        """Assets that may change although nothing is told of them: what they stand for depends on other things."""
        self.old = Old()
        self.beside: dict[Hashable, Any] = {}
        """What a reader keeps of its own beside the parts, by their places."""
        self._lent: dict[Hashable, Memo] = {}
        self._markets: dict[str, dict[tuple[str, str], None]] = {}
        self._until: dict[tuple[str, str], int] = {}
        self._due: list[tuple[int, tuple[str, str]]] = []
        self._completeness: Completeness | None = None

    def completeness(self, book: Book, at: int) -> Completeness:
        """What is known of the book at that instant."""
        if self._completeness is None:
            self._completeness = Completeness(book, at)
        return self._completeness

    def notebook(self, completeness: Completeness) -> tuple[Gaps, SourceHealth, MemoAccess]:
        """What a view of it notes beside what it reads, and its way here."""
        gaps = Gaps()
        health = SourceHealth(completeness, gaps)
        return gaps, health, Remembering(self, gaps, health)

    def made_of(self, key: Hashable, things: tuple[S, ...], make: Callable[[S], T], whole: Callable[[list[T]], U]) -> U:
        """See `View.made_of`."""
        made = self.made.get(key)
        if made is None:
            made = self.made[key] = Made()
        return made.of(things, make, whole)

    @property
    def notes_kept(self) -> int:
        """How many different notes there are, of values that hold and of those that did."""
        return len(self.notes) + len(self.placed)

    def carry_on(self, completeness: Completeness | None) -> None:
        """Begin another evaluation with what is kept."""
        self.known = {}
        self._completeness = completeness

    def lent(self) -> Memo:
        """A memo of the same instant that finds here what is read of single assets and adds up for itself.

        For views that take sums otherwise, or note what they read: of holdings and prices all read the same.
        """
        memo = Memo()
        memo.kept, memo.notes, memo.placed, memo.varying = self.kept, self.notes, self.placed, self.varying
        memo.notes_of = self.notes_of
        memo._markets, memo._until, memo._due = self._markets, self._until, self._due
        memo._completeness, memo.changed = self._completeness, self.changed
        memo.old = self.old.lent()
        return memo

    def forked(self) -> Memo:
        """As `lent`, with all that was added up here: for views that read few assets otherwise (see `read_otherwise`)."""
        memo = self.lent()
        memo.parts = {place: parts.copied() for place, parts in self.parts.items()}
        memo.old.parts = {place: parts.copied() for place, parts in self.old.parts.items()}
        memo.made = {key: made.copied() for key, made in self.made.items()}
        return memo

    def read_otherwise(self, asset: str) -> None:
        """Whoever reads this memo next reads the asset otherwise, though the book says the same of it."""
        self.changed.note(asset)
        if asset in self.old.unsettled:
            self.old.changed.note(asset)

    def lent_to(self, reader: Hashable) -> Memo:
        """`lent`, to the same reader as before: what it added up is carried on with this memo."""
        memo = self._lent.get(reader)
        if memo is None:
            memo = self._lent[reader] = self.lent()
        memo.carry_on(self._completeness)
        return memo

    def lent_anew(self, reader: Hashable) -> Memo:
        """`lent_to` a reader for whom nothing of what it added up holds any more."""
        self._lent.pop(reader, None)
        return self.lent_to(reader)

    # --- what holds no longer

    def holding_changed(self, role: str, asset: str) -> None:
        """What is held of an asset in a role may be otherwise."""
        self.kept.pop(("holding", role, asset), None)
        self.changed.note(asset)

    def priced(self, asset: str, currency: str, markets: Iterable[str], until: int | None) -> None:
        """The price that is kept was read from these markets, and by time alone may be another at `until` (ns)."""
        pair = (asset, currency)
        for market in markets:
            self._markets.setdefault(market, {})[pair] = None
        if until is None:
            self._until.pop(pair, None)
            return
        known = self._until.get(pair)
        self._until[pair] = until
        if known is None or until < known:
            heappush(self._due, (until, pair))

    def market_changed(self, market: str) -> None:
        """Prices of a market may be others."""
        for pair in self._markets.pop(market, ()):
            self._forget_price(pair)

    def come_to(self, at: int) -> None:
        """The instant is `at` now: prices that hold no longer are forgotten, and what may vary is read again."""
        for asset in self.varying:
            self.changed.note(asset)
            self.old.forget(asset)
        self.old.come_to()
        while self._due and self._due[0][0] <= at:
            pair = heappop(self._due)[1]
            until = self._until.get(pair)
            if until is not None and until > at:
                heappush(self._due, (until, pair))
            elif until is not None:
                del self._until[pair]
                self._forget_price(pair)

    def _forget_price(self, pair: tuple[str, str]) -> None:
        self.kept.pop(("price", *pair), None)
        self.changed.note(pair[0])


_Where = tuple[dict[_Place, Parts[Any]], Changes[str]]
"""Parts that are kept, and of which assets they hold no longer."""


def _to_make(found: Parts[Any], assets: tuple[str, ...], changed: Changes[str]) -> list[str]:
    again = [asset for asset in changed.since(found.count) if asset in found.values]
    if assets == found.assets:
        return again
    wanted = frozenset(assets)
    for asset in [asset for asset in found.values if asset not in wanted]:
        found.take(asset)
    new = [asset for asset in assets if asset not in found.values]
    return [*new, *(asset for asset in again if asset in wanted)]


def _total(parts: Parts[Figure]) -> Figure:
    return NOTHING if parts.total is None else parts.total.figure


class Remembering:
    """One view's way to a memo. A value found there leaves the notes in this view that it left where it was first read.

    Equal notes are one object, and once a view has them under an effect they need not be left again.
    """

    def __init__(self, memo: Memo, gaps: Gaps, health: SourceHealth) -> None:
        self._memo = memo
        self._left: set[tuple[int, str]] = set()
        self._reading = 0
        self._gaps = gaps
        self._health = health

    def value(self, key: Hashable, read: Callable[[], T]) -> T:
        """See `MemoAccess`."""
        return self._of(self._memo.known, key, read)

    def kept(self, key: Hashable, read: Callable[[], T]) -> T:
        """See `MemoAccess`."""
        return self._of(self._memo.kept, key, read)

    def old(self, asset: str, key: Hashable, read: Callable[[], T]) -> T:
        """See `MemoAccess`."""
        return self._of(self._memo.old.values.setdefault(asset, {}), key, read)

    def each(self, key: Hashable, assets: tuple[str, ...], make: Callable[[str], T]) -> Mapping[str, T]:
        """See `MemoAccess`."""
        return self._parts_of((self._memo.parts, self._memo.changed), key, assets, make, summed=False).values

    def summed(self, key: Hashable, assets: tuple[str, ...], make: Callable[[str], Figure]) -> Figure:
        """See `MemoAccess`."""
        return _total(self._parts_of((self._memo.parts, self._memo.changed), key, assets, make, summed=True))

    def summed_old(self, key: Hashable, assets: tuple[str, ...], make: Callable[[str], Figure]) -> Figure:
        """See `MemoAccess`."""
        return _total(self._parts_of((self._memo.old.parts, self._memo.old.changed), key, assets, make, summed=True))

    def old_parts_ahead(self, key: Hashable, assets: tuple[str, ...], make: Callable[[str], T]) -> Iterator[None]:
        """See `MemoAccess`."""
        return self._making((self._memo.old.parts, self._memo.old.changed), key, assets, make, summed=True)

    def _parts_of(
        self, where: _Where, key: Hashable, assets: tuple[str, ...], make: Callable[[str], T], *, summed: bool
    ) -> Parts[T]:
        for _ in self._making(where, key, assets, make, summed=summed):
            pass
        found: Parts[T] = where[0][key, self._gaps.effect]
        notes = found.all_notes()
        for feed, effect in notes.feeds:
            self._health.reads_under(feed, effect)
        self._gaps.leave(notes.gaps)
        return found

    def _making(
        self, where: _Where, key: Hashable, assets: tuple[str, ...], make: Callable[[str], T], *, summed: bool
    ) -> Iterator[None]:
        place, (known, changed) = (key, self._gaps.effect), where
        found: Parts[T] = known.get(place) or known.setdefault(place, Parts())
        if summed and found.total is None:
            found.total = RunningTotal()
        count = changed.count
        for asset in _to_make(found, assets, changed):
            found.put(asset, *self._placed(lambda asset=asset: make(asset)))  # type: ignore[misc]
            yield
        found.assets, found.count = assets, count

    def _of(self, values: dict[Hashable, tuple[Any, _Notes]], key: Hashable, read: Callable[[], T]) -> T:
        found = values.get(key)
        if found is None:
            return self._first(values, key, read)
        value: T = found[0]
        mark = (id(found[1]), self._gaps.effect)
        if self._reading or mark not in self._left:
            self._left.add(mark)
            self._leave(found[1])
        return value

    def _leave(self, notes: _Notes) -> None:
        for feed in notes.feeds:
            self._health.reads_under(feed, self._gaps.effect)
        for gap in notes.gaps:
            self._gaps.add(*gap)

    def _first(self, values: dict[Hashable, tuple[Any, _Notes]], key: Hashable, read: Callable[[], T]) -> T:
        value, placed = self._placed(read)
        notes = self._memo.notes_of.get(placed)
        if notes is None:
            feeds, gaps = dict.fromkeys(feed for feed, _ in placed.feeds), dict.fromkeys(gap for gap, _ in placed.gaps)
            made = _Notes(tuple(feeds), tuple(gaps))
            notes = self._memo.notes_of[placed] = self._memo.notes.setdefault(made, made)
        values[key] = (value, notes)
        return value

    def _placed(self, read: Callable[[], T]) -> tuple[T, _Placed]:
        """What `read` gives, and all that it notes."""
        feeds, gaps = self._health.trace, self._gaps.trace
        feeds_before, gaps_before = len(feeds), len(gaps)
        self._reading += 1
        value = read()
        self._reading -= 1
        gaps_now = tuple(dict.fromkeys(gaps[gaps_before:])) if len(gaps) > gaps_before else ()
        notes = _Placed(tuple(dict.fromkeys(feeds[feeds_before:])), gaps_now)
        return value, self._memo.placed.setdefault(notes, notes)
