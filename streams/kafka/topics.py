"""The topics: names, partitions, retention and compaction; how they are created and checked (CONTRACT 1, 2; JOURNAL 8).

Must exist before anything reads: a Faust worker that starts before its topic ignores it for ever, and a broker that
creates topics on demand would choose the partition count.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError

from monitor.core.journal.vocabulary import (
    ALERTS,
    ASSESSMENTS,
    CHECKPOINTS,
    DEAD_LETTERS,
    DELIVERIES,
    EXPOSURES,
    JOURNAL,
    SOURCE_TOPICS,
    TRADES,
)
from monitor.errors import ConfigurationError, ConnectionProblem, MonitorError
from monitor.settings.kafka import KafkaSettings
from monitor.settings.load import Settings
from streams.kafka.clients import MAX_REQUEST_BYTES, admin, as_it_is, ended, problem, started

SNAPSHOTS = "snapshots"

TRADE_PARTITIONS = 12
_HOUR_MS = 3_600_000
_MARGIN_H = 48
_OFTEN_COMPACTED = {
    "segment.ms": "600000",
    "min.cleanable.dirty.ratio": "0.1",
    "delete.retention.ms": str(_HOUR_MS),
}
"""Of snapshots little is valid at a time, and whoever takes a partition over reads all that lies there: by Kafka's defaults
what a week wrote, or a gigabyte, since the newest segment is never compacted.
"""

_NOT_ALLOWED = TopicAuthorizationFailedError.errno
_MISSING = "topics are missing ({}): create them with `reserve-monitor topics create`"
_NOT_SHOWN = "not shown"
_ALREADY_EXISTS = 36
_SHOWN_TRIES = 100
_SHOWN_WAIT_S = 0.1


@dataclass(frozen=True, slots=True)
class TopicNames:
    """The names in use. `sources` maps a default source topic to the configured one (`sources.<topic>.name`)."""

    sources: Mapping[str, str] = field(default_factory=dict)
    prefix: str = ""
    """Put before the journal's, the outputs' and the dead letters' names, so that two systems can share one broker."""
    feeds: Mapping[str, str] = field(default_factory=dict)
    """The topic on the broker that each feed (`<kind>/<feed>`) reads."""
    named: Mapping[str, str] = field(default_factory=dict)
    """Names given to the journal, to outputs and to the dead letters, which are used as they are."""
    signed: frozenset[str] = frozenset()
    """Topics on the broker whose records are signed: who could date them himself could bring an old one again."""

    def of(self, default: str) -> str:
        """The name in use for a default name or a feed."""
        if default in self.feeds:
            return self.feeds[default]
        if default in SOURCE_TOPICS:
            return self.sources.get(default, default)
        return self.named.get(default, f"{self.prefix}{default}")

    def read(self, kind: str) -> Sequence[str]:
        """The topics on the broker from which a kind of events comes."""
        found = tuple(dict.fromkeys(topic for feed, topic in self.feeds.items() if feed.startswith(f"{kind}/")))
        return found or (self.of(kind),)


def topic_names(settings: Settings) -> TopicNames:
    """The names that the settings give: of sources and feeds, and with `topics.prefixed` of the journal and the outputs."""
    prefix = f"{settings.kafka.prefix}." if settings.topics.prefixed else ""
    return TopicNames(settings.source_names(), prefix, settings.feed_topics(), settings.topics.names, settings.signed_topics())


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """What one topic must be. `settings` are Kafka's own topic settings for its creation."""

    name: str
    default: str
    partitions: int
    settings: Mapping[str, str]
    min_retention_ms: int | None = None
    """None: must be kept for ever."""

    @property
    def is_source(self) -> bool:
        return self.default in SOURCE_TOPICS

    @property
    def compacted(self) -> bool:
        return self.settings["cleanup.policy"] == "compact"

    @property
    def fixed_partitions(self) -> bool:
        """A source topic's count belongs to who runs it; the journal's and the outputs' are part of the format."""
        return not self.is_source and self.default != DEAD_LETTERS


