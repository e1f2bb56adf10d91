"""Intake on a broker: totals exact, refusals whole, restarts and kills without trace, both ways of fetching alike."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
import time
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import pytest
from aiokafka import TopicPartition
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from monitor.audit.signatures.keys import PrivateKey
from monitor.cli.event_files.formats import Given, reader_of
from monitor.cli.progress import text_lines
from monitor.core.journal.records import decode_record
from monitor.core.journal.vocabulary import BALANCES, JOURNAL, OPERATIONS, PRICES, TRADES
from monitor.errors import ConfigurationError, UsageError
from monitor.settings.kafka import KafkaSettings
from monitor.settings.sections import LogSettings
from streams.eventfiles.publisher import Publisher
from streams.intake.fetching import Fetch, PublicFetch, WholeFetch
from streams.intake.process import Job
from streams.intake.processes import IntakeProcesses
from streams.intake.worker import Intake
from streams.kafka.clients import consumer, ended, producer, started
from streams.kafka.topics import TopicNames
from streams.lookup.dead_letters import Act, dismiss, read_letters
from streams.lookup.requeue import requeue
from streams.wire.signatures import Signers, Signing, signers_of
from tests.intake_broker import (
    TRADE_PARTITIONS,
    Counting,
    configuration,
    expected,
    journal,
    kinds,
    logged,
    publish,
    read_so_far,
    run_intake,
    said,
    until,
)
from tests.intake_logs import Logged, trade_value

REAL_DAYS = Path(__file__).resolve().parents[3] / "shared" / "data" / "trades"
REAL_FORMATS = {"bitflyer.execution": "bitflyer-executions", "binance.spot.trade": "binance-trades"}
_LONGEST_LIFE_S, _LONGEST_PAUSE_S = 3.0, 30.0
RUBBISH = [
    b"",
    b"{",
    b"\xff",
    b"[1]",
    None,
    b'{"x":' * 200,
    trade_value(1, price="NaN"),
    trade_value(1, x=1),
    trade_value(1, entity="zz"),
]


def some_trades(topic: str, count: int, seed: int) -> list[tuple[str, int, bytes | None, bytes | None]]:
    """Trades of three entities keyed by id, every tenth one sent again, some busts, some rubbish."""
    rng = random.Random(seed)
    records: list[tuple[str, int, bytes | None, bytes | None]] = []
    for number in range(count):
        trade_id = 100_000 + number
        value = trade_value(
            trade_id,
            entity="abc"[trade_id % 3],
            market=("BTC/JPY", "ETH/JPY")[trade_id % 2],
            price=f"{rng.randrange(1, 10**7)}.{rng.randrange(100)}",
            quantity=f"0.{rng.randrange(1, 10**8):08d}",
            side=rng.choice(["buy", "sell"]),
        )
        key, partition = str(trade_id).encode(), trade_id % TRADE_PARTITIONS
        records.append((topic, partition, key, value))
        if number % 10 == 0:
            records.append((topic, partition, key, value))
        if number % 97 == 0:
            busted = json.loads(value) | {"status": "busted"}
            records.append((topic, partition, key, json.dumps(busted).encode()))
        if number % 61 == 0:
            records.append((topic, partition, key, RUBBISH[(number // 61) % len(RUBBISH)]))
    return records


def real_trades(topic: str) -> list[tuple[str, int, bytes | None, bytes | None]]:
    """The real days, with all their defects, in the order of the captures; a market to a partition."""
    records: list[tuple[str, int, bytes | None, bytes | None]] = []
    for path in sorted(REAL_DAYS.glob("*.gz")):
        made_by = next((name for part, name in REAL_FORMATS.items() if part in path.name), None)
        if made_by is None:
            continue
        for event in reader_of(made_by)(text_lines(path), Given(entity="ab"[path.name.startswith("binance")])):
            assert event.key is not None
            partition = zlib.crc32(event.key.encode()) % TRADE_PARTITIONS
            records.append((topic, partition, event.key.encode(), json.dumps(event.value).encode()))
    return records


def caught_up(intake: Intake, topic: str, logs: list[list[Logged]]) -> Callable[[], bool]:
    """Whether every partition of a topic is read to its end."""
    ends = {TopicPartition(topic, partition): log[-1].offset + 1 for partition, log in enumerate(logs) if log}
    return lambda: all(tp in intake._works and intake._works[tp].position >= end for tp, end in ends.items())


def balance(**changes: Any) -> bytes:
    record = {
        "event_id": "b-1",
        "entity": "a",
        "account": "w-1",
        "role": "client_asset",
        "storage": "hot",
        "asset": "BTC",
        "quantity": "1",
        "as_of": "2026-01-05T00:00:00Z",
    }
    return json.dumps(record | changes).encode()


async def test_totals_are_the_oracles_through_restarts(broker: Any) -> None:
    await broker.create()
    settings, names = broker.settings, broker.names
    topic, content, sent = names.of(TRADES), configuration(settings.journal_partitions), 0
    for seed in range(3):
        sent += await publish(settings, some_trades(topic, 900, seed))
        logs = await logged(settings, topic, TRADE_PARTITIONS)
        intake = Intake(settings, names, content, Counting(), 0.2)
        await run_intake(intake, caught_up(intake, topic, logs))
    assert sum(map(len, logs)) == sent
    cells, counts = expected(logs, content)
    told = await journal(settings, names)
    assert said(told) == (cells, [counts] * settings.journal_partitions, False)
    assert counts["duplicate"] >= 180
    assert counts["dead_letter"] > 0


async def test_a_refused_record_reaches_the_dead_letters_whole(broker: Any) -> None:
    await broker.create()
    settings, names = broker.settings, broker.names
    big = balance(account="x" * 900_000)
    refused = [balance(quantity="-1"), b"\xff\x00", None, big]
    topic = names.of(BALANCES)
    await publish(settings, [(topic, 0, b"k", value) for value in (balance(), *refused, balance(event_id="b-2"))])
    observer = Counting()
    intake = Intake(settings, names, configuration(settings.journal_partitions), observer, 0.2)
    await run_intake(intake, lambda: observer.total(BALANCES) == 6)
    assert observer.outcomes == {(BALANCES, "applied"): 2, (BALANCES, "dead_letter"): 4}
    assert set(observer.reasons) == {(BALANCES, why) for why in ("out_of_range", "bad_encoding", "null_value", "too_large")}
    letters = await read_letters(settings, names)
    assert [(letter.id.offset, letter.value) for letter in letters] == list(enumerate(refused, 1))
    assert all(letter.headers == (("origin", b"test"),) and letter.key == b"k" for letter in letters)
    told = kinds(await journal(settings, names))
    assert (told["position"], told["rejected"]) == (2, 1)


async def test_a_restart_states_nothing_again_that_was_acknowledged(broker: Any) -> None:
    """Each price stands in every journal partition, so those of a whole segment would be many records again."""
    if broker.settings.embedded:
        pytest.skip("the embedded broker drops what stands beside a commit")
    await broker.create()
    settings, names = broker.settings, broker.names
    price = {"event_id": "p", "asset": "BTC", "currency": "JPY", "kind": "spot", "as_of": "2026-01-05T00:00:00Z", "source": "x"}
    values = [json.dumps(price | {"price": str(number + 1)}).encode() for number in range(60)]
    topic = names.of(PRICES)
    sent = 0
    for more in ([*values, b"rubbish"], []):
        sent += len(more)
        await publish(settings, [(topic, 0, b"k", value) for value in more])
        observer = Counting()
        await run_intake(
            Intake(settings, names, configuration(settings.journal_partitions), observer, 0.2), _counted(observer, sent)
        )
    told, letters = kinds(await journal(settings, names)), await read_letters(settings, names)
    assert (told["price"], len(letters)) == (len(values) * settings.journal_partitions, 1)


def _counted(observer: Counting, count: int) -> Callable[[], bool]:
    return lambda: observer.total(PRICES) >= count


async def test_what_no_known_key_signed_is_a_dead_letter_until_somebody_vouches_for_it(broker: Any) -> None:
    await broker.create()
    settings, names = broker.settings, broker.names
    ours, other = PrivateKey(Ed25519PrivateKey.generate()), PrivateKey(Ed25519PrivateKey.generate())
    content = configuration(settings.journal_partitions)
    content["sources"][BALANCES] |= {"signatures": {"keys": [ours.public.text], "window_s": 300}}
    signing = Signing(signers_of(content["sources"]), [ours])
    forging = Signing({BALANCES: Signers(BALANCES, {other.public.id: other.public}, 0, 0)}, [other])
    for sender, number in ((signing, 1), (forging, 2), (None, 3)):
        async with Publisher(settings, names, sender) as publisher:
            await publisher.publish(BALANCES, "a", balance(event_id=f"b-{number}"))
    observer = Counting()
    await run_intake(Intake(settings, names, content, observer, 0.2), lambda: observer.total(BALANCES) == 3)
    assert observer.reasons == {(BALANCES, "unknown_signer"): 1, (BALANCES, "unsigned"): 1}
    letters = await read_letters(settings, names)
    assert [(letter.id.offset, letter.reason) for letter in letters] == [(1, "unknown_signer"), (2, "unsigned")]
    with pytest.raises(UsageError, match="asks for signatures"):
        await requeue(settings, names, letters, Act("ops", "true all the same", time.time_ns(), Signing(signing.signers)))
    await requeue(settings, names, letters, Act("ops", "true all the same", time.time_ns(), signing))
    observer = Counting()
    await run_intake(Intake(settings, names, content, observer, 0.2), lambda: observer.total(BALANCES) == 5)
    told = [decode_record(data, 0, 0).statement for part in await journal(settings, names) for data in part]
    positions = {(s.body["event_id"], s.auth) for s in told if s.kind == "position"}
    assert positions == {(f"b-{number}", f"ed25519:{ours.public.id}") for number in (1, 2, 3)}


async def test_dead_letters_are_put_back_and_dismissed(broker: Any) -> None:
    await broker.create()
    settings, names = broker.settings, broker.names
    topic = names.of(BALANCES)
    await publish(settings, [(topic, 0, b"k", balance(entity="d")), (topic, 0, b"k", balance(quantity="x"))])
    content = configuration(settings.journal_partitions)
    observer = Counting()
    await run_intake(Intake(settings, names, content, observer, 0.2), lambda: observer.total(BALANCES) == 2)
    first, second = await read_letters(settings, names)
    assert (first.reason, second.reason) == ("unknown_entity", "bad_decimal")
    act = Act("ops", "the entity is configured now", 1_767_571_200_000_000_000)
    await requeue(settings, names, [first], act)
    await dismiss(settings, names, [second], act)
    content = configuration(settings.journal_partitions, revision=2) | {"entities": {"a": {}, "d": {}}}
    observer = Counting()
    both = {BALANCES: 1, OPERATIONS: 2}
    await run_intake(
        Intake(settings, names, content, observer, 0.2),
        lambda: all(observer.total(topic) >= count for topic, count in both.items()),
    )
    letters = await read_letters(settings, names)
    assert [letter.dismissed for letter in letters] == [True, True]
    told = [decode_record(data, 0, 0).statement for part in await journal(settings, names) for data in part]
    assert {s.entity for s in told if s.kind == "position"} == {"d"}, "said again at each restart, which changes nothing"
    assert sorted(s.body["body"]["offset"] for s in told if s.kind == "operation") == [0, 1]


@pytest.mark.parametrize("way", [PublicFetch, WholeFetch])
async def test_both_ways_of_fetching_give_the_same(broker: Any, way: type[PublicFetch | WholeFetch]) -> None:
    await broker.create()
    settings, topic = broker.settings, broker.names.of(TRADES)
    records = some_trades(topic, 500, 7)
    await publish(settings, records)
    client = await started(consumer(settings, auto_offset_reset="none"), settings)
    try:
        client.assign([TopicPartition(topic, partition) for partition in range(TRADE_PARTITIONS)])
        for partition in range(TRADE_PARTITIONS):
            client.seek(TopicPartition(topic, partition), 3)
        fetch: Fetch = way(client)
        found: list[tuple[int, int, Any, Any, Any]] = []
        async with asyncio.timeout(30):
            while len(found) < len(records) - 3 * TRADE_PARTITIONS:
                for tp, batch in (await fetch(50)).items():
                    for index, offset in enumerate(batch.offsets):
                        key, headers = batch.original(index)
                        found.append((tp.partition, offset, batch.values[index], key, tuple(headers)))
                    assert await client.position(tp) == batch.offsets[-1] + 1
        assert await fetch(1) == {}
    finally:
        await ended(client)
    by_partition: list[list[Any]] = [[] for _ in range(TRADE_PARTITIONS)]
    for _, partition, key, value in records:
        by_partition[partition].append((value, key, (("origin", b"test"),)))
    wanted = [
        (partition, offset, *what)
        for partition, whats in enumerate(by_partition)
        for offset, what in enumerate(whats)
        if offset >= 3
    ]
    assert sorted(found, key=lambda one: one[:2]) == wanted


async def test_every_codec_is_read_and_tombstones_and_null_headers_too(broker: Any) -> None:
    await broker.create()
    settings, topic = broker.settings, broker.names.of(BALANCES)
    codecs = [None, "gzip", "snappy", "lz4", "zstd"]
    for codec in codecs:
        client = await started(producer(settings, compression_type=codec), settings)
        try:
            for number in range(20):
                value = balance(event_id=f"{codec}-{number}", account=f"w-{codec}-{number}")
                await client.send(topic, value=value, key=None, headers=[("a", None), ("b", b"x")])
            await client.send(topic, value=None, key=b"k")
        finally:
            await ended(client)
    observer = Counting()
    intake = Intake(settings, broker.names, configuration(settings.journal_partitions), observer, 0.2)
    await run_intake(intake, lambda: observer.total(BALANCES) == 21 * len(codecs))
    assert observer.outcomes == {(BALANCES, "applied"): 20 * len(codecs), (BALANCES, "dead_letter"): len(codecs)}
    assert intake.stopped == {}


@pytest.mark.kafka
async def test_it_is_ready_once_it_has_read_what_was_there_when_it_began(broker: Any) -> None:
    await broker.create()
    settings, names = broker.settings, broker.names
    sent = await publish(settings, some_trades(names.of(TRADES), 2_000, 1))
    observer, seen = Counting(), list[int]()
    intake = Intake(settings, names, configuration(settings.journal_partitions), observer, 0.2)

    def ready() -> bool:
        if intake.ready:
            seen.append(observer.total(TRADES))
        return bool(seen)

    await run_intake(intake, ready)
    assert seen[0] >= sent - 2 * TRADE_PARTITIONS, "what was taken in last is counted with the next flush"


@pytest.mark.kafka
async def test_the_lag_of_a_partition_that_holds_nothing_is_told(broker: Any) -> None:
    await broker.create()
    settings, names, observer = broker.settings, broker.names, Counting()
    intake = Intake(settings, names, configuration(settings.journal_partitions), observer, 0.2)
    empty = {(TRADES, partition): 0 for partition in range(TRADE_PARTITIONS)} | {(BALANCES, 0): 0}
    await run_intake(intake, lambda: observer.lags.items() >= empty.items())


@pytest.mark.kafka
async def test_older_rules_are_refused_where_newer_ones_have_committed(broker: Any) -> None:
    if broker.settings.embedded:
        pytest.skip("the embedded broker drops commit metadata")
    await broker.create()
    settings, names = broker.settings, broker.names
    await publish(settings, some_trades(names.of(TRADES), 50, 1))
    observer = Counting()
    newer = Intake(settings, names, configuration(settings.journal_partitions, revision=5), observer, 0.2)
    await run_intake(newer, lambda: newer.ready and observer.total(TRADES) > 50)
    older = Intake(settings, names, configuration(settings.journal_partitions, revision=4), Counting(), 0.2)
    with pytest.raises(ConfigurationError, match="lower than 5"):
        await run_intake(older, lambda: False)


@pytest.mark.kafka
async def test_aborted_transactions_leave_gaps_and_no_holes(broker: Any) -> None:
    if broker.settings.embedded:
        pytest.skip("the embedded broker has no transactions")
    await broker.create()
    settings, names = broker.settings, broker.names
    topic, content = names.of(TRADES), configuration(settings.journal_partitions, segment_records=40)
    client = await started(producer(settings, transactional_id=settings.prefix), settings)
    try:
        for number, record in enumerate(some_trades(topic, 400, 3)):
            if number % 20 == 0:
                await client.begin_transaction()
            await client.send(topic, value=record[3], key=record[2], partition=record[1] % 3)
            if number % 20 == 19:
                await (client.abort_transaction() if number % 60 == 59 else client.commit_transaction())
        await client.abort_transaction()
    finally:
        await ended(client)
    logs = await logged(settings, topic, TRADE_PARTITIONS)
    for fetch in (PublicFetch, WholeFetch):
        fresh = settings.model_copy(update={"prefix": f"{settings.prefix}.{fetch.__name__}"})
        intake = Intake(fresh, names, content, Counting(), 0.2, fetch=fetch)
        await run_intake(intake, caught_up(intake, topic, logs))
    cells, counts = expected(logs, content)
    assert counts["applied"] > 200
    totals, counted, lossy = said(await journal(settings, names))
    assert (totals, counted) == (cells, [counts] * settings.journal_partitions)
    assert lossy, "two groups name the log twice, which is what a topic made anew looks like"


class Worker:
    """An intake process. `read` is how many records it says it has taken in."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.read = 0
        self._process = process
        self._following = asyncio.create_task(self._follow())

    @classmethod
    async def begin(cls, broker: Any, content: dict[str, Any]) -> Self:
        settings, names = broker.settings, broker.names
        sources = {default: names.of(default) for default in content["sources"]}
        prefix = names.of("reserve.journal").removesuffix("reserve.journal")
        script = Path(__file__).with_name("intake_process.py")
        command = [sys.executable, str(script), settings.model_dump_json(), json.dumps(sources), prefix, json.dumps(content)]
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
        return cls(await asyncio.create_subprocess_exec(*command, env=environment, stdout=asyncio.subprocess.PIPE))

    async def kill(self) -> None:
        self._process.kill()
        await self._process.wait()
        await self._following

    async def _follow(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            self.read = int(line)


def _have_read(workers: list[Worker]) -> Callable[[], bool]:
    """Whether the workers have read anything since now."""
    before = sum(worker.read for worker in workers)
    return lambda: sum(worker.read for worker in workers) > before


async def _kill_while_read(broker: Any, content: dict[str, Any], kills: int, rng: random.Random) -> int:
    """Two workers read and one of them is killed, `kills` times; how often the two had read something since the last kill.

    Each kill, and each worker that comes back, moves partitions between the two.
    """
    workers: list[Worker] = []
    amidst = 0
    try:
        for _ in range(kills):
            while len(workers) < 2:
                workers.append(await Worker.begin(broker, content))
            with contextlib.suppress(AssertionError):
                await until(_have_read(workers), _LONGEST_PAUSE_S)
                amidst += 1
            await asyncio.sleep(rng.uniform(0.0, _LONGEST_LIFE_S))
            await workers.pop(rng.randrange(len(workers))).kill()
    finally:
        for worker in workers:
            await worker.kill()
    return amidst


async def _killed_again_and_again(broker: Any, records: Callable[[str], list[Any]], kills: int, seed: int) -> None:
    """Workers are killed at random while they read; then a last one reads on, and the totals are the oracle's."""
    await broker.create()
    settings, names = broker.settings, broker.names
    topic, content = names.of(TRADES), configuration(settings.journal_partitions, segment_records=2000 if kills < 20 else 10_000)
    wanted = records(topic)
    publishing = asyncio.create_task(publish(settings, wanted, len(wanted) / (kills * _LONGEST_LIFE_S)))
    amidst = await _kill_while_read(broker, content, kills, random.Random(seed))
    read = read_so_far(await journal(settings, names))
    sent = await publishing
    logs = await logged(settings, topic, TRADE_PARTITIONS)
    print(f"seed {seed}: {kills} kills, {amidst} amidst reading, up to {read:,} of {sent:,} records")  # noqa: T201 - shown with -s
    assert amidst >= kills / 2, "most kills came while nothing was read"
    last = Intake(settings, names, content, Counting(), 0.2)
    await run_intake(last, caught_up(last, topic, logs))
    assert sum(map(len, logs)) == sent
    cells, counts = expected(logs, content)
    assert said(await journal(settings, names)) == (cells, [counts] * settings.journal_partitions, False), f"seed {seed}"


@pytest.mark.timeout(300)
async def test_killed_workers_leave_no_trace(broker: Any) -> None:
    seed = random.SystemRandom().randrange(10**6)
    await _killed_again_and_again(broker, lambda topic: some_trades(topic, 20_000, seed), 4, seed)


async def test_processes_of_one_daemon_share_the_partitions_and_one_that_is_killed_comes_back(broker: Any) -> None:
    await broker.create()
    settings, names = broker.settings, broker.names
    topic, content = names.of(TRADES), configuration(settings.journal_partitions)
    observer = Counting()
    job = Job(settings, names, content, 0.2, LogSettings())
    stage = IntakeProcesses(2, job, observer)
    await stage.start()
    running = asyncio.create_task(stage.run())
    try:
        await until(lambda: stage.ready)
        sent = await publish(settings, some_trades(topic, 400, 11))
        await until(lambda: observer.total(TRADES) >= sent)
        first, *_ = stage.pids
        os.kill(first, signal.SIGKILL)
        await until(lambda: len(stage.pids) == 2 and first not in stage.pids and stage.ready)
        before = observer.total(TRADES)
        more = await publish(settings, some_trades(topic, 400, 12))
        await until(lambda: observer.total(TRADES) >= before + more)
    finally:
        await stage.stop()
    await running
    assert stage.pids == []
    logs = await logged(settings, topic, TRADE_PARTITIONS)
    cells, counts = expected(logs, content)
    assert said(await journal(settings, names)) == (cells, [counts] * settings.journal_partitions, False)


def test_a_process_of_intake_is_told_all_that_the_daemon_knows_of_names() -> None:
    """Fails where a renamed journal, or a feed, is the daemon's alone: its processes then write and read other topics."""
    names = TopicNames(
        {TRADES: "fills"}, "tokyo.", {f"{TRADES}/venue": "frames"}, {JOURNAL: "own.journal"}, frozenset({"frames"})
    )
    job = Job(KafkaSettings(bootstrap_servers="kafka:9092"), names, configuration(4), 0.5, LogSettings(level="error"))
    assert Job.of(job.line()) == job
    assert job.numbered(2) == job, "without a name"
    named = replace(job, kafka=job.kafka.model_copy(update={"instance_id": "host-3"}))
    assert [named.numbered(number).kafka.instance_id for number in (1, 2)] == ["host-3-1", "host-3-2"], "no two of one name"
    assert "\n" not in job.line()


async def test_what_no_process_of_intake_can_do_is_told_as_by_one(broker: Any) -> None:
    settings = broker.settings
    seven = settings.model_copy(update={"journal_partitions": 7})
    job = Job(seven, broker.names, configuration(7), 0.2, LogSettings())
    await broker.create()
    stage = IntakeProcesses(2, job, Counting())
    try:
        with pytest.raises(ConfigurationError, match="has 4 partitions"):
            await stage.start()
    finally:
        await stage.stop()


@pytest.mark.slow
@pytest.mark.timeout(3600)
async def test_twenty_kills_and_two_million_trades(broker: Any) -> None:
    seed = random.SystemRandom().randrange(10**6)
    await _killed_again_and_again(broker, lambda topic: some_trades(topic, 2_000_000, seed), 20, seed)


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.skipif(not REAL_DAYS.exists(), reason="the real captures lie beside the repository, and are not there")
async def test_twenty_kills_and_the_real_days(broker: Any) -> None:
    seed = random.SystemRandom().randrange(10**6)
    await _killed_again_and_again(broker, real_trades, 20, seed)
