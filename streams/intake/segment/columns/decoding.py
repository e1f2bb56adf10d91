"""Columns of trades: their keys, amounts and times, of whatever they were decoded; what is not sure is left to the authority."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from monitor.core.values.money import EXACT
from monitor.core.values.times import SECOND, format_time
from streams.intake.segment.columns.texts import Amounts, amounts_in, figure_of, texts_of_raw
from streams.wire import LONGEST_AMOUNT, MAX_VALUE_BYTES
from streams.wire.feeds.lean import LeanAmount, LeanFeed
from streams.wire.feeds.values import at_price
from streams.wire.fields import LAST_TIME_NS
from streams.wire.lean import CHOICES, KEY_FIELDS

REFUSED = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What a lean decoder raises for what it does not take."""
_NONE = Decimal(0)
_ONE = Decimal(1)
_BEYOND = 10**20
"""Amounts have fewer digits before the point."""
_MICROSECOND_PLACES = 6
_NANOSECOND_PLACES = 9
_NO_COUNT = "-"
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


def decoded(
    decode: Callable[[bytes], Any], values: Sequence[bytes | None], lengths: Sequence[int] = ()
) -> tuple[list[Any], list[int]]:
    """The objects of records that the decoder takes, and the indices of those that it does not take or are too long for it.

    `lengths`: of the values, if they are known.
    """
    objects: list[Any] = []
    refused: list[int] = []
    rest = iter(_decodable(values, lengths or lengths_of(values)))
    while True:
        try:
            objects.extend(map(decode, rest))  # keeps what came before the one that is refused, which `rest` is past
        except REFUSED:
            refused.append(len(objects) + len(refused))
        else:
            return objects, refused


def lengths_of(values: Sequence[bytes | None]) -> list[int]:
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
    """The amounts of a feed's elements, judged as by `amounts_in`.

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
