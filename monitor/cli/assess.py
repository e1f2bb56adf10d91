"""`assess`: event files through the engine, offline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import Config, Events, ManyPaths, command_app, emit, talk
from monitor.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from monitor.settings.load import Settings

app = command_app()


@app.command(
    cls=ManyPaths, epilog="Example: reserve-monitor assess --events day.jsonl --at 2026-01-05T01:00:00Z --method us.ny_custody"
)
def assess(
    events: Events,
    at: Annotated[str | None, typer.Option(metavar="TIME", help="RFC 3339; when absent, after the last line.")] = None,
    method: Annotated[list[str] | None, typer.Option(metavar="ID", help="Assess under this method; may be repeated.")] = None,
    config: Config = None,
) -> None:
    """Replay event files in log order and print the assessments that hold at TIME, as a JSON array.

    Methods and options are the configuration's. With --method and no configuration every entity seen is assessed, in the
    method's own currency, zone and calendar; with both, the configured entities under those methods alone. A line that
    intake would refuse is left out and named on stderr. Exit 1 for a shortfall, 5 for what is not known.
    """
    from monitor.cli.options import instant
    from monitor.cli.verdict import exit_code
    from monitor.core.engine import Engine
    from streams.eventfiles.offline import Rejection, statements

    configuration = _configuration(config, method or [])
    until = None if at is None else instant("--at", at)
    engine = Engine(0, check_journal_time=False, evaluate="at_ticks")

    def refused(rejection: Rejection) -> None:
        talk(f"left out: {rejection}")

    for record in statements(events, configuration, until, refused):
        engine.apply(record)
    found = [assessment for entity in engine.entities() for assessment in engine.evaluations(entity)["assessments"]]
    emit(found)
    raise typer.Exit(exit_code(found))


def _configuration(config: Path | None, methods: Sequence[str]) -> dict[str, Any]:
    from monitor.settings.load import asked_path, load_settings, settings_of
    from monitor.settings.record import build_configuration

    alone = {"kafka": {"journal_partitions": 1}}  # all entities of an offline run are of one journal partition
    if methods and asked_path(config) is None:
        return build_configuration(settings_of(alone), list(dict.fromkeys(methods)))
    settings = load_settings(config)
    settings = settings.model_copy(update={"kafka": settings.kafka.model_copy(update=alone["kafka"])})
    if methods:
        settings = _only(settings, methods)
    if not any(entity.methods for entity in settings.entities.values()):
        raise UsageError("no method is configured for any entity: name one with --method, or a configuration with --config")
    return build_configuration(settings)


def _only(settings: Settings, methods: Sequence[str]) -> Settings:
    """The settings with every entity under these methods alone, with the options it has for them."""
    from monitor.settings.sections import MethodSettings

    entities = {}
    for name, entity in settings.entities.items():
        known = {method.id: method for method in entity.methods}
        chosen = tuple(known.get(method) or MethodSettings(id=method) for method in dict.fromkeys(methods))
        entities[name] = entity.model_copy(update={"methods": chosen})
    return settings.model_copy(update={"entities": entities})
