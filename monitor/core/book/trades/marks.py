"""Last trade prices: of each market and UTC hour, or quarter of one, the newest trades of each cell (JOURNAL 4).

A cell keeps its four newest trades, so that a bust can fall back. When all of them are busted and it had more, its newest price
is not known: better no price than an older one. A trade's event time for prices is the earlier of `executed_at` and its log time
(INPUTS 1 Price).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from typing import Any, NamedTuple

from monitor.core.journal.ordering import Order, order_from, order_text
from monitor.core.journal.records import SourcePartition
from monitor.core.values.money import parse_decimal, plain
from monitor.core.values.times import HOUR, parse_time

TRADES_A_CELL = 4
MarketSide = tuple[str, str]
"""(capacity, side); side `""` where the trade names none."""


class PricedTrade(NamedTuple):
    """A spot trade as a price: `order` begins with its event time for prices."""

    order: Order
    trade_id: str
    price: Decimal


class TradedPrice(NamedTuple):
    """The newest price of some trades; None: it lies at or before `order` and is not known."""

    order: Order
    price: Decimal | None


class Mark:
    """The newest trades of one cell: those of closed segments, and those of each open one."""

    __slots__ = ("closed", "gross", "open")

    def __init__(self) -> None:
        self.closed: list[PricedTrade] = []
        self.gross = 0
        self.open: dict[SourcePartition, tuple[int, tuple[PricedTrade, ...]]] = {}

    def fold(self, where: SourcePartition) -> None:
        """The open segment of a source partition is closed: what it said is for good."""
        gross, trades = self.open.pop(where, (0, ()))
        self.gross += gross
        self.closed = _newest([*self.closed, *trades])

    def candidate(self, before: int, busted: Callable[[str], bool]) -> TradedPrice | None:
        """The newest trade of event time below `before` that is not busted; None if there is none."""
        gross, trades = self.gross, self.closed.copy()
        for count, told in self.open.values():
            gross += count
            trades += told
        kept = _newest(trades) if len(trades) > 1 else trades
        for trade in kept:
            if trade.order[0] < before and not busted(trade.trade_id):
                return TradedPrice(trade.order, trade.price)
        return TradedPrice(kept[-1].order, None) if gross > len(kept) > 0 else None

    def forget(self, trade_id: str) -> None:
        """A busted trade is taken out for good."""
        left = [trade for trade in self.closed if trade.trade_id != trade_id]
        self.gross -= len(self.closed) - len(left)
        self.closed = left


class Marks:
    """Marks of one market by UTC hour of execution."""

    def __init__(self) -> None:
        self._hours: dict[int, dict[MarketSide, Mark]] = {}
        self._ascending: list[int] = []
        self._thin_from = 0

    def mark(self, hour: int, side: MarketSide) -> Mark:
        """The mark of a cell, made when first asked for."""
        sides = self._hours.get(hour)
        if sides is None:
            sides = self._hours[hour] = {}
            insort(self._ascending, hour)
            self._thin_from = min(self._thin_from, hour)
        found = sides.get(side)
        if found is None:
            found = sides[side] = Mark()
        return found

    def newest(self, before: int, busted: Callable[[str], bool]) -> TradedPrice | None:
        """The last trade of event time below `before`."""
        best: TradedPrice | None = None
        for hour in reversed(self._ascending):
            if best is not None and best.order[0] >= hour + HOUR:
                break
            found = self._of_hour(hour, before, busted)
            best = found if best is None else best if found is None else max(best, found, key=_order)
        return best

    def newest_closed(self, instant: int, width: int, busted: Callable[[str], bool]) -> TradedPrice | None:
        """The last trade of the newest cell of `width` (ns) that ended by `instant` and has one."""
        for place in range(bisect_right(self._ascending, instant - width) - 1, -1, -1):
            found = self._of_hour(self._ascending[place], instant, busted)
            if found is not None:
                return found
        return None

    def _of_hour(self, hour: int, before: int, busted: Callable[[str], bool]) -> TradedPrice | None:
        best: TradedPrice | None = None
        for mark in self._hours[hour].values():
            found = mark.candidate(before, busted)
            if found is not None and (best is None or found.order > best.order):
                best = found
        return best

    def thin(self, limit: int, keeps: Callable[[int, int], bool]) -> bool:
        """Of the closed hours before `limit` keep the newest and those for which `keeps(hour, next hour)` says so.

        Whether any went.
        """
        before = len(self._ascending)
        begin = max(0, bisect_left(self._ascending, self._thin_from) - 1)
        end = bisect_left(self._ascending, limit)
        self._thin_from = limit
        for hour, then in list(pairwise(self._ascending[begin:end])):
            if any(mark.open for mark in self._hours[hour].values()):
                self._thin_from = min(self._thin_from, hour)
            elif not keeps(hour, then):
                del self._hours[hour]
                del self._ascending[bisect_left(self._ascending, hour)]
        return len(self._ascending) < before

    def forget(self, hour: int, trade_id: str) -> None:
        """A busted trade of an hour is taken out for good."""
        for mark in self._hours.get(hour, {}).values():
            mark.forget(trade_id)

    def text(self, start: int, end: int) -> list[Any]:
        """What closed segments said of hours in [`start`, `end`), as JSON values."""
        return [
            [str(hour), *side, mark.gross, [_trade_text(trade) for trade in mark.closed]]
            for hour in self._ascending[bisect_left(self._ascending, start) : bisect_left(self._ascending, end)]
            for side, mark in sorted(self._hours[hour].items())
            if mark.gross
        ]

    def restore(self, values: Iterable[Sequence[Any]]) -> None:
        """Take what `text` wrote."""
        for hour, capacity, side, gross, trades in values:
            mark = self.mark(int(hour), (capacity, side))
            mark.gross = gross
            mark.closed = [PricedTrade(order_from(t[:7]), t[7], parse_decimal(t[8])) for t in trades]


def trades_of(newest: Iterable[Mapping[str, Any]], where: SourcePartition) -> tuple[PricedTrade, ...]:
    """The `newest` list of a flow record's cell."""
    topic, epoch, partition = where.topic, where.epoch, where.partition
    found = []
    for t in newest:
        place = where.place(t["offset"], t.get("index", 0))
        order = (parse_time(t["time"]), 0, parse_time(t["logged_at"]), topic, epoch, partition, place)
        found.append(PricedTrade(order, t["trade_id"], parse_decimal(t["price"])))
    return tuple(found)


def _newest(trades: Iterable[PricedTrade]) -> list[PricedTrade]:
    return sorted(trades, key=_order, reverse=True)[:TRADES_A_CELL]


def _order(dated: PricedTrade | TradedPrice) -> Order:
    return dated.order


def _trade_text(trade: PricedTrade) -> list[Any]:
    return [*order_text(trade.order), trade.trade_id, plain(trade.price)]
