"""Accounts under which one coin is held in several roles or by several entities."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.core.book.custody import held_twice
from monitor.core.book.custody.held_twice import HeldTwice
from monitor.core.values.currencies import is_iso_4217
from tests.book_maker import ENTITY, Desk, Maker, content

AT = "2026-01-05T03:00:00Z"


def held(desk: Desk, looking: HeldTwice, entity: str = ENTITY) -> list[tuple[str, list[tuple[Any, ...]]]]:
    entities = {name: book.positions for name, book in desk.books.items()}
    while not looking.look(entities):
        pass
    rows = looking.rows(entity, entities, is_iso_4217)
    return [(one["account"], [(row["entity"], row["role"], row["quantity"]) for row in one["held"]]) for one in rows]


def desk_of_two() -> Desk:
    return Desk(content(), (ENTITY, "e-2"))


def test_one_wallet_under_two_roles_is_named_until_one_of_them_is_empty() -> None:
    make, desk, looking = Maker(), desk_of_two(), HeldTwice()
    desk.put(make.position("3", AT, account="w", role="client_asset"), make.position("5", AT, account="x", role="client_asset"))
    assert held(desk, looking) == []
    desk.put(make.position("3", AT, account="w", role="reserve_asset"))
    found = [("w", [(ENTITY, "client_asset", "3"), (ENTITY, "reserve_asset", "3")])]
    assert held(desk, looking) == found
    assert held(desk.restored(), HeldTwice()) == found, "by a snapshot too"
    assert held(desk, looking, "e-2") == []
    desk.put(make.position("0", "2026-01-05T04:00:00Z", account="w", role="reserve_asset"))
    assert held(desk, looking) == []


def test_one_wallet_of_two_entities_is_named_at_both(monkeypatch: pytest.MonkeyPatch) -> None:
    """In portions of one account: what comes later than the look of its other half is found."""
    monkeypatch.setattr(held_twice, "LOOKUPS_AT_ONCE", 1)
    make, desk, looking = Maker(), desk_of_two(), HeldTwice()
    for number in range(5):
        desk.put(make.position("1", AT, account=f"w{number}"))
    assert held(desk, looking) == []
    desk.put(make.position("2", AT, account="w3", entity="e-2", role="reserve_asset"))
    expected = [("w3", [(ENTITY, "client_asset", "1"), ("e-2", "reserve_asset", "2")])]
    assert held(desk, looking) == held(desk, looking, "e-2") == expected


def test_money_and_what_clients_are_owed_are_left_out() -> None:
    make, desk = Maker(), desk_of_two()
    for role in ("client_asset", "reserve_asset"):
        desk.put(make.position("3", AT, account="bank", asset="JPY", role=role))
    for entity in (ENTITY, "e-2"):
        desk.put(make.position("3", AT, account="client-7", role="client_liability", entity=entity))
    desk.put(make.position("3", AT, account="client-7", role="client_asset"))
    assert held(desk, HeldTwice()) == []
