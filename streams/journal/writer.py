"""Writing and reading the journal: its partitions, its producer, its configuration records (JOURNAL 1, 5)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition

from monitor.core.configuration.configuration import parse_configuration
from monitor.core.configuration.guard import uncovered
from monitor.core.journal.records import JournalRecord, Statement, encode_statement
from monitor.core.journal.vocabulary import JOURNAL
from monitor.core.values.canonical import canonical_bytes, digest_of
from monitor.core.values.times import from_ms
from monitor.errors import ConfigurationError
from monitor.settings.kafka import KafkaSettings
from streams.journal.decoding import decoded
from streams.journal.encoding import encode_fast
from streams.kafka.clients import ended, started_producer
from streams.kafka.reading import end_offsets, read_range
from streams.kafka.topics import TopicNames

PART_BYTES = 900 * 1024
"""A configuration part's record stays below this: brokers refuse records above one MiB."""

_BACKWARD_STEP = 50_000
_CONFIGURATION_MARK = b'"kind":"configuration"'


class JournalProducer:
    """Writes statements to explicit journal partitions; refuses to start on another partition count than the configured."""

    def __init__(self, settings: KafkaSettings, names: TopicNames) -> None:
        self.partitions = settings.journal_partitions
        self._settings = settings
        self._topic = names.of(JOURNAL)
        self._producer: AIOKafkaProducer | None = None

    async def start(self) -> None:
        """Connect; `ConnectionProblem` without a broker, `ConfigurationError` on another partition count."""
        client = await started_producer(self._settings)
        found = len(await client.partitions_for(self._topic))
        if found != self.partitions:
            await ended(client)
            raise ConfigurationError(
                f"topic {self._topic} has {found} partitions, kafka.journal_partitions is {self.partitions}: "
                "the count is fixed for the journal's life, set it to what the journal was made with"
            )
        self._producer = client

    async def stop(self) -> None:
        """Send what is buffered, then disconnect."""
        client, self._producer = self._producer, None
        if client is not None:
            await ended(client)

    async def send(self, partition: int, statement: Statement) -> asyncio.Future[Any]:
        """Hand over one statement; the future gives aiokafka's RecordMetadata once it is acknowledged, or raises."""
        key = None if statement.entity is None else statement.entity.encode()
        result: asyncio.Future[Any] = await self._client.send(
            self._topic, value=encode_fast(statement), key=key, partition=partition
        )
        return result

    async def flush(self) -> None:
        """Wait until everything handed over has left the buffer; failures are in the futures."""
        await self._client.flush()

    @property
    def _client(self) -> AIOKafkaProducer:
        if self._producer is None:
            raise RuntimeError("the journal producer is not started")
        return self._producer


@dataclass(frozen=True, slots=True)
class KnownConfiguration:
    """The newest complete configuration of a journal partition and where its last part lies."""

    revision: int
    digest: str
    content: Mapping[str, Any]
    offset: int
    end: int


async def newest_configuration(settings: KafkaSettings, names: TopicNames, partition: int = 0) -> KnownConfiguration | None:
    """The newest complete configuration record of a partition, searched backwards from its end; None if there is none."""
    tp = TopicPartition(names.of(JOURNAL), partition)
    end = (await end_offsets(settings, [tp]))[tp]
    later: list[JournalRecord] = []
    upto: int | None = None
    while upto is None or upto > 0:
        start = max(0, (end if upto is None else upto) - _BACKWARD_STEP)
        found = [
            decoded(record.value, record.offset, from_ms(record.timestamp))
            async for record in read_range(settings, {tp: start}, upto)
            if _CONFIGURATION_MARK in record.value
        ]
        later = found + later
        known = _last_complete(later, max(end, later[-1].offset + 1 if later else 0))
        if known is not None:
            return known
        upto = start
    return None


