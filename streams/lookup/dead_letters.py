"""Dead letters as people handle them: read, put back, dismissed (CONTRACT 2, 3 `dlq`).

A letter is identified by where its record lies: topic, epoch, partition, offset, in a feed also feed and index. A restart of
intake writes it again; here it is one. To dismiss one is an operation on record, which ends the gap the refusal left; to put
one back is in `requeue`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from monitor.audit.signatures.approvals import approval_of
from monitor.core.configuration.controls import Controls
from monitor.core.journal.records import SourcePartition, journal_partition
from monitor.core.journal.vocabulary import DEAD_LETTERS, JOURNAL, OPERATIONS, SOURCE_TOPICS
from monitor.core.values.times import exact_time, parse_time
from monitor.errors import ConnectionProblem, UsageError
from monitor.nesting import json_of
from monitor.notify.alert import Alert
from monitor.settings.kafka import KafkaSettings
from streams.kafka.clients import consumer, ended, started, started_producer
from streams.kafka.reading import read_range
from streams.kafka.topics import TopicNames, require_there
from streams.wire import SCHEMAS
from streams.wire.rejected import PREFIX
from streams.wire.signatures import Signing

NOBODY = Controls()
"""Nobody approves, and nothing needs two."""


@dataclass(frozen=True, slots=True, order=True)
class LetterId:
    """Where a refused record lies: `topic/epoch/partition/offset`, of a feed `topic/feed/epoch/partition/offset/index`."""

    where: SourcePartition
    offset: int
    index: int = 0

    @classmethod
    def parse(cls, text: str) -> Self:
        """`UsageError` for a text that is no such path."""
        topic, *parts = text.split("/")
        feed = [parts.pop(0)] if len(parts) == 5 else []
        numbers = [int(part) for part in parts if part.isdecimal()]
        if topic not in (*SOURCE_TOPICS, JOURNAL) or len(numbers) != len(parts) or len(parts) != (4 if feed else 3):
            raise UsageError(
                f"{text!r} is not topic/epoch/partition/offset, or topic/feed/epoch/partition/offset/index, of a dead letter, "
                "as `dlq list` prints it"
            )
        return cls(SourcePartition("/".join([topic, *feed]), numbers[0], numbers[1]), *numbers[2:])

    def __str__(self) -> str:
        place = f"{self.where.topic}/{self.where.epoch}/{self.where.partition}/{self.offset}"
        return place if self.where.feed is None else f"{place}/{self.index}"


@dataclass(frozen=True, slots=True)
class StoredLetter:
    """A dead letter read back. `headers` are the record's own; times are text as in the headers.

    `whole`: the record as a whole is refused, and no element of it. `entity`: whose it is, where intake could read that.
    `left_out`: size of the value, where it stands with another letter of its record, or in the source alone.
    """

    id: LetterId
    reason: str
    detail: str
    logged_at: str
    refused_at: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    dismissed: bool = False
    whole: bool = True
    entity: str | None = None
    left_out: int | None = None
    rules: int | None = None
    """Number of the rules that refused it."""

    @property
    def record(self) -> str | None:
        """The path of its record, where it is one of several events of it."""
        return None if self.whole else str(self.id).rpartition("/")[0]

    def shown(self) -> dict[str, Any]:
        """As `--json` prints it; bytes that are no UTF-8 with backslash escapes."""
        return {
            "id": str(self.id),
            "topic": self.id.where.kind,
            **({} if self.id.where.feed is None else {"feed": self.id.where.feed, "index": self.id.index}),
            "epoch": self.id.where.epoch,
            "partition": self.id.where.partition,
            "offset": self.id.offset,
            "reason": self.reason,
            "detail": self.detail,
            "logged_at": self.logged_at,
            "refused_at": self.refused_at,
            "dismissed": self.dismissed,
            "key": _text(self.key),
            "value": _text(self.value),
            **({} if self.left_out is None else {"left_out": self.left_out}),
            "headers": {name: _text(value) for name, value in self.headers},
        }


@dataclass(frozen=True, slots=True)
class Act:
    """Who does something about dead letters, why, and when (ns); `signing` vouches for it where that is asked for."""

    by: str
    reason: str
    at: int
    signing: Signing = field(default_factory=Signing)


async def read_letters(settings: KafkaSettings, names: TopicNames, controls: Controls = NOBODY) -> list[StoredLetter]:
    """Every dead letter once, the newest writing of each, by place; `dismissed` where an operation says so that counts."""
    dismissed = await _dismissed(settings, names, controls)
    letters: dict[LetterId, StoredLetter] = {}
    async for record in read_range(settings, await _all(settings, names, DEAD_LETTERS)):
        letter = letter_of(record.key, record.value, record.headers)
        if letter is not None:
            letters[letter.id] = letter
    return [replace(one, dismissed=one.id in dismissed) for _, one in sorted(letters.items())]


def letter_of(key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes]]) -> StoredLetter | None:
    """The letter in a record of the dead-letter topic; None for a record that intake did not write."""
    ours = {name.removeprefix(PREFIX): data.decode("utf-8", "replace") for name, data in headers if name.startswith(PREFIX)}
    try:
        name = ours["topic"] if "feed" not in ours else f"{ours['topic']}/{ours['feed']}"
        where = SourcePartition(name, int(ours["epoch"]), int(ours["partition"]))
        return StoredLetter(
            id=LetterId(where, int(ours["offset"]), int(ours.get("index", 0))),
            reason=ours["reason"],
            detail=ours["detail"],
            logged_at=ours["timestamp"],
            refused_at=ours["at"],
            key=key,
            value=value,
            headers=tuple((name, data) for name, data in headers if not name.startswith(PREFIX)),
            whole="index" not in ours,
            entity=ours.get("entity"),
            left_out=int(ours["left_out"]) if "left_out" in ours else None,
            rules=int(ours["rules"]) if "rules" in ours else None,
        )
    except (KeyError, ValueError):
        return None


async def dismiss(
    settings: KafkaSettings, names: TopicNames, letters: Sequence[StoredLetter], act: Act, entity: str | None = None
) -> None:
    """Put on record that the letters need no more care; `entity` for those that name none."""
    await put_on_record(settings, names, [dismissal(letter, act, entity) for letter in letters], act)


async def put_on_record(settings: KafkaSettings, names: TopicNames, operations: Sequence[Mapping[str, Any]], act: Act) -> None:
    """Publish acts of people, signed where asked for; ConnectionProblem when the broker takes none."""
    records = [(one["entity"].encode(), json.dumps(one).encode()) for one in operations]
    signed = [(key, value, act.signing.headers(OPERATIONS, key, value, act.at)) for key, value in records]
    client = await started_producer(settings)
    try:
        for key, value, headers in signed:
            await client.send_and_wait(names.of(OPERATIONS), value=value, key=key, headers=headers)
    except KafkaError as error:
        raise ConnectionProblem(f"the broker at {settings.bootstrap_servers} took no record: {error}") from error
    finally:
        await ended(client)


def dismissal(letter: StoredLetter, act: Act, entity: str | None = None) -> dict[str, Any]:
    """The record of `reserve.operations` that dismisses a letter; `UsageError` where no entity is known."""
    owner = entity or entity_of(letter)
    if owner is None:
        raise UsageError(f"{letter.id} names no entity that can be read: say with --entity whose it is")
    where = letter.id.where
    places = [str(letter.id.offset)] if where.feed is None else [str(letter.id.offset), str(letter.id.index)]
    body = {
        "topic": where.kind,
        **({} if where.feed is None else {"feed": where.feed, "index": letter.id.index}),
        "epoch": where.epoch,
        "partition": where.partition,
        "offset": letter.id.offset,
    }
    return _dismissing(owner, "-".join([where.topic, str(where.epoch), str(where.partition), *places]), body, act)


def alert_dismissal(alert: Alert, act: Act) -> dict[str, Any]:
    """The record of `reserve.operations` that ends an alert which nothing is looked at for any more."""
    return _dismissing(alert.entity, f"alert-{alert.fingerprint}-{alert.revision}", {"alert": alert.fingerprint}, act)


def _dismissing(entity: str, what: str, body: Mapping[str, Any], act: Act) -> dict[str, Any]:
    return {
        "schema": SCHEMAS[OPERATIONS],
        "event_id": f"dismissal-{what}",
        "entity": entity,
        "kind": "dismissal",
        "at": exact_time(act.at),
        "by": [act.by],
        "reason": act.reason,
        "expires_at": None,
        "body": dict(body),
    }


def stuck_record(place: LetterId, entity: str | None, partitions: int) -> StoredLetter:
    """A journal record that the engine cannot take, as a letter to dismiss; `UsageError` unless `entity` is of its partition."""
    if entity is None or journal_partition(entity, partitions) != place.where.partition:
        raise UsageError(f"{place} is stepped over in its own journal partition: say with --entity one that is in it")
    return StoredLetter(place, "engine_error", "", "", "", None, None, ())


def taken_record(place: LetterId, entity: str | None) -> StoredLetter:
    """A record that was taken, as a letter to dismiss; `UsageError` without the entity whose figures it is about."""
    if entity is None:
        raise UsageError(f"{place}: say with --entity whose figures it is about")
    return StoredLetter(place, "taken", "", "", "", None, None, ())


def entity_of(letter: StoredLetter) -> str | None:
    """The entity a refused record is of, as far as it can be read."""
    if letter.entity is not None:
        return letter.entity
    try:
        raw = json_of(letter.value or b"")
    except ValueError:
        return None
    entity = raw.get("entity") if isinstance(raw, dict) else None
    return entity if isinstance(entity, str) and 0 < len(entity) <= 64 else None


async def _dismissed(settings: KafkaSettings, names: TopicNames, controls: Controls) -> set[LetterId]:
    found = set()
    async for record in read_range(settings, await _all(settings, names, OPERATIONS)):
        try:
            raw = json_of(record.value or b"")
            body = raw["body"]
            if raw["kind"] == "dismissal" and counts(raw, controls):
                name = f"{body['topic']}/{body['feed']}" if body.get("feed") else body["topic"]
                where = SourcePartition(name, body["epoch"], body["partition"])
                found.add(LetterId(where, body["offset"], body.get("index") or 0))
        except (ValueError, KeyError, TypeError):
            continue
    return found


def counts(operation: Mapping[str, Any], controls: Controls) -> bool:
    """Whether an operation is approved as far as its kind needs it: a dismissal by two people where that is configured."""
    if "dismissals" not in controls.four_eyes:
        return True
    return controls.dismissal_refusal(approval_of(operation), parse_time(operation["at"])) is None


async def _all(settings: KafkaSettings, names: TopicNames, default: str) -> dict[TopicPartition, int]:
    """Every partition of a topic, from its beginning."""
    await require_there(settings, names, default)
    topic = names.of(default)
    client = await started(consumer(settings, topic), settings)
    try:
        return {TopicPartition(topic, partition): 0 for partition in client.partitions_for_topic(topic) or ()}
    finally:
        await ended(client)


def _text(data: bytes | None) -> str | None:
    return None if data is None else data.decode("utf-8", "backslashreplace")
