"""Foreign schemas: paths, constants, unknown fields, lenient numbers; and real venue captures through them."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import pytest

from monitor.core.records import SourcePartition
from monitor.core.times import DAY, parse_time
from monitor.errors import ConfigurationError
from streams.intake.rules import IntakeRules
from streams.intake.segments import Batch
from streams.intake.trades import TradeReader
from streams.wire import TRADES, Invalid, Judge, Known, SourceFormat, Trade
from tests.intake_logs import cells_said, intake_rules

CAPTURES = Path(__file__).parents[4] / "shared" / "data" / "captures"
NOW = parse_time("2026-01-05T00:00:00Z")
FIELDS = {"trade_id": "id", "price": "data.p", "quantity": "data.q", "executed_at": "data.t"}
CONSTANTS = {"entity": "a", "market": "BTC/JPY"}


def verdict(record: Any, **source: Any) -> Any:
    formed = SourceFormat.of(TRADES, {"fields": FIELDS, "constants": CONSTANTS} | source)
    return Judge(formed, Known(frozenset({"a"}), 400 * DAY)).verdict(json.dumps(record).encode(), NOW)


def foreign(**changes: Any) -> dict[str, Any]:
    return {"id": 77, "data": {"p": "1.5", "q": "2", "t": "2026-01-05T09:00:00+09:00"}} | changes


def test_fields_are_taken_by_their_paths_and_constants_fill_the_rest() -> None:
    assert verdict(foreign()) == Trade("77", "a", "BTC/JPY", Decimal("1.5"), Decimal(2), NOW, None, "venue", "spot", False)


def test_a_name_that_is_not_mapped_is_read_as_it_is() -> None:
    assert verdict(foreign(side="buy")).side == "buy"


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (foreign(x=1), "unknown_field"),
        (foreign(data={"p": "1.5", "q": "2", "t": "2026-01-05T00:00:00Z", "x": 1}), "unknown_field"),
        (foreign(market="ETH/JPY"), "unknown_field"),
        (foreign(data=[1]), "wrong_type"),
        (foreign(data={"p": "1.5", "q": "2"}), "missing_field"),
        (foreign(id=1.5), "wrong_type"),
        (foreign(id=None), "wrong_type"),
        (foreign(trade_id="5"), "unknown_field"),
        (foreign(data={"p": 1.5, "q": "2", "t": "2026-01-05T00:00:00Z"}), "wrong_type"),
    ],
    ids=str,
)
def test_what_does_not_fit_the_mapping(record: Any, reason: str) -> None:
    found = verdict(record)
    assert isinstance(found, Invalid)
    assert found.reason == reason


def test_a_constant_null_hides_the_sources_own_field() -> None:
    constants = {**CONSTANTS, "side": None}
    assert verdict(foreign(side="BUY"), constants=constants, ignore_unknown=True).side is None
    assert verdict(foreign(side="BUY"), ignore_unknown=True).reason == "unknown_value"


def test_lenient_numbers_keep_every_digit() -> None:
    record = json.dumps(foreign()).replace('"1.5"', "5860832.0").replace('"2"', "9.9E-7").encode()
    formed = SourceFormat.of(TRADES, {"fields": FIELDS, "constants": CONSTANTS, "numbers": "lenient"})
    found = Judge(formed, Known(None, 400 * DAY)).verdict(record, NOW)
    assert isinstance(found, Trade)
    assert (found.price, found.quantity) == (Decimal(5860832), Decimal("0.00000099"))


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"fields": {"cost": "x"}}, "no such field"),
        ({"constants": {"cost": 1}}, "no such field"),
        ({"fields": {"price": "p"}, "constants": {"price": "1"}}, "choose one"),
        ({"fields": {"price": "a..b"}}, "empty step"),
        ({"fields": {"price": ""}}, "empty step"),
        ({"fields": {"price": "a", "quantity": "a.b"}}, "runs through"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused(section: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        SourceFormat.of(TRADES, section)


def test_the_readable_part_of_a_refused_record_is_canonical() -> None:
    formed = SourceFormat.of("custody.balances", {"fields": {"account": "wallet.id"}, "constants": {"entity": "a"}})
    readable = Judge(formed, Known(None, DAY)).readable(b'{"wallet": {"id": "w-1"}, "quantity": -1}')
    assert (readable["account"], readable["entity"]) == ("w-1", "a")


BITFLYER = {
    "fields": {"trade_id": "id", "quantity": "size", "executed_at": "exec_date"},
    "constants": {"entity": "a", "market": "BTC/JPY", "side": None},
    "ignore_unknown": True,
    "numbers": "lenient",
}
BYBIT = {
    "fields": {"quantity": "size", "executed_at": "timestamp"},
    "constants": {"entity": "a", "market": "BTC/USD", "side": None, "instrument": "derivative"},
    "ignore_unknown": True,
    "numbers": "lenient",
}


def frames(name: str, mark: str) -> Iterator[tuple[int, str]]:
    """Receive time (ms) and JSON text of the messages received."""
    with gzip.open(CAPTURES / name, "rt", encoding="utf-8") as lines:
        for line in lines:
            time, _, frame = line.partition(": ")
            if mark in frame and time.replace(".", "").isdigit():
                yield int(Decimal(time) * 1000), frame


def bitflyer() -> Iterator[tuple[int, dict[str, Any]]]:
    for time, frame in frames("cryptofeed.BITFLYER.ws.1.0.txt.gz", "lightning_executions_FX_BTC_JPY"):
        for trade in json.loads(frame, parse_float=_Number)["params"]["message"]:
            yield time, trade


def bybit() -> Iterator[tuple[int, dict[str, Any]]]:
    for time, frame in frames("cryptofeed.BYBIT.ws.26.0.txt.gz", '"topic":"trade.BTCUSD"'):
        for trade in json.loads(frame, parse_float=_Number)["data"]:
            yield time, trade


class _Number(float):
    """A float that is written again as it was read."""

    def __new__(cls, text: str) -> Self:
        number = super().__new__(cls, text)
        number.text = text  # type: ignore[attr-defined]
        return number

    def __repr__(self) -> str:
        return str(self.text)  # type: ignore[attr-defined]


def written(record: dict[str, Any]) -> bytes:
    """The record's JSON with its numbers' own texts."""
    parts = (
        f"{json.dumps(name)}:{value!r}" if isinstance(value, _Number) else f"{json.dumps(name)}:{json.dumps(value)}"
        for name, value in record.items()
    )
    return ("{" + ",".join(parts) + "}").encode()


@pytest.mark.skipif(not CAPTURES.is_dir(), reason="the captures of ../shared/data are not here")
@pytest.mark.parametrize(
    ("trades", "source", "count"), [(bitflyer, BITFLYER, 142), (bybit, BYBIT, 131)], ids=["bitflyer", "bybit"]
)
def test_real_venue_frames_are_counted_exactly(trades: Any, source: dict[str, Any], count: int) -> None:
    received = list(trades())
    plain = intake_rules(segment_records=10_000)
    rules = IntakeRules(plain.rules, 1, plain.known, {**plain.sources, TRADES: SourceFormat.of(TRADES, source)}, 10_000)
    reader = TradeReader(SourcePartition(TRADES, 0, 0), rules, "log", 0)
    values = [written(trade) for _, trade in received]
    reader.feed(Batch(list(range(len(values))), [time for time, _ in received], values), 0, 1)
    flush = reader.flush(1)
    assert flush is not None
    assert not reader.dead_letters
    unique = {str(trade.get("trade_id", trade.get("id"))): trade for _, trade in reversed(received)}
    cells = cells_said([statement for _, statement in flush.contents])
    assert sum(cell["trades"] for cell in cells.values()) == len(unique) == count
    exact = [(Fraction(str(trade["price"])), Fraction(str(trade["size"]))) for trade in unique.values()]
    assert sum(cell["quantity"] for cell in cells.values()) == sum(quantity for _, quantity in exact)
    assert sum(cell["value"] for cell in cells.values()) == sum(price * quantity for price, quantity in exact)
