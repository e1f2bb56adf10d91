"""Values that the sections of the settings share, each held to its form where it is read. Decimals are text."""

from __future__ import annotations

import re
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field

from monitor.core.values.money import parse_decimal, plain

_CURRENCY = re.compile(r"[A-Z]{3}\Z", re.ASCII)
_ASSET = re.compile(r"[A-Z0-9.-]{1,20}\Z", re.ASCII)


def _decimal_text(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError("a decimal is written as text or as an integer")  # noqa: TRY004 - pydantic reports ValueError
    return plain(parse_decimal(str(value)))


def _no_truth(value: Any) -> Any:
    if isinstance(value, bool):  # pydantic would take `yes` for 1
        raise ValueError("a number is asked for, and yes and no are none")  # noqa: TRY004 - pydantic reports ValueError
    return value


def _share(text: str) -> str:
    if not 0 < parse_decimal(text) <= 1:
        raise ValueError("a share lies above 0 and up to 1")
    return text


def _positive(text: str) -> str:
    if parse_decimal(text) <= 0:
        raise ValueError("must be above 0")
    return text


def _ratio(text: str) -> str:
    if parse_decimal(text) <= 1:
        raise ValueError("a ratio of two values, greater to lesser, lies above 1")
    return text


def _asset(text: str) -> str:
    if not _ASSET.match(text):
        raise ValueError("an asset is 1 to 20 of A-Z, 0-9, '.' and '-'")
    return text


def _currency(text: str) -> str:
    if not _CURRENCY.match(text):
        raise ValueError("a currency is three capital letters (ISO 4217)")
    return text


def _time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, OSError, ValueError):
        raise ValueError(f"{name!r} is not a time zone of the IANA data base") from None
    return name


DecimalText = Annotated[str, BeforeValidator(_decimal_text)]
PositiveText = Annotated[DecimalText, AfterValidator(_positive)]
RatioText = Annotated[DecimalText, AfterValidator(_ratio)]
ShareText = Annotated[DecimalText, AfterValidator(_share)]
Asset = Annotated[str, AfterValidator(_asset)]
Currency = Annotated[str, AfterValidator(_currency)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
Whole = Annotated[int, BeforeValidator(_no_truth)]
_LONGEST_S = 10**9
Seconds = Annotated[Whole, Field(gt=0, le=_LONGEST_S)]
SecondsFrom0 = Annotated[Whole, Field(ge=0, le=_LONGEST_S)]
Partitions = Annotated[Whole, Field(ge=1, le=1000)]


def digits(most: int) -> Any:
    """A number of digits, at most so many."""
    return Annotated[Whole, Field(ge=0, le=most)]
