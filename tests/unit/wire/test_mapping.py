"""Foreign schemas: paths, constants, unknown fields, lenient numbers, counted times; and real venue captures through them."""

from __future__ import annotations

import ast
import gzip
import json
from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import pytest

from monitor.core.journal.records import SourcePartition
from monitor.core.journal.vocabulary import TRADES
from monitor.core.values.times import DAY, SECOND, exact_time, parse_time
from monitor.errors import ConfigurationError
from streams.intake.segment.batches import Batch
from streams.intake.segment.columns.decoding import keys_of
from streams.intake.segment.columns.lean import columns_of
from streams.intake.segment.readers import reader_of
from streams.intake.segment.rules import IntakeRules
from streams.wire import MODELS, Invalid, Judge, Known, SourceFormat, Trade, Valid, lean_trades
from streams.wire.mapping import PLACES, TIME_FIELDS
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


def timed(time: Any) -> dict[str, Any]:
    return foreign(data={"p": "1.5", "q": "2", "t": time})


COUNTS = [
    ("s", 1_767_571_140, NOW - 60 * SECOND),
    ("s", "1767571200", NOW),
    ("ms", 1_767_571_199_001, NOW - 999_000_000),
    ("ms", "1767571199999", NOW - 1_000_000),
    ("us", "1767571199999999", NOW - 1000),
    ("us", 1_767_571_199_000_001, NOW - 999_999_000),
    ("ns", 1_767_571_199_999_999_999, NOW - 1),
    ("ns", "1767571199000000001", NOW - 999_999_999),
    ("ns", "0001767571199000000001", NOW - 999_999_999),
]


@pytest.mark.parametrize(("times", "count", "time"), COUNTS)
def test_a_mapped_time_may_be_a_count_of_which_no_digit_is_lost(times: str, count: int | str, time: int) -> None:
    found = verdict(timed(count), times=times)
    assert isinstance(found, Trade)
    assert found.executed_at == time


@pytest.mark.parametrize("times", ["s", "ms", "us", "ns"])
def test_the_lean_way_reads_counts_as_texts_of_one_form(times: str) -> None:
    lean = lean_trades(SourceFormat.of(TRADES, {"fields": FIELDS, "constants": CONSTANTS, "times": times}))
    some = [(count, time) for unit, count, time in COUNTS if unit == times and len(str(count)) < 20]
    columns = columns_of(lean, [json.dumps(timed(count)).encode() for count, _ in some])
    assert None not in keys_of(columns)
    assert [parse_time(text) for text in columns.times] == [time for _, time in some]
    assert {len(text) for text in columns.times} == {30 if times == "ns" else 27}


def test_a_count_the_lean_way_is_not_sure_of_is_left_to_the_authority_alone() -> None:
    lean = lean_trades(SourceFormat.of(TRADES, {"fields": FIELDS, "constants": CONSTANTS, "times": "ms"}))
    unsure = [-1, "", "1e3", "17675711990x1", "x", 253_402_300_800_000, "000000001767571199001", 999]
    values = [json.dumps(timed(count)).encode() for count in [*unsure, 1_767_571_199_001]]
    columns = columns_of(lean, values)
    assert [key is None for key in keys_of(columns)] == [True] * len(unsure) + [False]
    assert set(columns.times) == {"2026-01-04T23:59:59.001000Z"}
    assert set(keys_of(columns_of(lean, values[:-1]))) == {None}


BAD_COUNTS = [
    *("", " 1", "1 ", "+1", "1.0", "1e3", "1_0", "0x1", "1\n", "\u0661", "2026-01-05T00:00:00Z", "1767571200Z"),
    *(1.5, 1.0, True, False, [1], {}),
]
FAR_COUNTS = [-1, "-1", 0, 631_151_999_999, 7_258_118_400_000, 253_402_300_800_000, "253402300800000", 10**41, "1" * 5000]
"""Of milliseconds: of another century, or a count of another unit."""


