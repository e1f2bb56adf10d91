"""Why a broker cannot be reached, each cause in its own sentence, and what a broker that can be reached is able to do.

Clients of aiokafka try one address after the other and say at the end that none was right. Here the same steps are taken one
by one: name, port, TLS, the list of what the broker can do (ApiVersions), who we are, the cluster's description. What the list
promises is tried: the embedded broker lists InitProducerId and answers it with an error.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Mapping
from typing import Any

from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    IncompatibleBrokerVersion,
    KafkaError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    UnsupportedSaslMechanismError,
    UnsupportedVersionError,
)
from aiokafka.protocol.admin import ApiVersionRequest
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.transaction import InitProducerIdRequest

from monitor.settings.kafka import KafkaSettings

_INIT_PRODUCER_ID = 22
_NOT_ABLE = {-1, 35, 42}
"""Error codes of a broker that cannot: unknown, unsupported version, invalid request."""
ANSWER_S = 10.0
_ASK_FOR_VERSIONS = struct.pack(">ihhih", 10, 18, 0, 1, -1)
_TLS_PORT, _PLAIN_PORT = "a TLS listener", "a listener without TLS"


REFUSALS = (TopicAuthorizationFailedError, GroupAuthorizationFailedError, ClusterAuthorizationFailedError)
"""What a broker answers to who has no right to what is asked for."""


def refusal(place: str, error: BaseException) -> str:
    """What is said of one of the `REFUSALS`."""
    return f"{place} refuses what we ask for ({error}); the rights that each stage needs stand in docs/threat-model.md"


class NotReached(Exception):
    """No address led to a broker; the message says why of the first, and what to do."""


async def gives_producer_ids(settings: KafkaSettings, security: Mapping[str, Any]) -> bool:
    """Whether the first broker that answers lets sends be idempotent; `security` as aiokafka's clients take it."""
    told: list[str] = []
    for host, port, _ in collect_hosts(settings.bootstrap_servers, randomize=False):
        try:
            return await _asked(host, port, settings, security)
        except (KafkaError, OSError, TimeoutError, AssertionError) as error:
            told.append(await _sentence(host, port, settings, error))
    raise NotReached(f"no Kafka broker answers at {settings.bootstrap_servers} over {settings.security_protocol}: {told[0]}")


async def _asked(host: str, port: int, settings: KafkaSettings, security: Mapping[str, Any]) -> bool:
    connection = await create_conn(host, port, client_id=settings.prefix, request_timeout_ms=int(ANSWER_S * 1000), **security)
    try:
        answer: Any = await connection.send(ApiVersionRequest())
        await connection.send(MetadataRequest([]))
        if not any(entry[0] == _INIT_PRODUCER_ID for entry in answer.api_versions):
            return False
        no_transaction: Any = None
        given: Any = await connection.send(InitProducerIdRequest(no_transaction, 60_000))
    finally:
        connection.close()
    return given.error_code not in _NOT_ABLE


async def _sentence(host: str, port: int, settings: KafkaSettings, error: BaseException) -> str:
    """What is wrong with one address, and what to do."""
    place = f"{host}:{port}"
    if isinstance(error, socket.gaierror):
        return f"the name {host} is not known here ({error.strerror}); correct kafka.bootstrap_servers or the DNS"
    if isinstance(error, ConnectionRefusedError):
        return (
            f"nothing listens at {place}; correct kafka.bootstrap_servers in section kafka of the configuration, or start a "
            "broker: `make kafka-up` in a clone, or `reserve-monitor broker` for a trial in memory"
        )
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate of {place} is not trusted ({error.verify_message}); set kafka.ca_file to who signed it"
    if (refused := _credentials(place, settings, error)) is not None:
        return refused
    if isinstance(error, UnsupportedVersionError | IncompatibleBrokerVersion):
        return f"the broker at {place} does not know a request that is needed ({error}); Apache Kafka 2.1 or later does"
    if settings.security_protocol.endswith("SSL"):
        return await _not_over_tls(place, host, port, error)
    return await _not_over_plain(place, host, port, settings, error)


def _credentials(place: str, settings: KafkaSettings, error: BaseException) -> str | None:
    if isinstance(error, UnsupportedSaslMechanismError):
        return f"{place} does not take {settings.sasl_mechanism} ({error}); set kafka.sasl_mechanism to one that it takes"
    if isinstance(error, SaslAuthenticationFailed | AuthenticationFailedError):
        what = "kafka.token_file" if settings.sasl_mechanism == "OAUTHBEARER" else "kafka.username and kafka.password_file"
        return f"{place} refuses who we say we are, by {settings.sasl_mechanism} ({error}); correct {what}"
    if isinstance(error, REFUSALS):
        return refusal(place, error)
    return None


async def _not_over_tls(place: str, host: str, port: int, error: BaseException) -> str:
    if await _speaks_plain(host, port):
        return f"{place} is {_PLAIN_PORT}; set kafka.security_protocol to PLAINTEXT or SASL_PLAINTEXT, or name its TLS port"
    if isinstance(error, ssl.SSLError | ConnectionResetError):
        return (
            f"{place} breaks off the TLS handshake ({getattr(error, 'reason', None) or error}); where it asks for a certificate, "
            "set kafka.cert_file and kafka.key_file"
        )
    return _silent(place, error)


async def _not_over_plain(place: str, host: str, port: int, settings: KafkaSettings, error: BaseException) -> str:
    if await _speaks_plain(host, port):
        if settings.sasl_mechanism is None:
            return f"{place} closes the connection unless we say who we are; set kafka.security_protocol to SASL_PLAINTEXT"
        return f"{place} breaks off when we say who we are ({error}); is it a listener with {settings.sasl_mechanism}?"
    if await _speaks_tls(host, port):
        return f"{place} is {_TLS_PORT}; set kafka.security_protocol to SSL or SASL_SSL"
    return _silent(place, error)


def _silent(place: str, error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return f"{place} does not answer within {ANSWER_S:.0f} s; look at the network, or correct kafka.bootstrap_servers"
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError):
        return f"{place} cannot be reached ({error.strerror or error}); look at the network, or correct kafka.bootstrap_servers"
    return f"what listens at {place} is no Kafka broker; correct the port in kafka.bootstrap_servers"


async def _speaks_plain(host: str, port: int) -> bool:
    """Whether the first request of every client is answered without TLS."""
    try:
        async with asyncio.timeout(ANSWER_S):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(_ASK_FOR_VERSIONS)
                head = await reader.readexactly(8)
            finally:
                await _closed(writer)
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return False
    return head[4:] == _ASK_FOR_VERSIONS[8:12]


async def _speaks_tls(host: str, port: int) -> bool:
    """Whether a TLS handshake is taken up, whoever it is with."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        async with asyncio.timeout(ANSWER_S):
            _, writer = await asyncio.open_connection(host, port, ssl=context)
            await _closed(writer)
    except ssl.SSLError as error:
        return error.reason not in {None, "WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "UNEXPECTED_EOF_WHILE_READING"}
    except (OSError, TimeoutError):
        return False
    return True


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
