"""One assigned source partition at work: reading ahead by a segment at most, and the barrier (JOURNAL 3).

The barrier is the order in which things become known: what a flush says is acknowledged before its progress is sent; a
final progress is acknowledged in all journal partitions before the segment's end is committed; and nothing of the next
segment is sent before that commit has succeeded. Whatever of it fails, or stays of unknown outcome, stops the partition:
its work is thrown away, and it begins again at what is committed. Behind a flush with anything that was stated at once the
segment's start is committed again, with how far that is acknowledged: who begins there states at most one flush again.

Memory is bounded: one batch that cannot be taken in yet, the open segment, and one segment in the barrier. A partition
with a batch waiting asks for no more (`wants`).

What costs by market costs by each run of records that is taken in, and by each flush. So where the log is known to hold more,
records wait for those behind them until they are a whole run, of a block or a segment; and where it holds the segment's end
already, a flush that is due is left out once: the segment's last one comes in its place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import structlog

from monitor.core.journal.records import SourcePartition, Statement
from streams.intake.beginning import Beginning
from streams.intake.observer import IntakeObserver, SegmentCounts
from streams.intake.segment.batches import Batch, Flush
from streams.intake.segment.content import Content
from streams.intake.segment.segments import SegmentReader
from streams.wire.rejected import DeadLetter

_KEY_BY = "key each record by its trade id or by entity|market, or make the topic of one partition; then raise its epoch"

_log = structlog.get_logger(__name__)

MOST_HELD_BYTES = 2 << 20
"""Records of more bytes do not wait for those behind them."""

ACKNOWLEDGED_WITHIN_S = 60.0
"""A send without acknowledgement for longer than this stops its partition."""


class Journal(Protocol):
    """Where statements go."""

    async def send(self, partition: int, statement: Statement) -> asyncio.Future[Any]:
        """Hand a statement over; the future is done once it is acknowledged, and raises if it never will be."""


class DeadLetters(Protocol):
    """Where refused records go."""

    async def send(self, letter: DeadLetter) -> asyncio.Future[Any]:
        """Hand a dead letter over; the future is done once it is acknowledged."""


@dataclass(frozen=True, slots=True)
class Outlets:
    """Where a partition's work goes. `commit` puts (offset, metadata) on record or raises; `clock` gives the time in ns."""

    journal: Journal
    dead_letters: DeadLetters
    commit: Callable[[int, str], Awaitable[None]]
    observer: IntakeObserver
    clock: Callable[[], int]
    told: SegmentCounts = field(default_factory=SegmentCounts)
    """Outlives an assignment."""


