"""What is wrong with a topic's settings, judged without a broker (JOURNAL 8)."""

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.admin.config_resource import ConfigResource

from monitor.core.journal.vocabulary import ALERTS, DEAD_LETTERS, JOURNAL, OUTPUT_TOPICS, SOURCE_TOPICS, TRADES
from monitor.errors import ConfigurationError
from monitor.settings.kafka import KafkaSettings
from monitor.settings.load import settings_of
from streams.kafka.topics import (
    SNAPSHOTS,
    Drift,
    TopicNames,
    TopicSpec,
    _absent,
    _hidden,
    _not_shown,
    _setting_drift,
    absent_of,
    snapshot_topic,
    topic_names,
    topic_specs,
)

SPECS = {spec.default: spec for spec in topic_specs(KafkaSettings(), TopicNames())}
HOUR_MS = 3_600_000


def _errors(spec: TopicSpec, replicas: int = 3, **changed: str) -> list[Drift]:
    found = {"min.insync.replicas": "2"} | dict(spec.settings) | {name.replace("_", "."): text for name, text in changed.items()}
    return [drift for drift in _setting_drift(spec, found, replicas) if drift.error]


@pytest.mark.parametrize("default", SPECS)
def test_a_topic_as_it_is_created_has_no_drift(default: str) -> None:
    assert _errors(SPECS[default]) == []


@pytest.mark.parametrize("default", [*SOURCE_TOPICS, JOURNAL, DEAD_LETTERS])
def test_compaction_would_lose_records(default: str) -> None:
    assert [drift.setting for drift in _errors(SPECS[default], cleanup_policy="compact,delete")] == ["cleanup.policy"]


@pytest.mark.parametrize("default", [ALERTS, SNAPSHOTS])
def test_what_is_read_by_key_must_be_compacted(default: str) -> None:
    assert [drift.setting for drift in _errors(SPECS[default], cleanup_policy="delete")] == ["cleanup.policy"]


@pytest.mark.parametrize(("milliseconds", "warned"), [("604800000", True), ("600000", False), ("1000", False)])
def test_snapshots_that_are_seldom_compacted_are_a_warning(milliseconds: str, warned: bool) -> None:
    """By Kafka's default a take-over reads what a week wrote, where that is less than a gigabyte."""
    spec = SPECS[SNAPSHOTS]
    drifts = _setting_drift(spec, {**spec.settings, "segment.ms": milliseconds}, 3)
    found = [drift for drift in drifts if drift.setting == "segment.ms"]
    assert [drift.error for drift in found] == ([False] if warned else [])
    assert all(f"--entity-name {spec.name} --add-config segment.ms=600000" in drift.line() for drift in found)


@pytest.mark.parametrize(("hours", "errors"), [(119, 1), (120, 0), (1000, 0)])
def test_a_source_is_kept_for_the_look_back_and_two_days(hours: int, errors: int) -> None:
    assert len(_errors(SPECS[TRADES], retention_ms=str(hours * HOUR_MS))) == errors


def test_a_longer_look_back_asks_for_longer_retention() -> None:
    spec = next(one for one in topic_specs(KafkaSettings(), TopicNames(), lookback_h=240) if one.default == TRADES)
    assert int(spec.settings["retention.ms"]) == spec.min_retention_ms == 288 * HOUR_MS
    assert len(_errors(spec, retention_ms=str(287 * HOUR_MS))) == 1


@pytest.mark.parametrize("setting", ["retention_ms", "retention_bytes"])
def test_the_journal_is_kept_for_ever(setting: str) -> None:
    changed: dict[str, Any] = {setting: "1000000000"}
    assert len(_errors(SPECS[JOURNAL], **changed)) == 1


def test_one_replica_in_sync_is_too_few_where_replicated() -> None:
    assert [drift.wanted for drift in _errors(SPECS[JOURNAL], min_insync_replicas="1")] == ["2 or more"]
    assert _errors(SPECS[JOURNAL], replicas=1, min_insync_replicas="1") == []


def test_one_replica_is_a_warning() -> None:
    drifts = _setting_drift(SPECS[JOURNAL], SPECS[JOURNAL].settings, 1)
    assert [(drift.setting, drift.error) for drift in drifts] == [("replicas", False)]


