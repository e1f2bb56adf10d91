"""Balances that are far from what the account held before, or above what there is of the asset (CONTRACT 7).

A wrong scale, or a zero read for a failed look-up, is a balance like any other to whoever adds it up. It stays in doubt until
another source says the same within the ratio, the same source does `confirm_s` later by log time, a person dismisses it, or
the account is back where it was. Above `supply` only a person or the configuration ends it: a wrong scale repeats itself.
Intake cannot judge this: what an account held is the sum of the log, not of a segment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NamedTuple

from monitor.core.book.custody.position import AccountKey, Position
from monitor.core.configuration.configuration import SourceRules
from monitor.core.journal.ordering import place_text
from monitor.core.journal.records import SourcePartition
from monitor.core.values.money import EXACT, parse_quantity, plain

BUCKET = "doubts"
REFUTED_KEPT = 1000

SourcePlace = tuple[str, int, int, int]
"""Topic, epoch, partition and place there (`SourcePartition.place`) of a position's source record."""


class Doubt(NamedTuple):
    """From `since` on (event time, ns), to `until` where it was refuted, an account may hold `measure` rather than `value`.

    `logged` (ns), `source` and `places` are of the first that said so; of `places` the last is the newest that did.
    """

    since: int
    until: int | None
    measure: Decimal
    value: Decimal
    logged: int
    source: str | None
    places: tuple[SourcePlace, ...]
    above_supply: bool

    def holds(self, position: Position) -> bool:
        """Whether a position of the account is what is in doubt."""
        return self.since <= position.event_time and (self.until is None or position.event_time < self.until)


@dataclass(frozen=True, slots=True)
class Swing:
    """How far the sum over accounts may lie below and above what positions say, in one storage of one source."""

    storage: str
    source: str | None
    below: Decimal
    above: Decimal


