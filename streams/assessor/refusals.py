"""Dead letters of what only an engine could refuse: each record is read again where it lies, so that its letter has its bytes.

A letter is known by its record's place, so one that is written again after a restart is the same letter. Where the source no
longer has the record, or this principal may not read it, the letter goes without its value and says so.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from monitor.core.journal.outputs import TooOld
from monitor.core.journal.records import SourcePartition
from monitor.core.values.times import from_ms
from monitor.settings.kafka import KafkaSettings
from streams.assessor.observer import AssessorObserver
from streams.journal.deadletter import DeadLetterProducer
from streams.kafka.clients import as_it_is, consumer, ended, started
from streams.kafka.topics import TopicNames
from streams.wire.reasons import Reason
from streams.wire.rejected import DeadLetter, too_old_detail

_log = structlog.get_logger(__name__)
_WAIT_MS = 200
_READ_ON = 500
"""Records in between that are rather read than jumped over."""


Connect = Callable[[], Awaitable[AIOKafkaConsumer]]


async def connected(settings: KafkaSettings) -> AIOKafkaConsumer:
    """A client that has no place of its own to begin at."""
    settings = await as_it_is(settings)
    return await started(consumer(settings, auto_offset_reset="none"), settings)


class Originals:
    """Reads single records of source topics, cheaply where they follow one another.

    `connect` gives the client, once; `patience_s`: for a record that does not come.
    """

    def __init__(self, connect: Connect, names: TopicNames, *, patience_s: float = 5.0) -> None:
        self._connect = connect
        self._names = names
        self._patience_s = patience_s
        self._client: AIOKafkaConsumer | None = None
        self._at: tuple[TopicPartition, int] | None = None

    async def stop(self) -> None:
        """Disconnect."""
        client, self._client = self._client, None
        if client is not None:
            await ended(client)

    async def read(self, refused: TooOld) -> Any | None:
        """The record a refusal is about; None where it is gone, cannot be read, or another lies in its place."""
        place = TopicPartition(self._names.of(refused.where.topic), refused.where.partition)
        client = await self._placed(place, refused.offset)
        try:
            record = await self._record(client, place, refused.offset)
        except OffsetOutOfRangeError:
            return None
        except KafkaError as error:
            _log.warning("refused record not read", topic=place.topic, offset=refused.offset, detail=str(error))
            return None
        return record if record is not None and from_ms(record.timestamp) == refused.logged else None

    async def _placed(self, place: TopicPartition, offset: int) -> AIOKafkaConsumer:
        """The client, ready to read `place` from `offset` or a little before it."""
        client = self._client
        if client is None:
            client = self._client = await self._connect()
        at, self._at = self._at, None
        if at is None or at[0] != place:
            client.assign([place])
        if at is None or at[0] != place or not at[1] <= offset < at[1] + _READ_ON:
            client.seek(place, offset)
        return client

    async def _record(self, client: AIOKafkaConsumer, place: TopicPartition, offset: int) -> Any | None:
        waited = time.monotonic()
        while time.monotonic() - waited < self._patience_s:
            for record in (await client.getmany(place, timeout_ms=_WAIT_MS, max_records=1)).get(place, ()):
                self._at = (place, record.offset + 1)
                if record.offset >= offset:
                    return record if record.offset == offset else None
                waited = time.monotonic()
            if self._at is None and not await _answers(client):
                waited = time.monotonic()  # a broker that is away does not say that the record is gone
        return None


class RefusalWriter:
    """Writes the dead letters in the order in which they are put."""

    def __init__(self, letters: DeadLetterProducer, originals: Originals, observer: AssessorObserver) -> None:
        self._letters = letters
        self._originals = originals
        self._observer = observer
        self._whole: tuple[SourcePartition, int] | None = None
        self._waiting: asyncio.Queue[tuple[TooOld, asyncio.Future[Any]]] = asyncio.Queue()

    def put(self, refused: TooOld) -> asyncio.Future[Any]:
        """Hand a refusal over; the future is done once its letter is acknowledged, and raises what prevented it."""
        written: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait((refused, written))
        return written

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            refused, written = await self._waiting.get()
            try:
                sent = await self._letters.send(self._letter(refused, await self._originals.read(refused)))
            except Exception as error:  # noqa: BLE001 - whoever waits for the letter raises it
                _settle(written, error)
                continue
            sent.add_done_callback(partial(self._acknowledged, refused, written))

    def _letter(self, refused: TooOld, record: Any | None) -> DeadLetter:
        """As intake writes it: the first letter of a frame has its value and headers, the others of it do without."""
        place, detail = (refused.where, refused.offset), too_old_detail(refused)
        if record is None:
            detail += "; its bytes could not be read from the source any more"
            key, value, headers, left_out = None, None, (), None
        elif self._whole == place and record.value is not None:
            key, value, headers, left_out = record.key, None, (), len(record.value)
        else:
            key, value, headers, left_out = record.key, record.value, record.headers, None
            self._whole = place
        return DeadLetter(
            *place, refused.logged, key, value, headers, Reason.TOO_OLD, detail, refused.index, refused.entity, left_out
        )

    def _acknowledged(self, refused: TooOld, written: asyncio.Future[Any], done: asyncio.Future[Any]) -> None:
        error = asyncio.CancelledError() if done.cancelled() else done.exception()
        if error is None:
            self._observer.dead_letter(refused.where.topic, Reason.TOO_OLD.value)
        _settle(written, error)


def _settle(written: asyncio.Future[Any], error: BaseException | None) -> None:
    if written.done():
        return
    if error is None:
        written.set_result(None)
    elif isinstance(error, asyncio.CancelledError):
        written.cancel()
    else:
        written.set_exception(error)


async def _answers(client: AIOKafkaConsumer) -> bool:
    try:
        await client.topics()
    except KafkaError:
        return False
    return True
