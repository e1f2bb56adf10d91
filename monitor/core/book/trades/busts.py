"""Busts: a trade is taken back once per id, whenever its bust comes and however often (JOURNAL 4).

Of several busts of one id that with the least (epoch, place) counts. Ids are remembered for the correction horizon, the
newest `BUSTS_REMEMBERED` of them, so that memory is bounded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from heapq import heapify, heappop, heappush
from typing import Any, NamedTuple
from zlib import crc32

from monitor.core.book.trades.cells import CellKey, Total
from monitor.core.journal.ordering import place_text
from monitor.core.journal.records import SourcePartition
from monitor.core.values.money import parse_total, plain

BUSTS_REMEMBERED = 50_000
_SHARDS = 64
_NAMES = tuple(f"busts/{shard:02d}" for shard in range(_SHARDS))

TradeIdentity = tuple[str, str]
"""(market, trade id)"""


class Bust(NamedTuple):
    """A bust record: what it takes back from which cell. `start` names its segment while that is open, then None.

    `place` is `SourcePartition.place`.
    """

    epoch: int
    place: int
    where: SourcePartition
    start: int | None
    cell: CellKey
    hour: int
    taken: Total
    logged: int


Settle = Callable[[str, Bust | None, Bust | None], None]
"""Called with a market, the bust that counted for an id before and the one that counts now."""


class Busts:
    """All busts of an entity that are remembered."""

    def __init__(self, dirty: set[str], settle: Settle) -> None:
        self._dirty = dirty
        self._settle = settle
        self._claims: dict[TradeIdentity, list[Bust]] = {}
        self._open: dict[tuple[SourcePartition, int], dict[TradeIdentity, None]] = {}
        self._oldest: list[tuple[int, TradeIdentity]] = []

    def put(self, trade_id: str, bust: Bust) -> None:
        """Take a bust record; the same one again changes nothing."""
        identity = (bust.cell.market, trade_id)
        claims = self._claims.get(identity, [])
        if any(claim[:4] == bust[:4] for claim in claims):
            return
        if not claims:
            heappush(self._oldest, (bust.logged, identity))
        if bust.start is not None:
            self._open.setdefault((bust.where, bust.start), {})[identity] = None
        self._change(identity, [*claims, bust])

    def fold(self, where: SourcePartition, start: int) -> None:
        """A segment is closed: its busts are for good."""
        for identity in self._open.pop((where, start), {}):
            claims = self._claims[identity]
            self._change(identity, [c._replace(start=None) if (c.where, c.start) == (where, start) else c for c in claims])

    def drop(self, where: SourcePartition, start: int) -> None:
        """What a segment said of busts does not count any more."""
        for identity in self._open.pop((where, start), {}):
            self._change(identity, [c for c in self._claims[identity] if (c.where, c.start) != (where, start)])

    def _change(self, identity: TradeIdentity, claims: list[Bust]) -> None:
        claims.sort(key=_order)
        kept = [c for n, c in enumerate(claims) if all((d.where, d.start) != (c.where, c.start) for d in claims[:n])]
        before, now = self._claims.get(identity), kept
        if kept:
            self._claims[identity] = kept
        else:
            del self._claims[identity]
        self._dirty.add(_NAMES[_shard(identity)])
        if (before[0][:2] if before else None) != (now[0][:2] if now else None):
            self._settle(identity[0], before[0] if before else None, now[0] if now else None)

    def holds(self, market: str, trade_id: str) -> bool:
        """Whether a trade is busted."""
        return (market, trade_id) in self._claims

    def forget(self, oldest: int) -> Iterator[tuple[TradeIdentity, int]]:
        """Forget, for good, busts logged before `oldest` and those beyond `BUSTS_REMEMBERED`; (identity, hour) of each."""
        while self._oldest and (self._oldest[0][0] < oldest or len(self._claims) > BUSTS_REMEMBERED):
            identity = self._oldest[0][1]
            claims = self._claims.get(identity, [])
            if any(claim.start is not None for claim in claims):
                return
            heappop(self._oldest)
            if claims:
                del self._claims[identity]
                self._dirty.add(_NAMES[_shard(identity)])
                yield identity, claims[0].hour

    def names(self) -> Iterator[str]:
        """Names of the buckets that are not empty."""
        yield from sorted({_NAMES[_shard(identity)] for identity in self._claims})

    def bucket(self, name: str) -> Any:
        """One bucket as JSON values; None when it is empty."""
        inside = sorted(identity for identity in self._claims if _NAMES[_shard(identity)] == name)
        return [_text(identity[1], bust) for identity in inside for bust in self._claims[identity]] or None

    def restore(self, buckets: Mapping[str, Any]) -> None:
        """Take the state of the buckets named as by `names`; the totals hold it already."""
        for name in _NAMES:
            for trade_id, bust in map(_from, buckets.get(name) or ()):
                identity = (bust.cell.market, trade_id)
                self._claims.setdefault(identity, []).append(bust)
                if bust.start is not None:
                    self._open.setdefault((bust.where, bust.start), {})[identity] = None
        self._oldest = [(min(claim.logged for claim in claims), identity) for identity, claims in self._claims.items()]
        heapify(self._oldest)


def _shard(identity: TradeIdentity) -> int:
    return crc32(identity[1].encode()) % _SHARDS


def _order(bust: Bust) -> tuple[int, int]:
    return bust.epoch, bust.place


def _text(trade_id: str, bust: Bust) -> list[Any]:
    where, taken = bust.where, bust.taken
    place = [where.topic, where.epoch, where.partition, place_text(bust.place), bust.start]
    return [trade_id, place, list(bust.cell), str(bust.hour), plain(taken.quantity), plain(taken.value), str(bust.logged)]


def _from(values: Sequence[Any]) -> tuple[str, Bust]:
    trade_id, (topic, epoch, partition, at, start), cell, hour, quantity, value, logged = values
    taken = Total(1, parse_total(quantity), parse_total(value))
    where = SourcePartition(topic, epoch, partition)
    return trade_id, Bust(epoch, int(at), where, start, CellKey(*cell), int(hour), taken, int(logged))
