"""How long a trade takes from its production to the journal record that counts it.

A trade's clock starts when it was due, not when it was sent, and stops when a reader of the journal holds the acknowledged
progress that passes its offset: the wait for a flush, the broker and the reader's own fetch are in it.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from bisect import bisect_left
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from benchmarks.children import Child
from benchmarks.load import BATCH_BYTES, Load, Trades
from benchmarks.runs import check
from benchmarks.stage import Filled, Stage
from monitor.core.journal.records import decode_record
from monitor.core.journal.vocabulary import JOURNAL, TRADES
from streams.kafka.clients import consumer, producer

_TICK_S = 0.02
_LAST_S = 15.0


@dataclass
class Latency:
    """What was measured at a wanted rate; times in ms."""

    wanted: int
    produced: float
    p50: float
    p99: float


@dataclass
class Sent:
    """By partition: the first offset after each chunk, when the chunk was due, and how far the journal has come."""

    ends: dict[int, list[int]] = field(default_factory=dict)
    due: dict[int, list[float]] = field(default_factory=dict)
    done: dict[int, int] = field(default_factory=dict)
    waits: list[tuple[float, int]] = field(default_factory=list)

    def chunk(self, partition: int, count: int, due: float) -> None:
        ends = self.ends.setdefault(partition, [])
        ends.append((ends[-1] if ends else 0) + count)
        self.due.setdefault(partition, []).append(due)

    def passed(self, partition: int, upto: int, now: float) -> None:
        """The journal has counted all below `upto`."""
        ends, first = self.ends.get(partition, []), self.done.get(partition, 0)
        for index in range(bisect_left(ends, first + 1), len(ends)):
            begin = max(first, ends[index - 1] if index else 0)
            if begin >= upto:
                break
            self.waits.append((now - self.due[partition][index], min(upto, ends[index]) - begin))
        self.done[partition] = max(first, upto)


async def latency(stage: Stage, rate: int, seconds: float, flush_s: float = 1.0) -> Latency:
    """Produce at `rate` for some seconds while intake runs in another process; checks the totals."""
    load = Load(int(rate * seconds))
    trades, sent = Trades(load), Sent()
    run = await stage.run(Filled(load, await stage.empty(load), {}))
    reader = consumer(run.settings)
    await reader.start()
    reader.assign([TopicPartition(run.names.of(JOURNAL), 0)])
    await reader.seek_to_beginning()
    pen = producer(run.settings, max_batch_size=BATCH_BYTES, linger_ms=0)
    await pen.start()
    try:
        async with Child("benchmarks.intake", {**run.as_json(), "flush_s": flush_s, "wait": True}) as child:
            await child.until("ready")
            await child.tell("go")
            watching = asyncio.create_task(_watch(reader, sent, load.records))
            took = await produce(pen, run.names.of(TRADES), trades, rate, sent)
            await asyncio.wait_for(watching, _LAST_S + seconds)
            await child.tell("stop")
            await child.result(load.records)
        check(f"intake at {rate}/s", await run.totals(), trades.totals())
    finally:
        await reader.stop()
        await pen.stop()
    return Latency(rate, load.records / took, *_percentiles(sent.waits))


async def produce(pen: AIOKafkaProducer, topic: str, trades: Trades, rate: int, sent: Sent) -> float:
    """Send every tick what was due by then, for as long as the load lasts; gives the seconds it took."""
    began, count, total = time.monotonic(), 0, trades.wanted
    while count < total:
        due = min(total, int((time.monotonic() - began) * rate) + 1)
        ready = began + due / rate
        builders = {}
        waiting = []
        for partition, value in trades.take(min(due - count, rate // 10), time.time_ns() // 1000 * 1000):
            if partition not in builders:
                builders[partition] = pen.create_batch()
            if builders[partition].append(key=None, value=value, timestamp=None) is None:
                sent.chunk(partition, builders[partition].record_count(), ready)
                waiting.append(await pen.send_batch(builders[partition], topic, partition=partition))
                builders[partition] = pen.create_batch()
                builders[partition].append(key=None, value=value, timestamp=None)
            count += 1
        for partition, builder in builders.items():
            sent.chunk(partition, builder.record_count(), began + count / rate)
            waiting.append(await pen.send_batch(builder, topic, partition=partition))
        if waiting:
            await asyncio.wait(waiting)
        await asyncio.sleep(max(0.0, min(_TICK_S, ready + _TICK_S - time.monotonic())))
    return time.monotonic() - began


async def _watch(reader: AIOKafkaConsumer, sent: Sent, records: int) -> None:
    """Follow the progress of trades in one journal partition: it stands in all of them."""
    while sum(sent.done.values()) < records:
        for batch in (await reader.getmany(timeout_ms=200)).values():
            now = time.monotonic()
            for record in batch:
                statement = decode_record(record.value or b"", record.offset, 0).statement
                if statement.kind == "progress" and statement.source is not None and statement.source.where.topic == TRADES:
                    sent.passed(statement.source.where.partition, statement.source.upto or 0, now)


def _percentiles(waits: list[tuple[float, int]]) -> tuple[float, float]:
    """p50 and p99 in ms of times that stand for so many trades each."""
    spread = [wait for wait, count in waits for _ in range(count)]
    cuts = statistics.quantiles(spread, n=100)
    return cuts[49] * 1000, cuts[98] * 1000
