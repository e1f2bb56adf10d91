"""Which events a part's changed reads depend on: no other one is named as a cause."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from monitor.core.attribution.footing import GapName
from monitor.core.attribution.readings import Readings, ReadKey
from monitor.core.book.declarations import DatedDeclaration, attributes_key
from monitor.core.journal.causes import Cause
from monitor.core.journal.vocabulary import OPERATIONS, CausePart
from monitor.core.view.incident_view import KnownIncidents

StandsOn = Callable[[str, str], tuple[tuple[str, bool], ...]]
"""Of an asset and a currency the pairs its price stands on, each with whether it is the entity's own last trade."""

_OF_HOLDINGS = frozenset({"held", "positive", "held_at"})
_OF_ASSETS = frozenset({"assets", "assets_at"})


class Dependence:
    """The changed reads of one figure, asked cause by cause. `gaps` are those that opened or closed."""

    def __init__(
        self,
        reads: tuple[Readings, Readings],
        stands_on: StandsOn,
        gaps: tuple[GapName, ...],
        *,
        past_moved: bool,
        configured: bool,
    ) -> None:
        self._old, self._new = reads
        changed = self._new.changed(self._old)
        self._held = {(key[1], key[2]): set[str]() for key in changed["balance"] if key[0] in _OF_HOLDINGS}
        for key in changed["balance"]:
            if key[0] in _OF_HOLDINGS:
                self._held[key[1], key[2]].add("*" if key[0] == "positive" else key[3])
        self._assets = {key[1]: self._others("balance", key) for key in changed["balance"] if key[0] in _OF_ASSETS}
        self._first_balance = any(key[0] == "first" for key in changed["balance"])
        self._pairs = dict(pair for _, asset, currency in changed["price"] for pair in stands_on(asset, currency))
        self._past = self._new.past | self._old.past if past_moved else set[str]()
        self._traded = any(key[0] not in {"today", "now"} for key in changed["volume"])
        self._incidents = self._others("incident", ("incidents",)) if changed["incident"] else frozenset[Any]()
        self._declared = {key[1:] for key in changed["declaration"] if key[0] == "declared"}
        self._came = {key[1] for key in changed["declaration"] if key[0] == "came"}
        self._lists = {key[1]: self._others("declaration", key) for key in changed["declaration"] if key[0] == "declarations"}
        self._gap_subjects = frozenset(subject.partition("/")[0] for _, subject in gaps)
        self._configured = configured

    def of(self, part: CausePart, cause: Cause) -> bool:
        """Whether a changed read of the part depends on the event."""
        match part:
            case "price":
                return self._price(cause)
            case "balance":
                return cause.part == "balance" and self._balance(cause)
            case "volume":
                return cause.part == "volume" and self._traded
            case "incident":
                return cause.part == "incident" and cause.subject[0] in self._incidents
            case "declaration":
                return cause.part == "declaration" and self._declaration(cause)
            case "method":
                return cause.part == "method" and self._configured
            case "data_quality":
                spoken_of = cause.topic in self._gap_subjects or cause.topic == OPERATIONS
                return cause.part == "data_quality" and bool(self._gap_subjects) and spoken_of
        return False

    def _price(self, cause: Cause) -> bool:
        if cause.part == "price":
            return cause.subject[0] in self._pairs or cause.subject[0] in self._past
        return cause.part == "volume" and any(self._pairs.get(market, False) for market in cause.touches)

    def _balance(self, cause: Cause) -> bool:
        role, asset = cause.subject[:2]
        if self._first_balance or asset in self._assets.get(role, ()):
            return True
        read = self._held.get((role, asset), ())
        return any(words == "*" or set(words.split()) & set(cause.touches) for words in read)

    def _declaration(self, cause: Cause) -> bool:
        kind, given = cause.subject[0], dict(text.split("=", 1) for text in cause.subject[1:])
        key = attributes_key(kind, given)
        exact = (kind, *(f"{name}={text}" for name, text in key))
        return exact in self._declared or kind in self._came or key in self._lists.get(kind, ())

    def _others(self, part: CausePart, key: ReadKey) -> frozenset[Any]:
        """The members of a read on one side alone, or otherwise than on the other."""
        old, new = (_members(side.values[part].get(key)) for side in (self._old, self._new))
        return frozenset(name for name in {*old, *new} if old.get(name) != new.get(name))


def _members(value: Any) -> Mapping[Any, Any]:
    if value is None:
        return {}
    if isinstance(value, KnownIncidents):
        return dict(value.revisions)
    return {one.attributes: one for one in value} if _declarations(value) else dict.fromkeys(value, True)


def _declarations(value: tuple[Any, ...]) -> bool:
    return bool(value) and isinstance(value[0], DatedDeclaration)
