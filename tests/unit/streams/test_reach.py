"""Each way in which a broker cannot be reached has its own sentence; a broker is what it can do."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from monitor.errors import ConnectionProblem
from monitor.settings.kafka import KafkaSettings
from streams.kafka import clients, reach
from streams.kafka.clients import admin, as_it_is, consumer, ended, started, started_producer
from streams.kafka.embedded import EmbeddedBroker

Answer = Callable[[bytes], bytes | None]


@asynccontextmanager
async def listening(answer: Answer, context: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A server that answers the first bytes it gets and closes; None: it says nothing, ever."""

    over, serving = asyncio.Event(), set[asyncio.Task[None] | None]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.current_task())
        said = answer(await reader.read(1000))
        if said is None:
            await over.wait()
        writer.write(said or b"")
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        over.set()
        await asyncio.gather(*(task for task in serving if task is not None), return_exceptions=True)


def certificate(folder: Path) -> ssl.SSLContext:
    """A context with a certificate that nobody vouches for, written to `folder`/server.pem."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "broker")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "server.pem").write_bytes(made + secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context


async def told(settings: KafkaSettings) -> str:
    with pytest.raises(ConnectionProblem, match="no Kafka broker answers at") as problem:
        await started(consumer(settings), settings)
    assert settings.bootstrap_servers in str(problem.value)
    return str(problem.value)


async def test_a_name_that_is_not_known_and_a_port_where_nothing_listens() -> None:
    assert "nothing.invalid is not known" in await told(KafkaSettings(bootstrap_servers="nothing.invalid:9092"))
    assert "nothing listens at 127.0.0.1:9" in await told(KafkaSettings(bootstrap_servers="127.0.0.1:9"))


async def test_what_is_no_kafka_broker() -> None:
    async with listening(lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n") as place:
        assert "is no Kafka broker; correct the port" in await told(KafkaSettings(bootstrap_servers=place))


async def test_what_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "ANSWER_S", 0.05)
    async with listening(lambda _: None) as place:
        with pytest.raises(reach.NotReached, match="does not answer within"):
            await reach.gives_producer_ids(KafkaSettings(bootstrap_servers=place), {})


async def test_tls_and_plaintext_the_wrong_way_round(tmp_path: Path) -> None:
    async with listening(lambda _: b"", certificate(tmp_path)) as place:
        assert "a TLS listener; set kafka.security_protocol to SSL" in await told(KafkaSettings(bootstrap_servers=place))
        untrusted = KafkaSettings(bootstrap_servers=place, security_protocol="SSL")
        assert "is not trusted" in await told(untrusted)
    async with listening(lambda asked: b"\x00\x00\x00\x06" + asked[8:12] + b"\x00\x00") as place:
        plain = KafkaSettings(bootstrap_servers=place, security_protocol="SSL")
        assert "a listener without TLS; set kafka.security_protocol to PLAINTEXT" in await told(plain)


async def test_a_command_that_prints_json_prints_nothing_of_the_broker(capsys: pytest.CaptureFixture[str]) -> None:
    """Fails where what the broker cannot do stands among the answers of `alerts list --json`."""

    async def able(*_: object) -> bool:
        return False

    settings = KafkaSettings(bootstrap_servers="127.0.0.1:7")
    assert (await as_it_is(settings, able)).embedded
    assert capsys.readouterr() == ("", "")


async def test_a_broker_is_used_as_it_is(tmp_path: Path) -> None:
    async with EmbeddedBroker() as broker:
        plain = broker.settings.model_copy(update={"embedded": False})
        assert (await as_it_is(plain)).embedded, "it gives no producer ids, and that was seen"
        client = await started_producer(plain)
        try:
            await client.send_and_wait("t", b"v")
        finally:
            await ended(client)
        password = tmp_path / "password"
        password.write_text("x")
        sasl = plain.model_copy(
            update={
                "security_protocol": "SASL_PLAINTEXT",
                "sasl_mechanism": "SCRAM-SHA-256",
                "username": "u",
                "password_file": password,
            }
        )
        assert "SCRAM-SHA-256" in await told(sasl)


async def test_a_broker_that_can_do_all_is_asked_once() -> None:
    asked = []

    async def able(settings: KafkaSettings, _security: object) -> bool:
        asked.append(settings.bootstrap_servers)
        return True

    settings = KafkaSettings(bootstrap_servers="able:1")
    assert await as_it_is(settings, able) == await as_it_is(settings, able) == settings
    assert asked == ["able:1"]


async def test_what_a_broker_refuses_is_told_as_such() -> None:
    refused = await clients.problem(KafkaSettings(), reach.REFUSALS[0]("market.trades"))
    assert "refuses what we ask for" in str(refused)
    assert "market.trades" in str(refused)
    async with EmbeddedBroker() as broker:
        client = await started(admin(broker.settings), broker.settings)
        await ended(client)
        other = await clients.problem(broker.settings, RuntimeError("odd"))
        assert "answers, but not to this: odd" in str(other)
