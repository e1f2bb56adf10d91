"""Accounts in the order in which they came: packed, given back whole, and cut by what changed."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from monitor.core.book.custody.accounts import IN_BUCKET, PREFIX, Accounts
from monitor.core.book.custody.position import Position, position_text
from monitor.core.engine import Engine
from monitor.core.values.canonical import canonical_bytes
from tests.journal_maker import Journal, configuration_text, house

ONE = Position(1_767_582_245_123_456_789, 0, 5, "custody.balances", 0, 3, 7, "cold", Decimal("12.5"), None)


def kept(*histories: list[Position]) -> Accounts:
    accounts = Accounts(set())
    for number, history in enumerate(histories):
        accounts.keep(("client_asset", "BTC", f"a-{number}"), history)
    return accounts


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"quantity": Decimal("-0.000000000000000000000000000000000001")},
        {"quantity": Decimal("12345678901234567890.5")},
        {"sequence": 2**53 - 1},
        {"offset": 2**32},
        {"event_time": 631_152_000_000_000_000, "source": 'node "é"', "topic": "custody.balances/f", "epoch": 9},
    ],
)
def test_a_position_is_given_back_and_written_as_it_is(change: dict[str, Any]) -> None:
    position = ONE._replace(**change)
    accounts = kept([position])
    key = ("client_asset", "BTC", "a-0")
    assert accounts.history(key) == [position]
    assert accounts.newest(key) == position
    written = canonical_bytes(accounts.bucket(PREFIX + "000000"))
    assert written == canonical_bytes([[*key, [position_text(position)]]])
    again = Accounts(set())
    assert list(again.restore({PREFIX + "000000": json.loads(written)})) == [(key, [position])]
    assert again.bucket(PREFIX + "000000") == accounts.bucket(PREFIX + "000000")


def test_a_history_goes_and_comes() -> None:
    later = ONE._replace(event_time=ONE.event_time + 1, quantity=Decimal(3))
    accounts, key = kept([ONE]), ("client_asset", "BTC", "a-0")
    accounts.keep(key, [ONE, later])
    assert (accounts.history(key), accounts.newest(key)) == ([ONE, later], later)
    accounts.keep(key, [later])
    assert (accounts.history(key), len(accounts)) == ([later], 1)


def test_an_unknown_account_has_nothing() -> None:
    accounts = kept([ONE])
    assert accounts.newest(("client_asset", "BTC", "x")) is None
    assert accounts.history(("client_asset", "ETH", "a-0")) == []


def with_accounts(number: int) -> tuple[Journal, Engine]:
    journal = Journal()
    journal.configure(configuration_text({"jp-main": house()}))
    for one in range(number):
        journal.position(f"a-{one}", "client_asset", "cold", "BTC", "1")
    engine = Engine(0, check_journal_time=True)
    for record in journal.records:
        engine.apply(record)
    return journal, engine


def test_a_cut_writes_the_accounts_that_changed_and_their_few_neighbours() -> None:
    """What is new is written behind the others; of many an account that changes takes those of its bucket with it."""
    journal, engine = with_accounts(10 * IN_BUCKET)
    taken = len(journal.records)
    assert accounts_in(engine) == 10 * IN_BUCKET
    assert accounts_in(engine) == 0
    for account in ("a-3", "a-5", f"a-{7 * IN_BUCKET}", "new"):
        journal.position(account, "client_asset", "cold", "BTC", "2")
    for record in journal.records[taken:]:
        engine.apply(record)
    assert accounts_in(engine) == 2 * IN_BUCKET + 1


def accounts_in(engine: Engine) -> int:
    """How many accounts the next cut writes."""
    return sum(len(json.loads(data)) for name, data in engine.cut().buckets if f"/book/{PREFIX}" in name)


def test_a_state_of_version_8_is_read_and_written_whole_in_this_order() -> None:
    """Its buckets were by a digest of the account's name, and none of them stays in the next snapshot."""
    _, engine = with_accounts(3)
    cut = engine.cut()
    buckets = dict(cut.buckets)
    name = next(name for name in buckets if f"/book/{PREFIX}" in name)
    found = json.loads(buckets.pop(name))
    room = name.removesuffix("000000")
    older = buckets | {f"{room}{shard}": canonical_bytes([one]) for shard, one in zip(("417", "001", "100"), found, strict=True)}
    restored = Engine.restore(0, cut.position, 8, older, check_journal_time=True)
    again = restored.cut()
    written = dict(again.buckets)
    assert set(written) == again.names == cut.names
    assert json.loads(written[name]) == [found[1], found[2], found[0]]
    assert {key: data for key, data in written.items() if key != name} == buckets