class PartitionWork:
    """Takes batches of one partition in order and carries out its flushes. Lives from an assignment to the next."""

    def __init__(self, reader: SegmentReader, beginning: Beginning, outlets: Outlets) -> None:
        self.reader = reader
        self.failure: BaseException | None = None
        self.held_back = False
        """Whether its partition is paused until it `wants` again."""
        self._beginning = beginning
        self._out = outlets
        self._metadata = replace(beginning.metadata, stated=0).text()
        reader.stated(beginning.metadata.stated)
        self._batch: Batch | None = None
        self._index = self._bytes = 0
        self._waits = False
        self._left_out = False
        self._reached = 0
        self._unacknowledged: list[asyncio.Future[Any]] = []
        self._barrier: asyncio.Task[None] | None = None
        self._closing = False
        self._unsafe_told: dict[SourcePartition, int] = {}
        self._seen_first = False

    @property
    def wants(self) -> bool:
        """Whether another batch may be offered."""
        return (self._batch is None or self.holds) and self.failure is None

    @property
    def position(self) -> int:
        """The offset up to which records were taken in."""
        return self.reader.position

    @property
    def read_from(self) -> int:
        """The offset to read from: below the start by what must be remembered of the log."""
        return max(self.reader.remember_from(), self._beginning.log_start)

    async def begin(self) -> None:
        """Put the start on record where that is needed, before anything is sent (JOURNAL 3).

        Where retention has passed the commit, the journal is first told of the commit itself: a journal that never heard of
        the partition could not see the hole otherwise.
        """
        lost_from = self._beginning.lost_from
        if lost_from is not None:
            await self._out.commit(lost_from, self._metadata)
            await self._carry_out(self.reader.standing_at(lost_from, self._out.clock()))
        if self._beginning.commit:
            await self._out.commit(self._beginning.start, self._metadata)
        if lost_from is not None:
            await self._carry_out(self.reader.standing_at(self._beginning.start, self._out.clock()))

    def offer(self, batch: Batch) -> None:
        """Take the next batch; only when `wants` says so."""
        if self._batch is not None and not self.holds:
            raise RuntimeError("a batch was offered while another waits")
        if not len(batch):
            return
        self._first_seen(batch)
        self._batch = batch if self._batch is None else self._batch.then(batch, self._index)
        self._index = 0
        if self.reader.joins:
            self._bytes += sum(map(len, filter(None, batch.values)))

    @property
    def holds(self) -> bool:
        """Whether records wait for those behind them."""
        batch, reader = self._batch, self.reader
        if batch is None or not self._waits or self._bytes > MOST_HELD_BYTES:
            return False
        return batch.offsets[self._index] >= reader.position and batch.offsets[-1] + 1 < reader.cut_at

    def due(self, log_end: int) -> bool:
        """Whether a flush that is due shall be begun, where the log is known to reach to `log_end`."""
        self._left_out = self.reader.joins and log_end >= self.reader.segment.limit and not self._left_out
        return not self._left_out

    def has_read_to(self, end: int) -> bool:
        """Whether all before `end` was taken in, or is nothing that anybody sees."""
        return self.position >= end or (self._batch is None and self._reached >= end)

    def reached(self, position: int, *, more: bool = False) -> None:
        """Note the consumer's position, which runs past offsets that nobody sees.

        `more`: the log is known to hold more, for which records may wait.
        """
        self._reached = max(self._reached, position)
        self._waits = more and self.reader.joins

    async def advance(self) -> None:
        """Take in what can be taken in, and hand over what need not wait for a flush."""
        if self.failure is not None:
            return
        while True:
            self._take_in()
            await self._hand_over()
            if not self.reader.ended or self._barrier is not None:
                return
            self.flush()

    def flush(self) -> None:
        """Begin a flush, if something has changed and none is under way."""
        if self._barrier is not None or self.failure is not None:
            return
        flush = self.reader.flush(self._out.clock())
        self._left_out = False
        if flush is not None:
            self._closing = flush.final
            self._barrier = asyncio.create_task(self._carry_out(flush))
            self._barrier.add_done_callback(self._carried_out)

    async def finish(self) -> None:
        """Say once more how far everything was taken in, behind the flush under way."""
        for _ in range(2):
            if self._barrier is not None:
                await asyncio.wait([self._barrier])
            self.flush()
        if self._barrier is not None:
            await asyncio.wait([self._barrier])

    def abandon(self) -> None:
        """The partition was taken away: nothing more is sent of it."""
        self.failure = self.failure or asyncio.CancelledError()
        if self._barrier is not None:
            self._barrier.cancel()
        for future in self._unacknowledged:
            future.add_done_callback(_noted)

    @property
    def busy(self) -> asyncio.Task[None] | None:
        """The flush under way."""
        return self._barrier

    def _first_seen(self, batch: Batch) -> None:
        """The first record there is tells whether retention hides some of the look-back."""
        if self._seen_first:
            return
        self._seen_first = True
        reader, log_start = self.reader, self._beginning.log_start
        if self._beginning.cut and reader.remember_from() < log_start:
            reader.hidden(log_start, batch.times_ms[0])

    def _take_in(self) -> None:
        reader, batch = self.reader, self._batch
        if batch is not None and not self.holds:
            if batch.offsets[self._index] < self._beginning.start:
                reader.remember(batch)
            self._bytes, self._index = 0, reader.feed(batch, self._index, self._out.clock())
            if self._index >= len(batch):
                self._batch = None
            self._count()
        if self._batch is None:
            reader.reach(self._reached)

    def _count(self) -> None:
        start = self.reader.segment.start
        for content in self.reader.contents:
            where, counts = content.findings.where, content.findings.counts.body()
            for outcome, count in self._out.told.news(where, start, counts):
                self._out.observer.counted(where.topic, outcome, count)
            self._tell_keys(content)

    def _tell_keys(self, content: Content) -> None:
        findings = content.findings
        told, self._unsafe_told[findings.where] = self._unsafe_told.get(findings.where, 0), findings.unsafe_keys
        if findings.unsafe_keys > told:
            self._out.observer.keys_unsafe(findings.where.topic, findings.unsafe_keys - told)
        if findings.unsafe_keys and not told:
            _log.warning("intake_keys_unsafe", topic=findings.where.topic, partition=findings.where.partition, next=_KEY_BY)

    async def _hand_over(self) -> None:
        """Dead letters at once; statements too, but not of the next segment while this one's end is not committed."""
        reader = self.reader
        for letter in reader.take_dead_letters():
            self._out.observer.dead_letter(letter.where.topic, letter.reason.value)
            self._unacknowledged.append(await self._out.dead_letters.send(letter))
        if self._barrier is None or not self._closing:
            for partition, statement in reader.take():
                self._unacknowledged.append(await self._out.journal.send(partition, statement))

    async def _carry_out(self, flush: Flush) -> None:
        waiting, self._unacknowledged = self._unacknowledged, []
        for partition, statement in flush.contents:
            waiting.append(await self._out.journal.send(partition, statement))
        await _acknowledged(waiting)
        await _acknowledged([await self._out.journal.send(partition, statement) for partition, statement in flush.progress])
        if flush.final:
            await self._out.commit(flush.upto, self._metadata)
        elif flush.stated and self._beginning.keeps_metadata:
            await self._out.commit(flush.start, replace(self._beginning.metadata, stated=flush.upto).text())

    def _carried_out(self, task: asyncio.Task[None]) -> None:
        self._barrier, self._closing = None, False
        if task.cancelled():
            self.failure = self.failure or asyncio.CancelledError()
        elif (error := task.exception()) is not None:
            self.failure = self.failure or error


async def _acknowledged(futures: list[asyncio.Future[Any]]) -> None:
    """Wait for every acknowledgement; raises the first failure, or TimeoutError where one stays out."""
    if not futures:
        return
    done, pending = await asyncio.wait(futures, timeout=ACKNOWLEDGED_WITHIN_S, return_when=asyncio.FIRST_EXCEPTION)
    for future in (*done, *pending):
        future.add_done_callback(_noted)
    for future in done:
        future.result()
    if pending:
        raise TimeoutError(f"{len(pending)} sends stayed without acknowledgement for {ACKNOWLEDGED_WITHIN_S:.0f} s")


def _noted(future: asyncio.Future[Any]) -> None:
    """Look at a result nobody waits for any more."""
    if not future.cancelled():
        future.exception()
