"""The sums of trades as fast as one can write them by hand: nothing is done that the load's own totals do not need.

What intake does beyond it: the whole validation, repeats in any order of ids, hours and segments, dead letters with their
reasons, exact restarts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal

import msgspec

from monitor.core.values.money import EXACT, plain

_FIELDS: dict[str, Any] = {
    "trade_id": str,
    "entity": str,
    "market": str,
    "price": str,
    "quantity": str,
    "executed_at": str,
    "side": Literal["buy", "sell"],
    "capacity": Literal["client_order", "own_account", "venue"],
}
_HOUR = slice(0, 13)


class HandSums:
    """Totals by entity, market, side and hour. `fields` name the schema's own."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        self.read = 0
        self._next: dict[tuple[str, str], int] = {}
        self._cells: dict[tuple[str, str, str, str], list[Any]] = {}
        self._changed: dict[tuple[str, str, str, str], None] = {}
        names = {name: fields.get(name, name) for name in _FIELDS}
        kind = msgspec.defstruct("Trade", list(_FIELDS.items()), rename=names, forbid_unknown_fields=True, gc=False)
        self._decode = msgspec.json.Decoder(kind).decode

    def take(self, values: Sequence[bytes | None]) -> None:
        """Take in records. Ids count up in each market, so a lower one is a repeat."""
        decode, upcoming, cells, changed, fma = self._decode, self._next, self._cells, self._changed, EXACT.fma
        for value in values:
            try:
                trade: Any = decode(value or b"")
            except msgspec.MsgspecError:
                continue
            market, number = (trade.entity, trade.market), int(trade.trade_id)
            if number < upcoming.get(market, 0):
                continue
            upcoming[market] = number + 1
            price, quantity = Decimal(trade.price), Decimal(trade.quantity)
            name = (*market, trade.side, trade.executed_at[_HOUR])
            cell = cells.get(name)
            if cell is None:
                cell = cells[name] = [0, Decimal(0), Decimal(0)]
            cell[0] += 1
            cell[1] += quantity
            cell[2] = fma(price, quantity, cell[2])
            changed[name] = None
        self.read += len(values)

    def changed(self) -> list[tuple[str, Any]]:
        """Cells that changed since the last call."""
        names, self._changed = self._changed, {}
        return [("|".join(name), _printed(self._cells[name])) for name in names]

    def cells(self) -> dict[str, tuple[int, Decimal, Decimal]]:
        """By name."""
        return {"|".join(name): (cell[0], cell[1], cell[2]) for name, cell in self._cells.items()}


def _printed(cell: list[Any]) -> dict[str, Any]:
    return {"trades": cell[0], "quantity": plain(cell[1]), "value": plain(cell[2])}