@dataclass(frozen=True, slots=True)
class Drift:
    """One way in which a topic is not as it must be. `error` False: a warning that does not fail the check."""

    topic: str
    setting: str
    found: str
    wanted: str
    advice: str
    error: bool = True

    def line(self) -> str:
        """The finding in one line."""
        level, must = ("error", "must be") if self.error else ("warning", "better")
        return f"{level}: {self.topic}: {self.setting} is {self.found}, {must} {self.wanted}; {self.advice}"


def topic_specs(settings: KafkaSettings, names: TopicNames, lookback_h: int = 72) -> tuple[TopicSpec, ...]:
    """Every topic of the system. Sources are kept for the look-back and two days, so that a stopped intake finds its place."""
    keep_ms = (lookback_h + _MARGIN_H) * _HOUR_MS
    safe = {"unclean.leader.election.enable": "false"}
    if settings.replication_factor > 1:
        safe["min.insync.replicas"] = "2"
    kept = safe | {"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1"}
    stamped = {"message.timestamp.type": "LogAppendTime"}
    sources = tuple(
        TopicSpec(
            name,
            topic,
            TRADE_PARTITIONS if topic == TRADES else 1,
            kept | {"retention.ms": str(max(keep_ms, 7 * 24 * _HOUR_MS))} | (stamped if name in names.signed else {}),
            keep_ms,
        )
        for topic, name in _sources(names)
    )
    count = settings.journal_partitions
    letters = kept | {"retention.ms": str(90 * 24 * _HOUR_MS), "max.message.bytes": str(MAX_REQUEST_BYTES)}
    return (
        *sources,
        TopicSpec(names.of(JOURNAL), JOURNAL, count, kept | stamped),
        TopicSpec(names.of(ASSESSMENTS), ASSESSMENTS, count, kept),
        TopicSpec(names.of(EXPOSURES), EXPOSURES, count, kept),
        TopicSpec(names.of(ALERTS), ALERTS, count, safe | {"cleanup.policy": "compact"}),
        TopicSpec(names.of(CHECKPOINTS), CHECKPOINTS, count, kept),
        TopicSpec(names.of(DELIVERIES), DELIVERIES, count, safe | {"cleanup.policy": "compact"}),
        TopicSpec(snapshot_topic(settings), SNAPSHOTS, count, safe | {"cleanup.policy": "compact"} | _OFTEN_COMPACTED),
        TopicSpec(names.of(DEAD_LETTERS), DEAD_LETTERS, 1, letters, keep_ms),
    )


def _sources(names: TopicNames) -> list[tuple[str, str]]:
    """Every topic that is read, by its name on the broker once, with the first kind it is read for."""
    kinds: dict[str, str] = {}
    for kind in SOURCE_TOPICS:
        for name in names.read(kind):
            kinds.setdefault(name, kind)
    return [(kind, name) for name, kind in kinds.items()]


def snapshot_topic(settings: KafkaSettings) -> str:
    """The changelog of the assessor's snapshot table; Faust forms the name from the application and the table."""
    return f"{settings.group('assessor')}-{SNAPSHOTS}-changelog"


async def create_topics(settings: KafkaSettings, specs: Iterable[TopicSpec]) -> list[str]:
    """Create the topics that are absent; gives their names. An existing topic is left as it is (see `check_topics`)."""
    client = await started(admin(settings), settings)
    try:
        existing = set(await client.list_topics())
        absent = [spec for spec in specs if spec.name not in existing]
        if not absent:
            return []
        made = _created(await client.create_topics([_new_topic(spec, settings.replication_factor) for spec in absent]))
        await _shown(client, {spec.name for spec in absent})
    except KafkaError as error:
        raise ConnectionProblem(f"the broker at {settings.bootstrap_servers} did not create the topics: {error}") from error
    finally:
        await ended(client)
    return made


