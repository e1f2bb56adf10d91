"""Bundles of evidence by length: how long `audit verify` takes, and the most memory it ever holds.

    python -m benchmarks bundles [--full]            --full: 5 million records, two days of one journal partition

A partition of two entities. Each second 24 balances of the other one, every four seconds its trades from two source partitions
and the progress of four: of the other entity the bundle has stubs. Every half minute trades of the own entity, four of its
balances, two prices and a tick. Export and verification each run in a process of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from benchmarks.children import peak_bytes
from monitor.audit.bundle import OUTPUTS, BundleWriter, Origin
from monitor.audit.checkpoints import signed
from monitor.audit.container import Reader
from monitor.audit.signatures.keys import Keyring, new_key
from monitor.audit.stubs import Stubber, expanded
from monitor.audit.verification import Trust, verify
from monitor.core.engine import Engine
from monitor.core.journal.outputs import Output
from monitor.core.journal.records import JournalRecord, Rules, Source, SourcePartition, Statement, encode_statement
from monitor.core.values.canonical import canonical_bytes, digest_of_bytes
from monitor.core.values.times import SECOND, exact_time, hour_of, parse_time
from monitor.methods.stresses import load_scenarios
from monitor.settings.load import settings_of
from monitor.settings.record import build_configuration

ENTITY, OTHER = "jp-main", "kr-main"
START = parse_time("2026-01-05T00:00:00Z")
RULES = Rules(1, "sha256:rules")
SIZES = (20_000, 100_000)
LONGEST = 5_000_000
PARTITIONS = 4
THEIR_BALANCES = 24
FLUSH_EVERY_S = 4
ASSETS = ("BTC", "ETH", "XRP", "SOL")
ACCOUNTS = 200
SEGMENT = 10_000
TRADES_A_FLUSH = 25
OWN_EVERY_S = 32


def show(*, full: bool) -> None:
    """Print one row a size."""
    print(f"{'records':>10} {'hours':>6} {'stubs':>9} {'entries':>8} {'MB':>6} {'verify s':>9} {'records/s':>10} {'peak MB':>8}")
    for size in (*SIZES, *((LONGEST,) if full else ())):
        with tempfile.TemporaryDirectory() as folder:
            path = str(Path(folder) / "a.bundle")
            made = _child("make", path, str(size))
            found = _child("verify", path)
        print(
            f"{found['records']:>10,} {made['hours']:>6.1f} {found['stubs']:>9,} {found['entries']:>8,} "
            f"{made['bytes'] / 1e6:>6.0f} {found['seconds']:>9.1f} {found['records'] / found['seconds']:>10,.0f} "
            f"{found['peak'] / 1e6:>8.0f}"
        )


def _child(*arguments: str) -> dict[str, Any]:
    run = subprocess.run([sys.executable, "-m", "benchmarks.bundles", *arguments], stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def make(path: Path, wanted: int) -> dict[str, Any]:
    """A bundle of a few records more than `wanted`, as an export makes it."""
    source, partition = _Source(), Partition()
    origin, keys = Origin(ENTITY, 0, 1, broker_time=True), Keyring((new_key(path.with_suffix(".pem")),))
    checkpoints: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder, BundleWriter(path, origin, keys, "bench") as bundle:
        spools = {topic: (Path(folder) / topic).open("w+b") for topic in OUTPUTS}
        with bundle.journal() as take:
            for record in partition.records(wanted):
                take(record, None)
                for output in source.outputs(record):
                    if output.value is not None:
                        spools[output.topic].write(canonical_bytes(output.value) + b"\n")
                checkpoints += [signed(one, keys) for one in source.engine.checkpoints()]
        for topic, spool in spools.items():
            spool.seek(0)
            with bundle.outputs(topic) as put, spool:
                for line in spool:
                    put(json.loads(line))
        bundle.checkpoints(checkpoints)
    return {"hours": partition.second / 3600, "bytes": path.stat().st_size}


class _Source:
    """The system that published: of another entity's balances it needs the first and the last of a second, for their times."""

    def __init__(self) -> None:
        self.engine = Engine(0, check_journal_time=True, only=ENTITY)
        self._stubber = Stubber(0)
        self._statement: Statement | None = None
        self._held: JournalRecord | None = None

    def outputs(self, record: JournalRecord) -> Iterator[Output]:
        """What is published up to this record."""
        if record.statement is self._statement:
            self._held = record
            return
        if self._held is not None:
            yield from self.engine.apply(self._as_verified(self._held))
        self._statement, self._held = record.statement, None
        yield from self.engine.apply(self._as_verified(record))

    def _as_verified(self, record: JournalRecord) -> JournalRecord:
        """What of a record the bundle tells: figures of the entity need no more of another's."""
        if record.statement.entity in (None, ENTITY):
            return record
        return expanded(self._stubber.stub(record.statement), 0, record.offset, record.journal_time, record.digest)


