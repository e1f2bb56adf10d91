"""A bundle of evidence read from a log: the whole journal partition, the entity's outputs, its checkpoints."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any

from monitor.audit.beginning import StartingState, snapshot_named
from monitor.audit.bundle import OUTPUTS, BundleWriter, CannotExport, Origin
from monitor.core.engine import Engine
from monitor.core.journal.records import JournalRecord
from monitor.core.journal.vocabulary import ASSESSMENTS, CHECKPOINTS, EXPOSURES, JOURNAL
from monitor.core.values.times import exact_time
from monitor.errors import UsageError
from streams.journal.decoding import decoded
from streams.lookup.logs import ALWAYS, Span, TopicLog

_SNAPSHOT_MARK = b'"snapshot":{'

Tell = Callable[[str, int], None]
"""Told the topic that is read, and how many records of it so far."""


async def export_log(
    log: TopicLog, bundle: BundleWriter, origin: Origin, *, from_ns: int | None = None, upto_ns: int | None, told: Tell
) -> None:
    """Fills the bundle. `upto_ns`: the journal ends before the first record of a later time, and the outputs with it.

    `from_ns`: it begins at the newest snapshot that the journal names by then. `UsageError` when nothing was published of the
    entity, `CannotExport` where no snapshot is named or the journal gives another state.
    """
    state = None if from_ns is None else await _state_at(log, origin, from_ns, told)
    first, published = 0, 0
    if state is not None:
        bundle.begin(state)
        first, published = state.position + 1, state.chain(origin.entity).sequence
    before = None if log.settle_s is not None else await _last_complete(log, origin)
    end, whole = _End(), before is None
    with bundle.journal() as take:
        async for record in log.records(JOURNAL, origin.partition):
            if record.offset < first:
                continue
            if (upto_ns is not None and record.time > upto_ns) or (before is not None and record.offset >= before):
                whole = False
                break
            for one in end.following(decoded(record.value or b"", record.offset, record.time), record.value):
                take(*one)
            told(JOURNAL, record.offset + 1)
        for one in end.rest() if whole else ():
            take(*one)
    if log.settle_s is not None:
        await asyncio.sleep(log.settle_s)
    last = 0
    for topic in OUTPUTS:
        with bundle.outputs(topic) as put:
            async for value in _values(log, topic, origin):
                if end.holds(value) and value["chain"]["sequence"] > published:
                    put(value)
                    last = max(last, value["chain"]["sequence"])
                    told(topic, value["chain"]["sequence"])
    if not last:
        raise UsageError(f"nothing was published of {origin.entity} in partition {origin.partition}: is its name right?")
    sealed = 0 if state is None or (newest := state.seal(origin.entity).newest) is None else newest["last_sequence"]
    seals = [value async for value in _values(log, CHECKPOINTS, origin) if sealed < value["last_sequence"] <= last]
    bundle.checkpoints(seals)


async def _state_at(log: TopicLog, origin: Origin, at_ns: int, told: Tell) -> StartingState:
    """The state that the newest tick by then names, computed again from the journal."""
    named: Mapping[str, Any] | None = None
    async for record in log.records(JOURNAL, origin.partition):
        if record.time > at_ns:
            break
        if record.value is not None and _SNAPSHOT_MARK in record.value:
            named = snapshot_named(decoded(record.value, record.offset, record.time).statement) or named
    if named is None:
        raise CannotExport(f"the journal names no snapshot up to {exact_time(at_ns)}: leave --from out, or name a later time")
    engine = Engine(origin.partition, check_journal_time=origin.broker_time)
    async for record in log.records(JOURNAL, origin.partition):
        engine.apply(decoded(record.value or b"", record.offset, record.time))
        told(JOURNAL, record.offset + 1)
        if record.offset == named["position"]:
            break
    cut = engine.cut()
    state = StartingState(cut.position, cut.version, dict(cut.buckets))
    if state.printed() != dict(named):
        raise CannotExport(
            f"the state at journal offset {named['position']} has version {state.version} and digest {state.digest}, the journal "
            f"names version {named['version']} and {named['digest']}: export with the release that took it, or leave --from out"
        )
    return state


class _End:
    """The journal's end in a bundle, such that these records alone tell which entries belong to it.

    An entry made at offset n came of the tick at n, or of whatever stood at n + 1: which of them, nothing says. So a bundle that
    ends before its log does ends at a record that is no tick, with the entries made before it.
    """

    def __init__(self) -> None:
        self._held: list[tuple[JournalRecord, bytes | None]] = []
        self._below = 0

    def following(self, record: JournalRecord, data: bytes | None) -> list[tuple[JournalRecord, bytes | None]]:
        """The records that the bundle goes on with, now that this one follows."""
        self._held.append((record, data))
        if record.statement.kind == "tick":
            return []
        self._below = record.offset
        found, self._held = self._held, []
        return found

    def rest(self) -> list[tuple[JournalRecord, bytes | None]]:
        """The log ends here: what was held back belongs to the bundle, and so does all that was published."""
        found, self._held = self._held, []
        self._below += len(found) + 1
        return found

    def holds(self, entry: Mapping[str, Any]) -> bool:
        """Whether the records given out so far lead to this entry."""
        return bool(entry["journal"]["offset"] < self._below)


async def _last_complete(log: TopicLog, origin: Origin) -> int:
    """The journal offset before which all that was published of the entity is in a log that ends at days, not at records."""
    newest = []
    for topic in (ASSESSMENTS, EXPOSURES):
        offset = 0
        async for value in _values(log, topic, origin):
            offset = value["journal"]["offset"]
        newest.append(offset)
    return min(newest)


async def _values(log: TopicLog, topic: str, origin: Origin, span: Span = ALWAYS) -> AsyncIterator[dict[str, Any]]:
    """What is the entity's."""
    mark = f'"entity":"{origin.entity}"'.encode()
    async for record in log.records(topic, origin.partition, span):
        if record.value is not None and mark in record.value:
            value = json.loads(record.value)
            if value["entity"] == origin.entity:
                yield value


async def chain_of(log: TopicLog, origin: Origin, span: Span = ALWAYS) -> AsyncIterator[dict[str, Any]]:
    """The entity's entries that the output topics keep, topic by topic, and then its checkpoints."""
    for topic in (*OUTPUTS, CHECKPOINTS):
        async for value in _values(log, topic, origin, span):
            yield value


async def outputs_with(log: TopicLog, topics: Iterable[str], mark: str) -> AsyncIterator[dict[str, Any]]:
    """The outputs of these topics whose canonical text holds `mark`, of every entity."""
    wanted = mark.encode()
    for partition in range(log.partitions):
        for topic in topics:
            async for record in log.records(topic, partition):
                if record.value is not None and wanted in record.value:
                    yield json.loads(record.value)


async def entity_of(log: TopicLog, beginning: str) -> str | None:
    """Whose the first output found is whose digest begins so; None when none is there."""
    async for value in outputs_with(log, OUTPUTS, f'"digest":"{beginning}'):
        if value["digest"].startswith(beginning):
            return str(value["entity"])
    return None
