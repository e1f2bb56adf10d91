"""Ids of markets that one counter numbers together: dense over all of them, though scattered in each.

A page of 1,000 numbers serves all markets, and a slot knows whose id lies there. Where two markets have the same number, the
second keeps it by name.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Collection, Iterable

_PAGE = 1000
_Page = tuple["array[int]", "array[int]"]
"""Marks, and the owners of the slots from 1 on."""


class SharedPages:
    """Pages are made as long as they hold `fewest` ids each; `few` are made in any case."""

    __slots__ = ("_count", "_few", "_fewest", "pages")

    def __init__(self, few: int, fewest: int) -> None:
        self.pages: dict[str, _Page] = {}
        self._few, self._fewest = few, fewest
        self._count = 0

    def place(self, owner: int, prefix: str, slot: int) -> tuple[array[int], int] | None:
        """Where the owner's id has its mark; None where it has to keep it by itself."""
        found = self._page(prefix)
        if found is None:
            return None
        marks, owners = found
        if owners[slot] != owner:
            if owners[slot]:
                return None
            owners[slot] = owner
            self._count += 1
        return marks, slot

    def places(self, owner: int, numbers: Iterable[int], named: Collection[int] = ()) -> list[tuple[array[int], int] | None]:
        """As `place`, of many ids that are plain numbers, `named` ones left out: several that follow may lie in one page.

        A page that may not be made is not made for a later one of them either: whoever asks keeps the first by name by then.
        """
        places: list[tuple[array[int], int] | None] = []
        pages: dict[int, _Page | None] = {0: None}
        base = top = 0
        page: _Page | None = None
        for number in numbers:
            if not base <= number < top:
                base = number - number % _PAGE
                top = base + _PAGE
                if base not in pages:
                    pages[base] = self._page(str(base // _PAGE))
                page = pages[base]
            if page is None or number in named:
                places.append(None)
                continue
            marks, owners = page
            slot = number - base
            if (other := owners[slot]) != owner:
                if other:
                    places.append(None)
                    continue
                owners[slot] = owner
                self._count += 1
            places.append((marks, slot))
        return places

    def _page(self, prefix: str) -> _Page | None:
        found = self.pages.get(prefix)
        if found is None and (len(self.pages) < self._few or self._count >= self._fewest * len(self.pages)):
            found = self.pages[prefix] = array("Q", bytes(_PAGE * 8)), array("I", bytes(_PAGE * 4))
        return found

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
