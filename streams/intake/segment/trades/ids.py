"""Trade ids of one market with what is stored of each: as slots of pages where they are dense, else by name."""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Sequence
from typing import Annotated, NamedTuple, TypeVar

import msgspec

from streams.intake.segment.trades.shared_pages import SharedPages
from streams.wire.fields import has_control

SLOTS = {f"{number:03d}": number for number in range(1000)}
"""Slot of a page by the last three digits of an id."""

FIGURE_BITS = 40
FIGURES = (1 << FIGURE_BITS) - 1

PAGE = 1000
_PLACE_BYTES = range(FIGURE_BITS // 8, 8) if sys.byteorder == "little" else range(8 - FIGURE_BITS // 8)
"""Where in the eight bytes of a mark its place stands."""
_LONGEST_ID = 64
_BEYOND = 10**18
_NUMBERS = msgspec.json.Decoder(list[Annotated[int, msgspec.Meta(gt=0, lt=_BEYOND)]])
_DIGITS = b"0123456789"

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Shape(NamedTuple):
    """When ids change the form they are kept in: dense ids as pages, others by name; and when places are numbered anew.

    A page takes 8 KB, one that markets share 12: as many names take more.
    """

    most_places: int = 65_000
    pages_before_sparse: int = 8
    names_before_dense: int = 64
    fewest_in_page: int = 25
    fewest_in_shared_page: int = 100


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
            self.share()
        if self.scattered and (place := self._shared_place(trade_id)) is not None:
            return place
        self.named[trade_id] = 0
        return self.named, trade_id

    def renumber(self, table: list[int]) -> None:
        """Give every place its new number; those without one are forgotten."""
        pages = {prefix: array("Q", [moved(mark, table) for mark in page]) for prefix, page in self.pages.items()}
        _replace(self.pages, {prefix: page for prefix, page in pages.items() if any(page)})
        _replace(self.named, {name: after for name, mark in self.named.items() if (after := moved(mark, table))})
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
        page = self.pages[prefix] = array("Q", bytes(PAGE * 8))
        return page

    def _still_dense(self) -> bool:
        """Whether the pages are filled as they should be; else they become names."""
        self._sparse_at *= 2
        if sum(PAGE - page.count(0) for page in self.pages.values()) >= self._fewest * len(self.pages):
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

    def share(self) -> None:
        """Put what is kept by name into pages that markets share, as far as these take it."""
        for name in list(self.named):
            if (place := self._shared_place(name)) is not None:
                marks, slot = place
                marks[slot] = self.named.pop(name)

    def _keep_older(self, older: dict[str, list[int]]) -> None:
        _replace(self.older, {name: places for name, places in older.items() if places})


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


def moved(mark: int, table: list[int]) -> int:
    number = table[mark >> FIGURE_BITS]
    return mark_of(number, mark) if number else 0
