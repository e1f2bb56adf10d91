"""What deploy/kafka/up asks of Kafka's tools, and what it says when they fail, with a stand-in for Java."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from deploy.kafka.acls import ASSESSOR, COMPLIANCE, FEEDS, FINANCE, INTAKE, REPAIR, all_topics, commands, grants
from monitor.core.journal.vocabulary import ALERTS, JOURNAL, SOURCE_TOPICS
from monitor.settings.kafka import KafkaSettings
from monitor.settings.load import settings_of
from streams.demo.child import free_port
from streams.kafka.topics import TopicNames, topic_names, topic_specs

UP = Path(__file__).resolve().parents[2] / "deploy" / "kafka" / "up"
FAILS = """#!/bin/sh
for argument; do echo "$argument"; done >"$ARGUMENTS"
echo "first words"
echo "kafka-storage: error: it did not please"
exit 1
"""


def test_a_refused_format_is_told_in_its_own_words_and_the_cluster_id_is_no_option(tmp_path: Path) -> None:
    java, libs = tmp_path / "bin" / "java", tmp_path / "cache" / "libs"
    java.parent.mkdir()
    java.write_text(FAILS)
    java.chmod(0o755)
    libs.mkdir(parents=True)
    (libs / ".complete").touch()
    environment = os.environ | {
        "PATH": f"{java.parent}:{os.environ['PATH']}",
        "ARGUMENTS": str(tmp_path / "arguments"),
        "KAFKA_CACHE": str(tmp_path / "cache"),
        "KAFKA_PORT": str(free_port()),
    }
    done = subprocess.run([UP], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 4
    assert done.stderr == "kafka: the data folder could not be formatted: kafka-storage: error: it did not please\n"
    arguments = (tmp_path / "arguments").read_text().splitlines()
    identity = arguments[arguments.index("--cluster-id") + 1]
    assert len(identity) == 22
    assert not identity.startswith("-")


KAFKA = KafkaSettings()


def writers(topic: str) -> set[str]:
    return {grant.principal for grant in grants(KAFKA) if topic in grant.writes}


def test_the_topics_that_move_figures_have_one_writer_each() -> None:
    assert writers(JOURNAL) == {INTAKE, ASSESSOR}
    assert writers(ALERTS) == {ASSESSOR}
    assert writers("entity.declarations") == {FINANCE}
    assert writers("reserve.operations") == {COMPLIANCE, REPAIR}
    assert all(writers(topic) <= {FEEDS, FINANCE, COMPLIANCE, REPAIR} for topic in SOURCE_TOPICS)


def test_no_topic_is_forgotten() -> None:
    assert set(all_topics(KAFKA)) == {spec.name for spec in topic_specs(KAFKA, TopicNames())}
    assert all(writers(topic) for topic in all_topics(KAFKA))


def test_the_commands_grant_what_the_table_says_and_no_more() -> None:
    lines = list(commands("kafka:9093", KAFKA, TopicNames()))
    for grant in grants(KAFKA):
        own = [line for line in lines if f"User:{grant.principal}" in line]
        for operation, topics in (("Write", grant.writes), ("Read", grant.reads)):
            named = {
                line[place + 1] for line in own if line[-1] == operation for place, word in enumerate(line) if word == "--topic"
            }
            assert named == set(topics), (grant.principal, operation)
    assert not any(word in {"All", "Alter", "Delete", "Create", "*"} for line in lines for word in line)


def test_the_grants_are_of_the_topics_that_the_configuration_names() -> None:
    settings = settings_of(
        {
            "kafka": {"prefix": "two"},
            "topics": {"prefixed": True, "names": {"reserve.alerts": "risk.alerts"}},
            "sources": {
                "market.prices": {"name": "px"},
                "market.trades": {"feeds": {one: {"topic": one, "use": "kraken"} for one in ("frames", "others")}},
            },
        }
    )
    names = topic_names(settings)
    named = {
        line[place + 1]
        for line in commands("kafka:9093", settings.kafka, names)
        for place, word in enumerate(line)
        if word == "--topic"
    }
    assert named == {spec.name for spec in topic_specs(settings.kafka, names)}
    assert {"two.reserve.journal", "risk.alerts", "px", "frames", "others"} <= named


def test_the_table_for_people_names_every_principal() -> None:
    page = (UP.parents[1] / "README.md").read_text()
    for grant in grants(KAFKA):
        assert f"| `{grant.principal}`" in page
