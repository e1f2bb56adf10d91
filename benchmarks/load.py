"""Trades to measure with: generated, alike in every run, with the totals any exact program must find."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from decimal import Decimal
from itertools import islice
from typing import Any

from monitor.core.values.money import EXACT, plain
from monitor.core.values.times import exact_time
from monitor.settings.kafka import KafkaSettings
from streams.kafka.clients import producer

BATCH_BYTES = 64 * 1024
MAPPED = {
    "trade_id": "identity",
    "entity": "portal",
    "market": "symbol",
    "price": "value",
    "quantity": "quantum_",
    "executed_at": "executed_on",
    "side": "way_",
    "capacity": "standing",
}
"""A foreign schema of the same size in bytes as the canonical one."""

_SIDES = ("buy", "sell")
_STEP_NS = 1_000_000
_FLIGHT = 40

_LATE_US = 30_000_000

Totals = dict[str, tuple[int, str, str]]
"""Trades, quantity and value by `entity|market`."""


@dataclass(frozen=True, slots=True)
class Load:
    """What lies in a topic. `repeats` is the share of records that come twice; `digits` of time.

    `ids`: dense in each market, of `one` counter over all markets, or random.

    `late`: the share with a time up to 30 s before that of the records around. `rubbish`: the share that is no JSON.
    """

    records: int
    partitions: int = 4
    markets: int = 20
    entities: int = 2
    repeats: float = 0.02
    ids: str = "dense"
    mapped: bool = False
    digits: int = 6
    late: float = 0.0
    rubbish: float = 0.0

    def entity_names(self) -> list[str]:
        """The entities, by number."""
        return [f"exchange-{number}" for number in range(self.entities)]

    def as_json(self) -> dict[str, Any]:
        """For a child process."""
        return asdict(self)


class Trades:
    """The records of a load, one after another, and their totals so far. `own_ns` is the own time of the first trade."""

    def __init__(self, load: Load, own_ns: int | None = None, seed: int = 1) -> None:
        self.wanted = load.records
        self._load = load
        self._own = time.time_ns() // 1_000_000_000 * 1_000_000_000 - load.records * _STEP_NS if own_ns is None else own_ns
        self._random = random.Random(seed)
        self._names = [
            (load.entity_names()[number % load.entities], f"C{number:04d}/JPY", number % load.partitions)
            for number in range(load.markets)
        ]
        self._sums: dict[str, tuple[int, Decimal, Decimal]] = {}
        self._next = [1_000_000 for _ in self._names]
        self._last: dict[int, bytes] = {}
        self._number = 0

    def take(self, count: int, own_ns: int | None = None) -> Iterator[tuple[int, bytes]]:
        """(partition, value) of the next `count` records; `own_ns` gives them all one own time."""
        return islice(self._records(own_ns), count)

    def _records(self, own_ns: int | None) -> Iterator[tuple[int, bytes]]:
        chance, markets, repeats = self._random, len(self._names), self._load.repeats
        while True:
            self._number += 1
            market = int(chance.random() * markets)
            if repeats and market in self._last and chance.random() < repeats:
                yield self._names[market][2], self._last[market]
                continue
            if self._load.rubbish and market in self._last and chance.random() < self._load.rubbish:
                yield self._names[market][2], self._last[market][:100]
                continue
            at = self._own + self._number * _STEP_NS if own_ns is None else own_ns
            if self._load.late and chance.random() < self._load.late:
                at -= int(chance.random() * _LATE_US) * 1000
            yield self._names[market][2], self._trade(market, at)

    def totals(self) -> Totals:
        """What was generated so far, repeats left out."""
        return {name: (count, plain(quantity), plain(value)) for name, (count, quantity, value) in sorted(self._sums.items())}

    def _trade(self, market: int, at: int) -> bytes:
        chance, (entity, name, _) = self._random, self._names[market]
        price, quantity = (
            f"{1_000_000 + int(chance.random() * 500_000)}.{self._number % 100:02d}",
            f"0.{self._number % 9973 + 1:04d}",
        )
        number = self._next[market]
        self._next[market] = number + 1
        if self._load.ids == "one":
            number = self._number
        trade_id = str(number) if self._load.ids != "random" else f"{chance.getrandbits(80):020x}"
        time_text = exact_time(at)
        if self._load.digits == 3:
            time_text = time_text[:23] + "Z"
        record = (
            f'{{"{self._field("trade_id")}":"{trade_id}","{self._field("entity")}":"{entity}","{self._field("market")}":"{name}",'
            f'"{self._field("price")}":"{price}","{self._field("quantity")}":"{quantity}",'
            f'"{self._field("executed_at")}":"{time_text}","{self._field("side")}":"{_SIDES[number % 2]}",'
            f'"{self._field("capacity")}":"client_order"}}'
        ).encode()
        self._last[market] = record
        count, quantities, values = self._sums.get(f"{entity}|{name}", (0, Decimal(0), Decimal(0)))
        amount = Decimal(quantity)
        self._sums[f"{entity}|{name}"] = (
            count + 1,
            EXACT.add(quantities, amount),
            EXACT.add(values, EXACT.multiply(Decimal(price), amount)),
        )
        return record

    def _field(self, name: str) -> str:
        return MAPPED[name] if self._load.mapped else name


async def fill(settings: KafkaSettings, topic: str, load: Load, trades: Trades | None = None) -> Totals:
    """Write a whole load into a topic, in batches of `BATCH_BYTES`; gives its totals."""
    trades = trades or Trades(load)
    client = producer(settings, max_batch_size=BATCH_BYTES, linger_ms=0)
    await client.start()
    try:
        builders = {partition: client.create_batch() for partition in range(load.partitions)}
        waiting = []
        for partition, value in trades.take(load.records):
            if builders[partition].append(key=None, value=value, timestamp=None) is None:
                waiting.append(await client.send_batch(builders[partition], topic, partition=partition))
                builders[partition] = client.create_batch()
                builders[partition].append(key=None, value=value, timestamp=None)
                if len(waiting) > _FLIGHT:
                    await waiting.pop(0)
        for partition, builder in builders.items():
            if builder.record_count():
                waiting.append(await client.send_batch(builder, topic, partition=partition))
        for one in waiting:
            await one
    finally:
        await client.stop()
    return trades.totals()
