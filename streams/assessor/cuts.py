"""When a journal partition is snapshot, and the snapshot that is being written (JOURNAL 6)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from monitor.core.engine import Engine
from monitor.core.journal.snapshot import snapshot_digest
from streams.assessor.observer import AssessorObserver
from streams.assessor.publications import HandedOver, Publications
from streams.assessor.snapshots import Begun, Manifest, Snapshot, SnapshotStore
from streams.slices import Slices

_PHASES = 16
"""The first snapshots of so many partitions come one after another, and so do those that follow."""

_SHARE, _MOST_S = 10, 300.0
"""Snapshots stay apart by ten times what one of each partition of the worker took, so that they take a tenth of its time at most:
a worker that has little of a core would come to nothing else. But by so long at most.
"""

Acknowledge = Callable[[int, int], None]
"""Told (journal partition, offset) once a complete snapshot holds all up to there."""


@dataclass(frozen=True, slots=True)
class SnapshotCadence:
    """How often a partition is snapshot: after so many records, or at the first record after so many seconds.

    Live a partition has fewer records in that time. So many come while it catches up: a snapshot costs something for every
    bucket there is, and of a million accounts each name and digest is written again with the manifest.
    """

    records: int = 50_000
    seconds: float = 10.0
    rewind_s: float = 15.0
    """How long records that were asked for again may take to come."""
    rewind_again_s: float = 1.0
    """After what time they are asked for once more: the embedded broker may show what lies behind them first."""


class CutCosts:
    """What the last snapshot of each partition of a worker took, in seconds."""

    def __init__(self, share: int = _SHARE) -> None:
        self._share = share
        self._took: dict[int, float] = {}

    def took(self, partition: int, seconds: float) -> None:
        """Note it of one; 0 where the worker has it no more."""
        self._took[partition] = seconds

    @property
    def between_s(self) -> float:
        """How far apart the snapshots of a partition are to stay."""
        return min(self._share * sum(self._took.values()), _MOST_S)


class Cuts:
    """Of one partition. `ended` is told when the writing of a snapshot has ended, since its failure is the worker's."""

    def __init__(
        self,
        partition: int,
        store: SnapshotStore,
        cadence: SnapshotCadence,
        costs: CutCosts,
        *,
        acknowledge: Acknowledge,
        observer: AssessorObserver,
        ended: Callable[[asyncio.Task[None]], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._partition = partition
        self.cadence = cadence
        self._store, self._costs = store, costs
        self._acknowledge, self._observer, self._ended, self._clock = acknowledge, observer, ended, clock
        self.records = 0
        """How many were applied since the last."""
        self._since = clock() - cadence.seconds * (partition % _PHASES) / _PHASES
        self._manifest: Manifest | None = None
        self._untold: Manifest | None = None
        self._writing: asyncio.Task[None] | None = None

    @property
    def room(self) -> int:
        """So many records more are applied before one is due."""
        return self.cadence.records - self.records

    @property
    def due(self) -> bool:
        """Whether it is time for one."""
        if self.records == 0 or self._writing is not None:
            return False
        return self.room <= 0 or self._clock() - self._since >= max(self.cadence.seconds, self._costs.between_s)

    def newer(self, position: int) -> Snapshot | None:
        """The newest complete one behind a position; takes seconds of a million accounts."""
        return self._store.newest(position)

    def goes_on(self, manifest: Manifest | None) -> None:
        """The engine is now as a snapshot holds it (None: empty)."""
        self._manifest = manifest
        self.records, self._since = 0, self._clock()

    async def cut(self, engine: Engine, published: Publications, last: bytes, slices: Slices) -> None:
        """Cuts what was applied, and leaves it to a task of its own to wait for the broker. `last`: digest of the last record."""
        self.records, self._since = 0, self._clock()
        await slices.let_others()
        before = slices.held
        begun = await self._store.begin(engine.cut(), self._manifest, slices)
        self._costs.took(self._partition, slices.held - before)
        writing = self._write(begun, published.handed_over, last.hex())
        self._writing = asyncio.create_task(writing, name=f"snapshot of journal partition {self._partition}")
        self._writing.add_done_callback(self._ended)

    async def _write(self, begun: Begun, handed_over: HandedOver, last: str) -> None:
        """Completes a snapshot once what was published by then is acknowledged; whoever takes over begins to compare there."""
        standing = await handed_over.acknowledged()
        self._manifest = self._untold = await self._store.complete(begun, standing.outputs, standing.heads, last)
        self._observer.snapshot_taken(self._partition, time.time_ns())
        self._acknowledge(self._partition, self._manifest.position)
        self._writing = None

    async def written(self) -> None:
        """Wait until the snapshot that is being written is complete; raises what kept it from that."""
        if self._writing is not None:
            await asyncio.shield(self._writing)

    def drop(self) -> None:
        """The partition is another's now: gives up the snapshot that is being written."""
        self._costs.took(self._partition, 0.0)
        if self._writing is not None:
            self._writing.cancel()

    def telling(self) -> dict[str, Any]:
        """The body of the next tick: it puts the digest of a new snapshot on record, once."""
        told, self._untold = self._untold, None
        if told is None:
            return {}
        digest = snapshot_digest(told.position, told.version, told.digests)
        return {"snapshot": {"position": told.position, "version": told.version, "digest": digest}}
