"""Columns of amounts judged at once: whole columns of plain decimals pass without a look at each, what else there is goes on."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from monitor.core.values.money import EXACT
from monitor.core.values.times import format_time, from_ms
from streams.wire import LONGEST_AMOUNT

_DIGITS = b"0123456789"
_ONE = Decimal(1)
_LARGEST = 10**20
_TOLD_BY_FLOATS = 15
"""Digits of a decimal that a float still tells from every other of as many."""
_FEW = 32
_TENS = b"012345"
_SHORTEST, _LONGEST_TIME = 20, 30
_SAME_HOUR = 14
"""Characters of a time up to the colon after the hour."""
_MINUTE = slice(14, 16)
_QUARTER = 15


def clean(texts: Sequence[str]) -> bool:
    """Whether every text is digits, or digits, a point and digits.

    False says nothing: some text may be another kind of lawful decimal. TypeError if one is no text.
    """
    joined = "\n" + "\n".join(texts) + "\n"
    if not joined.isascii():
        return False
    data, count = joined.encode(), len(texts)
    if b"\n." in data or b".\n" in data:
        return False
    rest = data.translate(None, _DIGITS)
    if rest == b"\n" + b".\n" * count:
        return True  # one point in each
    return b"\n\n" not in data and b".." not in rest and rest.count(b"\n") == count + 1 and not rest.translate(None, b".\n")


def positive_amounts(texts: Sequence[Any]) -> tuple[list[Decimal], list[int]]:
    """The decimals of a column, and the indices of those not surely lawful and above 0, which hold any.

    Texts are of LONGEST_AMOUNT characters at most, so that those of digits are within the limits on digits.
    """
    try:
        plain = clean(texts)
    except TypeError:
        plain = False
    if plain:
        amounts = list(map(EXACT.create_decimal, texts))
        return amounts, [] if all(amounts) else [index for index, amount in enumerate(amounts) if not amount]
    if set(map(type, texts)) == {int} and min(texts) > 0 and max(texts) < _LARGEST:
        return list(map(Decimal, texts)), []
    if len(texts) > _FEW:  # one text of many is odd: the rest is still judged at once
        half = len(texts) // 2
        (amounts, doubtful), (others, more) = positive_amounts(texts[:half]), positive_amounts(texts[half:])
        return amounts + others, doubtful + [half + index for index in more]
    return _amounts_by_one(texts)


def _amounts_by_one(texts: Sequence[Any]) -> tuple[list[Decimal], list[int]]:
    doubtful: list[int] = []
    amounts = []
    for index, text in enumerate(texts):
        whole = type(text) is int and 0 < text < _LARGEST
        if whole or (type(text) is str and text and clean((text,)) and Decimal(text)):
            amounts.append(Decimal(text))
        else:
            amounts.append(_ONE)
            doubtful.append(index)
    return amounts, doubtful


def numbers_of(texts: Sequence[Any], amounts: Sequence[Decimal]) -> list[float | Decimal]:
    """Numbers by which amounts are told apart, quicker to hash than decimals are; equal where the amounts are, and only there.

    `texts`: of what the amounts were read. Those of a text that is no amount are of no use.
    """
    try:
        if max(map(len, texts)) <= _TOLD_BY_FLOATS:
            return list(map(float, texts))
    except (TypeError, ValueError):  # whole numbers, or a text that is no amount
        pass
    return list(map(number_of, amounts))


def number_of(amount: Decimal) -> float | Decimal:
    """As `numbers_of`, of one amount: the same whatever column it stands in and however it was written."""
    text = str(amount)
    if len(text) <= _TOLD_BY_FLOATS:
        return float(text)
    return float(text) if len(amount.normalize(EXACT).as_tuple().digits) <= _TOLD_BY_FLOATS else amount


def texts_of_raw(column: Sequence[Any]) -> list[str]:
    """Texts of raw JSON numbers or strings, quotes taken off; what is neither, or too long, stays unlike a decimal."""
    data = b"\n".join(column)
    texts = data.replace(b'"', b"").decode("utf-8", "replace").split("\n")
    if len(texts) == len(column) and b"\\" not in data and max(map(len, texts)) <= LONGEST_AMOUNT:
        return texts
    return [_text_of_raw(bytes(raw)) for raw in column]


def _text_of_raw(raw: bytes) -> str:
    text = raw.decode("utf-8", "replace").replace('"', "")
    return "" if "\\" in text or len(text) > LONGEST_AMOUNT else text


def times_of_one_hour(texts: Sequence[str]) -> tuple[str, str] | None:
    """First and last of a column of times in UTC that are of one form and one hour; None where some may not be.

    Both still have to be read: that they are times makes all of them times. Texts of one form sort as their times do, and
    what lies between two texts with a common beginning begins so too.
    """
    first, last = min(texts), max(texts)
    length = len(first)
    if not _SHORTEST <= length <= _LONGEST_TIME or first[:_SAME_HOUR] != last[:_SAME_HOUR] or first[10:11] != "T":
        return None
    joined, count = "\n".join(texts) + "\n", len(texts)
    if len(joined) != count * (length + 1) or not joined.isascii():
        return None
    data = joined.encode()
    if data.count(b"\n") != count or data[length :: length + 1].count(b"\n") != count:
        return None  # of several lengths, or with a line break within
    for place in range(_SAME_HOUR, length):
        column = data[place :: length + 1]
        if place in {16, 19, length - 1}:
            mark = b":" if place == 16 else b"Z" if place == length - 1 else b"."
            if column.count(mark) != count:
                return None
        elif column.translate(None, _TENS if place in {14, 17} else _DIGITS):
            return None
    return first, last


def times_of_one_quarter(texts: Sequence[str]) -> tuple[str, str] | None:
    """As `times_of_one_hour`, of one quarter of an hour."""
    found = times_of_one_hour(texts)
    if found is None:
        return None
    first, last = (int(text[_MINUTE]) // _QUARTER for text in found)
    return found if first == last else None


def log_texts(times_ms: Sequence[int], length: int) -> list[str]:
    """Log times as texts of the length that `times_of_one_hour` found, cut to its digits: they sort with the column's."""
    seconds: dict[int, str] = {}
    texts: dict[int, str] = {}
    digits = length - _SHORTEST
    for time_ms in set(times_ms):
        second, rest = divmod(time_ms, 1000)
        text = seconds.get(second)
        if text is None:
            text = seconds[second] = format_time(from_ms(second * 1000))[:19]
        texts[time_ms] = f"{text}.{rest:03d}000000"[: 19 + digits] + "Z"
    return list(map(texts.__getitem__, times_ms))
