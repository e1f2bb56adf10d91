"""Binance trade streams as recorded by hftbacktest: `<receive time, ns> <frame>` a line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from monitor.cli.event_files.formats import Given, LogClock, exact_json, pair, plain_number, trade, unit_time
from monitor.events import Event

_QUOTES = ("USDT", "USDC", "FDUSD", "TUSD", "BUSD", "BTC", "ETH", "BNB", "JPY", "EUR", "GBP", "TRY", "BRL", "AUD", "UAH")
"""The venue's quote assets; a symbol that two of them could end needs `--market`."""


_TAKERS = {"True": "sell", "False": "buy"}
"""Whether the buyer was the maker: then the taker sold."""


def trades(lines: Iterable[str], given: Given) -> Iterator[Event]:
    """One trade for each frame of type `trade`; other frames are passed over. The taker sold where the buyer was the maker."""
    clock = LogClock()
    for number, line in enumerate(lines, 1):
        received, _, frame = line.partition(" ")
        content = exact_json(frame)
        data = content.get("data", content) if isinstance(content, dict) else None
        if not isinstance(data, dict) or data.get("e") != "trade":
            continue
        yield trade(
            given,
            clock.at(int(received) if received.isdigit() else None, f"line {number}"),
            given.market or pair(data["s"], _QUOTES),
            _TAKERS.get(str(data.get("m"))),
            trade_id=data.get("t"),
            price=plain_number(data.get("p")),
            quantity=plain_number(data.get("q")),
            executed_at=unit_time(data.get("T"), 1000),
        )
