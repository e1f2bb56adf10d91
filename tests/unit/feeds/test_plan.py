"""A compiled feed: split, filtered, made canonical exactly, refused with the field and the step."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any

import pytest

from monitor.core.values.times import exact_time, parse_time
from monitor.errors import ConfigurationError
from streams.wire.feeds import FeedEvent, FeedFormat, FeedPlan, FeedReading, RecordPlace, RefusedEvent
from streams.wire.reasons import Reason

FIELDS = {"trade_id": "id", "market": "m", "price": "p", "quantity": "q", "executed_at": "t"}
TRADE: dict[str, Any] = {"id": 7, "m": "BTC-USD", "p": "100.5", "q": "2", "t": "2026-01-05T00:00:00Z"}
PLACE = RecordPlace(1, 3, 42, 1_767_571_200_000, b"key", [("h", b"x")])


def plan(kind: str = "market.trades", aliases: dict[str, str] | None = None, **raw: Any) -> FeedPlan:
    given = {"topic": "t", "fields": FIELDS, "constants": {"entity": "a"}, "values": {"market": {"separator": "-"}}} | raw
    return FeedPlan(FeedFormat.of(kind, "venue", given, aliases or {}))


def read(made: FeedPlan, value: Any) -> FeedReading:
    return made.read(value if value is None or isinstance(value, bytes) else json.dumps(value).encode(), PLACE)


def one(made: FeedPlan, value: Any) -> dict[str, Any]:
    (event,) = read(made, value).events
    assert isinstance(event, FeedEvent), event
    return event.canonical


def refused(made: FeedPlan, value: Any) -> RefusedEvent:
    (event,) = read(made, value).events
    assert isinstance(event, RefusedEvent)
    return event


def test_a_record_becomes_a_canonical_object() -> None:
    assert one(plan(), TRADE) == {
        "entity": "a",
        "trade_id": "7",
        "market": "BTC/USD",
        "price": "100.5",
        "quantity": "2",
        "executed_at": "2026-01-05T00:00:00Z",
    }


def test_what_is_not_meant_is_filtered_and_not_refused() -> None:
    made = plan(where={"$.type": "trade"})
    assert read(made, {"type": "book"}) == FeedReading([], 1)
    assert read(made, {"type": "trade"} | TRADE).filtered == 0


def test_elements_are_numbered_before_their_conditions_and_refused_by_themselves() -> None:
    made = plan(each="$.list[*]", where={"@.ok": {"not": "no"}}, fields=FIELDS | {"trade_id": "%id"})
    bad = TRADE | {"m": "BTCUSD"}
    reading = read(made, {"list": [TRADE | {"ok": "no"}, TRADE, bad, TRADE]})
    assert reading.filtered == 1
    assert [event.index for event in reading.events] == [1, 2, 3]
    first, second, third = reading.events
    assert isinstance(first, FeedEvent)
    assert first.canonical["trade_id"] == "venue.1.3.42.1"
    assert isinstance(second, RefusedEvent)
    assert "market" in second.invalid.detail
    assert isinstance(third, FeedEvent)


@pytest.mark.parametrize("value", [{}, {"list": None}, {"list": []}, {"list": 5}])
def test_a_record_without_elements_is_filtered_once(value: Any) -> None:
    assert read(plan(each="$.list[*]"), value) == FeedReading([], 1)


def test_the_first_list_that_is_there() -> None:
    made = plan(each=["$.snapshot[*]", "$.updates[*]"])
    assert len(read(made, {"updates": [TRADE, TRADE]}).events) == 2


def test_a_heartbeat_is_heard_though_it_is_filtered() -> None:
    made = plan(where={"$.type": "trade"}, heartbeat={"$.type": "hb"})
    assert read(made, {"type": "hb"}) == FeedReading([], 1, heard=True)
    assert not read(made, {"type": "book"}).heard


@pytest.mark.parametrize(
    ("spec", "raw", "canonical"),
    [
        ({"separator": "-"}, "BTC-USD", "BTC/USD"),
        ({"separator": "-", "order": "quote_base"}, "KRW-BTC", "BTC/KRW"),
        ({"quotes": ["USD", "USDT", "BTC"], "case": "upper"}, "btcusdt", "BTC/USDT"),
        ([{"strip": "t"}, {"quotes": ["USD"]}], "tBTCUSD", "BTC/USD"),
        ({"table": {"X": "BTC/USD"}}, "X", "BTC/USD"),
        ({"separator": "-", "before": "("}, "XBT-USD(ALL)", "BTC/USD"),
        ({"after": ".", "separator": "-"}, "trades.ETH-USD", "ETH/USD"),
    ],
)
def test_symbols(spec: Any, raw: str, canonical: str) -> None:
    assert one(plan(values={"market": spec}, aliases={"XBT": "BTC"}), TRADE | {"m": raw})["market"] == canonical


@pytest.mark.parametrize("raw", ["BTC", "-USD", "BTC-"])
def test_a_symbol_of_one_part_is_refused(raw: str) -> None:
    assert refused(plan(), TRADE | {"m": raw}).invalid.reason is Reason.BAD_TEXT


def test_tables_take_json_texts_and_may_leave_out() -> None:
    made = plan(
        fields=FIELDS | {"side": "maker"},
        values={"market": {"separator": "-"}, "side": {"table": {"true": "sell", "false": "buy"}, "else": None}},
    )
    assert one(made, TRADE | {"maker": True})["side"] == "sell"
    assert one(made, TRADE | {"maker": False})["side"] == "buy"
    assert "side" not in one(made, TRADE | {"maker": "?"})


@pytest.mark.parametrize(
    ("spec", "raw", "canonical"),
    [
        ({"scale": "0.00000001"}, b"123456789", "1.23456789"),
        ({"scale": {"by": "market", "table": {"BTC/USD": "10"}, "else": "1"}}, b'"0.5"', "5"),
        ({"scale": {"exponent": "e"}}, b"614099350100", "6140.993501"),
        ({"numbers": "lenient"}, b"9.9E-7", "0.00000099"),
        ({"numbers": "lenient", "scale": "0.1"}, b"1.50", "0.15"),
        ({"in": "quote"}, b"201", "2"),
        ({"in": "quote"}, b"100", "0.995024875621890547"),
        ({"sign": "side"}, b'"-2.50"', "2.5"),
    ],
)
def test_numbers_are_exact(spec: dict[str, Any], raw: bytes, canonical: str) -> None:
    made = plan(values={"market": {"separator": "-"}, "quantity": spec})
    value = json.dumps(TRADE | {"q": "RAW", "e": -8}).encode().replace(b'"RAW"', raw)
    assert one(made, value)["quantity"] == canonical


def test_a_sign_tells_the_side() -> None:
    made = plan(values={"market": {"separator": "-"}, "quantity": {"sign": "side"}})
    assert one(made, TRADE | {"q": "-1"})["side"] == "sell"
    assert one(made, TRADE | {"q": 1})["side"] == "buy"


def test_a_float_is_refused_where_numbers_are_strict() -> None:
    made = plan(values={"market": {"separator": "-"}, "quantity": {"scale": "1"}})
    told = refused(made, TRADE | {"q": 1.5}).invalid
    assert told.reason is Reason.BAD_DECIMAL
    assert "quantity" in told.detail


def test_a_scale_that_is_in_no_table_is_refused() -> None:
    made = plan(values={"market": {"separator": "-"}, "quantity": {"scale": {"by": "market", "table": {"X/Y": "1"}}}})
    assert refused(made, TRADE).invalid.reason is Reason.UNKNOWN_VALUE


@pytest.mark.parametrize(
    ("spec", "raw", "time"),
    [
        ({"times": "ms"}, 1767571200123, "2026-01-05T00:00:00.123Z"),
        ({"times": "s"}, "1767571200.1234567891", "2026-01-05T00:00:00.123456789Z"),
        ({"times": "ms"}, "1767571200123.4567", "2026-01-05T00:00:00.1234567Z"),
        ({"times": "ns"}, 1767571200123456789, "2026-01-05T00:00:00.123456789Z"),
        ({"time_zone": "Asia/Seoul"}, "2026-01-05 09:00:00.5", "2026-01-05T00:00:00.5Z"),
        ({"time_zone": "Asia/Seoul"}, "2026-01-05T09:00:00+09:00", "2026-01-05T00:00:00Z"),
        ({}, "2026-01-05T09:00:00+05:45", "2026-01-05T03:15:00Z"),
        ({}, "2026-01-05T09:00:00-00:44", "2026-01-05T09:44:00Z"),
        ({"time_zone": "Asia/Kathmandu"}, "2026-01-05 00:10:00.123456789", "2026-01-04T18:25:00.123456789Z"),
        ({"time_zone": "Asia/Kathmandu"}, "2026-01-05 09:00:00Z", "2026-01-05T09:00:00Z"),
        ({"time_zone": "Asia/Tokyo"}, "2026-01-05 09:00:00.5+05:45", "2026-01-05T03:15:00.5Z"),
        ({"time_zone": "Asia/Tokyo"}, "2026-01-05T09:00:00 +0545", "2026-01-05T03:15:00Z"),
        ({"time_zone": "Asia/Tokyo"}, "2026-01-05 09:00:00-03", "2026-01-05T12:00:00Z"),
        ({"time_zone": "Australia/Eucla"}, "2026-01-05 09:00:00", "2026-01-05T00:15:00Z"),
        ({"time_zone": "Pacific/Chatham"}, "2026-01-05 09:00:00", "2026-01-04T19:15:00Z"),
        ({"time_zone": "Pacific/Chatham"}, "2026-07-05 09:00:00", "2026-07-04T20:15:00Z"),
        ({"time_zone": "UTC"}, "20260105-09:00:00.123", "2026-01-05T09:00:00.123Z"),
        ({"time_zone": "Asia/Tokyo"}, "2026/01/05 09:00:00,5", "2026-01-05T00:00:00.5Z"),
        ({"time_zone": "Asia/Tokyo"}, "20260105090000", "2026-01-05T00:00:00Z"),
    ],
)
def test_times(spec: dict[str, Any], raw: Any, time: str) -> None:
    made = plan(values={"market": {"separator": "-"}, "executed_at": spec})
    assert parse_time(one(made, TRADE | {"t": raw})["executed_at"]) == parse_time(time)


@pytest.mark.parametrize(
    ("zone", "raw"),
    [
        ("Europe/London", "2026-10-25 01:30:00"),
        ("Europe/London", "2026-03-29 01:30:00"),
        ("Pacific/Chatham", "2026-04-05 03:00:00"),
        ("Pacific/Chatham", "2026-09-27 03:30:00"),
        ("Australia/Lord_Howe", "2026-04-05 01:50:00"),
    ],
)
def test_a_local_time_that_occurs_twice_or_never_is_refused(zone: str, raw: str) -> None:
    made = plan(values={"market": {"separator": "-"}, "executed_at": {"time_zone": zone}})
    assert refused(made, TRADE | {"t": raw}).invalid.reason is Reason.BAD_TIME


def test_kafkas_own_values() -> None:
    made = plan(fields=FIELDS | {"executed_at": "%timestamp", "trade_id": {"join": ["%key", "%header.h", "id"]}})
    found = one(made, TRADE)
    assert found["executed_at"] == exact_time(PLACE.time_ms * 1_000_000)
    assert found["trade_id"] == "key-x-7"


def test_ids_of_any_length_keep_their_digits() -> None:
    long = "123456789012345678901234567"
    assert one(plan(), json.dumps(TRADE | {"id": "RAW"}).replace('"RAW"', long).encode())["trade_id"] == long


def test_lists_and_objects_within_an_event() -> None:
    made = FeedPlan(
        FeedFormat.of(
            "security.incidents",
            "desk",
            {
                "topic": "t",
                "fields": {
                    "incident_id": "$.id",
                    "updated_at": "$.at",
                    "losses": {"each": "$.lost[*]"},
                    "losses[].asset": "coin",
                    "losses[].quantity": "sats",
                    "loss_estimate.amount": "$.usd",
                    "summary": "$.text",
                },
                "constants": {
                    "entity": "a", "revision": 1, "kind": "other", "severity": "high", "status": "confirmed", "recoveries": [],
                    "reported_by": "internal", "losses[].owner": "client", "loss_estimate.currency": "USD",
                    "occurred_at": "2026-01-05T00:00:00Z", "detected_at": "2026-01-05T00:00:00Z",
                },
                "values": {"losses[].quantity": {"scale": {"by": "asset", "table": {"BTC": "0.00000001"}}}},
            },
            {"XBT": "BTC"},
        )
    )  # fmt: skip
    found = one(made, {"id": "i", "at": "2026-01-05T00:00:00Z", "text": "", "lost": [{"coin": "XBT", "sats": 150000000}]})
    assert found["losses"] == [{"owner": "client", "asset": "BTC", "quantity": "1.5"}]
    assert "loss_estimate" not in found
    assert one(made, {"id": "i", "usd": 5, "lost": []})["loss_estimate"] == {"currency": "USD", "amount": 5}


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("json", bytes),
        ("gzip+json", gzip.compress),
        ("zlib+json", zlib.compress),
        ("confluent_json", lambda value: b"\x00\x00\x00\x00\x07" + value),
        ("json_text", lambda value: json.dumps(value.decode()).encode()),
        ("json_lines", lambda value: value + b"\n\n"),
        ("prefixed_json", lambda value: b"1767571200123 " + value),
    ],
)
def test_formats(name: str, pack: Any) -> None:
    made = plan(format=name)
    assert one(made, pack(json.dumps(TRADE).encode()))["trade_id"] == "7"
    for broken in (None, b"", b"\xff", b"{", b"[" * 3000, b"\x1f\x8b\x08", pack(b"{")):
        told = read(made, broken)
        assert told.filtered == 1 or [event.index for event in told.events if isinstance(event, RefusedEvent)] == [None]


def test_several_documents_go_on_counting() -> None:
    reading = read(plan(format="json_lines"), b"\n".join(json.dumps(TRADE | {"id": n}).encode() for n in range(3)))
    assert [event.index for event in reading.events] == [0, 1, 2]


@pytest.mark.parametrize(
    ("raw", "names"),
    [
        ({"fields": FIELDS | {"prise": "p"}}, "prise"),
        ({"fields": {"trade_id": "id"}}, "market"),
        ({"constants": {"entity": "a", "price": "1"}}, "price"),
        ({"values": {"side": {"table": {}}}}, "side"),
        ({"values": {"quantity": {"scale": "0"}}}, "scale"),
        ({"values": {"quantity": {"scales": "1"}}}, "scales"),
        ({"values": {"market": {"separator": "-", "quotes": ["USD"]}}}, "market"),
        ({"values": {"executed_at": {"times": "min"}}}, "times"),
        ({"values": {"executed_at": {"time_zone": "Mars/One"}}}, "time_zone"),
        ({"values": {"price": {"in": "quote"}}}, "quantity"),
        ({"format": "xml"}, "format"),
        ({"where": {"$.": 1}}, "where"),
        ({"each": "$.list"}, "each"),
        ({"each": ["$.list", "$"]}, "each"),
        ({"fields": FIELDS | {"trade_id": "%name"}}, "each"),
        ({"json_texts": ["$.a[*]"]}, "json_texts"),
        ({"fields": FIELDS | {"side": "s"}, "values": {"quantity": {"sign": "side"}}}, "side"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused_with_its_place(raw: dict[str, Any], names: str) -> None:
    with pytest.raises(ConfigurationError, match=r"sources\.market\.trades\.feeds\.venue") as refusal:
        plan(**raw)
    assert names in str(refusal.value)


@pytest.mark.parametrize(
    ("twice", "reads"),
    [
        (b'{"id": 7, "id": 8}', {"trade_id": "id"}),
        (b'{"a": {"id": 7, "b": 1.5, "id": 8}}', {"trade_id": "a.id"}),
        (b'{"a": {"id": 7}, "a": {"id": 7}}', {"trade_id": "a.id"}),
        (b'{"id": 7, "\\u0069d": 8}', {"trade_id": "id"}),
    ],
)
def test_a_key_given_twice_is_refused_where_the_feed_reads_it(twice: bytes, reads: dict[str, str]) -> None:
    """Two readers would take different values; what nobody reads says nothing, so its record counts."""
    (event,) = plan(fields=FIELDS | reads).read(twice, PLACE).events
    assert isinstance(event, RefusedEvent)
    assert event.invalid.reason is Reason.BAD_JSON
    assert "twice" in event.invalid.detail
    beside = json.dumps(TRADE).encode()[:-1] + b', "deep": {"x": 1, "x": 2}, "other": 1, "other": 2}'
    assert one(plan(), beside) == one(plan(), json.dumps(TRADE).encode())


def test_a_member_given_twice_refuses_its_record_where_members_are_events() -> None:
    made = plan(each="$.trades[*]", fields=FIELDS | {"trade_id": "%name"})
    (event,) = made.read(b'{"trades": {"1": {}, "1": {}}}', PLACE).events
    assert isinstance(event, RefusedEvent)
    assert "twice" in event.invalid.detail


def test_balances_and_prices_lie_in_objects_by_their_names() -> None:
    names = {"event_id": "%id", "as_of": "%timestamp"}
    constants = {"entity": "a", "account": "main", "role": "client_asset", "storage": "hot"}
    held = plan(
        "custody.balances",
        each="$.total[*]",
        where={"%name": {"not": "USD"}},
        numbers="lenient",
        fields=names | {"asset": "%name", "quantity": "@"},
        constants=constants,
        values={},
    )
    reading = read(held, {"total": {"BTC": 1.5, "USD": 7, "ETH": "2"}})
    assert [(one.canonical["asset"], one.canonical["quantity"]) for one in reading.events] == [("BTC", "1.5"), ("ETH", "2")]  # type: ignore[union-attr]
    assert reading.filtered == 1
    prices = plan(
        "market.prices",
        {"BITCOIN": "BTC"},
        each="$[*][*]",
        where={"%name[1]": ["usd", "jpy"]},
        fields=names | {"asset": "%name[0]", "currency": "%name", "price": "@"},
        constants={"kind": "spot"},
        values={"asset": {"case": "upper"}, "currency": {"case": "upper"}},
    )
    reading = read(prices, {"bitcoin": {"usd": 61000, "jpy": 9400000, "usd_24h_vol": 12}})
    found = [[one.canonical[name] for name in ("asset", "currency", "price")] for one in reading.events]  # type: ignore[union-attr]
    assert found == [["BTC", "USD", 61000], ["BTC", "JPY", 9400000]]


def test_losses_lie_in_an_object_by_their_assets() -> None:
    fields = {"incident_id": "id", "losses": {"each": "@.lost[*]"}, "losses[].asset": "%name", "losses[].quantity": "@"}
    constants = {
        "entity": "a", "revision": 1, "kind": "other", "severity": "high", "status": "confirmed", "recoveries": [], "summary": "",
        "reported_by": "internal", "losses[].owner": "client", "occurred_at": "2026-01-05T00:00:00Z",
        "detected_at": "2026-01-05T00:00:00Z",
    }  # fmt: skip
    made = plan("security.incidents", fields=fields | {"updated_at": "at"}, constants=constants, values={})
    found = one(made, {"id": "i", "at": "2026-01-05T00:00:00Z", "lost": {"BTC": "1", "ETH": "2"}})["losses"]
    assert [(loss["asset"], loss["quantity"]) for loss in found] == [("BTC", "1"), ("ETH", "2")]


@pytest.mark.parametrize(
    "asks",
    [{"where": {"$.id": {"present": True}}}, {"each": "$.id[*]"}, {"heartbeat": {"$.id": "7"}, "where": {"$.x": "1"}}],
)
def test_a_condition_on_a_key_given_twice_refuses_the_record(asks: dict[str, Any]) -> None:
    (event,) = plan(**asks).read(b'{"id": [7], "id": [8]}', PLACE).events
    assert isinstance(event, RefusedEvent)
    assert event.index is None
    assert "twice" in event.invalid.detail


def test_colons_and_escapes_in_texts_are_no_keys() -> None:
    value = json.dumps(TRADE | {"id": "a:b", "note": '":"', "deep": [{"k": ":"}, {"k": ":"}]})
    assert one(plan(), value.replace("a:b", "a\\u003ab").encode())["trade_id"] == "a:b"
    assert one(plan(), value.encode())["trade_id"] == "a:b"
