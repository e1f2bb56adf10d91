"""Readers of real captures and published files: each turns one file into event lines (CONTRACT 3), streaming.

Numbers are expanded exactly from their text, a blank time is null, a blank side is left out; nothing is repaired, so what a
source got wrong is refused by intake and counted there. What a file lacks is an option, never guessed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from importlib import import_module
from typing import Any

from monitor.core.journal.vocabulary import TRADES
from monitor.core.values.money import BadDecimal
from monitor.core.values.times import BadTime, exact_time, parse_time
from monitor.errors import UsageError
from monitor.events import Event
from streams.wire.fields import expand

_EXPONENT = re.compile(r"[0-9][eE]")


@dataclass(frozen=True, slots=True)
class Given:
    """What the caller said that the file does not say; None where nothing was said."""

    entity: str | None = None
    market: str | None = None
    instrument: str | None = None
    capacity: str | None = None
    size_in: str | None = None
    storage: str | None = None
    severity: str | None = None
    kind: str | None = None
    status: str | None = None
    owner: str | None = None
    asset: str | None = None
    currency: str | None = None
    source: str | None = None
    venue: str | None = None
    time_of_day: str | None = None

    def need(self, name: str, why: str) -> str:
        """The option `name`; UsageError telling `why` the format needs it."""
        value: str | None = getattr(self, name)
        if value is None:
            raise UsageError(f"{why}: give --{name.replace('_', '-')}")
        return value


FormatReader = Callable[[Iterable[str], Given], Iterator[Event]]

_READERS = {
    "bitflyer-executions": ("bitflyer", "executions"),
    "binance-trades": ("binance", "trades"),
    "cryptofeed-bitflyer": ("cryptofeed", "bitflyer"),
    "cryptofeed-upbit": ("cryptofeed", "upbit"),
    "cryptofeed-bybit": ("cryptofeed", "bybit"),
    "cryptofeed-bitstamp": ("cryptofeed", "bitstamp"),
    "por-balances": ("published", "balances"),
    "dn-incidents": ("published", "incidents"),
    "candles": ("rates", "candles"),
    "currency-rates": ("rates", "currency_rates"),
}
FORMATS = tuple(_READERS)


def reader_of(name: str) -> FormatReader:
    """The reader of a format; UsageError when there is none of that name."""
    if name not in _READERS:
        raise UsageError(f"there is no format {name}: one of {', '.join(FORMATS)}")
    module, function = _READERS[name]
    reader: FormatReader = getattr(import_module(f"monitor.cli.event_files.formats.{module}"), function)
    return reader


class LogClock:
    """Log times as a recorder wrote them, held monotone: one that goes back, or cannot be read, stays where the last one was."""

    def __init__(self) -> None:
        self._last: int | None = None

    def at(self, ns: int | None, place: str) -> int:
        """The log time of the next event; UsageError where the very first has none."""
        if ns is not None and (self._last is None or ns > self._last):
            self._last = ns
        if self._last is None:
            raise UsageError(f"{place}: the first record has no readable time of recording")
        return self._last


def plain_number(text: Any) -> Any:
    """A number's text without exponent, every digit kept: `1E-7` is `0.0000001`; what is no number stays as it is."""
    if not isinstance(text, str) or not _EXPONENT.search(text):
        return text
    try:
        return expand(text)
    except BadDecimal:
        return text


def time_or_none(text: Any) -> int | None:
    """Nanoseconds of an RFC 3339 text, None for anything else."""
    try:
        return parse_time(text)
    except (BadTime, TypeError):
        return None


def seconds_to_ns(text: str) -> int:
    """Nanoseconds of a decimal count of seconds."""
    return int(Decimal(text).scaleb(9))


def unit_time(text: Any, per_second: int) -> str | None:
    """RFC 3339 of a count of milliseconds (`per_second` 1000) or microseconds since 1970; None for no count."""
    digits = str(text) if text is not None else ""
    return exact_time(int(digits) * (1_000_000_000 // per_second)) if digits.isascii() and digits.isdigit() else None


def exact_json(text: str) -> Any:
    """JSON with its numbers as their own text; None for what is no JSON."""
    try:
        return json.loads(text, parse_float=str, parse_int=str)
    except ValueError:
        return None


def trade(given: Given, logged_at: int, market: str | None, side: str | None, **fields: Any) -> Event:
    """A `market.trades` event; keyed by entity and market, so that all records of one trade id meet in one partition."""
    entity = given.need("entity", "a trade belongs to an entity")
    market = given.market or market
    value = {"trade_id": fields.pop("trade_id"), "entity": entity, "market": market, **fields}
    if side:
        value["side"] = side
    if given.capacity:
        value["capacity"] = given.capacity
    if given.instrument:
        value["instrument"] = given.instrument
    return Event(TRADES, f"{entity}|{market}", logged_at, value)


def pair(symbol: str, quotes: Iterable[str]) -> str:
    """`BASE/QUOTE` of a symbol written without a separator; UsageError unless exactly one of `quotes` ends it."""
    symbol = symbol.upper()
    fitting = [quote for quote in quotes if symbol.endswith(quote) and len(symbol) > len(quote)]
    if len(fitting) != 1:
        raise UsageError(f"{symbol} does not say where base ends and quote begins: give --market BASE/QUOTE")
    return f"{symbol[: -len(fitting[0])]}/{fitting[0]}"
