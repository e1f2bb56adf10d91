"""Values of trades as columns of their fields, by the lean decoder; what it does not take is left to the authority."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from itertools import chain
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET

from monitor.core.values.money import EXACT
from monitor.core.values.times import SECOND, format_time
from streams.intake.segment.columns import Amounts, amounts_in, figure_of, texts_of_raw
from streams.wire import LONGEST_AMOUNT, MAX_VALUE_BYTES, LeanTrades
from streams.wire.feeds.lean import LeanAmount, LeanFeed
from streams.wire.feeds.values import at_price
from streams.wire.fields import LAST_TIME_NS
from streams.wire.judge import MAX_DEPTH
from streams.wire.lean import CHOICES, KEY_FIELDS, Keys, LeanReading

REFUSED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What a lean decoder raises for what it does not take."""
_NONE = Decimal(0)
_ONE = Decimal(1)
_BEYOND = 10**20
"""Amounts have fewer digits before the point."""
_MICROSECOND_PLACES = 6
_NANOSECOND_PLACES = 9
_NO_COUNT = "-"
_PIECE = 2_048
_MOST_KEYS = len({*KEY_FIELDS, "trade_id", "price", "quantity", "executed_at"})
_LAST_SECOND = LAST_TIME_NS // SECOND


class Columns(NamedTuple):
    """Fields of a run of records. `figures` hash price and quantity: alike where both are.

    `groups`: the indices of each key, where they were gathered and no key was changed since; only they say then what the keys
    are, and `keys` is None (see `keys_of`).
    """

    keys: list[Any] | None
    ids: list[str]
    prices: list[Decimal]
    quantities: list[Decimal]
    figures: list[int]
    times: list[str]
    groups: dict[Any, list[int]] | None = None


def grouped(keys: Iterable[Any], begin: int, end: int, groups: dict[Any, list[int]] | None = None) -> dict[Any, list[int]]:
    """The indices of each key, rising from `begin` on, put behind those in `groups`; `end` is behind the last."""
    into: dict[Any, list[int]] = defaultdict(list) if groups is None else groups
    deque(map(list.append, map(into.__getitem__, keys), range(begin, end)), 0)
    return into


def keys_of(columns: Columns) -> list[Any]:
    """The key of each row, None where only the authority can judge."""
    if columns.keys is not None:
        return columns.keys
    keys: list[Any] = [None] * len(columns.ids)
    for key, rows in (columns.groups or {}).items():
        for row in rows:
            keys[row] = key
    return keys


def columns_of(lean: LeanTrades | None, values: Sequence[bytes | None], size: int = _PIECE) -> Columns:
    """The fields of a run of records by key, which is None where only the authority can judge, as everywhere without a decoder.

    By pieces of some `size`: what is made of a record on the way is read and gone while the processor has it at hand.
    """
    groups: dict[Any, list[int]] = {}
    whole = Columns(None, [], [], [], [], [], groups)
    if lean is None:
        groups[None] = _leave_open(whole, len(values))
        return whole
    left: dict[int, Any] = {}
    by_reading: dict[LeanReading, dict[Any, list[int]]] = {}
    pieces = [_taken(lean, values[begin : begin + size], whole, left, by_reading) for begin in range(0, len(values), size)]
    for reading, found in by_reading.items():
        for differs, rows in found.items():
            key = reading.keys[differs]
            groups[key] = sorted([*groups[key], *rows]) if key in groups else rows
    if not _nothing_else(lean, pieces, whole):
        for piece in pieces:
            left |= piece.told_twice(lean, whole)
    for index, key in left.items():
        if key is not None:
            groups[key].remove(index)
    if left:
        groups[None] = sorted([*groups.get(None, ()), *left])
    return whole


