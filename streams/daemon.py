"""The daemon: the one place that wires, starts and stops the stages of a process (DESIGN 2).

Configuration goes on record before any stage reads; a stage that ends by itself is an error; a stop finishes what is in
hand within `STOP_S`, and what was not acknowledged by then is read again by whoever comes next.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Protocol

import structlog
from aiokafka.errors import KafkaError

from monitor.audit.checkpoints import signed
from monitor.audit.signatures.keys import Keyring, read_keyring
from monitor.core.foresight.scenarios import Scenario
from monitor.core.journal.chain import ENGINE_VERSION
from monitor.core.journal.records import journal_partition
from monitor.core.values.times import SECOND
from monitor.errors import MonitorError
from monitor.logs import failed_lines
from monitor.metrics.declared import folding
from monitor.metrics.registry import Metrics
from monitor.settings.admin.tls import ServerCertificate
from monitor.settings.kafka import KafkaSettings
from monitor.settings.load import Settings
from monitor.settings.record import absent_limits, build_configuration, configuration_digest, deciding_lines
from monitor.settings.service import ServiceManager
from monitor.web import Health, WebParts, WebServer, start_web
from monitor.web.access import Access, Tokens
from monitor.web.days import KEPT_DAYS, Days
from streams.journal.writer import JournalProducer, publish_configuration
from streams.kafka.clients import as_it_is, problem
from streams.kafka.embedded import NOTICE
from streams.kafka.topics import require_topics, topic_names, topic_specs
from streams.kafka.watch import BrokerWatch
from streams.lookup.remembering import remember
from streams.lookup.told import Deliveries, ToldRecord
from streams.peers import Peers
from streams.progress import Progress
from streams.slices import Slices

if TYPE_CHECKING:  # a stage is imported where it runs: without the others a process has less to load and to hold
    from monitor.core.engine import Engine
    from streams.archiver.worker import Archiver
    from streams.assessor.worker import Assessor
    from streams.dispatch.worker import Dispatcher
    from streams.intake.processes import IntakeProcesses
    from streams.intake.worker import Intake

STAGES = ("intake", "assessor", "dispatcher", "archiver")
"""The archiver runs where `archive.target` names a place."""

TICKS_BEFORE_STALE = 3
"""An idle partition ticks so often before its answers would be stale."""

STOP_S = 8.5
"""Time the stages may take to stop; a service manager's patience is ten seconds in all."""

CANCELLED_S = 0.5
"""Time that what was cancelled then may take."""

_log = structlog.get_logger(__name__)
_BEAT_S = 1.0
_STALL_S = 30.0


class Stage(Protocol):
    """`start` returns when it works, `run` when it has ended, `stop` ends it."""

    @property
    def ready(self) -> bool: ...

    async def start(self) -> None: ...

    async def run(self) -> None: ...

    async def stop(self) -> None: ...


class StageEnded(MonitorError):
    """A stage that works for ever has ended."""


