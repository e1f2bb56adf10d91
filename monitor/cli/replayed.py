"""Event files through the engine, offline: what `assess` and the commands that look ahead start from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monitor.cli import talk
from monitor.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from monitor.core.configuration.configuration import Configuration
    from monitor.core.engine import Engine
    from monitor.core.journal.outputs import Output
    from monitor.core.journal.records import JournalRecord
    from monitor.settings.load import Settings


def replayed(
    events: Sequence[Path],
    config: Path | None,
    methods: Sequence[str],
    at: str | None,
    *,
    on_output: Callable[[Output], None] | None = None,
    on_record: Callable[[JournalRecord], None] | None = None,
) -> Engine:
    """The engine after the events up to `at` (RFC 3339; None: all), evaluated there.

    `on_output` is told of all that the daemon would publish, in order; without it no day is closed and nothing is published
    on the way. `on_record` is told of each record of the journal.

    At the end of all that there is, groups of positions that wait have their 5 s first: nothing more will come.

    Lines that intake would refuse are named on stderr. UsageError where no method is configured or given.
    """
    from monitor.cli.options import instant
    from monitor.core.configuration.configuration import parse_configuration
    from monitor.core.engine import Engine
    from monitor.core.journal.records import JournalRecord, Statement
    from streams.eventfiles.offline import FileLines, Rejection, statements

    configuration = offline_configuration(config, methods)
    until = None if at is None else instant("--at", at)
    lines = FileLines()
    engine = Engine(0, check_journal_time=False, evaluate="at_ticks" if on_output is None else "always")
    next_look = None if on_output is None else _before_midnights(parse_configuration(configuration))

    def refused(rejection: Rejection) -> None:
        talk(f"left out: {rejection}")

    def applied(record: JournalRecord) -> None:
        outputs = engine.apply(record)
        lines.tell(engine.too_old, refused)
        if on_output is not None:
            for output in outputs:
                on_output(output)

    for record in statements(events, configuration, until, refused, next_look=next_look, on_line=lines.note):
        if on_record is not None:
            on_record(record)
        applied(record)

    def tick(instant: int) -> None:
        applied(JournalRecord(Statement("tick", None, instant, {}), engine.position + 1, instant, b""))

    settled = engine.settled_at if until is None else None
    if settled is not None:
        tick(settled)
    if on_output is not None:
        engine.hurry()
    while on_output is not None and engine.waiting:
        tick(engine.clock + 1)  # an evaluation looks at a few closed days only
    return engine


def _before_midnights(config: Configuration) -> Callable[[int], int]:
    """The last instant (ns) of the local day that ends first, in any zone in use: trades logged by then are told by then."""
    entities = [*config.entities, ""]  # the empty name is that of any other
    zones = {zone.name: zone for name in entities for zone in config.zones_in_use(name)}.values()
    return lambda instant: min(zone.day_end(zone.local_date(instant + 1)) for zone in zones) - 1


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