class _Piece(NamedTuple):
    """Records from `begin` on that were made columns, `of_key` those of their keys; `shown`: what the objects are of.

    `size`: its bytes. `texts`: characters of ids, times and amounts; None where that was not to be said. `blanks`: how many there are in amounts.
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

    def told_twice(self, lean: LeanTrades, whole: Columns) -> dict[int, Any]:
        """The records that may have a key more than once, with their lean keys."""
        if not self.of_key:
            return {}
        if lean.counts_keys:
            keys = [self.keys[key] for key in zip(*self.of_key, strict=True)]
            twice = _given_twice(self.shown, keys, whole.ids[self.rows], whole.times[self.rows])
        else:
            twice = _told_twice(self.shown, lean.figure_keys)
        return {self.begin + index: self.keys[tuple(column[index] for column in self.of_key)] for index in twice}


def _taken(
    lean: LeanTrades,
    values: Sequence[bytes | None],
    whole: Columns,
    left: dict[int, Any],
    by_reading: dict[LeanReading, dict[Any, list[int]]],
) -> _Piece:
    """Put the fields of the records that follow into the columns; `left` gets those of them that the authority must judge."""
    begin = len(whole.ids)
    lengths = _lengths(values)
    reading, objects, refused = _decoded(lean, values, lengths)
    if not objects:
        left |= dict.fromkeys(_leave_open(whole, len(values)))
        return _Piece(begin, (), 0, (), reading.keys, 0, 0)
    *of_key, ids, prices, quantities, given_times = reading.columns(objects)
    if reading is lean.whole:
        lean.told(of_key)
    id_length = _length(ids)
    if id_length is None:
        ids = list(map(str, ids))
    if lean.amounts_raw:
        prices, quantities = texts_of_raw(prices), texts_of_raw(quantities)
    price, quantity = amounts_in(prices), amounts_in(quantities)
    doubtful, others = price.doubtful, quantity.doubtful
    times: Sequence[Any] = given_times
    unsure: list[int] = []
    if lean.time_places is not None:
        times, unsure = texts_of_counts(times, lean.time_places)
    whole.ids.extend(ids)
    whole.prices.extend(price.decimals)
    whole.quantities.extend(quantity.decimals)
    whole.figures.extend(map(hash, zip(price.figures, quantity.figures, strict=True)))
    whole.times.extend(times)
    groups = by_reading.setdefault(reading, defaultdict(list))
    grouped(zip(*of_key, strict=True), begin, begin + len(objects), groups)
    for index in {*refused, *doubtful, *others, *unsure}:
        left[begin + index] = reading.keys[tuple(column[index] for column in of_key)]
    amounts = (prices, quantities) if doubtful or others else ()
    parts = (id_length, price.length, quantity.length, _length(times)) if lean.fewest is not None else (None,)
    texts = None if None in parts else sum(filter(None, parts))
    shown = _shown(values, refused)
    size = sum(map(len, shown)) if refused else sum(lengths)
    return _Piece(begin, shown, size, of_key, reading.keys, texts, sum(map(_blanks, amounts)) if texts else 0)


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


def _nothing_else(lean: LeanTrades, pieces: Sequence[_Piece], whole: Columns) -> bool:
    """Whether each record holds each key once, and nothing besides: all together are as long as that takes at least.

    For none can be shorter; blanks are left out on both sides if need be. False says nothing.
    """
    fewest, groups = lean.fewest, whole.groups or {}
    if fewest is None:
        return False
    least = 0
    for piece in pieces:
        if piece.texts is None:
            return False
        least += piece.texts
    counts = [(len(rows), fewest[key]) for key, rows in groups.items() if key is not None]
    least += sum(count * one.length for count, one in counts)
    length = sum(piece.size for piece in pieces)
    if length == least:
        return True
    least -= sum(count * one.blanks for count, one in counts)
    for piece in pieces:
        least -= piece.blanks + _blanks(whole.ids[piece.rows]) + _blanks(whole.times[piece.rows])
        length -= b"".join(piece.shown).count(b" ")
    return length == least


def _shown(values: Sequence[bytes | None], refused: Sequence[int]) -> Sequence[bytes | None]:
    """The records that the objects are of: else the keys a refused one lacks would make up for those another has twice."""
    if not refused:
        return values
    gone = frozenset(refused)
    shown, one = list(values), next(value for index, value in enumerate(values) if index not in gone)
    for index in gone:
        shown[index] = one
    return shown


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


class _Seconds(dict[str, str]):
    """Texts of whole seconds up to the point, by the digits that count them; empty for what may be no such count."""

    def __missing__(self, digits: str) -> str:
        lawful = len(digits) <= len(str(_LAST_SECOND)) and digits.isascii() and digits.isdigit() and int(digits) <= _LAST_SECOND
        text = self[digits] = f"{format_time(int(digits) * SECOND)[:19]}." if lawful else ""
        return text


def texts_of_counts(counts: Sequence[str | int], places: int) -> tuple[list[str], list[int]]:
    """RFC 3339 texts of one form for a column of counts of 10^-places s since 1970, and the indices of those left open.

    Digits are moved and never reckoned with, so that a second costs one look at the calendar and a record a few slices.
    Those left open, which may still be lawful, hold another's text.
    """
    end = "0" * (_MICROSECOND_PLACES - places) + "Z"
    digits = list(map(str, counts))
    seconds = _Seconds()
    cut = -places or None
    texts = [f"{seconds[text[:cut]]}{text[cut:]}{end}" for text in digits] if cut else [seconds[text] + end for text in digits]
    joined = "".join(digits)
    if joined.isascii() and joined.isdigit() and "" not in seconds.values():
        return texts, []
    unsure = [index for index, text in enumerate(digits) if not (seconds[text[:cut]] and text.isascii() and text.isdigit())]
    left = set(unsure)
    blank = next((text for index, text in enumerate(texts) if index not in left), "")
    for index in unsure:
        texts[index] = blank
    return texts, unsure


def texts_of_fractions(counts: Sequence[str], places: int) -> tuple[list[str], list[int]]:
    """`texts_of_counts` of counts that may have a fraction, as far as nanoseconds go."""
    if "." not in "".join(counts):
        return texts_of_counts(counts, places)
    parts = [count.partition(".") for count in counts]
    most = _NANOSECOND_PLACES - places
    longest = min(most, max(len(fraction) for _, _, fraction in parts))
    digits = [
        f"{whole}{fraction.ljust(longest, '0')}" if len(fraction) <= most and (fraction or not point) and whole else _NO_COUNT
        for whole, point, fraction in parts
    ]
    return texts_of_counts(digits, places + longest)


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


def decoded(
    decode: Callable[[bytes], Any], values: Sequence[bytes | None], lengths: Sequence[int] = ()
) -> tuple[list[Any], list[int]]:
    """The objects of records that the decoder takes, and the indices of those that it does not take or are too long for it.

    `lengths`: of the values, if they are known.
    """
    objects: list[Any] = []
    refused: list[int] = []
    rest = iter(_decodable(values, lengths or _lengths(values)))
    while True:
        try:
            objects.extend(map(decode, rest))  # keeps what came before the one that is refused, which `rest` is past
        except REFUSED:
            refused.append(len(objects) + len(refused))
        else:
            return objects, refused


def _lengths(values: Sequence[bytes | None]) -> list[int]:
    """How long each value is; none where one is null."""
    found: Any = values
    try:
        return list(map(len, found))
    except TypeError:
        return []


def _decodable(values: Sequence[bytes | None], lengths: Sequence[int]) -> Sequence[bytes]:
    """The values with nothing, which no decoder takes, in the place of those that are null or too long."""
    if lengths and max(lengths) <= MAX_VALUE_BYTES:
        return values  # type: ignore[return-value]  # none is null
    return [b"" if value is None or len(value) > MAX_VALUE_BYTES else value for value in values]


def amounts_of(amount: LeanAmount, elements: Sequence[Any], keys: Sequence[Any], prices: Sequence[Decimal] = ()) -> Amounts:
    """The amounts of a feed's elements, judged as by `positive_amounts`.

    `keys`: the lean keys, by which a scale may go; `prices`: those of sizes that are amounts of the quote.
    """
    texts: list[Any] = list(map(amount.get, elements))
    if amount.raw and texts:
        texts = texts_of_raw(texts)
    found = amounts_in(texts)
    if amount.factor is None and not amount.quoted:
        return found
    amounts, doubtful = found.decimals, found.doubtful
    if amount.factor is not None:
        factors = [key and amount.factor(key) for key in keys]
        amounts = [EXACT.multiply(one, factor or _ONE) for one, factor in zip(amounts, factors, strict=True)]
        doubtful += [
            index
            for index, (text, factor) in enumerate(zip(texts, factors, strict=True))
            if factor is None or (type(text) is str and not text.isdigit())
        ]
    if amount.quoted:
        amounts = [at_price(one, price) if price else _NONE for one, price in zip(amounts, prices, strict=True)]
    doubtful += [index for index, one in enumerate(amounts) if not 0 < one < _BEYOND]
    return Amounts(amounts, list(map(figure_of, amounts)), doubtful, found.length)


def times_of(lean: LeanFeed, elements: Sequence[Any]) -> tuple[list[str], list[int]]:
    """The times of a feed's elements as texts, and the indices of those left to the authority."""
    times: list[Any] = list(map(lean.time, elements))
    if lean.time_places is None or not times:
        return times, []
    return texts_of_fractions(texts_of_raw(times) if lean.time_raw else list(map(str, times)), lean.time_places)


