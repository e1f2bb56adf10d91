"""bitFlyer executions as CSV: `loaded` is the recorder's time, `exec_date` the venue's; batches are written newest first."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator

from monitor.cli.event_files.formats import Given, LogClock, plain_number, time_or_none, trade
from monitor.errors import UsageError
from monitor.events import Event

_COLUMNS = {"product_code", "loaded", "id", "exec_date", "side", "price", "size"}
_FUTURE = re.compile(r"([A-Z]{3,5})([A-Z]{3})\d{2}[A-Z]{3}\d{4}\Z")


def executions(lines: Iterable[str], given: Given) -> Iterator[Event]:
    """One trade for each row, rows without a time included; UsageError when a needed column is absent."""
    rows = csv.DictReader(lines)
    absent = _COLUMNS - set(rows.fieldnames or ())
    if absent:
        raise UsageError(f"no bitFlyer executions: the first line does not name {', '.join(sorted(absent))}")
    clock = LogClock()
    for row in rows:
        market, instrument = product(row["product_code"] or "")
        fields = {"trade_id": row["id"], "price": plain_number(row["price"]), "quantity": plain_number(row["size"])}
        if instrument and not given.instrument:
            fields["instrument"] = instrument
        logged_at = clock.at(time_or_none(row["loaded"]), f"line {rows.line_num}")
        yield trade(given, logged_at, market, taker(row["side"]), executed_at=row["exec_date"] or None, **fields)


def product(code: str) -> tuple[str | None, str | None]:
    """Market and, unless it is spot, instrument of a product code: `FX_` and dated codes are the venue's leveraged products."""
    future = _FUTURE.match(code)
    if future:
        return f"{future[1]}/{future[2]}", "derivative"
    base, _, quote = code.removeprefix("FX_").partition("_")
    market = f"{base}/{quote}" if base and quote else None
    return market, "derivative" if code.startswith("FX_") else None


def taker(side: str | None) -> str | None:
    """The side of the taker as this project writes it; None where the venue left it blank (opening auctions)."""
    return side.lower() if side else None
