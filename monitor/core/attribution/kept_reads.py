"""What was read of each of several assets, kept beside the values that were made of them: see memo.Parts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from monitor.core.attribution.readings import Readings, ReadKey
from monitor.core.journal.vocabulary import CausePart

Place = tuple[CausePart, ReadKey]


class ReadsOfAsset:
    """The reads of one asset in their order, and pairs whose prices of the past were read."""

    __slots__ = ("made", "past")

    def __init__(self) -> None:
        self.made: dict[Place, Any] = {}
        self.past: dict[str, None] = {}


class KeptReads:
    """By asset. All of them are put in order once; where an asset is read again, its values change in their places."""

    def __init__(self) -> None:
        self._places: dict[str, tuple[Place, ...]] = {}
        self._past: dict[str, tuple[str, ...]] = {}
        self._assets: tuple[str, ...] = ()
        self._all = Readings()
        self._in_order = False

    def put(self, asset: str, reads: ReadsOfAsset) -> None:
        """The reads of an asset, in place of those it had."""
        places, past = tuple(reads.made), tuple(reads.past)
        if places != self._places.get(asset) or past != self._past.get(asset):
            self._places[asset], self._past[asset] = places, past
            self._in_order = False
        for (part, key), value in reads.made.items():
            self._all.values[part][key] = value

    def leave(self, assets: tuple[str, ...], into: Readings, term: str) -> None:
        """Notes those of all these assets, as read by a term; of any other nothing is kept."""
        if not self._in_order or assets != self._assets:
            self._all, self._assets, self._in_order = self._of(assets), assets, True
            self._places = {asset: self._places[asset] for asset in assets}
            self._past = {asset: self._past[asset] for asset in assets}
        into.note_all(self._all, term)

    def leave_some(self, assets: Iterable[str], into: Readings, term: str) -> None:
        """The same of some."""
        into.note_all(self._of(assets), term)

    def _of(self, assets: Iterable[str]) -> Readings:
        found = Readings()
        for asset in assets:
            found.past.update(self._past[asset])
            for part, key in self._places[asset]:
                found.values[part][key] = self._all.values[part][key]
        return found
