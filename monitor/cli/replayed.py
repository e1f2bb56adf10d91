"""Event files through the engine, offline: what `assess` and the commands that look ahead start from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monitor.cli import talk
from monitor.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from monitor.core.engine import Engine
    from monitor.settings.load import Settings


def replayed(events: Sequence[Path], config: Path | None, methods: Sequence[str], at: str | None) -> Engine:
    """The engine after the events up to `at` (RFC 3339; None: all), evaluated there.

    At the end of all that there is, groups of positions that wait have their 5 s first: nothing more will come.

    Lines that intake would refuse are named on stderr. UsageError where no method is configured or given.
    """
    from monitor.cli.options import instant
    from monitor.core.engine import Engine
    from monitor.core.journal.records import JournalRecord, Statement
    from streams.eventfiles.offline import Rejection, statements

    configuration = offline_configuration(config, methods)
    until = None if at is None else instant("--at", at)
    engine = Engine(0, check_journal_time=False, evaluate="at_ticks")

    def refused(rejection: Rejection) -> None:
        talk(f"left out: {rejection}")

    for record in statements(events, configuration, until, refused):
        engine.apply(record)
    settled = engine.settled_at if until is None else None
    if settled is not None:
        engine.apply(JournalRecord(Statement("tick", None, settled, {}), engine.position + 1, settled, b""))
    return engine


def offline_configuration(config: Path | None, methods: Sequence[str]) -> dict[str, Any]:
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
