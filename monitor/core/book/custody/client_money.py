"""What is owed to clients in a currency, client by client without netting, as a history by event times (INPUTS 3 `fiat_trust`).

The cure term runs from the local date on which the present breach began, so of old days the closing level is kept and how
low the level went within the day: a breach that was interrupted for an hour began anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import Any

from monitor.core.book.custody.position import Position, credit
from monitor.core.values.ladder import Ladder
from monitor.core.values.money import EXACT, ZERO, parse_total, plain


class ClientMoney(Ladder):
    """Sum over accounts of max(0, balance): every change of the last days, of older days their closing and lowest level."""

    __slots__ = ("_lows",)

    def __init__(self) -> None:
        super().__init__()
        self._lows: dict[int, Decimal] = {}

    def coalesce(self, limit: int, key_of: Callable[[int], int]) -> None:
        """As `Ladder.coalesce`; how far each new key went below its opening level is kept."""
        levels: dict[int, Decimal] = {}
        for key, change in self.changes_before(limit):
            moved = key_of(key)
            level = EXACT.add(levels.get(moved, ZERO), change)
            levels[moved] = level
            low = min(self._lows.get(moved, ZERO), self._lows.get(key, ZERO), level)
            if low:
                self._lows[moved] = low
            if moved != key:
                self._lows.pop(key, None)
        super().coalesce(limit, key_of)

    def levels(self, before: int) -> Iterator[tuple[int, Decimal]]:
        """(instant, level from it on) before `before`, ascending; a day's lowest level stands before its closing one."""
        opening = ZERO
        for key, level in self.steps_before(before):
            low = EXACT.add(opening, self._lows.get(key, ZERO))
            if low < min(opening, level):
                yield key, low
            elif level == opening:
                continue
            yield key, level
            opening = level

    def lows(self) -> list[list[str]]:
        """What cannot be built anew from closings, as JSON values."""
        return [[str(key), plain(low)] for key, low in sorted(self._lows.items())]

    def put_lows(self, values: Sequence[Sequence[Any]]) -> None:
        """Take what `lows` wrote."""
        self._lows = {int(key): parse_total(low) for key, low in values}


class MoneyByCurrency:
    """`ClientMoney` of each currency that clients are owed."""

    def __init__(self) -> None:
        self._by_asset: dict[str, ClientMoney] = {}

    def rewrite(
        self, asset: str, before: Position | None, new: Position, after: Position | None, key_of: Callable[[int], int]
    ) -> None:
        """One account's history changes from `new` on until `after`; `key_of`: the key of an event time."""
        money = self._by_asset.setdefault(asset, ClientMoney())
        rise = EXACT.subtract(credit(new), credit(before))
        money.add(key_of(new.event_time), rise)
        if after is not None:
            money.add(key_of(after.event_time), EXACT.minus(rise))

    def coalesce(self, limit: int, key_of: Callable[[int], int]) -> None:
        """See `ClientMoney.coalesce`."""
        for money in self._by_asset.values():
            money.coalesce(limit, key_of)

    def levels(self, asset: str, before: int) -> Iterator[tuple[int, Decimal]]:
        """See `ClientMoney.levels`; none of a currency never owed."""
        money = self._by_asset.get(asset)
        return iter(()) if money is None else money.levels(before)

    def lows(self) -> list[list[Any]]:
        """[currency, `ClientMoney.lows`], sorted."""
        return [[asset, money.lows()] for asset, money in sorted(self._by_asset.items())]

    def put_lows(self, values: Sequence[Sequence[Any]]) -> None:
        """Take what `lows` wrote."""
        for asset, lows in values:
            self._by_asset.setdefault(asset, ClientMoney()).put_lows(lows)
