"""How to reach Kafka: section `kafka` of the configuration (CONTRACT 4). Read by every stage; holds no client library."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from monitor.settings.values import Whole

SecurityProtocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
SaslMechanism = Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"]

_SERVER = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/\[\]]+)(:[0-9]{1,5})?")


class KafkaSettings(BaseModel):
    """Addresses, security and names. Secrets are paths of files that are read when a connection is made, never values."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    bootstrap_servers: str = "127.0.0.1:9092"
    """Some of the brokers, `host:port`, separated by commas; the others are learned from them."""
    security_protocol: SecurityProtocol = "PLAINTEXT"
    """What the brokers' listener speaks. `PLAINTEXT` is for loopback: who can write the journal can write the figures."""
    sasl_mechanism: SaslMechanism | None = None
    """How the program proves who it is, besides or instead of a certificate."""
    username: str | None = None
    """Its principal under PLAIN and SCRAM."""
    password_file: Path | None = None
    """The file that holds the password; read at each start of a client."""
    token_file: Path | None = None
    """OAUTHBEARER: the file a sidecar keeps fresh; read again at each connection."""
    ca_file: Path | None = None
    """Authorities that may sign the brokers' certificates; absent: those of the system."""
    cert_file: Path | None = None
    """The certificate by which this process is known to the brokers (mutual TLS), PEM."""
    key_file: Path | None = None
    """Its private key, PEM, without a passphrase."""
    prefix: str = Field(default="reserve-monitor", pattern=r"^[A-Za-z0-9._-]{1,100}$")
    """Consumer groups are `<prefix>.intake` and `<prefix>.dispatcher`, the Faust application `<prefix>.assessor`.

    With `topics.prefixed` the journal and the outputs have it too."""
    instance_id: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._-]{1,200}$")
    """A name of this process that no other has (static membership, `group.instance.id`): it comes back within `session_s` to
    the partitions it had, and nobody else stands still for it. Without one, a process that stops gives them away at once."""
    session_s: Whole = Field(default=10, ge=6, le=90)
    """Silence after which a group gives away what a member had: how long its entities wait for another when it is killed."""
    journal_partitions: Whole = Field(default=16, ge=1, le=1024)
    """Fixed for the journal's life: entities are spread over it by hash (JOURNAL 1)."""
    replication_factor: Whole = Field(default=-1, ge=-1)
    """Of topics made by `topics create`; -1 leaves it to the broker's default."""
    embedded: bool = False
    """The broker is the embedded one of demos and tests: no idempotent producer, no commit metadata, short fetch waits.

    Seen by itself where a broker gives no producer ids; to say so saves the question."""

    @field_validator("bootstrap_servers")
    @classmethod
    def _are_addresses(cls, value: str) -> str:
        for server in value.split(","):
            if not _SERVER.fullmatch(server.strip()):
                raise ValueError(f"{server.strip()!r} is not host:port; several are separated by commas")
        return value

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.security_protocol.startswith("SASL"):
            self._check_sasl()
        elif self.sasl_mechanism is not None:
            raise ValueError("kafka.sasl_mechanism needs kafka.security_protocol SASL_SSL or SASL_PLAINTEXT")
        if (self.cert_file is None) != (self.key_file is None):
            raise ValueError("kafka.cert_file and kafka.key_file belong together: set both or neither")
        return self

    def _check_sasl(self) -> None:
        if self.sasl_mechanism is None:
            raise ValueError(f"kafka.security_protocol {self.security_protocol} needs kafka.sasl_mechanism")
        if self.sasl_mechanism == "OAUTHBEARER":
            if self.token_file is None:
                raise ValueError("kafka.sasl_mechanism OAUTHBEARER needs kafka.token_file")
        elif self.username is None or self.password_file is None:
            raise ValueError(f"kafka.sasl_mechanism {self.sasl_mechanism} needs kafka.username and kafka.password_file")

    def group(self, stage: str) -> str:
        """The consumer group (for the assessor: the Faust application) of a stage."""
        return f"{self.prefix}.{stage}"
