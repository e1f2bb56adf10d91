"""Candles and daily currency rates as `market.prices`."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator

from monitor.cli.event_files.formats import Given, LogClock, plain_number, time_or_none
from monitor.core.journal.vocabulary import PRICES
from monitor.core.values.times import DAY, exact_time
from monitor.errors import UsageError
from monitor.events import Event

_MILLISECOND = 1_000_000
_DATETIME = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(\+00:00|Z)?\Z", re.ASCII)


def candles(lines: Iterable[str], given: Given) -> Iterator[Event]:
    """The close of each candle at its last millisecond: the venues' own close time, on the date the candle is of.

    Rows carry the opening time (`timestamp` in ms, or `datetime` in UTC); the length is the step between the first two.
    `--kind daily_close` takes of shorter candles the last of each UTC day. Needs `--asset`, `--currency`, `--kind`.
    """
    asset = given.need("asset", "candles do not name their asset")
    currency = given.need("currency", "candles do not name their currency")
    kind = given.need("kind", "a close is a spot price or a daily close")
    rows = csv.DictReader(lines)
    if not {"close"} <= set(rows.fieldnames or ()) or not {"timestamp", "datetime"} & set(rows.fieldnames or ()):
        raise UsageError("no candles: the first line does not name close and timestamp or datetime")
    clock = LogClock()
    for number, opened, length, close in _with_length(rows):
        ends = opened + length
        if kind == "daily_close" and ends % DAY:
            continue
        as_of = ends - _MILLISECOND
        value = {
            "event_id": f"{asset}-{currency}-{exact_time(opened)}",
            "asset": asset,
            "currency": currency,
            "price": plain_number(close),
            "as_of": exact_time(as_of),
            "source": given.source or "candles",
            "kind": kind,
        }
        yield Event(PRICES, None, clock.at(as_of, f"line {number}"), value)


def currency_rates(lines: Iterable[str], given: Given) -> Iterator[Event]:
    """One price for each rate: what one unit of the base costs in the quote. Needs `--kind`.

    The file states no time of day: its beginning in UTC, or `--time-of-day`. Absurd rates pass as they are.
    """
    kind = given.need("kind", "a rate of a day is a spot price or a daily close")
    rows = csv.DictReader(lines)
    absent = {"date", "base", "quote", "rate"} - set(rows.fieldnames or ())
    if absent:
        raise UsageError(f"no currency rates: the first line does not name {', '.join(sorted(absent))}")
    clock = LogClock()
    for row in rows:
        time_of_day = given.time_of_day or "00:00"
        as_of = f"{row['date']}T{time_of_day if len(time_of_day) == 8 else time_of_day + ':00'}Z"
        own = time_or_none(as_of)
        base, quote = (row["base"] or "").upper(), (row["quote"] or "").upper()
        value = {
            "event_id": f"{base}-{quote}-{row['date']}",
            "asset": base,
            "currency": quote,
            "price": plain_number(row["rate"]),
            "as_of": None if own is None else as_of,
            "source": given.source or "currency-rates",
            "kind": kind,
        }
        yield Event(PRICES, None, clock.at(own, f"line {rows.line_num}"), value)


def _with_length(rows: csv.DictReader[str]) -> Iterator[tuple[int, int, int, str]]:
    """Line number, opening time, length (ns) and close of each candle."""
    first: tuple[int, int, str] | None = None
    length: int | None = None
    for row in rows:
        opened = _opened(row)
        if opened is None:
            raise UsageError(f"line {rows.line_num}: no opening time can be read")
        if length is None:
            if first is None:
                first = (rows.line_num, opened, row["close"])
                continue
            length = opened - first[1]
            if length <= 0:
                raise UsageError(f"line {rows.line_num}: candles are not in the order of their time")
            yield first[0], first[1], length, first[2]
        yield rows.line_num, opened, length, row["close"]
    if length is None and first is not None:
        raise UsageError("one candle alone does not show its length")


def _opened(row: dict[str, str]) -> int | None:
    stamp = row.get("timestamp") or ""
    if stamp.isdigit():
        return int(stamp) * _MILLISECOND
    found = _DATETIME.match(row.get("datetime") or "")
    return time_or_none(f"{found[1]}T{found[2]}Z") if found else None