async def check_topics(settings: KafkaSettings, specs: Iterable[TopicSpec]) -> list[Drift]:
    """Every way in which the broker's topics differ from what they must be (JOURNAL 8); empty when all is well.

    Of a broker without idempotence, which keeps no topic settings, only existence and partitions are checked.
    """
    settings = await as_it_is(settings)
    client = await started(admin(settings), settings)
    try:
        existing = set(await client.list_topics())
        specs = tuple(specs)
        present = [spec for spec in specs if spec.name in existing]
        unseen = [spec for spec in specs if spec.name not in existing]
        hidden = set() if settings.embedded else await _hidden(client, [spec.name for spec in unseen])
        found = [_not_shown(spec) if spec.name in hidden else _absent(spec) for spec in unseen]
        there = [spec.name for spec in present]
        described = {one["topic"]: one for one in await client.describe_topics(there)} if there else {}
        values = {} if settings.embedded else await _settings_of(client, there)
    except KafkaError as error:
        raise ConnectionProblem(f"the broker at {settings.bootstrap_servers} did not describe its topics: {error}") from error
    finally:
        await ended(client)
    for spec in present:
        partitions = described[spec.name]["partitions"]
        found += _partition_drift(spec, len(partitions))
        if not settings.embedded:
            found += _setting_drift(spec, values[spec.name], max((len(one["replicas"]) for one in partitions), default=1))
    return found


async def require_topics(settings: KafkaSettings, specs: Iterable[TopicSpec]) -> None:
    """Refuse to start without every topic in its fixed shape; other drift is left to `topics check`."""
    drifts = [drift for drift in await check_topics(settings, specs) if drift.error and drift.setting in {"topic", "partitions"}]
    if absent := absent_of(drifts):
        raise ConfigurationError(_MISSING.format(", ".join(absent)))
    if drifts:
        raise ConfigurationError("; ".join(drift.line().removeprefix("error: ") for drift in drifts))


async def require_there(settings: KafkaSettings, names: TopicNames, *topics: str) -> None:
    """Refuse to read what is not there (by default names): its offsets would be asked for in vain for most of a minute.

    What is not shown to this principal is left to whoever reads it: the broker refuses that itself.
    """
    client = await started(admin(settings), settings)
    try:
        there = set(await client.list_topics())
    except KafkaError as error:
        raise await problem(settings, error) from error
    finally:
        await ended(client)
    if absent := [spec for spec in topic_specs(settings, names) if spec.default in topics and spec.name not in there]:
        drifts = [drift for drift in await check_topics(settings, absent) if drift.found != _NOT_SHOWN]
        if missing := absent_of(drifts):
            raise ConfigurationError(_MISSING.format(", ".join(missing)))


def absent_of(drifts: Iterable[Drift]) -> list[str]:
    """The names of the topics that are not there; ConfigurationError where nobody who may not look at one can tell."""
    known = [drift for drift in drifts if drift.setting == "topic"]
    if hidden := [drift.line().removeprefix("error: ") for drift in known if drift.found == _NOT_SHOWN]:
        raise ConfigurationError("; ".join(hidden))
    return [drift.topic for drift in known]


async def _shown(client: AIOKafkaAdminClient, names: set[str]) -> None:
    """Wait until the broker that answers knows the new topics: it is told after the controller has made them."""
    for _ in range(_SHOWN_TRIES):
        if names <= set(await client.list_topics()):
            return
        await asyncio.sleep(_SHOWN_WAIT_S)
    raise ConnectionProblem(f"the broker has made topics it does not show yet: {', '.join(sorted(names))}; try again")


def _new_topic(spec: TopicSpec, replicas: int) -> NewTopic:
    assignment: dict[int, list[int]] | None = {} if replicas == -1 else None  # aiokafka takes "the broker's default" only so
    return NewTopic(spec.name, spec.partitions, replicas, assignment, dict(spec.settings))


def _created(response: Any) -> list[str]:
    made = []
    for entry in response.topic_errors:
        name, code = entry[0], entry[1]
        if code not in (0, _ALREADY_EXISTS):
            reason = (entry[2] if len(entry) > 2 else None) or f"error code {code}"
            raise MonitorError(f"topic {name} cannot be created: {reason}")
        if code == 0:
            made.append(name)
    return made


