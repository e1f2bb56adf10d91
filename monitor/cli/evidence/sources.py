"""What a report is compiled from: the entity's chain and incidents, from event files, an archive or Kafka."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from monitor.errors import ConnectionProblem, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from monitor.core.configuration.configuration import Configuration
    from monitor.core.journal.outputs import Output
    from monitor.core.journal.records import JournalRecord, Statement
    from monitor.report.adequacy.compiling import PublishedOf
    from monitor.report.adequacy.model import PresentActions
    from monitor.settings.load import Settings
    from streams.lookup.logs import TopicLog


@dataclass(frozen=True, slots=True)
class ReportSource:
    """What was published of an entity, the configuration its days are reckoned by, and who is asked for what to do now."""

    found: PublishedOf
    config: Configuration
    actions: Callable[[], PresentActions]


def in_events(events: Sequence[Path], config: Path | None, methods: Sequence[str], entity: str) -> ReportSource:
    """What the daemon would have published of the events; actions are as of their end."""
    from monitor.cli.replayed import offline_configuration, replayed
    from monitor.core.configuration.configuration import parse_configuration
    from monitor.core.values.times import format_time
    from monitor.report.adequacy.compiling import PublishedOf
    from monitor.report.adequacy.model import PresentActions

    values: list[Any] = []
    incidents: list[Statement] = []

    def published(output: Output) -> None:
        if output.value is not None and output.entity == entity:
            values.append(output.value)

    def read(record: JournalRecord) -> None:
        if record.statement.kind == "incident" and record.statement.entity == entity:
            incidents.append(record.statement)

    engine = replayed(events, config, methods, None, on_output=published, on_record=read)
    if entity not in engine.entities():
        raise UsageError(f"the events are not of {entity}: there are {', '.join(engine.entities()) or 'none'}")
    values += [one for one in engine.checkpoints() if one["entity"] == entity]
    found = PublishedOf.of(entity, values, incidents)
    own = parse_configuration(offline_configuration(config, methods))

    def actions() -> PresentActions:
        return PresentActions(format_time(engine.clock), tuple(engine.actions(entity)), None)

    return ReportSource(found, own, actions)


def in_log(log: TopicLog, settings: Settings, entity: str, *, live: bool) -> ReportSource:
    """What the output topics and the journal hold there. `live`: the running worker is asked what to do now."""
    from monitor.cli.progress import counted
    from monitor.core.configuration.configuration import parse_configuration
    from monitor.report.adequacy.compiling import PublishedOf
    from monitor.report.adequacy.model import PresentActions
    from monitor.settings.record import build_configuration

    with counted() as told:
        values, incidents = asyncio.run(_read(log, entity, told))
    found = PublishedOf.of(entity, values, incidents)
    if not found.entries:
        raise UsageError(f"nothing published of {entity} is kept there: is its name right?")

    def actions() -> PresentActions:
        return _asked(settings, entity) if live else PresentActions(None, (), "an archive has no present")

    return ReportSource(found, parse_configuration(build_configuration(settings)), actions)


async def _read(log: TopicLog, entity: str, told: Callable[[str, int], None]) -> tuple[list[Any], list[Statement]]:
    from monitor.cli.evidence.entries import entries_of
    from streams.lookup.history import incidents_of

    return await entries_of(log, entity), [one async for one in incidents_of(log, entity, told)]


def _asked(settings: Settings, entity: str) -> PresentActions:
    """The moves that the running worker proposes; a report does without where none answers, and says so."""
    from monitor.cli.ask import of_entity
    from monitor.report.adequacy.model import PresentActions

    try:
        status, proposals = of_entity(settings, entity), of_entity(settings, entity, "", "/actions")
    except ConnectionProblem as error:
        return PresentActions(None, (), str(error))
    if status is None or proposals is None:
        return PresentActions(None, (), f"no worker that answers holds {entity}")
    return PresentActions(status["at"], tuple(proposals), None)
