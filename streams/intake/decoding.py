"""Values of trades as columns of their fields, by the lean decoder; what it does not take is left to the authority."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from streams.intake.columns import positive_amounts, texts_of_raw
from streams.wire import MAX_VALUE_BYTES, LeanTrades
from streams.wire.judge import MAX_DEPTH

_REFUSED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
_NONE = Decimal(0)


class Columns(NamedTuple):
    """Fields of a run of records."""

    keys: list[Any]
    ids: list[str]
    prices: list[Decimal]
    quantities: list[Decimal]
    times: list[str]


def columns_of(lean: LeanTrades | None, values: Sequence[bytes | None]) -> Columns:
    """The fields of a run of records; the key is None where only the authority can judge, as everywhere without a decoder."""
    objects, refused = ([], []) if lean is None else _decoded(lean, values)
    if lean is None or not objects:
        count, empty = len(values), [""] * len(values)
        return Columns([None] * count, empty, [_NONE] * count, [_NONE] * count, empty)
    keys: list[Any] = list(map(lean.key, objects))
    ids = list(map(lean.trade_id, objects))
    if lean.ids_mixed:
        ids = list(map(str, ids))
    prices, quantities = list(map(lean.price, objects)), list(map(lean.quantity, objects))
    if lean.amounts_raw:
        prices, quantities = texts_of_raw(prices), texts_of_raw(quantities)
    price_amounts, doubtful = positive_amounts(prices)
    quantity_amounts, others = positive_amounts(quantities)
    for index in (*refused, *doubtful, *others):
        keys[index] = None
    return Columns(keys, ids, price_amounts, quantity_amounts, list(map(lean.executed_at, objects)))


def _decoded(lean: LeanTrades, values: Sequence[bytes | None]) -> tuple[list[Any], list[int]]:
    """Decoded objects, and the indices of those the lean decoder does not take, which hold any other object."""
    try:
        whole = max(map(len, values)) <= MAX_VALUE_BYTES  # type: ignore[arg-type]
        if whole and (not lean.checks_bytes or _all_shallow(values)):  # type: ignore[arg-type]
            return list(map(lean.decode, values)), []  # type: ignore[arg-type]
    except (*_REFUSED, TypeError):  # that of a value which is null
        pass
    objects: list[Any] = []
    refused: list[int] = []
    for index, value in enumerate(values):
        try:
            if value is None or len(value) > MAX_VALUE_BYTES or (lean.checks_bytes and not _all_shallow((value,))):
                raise msgspec.DecodeError("left to the authority")
            objects.append(lean.decode(value))
        except _REFUSED:
            objects.append(None)
            refused.append(index)
    blank = next((one for one in objects if one is not None), None)
    return ([] if blank is None else [blank if one is None else one for one in objects]), refused


def _all_shallow(values: Sequence[bytes]) -> bool:
    """Whether fields that the decoder skips are ASCII and nested within the limit in every value."""
    joined = b"".join(values)
    if not joined.isascii():
        return False
    brackets = joined.count(b"[") + joined.count(b"{")
    if brackets - len(values) <= MAX_DEPTH - 1:
        return True
    return all(value.count(b"[") + value.count(b"{") <= MAX_DEPTH for value in values)