def check(path: Path) -> dict[str, Any]:
    """Verify a bundle, saying how far it is on standard error."""
    reader = Reader(path)
    whole, read, told, began = 2 * reader.size, 0, 0, time.perf_counter()

    def advance(count: int) -> None:
        nonlocal read, told
        read += count
        if read * 10 // whole > told:
            told = read * 10 // whole
            print(f"  {told * 10} %, {peak_bytes() / 1e6:.0f} MB", file=sys.stderr, flush=True)

    found = verify(reader, Trust(), advance)
    seconds = time.perf_counter() - began
    whole_records, entries = found.records + found.stubs, found.tally.equal
    return {"records": whole_records, "stubs": found.stubs, "entries": entries, "seconds": seconds, "peak": peak_bytes()}


class Partition:
    """A journal partition that grows by the second."""

    def __init__(self) -> None:
        self.second = 0
        self._now, self._text = START, exact_time(START)
        self._sources: dict[str, int] = {}
        self._segments = [_Segment(number) for number in range(PARTITIONS)]

    def records(self, wanted: int) -> Iterator[JournalRecord]:
        """Records in order, until a second ends with at least so many."""
        offset = 0
        while offset < wanted:
            self._now = START + self.second * SECOND
            self._text = exact_time(self._now)
            for statement in self._opening() if self.second == 0 else self._second():
                data = str(offset).encode() if statement.entity == OTHER else encode_statement(statement)
                yield JournalRecord(statement, offset, statement.at, sha256(data).digest())
                offset += 1
            self.second += 1

    def _opening(self) -> Iterator[Statement]:
        text = canonical_bytes(build_configuration(settings_of(_configuration()))).decode()
        body = {"part": 1, "parts": 1, "revision": 1, "digest": digest_of_bytes(text.encode()), "data": text}
        yield Statement("configuration", None, self._now, body)
        for number in range(ACCOUNTS):
            yield self._position(ENTITY, number)
            yield self._position(OTHER, number)
        for asset in ASSETS:
            yield self._price(asset)

    def _second(self) -> Iterator[Statement]:
        own = self.second % OWN_EVERY_S == 0
        for number, segment in enumerate(self._segments if self.second % FLUSH_EVERY_S == 0 else ()):
            theirs = (OTHER,) if number % 2 else ()
            yield from segment.flush(self._now, (*theirs, ENTITY) if own and number < 2 else theirs)
        yield from [self._position(OTHER, self.second)] * THEIR_BALANCES
        if own:
            for number in range(4):
                yield self._position(ENTITY, self.second // OWN_EVERY_S * 4 + number)
            for number in range(2):
                yield self._price(ASSETS[(self.second // OWN_EVERY_S + number) % len(ASSETS)])
            yield Statement("tick", None, self._now, {})

    def _position(self, entity: str, number: int) -> Statement:
        owed = number % 2 == 0
        body = {
            "event_id": f"b-{entity}-{self._sources.get('custody.balances', 0)}",
            "account": f"account-{number % ACCOUNTS}",
            "role": "client_liability" if owed else "client_asset",
            "storage": "ledger" if owed else ("hot" if number % 50 == 1 else "cold"),
            "asset": ASSETS[number // 2 % len(ASSETS)],
            "quantity": f"{1000 + self.second % 7 + (0 if owed else 100)}.{number % 997:08d}",
            "as_of": self._text,
            "sequence": 0,
            "source": "wallets",
            "group": None,
            "group_size": None,
        }
        return self._statement("position", entity, "custody.balances", body)

    def _price(self, asset: str) -> Statement:
        body = {
            "event_id": f"p-{self._sources.get('market.prices', 0)}",
            "asset": asset,
            "currency": "JPY",
            "price": f"{5_000_000 + self.second % 1013}.5",
            "as_of": self._text,
            "source": "index",
            "kind": "spot",
        }
        return self._statement("price", None, "market.prices", body)

    def _statement(self, kind: str, entity: str | None, topic: str, body: dict[str, Any]) -> Statement:
        offset = self._sources[topic] = self._sources.get(topic, -1) + 1
        return Statement(kind, entity, self._now, body, Source(SourcePartition(topic, 0, 0), offset), self._now)


class _Segment:
    """The open segment of one source partition of trades."""

    def __init__(self, number: int) -> None:
        self._where = SourcePartition("market.trades", 0, number)
        self._start = self._upto = 0
        self._cells: dict[tuple[str, int], int] = {}

    def flush(self, now: int, entities: Sequence[str]) -> Iterator[Statement]:
        """What trades of these entities, and some of other journal partitions, say: a flow of each, then the progress."""
        hour = hour_of(now)
        self._upto += (len(entities) + 1) * TRADES_A_FLUSH
        for entity in entities:
            self._cells[entity, hour] = self._cells.get((entity, hour), 0) + TRADES_A_FLUSH
            yield self._statement("flow", entity, now, self._flow(entity, hour, now))
        applied, final = sum(self._cells.values()), self._upto - self._start >= SEGMENT
        counts = {"applied": self._upto - self._start, "duplicate": 0, "late": 0, "dead_letter": 0}
        body = {
            "log": "log-1",
            "final": final,
            "applied": applied,
            "counts": counts,
            "newest_log": exact_time(now),
            "short": False,
        }
        yield self._statement("progress", None, now, body | {"short": False})
        if final:
            self._start = self._upto
            self._cells.clear()

    def _flow(self, entity: str, hour: int, now: int) -> dict[str, Any]:
        text, trades = exact_time(now), self._cells[entity, hour]
        newest = [
            {"time": text, "logged_at": text, "offset": self._upto - n, "trade_id": f"t{self._upto - n}", "price": f"{100 + n}"}
            for n in range(1, 5)
        ]
        cell = {
            "market": f"{ASSETS[self._where.partition % len(ASSETS)]}/JPY",
            "capacity": "venue",
            "instrument": "spot",
            "side": "buy",
            "hour": exact_time(hour),
            "trades": trades,
            "quantity": f"{trades}.25",
            "value": f"{trades * 100}.5",
            "newest": newest,
        }
        return {"log": "log-1", "newest_own": text, "newest_log": text, "cells": [cell]}

    def _statement(self, kind: str, entity: str | None, now: int, body: dict[str, Any]) -> Statement:
        return Statement(kind, entity, now, body, Source(self._where, start=self._start, upto=self._upto), None, RULES)


def _configuration() -> dict[str, Any]:
    options = {"skip": ["fiat_trust", "capital", "net_assets"]}
    methods = [{"id": "jp.psa_custody", "mode": "in_force", "options": options}]
    own = {
        "reporting_currency": "JPY",
        "time_zone": "Asia/Tokyo",
        "calendar": "JP",
        "methods": methods,
        "levels": {"dwell_s": 60},
    }
    return {
        "kafka": {"journal_partitions": 1},
        "entities": {ENTITY: own, OTHER: own},
        "revision": 1,
        "scenarios": dict.fromkeys(load_scenarios()),
    }


if __name__ == "__main__":
    result = make(Path(sys.argv[2]), int(sys.argv[3])) if sys.argv[1] == "make" else check(Path(sys.argv[2]))
    print(json.dumps(result))
