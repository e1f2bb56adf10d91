"""`alerts dismiss`, as a user calls it: through the topics, intake's verdict and the engine."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import pytest
from aiokafka import TopicPartition
from typer.testing import CliRunner, Result

from monitor.__main__ import program
from monitor.core.engine import Engine
from monitor.core.journal.outputs import Output
from monitor.core.journal.records import JournalRecord, Source, SourcePartition, Statement
from monitor.core.journal.vocabulary import ALERTS, OPERATIONS
from monitor.core.values.times import SECOND
from monitor.errors import GOOD, UsageError
from streams.assessor.publications import output_record
from streams.kafka.clients import ended, started_producer
from streams.kafka.reading import read_range
from streams.wire import Judge, Known, SourceFormat, Valid
from tests.contract.conftest import Broker
from tests.journal_maker import Journal, configuration_text, house

ONE_OWN_BROKER = [pytest.param("embedded", marks=pytest.mark.broker)]


@pytest.fixture(autouse=True)
def _environment(broker: Broker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESERVE_KAFKA__BOOTSTRAP_SERVERS", broker.settings.bootstrap_servers)
    monkeypatch.setenv("RESERVE_KAFKA__EMBEDDED", "true")
    monkeypatch.setenv("RESERVE_KAFKA__PREFIX", broker.settings.prefix)
    monkeypatch.setenv("RESERVE_KAFKA__JOURNAL_PARTITIONS", "1")


async def _call(*arguments: str) -> Result:
    result = await asyncio.to_thread(CliRunner().invoke, program, ["alerts", *arguments])
    if isinstance(result.exception, UsageError):
        raise result.exception
    return result


class Work:
    """An engine whose alerts go to their topic, and what people put on record."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.engine = Engine(0, check_journal_time=False)
        self.outputs: list[Output] = []

    async def apply(self, records: list[JournalRecord]) -> None:
        made = [output for record in records for output in self.engine.apply(record)]
        client = await started_producer(self.broker.settings)
        for output in made:
            if output.topic == ALERTS:
                value, headers = output_record(output)
                await client.send_and_wait(ALERTS, value, key=output.key.encode(), partition=0, headers=headers)
        await ended(client)
        self.outputs += made

    async def acts(self) -> list[bytes]:
        place = TopicPartition(OPERATIONS, 0)
        return [record.value async for record in read_range(self.broker.settings, {place: 0})]

    def told(self, name: str) -> list[tuple[str, str]]:
        values: list[dict[str, Any]] = [one.value for one in self.outputs if one.topic == ALERTS and one.value]
        own = [value for value in values if (value["entity"], value["alertname"]) == ("jp-main", name)]
        return [(value["status"], value["reason"]) for value in own]


@pytest.mark.parametrize("broker", ONE_OWN_BROKER, indirect=True)
async def test_an_alert_of_an_entity_that_is_gone_ends_by_a_command(broker: Broker) -> None:
    """Fails where a command writes what intake refuses (its entity is configured no more), or the engine takes otherwise."""
    plain = Broker(broker.settings.model_copy(update={"journal_partitions": 1}), type(broker.names)())
    await plain.create()
    work, made = Work(plain), Journal()
    made.configure(configuration_text({"jp-main": house()}))
    made.at(0.1).tick()
    made.at(1).configure(configuration_text({"jp-new": house()}, revision=2))
    made.at(2).tick()
    await work.apply(made.records)
    assert work.told("ReserveUnknown") == [("firing", "entered"), ("firing", "method_changed")]

    listed = json.loads((await _call("list", "--entity", "jp-main", "--json")).stdout)
    (fingerprint,) = [one["fingerprint"] for one in listed if one["alertname"] == "ReserveUnknown"]
    with pytest.raises(UsageError, match="alerts list --all"):
        await _call("dismiss", "0" * 12, "--reason", "closed")
    tried = await _call("dismiss", fingerprint[:12], "--reason", "closed", "--dry-run")
    assert (tried.exit_code, await work.acts()) == (GOOD, [])
    done = await _call("dismiss", fingerprint[:12], "--reason", "the entity is closed", "--by", "r.okafor")
    assert (done.exit_code, done.stderr) == (GOOD, f"dismissed: ReserveUnknown {fingerprint} of jp-main\n")

    (act,) = await work.acts()
    judge = Judge(SourceFormat(OPERATIONS), Known(frozenset({"jp-new"}), 400 * 86_400 * SECOND))
    verdict = judge.verdict(act, time.time_ns())
    assert isinstance(verdict, Valid), verdict
    made.at(5)
    source = Source(SourcePartition(OPERATIONS, 0, 0), 0)
    more = [made.put(Statement("operation", "jp-main", made.now, verdict.body, source, made.now))]
    made.at(6).tick()
    await work.apply([*more, made.records[-1]])
    assert work.told("ReserveUnknown") == [("firing", "entered"), ("firing", "method_changed"), ("resolved", "ended")]
    with pytest.raises(UsageError, match="does not fire any more"):
        await _call("dismiss", fingerprint, "--reason", "again")
