"""`report`: capital adequacy of an entity over a day or a month, from what was published."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import Config, ManyPaths, command_app, talk
from monitor.cli.completion import entities, methods
from monitor.cli.evidence.archives import InArchive
from monitor.errors import UsageError
from monitor.files import write_over

if TYPE_CHECKING:
    from monitor.cli.evidence.sources import ReportSource
    from monitor.core.values.calendar import Zone
    from monitor.report.adequacy.model import AdequacyReport, Period
    from monitor.report.adequacy.rendering import ReportWanted

app = command_app()


@app.command(
    cls=ManyPaths,
    epilog="Example: reserve-monitor report jp-main --month 2026-01 --format pdf --lang ja --for compliance --out 2026-01.pdf",
)
def report(
    entity: Annotated[
        str | None, typer.Argument(metavar="ENTITY", help="Whose; may be left out with --schedule.", autocompletion=entities)
    ] = None,
    *,
    day: Annotated[str | None, typer.Option("--date", metavar="D", help="Of this business date (YYYY-MM-DD).")] = None,
    month: Annotated[str | None, typer.Option("--month", metavar="M", help="Of this month (YYYY-MM).")] = None,
    form: Annotated[str, typer.Option("--format", metavar="FORM", help="html, pdf, csv, md or json.")] = "html",
    lang: Annotated[str, typer.Option("--lang", metavar="LANG", help="en or ja.")] = "en",
    audience: Annotated[str, typer.Option("--for", metavar="WHOM", help="treasury, compliance or auditor.")] = "compliance",
    method: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Under this method; may be repeated.", autocompletion=methods)
    ] = None,
    events: Annotated[
        list[Path] | None, typer.Option("--events", metavar="PATH...", help="From event files instead of Kafka.")
    ] = None,
    archive: InArchive = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Write it there; else to stdout.")] = None,
    schedule: Annotated[
        bool, typer.Option("--schedule", help="Write the report of each closed day into the archive, day by day, until stopped.")
    ] = False,
    once: Annotated[bool, typer.Option("--once", help="With --schedule: write what is due now, and end.")] = False,
    config: Config = None,
) -> None:
    """Print the capital adequacy of an entity: closes, changes and why, breaches and how they ended, incidents, proofs.

    From the output topics of Kafka, or from an archive or event files. Figures are those that were published, digit for
    digit. Treasury is told first what to do, compliance the closes with their articles, auditors the proofs.

    With --schedule the report of each day that is closed for every method goes into the archive of `archive.target` once, and
    again under another name when a correction changes the day; what is written is never written over.
    """
    from monitor.report.adequacy.audience import AUDIENCES
    from monitor.report.adequacy.rendering import FORMATS, ReportWanted
    from monitor.report.adequacy.words import LANGUAGES

    wanted = ReportWanted(
        _one_of("--format", form, FORMATS), _one_of("--lang", lang, LANGUAGES), _one_of("--for", audience, AUDIENCES)
    )
    if schedule:
        from monitor.cli.evidence.scheduling import keep_writing

        if day or month or events or out or method:
            raise UsageError("--schedule writes every closed day whole: leave out --date, --month, --events, --out and --method")
        keep_writing(entity, archive, config, wanted, once=once)
        return
    if entity is None:
        raise UsageError("name the entity that the report is of")
    if once:
        raise UsageError("--once belongs to --schedule")
    period = _period(day, month)
    made, zone = _compiled(_source(entity, events, archive, method or [], config), period, method or [])
    _write(_rendered(made, zone, wanted), out)


def _compiled(source: ReportSource, period: Period, methods: list[str]) -> tuple[AdequacyReport, Zone]:
    from monitor.report.adequacy.compiling import ReportSight, compiled

    sight = ReportSight(source.config, source.found.entity)
    return compiled(source.found, period, sight, source.actions(), methods), sight.zone


def _rendered(made: AdequacyReport, zone: Zone, wanted: ReportWanted) -> bytes:
    from monitor.report.adequacy.audience import sheet_of
    from monitor.report.adequacy.rendering import rendered

    return rendered(sheet_of(made, wanted.language, wanted.audience, zone), made.printed(), wanted.form)


def _source(entity: str, events: list[Path] | None, archive: str | None, methods: list[str], config: Path | None) -> ReportSource:
    from monitor.cli.evidence.entries import log_at
    from monitor.cli.evidence.sources import in_events, in_log
    from monitor.settings.load import load_settings

    if events and archive is not None:
        raise UsageError("--events and --archive are two sources: name one")
    if events:
        return in_events(events, config, methods, entity)
    settings = load_settings(config)
    return in_log(log_at(archive, settings), settings, entity, live=archive is None)


def _period(day: str | None, month: str | None) -> Period:
    from datetime import date

    from monitor.core.values.calendar import month_end
    from monitor.report.adequacy.model import Period

    if (day is None) == (month is None):
        raise UsageError("name one period: --date YYYY-MM-DD or --month YYYY-MM")
    try:
        if month is not None:
            first = date.fromisoformat(f"{month}-01")
            return Period(first, month_end(first.year, first.month))
        only = date.fromisoformat(str(day))
    except ValueError:
        raise UsageError(f"{day or month} is no {'date: write 2026-01-05' if day else 'month: write 2026-01'}") from None
    return Period(only, only)


def _one_of(option: str, value: str, allowed: tuple[str, ...]) -> Any:
    if value not in allowed:
        raise UsageError(f"{option} {value}: one of {', '.join(allowed)}")
    return value


def _write(content: bytes, out: Path | None) -> None:
    if out is None:
        sys.stdout.buffer.write(content)
        return
    write_over(out, content)
    talk(f"{out} written")
