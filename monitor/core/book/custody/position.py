"""One balance of one account, and sums over accounts."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from monitor.core.journal.ordering import Order, place_text
from monitor.core.journal.records import one_text
from monitor.core.values.money import EXACT, ZERO, parse_quantity, plain

AccountKey = tuple[str, str, str]
"""(role, asset, account)"""
Storages = frozenset[str] | None
"""Storage classes; None is all."""
RoleAsset = tuple[str, str]
"""(role, asset)"""


class Position(NamedTuple):
    """A balance of one account; its first seven fields are its `Order`."""

    event_time: int
    sequence: int
    logged: int
    topic: str
    epoch: int
    partition: int
    offset: int
    storage: str
    quantity: Decimal
    source: str | None


def account_key(role: str, asset: str, account: str) -> AccountKey:
    """The name of an account. Of many accounts, roles and assets are the same few texts: each is kept once."""
    return one_text(role), one_text(asset), account


def precedes(one: Position, other: Position) -> bool:
    """Whether one comes before the other. Of one record that is read under other rules, no source comes before any."""
    try:
        return one < other
    except TypeError:  # all fields before the source are the same
        return one.source is None


def place_among(entries: Sequence[Position], position: Position) -> int:
    """Number of those, ascending, that come before the position."""
    try:
        return bisect_left(entries, position)
    except TypeError:
        return sum(precedes(entry, position) for entry in entries)


class AccountTally:
    """A sum over accounts: their number, their quantities, and their quantities above 0."""

    __slots__ = ("accounts", "positive", "quantity")

    def __init__(self) -> None:
        self.accounts = 0
        self.quantity = ZERO
        self.positive = ZERO

    def put(self, quantity: Decimal) -> None:
        """One more account."""
        self.accounts += 1
        self.quantity = EXACT.add(self.quantity, quantity)
        if quantity > 0:
            self.positive = EXACT.add(self.positive, quantity)

    def put_all(self, quantities: Iterable[Decimal]) -> None:
        """One more account for each."""
        add, total, positive, accounts = EXACT.add, self.quantity, self.positive, self.accounts
        for quantity in quantities:
            accounts += 1
            total = add(total, quantity)
            if quantity > 0:
                positive = add(positive, quantity)
        self.accounts, self.quantity, self.positive = accounts, total, positive

    def take(self, quantity: Decimal) -> None:
        """One account less."""
        self.accounts -= 1
        self.quantity = EXACT.subtract(self.quantity, quantity)
        if quantity > 0:
            self.positive = EXACT.subtract(self.positive, quantity)

    def join(self, other: AccountTally) -> None:
        """All accounts of another sum too."""
        self.accounts += other.accounts
        self.quantity = EXACT.add(self.quantity, other.quantity)
        self.positive = EXACT.add(self.positive, other.positive)


Tallies = dict[RoleAsset, dict[tuple[str, str | None], AccountTally]]
"""By (role, asset), then by (storage, source)."""


def tally_of(tallies: Tallies, holding: RoleAsset, position: Position) -> AccountTally:
    """The sum a position belongs to, made when first asked for."""
    of_holding = tallies.setdefault(holding, {})
    found = of_holding.get((position.storage, position.source))
    if found is None:
        found = of_holding[position.storage, position.source] = AccountTally()
    return found


def put_alone(
    sums: dict[tuple[RoleAsset, str, str | None, int], AccountTally], key: AccountKey, one: Position, start: int
) -> None:
    """Adds an account's only position to the sum of its like, by holding, storage, source and the local day's `start`."""
    of = (key[:2], one.storage, one.source, start)
    found = sums.get(of)
    if found is None:
        found = sums[of] = AccountTally()
    found.put(one.quantity)


def counting(history: Sequence[Position], instant: int) -> Position | None:
    """The newest of a history, ascending, whose event time is not after `instant`."""
    if history and history[-1].event_time <= instant:
        return history[-1]
    place = bisect_right(history, instant, key=by_event_time)
    return history[place - 1] if place else None


def by_event_order(position: Position) -> tuple[int, int]:
    """Event time and sequence."""
    return position[:2]


def by_event_time(position: Position) -> int:
    """Event time in ns."""
    return position.event_time


def credit(position: Position | None) -> Decimal:
    """max(0, quantity); 0 of none."""
    return ZERO if position is None or position.quantity < 0 else position.quantity


def sum_of(quantities: Iterable[Decimal]) -> Decimal:
    """The exact sum."""
    total = ZERO
    for quantity in quantities:
        total = EXACT.add(total, quantity)
    return total


def position_text(entry: Position) -> list[Any]:
    """A position as JSON values; nanoseconds are text, for they are beyond 2**53."""
    event_time, sequence, logged, topic, epoch, partition, place, storage, quantity, source = entry
    order = [str(event_time), sequence, str(logged), topic, epoch, partition, place_text(place)]
    return [*order, storage, plain(quantity), source]


def position_from(values: Sequence[Any]) -> Position:
    """The position written by `position_text`."""
    event_time, sequence, logged, topic, epoch, partition, place, storage, quantity, source = values
    where, kept, of = one_text(topic), one_text(storage), None if source is None else one_text(source)
    amount = parse_quantity(quantity)
    return Position(int(event_time), sequence, int(logged), where, epoch, partition, int(place), kept, amount, of)


def position_of(order: Order, storage: str, quantity: Decimal, source: str | None) -> Position:
    """A balance at a place in the order: 48 hours of them are kept, so names are held once."""
    return Position(*order, one_text(storage), quantity, None if source is None else one_text(source))
