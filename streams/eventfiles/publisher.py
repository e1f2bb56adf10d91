"""Publishing events to the source topics: what `replay`, `simulate` and the demo share.

Every record of one trade id must meet in one partition (JOURNAL 4), so trades are keyed by entity and market. Records are
stamped with the present: Kafka deletes what is stamped long ago at its next retention check (JOURNAL 8).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError

from monitor.core.journal.vocabulary import TRADES
from monitor.errors import ConfigurationError, ConnectionProblem
from monitor.events import Event
from monitor.settings.kafka import KafkaSettings
from streams.eventfiles.codec import LoggedRecord, decode_line
from streams.kafka.clients import admin, as_it_is, ended, started, started_producer
from streams.kafka.topics import TopicNames
from streams.wire.signatures import Signing

_MILLISECOND = 1_000_000
_BREATHE = 500


class _Named(msgspec.Struct):
    entity: str
    market: str


_NAMES = msgspec.json.Decoder(_Named).decode


class Publisher:
    """A producer to the source topics by their default names; an async context manager that ends when all is acknowledged.

    `signing`: what vouches for records of sources that ask for it; `client`: a started producer to use instead of one of its own.
    """

    def __init__(
        self, settings: KafkaSettings, names: TopicNames, signing: Signing | None = None, client: AIOKafkaProducer | None = None
    ) -> None:
        self._settings, self._names = settings, names
        self._signing = signing or Signing()
        self._client = client
        self._failure: BaseException | None = None
        self.acknowledged = 0

    async def __aenter__(self) -> Self:
        self._client = self._client or await started_producer(self._settings, linger_ms=20)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._client is not None:
            await ended(self._client)
        if kind is None:
            self._raise_failure()

    async def publish(self, topic: str, key: str | None, value: bytes | None, logged_at_ms: int | None = None) -> None:
        """Hand over one record; ConnectionProblem once an earlier one was refused, UsageError where no key is its source's."""
        self._raise_failure()
        if self._client is None:
            raise RuntimeError("the publisher is not started")
        key_bytes = None if key is None else key.encode()
        at = time.time_ns() if logged_at_ms is None else logged_at_ms * _MILLISECOND
        headers = self._signing.headers(topic, key_bytes, value, at)
        try:
            sent = await self._client.send(
                self._names.of(topic), value=value, key=key_bytes, timestamp_ms=logged_at_ms, headers=headers
            )
        except KafkaError as error:
            raise ConnectionProblem(f"{self._names.of(topic)} takes no records: {error}") from error
        sent.add_done_callback(self._settled)

    async def publish_event(self, event: Event) -> None:
        """Hand over an event, stamped with the present."""
        await self.publish(event.topic, event.key, event.payload())

    async def flush(self) -> None:
        """Wait until all that was handed over is acknowledged."""
        if self._client is not None:
            await self._client.flush()
        self._raise_failure()

    def _settled(self, sent: asyncio.Future[Any]) -> None:
        if sent.cancelled() or (error := sent.exception()) is None:
            self.acknowledged += 0 if sent.cancelled() else 1
        elif self._failure is None:
            self._failure = error

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise ConnectionProblem(f"a record was not acknowledged: {self._failure}; give the file again, repeats count once")


async def wait_until(moment: float) -> None:
    """Sleep until a moment of the monotonic clock."""
    left = moment - time.monotonic()
    if left > 0:
        await asyncio.sleep(left)


async def replay(
    publisher: Publisher,
    lines: Iterable[tuple[str, str]],
    speed: float | None = None,
    keep_timestamps: bool = False,
    wait: Callable[[float], Awaitable[None]] = wait_until,
) -> int:
    """Publish event lines, given with their place (`file:line`); the number published.

    `speed`: as many times faster than they were logged, None as fast as it goes.
    """
    began = time.monotonic()
    first: int | None = None
    count = 0
    for record in records(lines):
        logged_at = record.logged_at
        if speed is not None:
            first = logged_at if first is None else first
            await wait(began + (logged_at - first) / 1e9 / speed)
        stamp = logged_at // _MILLISECOND if keep_timestamps else None
        await publisher.publish(record.topic, key_of(record), record.value, stamp)
        count += 1
        if count % _BREATHE == 0:
            await asyncio.sleep(0)
    await publisher.flush()
    return count


def records(lines: Iterable[tuple[str, str]]) -> Iterator[LoggedRecord]:
    """The records in event lines, given with their place; UsageError for one that is none."""
    for place, text in lines:
        if text.strip():
            yield decode_line(text.encode("utf-8", "surrogateescape"), place)


def key_of(record: LoggedRecord) -> str | None:
    """The key to publish under: of a trade its entity and market as far as they can be read, else what the line says."""
    key = "" if record.key is None and record.value is None else record.key
    if record.topic != TRADES:
        return key
    try:
        names = _NAMES(record.value or b"")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return key or ""
    return f"{names.entity}|{names.market}"


async def check_retention(settings: KafkaSettings, names: TopicNames, oldest: dict[str, int]) -> None:
    """Refuse to publish under old time stamps what a topic would not take them of; `oldest` in ns by topic.

    Raises ConfigurationError naming topic and setting where its retention would delete a record at once, or where it stamps
    records itself.
    """
    found = await _topic_settings(settings, [names.of(topic) for topic in oldest])
    for topic, values in found.items():
        if values.get("message.timestamp.type") == "LogAppendTime":
            raise ConfigurationError(f"{topic} stamps records itself (LogAppendTime): leave --keep-timestamps out")
    retention = {topic: int(values["retention.ms"]) for topic, values in found.items() if "retention.ms" in values}
    refuse_deleted(retention, names, oldest, time.time_ns())


def refuse_deleted(retention: Mapping[str, int], names: TopicNames, oldest: Mapping[str, int], now: int) -> None:
    """Raise ConfigurationError where an event is older at `now` (ns) than its topic keeps records (ms; negative: for ever)."""
    now_ms = now // _MILLISECOND
    for topic, logged_at in oldest.items():
        limit = retention.get(names.of(topic))
        age_ms = now_ms - logged_at // _MILLISECOND
        if limit is not None and limit >= 0 and age_ms > limit:
            raise ConfigurationError(
                f"{names.of(topic)} keeps records for {limit} ms and the oldest event is {age_ms} ms old: Kafka would delete it. "
                "Raise the topic's retention.ms, or leave --keep-timestamps out"
            )


def oldest_by_topic(lines: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Log time (ns) of the oldest event of each topic."""
    oldest: dict[str, int] = {}
    for record in records(lines):
        oldest[record.topic] = min(record.logged_at, oldest.get(record.topic, record.logged_at))
    return oldest


async def _topic_settings(settings: KafkaSettings, topics: list[str]) -> dict[str, dict[str, str]]:
    """Kafka's own settings of topics; of none on the embedded broker, which deletes nothing and keeps no settings."""
    if (await as_it_is(settings)).embedded:
        return {}
    client = await started(admin(settings), settings)
    try:
        answers: list[Any] = await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic) for topic in topics])
    except KafkaError as error:
        raise ConnectionProblem(f"the settings of {', '.join(topics)} cannot be read: {error}") from error
    finally:
        await ended(client)
    return {name: {entry[0]: entry[1] for entry in entries} for answer in answers for _, _, _, name, entries in answer.resources}
