"""One journal partition on this worker: its engine, what it has published, what is acknowledged (JOURNAL 6, 7)."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

import structlog

from monitor.audit.checkpoints import signed
from monitor.audit.signatures.keys import Keyring
from monitor.collector import Keeper, building
from monitor.core.configuration.controls import Controls
from monitor.core.engine import Engine
from monitor.core.journal.chain import ENGINE_VERSION, Forked
from monitor.core.journal.outputs import Output
from monitor.core.journal.records import BadRecord, JournalRecord
from monitor.core.journal.snapshot import NewerState, OlderState
from monitor.core.journal.stepping import steps_over
from monitor.core.journal.vocabulary import ALERTS, CHECKPOINTS
from monitor.core.values.times import SECOND, from_ms
from monitor.errors import ConfigurationError
from streams.assessor.cuts import Cuts
from streams.assessor.observer import AssessorObserver
from streams.assessor.publications import Publications
from streams.assessor.snapshots import Manifest
from streams.assessor.stepping import stuck_on
from streams.assessor.takeover import Found, Standing
from streams.assessor.ticks import URGENT, is_urgent
from streams.inbox import Inbox
from streams.journal.decoding import decoded
from streams.slices import SLICE_S, Slices, Turns

_log = structlog.get_logger(__name__)
_INBOX = 2_000
_OTHER_ENGINE = (
    "engine version {} published behind the newest snapshot that can be read, and this is version {}, whose bytes are others: "
    "start the release of before once more, let it catch up and stop it with SIGTERM, then start this one"
)
_MOVED = "this journal is no copy of the one that the snapshot was made from"

Rewind = Callable[[int, int], Awaitable[bool]]
"""Asks for a journal partition from an offset on again; False when the log does not reach back that far."""


class PartitionWorker:
    """Applies a partition's records to its engine in order. `stopped` is the reason why it stands still, else None.

    Each partition has its own task, and another while it writes a snapshot: records go on being applied meanwhile. `turns`: those
    of all partitions of the worker. `press` is called when something was applied that is looked at at once.
    """

    def __init__(
        self,
        partition: int,
        published: Publications,
        cuts: Cuts,
        *,
        rewind: Rewind,
        observer: AssessorObserver,
        memory: Keeper,
        check_time: bool,
        keys: Keyring,
        turns: Turns,
        press: Callable[[], None] = lambda: None,
        check_evaluations: bool = False,
        slice_s: float = SLICE_S,
    ) -> None:
        self.partition = partition
        self.engine = Engine(partition, check_journal_time=check_time, checked=check_evaluations)
        self.published, self.cuts = published, cuts
        self.taken_over = False
        self.stopped: str | None = None
        self.last_applied = 0
        """Journal time (ns) of the last record applied."""
        self.evaluation_ns = 0
        """What a record costs that makes the engine evaluate: the last one, or three quarters of what held before."""
        self.touched: set[str] = set()
        self._rewind = rewind
        self._rewound: tuple[int, float, float] | None = None
        """The record that was asked for again, when first and when last."""
        self._stuck_at: int | None = None
        self._last = b""
        """SHA-256 of the last record applied, where it is known."""
        self._in_hand: JournalRecord | None = None
        """The record that was read last."""
        self._half_applied = self._laid_down = self._within = self._standing_asked = False
        self._stepped_over: set[int] = set()
        self._observer = observer
        self._memory = memory
        self._check_time, self._check_evaluations = check_time, check_evaluations
        self._keys = keys
        self._turns, self._slice_s = turns, slice_s
        self._press = press
        self._pressing: set[str | None] = set()
        """Entities of which something was applied and not evaluated yet that may open an alert by itself; None: of no one."""
        self._alerting = False
        """Whether an alert is being published."""
        self._inbox = Inbox(_INBOX, is_urgent)
        self._turn = asyncio.Lock()

    @property
    def urgent(self) -> bool:
        """Whether something was applied and not evaluated yet that may open an alert by itself."""
        return bool(self._pressing)

    def known(self, now: int) -> int:
        """Until when (ns) the engine knows all that came, as far as it can be told; 0 within a record."""
        if self._within:
            return 0
        return now if self._inbox.idle else self.engine.clock

    async def put(self, event: Any) -> None:
        """Hand over the next records as Faust delivers them (`event.message.records`); waits while too many lie unread."""
        await self._inbox.put(event)

    def drop(self) -> None:
        """Once the task has ended: gives up the snapshot that is being written, and lets go whoever waits in `put`."""
        self.cuts.drop()
        self._inbox.drop()

    async def run(self, current: Callable[[Any], bool]) -> None:
        """Work until cancelled. Events that are not `current`, since an assignment came in between, are dropped."""
        slices = Slices()
        while True:
            event = await self._inbox.take()
            left = deque(event.message.records)
            while left and current(event):
                async with self._turn:
                    if self._laid_down:
                        break
                    await self.go_on(left, slices)
                await slices.give_way()

    async def go_on(self, left: deque[Any], slices: Slices) -> None:
        """Takes from the records `left` the first ones, by which nothing is evaluated, or one by which something is."""
        self._run_through(left, slices)
        if self.stopped is None and self.cuts.due:
            await self._snapshot()
        elif left and not slices.over:
            await self.receive(left.popleft())

    async def prepare(self) -> None:
        """After an assignment: take the table's snapshot when it is ahead of the memory. A stopped partition tries again.

        An engine that failed within a record is given up: its position may be behind what it holds, its evaluation half done.
        """
        async with self._turn:
            await self.cuts.written()
            self.stopped = self._stuck_at = None
            self.taken_over = False
            if self._half_applied:
                self._begin_anew()
            await self._take_newer()

    def take_over(self, found: Found) -> None:
        """Compare and suppress what is published already, from here on."""
        if others := sorted(found.engines - {ENGINE_VERSION}):
            self._stop("other_engine", _OTHER_ENGINE.format(", ".join(others), ENGINE_VERSION))
            self.taken_over = True
            return
        self.published.found(found)
        try:
            self.engine.expect(found.newest)
        except Forked as fork:
            self._stop("chain_fork", str(fork))
        self.taken_over = True

    async def lay_down(self) -> None:
        """Apply nothing more, and keep what was applied in a last snapshot.

        So whoever takes over has nothing to compute again that is published, which an engine of another version could not.
        """
        async with self._turn:
            self._laid_down = True
            await self.cuts.written()
            if self.taken_over and self.stopped is None and self.cuts.records:
                await self._snapshot()
                await self.cuts.written()

    async def receive(self, message: Any) -> None:
        """The next record as the broker has it: skipped, applied, or asked for again when records before it are missing."""
        offset = message.offset
        if self.stopped is not None and not await self._may_go_on(message):
            return
        if offset > self.engine.position + 1:
            if self._rewound is None:
                await self.cuts.written()
                await self._take_newer()
            if offset > self.engine.position + 1:
                await self._ask_again(offset)
                return
        self._rewound = None
        if offset > self.engine.position:
            await self._apply(message)
        elif offset == self.engine.position and self._last not in {b"", hashlib.sha256(message.value).digest()}:
            self._stop("chain_fork", f"record {offset} of the journal is another than the one that was applied before: {_MOVED}")
        if self.stopped is None and self.cuts.due:
            await self._snapshot()

    async def send_standing(self) -> None:
        """Send again what fires or was resolved of late: compaction keeps the last written record, not the last revision.

        Within a record, of which nothing is published yet, that is left until it is.
        """
        self._standing_asked = self._within
        if self._within:
            return
        for output in self.engine.standing_alerts():
            await self.published.publish(output)

    async def _ask_again(self, offset: int) -> None:
        """Records between the memory, which equals the table by now, and `offset` are missing: read them again, or stop."""
        wanted, now = self.engine.position + 1, time.monotonic()
        begun = now
        if self._rewound is not None and self._rewound[0] == wanted:
            _, begun, asked = self._rewound
            if now - begun > self.cuts.cadence.rewind_s:
                self._stop("journal_hole", f"record {wanted} does not come, {offset} does: it is missing in the log")
                return
            if now - asked < self.cuts.cadence.rewind_again_s:
                return  # read before the rewind took place
        if await self._rewind(self.partition, wanted):
            _log.warning("journal partition read again", partition=self.partition, offset=wanted, delivered=offset)
            self._rewound = (wanted, begun, now)
        else:
            self._stop("journal_hole", f"the log begins behind record {wanted}, which no snapshot holds")

    async def _apply(self, message: Any) -> None:
        slices = Slices(self._slice_s, self._turns, self._presses)
        try:
            record = decoded(message.value, message.offset, from_ms(message.timestamp))
        except BadRecord as bad:
            self._stop("bad_record", str(bad))
            return
        if message.offset in self._stepped_over:
            self.engine.step_over(record)
            self._last = record.digest
            self.cuts.records += 1
            return
        urgent, pressed = record.statement.kind in URGENT, self.urgent
        pressing = {record.statement.entity} if urgent else set()
        self._pressing |= pressing
        self._within = True
        try:
            if record.statement.kind == "tick":
                await slices.let_others()
            outputs = await self._taken(record, slices)
            if outputs is not None:
                await self._tell(record, outputs, slices)
        finally:
            self._within = False
        self._pressing |= pressing  # what was evaluated within was so before this was taken
        if urgent and not pressed:
            self._press()
        if self._standing_asked:
            await self.send_standing()

    async def _taken(self, record: JournalRecord, slices: Slices) -> list[Output] | None:
        """What the engine says to the record; None where it fails, and the partition stands still."""
        self._half_applied = True
        try:
            outputs = await slices.take(self.engine.steps(record))
        except Forked as fork:
            self._stop("chain_fork", str(fork))
            return None
        except Exception as error:  # noqa: BLE001 - one partition's trouble stops that one; the others go on
            self._fail_on(record, error)
            return None
        self._half_applied = False
        return outputs

    def _fail_on(self, record: JournalRecord, error: Exception) -> None:
        _log.exception("engine failed", partition=self.partition, offset=record.offset)
        self._stuck_at = record.offset
        self._stop("engine_error", stuck_on(record, self.partition, error))

    def _run_through(self, left: deque[Any], slices: Slices) -> None:
        """Applies of the records `left` those first ones by which nothing is evaluated, until a slice is over or a snapshot due.

        They publish nothing, so that nobody need be given way to for each.
        """
        if self.stopped is not None or self._rewound is not None or self._stepped_over:
            return
        pressed, before = self.urgent, self.cuts.records
        self._half_applied = True
        try:
            self.engine.take(self._following(left, slices))
            self._half_applied = False
        except Exception as error:
            if self._in_hand is None:
                raise
            self._fail_on(self._in_hand, error)
        self._memory.applied(self.cuts.records - before)
        for refused in self.engine.too_old:
            self.published.refuse(refused)
        if self.urgent and not pressed:
            self._press()

    def _following(self, left: deque[Any], slices: Slices) -> Iterator[JournalRecord]:
        """The first of the records `left` that follow one another; each is taken off, and noted, when the next is asked for."""
        expected = self.engine.position + 1
        while left and left[0].offset == expected and self.cuts.room > 0:
            message = left[0]
            try:
                record = self._in_hand = decoded(message.value, expected, from_ms(message.timestamp))
            except BadRecord:
                return  # said where it is received
            yield record
            left.popleft()
            expected += 1
            self.cuts.records += 1
            self.last_applied, self._last = record.journal_time, record.digest
            if record.statement.kind in URGENT:
                self._pressing.add(record.statement.entity)
            if slices.over:
                return

    async def _tell(self, record: JournalRecord, outputs: list[Output], slices: Slices) -> None:
        """Publishes, and notes what was applied."""
        self.last_applied, self._last = record.journal_time, record.digest
        self.cuts.records += 1
        self._memory.applied(1)
        for difference in self.engine.differences():
            _log.error("evaluation_differs", partition=self.partition, offset=record.offset, detail=difference)
            self._observer.evaluation_differed(self.partition)
        touched = set(self.engine.touched())
        if touched:
            self._pressing -= self._pressing if record.statement.kind == "tick" else touched
            took = slices.held
            self.evaluation_ns = max(round(took * SECOND), self.evaluation_ns * 3 // 4)
            self._observer.records_applied(self.partition, took)
            self.touched |= touched
        self._alerting = any(output.topic == ALERTS for output in outputs)
        for output in outputs:
            await self.published.publish(output)
            await slices.give_way()
        self._alerting = False
        for checkpoint in self.engine.checkpoints():
            entity = checkpoint["entity"]
            await self.published.publish(Output(CHECKPOINTS, entity, entity, signed(checkpoint, self._keys)))
        for refused in self.engine.too_old:
            self.published.refuse(refused)

    async def _may_go_on(self, message: Any) -> bool:
        """Whether a record behind the one the engine failed on is the operation that steps over that one.

        What the engine holds is half of a record then: it begins anew from the newest snapshot.
        """
        stuck = self._stuck_at
        if stuck is None:
            return False
        try:
            record = decoded(message.value, message.offset, from_ms(message.timestamp))
        except BadRecord:
            return False
        if steps_over(record.statement, self.partition) != stuck:
            return False
        controls = Controls() if self.engine.config is None else self.engine.config.controls
        if controls.dismissal_refusal(record.statement.body, record.statement.at) is not None:
            return False
        _log.warning("journal record stepped over", partition=self.partition, offset=stuck, by=record.statement.body["by"])
        self._stepped_over.add(stuck)
        self.stopped = self._stuck_at = self._rewound = None
        await self.cuts.written()
        self._begin_anew()
        await self._take_newer()
        return True

    def _begin_anew(self) -> None:
        """An empty engine, behind every snapshot; where outputs are read from is said by the snapshot that it takes."""
        self.engine = Engine(self.partition, check_journal_time=self._check_time, checked=self._check_evaluations)
        self._half_applied = False
        self._last = b""
        self.published.goes_on(Standing())
        self.cuts.goes_on(None)

    def _presses(self) -> bool:
        """Whether others are to wait for this partition: it has an alert to publish, or something that may open one."""
        return self.urgent or self._alerting or self._inbox.urgent > 0

    async def _snapshot(self) -> None:
        await self.cuts.cut(self.engine, self.published, self._last, Slices(self._slice_s, self._turns, self._presses))

    async def _take_newer(self) -> None:
        """Give up the memory for the table's snapshot when that is ahead: another worker had the partition in between."""
        snapshot = await asyncio.to_thread(self.cuts.newer, self.engine.position)
        if snapshot is None:
            return
        manifest = snapshot.manifest
        try:
            self.engine = await asyncio.to_thread(self._restored, manifest, snapshot.buckets)
        except NewerState as newer:
            raise ConfigurationError(f"journal partition {self.partition}: {newer}") from newer
        except OlderState as older:
            _log.warning("snapshot not used", partition=self.partition, detail=str(older))
            return
        self._last = bytes.fromhex(manifest.last)
        self.published.goes_on(Standing(manifest.outputs, manifest.heads))
        self.cuts.goes_on(manifest)

    def _restored(self, manifest: Manifest, buckets: Mapping[str, bytes]) -> Engine:
        with building():
            return Engine.restore(
                self.partition,
                manifest.position,
                manifest.version,
                buckets,
                check_journal_time=self._check_time,
                checked=self._check_evaluations,
            )

    def _stop(self, reason: str, detail: str) -> None:
        self.stopped = reason
        _log.error("journal partition stopped", partition=self.partition, reason=reason, detail=detail)
        if reason == "chain_fork":
            self._observer.chain_forked(self.partition)
        self._observer.partition_stopped(self.partition, reason)
