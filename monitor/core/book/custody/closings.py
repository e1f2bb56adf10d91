"""Sums of positions at every start of a local day, changed as late positions come: a late one costs as much as a timely one."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from monitor.core.book.custody.position import AccountTally, Position, RoleAsset, Storages, sum_of
from monitor.core.values.ladder import Boundaries, Ladder
from monitor.core.values.money import EXACT

EndOfAge = Callable[[Position], int | None]
"""The last instant at which a position is not too old; None: it never is."""

Aged = tuple[Ladder, Ladder]
"""Of the accounts too old: how many, and what they hold."""


class Closings:
    """By role, asset and storage, at the starts `boundaries`: what was held, and what of it was too old to count."""

    def __init__(self, boundaries: Boundaries) -> None:
        self.boundaries = boundaries
        self._held: dict[RoleAsset, dict[str, Ladder]] = {}
        self._aged: dict[RoleAsset, dict[str, Aged]] = {}

    def replace(self, of: RoleAsset, before: Position | None, new: Position, after: Position | None) -> None:
        """An account holds `new` instead of `before` until `after`: two changes of each ladder, whatever lies behind."""
        start = self.boundaries.before(new.event_time)
        if before is None and after is None:
            self.put(of, new.storage, start, new.quantity)
            return
        end = None if after is None else self.boundaries.before(after.event_time)
        if start != end:
            self._move(of, start, before, new)
            if end is not None:
                self._move(of, end, new, before)

    def put(self, of: RoleAsset, storage: str, start: int, quantity: Decimal) -> None:
        """Accounts hold so much together from the start of a local day on."""
        self._ladder(of, storage).add(start, quantity)

    def put_aged(self, of: RoleAsset, storage: str, start: int, sums: AccountTally) -> None:
        """Accounts come to be too old together from the start of a local day on."""
        accounts, quantities = self._aged_ladders(of, storage)
        accounts.add(start, Decimal(sums.accounts))
        quantities.add(start, sums.quantity)

    def age(self, of: RoleAsset, before: Position | None, new: Position, after: Position | None, end: EndOfAge) -> None:
        """As `replace`, of what is too old: `before` ages until `new` instead of `after`, and `new` until `after`."""
        if before is not None:
            self._age(of, before, end(before), after, -1)
            self._age(of, before, end(before), new, 1)
        self._age(of, new, end(new), after, 1)

    def coalesce(self, oldest: int) -> None:
        """Forget what lies before `oldest`: its sum stands at the beginning."""
        for ladders in self._held.values():
            for ladder in ladders.values():
                ladder.coalesce(oldest, _to_the_beginning)
        for aged in self._aged.values():
            for several in aged.values():
                for ladder in several:
                    ladder.coalesce(oldest, _to_the_beginning)

    def held(self, of: RoleAsset, storages: Storages, start: int) -> Decimal:
        """What was held before the start of a local day."""
        ladders = self._held.get(of, {})
        return sum_of(ladder.sum_before(start) for where, ladder in ladders.items() if storages is None or where in storages)

    def aged(self, of: RoleAsset, storages: Storages, start: int) -> Decimal:
        """What of it lay on accounts too old just before."""
        ladders = self._aged.get(of, {})
        wanted = [quantities for where, (_, quantities) in ladders.items() if storages is None or where in storages]
        return sum_of(ladder.sum_before(start) for ladder in wanted)

    def any_aged(self, of: RoleAsset, start: int) -> bool:
        """Whether any account was too old just before the start of a local day."""
        return any(accounts.sum_before(start) for accounts, _ in self._aged.get(of, {}).values())

    def _age(self, of: RoleAsset, position: Position, end: int | None, then: Position | None, sign: int) -> None:
        """A position that counts until `then` is too old from the `end` of its age on (`sign` -1: it no longer is)."""
        if end is None or (then is not None and then.event_time <= end):
            return
        start = self.boundaries.before(end + 1)
        stop = None if then is None else self.boundaries.before(then.event_time)
        if start == stop:
            return
        accounts, quantities = self._aged_ladders(of, position.storage)
        quantity = EXACT.multiply(position.quantity, Decimal(sign))
        accounts.add(start, Decimal(sign))
        quantities.add(start, quantity)
        if stop is not None:
            accounts.add(stop, Decimal(-sign))
            quantities.add(stop, EXACT.minus(quantity))

    def _aged_ladders(self, of: RoleAsset, storage: str) -> Aged:
        return self._aged.setdefault(of, {}).setdefault(storage, (Ladder(), Ladder()))

    def _move(self, of: RoleAsset, key: int, old: Position | None, new: Position | None) -> None:
        if old is not None and new is not None and old.storage == new.storage:
            self._ladder(of, new.storage).add(key, EXACT.subtract(new.quantity, old.quantity))
            return
        if old is not None:
            self._ladder(of, old.storage).add(key, EXACT.minus(old.quantity))
        if new is not None:
            self._ladder(of, new.storage).add(key, new.quantity)

    def _ladder(self, of: RoleAsset, storage: str) -> Ladder:
        by_storage = self._held.setdefault(of, {})
        found = by_storage.get(storage)
        if found is None:
            found = by_storage[storage] = Ladder()
        return found


def _to_the_beginning(_key: int) -> int:
    return 0
