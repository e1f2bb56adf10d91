"""What people ask of a broker on which the topics were not made yet, or under other names."""

from collections.abc import Awaitable, Callable

import pytest

from monitor.core.journal.vocabulary import ASSESSMENTS, JOURNAL
from monitor.errors import CONFIGURATION, ConfigurationError
from streams.lookup.dead_letters import read_letters
from streams.lookup.logs import KafkaLog, Span
from streams.lookup.outputs import find_alerts, find_beginning, find_digest
from tests.contract.conftest import Broker


async def _since(broker: Broker) -> None:
    async for _ in KafkaLog(broker.settings, broker.names).records(ASSESSMENTS, 0, Span(since=1)):
        pass


async def _whole(broker: Broker) -> None:
    async for _ in KafkaLog(broker.settings, broker.names).records(JOURNAL, 0):
        pass


ASKED: dict[str, Callable[[Broker], Awaitable[object]]] = {
    "explain, history and report": _since,
    "audit": _whole,
    "explain of an alert": lambda broker: find_alerts(broker.settings, broker.names, "3f9a0c11d2e4"),
    "explain of a digest": lambda broker: find_digest(broker.settings, broker.names, "sha256:4f"),
    "explain of its beginning": lambda broker: find_beginning(broker.settings, broker.names, "sha256:4f"),
    "dlq": lambda broker: read_letters(broker.settings, broker.names),
}


@pytest.mark.parametrize("asked", ASKED)
async def test_what_reads_a_topic_that_is_not_there_says_so(asked: str, broker: Broker) -> None:
    """Fails where offsets of it are asked for: Apache Kafka's client does so for 40 s, and then says that it timed out."""
    with pytest.raises(ConfigurationError, match=r"topics are missing \(.*topics create") as refused:
        await ASKED[asked](broker)
    assert refused.value.exit_code == CONFIGURATION


async def test_what_reads_topics_that_are_there_finds_nothing_in_them(broker: Broker) -> None:
    await broker.create()
    await _since(broker)
    await _whole(broker)
    assert await read_letters(broker.settings, broker.names) == []
    assert await find_digest(broker.settings, broker.names, "sha256:4f") is None
