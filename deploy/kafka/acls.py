"""Who may do what on the broker, as Kafka's own commands: `python -m deploy.kafka.acls --bootstrap-server ADDRESS`.

Whoever writes `entity.declarations` moves what must be held, and `reserve.journal` is the root of trust: so each writer has a
principal of its own, and nobody who is not named here may do anything. Prints one `kafka-acls.sh` line for each grant; run them
with `--command-config` of an administrator. `--config` names the configuration whose prefix and names of topics the broker has;
without it they are the defaults.
"""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from monitor.core.journal.vocabulary import (
    ALERTS,
    BALANCES,
    CHECKPOINTS,
    DEAD_LETTERS,
    DECLARATIONS,
    DELIVERIES,
    JOURNAL,
    OPERATIONS,
    OUTPUT_TOPICS,
    OWN_TOPICS,
    PRICES,
    SOURCE_TOPICS,
)
from monitor.settings.kafka import KafkaSettings
from monitor.settings.load import load_settings, settings_of
from streams.archiver.worker import ARCHIVED
from streams.kafka.topics import TopicNames, snapshot_topic, topic_names

FEEDS, FINANCE, COMPLIANCE = "reserve-feeds", "reserve-finance", "reserve-compliance"
INTAKE, ASSESSOR, DISPATCHER, ARCHIVER = "reserve-intake", "reserve-assessor", "reserve-dispatcher", "reserve-archiver"
READER, REPAIR, ADMINISTRATOR = "reserve-reader", "reserve-repair", "reserve-admin"

_FEEDS = tuple(topic for topic in SOURCE_TOPICS if topic not in {DECLARATIONS, OPERATIONS})
_OUTPUTS = (*OUTPUT_TOPICS, CHECKPOINTS)


@dataclass(frozen=True, slots=True)
class Grant:
    """What one principal may do, and why it must."""

    principal: str
    why: str
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    group: str | None = None

    @property
    def topics(self) -> frozenset[str]:
        """Every topic it touches."""
        return frozenset(self.reads) | frozenset(self.writes)


def grants(kafka: KafkaSettings) -> tuple[Grant, ...]:
    """Least rights of each principal, by default topic names. The administrator who makes topics is a super user."""
    snapshots = snapshot_topic(kafka)
    return (
        Grant(FEEDS, "the venue's own systems", writes=_FEEDS),
        Grant(FINANCE, "moves what must be held: one principal, of finance", writes=(DECLARATIONS,)),
        Grant(COMPLIANCE, "dlq dismiss, alerts dismiss, promote", (DEAD_LETTERS, OPERATIONS, ALERTS), (OPERATIONS,)),
        Grant(REPAIR, "dlq requeue", (DEAD_LETTERS, OPERATIONS, *_FEEDS), (*_FEEDS, OPERATIONS)),
        Grant(INTAKE, "run --only intake", (*SOURCE_TOPICS, JOURNAL), (JOURNAL, DEAD_LETTERS), kafka.group("intake")),
        Grant(
            ASSESSOR,
            "run --only assessor",
            (JOURNAL, *_OUTPUTS, DELIVERIES, snapshots, BALANCES, PRICES),
            (JOURNAL, *_OUTPUTS, snapshots, DEAD_LETTERS),
            kafka.group("assessor"),
        ),
        Grant(DISPATCHER, "run --only dispatcher", (ALERTS, DELIVERIES), (DELIVERIES,), kafka.group("dispatcher")),
        Grant(ARCHIVER, "run --only archiver: reads, never writes", ARCHIVED, group=kafka.group("archiver")),
        Grant(READER, "status, explain, alerts, dlq list, audit: reads, never writes",
              (*_OUTPUTS, DELIVERIES, DEAD_LETTERS, OPERATIONS, JOURNAL)),
    )  # fmt: skip


STAGES = frozenset({INTAKE, ASSESSOR, DISPATCHER, ARCHIVER, READER})
"""Look at every topic's partitions and settings before they start, so that a wrong topic is refused and not worked on."""


def commands(bootstrap: str, kafka: KafkaSettings, names: TopicNames) -> Iterator[list[str]]:
    """The arguments of `kafka-acls.sh` for each grant, by the names that topics have on the broker."""
    every_topic = on_broker(names, all_topics(kafka))
    for grant in grants(kafka):
        start = ["--bootstrap-server", bootstrap, "--add", "--allow-principal", f"User:{grant.principal}"]
        if grant.reads:
            yield [*start, *_each("--topic", on_broker(names, grant.reads)), "--operation", "Read"]
        if grant.writes:
            yield [*start, *_each("--topic", on_broker(names, grant.writes)), "--operation", "Write"]
        if grant.group:
            yield [*start, "--group", grant.group, "--operation", "Read"]
        if grant.principal in STAGES:
            yield [*start, *_each("--topic", every_topic), "--operation", "Describe", "--operation", "DescribeConfigs"]


def all_topics(kafka: KafkaSettings) -> tuple[str, ...]:
    """Every topic of the system by its default name."""
    return (*SOURCE_TOPICS, JOURNAL, *_OUTPUTS, DELIVERIES, DEAD_LETTERS, snapshot_topic(kafka))


def on_broker(names: TopicNames, topics: tuple[str, ...]) -> tuple[str, ...]:
    """What topics, given by their default names, are called on the broker; a kind that feeds read is several."""
    found = (names.read(topic) if topic in SOURCE_TOPICS else (_called(names, topic),) for topic in topics)
    return tuple(dict.fromkeys(name for several in found for name in several))


def _called(names: TopicNames, topic: str) -> str:
    return names.of(topic) if topic in OWN_TOPICS else topic  # Faust names its own


def _each(option: str, values: tuple[str, ...]) -> list[str]:
    return [word for value in values for word in (option, value)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m deploy.kafka.acls", description=__doc__)
    parser.add_argument("--bootstrap-server", default="127.0.0.1:9092", metavar="ADDRESS")
    parser.add_argument("--config", type=Path, metavar="FILE")
    given = parser.parse_args()
    settings = settings_of({}) if given.config is None else load_settings(given.config)
    for arguments in commands(given.bootstrap_server, settings.kafka, topic_names(settings)):
        print(shlex.join(["kafka-acls.sh", *arguments]))  # noqa: T201 - a command's output
