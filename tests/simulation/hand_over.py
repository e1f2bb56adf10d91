"""A journal partition handed from worker to worker, by seeds: crashes at any send, lost sends, repeats, paused workers.

    python -m tests.simulation.hand_over [--count N] [--seed S]          or: make determinism (COUNT=200 SEED=1)

Whatever happens, what readers see must be the very bytes of a run in which nothing did: every entry of every chain once,
repeats equal, the same checkpoints with the same signatures. The workers are the product's; the broker keeps the order
of a topic, acknowledges when it likes, and loses what it had not acknowledged when a worker dies.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
from collections import defaultdict, deque
from types import SimpleNamespace
from typing import Any

from monitor.audit.checkpoints import signed
from monitor.audit.signatures.keys import Keyring
from monitor.collector import Keeper
from monitor.core.engine import Engine
from monitor.core.journal.outputs import Output
from monitor.core.journal.records import JournalRecord, encode_statement
from monitor.core.journal.vocabulary import CHECKPOINTS, OUTPUT_TOPICS
from monitor.core.values.canonical import canonical_bytes
from streams.assessor.cuts import CutCosts, Cuts, SnapshotCadence
from streams.assessor.partition import PartitionWorker
from streams.assessor.publications import Publications, output_record
from streams.assessor.snapshots import SnapshotStore
from streams.assessor.takeover import Found, _newest
from streams.slices import Slices, Turns
from tests.evidence_maker import METHODS, key
from tests.journal_maker import Journal, configuration_text, house, load
from tests.unit.streams.test_snapshots import Table

KEYS = Keyring((key(1),))
ENTITIES = ("jp-main", "kr-main")
STEPS = 24


class Crash(Exception):
    """The process of a worker ends here."""


def history(seed: int) -> list[JournalRecord]:
    """A journal of two entities over some days: everything that moves figures, ticks, a second configuration."""
    chance, journal = random.Random(seed), Journal()
    entities = {name: house(methods=METHODS[: 1 + number], levels={"dwell_s": 5}) for number, name in enumerate(ENTITIES)}
    journal.configure(configuration_text(entities), parts=2)
    for name in ENTITIES:
        load(journal, entity=name)
    second, trades = 1.0, 0
    for step in range(STEPS):
        second += chance.choice((0.05, 0.3, 1, 6, 61, 3600, 20_000))
        journal.at(second)
        name = chance.choice(ENTITIES)
        kind = chance.choice(("position", "position", "position", "price", "trades", "incident", "tick"))
        if kind == "position":
            storage = chance.choice(("hot", "cold"))
            journal.position(
                f"{storage}-1", "client_asset", storage, "BTC", str(chance.choice((0, 1, 40, 196, 900))), entity=name
            )
        elif kind == "price":
            journal.price("BTC", str(chance.choice((4_000_000, 5_000_000, 7_000_000))))
        elif kind == "trades":
            trades += 10
            journal.trades(trades, trades, f"{trades}00", entity=name)
        elif kind == "incident":
            journal.incident("i-1", chance.choice(("suspected", "confirmed", "closed")), step + 1, entity=name)
        if step == STEPS // 2:
            journal.configure(configuration_text(entities, revision=2), parts=2)
        if kind == "tick" or chance.random() < 0.6:
            journal.tick()
    return journal.records


class World:
    """The broker, the journal, and whoever works on it."""

    def __init__(self, seed: int) -> None:
        self.records = history(seed)
        self.topics: dict[str, list[bytes]] = {topic: [] for topic in (*OUTPUT_TOPICS, CHECKPOINTS)}
        self.committed = 0
        self.crashes = self.hand_overs = self.pauses = self.laid_down = 0
        self._chance = random.Random(seed + 1)
        self._changelog: list[tuple[int, bytes, bytes | None]] = []
        self._pending: dict[str, list[tuple[bytes, asyncio.Future[Any]]]] = defaultdict(list)
        self._fuse: int | None = None
        self._crashed = False
        self._holder: PartitionWorker | None = None
        self._tables: dict[PartitionWorker, _Written] = {}
        self._cadence = SnapshotCadence(records=self._chance.randint(1, 30), seconds=3600)

    async def run(self) -> None:
        """Work the journal off, however often it takes."""
        chance, idle = self._chance, list[PartitionWorker]()
        while self.committed < len(self.records):
            worker = idle.pop(chance.randrange(len(idle))) if idle and chance.random() < 0.5 else self._new()
            last = self.hand_overs + self.crashes > 6
            self._fuse = None if last or chance.random() < 0.4 else chance.randint(1, 60)
            until = len(self.records) if last or self._fuse is not None else chance.randint(1, len(self.records))
            try:
                await self._work(worker, until)
            except Crash:
                self.crashes += 1
                worker.drop()
                await asyncio.sleep(0)
                self._lose()
                continue
            self.hand_overs += 1
            if idle and chance.random() < 0.5:
                await self._awake(chance.choice(idle))
            idle.append(worker)

    async def _work(self, worker: PartitionWorker, until: int) -> None:
        self._crashed, self._holder = False, worker
        await self._take_up(worker)
        worker.take_over(self._found(worker))
        offset = self.committed
        while offset < until:
            batch = self.records[offset : offset + self._chance.randint(1, 9)]
            left = deque(map(_message, batch))
            while left:
                await worker.go_on(left, Slices())
                if worker.stopped is not None:
                    raise AssertionError(f"the worker stopped behind {worker.engine.position}: {worker.stopped}")
                if self._crashed:
                    raise Crash
            offset += len(batch)
            for _ in range(self._chance.randint(0, 3)):
                self._acknowledge_some()
                await asyncio.sleep(0)
        if until < len(self.records) and self._chance.random() < 0.5:
            await self._lay_down(worker)
        if until >= len(self.records):
            self._acknowledge_all()
            await worker.published.flush()
            await worker.cuts.written()
            self.committed = len(self.records)

    async def _lay_down(self, worker: PartitionWorker) -> None:
        """A stop in order, which may end as a crash, or have no more time: what it was given after the last snapshot is kept."""
        laying, passes = asyncio.create_task(worker.lay_down()), self._chance.choice((3, 20, 10_000))
        while not laying.done() and not self._crashed and passes:
            passes -= 1
            self._acknowledge_some()
            await asyncio.sleep(0)
        if laying.done():
            laying.result()
            kept = SnapshotStore(self._recovered(), 0).newest()
            assert (-1 if kept is None else kept.manifest.position) >= worker.engine.position, (
                "no last snapshot of what was applied"
            )
            self.laid_down += 1
        laying.cancel()
        if self._crashed or not passes:
            raise Crash

    async def _take_up(self, worker: PartitionWorker) -> None:
        """Faust recovers the table before it gives the partition out."""
        self._tables[worker].data = self._recovered().data
        await worker.prepare()

    async def _awake(self, paused: PartitionWorker) -> None:
        """One that had the partition works on for a while although another has it now."""
        self.pauses += 1
        self._fuse = None
        start = paused.engine.position + 1
        for record in self.records[start : start + self._chance.randint(0, 12)]:
            await paused.receive(_message(record))
        self._acknowledge_all()
        await asyncio.sleep(0)

    # --- the broker
    def _recovered(self) -> Table:
        return Table.recovered(SimpleNamespace(log=self._changelog))  # type: ignore[arg-type]

    def _new(self) -> PartitionWorker:
        table = _Written(self)
        worker = PartitionWorker(
            0,
            Publications(0, send=self._send, refuse=lambda _: self._write("letters", b""), observer=_Silent()),
            Cuts(
                0,
                SnapshotStore(table, 0),
                self._cadence,
                CutCosts(),
                acknowledge=lambda _, offset: self._commit(worker, offset),
                observer=_Silent(),
                ended=self._ended,
            ),
            rewind=self._rewind,
            observer=_Silent(),
            memory=Keeper(),
            check_time=True,
            keys=KEYS,
            turns=Turns(),
        )
        self._tables[worker] = table
        return worker

    def _commit(self, worker: PartitionWorker, offset: int) -> None:
        """The broker refuses it of one that has the partition no more."""
        if worker is self._holder:
            self.committed = max(self.committed, offset + 1)

    def _ended(self, writing: asyncio.Task[None]) -> None:
        """A snapshot is complete, or the process ended while it was written."""
        self._crashed = self._crashed or (not writing.cancelled() and isinstance(writing.exception(), Crash))

    async def _rewind(self, _partition: int, offset: int) -> bool:
        raise AssertionError(f"record {offset} was asked for again: the partition is delivered whole")

    async def _send(self, output: Output, _partition: int) -> asyncio.Future[Any]:
        value, _ = output_record(output)
        return self._write(output.topic, value or b"")

    def _write(self, topic: str, value: bytes) -> asyncio.Future[Any]:
        self.burn()
        sent: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._pending[topic].append((value, sent))
        if self._chance.random() < 0.5:
            self._acknowledge_some()
        asyncio.get_running_loop().call_soon(self._acknowledge_some)
        return sent

    def burn(self) -> None:
        """The process may end at any send."""
        if self._fuse is not None:
            self._fuse -= 1
            if self._fuse <= 0:
                raise Crash

    def changed(self, partition: int, name: bytes, value: bytes | None) -> None:
        """A record of the changelog."""
        self._changelog.append((partition, name, value))

    def _acknowledge_some(self) -> None:
        waiting = [topic for topic, sends in self._pending.items() if sends]
        if waiting:
            self._take(self._chance.choice(waiting))

    def _acknowledge_all(self) -> None:
        for topic, sends in self._pending.items():
            while sends:
                self._take(topic)

    def _take(self, topic: str) -> None:
        value, sent = self._pending[topic].pop(0)
        written = self.topics.setdefault(topic, [])
        written.append(value)
        if not sent.done():
            sent.set_result(SimpleNamespace(offset=len(written) - 1))

    def _lose(self) -> None:
        """Of what was not acknowledged, each topic has some beginning."""
        for topic, sends in self._pending.items():
            for _ in range(self._chance.randint(0, len(sends))):
                self._take(topic)
            sends.clear()

    def _found(self, worker: PartitionWorker) -> Found:
        """What the one who takes over reads of the outputs: see takeover.published_since."""
        self._acknowledge_all()
        standing, chains = worker.published.standing, defaultdict[str, dict[int, str]](dict)
        for topic in OUTPUT_TOPICS:
            for data in filter(None, self.topics[topic][standing.outputs.get(topic, 0) :]):
                value = json.loads(data)
                chains[value["entity"]][value["chain"]["sequence"]] = value["digest"]
        return Found(_newest(chains, standing.heads), {topic: len(self.topics[topic]) for topic in OUTPUT_TOPICS})

    # --- what readers see
    def seen(self) -> tuple[dict[tuple[str, int], bytes], list[bytes]]:
        """The entries by entity and sequence, and the checkpoints, as readers take them: repeats must be equal."""
        entries: dict[tuple[str, int], bytes] = {}
        for topic in OUTPUT_TOPICS:
            for data in filter(None, self.topics[topic]):
                value = json.loads(data)
                place = (value["entity"], value["chain"]["sequence"])
                assert entries.setdefault(place, data) == data, f"{place} was published twice, with other bytes"
        return entries, sorted(set(self.topics[CHECKPOINTS]))


class _Written(Table):
    """The table of one worker; all write one changelog."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def send_changelog(self, partition: int, key: bytes, value: bytes | None, **_: Any) -> asyncio.Future[None]:
        self._world.burn()
        self._world.changed(partition, key, value)
        sent: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        sent.set_result(None)
        return sent


