"""The accounts of an entity in the order in which they were heard of, and what is kept of each.

Of most accounts one position is kept, and an entity may have a million. A tuple of ten values in a list takes some 500 bytes;
so a position that is alone is held packed, in some 80, and what many have in common (source partition, storage) once. Buckets
are of so many accounts in that order: what is new is written behind what is there, and an account that changes takes only its
few neighbours with it.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from monitor.core.book.custody.position import AccountKey, Position, RoleAsset, account_key, position_from, position_text
from monitor.core.journal.ordering import LARGEST_PLACE
from monitor.core.values.canonical import Written, canonical_text
from monitor.core.values.money import plain

IN_BUCKET = 64
PREFIX = "accounts/"
_PACKED = struct.Struct("<qqqIII")
"""Event time and log time (ns), place, sequence, number of the account, number of the origin; the quantity's text follows."""
_LARGEST_SEQUENCE = 2**32
_LARGEST_TIME = 2**63
"""A producer may stamp what it likes: the log time of a record may lie in the year 9999."""


_Origin = tuple[str, int, int, str, str | None]
"""What many positions have in common: topic, epoch, partition, storage and source."""


class _History:
    """An account with several positions, or with one that cannot be packed."""

    __slots__ = ("entries", "number")

    def __init__(self, number: int, entries: list[Position]) -> None:
        self.number = number
        self.entries = entries


_Kept = bytes | _History


