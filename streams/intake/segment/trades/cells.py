"""What a segment says of an entity's trades: cells with exact totals (JOURNAL 3)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from operator import itemgetter, mul
from typing import Any

from monitor.core.values.money import ZERO, plain
from monitor.core.values.times import SECOND, format_time

TRADES_A_CELL = 4
"""Newest spot trades a cell carries, so that a bust can fall back to the one before."""

FLOW_BYTES = 256 * 1024
"""A flow record's body stays below this."""

Pending = tuple[int, int, int, int, str, Decimal, Decimal, int]
"""(earlier of event and log time, log time in ms, offset, index, trade id, price, quantity, event time) of a counted trade."""

NewestTrade = tuple[str, int, int, int, str, Decimal]
"""(earlier of event and log time as `exact_time` writes it, its Z left out; log time in ms, offset, index, trade id, price)."""

_LOG, _ID, _PRICE, _QUANTITY, _OWN = itemgetter(1), itemgetter(4), itemgetter(5), itemgetter(6), itemgetter(7)
_NEVER = -(1 << 80)
_NO_FRACTION = ".000000Z"
_CELL_BYTES, _TRADE_BYTES = 450, 200


class Tally:
    """One entity's share of a segment. `newest_log_ms` and `newest_event_time` (ns) are of its counted trades."""

    __slots__ = ("changed", "entity", "newest_event_time", "newest_log_ms", "trades")

    def __init__(self, entity: str) -> None:
        self.entity = entity
        self.trades = 0
        self.newest_event_time = _NEVER
        self.newest_log_ms = 0
        self.changed: dict[Cell, None] = {}

    def note(self, trades: int, event_time: int, log_ms: int) -> None:
        """Count trades, of which these times are the newest."""
        self.trades += trades
        self.newest_event_time = max(self.newest_event_time, event_time)
        self.newest_log_ms = max(self.newest_log_ms, log_ms)


class Cell:
    """Totals so far of one (market, capacity, instrument, side) and UTC hour, or quarter of one, of event time.

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
        self.newest: list[NewestTrade] = []
        self.pending: list[Pending] = []

    def fold(self) -> None:
        """Add the pending trades. The decimal context in force must be the exact one."""
        pending, self.pending = self.pending, []
        quantities = list(map(_QUANTITY, pending))
        self.add(quantities, list(map(mul, map(_PRICE, pending), quantities)))
        self.tally.note(len(pending), max(map(_OWN, pending)), max(map(_LOG, pending)))
        self.tally.changed[self] = None
        if self.spot:
            self.keep([(_time_text(trade[0])[:-1], *trade[1:6]) for trade in sorted(pending)[-TRADES_A_CELL:]])

    def add(self, quantities: Sequence[Decimal], values: Sequence[Decimal]) -> None:
        """Add trades by columns; the tally is not touched."""
        self.trades += len(quantities)
        self.quantity = sum(quantities, self.quantity)
        self.value = sum(values, self.value)

    def keep(self, newest: list[NewestTrade]) -> None:
        """Carry the newest, of these that were added as well."""
        self.newest = sorted(self.newest + newest)[-TRADES_A_CELL:]

    def body(self) -> dict[str, Any]:
        """As it stands in a flow record."""
        market, capacity, instrument, side = self.name
        return {
            "market": market,
            "capacity": capacity,
            "instrument": instrument,
            "side": side,
            "hour": _second_text(self.hour // SECOND) + _NO_FRACTION,
            "trades": self.trades,
            "quantity": plain(self.quantity),
            "value": plain(self.value),
            "newest": list(map(_said, reversed(self.newest))),
        }

    def most_bytes(self) -> int:
        """An upper bound for the size of `body` in canonical JSON."""
        return _CELL_BYTES + _TRADE_BYTES * len(self.newest) + 4 * sum(map(len, map(_ID, self.newest)))

    def order(self) -> tuple[str, str, str, str, int]:
        """Order of cells within flow records."""
        market, capacity, instrument, side = self.name
        return market, capacity, instrument, side or "", self.hour


def _said(trade: NewestTrade) -> dict[str, Any]:
    """One of the newest trades as it stands in a flow record."""
    time, log_ms, offset, index, trade_id, price = trade
    said = {
        "time": f"{time}Z",
        "logged_at": f"{log_text(log_ms)}Z",
        "offset": offset,
        "trade_id": trade_id,
        "price": plain(price),
    }
    if index:
        said["index"] = index
    return said


def _time_text(ns: int) -> str:
    """As `exact_time`, for times that share their seconds."""
    second, rest = divmod(ns, SECOND)
    return f"{_second_text(second)}.{rest:09d}Z" if rest % 1000 else f"{_second_text(second)}.{rest // 1000:06d}Z"


def log_text(ms: int) -> str:
    """A log time as it stands in `NewestTrade`."""
    second, rest = divmod(ms, 1000)
    return f"{_second_text(second)}.{rest:03d}000"


@lru_cache(maxsize=8192)
def _second_text(second: int) -> str:
    return format_time(second * SECOND)[:-8]


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