class _Silent:
    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


def _message(record: JournalRecord) -> Any:
    data = encode_statement(record.statement)
    return SimpleNamespace(value=data, offset=record.offset, timestamp=record.journal_time // 1_000_000)


def undisturbed(records: list[JournalRecord]) -> tuple[dict[tuple[str, int], bytes], list[bytes]]:
    """As `World.seen`, of one engine that nothing happens to."""
    engine, entries, checkpoints = Engine(0, check_journal_time=True), dict[tuple[str, int], bytes](), set[bytes]()
    for record in records:
        for output in engine.apply(record):
            if output.value is not None:
                entries[output.entity, output.value["chain"]["sequence"]] = canonical_bytes(dict(output.value))
        checkpoints |= {canonical_bytes(signed(one, KEYS)) for one in engine.checkpoints()}
    return entries, sorted(checkpoints)


def trial(seed: int) -> World:
    """One history, disturbed as the seed says; AssertionError where readers see other bytes."""
    world = World(seed)
    asyncio.run(world.run())
    assert world.seen() == undisturbed(world.records), f"seed {seed}: readers see other bytes"
    return world


def main() -> int:
    """Prints how much was disturbed, and each seed that failed; 1 if one did."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.hand_over", description=__doc__)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    crashes = hand_overs = pauses = entries = failed = 0
    for seed in range(options.seed * 1_000_000, options.seed * 1_000_000 + options.count):
        try:
            world = trial(seed)
        except AssertionError as error:
            failed += 1
            sys.stdout.write(f"seed {seed}: {error}\n")
            continue
        crashes, hand_overs, pauses = crashes + world.crashes, hand_overs + world.hand_overs, pauses + world.pauses
        entries += len(world.seen()[0])
    sys.stdout.write(
        f"{options.count} histories, {entries} entries: {crashes} crashes, {hand_overs} hand-overs, {pauses} workers that "
        f"worked on; {failed} gave other bytes\n"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