@pytest.mark.parametrize("count", BAD_COUNTS, ids=lambda count: repr(count)[:30])
def test_what_is_no_count_is_a_bad_time(count: Any) -> None:
    found = verdict(timed(count), times="ms")
    assert isinstance(found, Invalid)
    assert found.reason == "bad_time"
    assert "ms since 1970" in found.detail


@pytest.mark.parametrize("count", FAR_COUNTS, ids=lambda count: repr(count)[:30])
def test_a_count_outside_1990_to_2199_is_out_of_range(count: Any) -> None:
    found = verdict(timed(count), times="ms")
    assert isinstance(found, Invalid)
    assert found.reason == "out_of_range"


def test_the_last_millisecond_of_2199_is_a_time() -> None:
    assert verdict(timed(7_258_118_399_999), times="ms").reason == "ahead_of_time"


def test_a_count_without_the_setting_is_refused_as_before() -> None:
    assert verdict(timed(1_767_571_200_000)).reason == "wrong_type"
    assert verdict(timed("1767571200000")).reason == "bad_time"


def test_null_is_no_count_and_may_say_that_there_is_no_time() -> None:
    assert verdict(timed(None), times="ms").reason == "wrong_type"
    format_ = SourceFormat.of("entity.declarations", {"fields": {"effective_from": "f", "effective_to": "t"}, "times": "s"})
    fact = {"event_id": "e", "entity": "a", "kind": "capital", "amount": "1", "currency": "JPY"}
    judge = Judge(format_, Known(None, DAY))
    for until, said in ((None, None), (1_767_571_200, "2026-01-05T00:00:00.000000Z")):
        found = judge.verdict(json.dumps(fact | {"f": 631_152_000, "t": until}).encode(), NOW)
        assert isinstance(found, Valid)
        assert (found.body["effective_from"], found.body["effective_to"]) == ("1990-01-01T00:00:00.000000Z", said)


def test_times_that_are_not_mapped_stay_rfc_3339() -> None:
    own = {"fields": {"trade_id": "id", "price": "data.p", "quantity": "data.q"}, "times": "ms"}
    record = {"id": 77, "data": {"p": "1.5", "q": "2"}}
    assert verdict(record | {"executed_at": "2026-01-05T00:00:00Z"}, **own).executed_at == NOW
    assert verdict(record | {"executed_at": "1767571200000"}, **own).reason == "bad_time"
    fixed = {**own, "constants": {**CONSTANTS, "executed_at": "2026-01-05T00:00:00Z"}}
    assert verdict(record, **fixed).executed_at == NOW


