"""What is stated at once is stated again by a restart for one flush at most, wherever a worker dies; and nothing is left out."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from monitor.core.journal.records import SourcePartition, Statement
from monitor.core.journal.vocabulary import PRICES, TRADES
from streams.intake.beginning import Committed, Log, Metadata, decide
from streams.intake.partition import Outlets, PartitionWork
from streams.intake.segment.readers import reader_of
from streams.wire.rejected import DeadLetter
from tests.intake_logs import START_MS, Logged, batch_of, intake_rules, trade_value
from tests.simulation.intake.world import Quiet

PARTITIONS = 2
LAST = 11
FLUSH = 2
"""Records between two flushes."""
SEGMENT = 4


def _price(offset: int) -> bytes | None:
    if offset in {3, 9}:
        return b"rubbish"
    body = {"event_id": f"p{offset}", "asset": "BTC", "currency": "JPY", "price": str(offset + 1), "kind": "spot",
            "as_of": "2026-01-04T23:00:00Z", "source": "x"}  # fmt: skip
    return json.dumps(body).encode()


LOGS = {
    PRICES: [Logged(offset, START_MS, _price(offset)) for offset in range(LAST)],
    TRADES: [Logged(offset, START_MS, trade_value(offset) if offset % 3 else b"rubbish") for offset in range(LAST)],
}


class Died(Exception):
    """The worker is dead: what it still does has no effect."""


@dataclass
class Kafka:
    """What outlives workers. `dies_at`: the act with which the worker dies, `heard`: whether that act still took effect."""

    dies_at: int = -1
    heard: bool = False
    acts: int = 0
    told: Counter[Any] = field(default_factory=Counter)
    counts: dict[int, dict[str, int]] = field(default_factory=dict)
    committed: Committed | None = None
    keeps: bool = True

    def act(self) -> bool:
        """Whether this act takes effect."""
        number, self.acts = self.acts, self.acts + 1
        return self.dies_at < 0 or number < self.dies_at or (number == self.dies_at and self.heard)

    @property
    def dead(self) -> bool:
        return 0 <= self.dies_at < self.acts

    async def send(self, *what: Any) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.act():
            self._note(*what)
        if self.dead:
            raise Died
        future.set_result(None)
        return future

    def _note(self, *what: Any) -> None:
        if isinstance(what[0], DeadLetter):
            self.told["letter", what[0].offset] += 1
            return
        partition, statement = what
        assert isinstance(statement, Statement)
        source = statement.source
        assert source is not None
        if statement.kind == "progress":
            self.counts[source.start or 0] = statement.body["counts"]
        elif source.offset is not None:
            self.told[partition, source.offset] += 1

    async def commit(self, offset: int, metadata: str) -> None:
        if self.act():
            self.committed = Committed(offset, metadata)
        if self.dead:
            raise Died


async def live(kafka: Kafka, topic: str) -> None:
    """A worker from its assignment to the log's end, or to its death."""
    rules, log = intake_rules(1, partitions=PARTITIONS, segment_records=SEGMENT), LOGS[topic]
    beginning = decide(kafka.committed, Log(0, len(log)), 0, rules.rules, "log")
    if not kafka.keeps:
        beginning = replace(beginning, metadata=replace(beginning.metadata, stated=0))
    reader = reader_of(SourcePartition(topic, 0, 0), rules, "log", beginning.start)
    work = PartitionWork(reader, beginning, Outlets(kafka, kafka, kafka.commit, Quiet(), lambda: START_MS * 1_000_000))
    try:
        await work.begin()
        for first in range(work.read_from, len(log), FLUSH):
            work.offer(batch_of(log[first : first + FLUSH]))
            while not work.wants:
                await _step(work)
            work.flush()
            await _step(work)
        await work.finish()
        assert work.failure is None
    except Died:
        pass


async def _step(work: PartitionWork) -> None:
    await work.advance()
    if work.busy is not None:
        await asyncio.wait([work.busy])
        await asyncio.sleep(0)
    if work.failure is not None:
        raise work.failure


def lives(topic: str, *, dies_at: int = -1, heard: bool = False, keeps: bool = True) -> Kafka:
    """What is said by a worker that dies, and by one that begins after it."""

    async def both() -> Kafka:
        kafka = Kafka(dies_at, heard, keeps=keeps)
        await live(kafka, topic)
        kafka.dies_at = -1
        await live(kafka, topic)
        return kafka

    return asyncio.run(both())


@pytest.mark.parametrize("topic", [PRICES, TRADES])
def test_after_any_death_all_is_stated_and_at_most_one_flush_again(topic: str) -> None:
    whole = lives(topic)
    acts = whole.acts
    for dies_at in range(acts):
        for heard in (False, True):
            kafka = lives(topic, dies_at=dies_at, heard=heard)
            assert kafka.told.keys() == whole.told.keys(), f"act {dies_at}: something was left out, or made up"
            assert kafka.counts == whole.counts, "a segment's counts are of all its records, whoever states them"
            again = {offset for (_, offset), times in kafka.told.items() if times > 1}
            assert max(kafka.told.values()) <= 2
            assert len(again) <= FLUSH, f"act {dies_at}: {sorted(again)} again"


def test_a_restart_at_rest_states_nothing_again() -> None:
    """704 prices became 11,264 records with 16 partitions: each again in every one."""
    kafka = lives(PRICES)
    prices = [offset for offset in range(LAST) if offset not in {3, 9}]
    assert kafka.told == Counter([(p, offset) for p in range(PARTITIONS) for offset in prices] + [("letter", 3), ("letter", 9)])
    assert kafka.committed is not None
    known = Metadata.parse(kafka.committed.metadata)
    assert known is not None
    assert (kafka.committed.offset, known.stated) == (8, LAST)


def test_without_what_was_stated_a_restart_states_the_open_segment_again() -> None:
    kafka = lives(PRICES, keeps=False)
    assert {offset for (_, offset), times in kafka.told.items() if times > 1} == {8, 9, 10}


def test_other_rules_state_their_segment_anew() -> None:
    """They may say something else of its records."""
    kafka = lives(PRICES)
    committed = kafka.committed
    assert committed is not None
    found = decide(committed, Log(0, LAST), 0, intake_rules(2).rules, "new")
    assert (found.start, found.metadata.stated, found.commit) == (8, 0, True)
    raised = decide(committed, Log(0, LAST), 1, intake_rules(1).rules, "new")
    assert (raised.start, raised.metadata.stated) == (8, 0)
