"""Dead letters put back: their records are published again where they came from (CONTRACT 3, `dlq requeue`).

A record goes into the partition it came from, so that its trade id stays there, once for all letters of a feed that are put back
together; a header says where it first lay and which elements are meant (`streams.wire.feeds.requeued`). The refused ones are
then dismissed. A letter whose value stands elsewhere gets it from the first letter of its record, else from the source.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from monitor.core.journal.records import SourcePartition
from monitor.core.journal.vocabulary import TRADES
from monitor.core.values.times import exact_time, from_ms, parse_time
from monitor.errors import ConnectionProblem, UsageError
from monitor.settings.kafka import KafkaSettings
from streams.intake.segment.batches import clamped
from streams.kafka.clients import ended, started_producer
from streams.kafka.reading import read_range
from streams.kafka.topics import TopicNames
from streams.lookup.dead_letters import Act, StoredLetter, dismiss, entity_of
from streams.wire import OF_SIGNATURES
from streams.wire.feeds.requeued import HEADER, RequeuedRecord, ranges_of
from streams.wire.signatures import HEADER as SIGNATURE

_OF_SENDERS = frozenset(reason.value for reason in OF_SIGNATURES)


@dataclass(frozen=True, slots=True)
class AgainRecord:
    """A record as it is published again."""

    where: SourcePartition
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


def with_values(letters: Sequence[StoredLetter], every: Iterable[StoredLetter]) -> list[StoredLetter]:
    """Letters with what stands in another of `every` letter of their record."""
    wanted = {(one.id.where, one.id.offset) for one in letters if one.left_out is not None}
    full = {place: one for one in every if one.value is not None and (place := (one.id.where, one.id.offset)) in wanted}
    return [
        letter if letter.left_out is None or there is None else _with(letter, there.key, there.value, there.headers)
        for letter in letters
        for there in [full.get((letter.id.where, letter.id.offset))]
    ]


async def with_source_values(settings: KafkaSettings, names: TopicNames, letters: Sequence[StoredLetter]) -> list[StoredLetter]:
    """Letters with what their source still holds; one whose record is gone, or is another by now, stays without value."""
    found: dict[TopicPartition, dict[int, StoredLetter]] = {}
    done: list[StoredLetter] = []
    for letter in letters:
        if letter.value is not None:
            done.append(letter)
            continue
        where, offset = letter.id.where, letter.id.offset
        there = found.setdefault(TopicPartition(names.of(where.topic), where.partition), {})
        if offset not in there:
            there[offset] = await _read_again(settings, names, letter)
        record = there[offset]
        done.append(_with(letter, record.key, record.value, record.headers))
    return done


async def requeue(
    settings: KafkaSettings, names: TopicNames, letters: Sequence[StoredLetter], act: Act, *, dismissing: bool = True
) -> None:
    """Publish the records again where they came from, signed anew where asked for; `dismissing`: and dismiss the refused ones."""
    records = again(letters, act)
    client = await started_producer(settings)
    try:
        for record in records:
            topic, partition = names.of(record.where.topic), record.where.partition
            if partition not in await client.partitions_for(topic):
                raise UsageError(f"{topic} has no partition {partition} any more: publish its records by hand")
            await client.send_and_wait(
                topic, value=record.value, key=record.key, partition=partition, headers=list(record.headers)
            )
    except KafkaError as error:
        raise ConnectionProblem(f"the broker at {settings.bootstrap_servers} took no record: {error}") from error
    finally:
        await ended(client)
    known = [letter for letter in letters if dismissing and entity_of(letter) is not None]
    await dismiss(settings, names, known, act)


def again(letters: Sequence[StoredLetter], act: Act) -> list[AgainRecord]:
    """The records of letters, one for those of a feed and of one record; UsageError for one without its value."""
    records: dict[tuple[SourcePartition, int], list[StoredLetter]] = {}
    for letter in letters:
        if letter.value is None:
            raise UsageError(
                f"{letter.id} has no value to put back ({letter.detail}): its record is no longer in the source. "
                f"Let its producer send it again, then `dlq dismiss {letter.id}`"
            )
        records.setdefault((letter.id.where, letter.id.offset), []).append(letter)
    return [_again(several, act) for several in records.values()]


def _again(letters: Sequence[StoredLetter], act: Act) -> AgainRecord:
    first = letters[0]
    where, key, value = first.id.where, first.key, first.value
    own = [(name, content) for name, content in first.headers if name not in {HEADER, SIGNATURE}]
    told = [_meant(letters).header()] if where.feed is not None or where.kind == TRADES else []
    return AgainRecord(where, key, value, (*own, *told, *act.signing.headers(where.topic, key, value, act.at)))


def _meant(letters: Sequence[StoredLetter]) -> RequeuedRecord:
    """What of their record is put back: at the place where it first lay, however often it was put back since."""
    first = letters[0]
    before = RequeuedRecord.of(first.headers)
    time_ms = parse_time(first.logged_at) // from_ms(1)
    place = before or RequeuedRecord(first.id.where.epoch, first.id.offset, time_ms, None, first.rules)
    wholes = [letter for letter in letters if letter.whole]
    if wholes:
        by_all = wholes[0].reason not in _OF_SENDERS
        return replace(place, elements=None if by_all else {first.id.where.topic: None})
    return replace(place, elements={first.id.where.topic: ranges_of(letter.id.index for letter in letters)})


async def _read_again(settings: KafkaSettings, names: TopicNames, letter: StoredLetter) -> StoredLetter:
    """The letter with its record as the source holds it, without value where it does not."""
    where, offset = letter.id.where, letter.id.offset
    place = TopicPartition(names.of(where.topic), where.partition)
    async for record in read_range(settings, {place: offset}, upto=offset + 1):
        size = None if record.value is None else len(record.value)
        same = exact_time(from_ms(clamped(record.timestamp))) == letter.logged_at and letter.left_out in {None, size}
        if record.offset == offset and same:
            return _with(letter, record.key, record.value, record.headers)
    return letter


def _with(letter: StoredLetter, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes]]) -> StoredLetter:
    return replace(letter, key=key, value=value, headers=tuple(headers), left_out=letter.left_out if value is None else None)
