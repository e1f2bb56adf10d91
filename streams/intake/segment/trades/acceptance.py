"""What becomes of a valid trade: its cell, whether it is a repeat, and the counts of a segment.

`Acceptance.take` is the one place where a single trade is counted; only whole columns (`alike`) are counted otherwise, and a
test holds both to one result.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from streams.intake.segment.batches import Counts
from streams.intake.segment.columns.decoding import hash_of
from streams.intake.segment.rules import IntakeRules
from streams.intake.segment.trades.cells import Cell, Pending, Tally
from streams.intake.segment.trades.ids import FIGURES, Ids, mark_of
from streams.intake.segment.trades.lookback import LookBack
from streams.intake.segment.trades.put_back import PutBack
from streams.wire import Trade

CellName = tuple[str, str, str, str | None]
"""(market, capacity, instrument, side)"""


class TradeLane:
    """Where trades of one lean key go: the ids, and the cells by the start of their `width` (ns).

    The cell last used is in `cell`, [`begin`, `end`) its hour or quarter.
    """

    __slots__ = ("begin", "cell", "cells", "end", "ids", "name", "tally", "width")

    def __init__(self, name: CellName, tally: Tally, ids: Ids, width: int) -> None:
        self.name = name
        self.tally = tally
        self.ids = ids
        self.width = width
        self.cells: dict[int, Cell] = {}
        self.begin = self.end = 0
        self.cell: Cell | None = None

    def turn(self, event_time: int) -> Cell:
        """The cell of the hour or quarter of `event_time` (ns), which becomes the one in use."""
        if self.cell is not None and self.begin <= event_time < self.end:
            return self.cell
        self.begin = event_time - event_time % self.width
        self.end = self.begin + self.width
        cell = self.cells.get(self.begin)
        if cell is None:
            cell = self.cells[self.begin] = Cell(self.tally, self.name, self.begin)
        self.cell = cell
        return cell


class Acceptance:
    """The trades of one segment so far. `lawful` holds the (entity, market) that the authority has once accepted."""

    __slots__ = (
        "_cell_ns",
        "_known",
        "_late_after",
        "_lookback",
        "_named",
        "_put_back",
        "_touched",
        "counts",
        "lanes",
        "lawful",
        "tallies",
    )

    def __init__(
        self,
        lookback: LookBack,
        rules: IntakeRules,
        late_after: int,
        lawful: set[tuple[str, str]],
        counts: Counts,
        *,
        put_back: PutBack,
    ) -> None:
        self.counts = counts
        self._cell_ns = rules.cell_ns
        self._put_back = put_back
        self.lawful = lawful
        self.lanes: dict[Any, TradeLane] = {}
        self.tallies: dict[str, Tally] = {}
        self._lookback, self._known, self._late_after = lookback, rules.known, late_after
        self._named: dict[tuple[str, CellName], TradeLane] = {}
        self._touched: list[Cell] = []

    def lane(self, key: Any) -> TradeLane | None:
        """The lane of a lean key, or None for what the authority must judge."""
        lane = self.lanes.get(key)
        if lane is not None or key is None:
            return lane
        entity, market, side, capacity, instrument, status, _ = key
        if status == "busted" or not self._known.knows(entity) or (entity, market) not in self.lawful:
            return None
        lane = self.lanes[key] = self._named_lane(entity, (market, capacity or "venue", instrument or "spot", side or None))
        return lane

    def lane_of(self, trade: Trade) -> TradeLane:
        """The lane of a trade that the authority has accepted."""
        self.lawful.add((trade.entity, trade.market))
        return self._named_lane(trade.entity, (trade.market, trade.capacity, trade.instrument, trade.side))

    def take(self, lane: TradeLane, pending: Pending, number: int, *, refused_before: bool = False) -> bool:
        """Count a trade of the lane, or find it a repeat; `number` is its place in the look-back. False: it has no lawful id.

        `refused_before`: it was put back, and refused by other rules at the place where the look-back may find it once.
        """
        _time, log_ms, _offset, _index, trade_id, price, quantity, event_time = pending
        place: Any = lane.ids.place(trade_id)
        if place is None:
            return False
        kept, slot = place
        mark = mark_of(number, hash_of(price, quantity))
        seen, kept[slot] = kept[slot], mark
        if seen and self._lookback.again(lane.ids, trade_id, seen, number) and not self._counts(lane, trade_id, refused_before):
            if (seen ^ mark) & FIGURES:
                self.counts.conflict += 1
            else:
                self.counts.duplicate += 1
            return True
        cell = lane.turn(event_time)
        if not cell.pending:
            self._touched.append(cell)
        cell.pending.append(pending)
        self.note(event_time, log_ms)
        return True

    def _counts(self, lane: TradeLane, trade_id: str, refused_before: bool) -> bool:
        """Whether a trade that was seen counts all the same; that it came again is noted."""
        if not self._put_back.possible:
            return False
        name = (lane.tally.entity, lane.name[0], trade_id)
        first = name not in self._put_back.several
        self._put_back.several.add(name)
        return refused_before and first

    def note(self, event_time: int, log_ms: int) -> None:
        """Count a record that is no repeat, by its event time and its log time."""
        if log_ms * 1_000_000 - event_time > self._late_after:
            self.counts.late += 1
        else:
            self.counts.applied += 1

    def fold(self) -> None:
        """Add up what was taken. The decimal context in force must be the exact one."""
        touched, self._touched = self._touched, []
        for cell in touched:
            cell.fold()

    def tallied(self) -> Sequence[Tally]:
        """One tally an entity."""
        return list(self.tallies.values())

    def _named_lane(self, entity: str, name: CellName) -> TradeLane:
        lane = self._named.get((entity, name))
        if lane is None:
            tally = self.tallies.get(entity)
            if tally is None:
                tally = self.tallies[entity] = Tally(entity)
            lane = self._named[entity, name] = TradeLane(name, tally, self._lookback.ids(entity, name[0]), self._cell_ns)
        return lane