class Accounts:
    """Histories, the oldest position first, by account. `dirty`: buckets changed since it was last cleared."""

    def __init__(self, dirty: set[str]) -> None:
        self._dirty = dirty
        self._kept: dict[RoleAsset, dict[str, _Kept]] = {}
        self._holdings: list[RoleAsset] = []
        self._holding_texts: list[str] = []
        self._number_of: dict[RoleAsset, int] = {}
        self._names: list[str] = []
        self._holding_of = array("I")
        self._origins: list[_Origin] = []
        self._origin_of: dict[_Origin, int] = {}
        self._texts: list[tuple[str, str, str]] = []
        self._bucket = ""
        """The name of the bucket that the account heard of last is in."""

    def __len__(self) -> int:
        return len(self._names)

    def newest(self, key: AccountKey) -> Position | None:
        """The newest position of an account; None of an unknown one."""
        found = self._found(key)
        return None if found is None else self._entries(found)[-1]

    def history(self, key: AccountKey, newest: Position | None = None) -> list[Position]:
        """What is kept of an account, the oldest first; nothing of an unknown one. To be given to `keep` when changed.

        `newest`: its newest position, by whoever has it at hand: where it is alone it is not unpacked again.
        """
        found = self._found(key)
        if found is None:
            return []
        return [newest] if newest is not None and isinstance(found, bytes) else self._entries(found)

    def known(self, holding: RoleAsset) -> Mapping[str, Any]:
        """The accounts of a role and an asset that were heard of, now and from here on."""
        if holding not in self._kept:
            self._begin_holding(holding)
        return self._kept[holding]

    def begin(self, holding: RoleAsset, account: str, position: Position) -> None:
        """An account is heard of for the first time. What cannot be kept (a number that is none) leaves all as it was."""
        kept = self._kept.get(holding)
        if kept is None:
            kept = self._begin_holding(holding)
        number = len(self._names)
        kept[account] = self._packed_one(number, position) or _History(number, [position])
        self._names.append(account)
        self._holding_of.append(self._number_of[holding])
        if number % IN_BUCKET == 0 or not self._bucket:
            self._bucket = _bucket_of(number)
        self._dirty.add(self._bucket)

    def keep(self, key: AccountKey, entries: list[Position]) -> None:
        """`entries` are kept of an account from now on."""
        found = self._found(key)
        if isinstance(found, _History) and len(entries) > 1:
            found.entries, number = entries, found.number
        else:
            number = self._put(key, entries)
        self._dirty.add(_bucket_of(number))

    def keys(self, begin: int, end: int) -> Iterator[AccountKey]:
        """The accounts with these numbers, the one heard of first before the others."""
        for number in range(begin, min(end, len(self._names))):
            role, asset = self._holdings[self._holding_of[number]]
            yield role, asset, self._names[number]

    def of_holding(self, holding: RoleAsset) -> Iterator[list[Position]]:
        """Histories of the accounts of a role and an asset."""
        return map(self._entries, self._kept.get(holding, {}).values())

    def items(self) -> Iterator[tuple[AccountKey, list[Position]]]:
        """Every account with its history, by role and asset."""
        for (role, asset), kept in self._kept.items():
            for account, found in kept.items():
                yield (role, asset, account), self._entries(found)

    def _found(self, key: AccountKey) -> _Kept | None:
        kept = self._kept.get(key[:2])
        return None if kept is None else kept.get(key[2])

    def _entries(self, found: _Kept) -> list[Position]:
        return [self._unpacked(found)] if isinstance(found, bytes) else found.entries

    def _put(self, key: AccountKey, entries: list[Position]) -> int:
        """The account's number."""
        found = self._found(key)
        number = self._new(key) if found is None else _number(found)
        self._kept[key[:2]][self._names[number]] = self._packed(number, entries)
        return number

    def _new(self, key: AccountKey) -> int:
        holding = key[:2]
        if holding not in self._kept:
            self._begin_holding(holding)
        self._names.append(key[2])
        self._holding_of.append(self._number_of[holding])
        return len(self._names) - 1

    def _begin_holding(self, holding: RoleAsset) -> dict[str, _Kept]:
        self._holding_texts.append(canonical_text(list(holding))[1:-1])
        self._number_of[holding] = len(self._holdings)
        self._holdings.append(holding)
        kept = self._kept[holding] = {}
        return kept

    def _packed(self, number: int, entries: list[Position]) -> _Kept:
        alone = self._packed_one(number, entries[0]) if len(entries) == 1 else None
        return alone or _History(number, entries)

    def _packed_one(self, number: int, position: Position) -> bytes | None:
        """An account's only position; None where it has a number that is too large."""
        event_time, sequence, logged, topic, epoch, partition, place, storage, quantity, source = position
        if sequence >= _LARGEST_SEQUENCE or place >= LARGEST_PLACE or not -_LARGEST_TIME <= logged < _LARGEST_TIME:
            return None
        origin = topic, epoch, partition, storage, source
        of = self._origin_of.get(origin)
        if of is None:
            of = self._origin(origin)
        return _PACKED.pack(event_time, logged, place, sequence, number, of) + plain(quantity).encode()

    def _origin(self, origin: _Origin) -> int:
        where = canonical_text(list(origin[:3]))[1:-1]
        self._texts.append((where, canonical_text(origin[3]), canonical_text(origin[4])))
        found = self._origin_of[origin] = len(self._origins)
        self._origins.append(origin)
        return found

    def _unpacked(self, data: bytes) -> Position:
        event_time, logged, place, sequence, _, number = _PACKED.unpack_from(data)
        topic, epoch, partition, storage, source = self._origins[number]
        quantity = Decimal(data[_PACKED.size :].decode())
        return Position(event_time, sequence, logged, topic, epoch, partition, place, storage, quantity, source)

    # --- snapshots

    def names(self) -> Iterator[str]:
        """Names of the buckets."""
        return map(_bucket_of, range(0, len(self._names), IN_BUCKET))

    def bucket(self, name: str) -> Written:
        """One bucket: [role, asset, account, history] of each of its accounts."""
        begin = int(name.removeprefix(PREFIX)) * IN_BUCKET
        return Written(f"[{','.join(map(self._line, range(begin, min(begin + IN_BUCKET, len(self._names)))))}]")

    def _line(self, number: int) -> str:
        of, account = self._holding_of[number], self._names[number]
        kept = self._kept[self._holdings[of]][account]
        return f"[{self._holding_texts[of]},{canonical_text(account)},[{self._text(kept)}]]"

    def _text(self, found: _Kept) -> str:
        if not isinstance(found, bytes):
            return ",".join(canonical_text(position_text(entry)) for entry in found.entries)
        event_time, logged, place, sequence, _, number = _PACKED.unpack_from(found)
        where, storage, source = self._texts[number]
        quantity = found[_PACKED.size :].decode()
        return f'["{event_time}",{sequence},"{logged}",{where},{place},{storage},"{quantity}",{source}]'

    def restore(self, buckets: Mapping[str, Any]) -> Iterator[tuple[AccountKey, list[Position]]]:
        """Take the buckets named as by `names`, and give each account with its history.

        Those of state version 8 held the accounts in another order.
        """
        named = (name for name in buckets if name.startswith(PREFIX))
        for name in sorted(named, key=lambda name: int(name.removeprefix(PREFIX))):
            for role, asset, account, entries in buckets[name]:
                key, history = account_key(role, asset, account), [position_from(entry) for entry in entries]
                self._put(key, history)
                yield key, history


def _bucket_of(number: int) -> str:
    """The name of the bucket that an account of this number is in."""
    return f"{PREFIX}{number // IN_BUCKET:06d}"


def _number(found: _Kept) -> int:
    return int(_PACKED.unpack_from(found)[4]) if isinstance(found, bytes) else found.number
