"""Runs of trades made columns by a lean decoder, with proof that no record holds a key twice; what is not sure is left open."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from itertools import chain
from typing import Any, NamedTuple

from msgspec import UNSET

from streams.intake.segment.columns.decoding import Columns, decoded, grouped, lengths_of, texts_of_counts
from streams.intake.segment.columns.texts import amounts_in, texts_of_raw
from streams.wire import LeanTrades
from streams.wire.judge import MAX_DEPTH
from streams.wire.lean import KEY_FIELDS, Keys, LeanReading

_NONE = Decimal(0)
_PIECE = 2_048
_MOST_KEYS = len({*KEY_FIELDS, "trade_id", "price", "quantity", "executed_at"})


def columns_of(lean: LeanTrades | None, values: Sequence[bytes | None], size: int = _PIECE) -> Columns:
    """The fields of a run of records by key, which is None where only the authority can judge, as everywhere without a decoder.

    By pieces of some `size`: what is made of a record on the way is read and gone while the processor has it at hand.
    """
    if lean is None:
        whole = Columns(None, [], [], [], [], [], {})
        return whole._replace(groups={None: _leave_open(whole, len(values))})
    made = ColumnsInMaking(lean)
    for begin in range(0, len(values), size):
        made.take(values[begin : begin + size])
    return made.ended()


class _Piece(NamedTuple):
    """Records from `begin` on that were made columns, `of_key` those of their keys; `shown`: what the objects are of.

    `size`: bytes of that. `texts`: characters of ids, times and amounts; None where that was not to be said. `blanks`: how many
    there are in amounts.
    """

    begin: int
    shown: Sequence[Any]
    size: int
    of_key: Sequence[Sequence[Any]]
    keys: Keys
    texts: int | None
    blanks: int

    @property
    def rows(self) -> slice:
        """Where its records stand among all."""
        return slice(self.begin, self.begin + len(self.shown))

    def key(self, index: int) -> Any:
        """The lean key of one of its records."""
        return self.keys[tuple(column[index] for column in self.of_key)]


class ColumnsInMaking:
    """Columns that grow. `_left`: rows that the authority must judge, with the lean keys under which they were put."""

    def __init__(self, lean: LeanTrades) -> None:
        self._lean = lean
        self._groups: dict[Any, list[int]] = {}
        self._whole = Columns(None, [], [], [], [], [], self._groups)
        self._pieces: list[_Piece] = []
        self._left: dict[int, Any] = {}
        self._differing: dict[LeanReading, dict[Any, list[int]]] = {}

    def take(self, values: Sequence[bytes | None]) -> None:
        """Put the fields of the records that follow into the columns."""
        lean, whole, begin, sizes = self._lean, self._whole, len(self._whole.ids), lengths_of(values)
        reading, objects, refused = _decoded(lean, values, sizes)
        if not objects:
            self._left |= dict.fromkeys(_leave_open(whole, len(values)))
            return
        *of_key, ids, prices, quantities, times = reading.columns(objects)
        if reading is lean.whole:
            lean.told(of_key)
        grouped(zip(*of_key, strict=True), begin, begin + len(objects), self._differing.setdefault(reading, defaultdict(list)))
        doubtful, texts, blanks = self._put(ids, prices, quantities, times)
        shown: Sequence[Any] = _shown(values, refused)
        size = sum(map(len, shown)) if refused else sum(sizes)
        piece = _Piece(begin, shown, size, of_key, reading.keys, texts, blanks)
        self._pieces.append(piece)
        self._left |= {begin + index: piece.key(index) for index in {*refused, *doubtful}}

    def _put(
        self, ids: Sequence[Any], prices: Sequence[Any], quantities: Sequence[Any], times: Sequence[Any]
    ) -> tuple[list[int], int | None, int]:
        """Put columns behind the others: the doubtful of theirs, and `texts` and `blanks` as of a piece."""
        lean, whole, id_length = self._lean, self._whole, _length(ids)
        whole.ids.extend(map(str, ids) if id_length is None else ids)
        if lean.amounts_raw:
            prices, quantities = texts_of_raw(prices), texts_of_raw(quantities)
        price, quantity = amounts_in(prices), amounts_in(quantities)
        whole.prices.extend(price.decimals)
        whole.quantities.extend(quantity.decimals)
        whole.figures.extend(map(hash, zip(price.figures, quantity.figures, strict=True)))
        doubtful = [*price.doubtful, *quantity.doubtful]
        lengths = [id_length, price.length, quantity.length, _length(times)] if lean.fewest is not None else [None]
        known = [length for length in lengths if length is not None]
        texts = sum(known) if len(known) == len(lengths) else None
        blanks = sum(map(_blanks, (prices, quantities))) if doubtful and texts is not None else 0
        if lean.time_places is not None:
            times, unsure = texts_of_counts(times, lean.time_places)
            doubtful += unsure
        whole.times.extend(times)
        return doubtful, texts, blanks

    def ended(self) -> Columns:
        """The columns of all that was taken."""
        groups, left = self._groups, self._left
        for reading, found in self._differing.items():
            for differing, rows in found.items():
                key = reading.keys[differing]
                groups[key] = sorted([*groups[key], *rows]) if key in groups else rows
        if not self._nothing_else():
            for piece in self._pieces:
                left |= self._told_twice(piece)
        for index, key in left.items():
            if key is not None:
                groups[key].remove(index)
        if left:
            groups[None] = sorted(left)
        return self._whole

    def _told_twice(self, piece: _Piece) -> dict[int, Any]:
        """The records that may have a key more than once, with their lean keys."""
        lean, whole, rows = self._lean, self._whole, piece.rows
        if lean.counts_keys:
            keys = [piece.keys[key] for key in zip(*piece.of_key, strict=True)]
            twice = _given_twice(piece.shown, keys, whole.ids[rows], whole.times[rows])
        else:
            twice = _told_twice(piece.shown, lean.figure_keys)
        return {piece.begin + index: piece.key(index) for index in twice}

    def _nothing_else(self) -> bool:
        """Whether each record holds each key once, and nothing besides: all together are as long as that takes at least.

        For none can be shorter; blanks are left out on both sides if need be. False says nothing.
        """
        fewest, whole = self._lean.fewest, self._whole
        if fewest is None:
            return False
        least = 0
        for piece in self._pieces:
            if piece.texts is None:
                return False
            least += piece.texts
        counts = [(len(rows), fewest[key]) for key, rows in self._groups.items()]
        least += sum(count * one.length for count, one in counts)
        length = sum(piece.size for piece in self._pieces)
        if length == least:
            return True
        least -= sum(count * one.blanks for count, one in counts)
        for piece in self._pieces:
            least -= piece.blanks + _blanks(whole.ids[piece.rows]) + _blanks(whole.times[piece.rows])
            length -= b"".join(piece.shown).count(b" ")
        return length == least


def _decoded(
    lean: LeanTrades, values: Sequence[bytes | None], lengths: Sequence[int]
) -> tuple[LeanReading, list[Any], list[int]]:
    """Decoded objects, and the indices of those the lean decoder does not take, which hold any other object."""
    reading = lean.reading
    objects, refused = decoded(reading.decode, values, lengths)
    if refused and reading is not lean.whole and decoded(lean.whole.decode, [values[index] for index in refused])[0]:
        reading = lean.whole  # some have a field that none had before
        objects, refused = decoded(reading.decode, values, lengths)
    if refused:
        if not objects:
            return reading, [], refused
        blank = objects[0]
        for index in refused:
            objects.insert(index, blank)
    if lean.checks_bytes:
        shown: Sequence[Any] = _shown(values, refused)
        if not _all_shallow(shown):
            refused += [index for index, value in enumerate(shown) if not _all_shallow((value,))]
    return reading, ([] if len(set(refused)) == len(values) else objects), refused


def _all_shallow(values: Sequence[bytes]) -> bool:
    """Whether fields that the decoder skips are ASCII and nested within the limit in every value."""
    joined = b"".join(values)
    if not joined.isascii():
        return False
    brackets = joined.count(b"[") + joined.count(b"{")
    if brackets - len(values) <= MAX_DEPTH - 1:
        return True
    return all(value.count(b"[") + value.count(b"{") <= MAX_DEPTH for value in values)


def _shown(values: Sequence[bytes | None], refused: Sequence[int]) -> Sequence[bytes | None]:
    """The records that the objects are of: else the keys a refused one lacks would make up for those another has twice."""
    if not refused:
        return values
    gone = frozenset(refused)
    shown, one = list(values), next(value for index, value in enumerate(values) if index not in gone)
    for index in gone:
        shown[index] = one
    return shown


def _leave_open(whole: Columns, count: int) -> list[int]:
    """So many records that follow are the authority's: their indices."""
    begin, blanks = len(whole.ids), [""] * count
    whole.ids.extend(blanks)
    whole.prices.extend([_NONE] * count)
    whole.quantities.extend([_NONE] * count)
    whole.figures.extend([0] * count)
    whole.times.extend(blanks)
    return list(range(begin, begin + count))