async def publish_configuration(
    settings: KafkaSettings, names: TopicNames, content: Mapping[str, Any], at_ns: int, journal: JournalProducer
) -> bool:
    """Put `content` (CONTRACT 4, what outputs depend on) on record in every journal partition; False if it was there already.

    A lower revision than the journal's, or the same with other content, is a `ConfigurationError` (JOURNAL 5). Partition 0
    comes last, so what it holds every other one holds. What lies far back is stated again, which changes nothing for a
    reader and keeps this search short.
    """
    digest, revision = digest_of(dict(content)), int(content["revision"])
    known = await newest_configuration(settings, names)
    if known is not None:
        _check_revision(known, revision, digest)
        _check_approvals(known, content, at_ns)
        if known.revision == revision and known.end - known.offset <= _BACKWARD_STEP:
            return False
    statements = configuration_statements(content, at_ns)
    for partition in reversed(range(journal.partitions)):
        for sent in [await journal.send(partition, statement) for statement in statements]:
            await sent
    return True


def configuration_statements(content: Mapping[str, Any], at_ns: int) -> list[Statement]:
    """The configuration as `configuration` records, each below `PART_BYTES`."""
    text = canonical_bytes(dict(content)).decode()
    digest, revision = digest_of(dict(content)), int(content["revision"])
    size = PART_BYTES // 2
    while True:
        slices = [text[start : start + size] for start in range(0, len(text), size)]
        statements = [
            Statement(
                "configuration",
                None,
                at_ns,
                {"part": number, "parts": len(slices), "revision": revision, "digest": digest, "data": data},
            )
            for number, data in enumerate(slices, 1)
        ]
        if all(len(encode_statement(statement)) < PART_BYTES for statement in statements):
            return statements
        size //= 2


async def journal_records(
    settings: KafkaSettings, names: TopicNames, partition: int, start: int = 0, upto: int | None = None
) -> AsyncIterator[JournalRecord]:
    """Records of one journal partition from offset `start` to its present end, or before `upto`."""
    async for record in read_range(settings, {TopicPartition(names.of(JOURNAL), partition): start}, upto):
        yield decoded(record.value, record.offset, from_ms(record.timestamp))


def _check_revision(known: KnownConfiguration, revision: int, digest: str) -> None:
    if revision < known.revision:
        raise ConfigurationError(
            f"revision {revision} of the configuration is lower than {known.revision}, which the journal holds: "
            "start with the newer configuration, or raise `revision` above it to go back on purpose"
        )
    if revision == known.revision and digest != known.digest:
        raise ConfigurationError(
            f"the configuration differs from what the journal holds under the same revision {revision}: "
            "raise `revision` so that every figure says which configuration it was made with"
        )


def _check_approvals(known: KnownConfiguration, content: Mapping[str, Any], at_ns: int) -> None:
    """What two people must approve is approved, or the engines would refuse the whole configuration."""
    if not (known.content.get("controls") or {}).get("four_eyes"):
        return  # nothing is listed, so the former content need not be understood: it may be of another release
    changes = uncovered(parse_configuration(known.content), parse_configuration(content), at_ns)
    if changes:
        raise ConfigurationError(
            f"{', '.join(change.place for change in changes)} changed since revision {known.revision}, and "
            "controls.four_eyes asks for the signatures of two approvers: "
            "`promote propose`, `promote sign`, then name the file in controls.approvals"
        )


def _last_complete(records: list[JournalRecord], end: int) -> KnownConfiguration | None:
    """The last run of parts 1..n of one digest among `records`, which are in log order."""
    parts: dict[tuple[int, str], dict[int, str]] = {}
    result = None
    for record in records:
        body = record.statement.body
        identity = (int(body["revision"]), str(body["digest"]))
        have = parts.setdefault(identity, {})
        have[int(body["part"])] = str(body["data"])
        if len(have) == int(body["parts"]):
            text = "".join(have[number] for number in sorted(have))
            if result is None or identity[0] >= result.revision:
                result = KnownConfiguration(*identity, json.loads(text), record.offset, end)
    return result
