"""The way of a view to what is remembered: what it reads there, and what it has to read of the book."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from typing import Protocol, TypeVar

from monitor.core.values.figure import Figure

T = TypeVar("T")


class MemoAccess(Protocol):
    """Of one view, or of all views of a trial."""

    def value(self, key: Hashable, read: Callable[[], T]) -> T:
        """What `read` gives in this evaluation. `key` names it, and whatever of the view's own it depends on."""

    def kept(self, key: Hashable, read: Callable[[], T]) -> T:
        """The same, for what the memo keeps: it forgets it when it may be otherwise."""

    def old(self, asset: str, key: Hashable, read: Callable[[], T]) -> T:
        """The same, for what is read of an asset at an instant that is long past."""

    def each(self, key: Hashable, assets: tuple[str, ...], make: Callable[[str], T]) -> Mapping[str, T]:
        """What `make` gives of each asset, made anew for those alone of which something has changed.

        `make` reads of the view what is of that asset: holdings, prices, closes, what it stands for. `key` names it, and
        whatever else it depends on.
        """

    def summed(self, key: Hashable, assets: tuple[str, ...], make: Callable[[str], Figure]) -> Figure:
        """The sum of what `make` gives of each asset."""

    def summed_old(self, key: Hashable, assets: tuple[str, ...], make: Callable[[str], Figure]) -> Figure:
        """As `summed`, where `make` reads what is long past alone, or leaves the asset among those unsettled."""

    def old_parts_ahead(self, key: Hashable, assets: tuple[str, ...], make: Callable[[str], T]) -> Iterator[None]:
        """Makes those parts in steps, an asset each, for whoever asks for them next."""