class Daemon:
    """The stages of one process, their probes, their figures and their server."""

    def __init__(
        self,
        settings: Settings,
        stages: Sequence[str] = STAGES,
        manager: ServiceManager = ServiceManager(None),  # noqa: B008
    ) -> None:
        self._settings = settings
        self._manager = manager
        self._names = topic_names(settings)
        self._configuration = build_configuration(settings)
        self._keys = read_keyring(settings.audit.keys)
        self._server: WebServer | None = None
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._begun = False
        self._peers = Peers(settings.http)
        self._days = Days()
        self._told = ToldRecord(settings.kafka, self._names)
        self._beat = time.monotonic()
        stages = [name for name in dict.fromkeys(stages) if name != "archiver" or settings.archive.target is not None]
        feeds = {name: list(entity.freshness) for name, entity in settings.entities.items()}
        self.metrics = Metrics(
            version=version("reserve-monitor"),
            engine_version=ENGINE_VERSION,
            stages=stages,
            channels=list(settings.alerting.channels),
            fold=folding(settings.metrics.assets, feeds),
        )
        self.assessor: Assessor | None = None
        self.dispatcher: Dispatcher | None = None
        stale_after_s = settings.http.stale_after_s
        self._broker = BrokerWatch(settings.kafka, min(5.0, stale_after_s / TICKS_BEFORE_STALE))
        self._assesses = "assessor" in stages
        self._progress = Progress(self._broker, self._pulse if self._assesses else None, self._stopped, stale_after_s)
        self.stages: dict[str, Stage] = {name: self._stage(name) for name in stages}
        self._deliveries = Deliveries(list(settings.alerting.channels), self._told, self.dispatcher)

    @property
    def url(self) -> str | None:
        """Base address of the admin server once it listens."""
        return None if self._server is None else self._server.url

    async def start(self) -> None:
        """Open the port, check the topics, put the configuration on record, start every stage.

        Raises ConnectionProblem (port, broker) or ConfigurationError (topics, revision); nothing is left running then.
        """
        if self._settings.kafka.embedded:
            _log.warning("embedded_broker", detail=NOTICE)
        for warning in absent_limits(self._settings):
            _log.warning("limit_absent", detail=warning)
        for line in deciding_lines(self._settings):
            _log.info("ticker_decided", detail=line)
        try:
            tls = None if self._settings.http.tls is None else ServerCertificate(self._settings.http.tls)
            self._server = await start_web(self._parts(), self._settings.http.host, self._settings.http.port, tls)
            await require_topics(self._settings.kafka, topic_specs(self._settings.kafka, self._names))
            if self.stages.keys() & {"intake", "assessor"}:  # the others may not write the journal, and no record depends on them
                await self._record_configuration()
            self.metrics.configuration(configuration_digest(self._configuration))
            await _all(stage.start() for stage in self.stages.values())
        except BaseException:
            await self.stop()
            raise
        self._tasks = {name: asyncio.create_task(stage.run(), name=name) for name, stage in self.stages.items()}
        self._tasks["broker"] = asyncio.create_task(self._broker.run(), name="broker")
        self._tasks["heartbeat"] = asyncio.create_task(self._keep_beating(), name="heartbeat")
        if self.assessor is not None:
            reading = remember(self._settings.kafka, self._names, KEPT_DAYS, self._days.take)
            self._tasks["days"] = asyncio.create_task(reading, name="days")
            self._tasks["told"] = asyncio.create_task(self._told.run(), name="told")
        if self._settings.http.peers:
            self._tasks["peers"] = asyncio.create_task(self._peers.run(), name="peers")
        self._manager.ready(f"{', '.join(self.stages)} at {self.url}")
        _log.info("started", stages=list(self.stages), url=self.url, config_digest=configuration_digest(self._configuration))

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until `stopping` is set; raises what ended a stage, or StageEnded."""
        asked = asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait({asked, *self._tasks.values()}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            asked.cancel()
        if stopping.is_set():
            return
        for name, task in self._tasks.items():
            if task.done():
                if not task.cancelled() and (error := task.exception()) is not None:
                    raise error
                raise StageEnded(f"the {name} has ended by itself: see the log, then start again")

    async def stop(self) -> None:
        """End every stage within `STOP_S`. What is not finished by then was not acknowledged, and will be read again."""
        _log.info("stopping", stages=list(self.stages))
        self._manager.stops()
        for name in ("heartbeat", "peers", "broker", "days", "told"):
            if name in self._tasks:
                self._tasks[name].cancel()
        ends = {name: asyncio.create_task(stage.stop(), name=f"stop {name}") for name, stage in self.stages.items()}
        if ends:
            await asyncio.wait(ends.values(), timeout=STOP_S)
        for name, task in ends.items():
            if not task.done():
                _log.error("stage_not_stopped", stage=name, waited_s=STOP_S)
                task.cancel()
            elif task.cancelled() or (error := task.exception()) is not None:
                _log.error("stage_stop_failed", stage=name, detail="cancelled" if task.cancelled() else str(error))
        for task in self._tasks.values():
            task.cancel()
        left = [*self._tasks.values(), *ends.values()]
        if left:
            await asyncio.wait(left, timeout=CANCELLED_S)
        if self._server is not None:
            await self._server.stop()
        _log.info("stopped")

    def live(self) -> Health:
        """Whether the loop moves and no stage has ended."""
        checks = {name: "ended" if task.done() else "ok" for name, task in self._tasks.items()}
        checks["loop"] = "ok" if time.monotonic() - self._beat < _STALL_S or not self._tasks else "stands still"
        return Health(all(text == "ok" for text in checks.values()), checks)

    def ready(self) -> Health:
        """Whether every stage holds its partitions and is up to the present, and whether evaluation moves."""
        checks = {name: "ok" if stage.ready else "catching up" for name, stage in self.stages.items()} | self._progress.checks()
        return Health(bool(self._tasks) and all(text == "ok" for text in checks.values()), checks)

    def started(self) -> Health:
        """Whether the first restore is over."""
        self._begun = self._begun or self.ready().ok
        return Health(self._begun, {"restore": "ok" if self._begun else "under way"})

    def _stage(self, name: str) -> Stage:
        kafka, settings = self._settings.kafka, self._settings
        if name == "intake":
            return self._intake()
        if name == "assessor":
            from streams.assessor.ticks import IDLE_NS
            from streams.assessor.worker import Assessor

            idle_ns = min(IDLE_NS, int(settings.http.stale_after_s * SECOND / TICKS_BEFORE_STALE))
            check = settings.assessor.check_evaluations
            self.assessor = Assessor(kafka, self._names, self.metrics, keys=self._keys, idle_ns=idle_ns, check_evaluations=check)
            return self.assessor
        if name == "archiver":
            return self._archiver()
        from streams.dispatch.worker import Dispatcher

        self.dispatcher = Dispatcher(
            kafka,
            self._names,
            settings.alerting.channels,
            self.metrics,
            hold_s=settings.alerting.hold_s,
            group_above=settings.alerting.group_above,
            runbook_base_url=settings.alerting.runbook_base_url,
            links=settings.links,
            pulse=self._pulse if self._assesses else None,
            standstill=self._progress.standstill,
        )
        return self.dispatcher

    def _intake(self) -> Intake | IntakeProcesses:
        intake, names = self._settings.intake, self._names
        if intake.processes == 1:
            from streams.intake.worker import Intake

            return Intake(self._settings.kafka, names, self._configuration, self.metrics, intake.flush_s)
        from streams.intake.process import Job
        from streams.intake.processes import IntakeProcesses

        job = Job(self._settings.kafka, names, self._configuration, intake.flush_s, self._settings.log)
        return IntakeProcesses(intake.processes, job, self.metrics)

    def _archiver(self) -> Archiver:
        from monitor.archive.target import open_target
        from monitor.audit.signatures.timestamps import authority_at
        from streams.archiver.worker import Archiver

        archive = self._settings.archive
        target = open_target(archive.target or "", archive, make=True)
        limit, release = archive.object_mb * 1_000_000, version("reserve-monitor")
        authority = self._settings.audit.timestamp_authority
        stamp = None if authority is None else authority_at(authority.url, authority.ca_file)
        return Archiver(self._settings.kafka, self._names, target, self.metrics, limit=limit, release=release, stamp=stamp)

    async def _record_configuration(self) -> None:
        journal = JournalProducer(self._settings.kafka, self._names)
        await journal.start()
        try:
            await publish_configuration(self._settings.kafka, self._names, self._configuration, time.time_ns(), journal)
        finally:
            await journal.stop()

    async def _keep_beating(self) -> None:
        while True:
            self._beat = time.monotonic()
            if self.live().ok:
                self._manager.moves()
            await asyncio.sleep(_BEAT_S)

    def _parts(self) -> WebParts:
        status = (
            None
            if self.assessor is None
            else EngineStatus(self.assessor, self._settings.kafka.journal_partitions, self._peers, self._keys)
        )
        versions = {
            "version": version("reserve-monitor"),
            "engine_version": ENGINE_VERSION,
            "config_digest": configuration_digest(self._configuration),
        }
        return WebParts(
            self,
            self.metrics,
            versions,
            status,
            self._refresh,
            stale_after_s=self._settings.http.stale_after_s,
            delivery=self._deliveries.of,
            access=None if (auth := self._settings.http.auth) is None else Access(Tokens(auth.token_file)),
            days=self._days,
        )

    async def _refresh(self) -> None:
        self.metrics.broker_answered(time.time() - self._broker.silent_s)
        self.metrics.log_failed(failed_lines())
        await Slices().take(self.metrics.refresh(self._engines))

    def _engines(self) -> Iterable[Engine]:
        return () if self.assessor is None else self.assessor.engines.values()

    def _stopped(self) -> Mapping[int, str]:
        return {} if self.assessor is None else self.assessor.stopped

    def _pulse(self) -> Mapping[str, int]:
        """The engine clock of every entity held here."""
        if self.assessor is None:
            return {}
        return {entity: engine.clock for engine in self.assessor.engines.values() for entity in engine.entities()}


class EngineStatus:
    """The engines of this process as the web server asks for them."""

    def __init__(self, assessor: Assessor, partitions: int, peers: Peers, keys: Keyring | None = None) -> None:
        self._assessor, self._count, self._peers, self._keys = assessor, partitions, peers, keys or Keyring()

    def partitions(self) -> Sequence[int]:
        """Journal partitions held here, sorted."""
        return sorted(self._assessor.engines)

    def entities(self) -> Sequence[str]:
        """Entities held here, sorted."""
        return sorted(entity for engine in self._assessor.engines.values() for entity in engine.entities())

    def holds(self, entity: str) -> bool:
        """Whether the entity's journal partition is held here."""
        return self._engine(entity) is not None

    def owner(self, entity: str) -> str | None:
        """Address of the peer that holds the entity's journal partition, where one said so."""
        return self._peers.owner(journal_partition(entity, self._count))

    def status(self, entity: str, day: date | None) -> Mapping[str, Any]:
        """The status object of CONTRACT 5; KeyError for an entity that was never seen."""
        found = self._of(entity).status(entity, day)
        checkpoint = found["checkpoint"]
        return found | {"checkpoint": None if checkpoint is None else signed(checkpoint, self._keys)}

    def figures(self, entity: str) -> Mapping[str, Any]:
        """Of it what an evaluation changes; KeyError for an entity that was never seen."""
        return self._of(entity).figures(entity)

    def foresee(self, entity: str, scenario: Scenario) -> Sequence[Mapping[str, Any]]:
        """What each method finds without and with the scenario; KeyError for an entity that was never seen."""
        return self._of(entity).foresee(entity, scenario)

    def actions(self, entity: str) -> Sequence[Mapping[str, Any]]:
        """What mends each broken or threatened rule; KeyError for an entity that was never seen."""
        return self._of(entity).actions(entity)

    def candidates(self, entity: str) -> Mapping[str, Any]:
        """The methods in force and the candidates beside them; KeyError for an entity that was never seen."""
        return self._of(entity).candidates(entity)

    def _of(self, entity: str) -> Engine:
        engine = self._engine(entity)
        if engine is None or entity not in engine.entities():
            raise KeyError(entity)
        return engine

    def _engine(self, entity: str) -> Engine | None:
        return self._assessor.engines.get(journal_partition(entity, self._count))


