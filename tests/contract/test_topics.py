"""What the topics must be, on a real broker (JOURNAL 8)."""

import asyncio
from dataclasses import replace

import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from monitor.core.journal.vocabulary import DEAD_LETTERS, JOURNAL, TRADES
from monitor.errors import CONFIGURATION, ConfigurationError
from streams.kafka.clients import admin, ended, started
from streams.kafka.topics import TopicSpec, check_topics, create_topics, require_topics, topic_specs
from tests.contract.conftest import Broker


def _spec(broker: Broker, default: str) -> TopicSpec:
    return next(spec for spec in broker.specs if spec.default == default)


async def test_absent_topics_are_reported_one_by_one_and_refuse_a_start(broker: Broker) -> None:
    drifts = await check_topics(broker.settings, broker.specs)
    assert {drift.topic for drift in drifts if drift.error and drift.setting == "topic"} == {spec.name for spec in broker.specs}
    with pytest.raises(ConfigurationError, match="topics create") as refused:
        await require_topics(broker.settings, broker.specs)
    assert refused.value.exit_code == CONFIGURATION


async def test_created_topics_pass_their_own_check(broker: Broker) -> None:
    made = await create_topics(broker.settings, broker.specs)
    assert set(made) == {spec.name for spec in broker.specs}
    assert [drift for drift in await check_topics(broker.settings, broker.specs) if drift.error] == []
    await require_topics(broker.settings, broker.specs)


async def test_partition_counts_are_those_of_the_contract(broker: Broker) -> None:
    defaults = topic_specs(broker.settings.model_copy(update={"journal_partitions": 16}), broker.names)
    await create_topics(broker.settings, defaults)
    client = await started(admin(broker.settings), broker.settings)
    try:
        described = await client.describe_topics([spec.name for spec in defaults])
    finally:
        await ended(client)
    found = {one["topic"]: len(one["partitions"]) for one in described}
    assert found == {spec.name: spec.partitions for spec in defaults}
    assert sorted(set(found.values())) == [1, 12, 16]
    assert found[broker.names.of(TRADES)] == 12
    assert found[broker.names.of(DEAD_LETTERS)] == 1


async def test_creating_again_changes_nothing(broker: Broker) -> None:
    await broker.create()
    assert await create_topics(broker.settings, broker.specs) == []


async def test_another_journal_partition_count_refuses_and_says_what_to_set(broker: Broker) -> None:
    await broker.create()
    other = topic_specs(broker.settings.model_copy(update={"journal_partitions": 6}), broker.names)
    with pytest.raises(ConfigurationError, match=r"partitions is 4, must be 6.*kafka.journal_partitions"):
        await require_topics(broker.settings, other)


async def test_more_partitions_of_a_source_are_a_warning_not_an_error(broker: Broker) -> None:
    await broker.create()
    prices = replace(_spec(broker, "market.prices"), partitions=3)
    drifts = [drift for drift in await check_topics(broker.settings, [prices]) if drift.setting == "partitions"]
    assert [(drift.error, drift.found) for drift in drifts] == [(False, "1")]


UNSAFE = [
    (TRADES, "cleanup.policy", "compact", "delete"),
    (TRADES, "retention.ms", "3600000", "432000000"),
    (TRADES, "unclean.leader.election.enable", "true", "false"),
    (JOURNAL, "retention.ms", "604800000", "-1"),
    (JOURNAL, "retention.bytes", "1000000", "-1"),
    (JOURNAL, "message.timestamp.type", "CreateTime", "LogAppendTime"),
]


@pytest.mark.parametrize("broker", [pytest.param("kafka", marks=pytest.mark.kafka)], indirect=True)  # the embedded keeps none
@pytest.mark.parametrize(("topic", "setting", "value", "wanted"), UNSAFE)
async def test_an_unsafe_setting_is_an_error_that_names_the_cure(
    broker: Broker, topic: str, setting: str, value: str, wanted: str
) -> None:
    await broker.create()
    name = broker.names.of(topic)
    client = await started(admin(broker.settings), broker.settings)
    try:
        await client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, {setting: value})])
    finally:
        await ended(client)
    line = await _reported(broker, topic, setting)
    assert value in line
    assert wanted in line


async def _reported(broker: Broker, topic: str, setting: str) -> str:
    """The error about the setting, as soon as the broker shows it."""
    async with asyncio.timeout(10):
        while True:
            for drift in await check_topics(broker.settings, [_spec(broker, topic)]):
                if drift.error and drift.setting == setting:
                    return drift.line()
            await asyncio.sleep(0.05)
