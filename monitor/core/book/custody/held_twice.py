"""Accounts under which one coin is held in several roles, or by several entities: listed for people, it is not always wrong.

A wallet that two mappings give two roles counts twice in what is held, and no figure shows it. Money is left out: one bank
account is kept for several purposes. So is what clients are owed: a client may have an account with two entities.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from monitor.core.book.custody.position import AccountKey
from monitor.core.book.custody.positions import Positions
from monitor.core.journal.vocabulary import ASSET_ROLES
from monitor.core.values.money import plain

LOOKUPS_AT_ONCE = 200_000
"""So many are made in one go, some 20 ms: after a restart a million accounts are looked through in portions."""
SHOWN = 50
"""So many accounts are shown of an entity."""


class _Looked(NamedTuple):
    """Of an entity's accounts those before `place` were looked at."""

    positions: Positions
    place: int


class HeldTwice:
    """The entities of one engine beside each other."""

    def __init__(self) -> None:
        self._looked: dict[str, _Looked] = {}
        self._found: dict[tuple[str, str], None] = {}

    def look(self, entities: Mapping[str, Positions]) -> bool:
        """Look through accounts that came since the last time; whether that was all of them."""
        left = max(1, LOOKUPS_AT_ONCE // max(1, len(entities) * len(ASSET_ROLES)))
        for name, positions in entities.items():
            looked = self._looked.get(name)
            begin = looked.place if looked is not None and looked.positions is positions else 0
            new = list(positions.keys(begin, begin + left))
            for key in new:
                self._look_at(name, key, entities)
            self._looked[name] = _Looked(positions, begin + len(new))
            left -= len(new)
            if not left:
                return all(looked.place == looked.positions.account_count() for looked in self._looked.values())
        return True

    def rows(self, entity: str, entities: Mapping[str, Positions], is_fiat: Callable[[str], bool]) -> list[dict[str, Any]]:
        """{asset, account, held: [{entity, role, quantity}]} of what `entity` holds besides another or in several roles now."""
        found = []
        for asset, account in sorted(self._found):
            held = [] if is_fiat(asset) else list(_holders(asset, account, entities))
            if len(held) > 1 and any(one["entity"] == entity for one in held):
                found.append({"asset": asset, "account": account, "held": held})
        return found[:SHOWN]

    def _look_at(self, entity: str, key: AccountKey, entities: Mapping[str, Positions]) -> None:
        role, asset, account = key
        if role not in ASSET_ROLES:
            return
        for name, positions in entities.items():
            for other in ASSET_ROLES:
                if (name, other) != (entity, role) and positions.newest((other, asset, account)) is not None:
                    self._found[asset, account] = None
                    return


def _holders(asset: str, account: str, entities: Mapping[str, Positions]) -> Sequence[dict[str, Any]]:
    """Who says now that it holds some of the asset in the account."""
    newest = ((name, role, entities[name].newest((role, asset, account))) for name in sorted(entities) for role in ASSET_ROLES)
    return [
        {"entity": name, "role": role, "quantity": plain(position.quantity)}
        for name, role, position in newest
        if position is not None and position.quantity
    ]
