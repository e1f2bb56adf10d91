"""What one value of a journal record may be."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from monitor.core.journal.ordering import LARGEST_PLACE
from monitor.core.journal.records import BadRecord
from monitor.core.journal.vocabulary import LIABILITY, ROLES
from monitor.core.values.money import FRACTION_DIGITS, MOST_FRACTION_DIGITS, parse_decimal
from monitor.core.values.times import LAST_OWN_NS, recent_time

Fits = Callable[[Any], bool]
"""Whether a value is what it must be; it may raise for one that is not."""

_ASSET = re.compile(r"[A-Z0-9.-]{1,20}\Z", re.ASCII)
_MARKET = re.compile(r"[A-Z0-9.-]{1,20}/[A-Z0-9.-]{1,20}\Z", re.ASCII)
_TOTAL = re.compile(r"-?[0-9]{1,60}(?:\.[0-9]{1,54})?\Z", re.ASCII)
"""So many of these add up exactly (`money.EXACT`) as a journal has records."""
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def is_text(value: Any) -> bool:
    """Whether it is a text without control characters and half surrogates."""
    return type(value) is str and (value.isprintable() or not _CONTROL.search(value))


@lru_cache(maxsize=4096, typed=True)
def may_owe(role: str, asset: str, storage: str, source: str | None) -> bool:
    """Whether balances so named may be below 0; `BadRecord` for names that no balance has."""
    if role not in ROLES or not is_asset(asset) or not is_text(storage) or not (source is None or is_text(source)):
        raise BadRecord("a balance of a role, an asset, a storage or a source that is none")
    return role == LIABILITY


def is_count(value: Any) -> bool:
    """Whether it is a number of something, or an offset."""
    return type(value) is int and 0 <= value < LARGEST_PLACE


def are_counts(one: Any, other: Any, third: Any) -> bool:
    """Whether each is; in one, for there is a million of them."""
    number = type(one) is type(other) is type(third) is int
    return number and 0 <= one < LARGEST_PLACE and 0 <= other < LARGEST_PLACE and 0 <= third < LARGEST_PLACE


def is_asset(value: Any) -> bool:
    """Whether it is the name of an asset or a currency."""
    return _ASSET.match(value) is not None


def is_time(value: Any) -> bool:
    """Whether it is the text of a time that something is about; stubs are of 1970."""
    return 0 <= recent_time(value) <= LAST_OWN_NS


def is_about_now(value: str) -> bool:
    """The same of one that is read with its record: no more than its year."""
    return "1970" <= value < "2200"


def is_log_time(value: Any) -> bool:
    """Whether it is the text of any time: brokers stamp what producers say."""
    return recent_time(value) is not None


def is_amount(value: Any) -> bool:
    """Whether it is the text of money, of either sign."""
    return parse_decimal(value, FRACTION_DIGITS) is not None


def is_quantity(value: Any) -> bool:
    """Whether it is the text of so much of an asset, not below 0."""
    return parse_decimal(value, MOST_FRACTION_DIGITS) >= 0


def or_none(fits: Fits) -> Fits:
    """That, or null."""
    return lambda value: value is None or fits(value)


def list_of(fits: Fits) -> Fits:
    """A list of such."""
    return lambda value: type(value) is list and all(map(fits, value))


def object_of(**fields: Fits) -> Fits:
    """An object with these fields, and perhaps others that nobody reads."""
    return lambda value: all(fits(value[name]) for name, fits in fields.items())


def is_yes_or_no(value: Any) -> bool:
    """Whether it is a boolean."""
    return type(value) is bool


def is_attributes(value: Any) -> bool:
    """Whether it is what a declaration is told apart by."""
    return type(value) is dict and all(is_text(text) for pair in value.items() for text in pair)


@lru_cache(maxsize=1 << 16, typed=True)
def is_cell(market: str, capacity: str, instrument: str, side: str | None) -> bool:
    """Whether trades can be counted under it."""
    return _MARKET.match(market) is not None and is_text(capacity) and is_text(instrument) and (side is None or is_text(side))


def is_flow_cell(cell: Mapping[str, Any]) -> bool:
    """Whether it is a cell of a flow record as far as it is not read at once: prices and their times are."""
    return (
        is_cell(cell["market"], cell["capacity"], cell["instrument"], cell["side"])
        and is_count(cell["trades"])
        and _TOTAL.match(cell["quantity"]) is not None
        and _TOTAL.match(cell["value"]) is not None
        and is_about_now(cell["hour"])
        and all(is_text(one["trade_id"]) and is_count(one["offset"]) for one in cell["newest"])
    )
