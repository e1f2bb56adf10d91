"""What the web server asks of the process it stands in."""

import ssl
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Protocol

from monitor.core.foresight.scenarios import Scenario
from monitor.web.access import Access
from monitor.web.days import Days
from monitor.web.history import CoverageHistory
from monitor.web.staleness import STALE_AFTER_S


@dataclass(frozen=True, slots=True)
class Health:
    """Answer of a probe: `ok`, and for each part what it says (`ok`, or what is wrong)."""

    ok: bool
    checks: Mapping[str, str] = field(default_factory=dict)


class Probes(Protocol):
    """The process's own health. None of it says anything about the figures: that is `/status`."""

    def live(self) -> Health:
        """Whether every loop of this process moves. Never depends on Kafka: a restart must help where this fails."""
        ...

    def ready(self) -> Health:
        """Whether state is restored, partitions are assigned and the lag is within bounds."""
        ...

    def started(self) -> Health:
        """Whether the first restore is over; stays true from then on."""
        ...


class StatusSource(Protocol):
    """The engines of this process, as they stand after their newest evaluation."""

    def partitions(self) -> Sequence[int]:
        """Journal partitions held here, sorted."""
        ...

    def entities(self) -> Sequence[str]:
        """Entities held here, sorted."""
        ...

    def holds(self, entity: str) -> bool:
        """Whether the journal partition of `entity` is held here, whether or not the entity was ever seen."""
        ...

    def owner(self, entity: str) -> str | None:
        """Base URL of the worker that holds `entity`, where known."""
        ...

    def status(self, entity: str, day: date | None) -> Mapping[str, Any]:
        """The status object of CONTRACT 5; `day` chooses a past business date of the trade flow. KeyError: never seen."""
        ...

    def figures(self, entity: str) -> Mapping[str, Any]:
        """Of it what an evaluation changes: entity, at, methods, exposure, alerts, checkpoint. KeyError: never seen."""
        ...

    def foresee(self, entity: str, scenario: Scenario) -> Sequence[Mapping[str, Any]]:
        """What each method finds without and with the scenario (printed.outcome_object). KeyError: never seen."""
        ...

    def actions(self, entity: str) -> Sequence[Mapping[str, Any]]:
        """What mends each broken or threatened rule (sentences.proposal_object). KeyError: never seen."""
        ...

    def candidates(self, entity: str) -> Mapping[str, Any]:
        """The methods in force and the candidates beside them (candidates.compared). KeyError: never seen."""
        ...


class NotTold(Protocol):
    """An alert that a channel was not told of."""

    @property
    def channel(self) -> str | None:
        """The channel's name; None where there is no channel."""
        ...

    @property
    def fingerprint(self) -> str:
        """The alert's."""
        ...

    @property
    def since_ns(self) -> int:
        """Time of the oldest change not told; 0 where it was refused."""
        ...

    @property
    def detail(self) -> str | None:
        """What the channel answered last."""
        ...


@dataclass(frozen=True, slots=True)
class NotDelivered:
    """What did not reach a channel; not `known`: of other alerts nothing can be said. `told`: by fingerprint who was told."""

    rows: Sequence[NotTold]
    known: bool
    told: Mapping[str, Sequence[str]] = field(default_factory=dict)


class Exposition(Protocol):
    """The metrics of this process."""

    def exposition(self, accept: str = "") -> tuple[bytes, str]:
        """The text and its content type, in the format that the Accept header asks for."""
        ...


class Certificate(Protocol):
    """The certificate of a server under TLS."""

    @property
    def context(self) -> ssl.SSLContext:
        """What connections are made with."""
        ...

    def renew(self) -> bool:
        """Take a certificate that was replaced on file; whether there was one."""
        ...


@dataclass(slots=True)
class WebParts:
    """What the server shows. `status` is None in a process without an assessor.

    `delivery` says which of the alerts (published objects) that fire did not reach a channel; without it nothing is known.
    `access` judges logins; None: whoever reaches the port reads everything.
    `before_scrape` is called before the metrics are read, to bring gauges of figures up to date. `days` are filled from what
    is published.
    """

    probes: Probes
    metrics: Exposition
    versions: Mapping[str, str]
    status: StatusSource | None = None
    before_scrape: Callable[[], Awaitable[None]] | None = None
    sample_s: float = 5.0
    stale_after_s: float = STALE_AFTER_S
    clock: Callable[[], int] = time.time_ns
    delivery: Callable[[Sequence[Mapping[str, Any]]], NotDelivered] | None = None
    access: Access | None = None
    history: CoverageHistory = field(default_factory=CoverageHistory)
    days: Days = field(default_factory=Days)