def _length(column: Sequence[Any]) -> int | None:
    """How many characters a column has; None where not all are texts."""
    try:
        return len("".join(column))
    except TypeError:  # whole numbers
        return None


def _blanks(column: Sequence[str]) -> int:
    return "".join(column).count(" ")


def _given_twice(values: Sequence[bytes | None], keys: list[Any], ids: list[str], times: list[Any]) -> list[int]:
    """The indices of records that may have a key more than once: those with more colons than their keys and texts account for.

    Amounts and names that hold a colon are refused or left to the authority anyway; so is what has escapes.
    """
    joined = b"".join(filter(None, values))
    found = joined.count(b":") - "".join(ids).count(":") - "".join(times).count(":")
    expected = _MOST_KEYS * len(keys) - list(chain.from_iterable(keys)).count(UNSET)
    if found == expected and b"\\" not in joined:
        return []
    return [
        index for index, value in enumerate(values) if value is None or not _once(value, keys[index], ids[index], times[index])
    ]


def _told_twice(values: Sequence[bytes | None], names: Sequence[bytes]) -> list[int]:
    """The indices of records of a foreign schema, whose other keys are not known, that may have one of these more than once."""
    joined = b"".join(filter(None, values))
    if b"\\" not in joined and all(joined.count(name) == len(values) for name in names):
        return []  # none lacks one: of each an object could be made
    return [i for i, value in enumerate(values) if value is None or b"\\" in value or any(value.count(n) > 1 for n in names)]


def _once(value: bytes, key: tuple[Any, ...], trade_id: str, time: str) -> bool:
    expected = _MOST_KEYS - key.count(UNSET) + trade_id.count(":") + time.count(":")
    return value.count(b":") == expected and b"\\" not in value
