"""Assessors that are killed, joined and stopped publish what one engine computes from the journal, to the byte (JOURNAL 6, 7)."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Self, cast

import pytest
from aiokafka import TopicPartition

from monitor.core.engine import Engine
from monitor.core.journal.chain import ENGINE_VERSION
from monitor.core.journal.outputs import Output
from monitor.core.journal.records import Source, SourcePartition, journal_partition
from monitor.core.journal.vocabulary import ALERTS, JOURNAL, OUTPUT_TOPICS
from monitor.core.values.times import from_ms, parse_time
from monitor.settings.load import settings_of
from monitor.settings.record import build_configuration
from streams.assessor.observer import AssessorObserver
from streams.assessor.publications import output_record
from streams.assessor.worker import Assessor
from streams.journal.writer import JournalProducer, journal_records, publish_configuration
from streams.kafka.clients import consumer, ended, started, started_producer
from streams.lookup.dead_letters import read_letters
from tests.contract.conftest import PARTITIONS, Broker
from tests.intake_broker import until
from tests.journal_maker import Journal, house

ROOT = Path(__file__).parents[2]
STEP_NS = 2_000_000
PATIENCE_S = 40
Published = dict[str, list[tuple[bytes, bytes | None]]]


@contextlib.asynccontextmanager
async def assessor(broker: Broker, engine: str = ENGINE_VERSION) -> AsyncIterator[asyncio.subprocess.Process]:
    """A worker process, killed at the end if it still runs. `engine`: the version its engine says it is."""
    arguments = [broker.settings.model_dump_json(), json.dumps(dict(broker.names.sources)), broker.names.prefix, engine]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(Path(__file__).with_name("assessor_process.py")),
        *arguments,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def terminate(process: asyncio.subprocess.Process) -> None:
    """Stop it in order: within ten seconds of its own, and what a busy machine adds."""
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(20):
        assert await process.wait() == 0


class Feed:
    """Writes into every journal partition, for one entity of each, balances that take it into shortfall and back."""

    def __init__(self, broker: Broker, journal: JournalProducer) -> None:
        self._broker = broker
        self._journal = journal
        self._entities = {journal_partition(f"venue-{number}", PARTITIONS): f"venue-{number}" for number in range(40)}
        self._steps = 0

    async def begin(self) -> None:
        """The configuration, a price, and what the entities hold."""
        entities = {name: house(levels={"dwell_s": 0}) for name in self._entities.values()}
        wanted = {"kafka": {"journal_partitions": PARTITIONS}, "entities": entities, "revision": 1, "publish_interval_s": 1}
        content = build_configuration(settings_of(wanted))
        await publish_configuration(self._broker.settings, self._broker.names, content, time.time_ns(), self._journal)
        await self._write(self._opening)

    async def steps(self, count: int) -> None:
        """So many changes of each entity's hot wallet, each followed by a tick."""
        await self._write(lambda maker, entity: self._toggle(maker, entity, count))
        self._steps += count

    async def lies(self, count: int) -> list[bytes]:
        """So many balances of 1998 behind a good one, each in source and journal as intake leaves them; their bytes."""
        partition, entity = min(self._entities.items())
        topic, names = "custody.balances", self._broker.names
        values = [json.dumps({"wallet": "hot", "raw": number}).encode() for number in range(count + 1)]
        client = await started_producer(self._broker.settings)
        for number, value in enumerate(values):
            logged = time.time_ns() // 1_000_000
            sent = await client.send_and_wait(names.of(topic), value, key=b"hot", partition=0, timestamp_ms=logged)
            maker = Journal(from_ms(logged))
            as_of = maker.now if number == 0 else parse_time("1998-06-01T00:00:00Z")
            maker.position("odd", "client_asset", "hot", "BTC", str(number), entity=entity, as_of=as_of)
            source = Source(SourcePartition(topic, 0, 0), sent.offset)
            statement = replace(maker.records[0].statement, at=time.time_ns(), source=source)
            await (await self._journal.send(partition, statement))
        await ended(client)
        return values[1:]

    def _opening(self, maker: Journal, entity: str) -> None:
        maker.price("BTC", "5000000")
        maker.position("vault", "client_asset", "cold", "BTC", "1000", entity=entity)
        maker.position("ledger", "client_liability", "ledger", "BTC", "1000", entity=entity)
        maker.position("own", "guarantee_asset", "cold", "BTC", "50", entity=entity)

    def _toggle(self, maker: Journal, entity: str, count: int) -> None:
        for number in range(count):
            maker.now += STEP_NS
            quantity = "45" if (self._steps + number) % 2 else "450"
            maker.position("hot", "client_asset", "hot", "BTC", quantity, entity=entity)
            maker.now += STEP_NS
            maker.tick()

    async def _write(self, make: Callable[[Journal, str], None]) -> None:
        sent = []
        for partition, entity in self._entities.items():
            maker = Journal(time.time_ns())
            make(maker, entity)
            sent += [await self._journal.send(partition, record.statement) for record in maker.records]
        await asyncio.gather(*sent)


