"""The report of each closed day, written into the archive when the day is over (`report --schedule`)."""

from __future__ import annotations

import signal
import threading
import time
from datetime import date
from typing import TYPE_CHECKING

from monitor.cli import talk
from monitor.errors import ConnectionProblem, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from monitor.archive.target import Target
    from monitor.cli.evidence.sources import ReportSource
    from monitor.report.adequacy.rendering import ReportFormat, ReportWanted
    from monitor.settings.load import Settings

SETTLE_S = 60.0
"""After a day's end its close is published at the next evaluation, a minute later at most."""

_RETRY_S = 60.0


def keep_writing(entity: str | None, archive: str | None, config: Path | None, wanted: ReportWanted, *, once: bool) -> None:
    """Writes what is due, then waits for the next end of a day; ends when told to, or after the first round (`once`)."""
    from monitor.archive.target import open_target
    from monitor.settings.load import load_settings

    settings = load_settings(config)
    place = archive or settings.archive.target
    if place is None:
        raise UsageError("name an archive for the reports: --archive PATH, or archive.target in the configuration")
    names = [entity] if entity is not None else sorted(settings.entities)
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM) if not once else ():
        signal.signal(number, lambda *_: stopping.set())
    target = open_target(place, settings.archive)
    while True:
        wait = _round(settings, names, target, wanted, retry=not once)
        if once or stopping.wait(wait):
            return


def _round(settings: Settings, names: list[str], target: Target, wanted: ReportWanted, *, retry: bool) -> float:
    """Seconds to wait for the next one."""
    try:
        for name in names:
            for written in write_due(_of(settings, name), target, wanted):
                talk(f"{target.place}: {written}")
    except ConnectionProblem as error:
        if not retry:
            raise
        talk(f"{error}: tried again in {_RETRY_S:g} s")
        return _RETRY_S
    return _until_next_day(settings, names)


def _of(settings: Settings, entity: str) -> ReportSource:
    from monitor.cli.evidence.entries import log_at
    from monitor.cli.evidence.sources import in_log

    return in_log(log_at(None, settings), settings, entity, live=True)


def write_due(source: ReportSource, target: Target, wanted: ReportWanted) -> Iterator[str]:
    """Names of the reports written: of each date that is closed for every method it was ever closed for, if not there yet.

    A report knows what was known right after its last close, so that the same closes give the same bytes.
    """
    from monitor.archive.manifest import REPORTS
    from monitor.report.adequacy.audience import sheet_of
    from monitor.report.adequacy.compiling import ReportSight, compiled
    from monitor.report.adequacy.model import Period, PresentActions
    from monitor.report.adequacy.rendering import rendered

    sight = ReportSight(source.config, source.found.entity)
    none = PresentActions(None, (), "a scheduled report tells of a day that is over")
    there = {name for name, _ in target.names(f"{REPORTS}{source.found.entity}/")}
    for day, of_day in source.found.closes().items():
        if not sight.methods.keys() <= of_day.keys():
            continue
        sequence = max(entry["chain"]["sequence"] for several in of_day.values() for entry in several)
        stem = f"{REPORTS}{source.found.entity}/{day}/{sequence:020}"
        names: dict[ReportFormat, str] = {
            "json": f"{stem}.json",
            wanted.form: f"{stem}.{wanted.language}.{wanted.audience}.{wanted.form}",
        }
        if wanted.form == "json":
            del names["json"]
        if there.issuperset(names.values()):
            continue
        only = date.fromisoformat(day)
        made = compiled(source.found.upto(sequence), Period(only, only), sight, none)
        sheet = sheet_of(made, wanted.language, wanted.audience, sight.zone)
        for form, name in names.items():
            if target.put_new(name, rendered(sheet, made.printed(), form)):
                yield name


def _until_next_day(settings: Settings, names: list[str]) -> float:
    """Seconds until a day of one of the methods has ended and its close is there."""
    from monitor.core.configuration.configuration import parse_configuration
    from monitor.core.foresight.history import next_close, zones_of
    from monitor.core.values.times import SECOND
    from monitor.settings.record import build_configuration

    chosen = settings.model_copy(
        update={"entities": {name: settings.entities[name] for name in names if name in settings.entities}}
    )
    now = time.time_ns()
    ends = [next_close(zone, now) for zone in zones_of(parse_configuration(build_configuration(chosen)))]
    return (min(ends, default=now + 3600 * SECOND) - now) / SECOND + SETTLE_S
