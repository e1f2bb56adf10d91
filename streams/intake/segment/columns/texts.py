"""Columns of amounts judged at once: whole columns of plain decimals pass without a look at each, what else there is goes on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from itertools import repeat, starmap
from typing import Any, NamedTuple

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


class Amounts(NamedTuple):
    """A column of amounts, the texts that tell them apart as `figure_of` does, and the indices of those left to the authority.

    `length`: how many characters the texts have that they were read of; None where some were none.
    """

    decimals: list[Decimal]
    figures: list[str]
    doubtful: list[int]
    length: int | None


def amounts_in(texts: Sequence[Any]) -> Amounts:
    """The amounts of a column. Those not surely lawful and above 0 are doubtful: they hold any, and any figure.

    Texts are of LONGEST_AMOUNT characters at most, so that those of digits are within the limits on digits.
    """
    try:
        lines = "\n" + "\n".join(texts) + "\n"
    except TypeError:
        return _odd_amounts(texts, None)
    length, points = len(lines) - len(texts) - 1, _points(lines, len(texts))
    if points is None:
        return _odd_amounts(texts, length)
    amounts = list(starmap(EXACT.create_decimal, zip(texts, strict=True)))  # cheaper than `map`: it makes no tuple of each
    doubtful = [] if all(amounts) else [index for index, amount in enumerate(amounts) if not amount]
    zeros = lines.count("\n0")
    if zeros and zeros != lines.count("\n0."):
        figures = list(map(figure_of, amounts))
    elif points == len(texts):
        figures = list(map(str.rstrip, texts, repeat("0")))
    else:
        figures = [text.rstrip("0") if "." in text else f"{text}." for text in texts]
    return Amounts(amounts, figures, doubtful, length)


def _points(lines: str, count: int) -> int | None:
    """How many points there are where each of so many lines is digits, or digits, a point and digits.

    None says nothing: some may be another kind of lawful decimal.
    """
    if not lines.isascii():
        return None
    data = lines.encode()
    if b"\n." in data or b".\n" in data:
        return None
    rest = data.translate(None, _DIGITS)
    if rest == b"\n" + b".\n" * count:
        return count
    plain = b"\n\n" not in data and b".." not in rest and rest.count(b"\n") == count + 1 and not rest.translate(None, b".\n")
    return rest.count(b".") if plain else None


def _odd_amounts(texts: Sequence[Any], length: int | None) -> Amounts:
    """Of texts that are not all plain: where one of many is odd, the rest is still judged at once."""
    if set(map(type, texts)) == {int} and min(texts) > 0 and max(texts) < _LARGEST:
        amounts = list(map(Decimal, texts))
        return Amounts(amounts, list(map(figure_of, amounts)), [], length)
    if len(texts) > _FEW:
        half = len(texts) // 2
        first, second = amounts_in(texts[:half]), amounts_in(texts[half:])
        doubtful = first.doubtful + [half + index for index in second.doubtful]
        return Amounts(first.decimals + second.decimals, first.figures + second.figures, doubtful, length)
    doubtful = []
    amounts = []
    for index, text in enumerate(texts):
        whole = type(text) is int and 0 < text < _LARGEST
        if whole or (type(text) is str and text and _points(f"\n{text}\n", 1) is not None and Decimal(text)):
            amounts.append(Decimal(text))
        else:
            amounts.append(_ONE)
            doubtful.append(index)
    return Amounts(amounts, list(map(figure_of, amounts)), doubtful, length)


def figure_of(amount: Decimal) -> str:
    """What tells an amount apart: the same text whatever column it stands in and however it was written."""
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
