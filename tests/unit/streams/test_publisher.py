"""Publishing: nothing unacknowledged passes as published, old time stamps are not given to a topic that would delete them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web
from aiokafka.errors import KafkaError
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from monitor.audit.signatures.keys import PrivateKey
from monitor.core.values.times import SECOND
from monitor.errors import ConfigurationError, ConnectionProblem, UsageError
from monitor.settings.admin.http import HttpSettings
from monitor.settings.kafka import KafkaSettings
from streams.eventfiles.publisher import Publisher, check_retention, refuse_deleted, replay
from streams.kafka.topics import TopicNames
from streams.peers import Peers
from streams.wire.signatures import Signers, Signing

DAY_NS = 86_400 * SECOND
LINES = [
    ("f:1", '{"topic": "market.trades", "timestamp": "2018-01-26T00:00:00Z", "value": {"entity": "e", "market": "A/B"}}'),
    ("f:2", '{"topic": "market.prices", "key": "k", "timestamp": "2018-01-26T00:00:01Z", "value": {"b":  1}}'),
]


class Producer:
    """Stands for aiokafka's: keeps what is sent, acknowledges or refuses it at once."""

    def __init__(self, failing: bool = False) -> None:
        self.sent: list[tuple[Any, ...]] = []
        self.headers: list[list[tuple[str, bytes]]] = []
        self._failing = failing

    async def send(
        self, topic: str, *, value: bytes, key: bytes | None, timestamp_ms: int | None, headers: list[tuple[str, bytes]]
    ) -> asyncio.Future[Any]:
        self.sent.append((topic, key, value, timestamp_ms))
        self.headers.append(headers)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if self._failing:
            future.set_exception(KafkaError("refused"))
        else:
            future.set_result(None)
        return future

    async def flush(self) -> None:
        await asyncio.sleep(0)

    async def stop(self) -> None:
        await asyncio.sleep(0)


def with_producer(producer: Producer, signing: Signing | None = None) -> Publisher:
    client: Any = producer
    return Publisher(KafkaSettings(), TopicNames({"market.prices": "site.prices"}), signing, client)


async def test_lines_go_to_the_sites_topics_with_their_keys_and_the_present() -> None:
    producer = Producer()
    async with with_producer(producer) as publisher:
        assert await replay(publisher, LINES) == 2
        assert publisher.acknowledged == 2
    assert producer.sent == [
        ("market.trades", b"e|A/B", b'{"entity": "e", "market": "A/B"}', None),
        ("site.prices", b"k", b'{"b":  1}', None),
    ]


async def test_records_of_a_source_that_asks_for_it_are_signed_and_the_others_are_not() -> None:
    key, other = PrivateKey(Ed25519PrivateKey.generate()), PrivateKey(Ed25519PrivateKey.generate())
    signers = Signers("market.prices", {key.public.id: key.public}, 300 * SECOND, 60 * SECOND)
    producer = Producer()
    async with with_producer(producer, Signing({"market.prices": signers}, [other, key])) as publisher:
        await replay(publisher, LINES, keep_timestamps=True)
    assert producer.headers[0] == []
    assert signers.signer(b"k", b'{"b":  1}', producer.headers[1], 1516924801 * SECOND) == f"ed25519:{key.public.id}"
    with pytest.raises(UsageError, match=f"market.prices asks for signatures: give with --sign-with .* {key.public.id}"):
        async with with_producer(Producer(), Signing({"market.prices": signers}, [other])) as publisher:
            await replay(publisher, LINES)


async def test_kept_time_stamps_are_the_log_times() -> None:
    producer = Producer()
    async with with_producer(producer) as publisher:
        await replay(publisher, LINES, keep_timestamps=True)
    assert [sent[3] for sent in producer.sent] == [1516924800000, 1516924801000]


async def test_speed_waits_as_the_log_did() -> None:
    waited: list[float] = []

    async def until(moment: float) -> None:
        waited.append(moment)

    async with with_producer(Producer()) as publisher:
        await replay(publisher, LINES, speed=4, wait=until)
    assert waited[1] - waited[0] == pytest.approx(0.25)


async def test_a_refused_record_is_an_error() -> None:
    with pytest.raises(ConnectionProblem, match="not acknowledged"):
        async with with_producer(Producer(failing=True)) as publisher:
            await replay(publisher, LINES)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        '{"topic": "x", "timestamp": "2018-01-26T00:00:00Z", "value": 1}',
        '{"topic": "market.trades", "timestamp": "", "value": 1}',
    ],
)
async def test_what_is_no_event_line_is_named(text: str) -> None:
    with pytest.raises(UsageError, match="f:9"):
        async with with_producer(Producer()) as publisher:
            await replay(publisher, [("f:9", text)])


@pytest.mark.parametrize(("retention_days", "refused"), [(7, True), (30, False), (-1, False)])
def test_old_stamps_need_the_topics_retention(retention_days: int, refused: bool) -> None:
    kept = {"market.trades": retention_days * DAY_NS // 10**6}
    oldest = {"market.trades": 90 * DAY_NS}
    if refused:
        with pytest.raises(ConfigurationError, match=r"market\.trades keeps records"):
            refuse_deleted(kept, TopicNames(), oldest, 100 * DAY_NS)
    else:
        refuse_deleted(kept, TopicNames(), oldest, 100 * DAY_NS)


async def test_the_embedded_broker_deletes_nothing_and_is_not_asked() -> None:
    await check_retention(KafkaSettings(embedded=True), TopicNames(), {"market.trades": 0})


async def test_peers_say_what_they_hold() -> None:
    async def status(_request: web.Request) -> web.Response:
        return web.json_response({"partitions": [1, 3]})

    app = web.Application()
    app.router.add_get("/status", status)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    peers = Peers(HttpSettings(peers=(address + "/", "http://127.0.0.1:1")))
    assert peers.owner(1) is None
    asking = asyncio.create_task(peers.run())
    try:
        async with asyncio.timeout(10):
            while peers.owner(1) is None:  # noqa: ASYNC110 - a server is waited for
                await asyncio.sleep(0.01)
        assert (peers.owner(1), peers.owner(3), peers.owner(2)) == (address, address, None)
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await runner.cleanup()