def columns_of_objects(objects: Sequence[dict[str, Any] | None]) -> Columns:
    """The fields of canonical objects that a feed made; the key is None where only the authority can judge."""
    keys: list[Any] = [None if one is None else key_of(one) for one in objects]
    ids = [_text(one, "trade_id") for one in objects]
    prices, figures, doubtful, _ = amounts_in([_amount(one, "price") for one in objects])
    quantities, others, unsure, _ = amounts_in([_amount(one, "quantity") for one in objects])
    times = [_text(one, "executed_at") for one in objects]
    for index in (*doubtful, *unsure):
        keys[index] = None
    return Columns(keys, ids, prices, quantities, list(map(hash, zip(figures, others, strict=True))), times)


def hash_of(price: Decimal, quantity: Decimal) -> int:
    """What `Columns.figures` says of one trade."""
    return hash((figure_of(price), figure_of(quantity)))


def key_of(canonical: dict[str, Any]) -> Any:
    """The lean key of a canonical object, as `columns_of` gives it; None where only the authority can judge."""
    entity, market, *choices = map(canonical.get, KEY_FIELDS)
    if type(entity) is not str or type(market) is not str:
        return None
    lawful = all(
        choice is None or (type(choice) is str and choice in CHOICES[name])
        for name, choice in zip(KEY_FIELDS[2:], choices, strict=True)
    )
    return (entity, market, *choices) if lawful and "schema" not in canonical else None


def _text(canonical: dict[str, Any] | None, name: str) -> str:
    found = "" if canonical is None else canonical.get(name)
    return found if type(found) is str else ""


def _amount(canonical: dict[str, Any] | None, name: str) -> Any:
    found = "" if canonical is None else canonical.get(name, "")
    return found if type(found) is int or (type(found) is str and len(found) <= LONGEST_AMOUNT) else ""
