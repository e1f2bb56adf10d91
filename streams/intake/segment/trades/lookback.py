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

import struct
import sys
from array import array
from collections.abc import Iterable, Sequence
from operator import sub
from typing import Annotated, Any, NamedTuple, TypeVar

import msgspec

from streams.intake.segment.trades.shared_pages import SharedPages
from streams.wire.fields import has_control

SLOTS = {f"{number:03d}": number for number in range(1000)}
"""Slot of a page by the last three digits of an id."""

FIGURE_BITS = 40
FIGURES = (1 << FIGURE_BITS) - 1

_PAGE = 1000
_UNSEEN = array("Q", bytes(_PAGE * 8))
_PLACE_BYTES = range(FIGURE_BITS // 8, 8) if sys.byteorder == "little" else range(8 - FIGURE_BITS // 8)
"""Where in the eight bytes of a mark its place stands."""
_FEW = 8
_SWEEP_BLOCKS = 5
_LONGEST_ID = 64
_BEYOND = 10**18
_NUMBERS = msgspec.json.Decoder(list[Annotated[int, msgspec.Meta(gt=0, lt=_BEYOND)]])
_DIGITS = b"0123456789"

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Shape(NamedTuple):
    """When ids change the form they are kept in: dense ids as pages, others by name; and when places are numbered anew."""

    most_places: int = 65_000
    pages_before_sparse: int = 8
    names_before_dense: int = 64
    fewest_in_page: int = 25


_SHAPE = Shape()


class Arrived(NamedTuple):
    """Trades of one (entity, market), by rising rows: their `ids`, or `numbers` where each id is its number's plain text.

    `marks`: what is stored of them.
    """

    rows: Sequence[int]
    ids: Sequence[str]
    numbers: Sequence[int] | None
    marks: array[int]


def mark_of(number: int, figures: int) -> int:
    """What is stored of an id: its newest place and the hash of its figures, whose lower half tells figures apart."""
    return number << FIGURE_BITS | (figures & FIGURES)


def marks_of(number: int, figures: Sequence[int]) -> array[int]:
    """The marks of many, as `mark_of` gives that of each."""
    data = bytearray(struct.pack(f"={len(figures)}q", *figures))
    for place, byte in zip(_PLACE_BYTES, number.to_bytes(len(_PLACE_BYTES), sys.byteorder), strict=True):
        data[place::8] = bytes((byte,)) * len(figures)
    marks = array("Q")
    marks.frombytes(data)
    return marks


class Ids:
    """Ids of one (entity, market). `pages` and `named` hold marks; 0 is never seen.

    Ids that are `scattered` share pages with those of other markets, under the number `owner`, where they can.
    """

    __slots__ = ("_dense_at", "_fewest", "_shared", "_sparse_at", "named", "older", "owner", "pages", "scattered", "sparse")

    def __init__(self, shape: Shape, shared: SharedPages, owner: int) -> None:
        self._shared, self.owner = shared, owner
        self.scattered = False
        self.pages: dict[str, array[int]] = {}
        self.named: dict[str, int] = {}
        self.older: dict[str, list[int]] = {}
        self.sparse = True
        self._sparse_at = shape.pages_before_sparse
        self._dense_at = shape.names_before_dense
        self._fewest = shape.fewest_in_page

    def place(self, trade_id: str) -> tuple[array[int], int] | tuple[dict[str, int], str] | None:
        """Where the id's mark is kept, made if need be; None when it can be no trade id."""
        slot = None if self.sparse else SLOTS.get(trade_id[-3:])
        if slot is not None:
            page = self.pages.get(trade_id[:-3])
            if page is not None:
                return page, slot
        if trade_id in self.named:
            return self.named, trade_id
        if not fit(trade_id):
            return None
        if slot is not None:
            if len(self.pages) < self._sparse_at or self._still_dense():
                return self._new_page(trade_id[:-3]), slot
        elif not self.scattered and self.sparse and len(self.named) >= self._dense_at:
            if self._become_dense():
                return self.place(trade_id)
            self.scattered = True
        if self.scattered and (place := self._shared_place(trade_id)) is not None:
            return place
        self.named[trade_id] = 0
        return self.named, trade_id

    def renumber(self, table: list[int]) -> None:
        """Give every place its new number; those without one are forgotten."""
        pages = {prefix: array("Q", [_moved(mark, table) for mark in page]) for prefix, page in self.pages.items()}
        _replace(self.pages, {prefix: page for prefix, page in pages.items() if any(page)})
        _replace(self.named, {name: moved for name, mark in self.named.items() if (moved := _moved(mark, table))})
        self._keep_older({name: [table[place] for place in places if table[place]] for name, places in self.older.items()})

    def sweep(self, oldest: int) -> None:
        """Forget what lies only at places below `oldest`."""
        least = mark_of(oldest, 0)
        kept = {
            prefix: page for prefix, page in self.pages.items() if page[-1] >= least or page[0] >= least or max(page) >= least
        }
        _replace(self.pages, kept)
        _replace(self.named, {name: mark for name, mark in self.named.items() if mark >= least})
        self._keep_older({name: [place for place in places if place >= oldest] for name, places in self.older.items()})

    @property
    def empty(self) -> bool:
        """Whether nothing is kept."""
        return not (self.pages or self.named or self.older or self.scattered)

    def _shared_place(self, trade_id: str) -> tuple[array[int], int] | None:
        slot = SLOTS.get(trade_id[-3:])
        return None if slot is None else self._shared.place(self.owner, trade_id[:-3], slot)

    def _new_page(self, prefix: str) -> array[int]:
        page = self.pages[prefix] = array("Q", bytes(_PAGE * 8))
        return page

    def _still_dense(self) -> bool:
        """Whether the pages are filled as they should be; else they become names."""
        self._sparse_at *= 2
        if sum(_PAGE - page.count(0) for page in self.pages.values()) >= self._fewest * len(self.pages):
            return True
        for prefix, page in self.pages.items():
            self.named.update({prefix + last: page[slot] for last, slot in SLOTS.items() if page[slot]})
        self.pages.clear()
        self.sparse = True
        return False

    def _become_dense(self) -> bool:
        """Make pages of the names if they fill them as they should; asked again when there are twice as many."""
        self._dense_at = 2 * len(self.named)
        numbers = [name for name in self.named if name[-3:] in SLOTS]
        if len(numbers) < self._fewest * len({name[:-3] for name in numbers}) or not numbers:
            return False
        self.sparse = False
        for name in numbers:
            page = self.pages.get(name[:-3]) or self._new_page(name[:-3])
            page[SLOTS[name[-3:]]] = self.named.pop(name)
        self._sparse_at = max(self._sparse_at, 2 * len(self.pages))
        return True

    def _keep_older(self, older: dict[str, list[int]]) -> None:
        _replace(self.older, {name: places for name, places in older.items() if places})


class LookBack:
    """The ids of one source partition and the places they were seen at.

    `eligible[place]` is 1 for the places whose ids make a record of the open segment a repeat.
    """

    def __init__(self, blocks: int, hours: int, shape: Shape = _SHAPE) -> None:
        self._shape = shape
        self._shared = SharedPages(shape.pages_before_sparse)
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
        page = self._page(ids, first) if count >= _FEW and first >= _PAGE else None
        if page is None:
            return count
        seen = page[first % _PAGE : first % _PAGE + count]
        return 0 if not seen[0] else seen.index(0) if 0 in seen else len(seen)

    def _note_new(self, ids: Ids, first: int, marks: array[int]) -> bool:
        """Note ids that follow one another from `first` on; False, and none is noted, where one was seen or is kept by name."""
        pieces = []
        at, count = 0, len(marks)
        while at < count:
            slot = (first + at) % _PAGE
            page = self._page(ids, first + at) if first >= _PAGE else None
            end = min(count, at + _PAGE - slot)
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
                base = value - value % _PAGE
                top = base + _PAGE
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

    @staticmethod
    def _page(ids: Ids, value: int) -> array[int] | None:
        """The page of a number, made if need be; None where such ids are kept by name."""
        prefix = str(value // _PAGE)
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
        self._shared.keep(lambda mark: _moved(mark, table) if mark else 0)
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


def fit(trade_id: str) -> bool:
    """Whether a text may be a trade id."""
    return 0 < len(trade_id) <= _LONGEST_ID and not has_control(trade_id)


def numbers_of(ids: Sequence[str]) -> list[int] | None:
    """The numbers of ids, where each is the plain text of its number, so that different ids have different numbers."""
    joined = ",".join(ids)
    if not joined.isascii() or joined.encode().translate(None, _DIGITS) != b"," * (len(ids) - 1):
        return None
    try:
        return _NUMBERS.decode(f"[{joined}]") or None
    except msgspec.DecodeError:  # an empty one, one with a zero before it, or one beyond
        return None


def _replace(kept: dict[_Key, _Value], content: dict[_Key, _Value]) -> None:
    """In place: whoever holds the dictionary keeps holding the right one."""
    kept.clear()
    kept.update(content)


def _moved(mark: int, table: list[int]) -> int:
    number = table[mark >> FIGURE_BITS]
    return mark_of(number, mark) if number else 0
