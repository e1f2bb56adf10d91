"""Section `kafka`: what is refused, and what every client gets from it."""

import asyncio
import ssl
import subprocess
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import ValidationError

from monitor.errors import CONFIGURATION, CONNECTION, ConfigurationError, ConnectionProblem
from monitor.settings.kafka import KafkaSettings
from streams.assessor.faust_app import create_app
from streams.kafka import clients


@pytest.fixture
def password(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text("s3cret\n")
    return path


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("certificate")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test", "-days", "1"]
    subprocess.run([*command, "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)
    return certificate, key


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"security_protocol": "SASL_SSL"}, "needs kafka.sasl_mechanism"),
        ({"security_protocol": "SASL_SSL", "sasl_mechanism": "PLAIN"}, "needs kafka.username and kafka.password_file"),
        ({"security_protocol": "SASL_SSL", "sasl_mechanism": "OAUTHBEARER"}, "needs kafka.token_file"),
        ({"sasl_mechanism": "PLAIN", "username": "u", "password_file": "p"}, "needs kafka.security_protocol SASL"),
        ({"security_protocol": "SSL", "cert_file": "c"}, "belong together"),
        ({"security_protocol": "TLS"}, "security_protocol"),
        ({"prefix": "a b"}, "prefix"),
        ({"journal_partitions": 0}, "journal_partitions"),
        ({"bootstrap_server": "x"}, "bootstrap_server"),
    ],
)
def test_settings_that_cannot_work_are_refused(values: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint.replace(".", r"\.")):
        KafkaSettings.model_validate(values)


def test_groups_carry_the_prefix() -> None:
    assert KafkaSettings(prefix="venue").group("intake") == "venue.intake"
    assert create_app(KafkaSettings(prefix="venue"), Path("unused")).conf.id == "venue.assessor"


def test_plain_needs_nothing() -> None:
    assert clients.security(KafkaSettings()) == {"security_protocol": "PLAINTEXT"}


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_sasl_with_a_password_reaches_every_client_and_faust(password: Path, mechanism: str) -> None:
    settings = KafkaSettings.model_validate(
        {"security_protocol": "SASL_SSL", "sasl_mechanism": mechanism, "username": "monitor", "password_file": password}
    )
    given = clients.security(settings)
    assert given["sasl_mechanism"] == mechanism
    assert given["sasl_plain_username"] == "monitor"
    assert given["sasl_plain_password"] == "s3cret"
    assert isinstance(given["ssl_context"], ssl.SSLContext)
    credentials: Any = create_app(settings, Path("unused")).conf.broker_credentials
    assert (credentials.mechanism.value, credentials.username, credentials.password) == (mechanism, "monitor", "s3cret")
    assert credentials.protocol.value == "SASL_SSL"


async def test_a_token_is_read_again_at_each_connection(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text("one")
    settings = KafkaSettings(security_protocol="SASL_PLAINTEXT", sasl_mechanism="OAUTHBEARER", token_file=path)
    provider = clients.security(settings)["sasl_oauth_token_provider"]
    assert await provider.token() == "one"
    path.write_text("two\n")
    assert await provider.token() == "two"
    credentials: Any = create_app(settings, Path("unused")).conf.broker_credentials
    assert credentials.mechanism.value == "OAUTHBEARER"


def test_mutual_tls_loads_authority_certificate_and_key(certificate: tuple[Path, Path]) -> None:
    file, key = certificate
    settings = KafkaSettings(security_protocol="SSL", ca_file=file, cert_file=file, key_file=key)
    context = clients.security(settings)["ssl_context"]
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert [dict(part[0] for part in one["subject"])["commonName"] for one in context.get_ca_certs()] == ["test"]
    credentials: Any = create_app(settings, Path("unused")).conf.broker_credentials
    assert credentials.protocol.value == "SSL"


@pytest.mark.parametrize("missing", ["ca_file", "password_file"])
def test_a_file_that_is_absent_is_named(tmp_path: Path, password: Path, missing: str) -> None:
    files = {"ca_file": None, "password_file": password, missing: tmp_path / "absent"}
    settings = KafkaSettings.model_validate({"security_protocol": "SASL_SSL", "sasl_mechanism": "PLAIN", "username": "u"} | files)
    with pytest.raises(ConfigurationError, match=missing) as refused:
        clients.security(settings)
    assert refused.value.exit_code == CONFIGURATION


def test_an_empty_secret_is_refused(password: Path) -> None:
    password.write_text("\n")
    settings = KafkaSettings(security_protocol="SASL_PLAINTEXT", sasl_mechanism="PLAIN", username="u", password_file=password)
    with pytest.raises(ConfigurationError, match="is empty"):
        clients.security(settings)


def test_producers_are_idempotent_but_on_the_embedded_broker() -> None:
    assert clients.delivery(KafkaSettings())["enable_idempotence"] is True
    assert clients.delivery(KafkaSettings(embedded=True))["enable_idempotence"] is False
    assert clients.delivery(KafkaSettings(embedded=True))["acks"] == "all"


async def test_consumers_read_committed_data_and_commit_nothing_by_themselves() -> None:
    client: Any = clients.consumer(KafkaSettings(), group="g")
    assert client._isolation_level == "read_committed"
    assert client._enable_auto_commit is False
    assert client._fetch_max_wait_ms == clients.fetch_wait_ms(KafkaSettings())
    await clients.ended(client)


async def test_a_name_is_of_a_member_of_a_group_alone() -> None:
    settings = KafkaSettings(instance_id="host-3", session_s=30)
    member, reader = cast("Any", clients.consumer(settings, group="g")), cast("Any", clients.consumer(settings))
    assert (member._group_instance_id, member._session_timeout_ms, reader._group_instance_id) == ("host-3", 30_000, None)
    for client in (member, reader):
        await clients.ended(client)


def test_fetches_on_the_embedded_broker_wait_shortly() -> None:
    assert clients.fetch_wait_ms(KafkaSettings(embedded=True)) < 100 < clients.fetch_wait_ms(KafkaSettings())


async def test_nobody_listening_is_one_clear_error(unused_tcp_port: int) -> None:
    settings = KafkaSettings(bootstrap_servers=f"127.0.0.1:{unused_tcp_port}")
    with pytest.raises(ConnectionProblem, match=f"127.0.0.1:{unused_tcp_port}.*make kafka-up") as refused:
        await clients.started(clients.producer(settings), settings)
    assert refused.value.exit_code == CONNECTION


class _Waiting:
    """A consumer whose stop lets out the cancellation of a wait of its own: one that would fetch from a broker that is away."""

    def __init__(self) -> None:
        self.stopping = asyncio.Event()

    async def stop(self) -> None:
        self.stopping.set()
        await asyncio.sleep(0.01)
        raise asyncio.CancelledError


async def test_a_clients_own_cancellation_does_not_end_who_stops_it() -> None:
    """What lets it fail: a task that outlives the broker and ends with the client it stops, and the daemon with it."""
    task = asyncio.create_task(clients.ended(cast("Any", _Waiting())))
    await task
    assert not task.cancelled()


async def test_who_is_cancelled_while_a_client_stops_is_cancelled() -> None:
    client = _Waiting()
    task = asyncio.create_task(clients.ended(cast("Any", client)))
    await client.stopping.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
