"""Columns of amounts judged at once: whole columns of plain decimals pass without a look at each, what else there is goes on."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

_DIGITS = b"0123456789"
_LONGEST = 20
_ONE = Decimal(1)


def clean(texts: Sequence[str]) -> bool:
    """Whether every text is digits, or digits, a point and digits, of 20 characters at most: so within the digit limits.

    False says nothing: some text may be another kind of lawful decimal. TypeError if one is no text.
    """
    joined = "\n" + "\n".join(texts) + "\n"
    if not joined.isascii() or max(map(len, texts)) > _LONGEST:
        return False
    data = joined.encode()
    rest = data.translate(None, _DIGITS)
    if b"\n." in data or b".\n" in data or b"\n\n" in data or b".." in rest:
        return False
    return rest.count(b"\n") == len(texts) + 1 and not rest.translate(None, b".\n")


def positive_amounts(texts: Sequence[Any]) -> tuple[list[Decimal], list[int]]:
    """The decimals of a column, and the indices of those not surely lawful and above 0, which hold 1 instead."""
    try:
        plain = clean(texts)
    except TypeError:
        plain = False
    if plain:
        amounts = list(map(Decimal, texts))
        return amounts, [] if all(amounts) else [index for index, amount in enumerate(amounts) if not amount]
    doubtful: list[int] = []
    amounts = []
    for index, text in enumerate(texts):
        whole = type(text) is int and 0 < text < 10**20
        if whole or (type(text) is str and text and clean((text,)) and Decimal(text)):
            amounts.append(Decimal(text))
        else:
            amounts.append(_ONE)
            doubtful.append(index)
    return amounts, doubtful


def texts_of_raw(column: Sequence[Any]) -> list[str]:
    """Texts of raw JSON numbers or strings, quotes taken off; what is neither stays unlike a decimal."""
    data = b"\n".join(column)
    texts = data.replace(b'"', b"").decode("utf-8", "replace").split("\n")
    if len(texts) == len(column) and b"\\" not in data:
        return texts
    return ["" if b"\\" in bytes(raw) else bytes(raw).decode("utf-8", "replace").replace('"', "") for raw in column]
