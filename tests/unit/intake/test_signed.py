"""Sources that ask for signatures: what is refused, counted and told, and how the journal says who vouched for the rest."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from monitor.audit.signatures.keys import PrivateKey
from monitor.core.journal.records import SourcePartition, Statement
from monitor.core.journal.vocabulary import BALANCES, TRADES
from monitor.core.values.times import exact_time, from_ms
from streams.intake.segment.batches import Batch
from streams.intake.segment.readers import reader_of, reader_of_topic
from streams.intake.segment.rules import IntakeRules
from streams.intake.segment.segments import SegmentReader
from streams.wire import SourceFormat
from streams.wire.feeds import FeedFormat, FeedPlan
from streams.wire.signatures import Signers, signature_header
from tests.intake_logs import START_MS, intake_rules, trade_value

OURS, OTHER = PrivateKey(Ed25519PrivateKey.generate()), PrivateKey(Ed25519PrivateKey.generate())
AUTH = f"ed25519:{OURS.public.id}"
VAULT, HOT = f"{BALANCES}/vault", f"{BALANCES}/hot"


def balance(number: int, **changes: Any) -> bytes:
    record = {
        "event_id": f"b-{number}",
        "entity": "a",
        "account": "w",
        "role": "client_asset",
        "storage": "cold",
        "asset": "BTC",
        "quantity": "1",
        "as_of": exact_time(from_ms(START_MS + number)),
    }
    return json.dumps(record | changes).encode()


def signed(source: str, value: bytes, by: PrivateKey | None = OURS, late_ms: int = 0) -> tuple[bytes, list[tuple[str, bytes]]]:
    """A value and its headers; `late_ms` is how long before its log time it was signed."""
    headers = [] if by is None else [signature_header(by, source, b"k", value, from_ms(START_MS - late_ms))]
    return value, headers


def batch(records: Sequence[tuple[bytes, list[tuple[str, bytes]]]]) -> Batch:
    count = len(records)
    return Batch(range(count), [START_MS] * count, [value for value, _ in records], lambda row: (b"k", records[row][1]))


def asking(rules: IntakeRules, **keys: PrivateKey) -> IntakeRules:
    """Rules under which each source (`/` written `__`) takes records of its key alone."""
    raw = {name: {"signatures": {"keys": [key.public.text], "window_s": 300}} for name, key in keys.items()}
    made = {name: Signers.of(name, one) for name, one in raw.items()}
    return replace(rules, signers={name: one for name, one in made.items() if one is not None})


def read(reader: SegmentReader, records: Sequence[tuple[bytes, list[tuple[str, bytes]]]]) -> list[Statement]:
    reader.feed(batch(records), 0, 1)
    flush = reader.flush(1)
    assert flush is not None
    return [statement for _, statement in flush.contents]


def letters(reader: SegmentReader) -> list[tuple[int, str]]:
    return [(letter.offset, letter.reason.value) for letter in reader.take_dead_letters()]


REFUSED = [
    signed(BALANCES, balance(1), by=None),
    signed(BALANCES, balance(2), by=OTHER),
    (balance(3, quantity="9"), signed(BALANCES, balance(3))[1]),
    signed(BALANCES, balance(4), late_ms=301_000),
]


def test_balances_of_nobody_known_are_dead_letters_and_the_others_say_who_vouched_for_them() -> None:
    rules = asking(intake_rules(), **{BALANCES: OURS})
    reader = reader_of(SourcePartition(BALANCES, 0, 0), rules, "log", 0)
    said = read(reader, [signed(BALANCES, balance(0)), *REFUSED, signed(BALANCES, balance(5))])
    assert [(one.body["event_id"], one.auth) for one in said if one.kind == "position"] == [("b-0", AUTH), ("b-5", AUTH)]
    assert letters(reader) == [(1, "unsigned"), (2, "unknown_signer"), (3, "bad_signature"), (4, "signature_expired")]
    gaps = [one for one in said if one.kind == "rejected"]
    assert [(one.body["reason"], one.entity, one.auth) for one in gaps] == [
        (reason, "a", "none") for reason in ("unsigned", "unknown_signer", "bad_signature", "signature_expired")
    ]


def test_a_signed_record_that_is_refused_for_what_it_says_is_still_its_signers() -> None:
    rules = asking(intake_rules(), **{BALANCES: OURS})
    said = read(reader_of(SourcePartition(BALANCES, 0, 0), rules, "log", 0), [signed(BALANCES, balance(0, quantity="NaN"))])
    assert [(one.kind, one.auth) for one in said] == [("rejected", AUTH)]


def test_without_signatures_records_say_that_nobody_vouched() -> None:
    said = read(reader_of(SourcePartition(BALANCES, 0, 0), intake_rules(), "log", 0), [(balance(0), [])])
    assert [one.auth for one in said] == ["none"]


@pytest.mark.parametrize("spread_ms", [0, 4_000_000], ids=["column by column", "record by record"])
def test_trades_that_nobody_signed_are_not_counted_and_are_no_repeats(spread_ms: int) -> None:
    """A forged trade must not make the true one of the same id a repeat of it."""
    earlier = exact_time(from_ms(START_MS - spread_ms))
    true = [signed(TRADES, value) for value in (trade_value(1, executed_at=earlier), trade_value(2), trade_value(3))]
    forged = [(trade_value(2, price="1"), []), (trade_value(9), signed(TRADES, trade_value(8))[1])]
    bust = signed(TRADES, trade_value(3, status="busted"))
    reader = reader_of(SourcePartition(TRADES, 0, 0), asking(intake_rules(), **{TRADES: OURS}), "log", 0)
    said = read(reader, [forged[0], *true, forged[1], bust])
    flows = [one for one in said if one.kind == "flow"]
    assert sum(cell["trades"] for one in flows for cell in one.body["cells"]) == 3
    assert {one.auth for one in flows} == {"ed25519"}
    assert [one.auth for one in said if one.kind == "bust"] == [AUTH]
    assert letters(reader) == [(0, "unsigned"), (4, "bad_signature")]


def feeds_rules(mapping: dict[str, Any], **keys: PrivateKey) -> IntakeRules:
    made = intake_rules()
    names = {VAULT: "vault", HOT: "hot"}
    plans = {
        name: FeedPlan(FeedFormat.of(BALANCES, short, mapping | {"where": {"$.of": short}}, {})) for name, short in names.items()
    }
    formats = {name: SourceFormat(BALANCES) for name in names}
    return asking(replace(made, plans=plans, sources={**made.sources, **formats}), **keys)


LISTS: dict[str, Any] = {
    "topic": "wallets",
    "each": "$.list[*]",
    "fields": {"event_id": "%id", "account": "@.a", "quantity": "@.q", "as_of": "$.at"},
    "constants": {"entity": "a", "storage": "hot", "role": "client_asset", "asset": "BTC"},
    "times": "ms",
    "snapshot": {"by": ["entity", "role"]},
}


def listing(of: str, at: int, *accounts: str) -> bytes:
    return json.dumps({"of": of, "at": START_MS + at, "list": [{"a": one, "q": "5"} for one in accounts]}).encode()


def test_a_forged_list_moves_nothing_and_leaves_out_nobody() -> None:
    rules = feeds_rules(LISTS, **{VAULT: OURS})
    reader = reader_of(SourcePartition(VAULT, 0, 0), rules, "log", 0)
    first, forged, last = listing("vault", 0, "x", "y"), listing("vault", 1, "x"), listing("vault", 2, "x")
    said = read(reader, [signed(VAULT, first), (forged, []), signed(VAULT, last)])
    moved = [
        (one.source.offset if one.source else None, one.body["account"], one.body["quantity"], one.auth)
        for one in said
        if one.kind == "position"
    ]
    assert moved == [(0, "x", "5", AUTH), (0, "y", "5", AUTH), (2, "x", "5", AUTH), (2, "y", "0", AUTH)]
    assert letters(reader) == [(1, "unsigned")]


def test_feeds_of_one_topic_have_keys_of_their_own_and_each_tells_of_its_own() -> None:
    rules = feeds_rules(LISTS, **{VAULT: OURS, HOT: OTHER})
    places = [SourcePartition(name, 0, 0) for name in (VAULT, HOT)]
    reader = reader_of_topic(places, rules, "log", 0)
    mine, theirs = listing("vault", 0, "x"), listing("hot", 0, "y")
    said = read(reader, [signed(VAULT, mine), signed(HOT, theirs, by=OTHER), signed(HOT, theirs, by=OURS), (mine, [])])
    assert {(one.body["account"], one.auth) for one in said if one.kind == "position"} == {
        ("x", AUTH),
        ("y", f"ed25519:{OTHER.public.id}"),
    }
    assert sorted(letters(reader)) == [(2, "unknown_signer"), (3, "unsigned")]
