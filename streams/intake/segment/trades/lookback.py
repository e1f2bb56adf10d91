"""Which trade ids were seen, and where: exact for any order of ids and of log times (JOURNAL 4).

Of every identity (entity, market, trade id) the *places* are kept at which a valid trade of it lay: a place is a segment,
a block of offsets and a UTC hour of log time, and has a number that rises with the log. An id is stored as the number of
its newest place, with 40 bits of what its figures hash to: so a repeat that says something else is told from one that says
the same (`mark_of`). Dense ids cost eight bytes each: an id is cut into all but its last three digits, which name a page of 1,000
numbers, and these three, which are the slot. Until ids prove dense, where they leave their pages nearly empty, and where
they do not end in three digits, they are keys of a dictionary instead. Both are plain look-ups by identity: no order of
arrival is assumed, nothing is taken for seen that was not. Where one counter numbers many markets, so that each has few numbers
of every page, they share pages (`shared_pages`).

A later place of an id stands for the earlier ones where it is at least as late in hours; where log times run backwards the
earlier ones are kept beside it, because a later segment may reach them by hour and not by block.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from operator import sub
from typing import Any, NamedTuple

from streams.intake.segment.trades.ids import FIGURE_BITS, FIGURES, PAGE, Ids, Shape, mark_of, moved
from streams.intake.segment.trades.shared_pages import SharedPages

_UNSEEN = array("Q", bytes(PAGE * 8))
_FEW = 8
_SWEEP_BLOCKS = 5
_SHARED_AT_ONCE = 2_000
_SHAPE = Shape()


class Arrived(NamedTuple):
    """Trades of one (entity, market), by rising rows: their `ids`, or `numbers` where each id is its number's plain text.

    `marks`: what is stored of them.
    """

    rows: Sequence[int]
    ids: Sequence[str]
    numbers: Sequence[int] | None
    marks: array[int]


class LookBack:
    """The ids of one source partition and the places they were seen at.

    `eligible[place]` is 1 for the places whose ids make a record of the open segment a repeat.
    """

    def __init__(self, blocks: int, hours: int, shape: Shape = _SHAPE) -> None:
        self._shape = shape
        self._shared = SharedPages(shape.pages_before_sparse, shape.fewest_in_shared_page)
        self._owners = 0
        self.eligible = bytearray(1)
        self._blocks, self._hours = blocks, hours
        self._block_of: list[int] = [-1]
        self._hour_of: list[int] = [0]
        self._first = 1
        self._numbers: dict[tuple[int, int], int] = {}
        self._ids: dict[tuple[str, str], Ids] = {}
        self._swept = -1
        self._most = shape.most_places

    def open(self, block: int, hour: int) -> None:
        """Begin a segment whose start lies in `block` and whose first visible record is of the log hour `hour`."""
        self._numbers.clear()
        oldest_block, oldest_hour = block - self._blocks, hour - self._hours
        while self._first < len(self._block_of) and self._block_of[self._first] < oldest_block:
            self._first += 1
        if block - self._swept >= _SWEEP_BLOCKS:
            self._swept = block
            self._sweep()
        self._share()
        self.eligible[:] = bytes(len(self.eligible))
        for place in range(self._first, len(self._block_of)):
            self.eligible[place] = self._hour_of[place] >= oldest_hour

    def number(self, block: int, hour: int) -> int:
        """Number of the place (open segment, block, hour)."""
        found = self._numbers.get((block, hour))
        if found is None:
            if len(self._block_of) >= self._most:
                self._make_room()
            found = len(self._block_of)
            self._block_of.append(block)
            self._hour_of.append(hour)
            self.eligible.append(1)
            self._numbers[block, hour] = found
        return found

    def ids(self, entity: str, market: str) -> Ids:
        """The ids of one (entity, market)."""
        found = self._ids.get((entity, market))
        if found is None:
            self._owners += 1
            found = self._ids[entity, market] = Ids(self._shape, self._shared, self._owners)
        return found

    def repeats(self, ids: Ids, trades: Arrived, number: int) -> tuple[list[int], int]:
        """The rows of those that are repeats, and how many of these say something else; all are noted at `number`.

        Most ids follow one another, and none of them was seen before: such a stretch is looked at, and noted, at once.
        """
        rows, texts, numbers, marks = trades
        if numbers is not None and ids.sparse and ids.scattered and len(ids.named) <= len(numbers):
            return self._by_shared(ids, trades, number)
        if numbers is None or ids.sparse:
            return self._by_place(ids, zip(rows, texts or map(str, numbers or ()), marks, strict=True), number)
        ends = _stretches(numbers)
        if ends is None:
            return self._by_number(ids, trades, number)
        repeated: list[int] = []
        conflicts = begin = 0
        for end in ends:
            new = begin + self._known(ids, numbers[begin], end - begin)
            noted = new < end and self._note_new(ids, numbers[new], marks[new:end])
            rest = slice(begin, new if noted else end)
            if rest.start < rest.stop:
                again, others = self._by_number(ids, Arrived(rows[rest], (), numbers[rest], marks[rest]), number)
                repeated += again
                conflicts += others
            begin = end
        return repeated, conflicts

    def _known(self, ids: Ids, first: int, count: int) -> int:
        """How many of so many ids that follow one another have to be looked at one by one before new ones may begin."""
        page = self._page(ids, first) if count >= _FEW and first >= PAGE else None
        if page is None:
            return count
        seen = page[first % PAGE : first % PAGE + count]
        return 0 if not seen[0] else seen.index(0) if 0 in seen else len(seen)

    def _note_new(self, ids: Ids, first: int, marks: array[int]) -> bool:
        """Note ids that follow one another from `first` on; False, and none is noted, where one was seen or is kept by name."""
        pieces = []
        at, count = 0, len(marks)
        while at < count:
            slot = (first + at) % PAGE
            page = self._page(ids, first + at) if first >= PAGE else None
            end = min(count, at + PAGE - slot)
            if page is None or page[slot : slot + end - at] != _UNSEEN[: end - at]:
                return False
            pieces.append((page, slot, at, end))
            at = end
        for page, slot, at, end in pieces:
            page[slot : slot + end - at] = marks[at:end]
        return True

    def _by_number(self, ids: Ids, trades: Arrived, number: int) -> tuple[list[int], int]:
        repeated: list[int] = []
        conflicts = base = top = 0
        page: Any = ()
        for index, (row, value, mark) in enumerate(zip(trades.rows, trades.numbers or (), trades.marks, strict=True)):
            if not base <= value < top:
                base = value - value % PAGE
                top = base + PAGE
                page = self._page(ids, value) if base else None
                if page is None:  # kept by name: from here on by texts
                    texts = map(str, (trades.numbers or ())[index:])
                    more, others = self._by_place(ids, zip(trades.rows[index:], texts, trades.marks[index:], strict=True), number)
                    return repeated + more, conflicts + others
            slot = value - base
            if (seen := page[slot]) and self.again(ids, str(value), seen, number):
                repeated.append(row)
                conflicts += (seen ^ mark) & FIGURES != 0
            page[slot] = mark
        return repeated, conflicts

    def _by_shared(self, ids: Ids, trades: Arrived, number: int) -> tuple[list[int], int]:
        numbers: Sequence[int] = trades.numbers or ()
        repeated: list[int] = []
        conflicts = 0
        named = {value for value in numbers if str(value) in ids.named} if ids.named else ()
        places = self._shared.places(ids.owner, numbers, named)
        for row, value, mark, place in zip(trades.rows, numbers, trades.marks, places, strict=True):
            found: Any = place or ids.place(str(value))
            kept, slot = found
            if (seen := kept[slot]) and self.again(ids, str(value), seen, number):
                repeated.append(row)
                conflicts += (seen ^ mark) & FIGURES != 0
            kept[slot] = mark
        return repeated, conflicts

    @staticmethod
    def _page(ids: Ids, value: int) -> array[int] | None:
        """The page of a number, made if need be; None where such ids are kept by name."""
        prefix = str(value // PAGE)
        page = ids.pages.get(prefix)
        if page is None:
            ids.place(str(value))
            page = ids.pages.get(prefix)
        return page

    def _by_place(self, ids: Ids, trades: Iterable[tuple[int, str, int]], number: int) -> tuple[list[int], int]:
        repeated: list[int] = []
        conflicts = 0
        for row, trade_id, mark in trades:
            place: Any = ids.place(trade_id)
            kept, slot = place
            if (seen := kept[slot]) and self.again(ids, trade_id, seen, number):
                repeated.append(row)
                conflicts += (seen ^ mark) & FIGURES != 0
            kept[slot] = mark
        return repeated, conflicts

    def again(self, ids: Ids, trade_id: str, seen: int, number: int) -> bool:
        """Note at `number` an id whose mark is `seen`, and tell whether it is a repeat; the caller stores its new mark."""
        places = [seen >> FIGURE_BITS, *ids.older.pop(trade_id, ())]
        hour = self._hour_of[number]
        kept = [old for old in places if old >= self._first and self._hour_of[old] > hour]
        if kept:
            ids.older[trade_id] = kept
        return any(self.eligible[old] for old in places)

    def _share(self) -> None:
        """What is kept by name since pages took no more is tried again, so many names a segment: random ones never fit."""
        left = _SHARED_AT_ONCE
        for ids in self._ids.values():
            if ids.scattered and 0 < len(ids.named) <= left:
                left -= len(ids.named)
                ids.share()

    def _sweep(self) -> None:
        for ids in self._ids.values():
            ids.sweep(self._first)
        self._shared.sweep(mark_of(self._first, 0))
        if not self._shared.pages:
            for ids in self._ids.values():
                ids.scattered = False
        self._ids = {name: ids for name, ids in self._ids.items() if not ids.empty}

    def _make_room(self) -> None:
        """Number the living places anew from 1; if that frees too few, let there be twice as many."""
        shift = self._first - 1
        if len(self._block_of) - shift > self._most // 2:
            self._most *= 2
            return
        table = [max(0, place - shift) for place in range(len(self._block_of))]
        for ids in self._ids.values():
            ids.renumber(table)
        self._shared.keep(lambda mark: moved(mark, table) if mark else 0)
        del self._block_of[1 : self._first]
        del self._hour_of[1 : self._first]
        del self.eligible[1 : self._first]
        self._numbers = {place: number - shift for place, number in self._numbers.items()}
        self._first = 1


def _stretches(numbers: Sequence[int]) -> Sequence[int] | None:
    """The ends of stretches within which each number is one above the one before; None where these are many."""
    steps = list(map(sub, numbers[1:], numbers))
    others = len(steps) - steps.count(1)
    if others * _FEW > len(numbers):
        return None
    breaks = [index for index, step in enumerate(steps, 1) if step != 1] if others else []
    return (*breaks, len(numbers))
