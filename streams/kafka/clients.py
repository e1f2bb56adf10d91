"""One factory for every Kafka client: consumers, producers, admin and the transport of Faust share its security settings.

Producers are idempotent with `acks=all`, so a retried send neither doubles nor reorders records within a partition.
A broker is asked what it can do and used as it is (`as_it_is`): one without `InitProducerId`, as the embedded one, cannot.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.abc import AbstractTokenProvider
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from monitor.errors import ConfigurationError, ConnectionProblem
from monitor.settings.kafka import KafkaSettings
from streams.kafka.reach import REFUSALS, NotReached, gives_producer_ids, refusal
from streams.kafka.seamless import SeamlessConsumer

logging.getLogger("aiokafka").addHandler(logging.NullHandler())  # where nobody set up logging, the one line of the error will do

MAX_REQUEST_BYTES = 16 * 1024 * 1024
"""Largest record a client sends: a dead letter carries its original bytes whole."""

_EMBEDDED_FETCH_WAIT_MS = 60
_FETCH_WAIT_MS = 500
_EMBEDDED_SESSION_MS = 6_000
_HEARTBEATS_MS = 1_000
_EMBEDDED_LINGER_MS = 20
_LINGER_MS = 5


_log = structlog.get_logger(__name__)
_known: dict[str, bool] = {}
"""Whether the broker at an address can be sent to idempotently, as far as it was asked."""

Able = Callable[[KafkaSettings, Mapping[str, Any]], Awaitable[bool]]
"""Whether a broker gives producer ids: see `reach.gives_producer_ids`."""

Client = TypeVar("Client", AIOKafkaConsumer, AIOKafkaProducer, AIOKafkaAdminClient)


class FileToken(AbstractTokenProvider):
    """OAUTHBEARER token from a file that someone else keeps fresh; read at each connection."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def token(self) -> str:
        """The token without surrounding white space."""
        return await asyncio.to_thread(_secret, self._path, "kafka.token_file")


def fetch_wait_ms(settings: KafkaSettings) -> int:
    """How long a fetch may wait for data.

    The embedded broker does not wake it: it looks at one partition after another while the wait lasts, then answers with what it
    has found. With 20 ms, seventeen partitions and records in four of them all the time, one of another lay there for up to
    1.4 s, with 60 ms for 0.12 s, and half of all 20 ms either way.
    """
    return _EMBEDDED_FETCH_WAIT_MS if settings.embedded else _FETCH_WAIT_MS


def session_timeout_ms(settings: KafkaSettings) -> int:
    """Silence after which a group gives a member's partitions away; the embedded broker waits half of it at each join."""
    return _EMBEDDED_SESSION_MS if settings.embedded else settings.session_s * 1000


def heartbeat_ms(settings: KafkaSettings) -> int:
    """How often a member asks whether its group shares anew: so long the others wait for it at each hand-over."""
    return session_timeout_ms(settings) // 3 if settings.embedded else _HEARTBEATS_MS


def linger_ms(settings: KafkaSettings) -> int:
    """How long a producer gathers a batch: the embedded broker's cost grows with the number of batches."""
    return _EMBEDDED_LINGER_MS if settings.embedded else _LINGER_MS


def security(settings: KafkaSettings) -> dict[str, Any]:
    """Keyword arguments of every aiokafka client for TLS, mutual TLS and SASL; `ConfigurationError` for unreadable files."""
    result: dict[str, Any] = {"security_protocol": settings.security_protocol}
    if settings.security_protocol.endswith("SSL"):
        result["ssl_context"] = _ssl_context(settings)
    if settings.sasl_mechanism is None:
        return result
    result["sasl_mechanism"] = settings.sasl_mechanism
    if settings.sasl_mechanism == "OAUTHBEARER" and settings.token_file is not None:
        _secret(settings.token_file, "kafka.token_file")
        result["sasl_oauth_token_provider"] = FileToken(settings.token_file)
    elif settings.password_file is not None:
        result["sasl_plain_username"] = settings.username
        result["sasl_plain_password"] = _secret(settings.password_file, "kafka.password_file")
    return result


def delivery(settings: KafkaSettings) -> dict[str, Any]:
    """Keyword arguments of every producer: acknowledged by all replicas in sync, idempotent but on the embedded broker."""
    return {
        "acks": "all",
        "enable_idempotence": not settings.embedded,
        "linger_ms": linger_ms(settings),
        "max_request_size": MAX_REQUEST_BYTES,
    }


