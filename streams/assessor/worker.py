"""The assessor: one worker that feeds journal partitions to their engines, publishes, keeps time and takes snapshots.

Faust assigns the partitions and recovers the snapshot table. Its own acknowledgement is off: a record is acknowledged only
once a complete snapshot holds it, so the commit never passes the snapshot, and every record is applied exactly once in
effect: at or before the memory's position it is skipped, next to it applied, beyond it met by the snapshot (JOURNAL 6).
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
import time
from collections.abc import Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from faust.types import TP

from monitor.audit.signatures.keys import Keyring
from monitor.collector import Keeper, exempt
from monitor.core.engine import Engine
from monitor.core.journal.outputs import Output
from monitor.core.journal.records import Statement
from monitor.core.journal.vocabulary import JOURNAL
from monitor.core.values.times import SECOND
from monitor.errors import ConnectionProblem
from monitor.settings.kafka import KafkaSettings
from streams.assessor.cuts import CutCosts, Cuts, SnapshotCadence
from streams.assessor.faust_app import SnapshotTable, create_app, journal_topic
from streams.assessor.observer import AssessorObserver
from streams.assessor.partition import PartitionWorker
from streams.assessor.publications import Publications, output_record
from streams.assessor.refusals import Originals, RefusalWriter, connected
from streams.assessor.snapshots import SnapshotStore
from streams.assessor.takeover import published_since
from streams.assessor.ticks import IDLE_NS, Cost, Ticker
from streams.journal.deadletter import DeadLetterProducer
from streams.journal.writer import JournalProducer
from streams.kafka.clients import ended, started_producer
from streams.kafka.pace import FetchPace
from streams.kafka.topics import TopicNames, require_topics, topic_specs
from streams.slices import Turns

_log = structlog.get_logger(__name__)

_LOOK_S = 0.05
_REFRESH_S = 1.0
_RESEND_S = 3600.0
_LAST_SNAPSHOT_S = 2.0
"""What a stop leaves to the last snapshots of all partitions."""


class Assessor:
    """One worker. `start` returns when it runs, `run` when it has ended, `stop` ends it and keeps what it knows.

    `ConnectionProblem` and `ConfigurationError` come from `start` when the broker is away or its topics are not as they must be,
    and from `run` when a send is refused for good: what was not acknowledged is then read again by whoever takes over.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        names: TopicNames,
        observer: AssessorObserver,
        cadence: SnapshotCadence | None = None,
        keys: Keyring | None = None,
        *,
        idle_ns: int = IDLE_NS,
        check_evaluations: bool = False,
    ) -> None:
        self._settings = settings
        self._keys = keys or Keyring()
        self._names = names
        self._observer = observer
        self._cadence = cadence or SnapshotCadence()
        self._idle_ns = idle_ns
        self._check_evaluations = check_evaluations
        self._memory = Keeper()
        self._turns = Turns()
        self._cut_costs = CutCosts()
        self._pressed = asyncio.Event()
        """Set where a partition has come to have something that is looked at at once."""
        self._journal = JournalProducer(settings, names)
        self._letters = DeadLetterProducer(settings, names, time.time_ns)
        self._originals = Originals(partial(connected, settings), names)
        self._refusals = RefusalWriter(self._letters, self._originals, observer)
        self._folder = Path(tempfile.mkdtemp(prefix="reserve-monitor-"))
        self._workers: dict[int, PartitionWorker] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._tickers: dict[int, Ticker] = {}
        self._assigned: set[int] | None = None
        self._to_take_over = False
        self._failure: asyncio.Future[None] | None = None
        self._clock: asyncio.Task[None] | None = None
        self._refusing: asyncio.Task[None] | None = None
        self._outputs: AIOKafkaProducer | None = None
        self._app: Any = None
        self._table: Any = None
        self._resent = time.monotonic()

    @property
    def engines(self) -> Mapping[int, Engine]:
        """Engines of the journal partitions held now, by partition."""
        return {partition: worker.engine for partition, worker in sorted(self._workers.items()) if worker.taken_over}

    @property
    def stopped(self) -> Mapping[int, str]:
        """Partitions that stand still until an operator acts, with the reason."""
        return {partition: worker.stopped for partition, worker in sorted(self._workers.items()) if worker.stopped is not None}

    @property
    def ready(self) -> bool:
        """Whether every partition held has been read up to the present since it was assigned, and none stands still."""
        return (
            self._assigned is not None
            and not self.stopped
            and all(partition in self._workers and self._tickers[partition].caught_up for partition in self._assigned)
        )

    async def start(self) -> None:
        """Check the topics, connect, join the group."""
        exempt()
        await require_topics(self._settings, topic_specs(self._settings, self._names))
        self._failure = asyncio.get_running_loop().create_future()
        await self._journal.start()
        await self._letters.start()
        self._outputs = await started_producer(self._settings)
        self._app = create_app(self._settings, self._folder)
        self._table = SnapshotTable(self._app, self._settings, self._outputs)
        self._app.agent(journal_topic(self._app, self._settings, self._names), name="journal")(self._consume)
        self._app.on_partitions_assigned.connect(self._on_assigned, weak=False)
        self._refusing = asyncio.create_task(self._refusals.run(), name="refusals")
        self._refusing.add_done_callback(self._on_ended)
        await self._app.start()
        self._clock = asyncio.create_task(self._keep_time())
        self._clock.add_done_callback(self._on_ended)

    async def run(self) -> None:
        """Work until `stop`; raises what ended it otherwise."""
        if self._failure is None:
            raise RuntimeError("the assessor is not started")
        ended_by_itself = asyncio.ensure_future(self._app.wait_until_stopped())
        await asyncio.wait({self._failure, ended_by_itself}, return_when=asyncio.FIRST_COMPLETED)
        ended_by_itself.cancel()
        if self._failure.done():
            self._raise(self._failure.exception())
        self._raise(self._app.crash_reason)

    async def stop(self) -> None:
        """Finish what is in hand, keep it in a last snapshot, send what is buffered, leave the group."""
        await _cancelled(self._clock)
        await self._lay_down()
        await _cancelled(self._refusing, *self._tasks.values())
        for worker in self._workers.values():
            worker.drop()
        if self._app is not None:
            await self._app.stop()
        if self._outputs is not None:
            await ended(self._outputs)
        await self._originals.stop()
        await self._letters.stop()
        await self._journal.stop()
        shutil.rmtree(self._folder, ignore_errors=True)
        if self._failure is not None and not self._failure.done():
            self._failure.set_result(None)

    async def _lay_down(self) -> None:
        """A last snapshot of each partition, if the broker takes it in time: else what is behind the one before is read again."""
        if self._failure is None or self._failure.done():
            return
        laying = [asyncio.create_task(worker.lay_down()) for worker in self._workers.values()]
        if laying:
            await asyncio.wait(laying, timeout=_LAST_SNAPSHOT_S)
        await _cancelled(*(task for task in laying if not task.done()))
        for task in laying:
            if task.cancelled() or task.exception() is not None:
                _log.warning("no last snapshot", detail=None if task.cancelled() else repr(task.exception()))

    async def _consume(self, stream: Any) -> None:
        async for event in stream.noack().events():
            if not self._current(event):
                continue
            try:
                if self._to_take_over:
                    await self._take_over()
                await self._workers[event.message.partition].put(event)
            except Exception as error:  # noqa: BLE001 - Faust would start this agent again and go on behind the failure
                self._fail(error)
                return

    def _current(self, event: Any) -> bool:
        message = event.message
        return message.generation_id == self._app.consumer_generation_id and message.partition in (self._assigned or ())

    async def _on_assigned(self, _sender: Any, assigned: Any, **_: Any) -> None:
        topic = self._names.of(JOURNAL)
        self._assigned = {tp.partition for tp in assigned if tp.topic == topic}
        self._to_take_over = True
        for partition in sorted(self._workers.keys() - self._assigned):
            await self._release(partition)
        for partition in sorted(self._assigned):
            if partition not in self._workers:
                self._hold(partition)
            self._tickers[partition] = Ticker(self._idle_ns)
        _log.info("journal partitions assigned", partitions=sorted(self._assigned))

    def _hold(self, partition: int) -> None:
        worker = PartitionWorker(
            partition,
            Publications(partition, send=self._send, refuse=self._refusals.put, observer=self._observer),
            Cuts(
                partition,
                SnapshotStore(self._table, partition),
                self._cadence,
                self._cut_costs,
                acknowledge=self._acknowledge,
                observer=self._observer,
                ended=self._on_ended,
            ),
            rewind=self._rewind,
            observer=self._observer,
            memory=self._memory,
            check_time=not self._settings.embedded,
            keys=self._keys,
            turns=self._turns,
            press=self._pressed.set,
            check_evaluations=self._check_evaluations,
        )
        self._workers[partition] = worker
        task = asyncio.create_task(worker.run(self._current), name=f"journal partition {partition}")
        task.add_done_callback(self._on_ended)
        self._tasks[partition] = task

    async def _release(self, partition: int) -> None:
        task, worker = self._tasks.pop(partition), self._workers.pop(partition)
        del self._tickers[partition]
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        worker.drop()
        self._observer.partition_released(partition, worker.engine.entities())

    async def _take_over(self) -> None:
        """Restore what is behind the table, then learn what is published already, of all partitions assigned at once."""
        self._to_take_over = False
        workers = [self._workers[partition] for partition in sorted(self._assigned or ())]
        for worker in workers:
            await worker.prepare()
        found = await published_since(
            self._settings, self._names, {worker.partition: worker.published.standing for worker in workers}
        )
        for worker in workers:
            worker.take_over(found[worker.partition])

    async def _send(self, output: Output, partition: int) -> asyncio.Future[Any]:
        if self._outputs is None:
            raise RuntimeError("the assessor is not started")
        value, headers = output_record(output)
        FetchPace.passed_on()
        sent: asyncio.Future[Any] = await self._outputs.send(
            self._names.of(output.topic), value, key=output.key.encode(), partition=partition, headers=headers
        )
        return sent

    def _acknowledge(self, partition: int, offset: int) -> None:
        self._app.consumer.acknowledge(TP(self._names.of(JOURNAL), partition), offset)

    async def _rewind(self, partition: int, offset: int) -> bool:
        tp = TP(self._names.of(JOURNAL), partition)
        first = (await self._app.consumer.earliest_offsets(tp))[tp]
        if first is not None and first > offset:
            return False
        self._app.consumer.rewind(tp, offset)
        return True

    async def _keep_time(self) -> None:
        refreshed = 0.0
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._pressed.wait(), _LOOK_S)
            self._pressed.clear()
            load = sum(worker.evaluation_ns for worker in self._workers.values())
            for partition, worker in list(self._workers.items()):
                ticker, now = self._tickers[partition], time.time_ns()
                cost = Cost(worker.evaluation_ns, load, urgent=worker.urgent)
                at = ticker.due(worker.engine, now, begun=worker.taken_over, cost=cost, known=worker.known(now))
                if at is not None and worker.stopped is None:
                    ticker.written(at, await self._journal.send(partition, Statement("tick", None, at, worker.cuts.telling())))
            if time.monotonic() - refreshed >= _REFRESH_S:
                refreshed = time.monotonic()
                await self._refresh()

    async def _refresh(self) -> None:
        resend = time.monotonic() - self._resent >= _RESEND_S
        held = self._app.consumer.assignment()
        for partition, worker in list(self._workers.items()):
            if not worker.taken_over:
                continue
            touched, worker.touched = worker.touched, set()
            self._observer.evaluated(worker.engine, sorted(touched))
            self._observer.engine_clock(partition, worker.engine.clock)
            self._observer.unheeded(partition, worker.engine.unheeded)
            self._observer.journal_lag(partition, *self._lag(worker, held))
            if self._tickers[partition].newly_caught_up() or (resend and self._tickers[partition].caught_up):
                await worker.send_standing()
        if resend:
            self._resent = time.monotonic()

    def _lag(self, worker: PartitionWorker, held: Collection[TP]) -> tuple[int, float]:
        tp = TP(self._names.of(JOURNAL), worker.partition)
        highwater = (self._app.consumer.highwater(tp) if tp in held else None) or 0
        records = max(0, highwater - worker.engine.position - 1)
        return records, max(0, time.time_ns() - worker.last_applied) / SECOND if records and worker.last_applied else 0.0

    def _on_ended(self, task: asyncio.Task[None]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        if self._failure is not None and not self._failure.done():
            self._failure.set_exception(error)

    def _raise(self, error: BaseException | None) -> None:
        if error is None or isinstance(error, asyncio.CancelledError):
            return
        if isinstance(error, (KafkaError, OSError, TimeoutError)):
            raise ConnectionProblem(f"the assessor lost its broker at {self._settings.bootstrap_servers}: {error!r}") from error
        raise error


async def _cancelled(*tasks: asyncio.Task[None] | None) -> None:
    """Cancel these and wait for their end."""
    given = [task for task in tasks if task is not None]
    for task in given:
        task.cancel()
    await asyncio.gather(*given, return_exceptions=True)
