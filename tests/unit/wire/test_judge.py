"""The verdict on records of every source topic: what passes, what does not, and the reason given."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pycountry
import pytest

from monitor.core.values.currencies import FIAT
from monitor.core.values.times import DAY, SECOND, parse_time
from streams.wire import MODELS, OF_SIGNATURES, REASONS, SCHEMAS, Invalid, Judge, Known, Reading, SourceFormat, Trade, Valid
from streams.wire.fields import expand
from streams.wire.judge import MAX_DEPTH, MAX_VALUE_BYTES

NOW = parse_time("2026-01-05T00:00:00Z")
TIME = "2026-01-05T00:00:00Z"
KNOWN = Known(frozenset({"jp-main"}), 400 * DAY)

GOOD: dict[str, dict[str, Any]] = {
    "custody.balances": {
        "event_id": "b-1",
        "entity": "jp-main",
        "account": "w-1",
        "role": "client_asset",
        "storage": "cold",
        "asset": "BTC",
        "quantity": "12.50",
        "as_of": TIME,
    },
    "market.trades": {
        "trade_id": "1",
        "entity": "jp-main",
        "market": "BTC/JPY",
        "price": "10000000",
        "quantity": "0.5",
        "executed_at": TIME,
    },
    "security.incidents": {
        "incident_id": "i-1",
        "revision": 1,
        "entity": "jp-main",
        "kind": "hot_wallet_theft",
        "severity": "high",
        "status": "confirmed",
        "occurred_at": TIME,
        "detected_at": TIME,
        "updated_at": TIME,
        "losses": [{"asset": "BTC", "quantity": None, "owner": "client"}],
        "loss_estimate": None,
        "recoveries": [{"asset": "BTC", "quantity": "1", "received_at": TIME}],
        "reported_by": "internal",
        "summary": "",
    },
    "market.prices": {
        "event_id": "p-1",
        "asset": "BTC",
        "currency": "JPY",
        "price": "10000000",
        "as_of": TIME,
        "source": "index",
        "kind": "spot",
    },
    "entity.declarations": {
        "event_id": "d-1",
        "entity": "jp-main",
        "kind": "capital",
        "effective_from": TIME,
        "effective_to": None,
        "amount": "-5",
        "currency": "JPY",
        "attributes": {"part": "audited_result"},
    },
    "reserve.operations": {
        "event_id": "o-1",
        "entity": "jp-main",
        "kind": "dismissal",
        "at": TIME,
        "by": ["ops"],
        "reason": "checked",
        "expires_at": None,
        "body": {"topic": "custody.balances", "epoch": 0, "partition": 0, "offset": 3},
    },
}


def verdict(topic: str, value: Any, *, logged_at: int = NOW, known: Known = KNOWN, **source: Any) -> Any:
    """The verdict on an object, or on bytes as they are."""
    data = value if isinstance(value, bytes) or value is None else json.dumps(value).encode()
    return Judge(SourceFormat(topic, **source), known).verdict(data, logged_at)


def reason(topic: str, changes: dict[str, Any], **source: Any) -> str:
    """The reason given for a good record with changes; a change to ... leaves the field out."""
    record = {name: value for name, value in (GOOD[topic] | changes).items() if value is not ...}
    found = verdict(topic, record, **source)
    assert isinstance(found, Invalid), found
    return found.reason.value


def test_people_end_an_alert_of_an_entity_that_is_configured_no_more() -> None:
    """Fails where nobody can end what a configuration left behind: every other record of a stranger is refused."""
    gone = {"entity": "other", "body": {"alert": "0f" * 16}}
    assert isinstance(verdict("reserve.operations", GOOD["reserve.operations"] | gone), Valid)
    assert reason("reserve.operations", {"entity": "other"}) == "unknown_entity"
    assert reason("reserve.operations", {"entity": "other", "kind": "note", "body": {"alert": "0f" * 16}}) == "unknown_entity"
    assert isinstance(verdict("reserve.operations", GOOD["reserve.operations"] | {"body": {"alert": "all"}}), Invalid)


@pytest.mark.parametrize("topic", sorted(GOOD))
def test_a_good_record_of_each_topic_passes(topic: str) -> None:
    found = verdict(topic, GOOD[topic])
    assert isinstance(found, Trade if topic == "market.trades" else Valid)
    assert isinstance(verdict(topic, GOOD[topic] | {"schema": SCHEMAS[topic]}), type(found))


def test_the_body_of_a_position_is_the_journals() -> None:
    found = verdict("custody.balances", GOOD["custody.balances"] | {"as_of": "2026-01-05T09:00:00.123456789+09:00"})
    assert found == Valid(
        "position",
        "jp-main",
        NOW + 123_456_789,
        {
            "event_id": "b-1",
            "account": "w-1",
            "role": "client_asset",
            "storage": "cold",
            "asset": "BTC",
            "quantity": "12.5",
            "as_of": "2026-01-05T00:00:00.123456789Z",
            "sequence": 0,
            "source": None,
            "group": None,
            "group_size": None,
        },
    )


RUBBISH: list[tuple[bytes | None, str]] = [
    (None, "null_value"),
    (b"", "bad_json"),
    (b"{", "bad_json"),
    (b'{"a": NaN}', "bad_json"),
    (b'{"a": Infinity}', "bad_json"),
    (b"[]", "not_an_object"),
    (b'"text"', "not_an_object"),
    (b"null", "not_an_object"),
    (b"\xff\xfe", "bad_encoding"),
    (b'{"a": "\xff"}', "bad_encoding"),
    (b'{"a": "\x01"}', "bad_json"),
    (b"\xef\xbb\xbf{}", "bad_json"),
    (b"[" * 100_000, "bad_json"),
    (b'{"a":' * 5000 + b"1" + b"}" * 5000, "bad_json"),
    (b'{"a": ' + b"9" * 5000 + b"}", "unknown_field"),
    (b'{"a": "' + b"x" * 10_000_000 + b'"}', "too_large"),
    (b" " * (MAX_VALUE_BYTES + 1), "too_large"),
]


@pytest.mark.parametrize("topic", sorted(GOOD))
@pytest.mark.parametrize(("value", "why"), RUBBISH, ids=range(len(RUBBISH)))
def test_rubbish_is_refused_with_its_reason(topic: str, value: bytes | None, why: str) -> None:
    found = verdict(topic, value)
    assert isinstance(found, Invalid)
    assert found.reason == why
    assert len(found.detail) <= 300


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"quantity": "-1"}, "out_of_range"),
        ({"quantity": "-1", "role": "client_liability"}, "out_of_range"),
        ({"quantity": 1.5}, "wrong_type"),
        ({"quantity": True}, "wrong_type"),
        ({"quantity": None}, "wrong_type"),
        ({"quantity": "NaN"}, "bad_decimal"),
        ({"quantity": "Infinity"}, "bad_decimal"),
        ({"quantity": "1e3"}, "bad_decimal"),
        ({"quantity": " 1"}, "bad_decimal"),
        ({"quantity": "1_000"}, "bad_decimal"),
        ({"quantity": "+1"}, "bad_decimal"),
        ({"quantity": ".5"}, "bad_decimal"),
        ({"quantity": "5."}, "bad_decimal"),
        ({"quantity": "١"}, "bad_decimal"),
        ({"quantity": "1" * 21}, "bad_decimal"),
        ({"quantity": "0." + "1" * 19}, "bad_decimal"),
        ({"quantity": 10**21}, "bad_decimal"),
        ({"quantity": ...}, "missing_field"),
        ({"amount": "1"}, "unknown_field"),
        ({"schema_": None}, "unknown_field"),
        ({"schema": "custody.balance/2"}, "unknown_schema"),
        ({"schema": "market.trade/1"}, "unknown_schema"),
        ({"schema": 1}, "unknown_schema"),
        ({"entity": "other"}, "unknown_entity"),
        ({"entity": "JP"}, "bad_text"),
        ({"entity": "a" * 65}, "bad_text"),
        ({"account": ""}, "bad_text"),
        ({"account": "a" * 129}, "bad_text"),
        ({"account": "a\u0000"}, "bad_text"),
        ({"account": "a\n"}, "bad_text"),
        ({"account": "a\u0085"}, "bad_text"),
        ({"account": "\ud800"}, "bad_text"),
        ({"account": 5}, "wrong_type"),
        ({"asset": "btc"}, "bad_text"),
        ({"asset": "B" * 21}, "bad_text"),
        ({"role": "client"}, "unknown_value"),
        ({"storage": "frozen"}, "unknown_value"),
        ({"as_of": "2026-01-05T00:00:00"}, "bad_time"),
        ({"as_of": "2026-02-30T00:00:00Z"}, "bad_time"),
        ({"as_of": "2026-01-05T00:00:60Z"}, "bad_time"),
        ({"as_of": "2026-01-05T00:00:00.1234567891Z"}, "bad_time"),
        ({"as_of": "9999-12-31T23:59:59-01:00"}, "out_of_range"),
        ({"as_of": "0001-01-01T00:00:00+01:00"}, "out_of_range"),
        ({"as_of": "0000-02-29T00:00:00Z"}, "out_of_range"),
        ({"as_of": "0000-02-30T00:00:00Z"}, "bad_time"),
        ({"as_of": "1989-12-31T23:59:59.999999999Z"}, "out_of_range"),
        ({"as_of": "1990-01-01T00:00:00+00:01"}, "out_of_range"),
        ({"as_of": "2200-01-01T00:00:00Z"}, "out_of_range"),
        ({"as_of": "1970-01-01T00:00:00Z"}, "out_of_range"),
        ({"as_of": 1767571200}, "wrong_type"),
        ({"as_of": "2026-01-05T00:01:00.000000001Z"}, "ahead_of_time"),
        ({"as_of": "2099-01-01T00:00:00Z"}, "ahead_of_time"),
        ({"sequence": -1}, "out_of_range"),
        ({"sequence": "1"}, "wrong_type"),
        ({"sequence": 2**53}, "out_of_range"),
        ({"group": "g"}, "inconsistent"),
        ({"group_size": 2}, "inconsistent"),
        ({"group": "g", "group_size": 0}, "out_of_range"),
    ],
    ids=str,
)
def test_a_bad_balance_is_refused_with_its_reason(changes: dict[str, Any], why: str) -> None:
    assert reason("custody.balances", changes) == why


@pytest.mark.parametrize(
    "changes",
    [
        {"quantity": 12},
        {"quantity": 0},
        {"quantity": "0"},
        {"quantity": "9" * 20 + "." + "9" * 18},
        {"quantity": "-1", "role": "client_liability", "asset": "JPY"},
        {"as_of": "2026-01-05T00:01:00Z"},
        {"as_of": "2020-01-05T00:00:00Z"},
        {"sequence": None, "source": None, "group": None, "group_size": None},
        {"group": "g", "group_size": 2},
        {"account": "口座 1"},
    ],
    ids=str,
)
def test_a_lawful_balance_passes(changes: dict[str, Any]) -> None:
    assert isinstance(verdict("custody.balances", GOOD["custody.balances"] | changes), Valid)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"price": "0"}, "out_of_range"),
        ({"quantity": "-1"}, "out_of_range"),
        ({"market": "BTC-JPY"}, "bad_text"),
        ({"market": "BTC/JPY/X"}, "bad_text"),
        ({"trade_id": "t" * 65}, "bad_text"),
        ({"trade_id": 7}, "wrong_type"),
        ({"side": "BUY"}, "unknown_value"),
        ({"status": "cancelled"}, "unknown_value"),
        ({"executed_at": "2024-11-30T23:59:59Z"}, "too_old"),
        ({"executed_at": "2026-01-05T00:01:01Z"}, "ahead_of_time"),
    ],
    ids=str,
)
def test_a_bad_trade_is_refused_with_its_reason(changes: dict[str, Any], why: str) -> None:
    assert reason("market.trades", changes) == why


def test_defaults_of_a_trade_are_the_contracts() -> None:
    found = verdict("market.trades", GOOD["market.trades"])
    assert found == Trade("1", "jp-main", "BTC/JPY", Decimal(10_000_000), Decimal("0.5"), NOW, None, "venue", "spot", False)
    assert verdict("market.trades", GOOD["market.trades"] | {"status": "busted"}).busted


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"revision": 0}, "out_of_range"),
        ({"revision": 10_001}, "out_of_range"),
        ({"revision": True}, "wrong_type"),
        ({"losses": [{"asset": "BTC", "quantity": "-1", "owner": "client"}]}, "out_of_range"),
        ({"losses": [{"asset": "BTC", "owner": "client"}]}, "missing_field"),
        ({"losses": [{"asset": "BTC", "quantity": "1", "owner": "client", "x": 1}]}, "unknown_field"),
        ({"losses": {}}, "wrong_type"),
        ({"loss_estimate": {"amount": 1.5, "currency": "JPY"}}, "wrong_type"),
        ({"detected_at": "2026-01-05T00:02:00Z"}, "ahead_of_time"),
        ({"updated_at": "2026-01-05T00:02:00Z"}, "ahead_of_time"),
        ({"occurred_at": "2026-01-05T00:02:00Z"}, "ahead_of_time"),
        ({"kind": "theft"}, "unknown_value"),
        ({"summary": "x" * 4001}, "bad_text"),
    ],
    ids=str,
)
def test_a_bad_incident_is_refused_with_its_reason(changes: dict[str, Any], why: str) -> None:
    assert reason("security.incidents", changes) == why


def test_a_receipt_may_be_announced_for_later() -> None:
    later = {"recoveries": [{"asset": "BTC", "quantity": "1", "received_at": "2026-02-05T00:00:00Z"}]}
    assert isinstance(verdict("security.incidents", GOOD["security.incidents"] | later), Valid)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"kind": "cash"}, "unknown_value"),
        ({"attributes": {"Part": "x"}}, "bad_text"),
        ({"attributes": {"part": 1}}, "wrong_type"),
        ({"attributes": {f"a{n}": "x" for n in range(33)}}, "out_of_range"),
        ({"effective_to": "2026-01-04T00:00:00Z"}, "inconsistent"),
    ],
    ids=str,
)
def test_a_bad_declaration_is_refused_with_its_reason(changes: dict[str, Any], why: str) -> None:
    assert reason("entity.declarations", changes) == why


def test_a_declaration_may_lie_ahead() -> None:
    ahead = {"effective_from": "2030-01-01T00:00:00Z", "effective_to": "2199-12-31T23:59:59.999999999Z"}
    assert isinstance(verdict("entity.declarations", GOOD["entity.declarations"] | ahead), Valid)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"by": []}, "out_of_range"),
        ({"body": {"offset": 1}}, "missing_field"),
        ({"kind": "note", "body": {"x": 1.5}}, "wrong_type"),
        ({"kind": "note", "body": {"ü": 1}}, "bad_text"),
        ({"kind": "note", "body": {"x": "\u0007"}}, "bad_text"),
        ({"kind": "note", "body": {"x": [[[[[[[[[1]]]]]]]]]}}, "out_of_range"),
        ({"kind": "note", "body": []}, "wrong_type"),
    ],
    ids=str,
)
def test_a_bad_operation_is_refused_with_its_reason(changes: dict[str, Any], why: str) -> None:
    assert reason("reserve.operations", changes) == why


def test_an_operation_may_not_be_dated_ahead_but_may_expire_later() -> None:
    assert reason("reserve.operations", {"at": "2026-01-05T00:01:00.000000001Z"}) == "ahead_of_time"
    kept = verdict(
        "reserve.operations", GOOD["reserve.operations"] | {"at": "2026-01-05T00:01:00Z", "expires_at": "2026-02-05T00:00:00Z"}
    )
    assert isinstance(kept, Valid)


@pytest.mark.parametrize(
    ("topic", "changes"),
    [
        ("market.trades", {"executed_at": "1989-12-31T23:59:59Z"}),
        ("market.prices", {"as_of": "0001-01-01T00:00:00Z"}),
        ("security.incidents", {"occurred_at": "1969-07-20T20:17:40Z"}),
        ("security.incidents", {"detected_at": "2200-01-01T00:00:00Z"}),
        ("security.incidents", {"updated_at": "0001-01-01T00:00:00Z"}),
        ("security.incidents", {"recoveries": [{"asset": "ETH", "quantity": "1", "received_at": "0001-01-01T00:00:00Z"}]}),
        ("entity.declarations", {"effective_from": "1601-01-01T00:00:00Z"}),
        ("entity.declarations", {"effective_to": "9999-12-31T00:00:00Z"}),
        ("reserve.operations", {"at": "1900-01-01T00:00:00Z"}),
        ("reserve.operations", {"expires_at": "9999-12-31T23:59:59Z"}),
    ],
    ids=str,
)
def test_every_time_lies_from_1990_to_2199(topic: str, changes: dict[str, Any]) -> None:
    assert reason(topic, changes) == "out_of_range"


@pytest.mark.parametrize("kind", ["risk_equivalents", "adjusted_liabilities", "average_daily_deposits", "insurance_limit"])
def test_what_cannot_be_below_zero_is_refused_below_it(kind: str) -> None:
    assert reason("entity.declarations", {"kind": kind, "attributes": {}, "amount": "-0.01"}) == "out_of_range"


@pytest.mark.parametrize(
    ("kind", "attributes", "lawful"),
    [
        ("net_assets", {}, True),
        ("non_fixed_own_capital", {}, True),
        ("liquid_capital", {}, True),
        ("business_indicator", {"component": "fc", "fiscal_year": "2024"}, True),
        ("capital", {"part": "audited_result"}, True),
        ("capital", {"part": "paid_up"}, False),
        ("capital", {}, False),
        ("own_funds", {}, False),
        ("operating_expenses_monthly", {"month": "2025-12"}, False),
        ("fixed_overheads", {"fiscal_year": "2025"}, False),
        ("annual_loss", {"year": "2020"}, False),
    ],
)
def test_which_amounts_may_be_negative(kind: str, attributes: dict[str, str], *, lawful: bool) -> None:
    changes = {"kind": kind, "attributes": attributes, "amount": "-7"}
    found = verdict("entity.declarations", GOOD["entity.declarations"] | changes)
    assert isinstance(found, Valid) == lawful


@pytest.mark.parametrize(
    "value",
    [
        b'{"event_id": "x", "event_id": "x"}',
        b'{"event_id": "x", "attributes": {"part": "a", "part": "b"}}',
        b'{"a": [{"b": 1}, {"c": 1, "c" : 1}]}',
        b'{"price": "1", "pr\\u0069ce": "2"}',
    ],
)
def test_a_key_given_twice_is_no_json_of_ours(value: bytes) -> None:
    found = Judge(SourceFormat("entity.declarations", ignore_unknown=True), KNOWN).verdict(value, NOW)
    assert isinstance(found, Invalid)
    assert found.reason == "bad_json"
    assert "twice" in found.detail


DIVISIBLE = replace(KNOWN, assets=Reading(decimals={"NEAR": 24, "ICX": 20}))


@pytest.mark.parametrize(
    ("asset", "quantity", "said"),
    [
        ("NEAR", "1.100000000000000000000000", "1.1"),
        ("NEAR", "0.000000000000000000000001", "0.000000000000000000000001"),
        ("NEAR", "7.0000000000000000000000000", "7"),
        ("ICX", "1.00000000000000000001", "1.00000000000000000001"),
        ("XNO", "2.250000000000000000000000000000", "2.25"),
    ],
)
def test_trailing_zeros_are_no_digits_and_an_asset_may_divide_further(asset: str, quantity: str, said: str) -> None:
    record = GOOD["custody.balances"] | {"asset": asset, "quantity": quantity}
    found = Judge(SourceFormat("custody.balances"), DIVISIBLE).verdict(json.dumps(record).encode(), NOW)
    assert isinstance(found, Valid), found
    assert found.body["quantity"] == said


@pytest.mark.parametrize(
    ("asset", "quantity"),
    [("NEAR", "0.0000000000000000000000001"), ("ICX", "0.000000000000000000001"), ("XNO", "0.0000000000000000001")],
)
def test_digits_beyond_those_of_the_asset_are_refused(asset: str, quantity: str) -> None:
    record = GOOD["custody.balances"] | {"asset": asset, "quantity": quantity}
    found = Judge(SourceFormat("custody.balances"), DIVISIBLE).verdict(json.dumps(record).encode(), NOW)
    assert isinstance(found, Invalid)
    assert found.reason == "bad_decimal"


def test_losses_and_trades_of_an_asset_have_its_digits_too() -> None:
    yocto = "0.000000000000000000000001"
    loss = {"losses": [{"asset": "NEAR", "quantity": yocto, "owner": "client"}], "recoveries": []}
    incident = json.dumps(GOOD["security.incidents"] | loss).encode()
    found = Judge(SourceFormat("security.incidents"), DIVISIBLE).verdict(incident, NOW)
    assert isinstance(found, Valid)
    assert found.body["losses"][0]["quantity"] == yocto
    trade = json.dumps(GOOD["market.trades"] | {"market": "NEAR/USD", "quantity": yocto}).encode()
    taken = Judge(SourceFormat("market.trades"), DIVISIBLE).verdict(trade, NOW)
    assert isinstance(taken, Trade)
    assert taken.quantity == Decimal(yocto)


def test_only_money_may_be_owed_below_zero() -> None:
    owed = GOOD["custody.balances"] | {"role": "client_liability", "storage": "ledger", "quantity": "-1"}
    judge = Judge(SourceFormat("custody.balances"), replace(KNOWN, assets=Reading(crypto=frozenset({"MNT"}))))
    for asset, kind in (("MNT", Invalid), ("BTC", Invalid), ("TOP", Valid), ("EUR", Valid)):
        assert isinstance(judge.verdict(json.dumps(owed | {"asset": asset}).encode(), NOW), kind)


def test_of_several_faults_the_first_of_the_closed_set_is_named() -> None:
    assert reason("custody.balances", {"quantity": "-1", "role": "x", "x": 1, "schema": "a/9"}) == "unknown_schema"
    assert reason("custody.balances", {"quantity": "-1", "role": "x", "x": 1}) == "unknown_field"
    assert reason("custody.balances", {"quantity": "x", "role": "x"}) == "bad_decimal"


def test_every_reason_is_of_the_closed_set_and_every_one_can_be_given() -> None:
    given = {why for _, why in RUBBISH} | {"unknown_schema", "unknown_field", "missing_field", "wrong_type", "bad_decimal"}
    given |= {
        "bad_time",
        "bad_text",
        "unknown_value",
        "out_of_range",
        "inconsistent",
        "unknown_entity",
        "ahead_of_time",
        "too_old",
    }
    assert given | OF_SIGNATURES == set(REASONS), "who signed a record is told by tests/unit/wire/test_signatures.py"


def test_unknown_fields_pass_where_the_source_says_so() -> None:
    record = GOOD["custody.balances"] | {"x": {"y": [1.5, None]}, "schema_": 1}
    assert isinstance(verdict("custody.balances", record, ignore_unknown=True), Valid)


def test_nesting_up_to_the_limit_is_read() -> None:
    deep = GOOD["custody.balances"] | {"x": json.loads("[" * (MAX_DEPTH - 1) + "]" * (MAX_DEPTH - 1))}
    assert isinstance(verdict("custody.balances", deep, ignore_unknown=True), Valid)
    deeper = json.dumps(GOOD["custody.balances"])[:-1] + ', "x": ' + "[" * MAX_DEPTH + "]" * MAX_DEPTH + "}"
    found = verdict("custody.balances", deeper.encode(), ignore_unknown=True)
    assert isinstance(found, Invalid)
    assert found.reason == "bad_json"
    brackets_in_text = GOOD["custody.balances"] | {"account": "[" * 100, "source": '"\\' * 30}
    assert isinstance(verdict("custody.balances", brackets_in_text), Valid)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("1E-7", "0.0000001"),
        ("1.50", "1.5"),
        ("-2.5e3", "-2500"),
        ("0e99", "0"),
        ("12.345e1", "123.45"),
        ("100", "100"),
        ("9.9E-7", "0.00000099"),
        ("0.0010", "0.001"),
    ],
)
def test_lenient_numbers_are_expanded_exactly(text: str, plain: str) -> None:
    assert expand(text) == plain
    record = json.dumps(GOOD["entity.declarations"]).replace('"-5"', text)
    found = verdict("entity.declarations", record.encode(), lenient=True)
    assert isinstance(found, Valid)
    assert found.body["amount"] == plain


@pytest.mark.parametrize("text", ["1e30", "1e-30", "123456789012345678901.0", "1e99999"])
def test_digit_limits_hold_for_the_expanded_form(text: str) -> None:
    record = json.dumps(GOOD["entity.declarations"]).replace('"-5"', text).encode()
    assert verdict("entity.declarations", record, lenient=True).reason == "bad_decimal"


def test_max_ahead_is_the_sources() -> None:
    ahead = GOOD["custody.balances"] | {"as_of": "2026-01-05T00:05:00Z"}
    assert isinstance(verdict("custody.balances", ahead, max_ahead_ns=300 * SECOND), Valid)
    assert verdict("custody.balances", ahead, max_ahead_ns=299 * SECOND).reason == "ahead_of_time"


def test_without_a_configuration_every_entity_counts() -> None:
    assert isinstance(verdict("custody.balances", GOOD["custody.balances"] | {"entity": "x"}, known=Known(None, DAY)), Valid)


def test_the_currency_codes_are_those_of_iso_4217() -> None:
    assert {currency.alpha_3 for currency in pycountry.currencies} == FIAT


def test_every_topic_has_a_model_and_a_schema_name() -> None:
    assert set(MODELS) == set(SCHEMAS) == set(GOOD)