class Doubts:
    """The doubted balances of an entity."""

    def __init__(self, rules: SourceRules, dirty: set[str]) -> None:
        self._rules = rules
        self._dirty = dirty
        self._open: dict[AccountKey, Doubt] = {}
        self._refuted: list[tuple[AccountKey, Doubt]] = []
        self._allowed: dict[AccountKey, Decimal] = {}

    def configure(self, rules: SourceRules) -> None:
        """Change over to other limits: what is within the supply now is no longer in doubt for being above it."""
        self._rules = rules
        ended = [key for key, doubt in self._open.items() if doubt.above_supply and not self._above(key, doubt.value)]
        ended += [key for key, doubt in self._open.items() if not doubt.above_supply and rules.jump_ratio is None]
        for key in ended:
            del self._open[key]
            self._dirty.add(BUCKET)

    def supply(self, asset: str) -> Decimal | None:
        """How much of an asset there is: an account that is said to hold more of it is in doubt. None: nobody says."""
        return self._rules.supply.get(asset)

    def newest(self, key: AccountKey, before: Position | None, new: Position) -> bool:
        """Take the position that is now an account's newest, after `before`; whether the account is in doubt then."""
        if before is None and not self._rules.supply and not self._open:
            return False
        self._take(key, before, new)
        return key in self._open

    def _take(self, key: AccountKey, before: Position | None, new: Position) -> None:
        doubt, above = self._open.get(key), self._above(key, new.quantity)
        if doubt is None and not above and (before is None or not self._apart(before.quantity, new.quantity)):
            return
        self._dirty.add(BUCKET)
        measure = Decimal(0) if before is None else before.quantity
        if doubt is not None:
            measure = doubt.measure
            if above and doubt.above_supply:
                self._open[key] = doubt._replace(value=new.quantity, places=(doubt.places[0], _place(new)))
                return
            if not above and (doubt.above_supply or not self._apart(measure, new.quantity)):
                self._end(key, doubt, new.event_time)
                return
            if not above and not self._apart(doubt.value, new.quantity):
                self._same_again(key, doubt, new)
                return
            self._end(key, doubt, new.event_time)
        self._open[key] = Doubt(
            new.event_time, None, measure, new.quantity, new.logged, new.source, (_place(new),), above_supply=above
        )

    def confirm(self, where: SourcePartition, offset: int, history: Callable[[AccountKey], Iterable[Position]]) -> None:
        """A person says that the record at an offset of a source partition is right: any that said what is in doubt.

        `history` gives the positions kept of an account, all of the last 48 hours; of older ones the first that said so is known.
        """
        for key, doubt in [*self._open.items()]:
            told = {_place(one): one.quantity for one in history(key) if doubt.holds(one)}
            said = dict.fromkeys(doubt.places, doubt.value) | told
            meant = [
                quantity
                for place, quantity in said.items()
                if SourcePartition(*place[:3]) == where and where.offset_of(place[3]) == offset
            ]
            if meant:
                self._confirmed(key, doubt, max(meant))

    def _confirmed(self, key: AccountKey, doubt: Doubt, quantity: Decimal) -> None:
        """`quantity` is right; above the supply that says nothing of a larger one that was told since."""
        self._dirty.add(BUCKET)
        if doubt.above_supply:
            self._allowed[key] = max(quantity, self._allowed.get(key, quantity))
        if not doubt.above_supply or not self._above(key, doubt.value):
            del self._open[key]

    def assets(self) -> frozenset[str]:
        """Of which there is or was any doubt."""
        return frozenset(asset for _, asset, _ in (*self._open, *(key for key, _ in self._refuted)))

    def since(self, role: str, asset: str) -> int | None:
        """Event time of the first balance of a holding that is in doubt; None if none is."""
        return min((doubt.since for key, doubt in self._open.items() if key[:2] == (role, asset)), default=None)

    def of(self, role: str, asset: str) -> Iterator[tuple[AccountKey, Doubt]]:
        """Every doubt there was of a holding, and the account."""
        for key, doubt in (*self._open.items(), *self._refuted):
            if key[:2] == (role, asset):
                yield key, doubt

    def _same_again(self, key: AccountKey, doubt: Doubt, new: Position) -> None:
        if new.source != doubt.source or new.logged - doubt.logged >= self._rules.confirm_ns:
            del self._open[key]
        else:
            self._open[key] = doubt._replace(places=(doubt.places[0], _place(new)))

    def _end(self, key: AccountKey, doubt: Doubt, until: int) -> None:
        self._refuted.append((key, doubt._replace(until=until)))
        del self._refuted[:-REFUTED_KEPT]
        del self._open[key]

    def _above(self, key: AccountKey, quantity: Decimal) -> bool:
        most = self._rules.supply.get(key[1])
        return most is not None and quantity > max(most, self._allowed.get(key, most))

    def _apart(self, one: Decimal, other: Decimal) -> bool:
        ratio = self._rules.jump_ratio
        if ratio is None or one == other:
            return False
        low, high = sorted((abs(one), abs(other)))
        return (one < 0) != (other < 0) or high > EXACT.multiply(low, ratio)

    # --- snapshots

    def names(self) -> Iterator[str]:
        """Names of the buckets."""
        if self._open or self._refuted or self._allowed:
            yield BUCKET

    def bucket(self, name: str) -> Any:
        """The bucket as JSON values; None when it is empty."""
        if name != BUCKET or not (self._open or self._refuted or self._allowed):
            return None
        return {
            "open": [[*key, *_text(doubt)] for key, doubt in self._open.items()],
            "refuted": [[*key, *_text(doubt)] for key, doubt in self._refuted],
            "allowed": [[*key, plain(value)] for key, value in self._allowed.items()],
        }

    def restore(self, buckets: Mapping[str, Any]) -> None:
        """Take the state of the bucket `doubts`."""
        raw = buckets.get(BUCKET) or {"open": [], "refuted": [], "allowed": []}
        self._open = dict(map(_read, raw["open"]))
        self._refuted = list(map(_read, raw["refuted"]))
        self._allowed = {(role, asset, account): parse_quantity(value) for role, asset, account, value in raw["allowed"]}


def _place(position: Position) -> SourcePlace:
    return position.topic, position.epoch, position.partition, position.offset


def _text(doubt: Doubt) -> list[Any]:
    until = None if doubt.until is None else str(doubt.until)
    amounts = [plain(doubt.measure), plain(doubt.value)]
    places = [[*where, place_text(place)] for *where, place in doubt.places]
    return [str(doubt.since), until, *amounts, str(doubt.logged), doubt.source, places, doubt.above_supply]


def _read(values: list[Any]) -> tuple[AccountKey, Doubt]:
    role, asset, account, since, until, measure, value, logged, source, places, above = values
    amounts = parse_quantity(measure), parse_quantity(value)
    known = tuple((topic, epoch, partition, int(place)) for topic, epoch, partition, place in places)
    return (role, asset, account), Doubt(
        int(since), None if until is None else int(until), *amounts, int(logged), source, known, above_supply=above
    )
