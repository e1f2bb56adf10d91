"""What a segment says of an entity's trades: cells with exact totals (JOURNAL 3)."""

from __future__ import annotations

from decimal import Decimal
from operator import itemgetter, mul
from typing import Any

from monitor.core.money import ZERO, plain
from monitor.core.times import exact_time, from_ms

KEPT = 4
"""Newest spot trades a cell carries, so that a bust can fall back to the one before."""

FLOW_BYTES = 256 * 1024
"""A flow record's body stays below this."""

Pending = tuple[int, int, int, str, Decimal, Decimal, int]
"""(earlier of own and log time, log time in ms, offset, trade id, price, quantity, own time) of a counted trade."""

_LOG, _PRICE, _QUANTITY, _OWN = itemgetter(1), itemgetter(4), itemgetter(5), itemgetter(6)
_NEVER = -(1 << 80)
_CELL_BYTES, _TRADE_BYTES = 450, 200


class Tally:
    """One entity's share of a segment. `newest_log_ms` and `newest_own` (ns) are of its counted trades."""

    __slots__ = ("changed", "entity", "newest_log_ms", "newest_own", "trades")

    def __init__(self, entity: str) -> None:
        self.entity = entity
        self.trades = 0
        self.newest_own = _NEVER
        self.newest_log_ms = 0
        self.changed: dict[Cell, None] = {}


class Cell:
    """Totals so far of one (market, capacity, instrument, side) and UTC hour of own time.

    Trades appended to `pending` are added by `fold`.
    """

    __slots__ = ("hour", "name", "newest", "pending", "quantity", "spot", "tally", "trades", "value")

    def __init__(self, tally: Tally, name: tuple[str, str, str, str | None], hour: int) -> None:
        self.tally = tally
        self.name = name
        self.hour = hour
        self.spot = name[2] == "spot"
        self.trades = 0
        self.quantity = ZERO
        self.value = ZERO
        self.newest: list[Pending] = []
        self.pending: list[Pending] = []

    def fold(self) -> None:
        """Add the pending trades. The decimal context in force must be the exact one."""
        pending, tally = self.pending, self.tally
        quantities = list(map(_QUANTITY, pending))
        self.trades += len(pending)
        self.quantity = sum(quantities, self.quantity)
        self.value = sum(map(mul, map(_PRICE, pending), quantities), self.value)
        tally.trades += len(pending)
        tally.newest_own = max(tally.newest_own, *map(_OWN, pending))
        tally.newest_log_ms = max(tally.newest_log_ms, *map(_LOG, pending))
        tally.changed[self] = None
        if self.spot:
            self.newest = sorted(self.newest + pending)[-KEPT:]
        self.pending = []

    def body(self) -> dict[str, Any]:
        """As it stands in a flow record."""
        market, capacity, instrument, side = self.name
        return {
            "market": market,
            "capacity": capacity,
            "instrument": instrument,
            "side": side,
            "hour": exact_time(self.hour),
            "trades": self.trades,
            "quantity": plain(self.quantity),
            "value": plain(self.value),
            "newest": [
                {
                    "time": exact_time(time),
                    "logged_at": exact_time(from_ms(log_ms)),
                    "offset": offset,
                    "trade_id": trade_id,
                    "price": plain(price),
                }
                for time, log_ms, offset, trade_id, price, _quantity, _own in reversed(self.newest)
            ],
        }

    def most_bytes(self) -> int:
        """An upper bound for the size of `body` in canonical JSON."""
        return _CELL_BYTES + sum(_TRADE_BYTES + 4 * len(trade[3]) for trade in self.newest)

    def order(self) -> tuple[str, str, str, str, int]:
        """Order of cells within flow records."""
        market, capacity, instrument, side = self.name
        return market, capacity, instrument, side or "", self.hour


def in_parts(cells: list[Cell]) -> list[list[Cell]]:
    """Cells in order, split so that each part fits a flow record."""
    parts: list[list[Cell]] = []
    room = 0
    for cell in sorted(cells, key=Cell.order):
        size = cell.most_bytes()
        if size > room:
            parts.append([])
            room = FLOW_BYTES
        parts[-1].append(cell)
        room -= size
    return parts