class Tail:
    """Follows the outputs of every partition: keys and values by default topic name, in order."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker
        self._default = {broker.names.of(topic): topic for topic in OUTPUT_TOPICS}
        self._client = consumer(broker.settings)
        self.sequences: dict[int, set[int]] = {partition: set() for partition in range(PARTITIONS)}
        self.found: dict[int, Published] = {partition: {topic: [] for topic in OUTPUT_TOPICS} for partition in range(PARTITIONS)}

    async def __aenter__(self) -> Self:
        await started(self._client, self._broker.settings)
        self._client.assign([TopicPartition(topic, partition) for topic in self._default for partition in range(PARTITIONS)])
        return self

    async def __aexit__(self, *_: object) -> None:
        await ended(self._client)

    async def begun(self, sequence: int) -> None:
        """Wait until some chain has come to `sequence`."""
        await self._until(lambda: any(sequence in have for have in self.sequences.values()))

    async def complete(self) -> None:
        """Wait until all is published that the journal as it is now gives."""
        wanted = {partition: len(await uninterrupted(self._broker, partition)) for partition in range(PARTITIONS)}
        await self._until(lambda: all(len(self.sequences[each]) >= count for each, count in wanted.items()))

    async def _until(self, reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not reached():
                await self._poll(200)

    async def quiet(self) -> None:
        """Wait until nothing more comes."""
        silent = 0
        while silent < 3:
            silent = 0 if await self._poll(100) else silent + 1

    async def _poll(self, timeout_ms: int) -> bool:
        batches = await self._client.getmany(timeout_ms=timeout_ms)
        for records in batches.values():
            for record in records:
                assert record.key is not None
                self.found[record.partition][self._default[record.topic]].append((record.key, record.value))
                if record.value:
                    self.sequences[record.partition].add(json.loads(record.value)["chain"]["sequence"])
        return bool(batches)


async def uninterrupted(broker: Broker, partition: int) -> list[Output]:
    """What an engine that never stopped makes of the partition."""
    engine = Engine(partition, check_journal_time=not broker.settings.embedded)
    outputs: list[Output] = []
    async for record in journal_records(broker.settings, broker.names, partition):
        outputs += engine.apply(record)
    return outputs


async def compare(broker: Broker, tail: Tail, partition: int) -> Published:
    """None of the outputs is other than computed, none is missing below the newest. Gives what came again."""
    expected: Published = {topic: [] for topic in OUTPUT_TOPICS}
    for output in await uninterrupted(broker, partition):
        expected[output.topic].append((output.key.encode(), output_record(output)[0]))
    have = tail.sequences[partition]
    assert have == set(range(1, len(have) + 1))
    again: Published = {}
    for topic, records in tail.found[partition].items():
        distinct = list(dict.fromkeys(records))
        assert distinct == expected[topic][: len(distinct)]
        again[topic] = list((Counter(records) - Counter(distinct)).elements())
    return again


@pytest.fixture
async def feed(broker: Broker) -> AsyncIterator[Feed]:
    await broker.create()
    journal = JournalProducer(broker.settings, broker.names)
    await journal.start()
    feed = Feed(broker, journal)
    await feed.begin()
    yield feed
    await journal.stop()


async def test_what_only_the_engine_refuses_is_one_dead_letter_with_its_bytes_though_the_assessor_is_killed(
    broker: Broker, feed: Feed
) -> None:
    """Fails where a balance that lies about its time leaves no dead letter, or two, or one without what was sent."""
    await feed.steps(5)
    values = await feed.lies(30)
    for wait_for in (10, 30):
        async with assessor(broker) as process, asyncio.timeout(PATIENCE_S):
            while len(letters := await read_letters(broker.settings, broker.names)) < wait_for:
                assert process.returncode is None
            process.kill()
            await process.wait()
    assert [letter.value for letter in letters] == values
    assert {(letter.reason, letter.key, letter.id.where.topic) for letter in letters} == {("too_old", b"hot", "custody.balances")}
    assert [letter.id.offset for letter in letters] == list(range(1, 31))


async def test_a_killed_assessor_loses_and_doubles_nothing(broker: Broker, feed: Feed) -> None:
    await feed.steps(40)
    async with Tail(broker) as tail, assessor(broker) as first:
        await tail.begun(60)
        first.kill()
        await first.wait()
        await tail.quiet()
        seen = {partition: len(have) for partition, have in tail.sequences.items()}
        async with assessor(broker) as second:
            await feed.steps(5)
            await tail.complete()
            await terminate(second)
        await tail.quiet()
        for partition in range(PARTITIONS):
            again = await compare(broker, tail, partition)
            assert sum(map(len, again.values())) <= seen[partition] < len(tail.sequences[partition])


async def test_partitions_that_change_hands_go_on_where_they_were(broker: Broker, feed: Feed) -> None:
    await feed.steps(10)
    async with Tail(broker) as tail, assessor(broker) as first:
        await tail.complete()
        async with assessor(broker) as second:
            for _ in range(5):
                await feed.steps(3)
                await tail.complete()
            await terminate(first)
            await feed.steps(10)
            await tail.complete()
            await terminate(second)
        await tail.quiet()
        for partition in range(PARTITIONS):
            await compare(broker, tail, partition)


async def test_a_release_with_another_engine_goes_on_behind_one_that_was_stopped(broker: Broker, feed: Feed) -> None:
    """What lets it fail: entries behind the last snapshot, which the other engine computes with other bytes."""
    await feed.steps(10)
    async with Tail(broker) as tail, assessor(broker) as before:
        await tail.complete()
        await terminate(before)
        await tail.quiet()
        stopped_at = {partition: max(have) for partition, have in tail.sequences.items()}
        async with assessor(broker, "another") as behind:
            await feed.steps(3)
            await tail.complete()
            await terminate(behind)
        for partition, published in tail.found.items():
            values = [json.loads(value) for records in published.values() for _, value in records if value]
            entries = {value["chain"]["sequence"]: value for value in values}
            assert entries.keys() == set(range(1, len(entries) + 1))
            assert all(entries[n + 1]["chain"]["previous_digest"] == entries[n]["digest"] for n in entries if n + 1 in entries)
            made_by = {n: ENGINE_VERSION if n <= stopped_at[partition] else "another" for n in entries}
            assert {n: entry["engine_version"] for n, entry in entries.items()} == made_by
            assert len(entries) > stopped_at[partition]


async def test_a_commit_ahead_of_every_snapshot_is_read_from_where_the_snapshots_end(broker: Broker, feed: Feed) -> None:
    await feed.steps(10)
    group = broker.settings.group("assessor")
    client = await started(consumer(broker.settings, group=group), broker.settings)
    journal = [TopicPartition(broker.names.of(JOURNAL), partition) for partition in range(PARTITIONS)]
    client.assign(journal)
    await client.commit(dict.fromkeys(journal, 9))
    await ended(client)
    async with Tail(broker) as tail, assessor(broker) as worker:
        await tail.complete()
        await terminate(worker)
        await tail.quiet()
        for partition in range(PARTITIONS):
            again = await compare(broker, tail, partition)
            told_again = again.pop(ALERTS)  # what stands is sent once more by whoever has caught up, where it came to that
            assert not any(again.values())
            assert len(told_again) == len(set(told_again))
            assert set(told_again) <= set(dict(tail.found[partition][ALERTS]).items())


class Nobody:
    """An observer that looks away."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_: None


async def test_what_a_fetch_brings_when_the_flow_has_stopped_is_delivered_once_it_goes_on(broker: Broker, feed: Feed) -> None:
    """What lets it fail: a recovery waits for records of the snapshot table that were fetched, dropped and never sought again."""
    await feed.steps(1)
    worker = Assessor(broker.settings, broker.names, cast("AssessorObserver", Nobody()))
    await worker.start()
    try:
        await until(lambda: worker.ready)
        flow = worker._app.consumer
        table = next(tp for tp in flow.assignment() if tp.topic.endswith("-changelog"))
        begun = flow._read_offset[table] or 0
        flow.resume_partitions({table})
        await asyncio.sleep(0.3)  # a fetch that asks for it is under way
        flow.stop_flow()
        producer = await started_producer(broker.settings)
        written = await producer.send_and_wait(table.topic, b"v", key=b"k", partition=table.partition)
        await ended(producer)
        await asyncio.sleep(1.5)  # longer than that fetch waits: it has brought the record, and Faust has dropped it
        flow.resume_flow()
        assert written.offset >= begun
        await until(lambda: flow._read_offset[table] == written.offset)
    finally:
        await worker.stop()