def test_every_field_of_a_model_that_holds_a_time_may_be_counted() -> None:
    timely = {
        name
        for model in MODELS.values()
        for name, part in model.model_json_schema()["properties"].items()
        if "date-time" in json.dumps(part)
    }
    assert timely == TIME_FIELDS


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"fields": {"cost": "x"}}, "no such field"),
        ({"constants": {"cost": 1}}, "no such field"),
        ({"fields": {"price": "p"}, "constants": {"price": "1"}}, "choose one"),
        ({"fields": {"price": "a..b"}}, "empty step"),
        ({"fields": {"price": ""}}, "empty step"),
        ({"fields": {"price": "a", "quantity": "a.b"}}, "runs through"),
        ({"times": "minutes"}, "none of rfc3339, s, ms, us, ns"),
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
UPBIT = {
    "fields": {"trade_id": "sid", "price": "tp", "quantity": "tv", "executed_at": "ttms"},
    "constants": {"entity": "a", "market": "LAMB/KRW"},
    "ignore_unknown": True,
    "numbers": "lenient",
    "times": "ms",
}
BITSTAMP = {
    "fields": {
        "trade_id": "data.id",
        "price": "data.price",
        "quantity": "data.amount_str",
        "executed_at": "data.microtimestamp",
    },
    "constants": {"entity": "a", "market": "ETH/USD"},
    "ignore_unknown": True,
    "numbers": "lenient",
    "times": "us",
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


def upbit(market: str = "KRW-LAMB") -> Iterator[tuple[int, dict[str, Any]]]:
    for time, frame in frames("cryptofeed.UPBIT.ws.62.0.txt.gz", f'"ty":"trade","cd":"{market}"'):
        yield time, json.loads(ast.literal_eval(frame), parse_float=_Number)


def upbit_itam() -> Iterator[tuple[int, dict[str, Any]]]:
    """The market with prices so small that the venue writes some of its numbers with exponents."""
    yield from upbit("BTC-ITAM")


def bitstamp() -> Iterator[tuple[int, dict[str, Any]]]:
    for time, frame in frames("cryptofeed.BITSTAMP.ws.1.0.txt.gz", '"event":"trade"'):
        yield time, json.loads(frame, parse_float=_Number)


class _Number(float):
    """A float that is written again as it was read."""

    def __new__(cls, text: str) -> Self:
        number = super().__new__(cls, text)
        number.text = text  # type: ignore[attr-defined]
        return number

    def __repr__(self) -> str:
        return str(self.text)  # type: ignore[attr-defined]


def written(value: Any) -> bytes:
    """The value's JSON with its numbers' own texts."""
    if isinstance(value, _Number):
        return repr(value).encode()
    if not isinstance(value, dict):
        return json.dumps(value).encode()
    return b"{" + b",".join(json.dumps(name).encode() + b":" + written(item) for name, item in value.items()) + b"}"


def part(trade: dict[str, Any], source: dict[str, Any], name: str) -> Any:
    """What a venue's trade says under the path of a canonical name."""
    found: Any = trade
    for step in source["fields"].get(name, name).split("."):
        found = found[step]
    return found


@pytest.mark.skipif(not CAPTURES.is_dir(), reason="the captures of ../shared/data are not here")
@pytest.mark.parametrize(
    ("trades", "source", "count"),
    [(bitflyer, BITFLYER, 142), (bybit, BYBIT, 131), (upbit, UPBIT, 299), (upbit_itam, UPBIT, 2), (bitstamp, BITSTAMP, 10)],
    ids=["bitflyer", "bybit", "upbit", "upbit_itam", "bitstamp"],
)
def test_real_venue_frames_are_counted_exactly(trades: Any, source: dict[str, Any], count: int) -> None:
    received = list(trades())
    plain = intake_rules(segment_records=10_000)
    rules = IntakeRules(plain.rules, 1, plain.known, {**plain.sources, TRADES: SourceFormat.of(TRADES, source)}, 10_000)
    reader = reader_of(SourcePartition(TRADES, 0, 0), rules, "log", 0)
    values = [written(trade) for _, trade in received]
    reader.feed(Batch(list(range(len(values))), [time for time, _ in received], values), 0, 1)
    flush = reader.flush(1)
    assert flush is not None
    assert not reader.take_dead_letters()
    unique = {str(part(trade, source, "trade_id")): trade for _, trade in reversed(received)}
    statements = [statement for _, statement in flush.contents]
    cells = cells_said(statements)
    assert sum(cell["trades"] for cell in cells.values()) == len(unique) == count
    exact = [tuple(Fraction(str(part(trade, source, name))) for name in ("price", "quantity")) for trade in unique.values()]
    assert sum(cell["quantity"] for cell in cells.values()) == sum(quantity for _, quantity in exact)
    assert sum(cell["value"] for cell in cells.values()) == sum(price * quantity for price, quantity in exact)
    if "times" in source:
        digits = 9 - PLACES[source["times"]]
        newest = max(int(part(trade, source, "executed_at")) for trade in unique.values()) * 10**digits
        assert [statement.body["newest_own"] for statement in statements] == [exact_time(newest)]