async def run_daemon(settings: Settings, stages: Sequence[str] = STAGES) -> None:
    """Run the stages until SIGTERM or SIGINT; a second signal ends the process at once.

    Raises what `Daemon.start` and `Daemon.run` raise.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, _on_signal, number, stopping)
    settings = settings.model_copy(update={"kafka": await _broker_as_it_is(settings.kafka)})
    daemon = Daemon(settings, stages, ServiceManager.of_environment())
    starting = asyncio.create_task(daemon.start())
    asked = asyncio.create_task(stopping.wait())
    await asyncio.wait({starting, asked}, return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    if not starting.done():
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        return
    starting.result()
    try:
        await daemon.run(stopping)
    except KafkaError as error:
        raise await problem(settings.kafka, error) from error
    finally:
        await daemon.stop()


async def _broker_as_it_is(settings: KafkaSettings) -> KafkaSettings:
    """`as_it_is`, with a warning where the broker can do less than the configuration takes it to."""
    found = await as_it_is(settings)
    if found.embedded and not settings.embedded:
        _log.warning(
            "broker_without_idempotence",
            broker=settings.bootstrap_servers,
            detail="it gives no producer ids: a send that is retried may be stored twice, commits carry no metadata, and "
            "journal times are not compared; what is counted stays exact, a topic made anew is not noticed",
        )
    return found


def _on_signal(number: int, stopping: asyncio.Event) -> None:
    if stopping.is_set():
        os._exit(128 + number)
    stopping.set()


async def _all(starts: Iterable[Any]) -> None:
    """Start together; the first error is raised once every other start has ended."""
    results = await asyncio.gather(*starts, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