def consumer(settings: KafkaSettings, *topics: str, group: str | None = None, **overrides: Any) -> AIOKafkaConsumer:
    """A consumer, not started: committed data only, no automatic commits. `overrides` are aiokafka's own arguments.

    Of the embedded broker it passes over nothing, if whoever reads seeks first.
    """
    arguments: dict[str, Any] = {
        "bootstrap_servers": settings.bootstrap_servers,
        "client_id": settings.prefix,
        "group_id": group,
        "group_instance_id": None if group is None else settings.instance_id,
        "enable_auto_commit": False,
        "isolation_level": "read_committed",
        "auto_offset_reset": "earliest",
        "fetch_max_wait_ms": fetch_wait_ms(settings),
        "session_timeout_ms": session_timeout_ms(settings),
        "heartbeat_interval_ms": heartbeat_ms(settings),
        "metadata_max_age_ms": 30_000,
        **security(settings),
    }
    kind = SeamlessConsumer if settings.embedded else AIOKafkaConsumer
    return kind(*topics, **(arguments | overrides))


def producer(settings: KafkaSettings, **overrides: Any) -> AIOKafkaProducer:
    """A producer, not started. `overrides` are aiokafka's own arguments."""
    arguments: dict[str, Any] = {
        "bootstrap_servers": settings.bootstrap_servers,
        "client_id": settings.prefix,
        **delivery(settings),
        **security(settings),
    }
    return AIOKafkaProducer(**(arguments | overrides))


def admin(settings: KafkaSettings) -> AIOKafkaAdminClient:
    """An administration client, not started; end it with `close`."""
    return AIOKafkaAdminClient(
        bootstrap_servers=settings.bootstrap_servers, client_id=f"{settings.prefix}.admin", **security(settings)
    )


async def as_it_is(settings: KafkaSettings, able: Able = gives_producer_ids) -> KafkaSettings:
    """The settings, with `embedded` where the broker gives no producer ids: `able` is asked once a process.

    ConnectionProblem where no broker can be reached.
    """
    if settings.embedded:
        return settings
    address = f"{settings.security_protocol} {settings.bootstrap_servers}"
    if address not in _known:
        try:
            _known[address] = await able(settings, security(settings))
        except NotReached as error:
            raise ConnectionProblem(str(error)) from error
    return settings if _known[address] else settings.model_copy(update={"embedded": True})


async def started_producer(settings: KafkaSettings, **overrides: Any) -> AIOKafkaProducer:
    """A producer, started, of the kind that the broker can serve; ConnectionProblem as `started` raises it."""
    settings = await as_it_is(settings)
    return await started(producer(settings, **overrides), settings)


async def started(client: Client, settings: KafkaSettings) -> Client:
    """`client`, started; `ConnectionProblem` with the cause when no broker answers or it refuses the credentials."""
    try:
        await client.start()
    except (KafkaError, OSError, TimeoutError) as error:
        await ended(client)
        raise await problem(settings, error) from error
    return client


async def problem(settings: KafkaSettings, error: BaseException) -> ConnectionProblem:
    """A client's error with its cause: what is wrong with the way to the broker, or what the broker refuses."""
    if isinstance(error, REFUSALS):
        return ConnectionProblem(refusal(settings.bootstrap_servers, error))
    try:
        await gives_producer_ids(settings, security(settings))
    except NotReached as told:
        return ConnectionProblem(str(told))
    return ConnectionProblem(f"the broker at {settings.bootstrap_servers} answers, but not to this: {error}; try again")


async def ended(client: Client) -> None:
    """Stop a client of any kind, started or not."""
    if isinstance(client, AIOKafkaAdminClient):
        await client.close()
        return
    try:
        await client.stop()
    except asyncio.CancelledError:
        # a consumer that waits to fetch again from a broker that is away lets out the cancellation of that wait
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise


def _ssl_context(settings: KafkaSettings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=None if settings.ca_file is None else str(settings.ca_file))
        if settings.cert_file is not None:
            context.load_cert_chain(str(settings.cert_file), None if settings.key_file is None else str(settings.key_file))
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"kafka.ca_file, cert_file or key_file cannot be used: {error}") from error
    return context


def _secret(path: Path, setting: str) -> str:
    try:
        text = path.read_text().strip()
    except OSError as error:
        raise ConfigurationError(f"{setting} {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise ConfigurationError(f"{setting} {path} is not text: is it the file that is meant?") from None
    if not text:
        raise ConfigurationError(f"{setting} {path} is empty")
    return text
