"""Ids of markets that one counter numbers together: dense over all of them, though scattered in each.

A page of 1,000 numbers serves all markets, and a slot knows whose id lies there. Where two markets have the same number, the
second keeps it by name.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable

_PAGE = 1000
_FEWEST_IN_PAGE = 100
"""A page takes 12 KB, so many names more than that."""
_Page = tuple["array[int]", "array[int]"]
"""Marks, and the owners of the slots from 1 on."""


class SharedPages:
    """Pages are made as long as they are filled as they should be; `few` are made in any case."""

    __slots__ = ("_count", "_few", "pages")

    def __init__(self, few: int) -> None:
        self.pages: dict[str, _Page] = {}
        self._few = few
        self._count = 0

    def place(self, owner: int, prefix: str, slot: int) -> tuple[array[int], int] | None:
        """Where the owner's id has its mark; None where it has to keep it by itself."""
        found = self.pages.get(prefix)
        if found is None:
            if len(self.pages) >= self._few and self._count < _FEWEST_IN_PAGE * len(self.pages):
                return None
            found = self.pages[prefix] = array("Q", bytes(_PAGE * 8)), array("I", bytes(_PAGE * 4))
        marks, owners = found
        if owners[slot] != owner:
            if owners[slot]:
                return None
            owners[slot] = owner
            self._count += 1
        return marks, slot

    def keep(self, moved: Callable[[int], int]) -> None:
        """Give every mark its new value, 0 where it is forgotten; pages without any go."""
        pages = {prefix: (array("Q", map(moved, marks)), owners) for prefix, (marks, owners) in self.pages.items()}
        self._replace({prefix: page for prefix, page in pages.items() if any(page[0])})

    def sweep(self, least: int) -> None:
        """Forget the pages that hold only marks below `least`."""
        self._replace({prefix: page for prefix, page in self.pages.items() if max(page[0]) >= least})

    def _replace(self, pages: dict[str, _Page]) -> None:
        self.pages = pages
        self._count = sum(_PAGE - marks.count(0) for marks, _ in pages.values())
