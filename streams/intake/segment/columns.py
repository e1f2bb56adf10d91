"""Columns of amounts judged at once: whole columns of plain decimals pass without a look at each, what else there is goes on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from itertools import repeat
from typing import Any

from monitor.core.values.money import EXACT
from monitor.core.values.times import format_time, from_ms
from streams.wire import LONGEST_AMOUNT

_DIGITS = b"0123456789"
_ONE = Decimal(1)
_LARGEST = 10**20
_FEW = 32
_TENS = b"012345"
_SHORTEST, _LONGEST_TIME = 20, 30
_SECOND = 19
"""Characters of a time up to its point."""
_MARKS = {4: b"-", 7: b"-", 10: b"T", 13: b":", 16: b":", 19: b"."}
_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:[0-5]\d:[0-5]\d(?:\.\d{1,9})?Z", re.ASCII)


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


def figures_of(texts: Sequence[Any], amounts: Sequence[Decimal], doubtful: Sequence[int]) -> list[str]:
    """Texts by which amounts are told apart: equal where the amounts are, and only there, as `figure_of`.

    `texts`: of what the amounts were read; what is said of the doubtful is of no use.
    """
    try:
        data = "\n" + "\n".join(texts)
    except TypeError:  # whole numbers
        return list(map(figure_of, amounts))
    if data.count("\n0") != data.count("\n0."):
        return list(map(figure_of, amounts))
    if not doubtful and data.count(".") == len(texts):
        return list(map(str.rstrip, texts, repeat("0")))
    return [text.rstrip("0") if "." in text else f"{text}." for text in texts]


def figure_of(amount: Decimal) -> str:
    """As `figures_of`, of one amount: the same whatever column it stands in and however it was written."""
    text = format(amount, "f")
    return text.rstrip("0") if "." in text else f"{text}."


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


def times_of_one_form(texts: Sequence[str]) -> tuple[str, str] | None:
    """First and last of a column of times in UTC that are of one form; None where some may not be.

    Of texts of one form each has its signs and digits in their places, minutes and seconds are lawful, and texts sort as their
    times do: whether there are such days and hours is to be seen yet. Where first and last agree, so do all between.
    """
    first, last = min(texts), max(texts)
    length = len(first)
    if not _SHORTEST <= length <= _LONGEST_TIME:
        return None
    joined, count = "\n".join(texts) + "\n", len(texts)
    if len(joined) != count * (length + 1) or not joined.isascii():
        return None
    data = joined.encode()
    if data.count(b"\n") != count or data[length :: length + 1].count(b"\n") != count:
        return None  # of several lengths, or with a line break within
    alike = next((place for place, pair in enumerate(zip(first, last, strict=True)) if pair[0] != pair[1]), length)
    for place in range(length):
        column = first[place].encode() if place < alike else data[place :: length + 1]
        mark = b"Z" if place == length - 1 else _MARKS.get(place)
        if mark is None:
            if column.translate(None, _TENS if place in {14, 17} else _DIGITS):
                return None
        elif column.count(mark) != len(column):
            return None
    return first, last


def in_one_form(texts: Sequence[str]) -> tuple[list[str], list[int]]:
    """The times of a column in the form of the longest, and the indices of those that are not in UTC, which hold another's."""
    odd = [index for index, text in enumerate(texts) if _UTC.fullmatch(text) is None]
    filled, gone = list(texts), frozenset(odd)
    filler = next((text for index, text in enumerate(texts) if index not in gone), "")
    for index in odd:
        filled[index] = filler
    longest = max(map(len, filled))
    if longest == _SHORTEST:
        return filled, odd
    digits = longest - 1
    return [
        text if len(text) == longest else f"{text[:_SECOND]}.{text[_SECOND + 1 : -1]}".ljust(digits, "0") + "Z" for text in filled
    ], odd


def log_texts(times_ms: Sequence[int], length: int) -> list[str]:
    """Log times as texts of the length that `times_of_one_form` found, cut to its digits: they sort with the column's."""
    seconds: dict[int, str] = {}
    texts: dict[int, str] = {}
    ends = _ends(length)
    for time_ms in set(times_ms):
        second, rest = divmod(time_ms, 1000)
        text = seconds.get(second)
        if text is None:
            text = seconds[second] = format_time(from_ms(second * 1000))[:19]
        texts[time_ms] = text + ends[rest]
    return list(map(texts.__getitem__, times_ms))


@cache
def _ends(length: int) -> list[str]:
    """How times of a length end, by their milliseconds."""
    return [f".{rest:03d}000000"[: length - _SHORTEST] + "Z" for rest in range(1000)]