def test_replicated_topics_are_created_safe() -> None:
    for spec in topic_specs(KafkaSettings(replication_factor=3), TopicNames()):
        assert spec.settings["min.insync.replicas"] == "2"
        assert spec.settings["unclean.leader.election.enable"] == "false"


def test_names_follow_the_settings() -> None:
    names = TopicNames({TRADES: "exchange.fills"}, "test.")
    assert names.of(TRADES) == "exchange.fills"
    assert names.of("market.prices") == "market.prices"
    assert [names.of(topic) for topic in OUTPUT_TOPICS] == [f"test.{topic}" for topic in OUTPUT_TOPICS]
    assert snapshot_topic(KafkaSettings(prefix="venue")) == "venue.assessor-snapshots-changelog"


def test_the_prefix_reaches_our_own_topics_where_it_is_asked_for_and_names_go_before_it() -> None:
    plain = settings_of({"kafka": {"prefix": "two"}})
    assert topic_names(plain).of("reserve.journal") == "reserve.journal"
    raw = {
        "kafka": {"prefix": "two"},
        "topics": {"prefixed": True, "names": {"reserve.alerts": "risk.alerts"}},
        "sources": {"market.prices": {"name": "px"}, "market.trades": {"feeds": {"v": {"topic": "frames", "use": "kraken"}}}},
    }
    settings = settings_of(raw)
    names = topic_names(settings)
    assert [names.of(one) for one in ("reserve.journal", "reserve.dead-letters", "reserve.alerts", "market.prices")] == [
        "two.reserve.journal", "two.reserve.dead-letters", "risk.alerts", "px",
    ]  # fmt: skip
    assert {spec.name for spec in topic_specs(settings.kafka, names)} >= {
        "two.reserve.assessments",
        "risk.alerts",
        "frames",
        "px",
    }
    with pytest.raises(ConfigurationError, match=r"market\.trades is no topic of ours"):
        settings_of({"topics": {"names": {"market.trades": "t"}}})


def test_a_signed_topic_stamps_its_records_itself() -> None:
    signed = {"signatures": {"keys": ["ed25519:" + "0" * 64]}}
    feeds = {"v": {"topic": "frames", "use": "kraken", **signed}, "w": {"topic": "others", "use": "kraken"}}
    settings = settings_of({"sources": {"market.prices": {"name": "px", **signed}, "market.trades": {"feeds": feeds}}})
    specs = {spec.name: spec.settings for spec in topic_specs(settings.kafka, topic_names(settings))}
    stamped = {name for name, found in specs.items() if found.get("message.timestamp.type") == "LogAppendTime"}
    assert stamped == {"px", "frames", "reserve.journal"}


class Answering:
    """An administration client of one who may describe the topics of `own` alone; none of what is asked for is there."""

    def __init__(self, *own: str) -> None:
        self._own = own

    async def describe_configs(self, resources: list[ConfigResource]) -> list[Any]:
        told: list[Any] = [(3 if one.name in self._own else 29, "", 2, one.name, []) for one in resources]
        return [SimpleNamespace(resources=told)]


async def test_a_topic_that_one_may_not_look_at_is_not_said_to_be_absent() -> None:
    client: Any = Answering("market.trades")
    assert await _hidden(client, ["market.trades", "reserve.journal"]) == {"reserve.journal"}
    assert await _hidden(client, []) == set()
    line = _not_shown(SPECS[JOURNAL]).line()
    assert "reserve.journal: topic is not shown" in line
    assert "may not describe it" in line


def test_of_a_topic_that_one_may_not_look_at_it_is_not_said_that_it_would_be_made() -> None:
    """Fails where `topics create --dry-run` by such a principal tells of topics that are there."""
    assert absent_of([_absent(SPECS[JOURNAL]), *_errors(SPECS[TRADES], cleanup_policy="compact")]) == ["reserve.journal"]
    with pytest.raises(ConfigurationError, match=r"reserve\.alerts: topic is not shown"):
        absent_of([_absent(SPECS[JOURNAL]), _not_shown(SPECS[ALERTS])])
