"""Raw websocket captures of cryptofeed: `<receive time, s>: <frame>` a line, between lines of connecting and sending.

One frame may hold several trades; frames of other channels are passed over.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from monitor.cli.event_files.formats import Given, LogClock, exact_json, pair, plain_number, seconds_to_ns, trade, unit_time
from monitor.cli.event_files.formats.bitflyer import product, taker
from monitor.events import Event

_RECEIVED = re.compile(r"(\d+(?:\.\d+)?): (.*)", re.DOTALL)
_CHANNEL = "lightning_executions_"
_BITSTAMP_QUOTES = ("USD", "EUR", "GBP", "BTC", "ETH", "USDT", "USDC", "PAX")
_BYBIT_QUOTES = ("USD", "USDT", "USDC")


def bitflyer(lines: Iterable[str], given: Given) -> Iterator[Event]:
    """Executions of bitFlyer's Lightning channels."""
    for logged_at, frame in _frames(lines):
        params = frame.get("params") if isinstance(frame, dict) else None
        channel = params.get("channel", "") if isinstance(params, dict) else ""
        if not channel.startswith(_CHANNEL) or not isinstance(params, dict):
            continue
        market, instrument = product(channel.removeprefix(_CHANNEL))
        for one in params.get("message") or ():
            fields = {} if instrument is None or given.instrument else {"instrument": instrument}
            yield trade(
                given,
                logged_at,
                market,
                taker(one.get("side")),
                trade_id=one.get("id"),
                price=plain_number(one.get("price")),
                quantity=plain_number(one.get("size")),
                executed_at=one.get("exec_date") or None,
                **fields,
            )


def upbit(lines: Iterable[str], given: Given) -> Iterator[Event]:
    """Trades of Upbit's SIMPLE frames; its codes name the quote first. A bid that took is a buy."""
    for logged_at, frame in _frames(lines):
        if not isinstance(frame, dict) or frame.get("ty") != "trade":
            continue
        quote, _, base = str(frame.get("cd")).partition("-")
        yield trade(
            given,
            logged_at,
            f"{base}/{quote}",
            {"BID": "buy", "ASK": "sell"}.get(frame.get("ab", "")),
            trade_id=frame.get("sid"),
            price=plain_number(frame.get("tp")),
            quantity=plain_number(frame.get("tv")),
            executed_at=unit_time(frame.get("ttms"), 1000),
        )


def bybit(lines: Iterable[str], given: Given) -> Iterator[Event]:
    """Trades of Bybit's contracts. Sizes of inverse contracts (quoted in USD) are US dollars, so the quantity of the base is
    size / price, 18 decimals, truncated; `--size-in base` or `quote` says otherwise.
    """  # noqa: D205 - one sentence
    for logged_at, frame in _frames(lines):
        if not isinstance(frame, dict) or not str(frame.get("topic", "")).startswith("trade."):
            continue
        for one in frame.get("data") or ():
            market = given.market or pair(str(one.get("symbol")), _BYBIT_QUOTES)
            in_quote = given.size_in == "quote" if given.size_in else market.endswith("/USD")
            price, size = plain_number(one.get("price")), plain_number(one.get("size"))
            fields = {} if given.instrument else {"instrument": "derivative"}
            yield trade(
                given,
                logged_at,
                market,
                taker(one.get("side")),
                trade_id=one.get("trade_id"),
                price=price,
                quantity=_base_quantity(size, price) if in_quote else size,
                executed_at=unit_time(one.get("trade_time_ms"), 1000),
                **fields,
            )


def bitstamp(lines: Iterable[str], given: Given) -> Iterator[Event]:
    """Trades of Bitstamp's live channels; type 0 is a buy, 1 a sale. Amount and price are taken from their text form."""
    for logged_at, frame in _frames(lines):
        if not isinstance(frame, dict) or frame.get("event") != "trade":
            continue
        data = frame["data"]
        symbol = str(frame.get("channel", "")).rpartition("_")[2]
        yield trade(
            given,
            logged_at,
            given.market or pair(symbol, _BITSTAMP_QUOTES),
            {"0": "buy", "1": "sell"}.get(data.get("type", "")),
            trade_id=data.get("id"),
            price=plain_number(data.get("price_str", data.get("price"))),
            quantity=plain_number(data.get("amount_str", data.get("amount"))),
            executed_at=unit_time(data.get("microtimestamp"), 1_000_000),
        )


def _frames(lines: Iterable[str]) -> Iterator[tuple[int, Any]]:
    """Log time and content of each frame received; a payload printed as Python bytes is read as one."""
    clock = LogClock()
    for number, line in enumerate(lines, 1):
        found = _RECEIVED.match(line)
        if not found:
            continue
        text = found[2].strip()
        if text[:2] in {"b'", 'b"'}:
            try:
                text = ast.literal_eval(text).decode("utf-8", "replace")
            except (ValueError, SyntaxError):
                continue
        yield clock.at(seconds_to_ns(found[1]), f"line {number}"), exact_json(text)


def _base_quantity(size: Any, price: Any) -> Any:
    try:
        amount, rate = Decimal(size), Decimal(price)
    except (ArithmeticError, TypeError, ValueError):
        return size
    if not amount.is_finite() or not rate.is_finite() or rate <= 0:
        return size
    scaled = int(amount.scaleb(18)) * 10**18 // int(rate.scaleb(18))
    return format(Decimal(scaled).scaleb(-18), "f")