async def _settings_of(client: AIOKafkaAdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    result: dict[str, dict[str, str]] = {}
    responses: list[Any] = await client.describe_configs(resources) if resources else []
    for response in responses:
        for _, _, _, name, entries in response.resources:
            result[name] = {entry[0]: entry[1] for entry in entries}
    return result


async def _hidden(client: AIOKafkaAdminClient, names: list[str]) -> set[str]:
    """Those of topics that are not listed which may be there all the same: who we are may not look at them."""
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    responses: list[Any] = await client.describe_configs(resources) if resources else []
    return {name for response in responses for code, _, _, name, _ in response.resources if code == _NOT_ALLOWED}


def _not_shown(spec: TopicSpec) -> Drift:
    advice = "it is absent, or this principal may not describe it: the rights of each stand in docs/threat-model.md"
    return Drift(spec.name, "topic", _NOT_SHOWN, "there", advice)


def _absent(spec: TopicSpec) -> Drift:
    return Drift(spec.name, "topic", "absent", "there", "create it with `reserve-monitor topics create`")


def _partition_drift(spec: TopicSpec, count: int) -> list[Drift]:
    if count == spec.partitions:
        return []
    if spec.fixed_partitions:
        advice = "the count is fixed for the journal's life: set kafka.journal_partitions to what the journal was made with"
        return [Drift(spec.name, "partitions", str(count), str(spec.partitions), advice)]
    advice = "more partitions later need a new sources epoch"
    return [Drift(spec.name, "partitions", str(count), f"{spec.partitions} unless that is meant", advice, error=False)]


def _setting_drift(spec: TopicSpec, values: Mapping[str, str], replicas: int) -> list[Drift]:
    found = [*_policy_drift(spec, values), *_retention_drift(spec, values), *_safety_drift(spec, values, replicas)]
    for setting in ("message.timestamp.type", "max.message.bytes"):
        wanted = spec.settings.get(setting)
        if wanted is not None and values.get(setting) != wanted:
            found.append(_altered(spec, setting, values.get(setting), wanted))
    return [*found, *_compaction_drift(spec, values)]


def _compaction_drift(spec: TopicSpec, values: Mapping[str, str]) -> list[Drift]:
    wanted, found = spec.settings.get("segment.ms"), values.get("segment.ms")
    if wanted is None or found is None or int(found) <= int(wanted):
        return []
    advice = f"a take-over reads all that was not compacted: {_command(spec, 'segment.ms', wanted)}"
    return [Drift(spec.name, "segment.ms", found, f"{wanted} or less", advice, error=False)]


def _policy_drift(spec: TopicSpec, values: Mapping[str, str]) -> list[Drift]:
    policy = values.get("cleanup.policy", "delete")
    wanted: Literal["compact", "delete"] = "compact" if spec.compacted else "delete"
    return [] if policy == wanted else [_altered(spec, "cleanup.policy", policy, wanted)]


def _retention_drift(spec: TopicSpec, values: Mapping[str, str]) -> list[Drift]:
    if spec.compacted:
        return []
    found = []
    time_ms, size = int(values.get("retention.ms", "-1")), int(values.get("retention.bytes", "-1"))
    if spec.min_retention_ms is None and time_ms != -1:
        found.append(_altered(spec, "retention.ms", str(time_ms), "-1"))
    elif spec.min_retention_ms is not None and -1 < time_ms < spec.min_retention_ms:
        least = str(spec.min_retention_ms)
        found.append(_altered(spec, "retention.ms", str(time_ms), f"-1 or at least {least}", least))
    if size != -1:
        advice = f"a size limit may delete what is needed: set -1, or be sure that it holds the look-back and {_MARGIN_H} h"
        found.append(Drift(spec.name, "retention.bytes", str(size), "-1", advice, error=spec.min_retention_ms is None))
    return found


def _safety_drift(spec: TopicSpec, values: Mapping[str, str], replicas: int) -> list[Drift]:
    found = []
    if values.get("unclean.leader.election.enable", "false") != "false":
        found.append(_altered(spec, "unclean.leader.election.enable", "true", "false"))
    in_sync = int(values.get("min.insync.replicas", "1"))
    if replicas > 1 and in_sync < 2:
        found.append(_altered(spec, "min.insync.replicas", str(in_sync), "2 or more", "2"))
    if replicas == 1:
        found.append(Drift(spec.name, "replicas", "1", "3 in production", "one lost disk loses the topic", error=False))
    return found


def _altered(spec: TopicSpec, setting: str, found: str | None, wanted: str, value: str | None = None) -> Drift:
    return Drift(spec.name, setting, found or "unset", wanted, f"alter it with {_command(spec, setting, value or wanted)}")


def _command(spec: TopicSpec, setting: str, value: str) -> str:
    return f"`kafka-configs.sh --alter --entity-type topics --entity-name {spec.name} --add-config {setting}={value}`"
