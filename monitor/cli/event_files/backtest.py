"""`backtest`: one history under several methods, versions and parameter values, in one pass."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import Config, ManyPaths, command_app, emit, talk
from monitor.cli.completion import methods
from monitor.cli.evidence.archives import InArchive
from monitor.errors import UsageError
from monitor.files import write_over

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.core.foresight.history import Cadence
    from monitor.methods.variants import Candidate
    from monitor.report.backtest import Backtest
    from monitor.settings.load import Settings
    from streams.lookup.logs import TopicLog

app = command_app()

_WIDE = 160

RESOLUTION_S = 60
"""Changes are looked at once a minute, as they are published (`publish_interval_s`)."""


@app.command(
    cls=ManyPaths,
    epilog="Example: reserve-monitor backtest --events year.jsonl.gz --method jp.psa_custody --method hk.vatp "
    "--set hk.vatp:compensation.cold_rate=0.3,0.5,0.7 --html year.html",
)
def backtest(
    events: Annotated[
        list[Path] | None, typer.Option("--events", metavar="PATH...", help="Event files, in the order of their log.")
    ] = None,
    *,
    archive: InArchive = None,
    from_kafka: Annotated[bool, typer.Option("--from-kafka", help="The journal that Kafka keeps.")] = False,
    method: Annotated[
        list[str], typer.Option(metavar="ID|FILE", help="A method, or a pack file; may be repeated.", autocompletion=methods)
    ],
    values: Annotated[
        list[str] | None, typer.Option("--set", metavar="METHOD:PARAMETER=V,V", help="Values to try; may be repeated.")
    ] = None,
    sweep: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Values to try: YAML, method: {parameter: [values]}.")
    ] = None,
    since: Annotated[str | None, typer.Option("--from", metavar="TIME", help="No look before it; earlier events count.")] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Events logged after it are not seen.")] = None,
    every: Annotated[
        str | None,
        typer.Option(metavar="DURATION", help="Look at whole multiples of it (1h); when absent, at changes, once a minute."),
    ] = None,
    any_date: Annotated[bool, typer.Option("--any-date", help="As if each method had always been in force.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole result as JSON instead of a table.")] = False,
    csv: Annotated[Path | None, typer.Option(metavar="FILE", help="Write every close as CSV.")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write one page with charts that needs nothing else.")] = None,
    config: Config = None,
) -> None:
    """Try the same history under several methods, versions and parameter values, in one pass of the book.

    Every method is looked at at the end of each local day of its zone, and at changes or --every. The first method is what
    the others are held against. Options of methods are the configuration's. A method whose parameters are given values is a
    study: drafts compute too. A line that intake would refuse is left out and named on stderr. Exit 1 if a candidate was short
    on some day, 5 if one was never known.
    """
    from monitor.methods.variants import candidates, values_of
    from monitor.report.backtest import backtest_object, csv_of, html_of

    if sum((bool(events), archive is not None, from_kafka)) != 1:
        raise UsageError("name one source: --events PATH..., --archive PATH or --from-kafka")
    settings = _asked(config)
    tried = candidates(method, values_of(values or [], sweep), settings.methods.pack_dirs, any_date=any_date)
    span, cadence = _span(since, until), _cadence(every)
    if events:
        found = _of_events(events, settings, tried, span, cadence)
    else:
        found = _of_journal(_log(archive, config), settings, tried, span, cadence)
    if csv is not None:
        write_over(csv, csv_of(found).encode())
    if html is not None:
        write_over(html, html_of(found).encode())
    if as_json:
        emit(backtest_object(found))
    else:
        _show(found)
    raise typer.Exit(_exit_code(found))


def _log(archive: str | None, config: Path | None) -> TopicLog:
    from monitor.cli.evidence.entries import log_at
    from monitor.settings.load import load_settings

    return log_at(archive, load_settings(config))


def _of_journal(
    log: TopicLog, settings: Settings, tried: Sequence[Candidate], span: tuple[int, int | None], cadence: Cadence
) -> Backtest:
    """The journal's partitions one after the other: an entity is of one of them, and each holds every price."""
    from monitor.cli.progress import counted
    from monitor.core.configuration.configuration import parse_configuration
    from monitor.core.foresight.comparison import tracks_of
    from monitor.core.foresight.history import History
    from monitor.report.backtest import Backtest
    from streams.lookup.history import journal_of

    content = candidates_configuration(settings, tried)
    config = parse_configuration(content)
    clock: list[int] = []
    count = 0

    def samples() -> Any:
        nonlocal count
        for partition in range(log.partitions):
            history = History(config, cadence, span[0], check_journal_time=log.broker_time)
            for record in journal_of(log, partition, span[1]):
                at = record.statement.at
                clock[:] = [min(clock[0], at), max(clock[1], at)] if clock else [at, at]
                count += 1
                told("journal records", count)
                yield from history.apply(record)
            yield from history.finish()

    with counted() as told:
        tracks = tracks_of(samples())
    begin, end = clock or (None, None)
    described = tuple(_tried(candidate, content) for candidate in tried)
    return Backtest(described, tracks, _cadence_text(cadence), count, 0, begin, end)


def _of_events(
    events: Sequence[Path], settings: Settings, tried: Sequence[Candidate], span: tuple[int, int | None], cadence: Cadence
) -> Backtest:
    from monitor.cli.progress import line_bar
    from monitor.core.configuration.configuration import parse_configuration
    from monitor.core.foresight.comparison import tracks_of
    from monitor.core.foresight.history import History, zones_of
    from monitor.report.backtest import Backtest
    from streams.eventfiles.offline import FileLines, Rejection, statements

    content = candidates_configuration(settings, tried)
    config = parse_configuration(content)
    zones = zones_of(config)
    history = History(config, cadence, span[0])
    left_out: list[Rejection] = []
    clock: list[int] = []

    def refused(rejection: Rejection) -> None:
        left_out.append(rejection)
        talk(f"left out: {rejection}")

    with line_bar(events, "replaying") as on_line:
        lines = FileLines(on_line)
        records = statements(
            events, content, span[1], refused, next_look=lambda instant: cadence.following(instant, zones), on_line=lines.note
        )

        def samples() -> Any:
            for record in records:
                clock[:] = [clock[0] if clock else record.statement.at, record.statement.at]
                yield from history.apply(record)
                lines.tell(history.too_old, refused)
            yield from history.finish()
            lines.tell(history.too_old, refused)

        tracks = tracks_of(samples())
    begin, end = clock or (None, None)
    described = tuple(_tried(candidate, content) for candidate in tried)
    return Backtest(described, tracks, _cadence_text(cadence), history.records, len(left_out), begin, end)


def _tried(candidate: Candidate, content: dict[str, Any]) -> Any:
    from monitor.report.backtest import Tried

    digest = content["pack_digests"][candidate.id]
    return Tried(candidate.id, candidate.label, candidate.base, candidate.pack["version"], digest, candidate.changes)


def _asked(path: Path | None) -> Settings:
    from monitor.settings.load import asked_path, load_settings, settings_of

    settings = settings_of({}) if asked_path(path) is None else load_settings(path)
    return settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"journal_partitions": 1})})


def candidates_configuration(settings: Settings, tried: Sequence[Candidate]) -> dict[str, Any]:
    """The configuration whose methods are the candidates: of its entities, or of every entity where none is configured."""
    from monitor.settings.record import build_configuration
    from monitor.settings.sections import MethodSettings

    packs = {candidate.id: candidate.pack for candidate in tried}
    if not settings.entities:
        return build_configuration(settings, list(packs), packs)
    entities = {}
    for name, entity in settings.entities.items():
        options = {known.id: known.options for known in entity.methods}
        methods = tuple(MethodSettings(id=c.id, mode="shadow", options=options.get(c.base, {})) for c in tried)
        entities[name] = entity.model_copy(update={"methods": methods})
    return build_configuration(settings.model_copy(update={"entities": entities}), packs=packs)


def _span(since: str | None, until: str | None) -> tuple[int, int | None]:
    from monitor.core.values.times import BadTime, parse_time

    try:
        span = (0 if since is None else parse_time(since), None if until is None else parse_time(until))
    except BadTime as error:
        raise UsageError(f"--from, --to: {error}") from None
    if span[1] is not None and span[1] < span[0]:
        raise UsageError("--to lies before --from")
    return span


def _cadence(every: str | None) -> Cadence:
    from monitor.cli.options import seconds
    from monitor.core.foresight.history import Cadence
    from monitor.core.values.times import SECOND

    return Cadence(None if every is None else round(seconds(every) * SECOND), RESOLUTION_S * SECOND)


def _cadence_text(cadence: Cadence) -> str:
    from monitor.core.values.times import SECOND

    if cadence.every is None:
        return "looked at at each day's end and at changes, once a minute"
    return f"looked at at each day's end and every {cadence.every / SECOND:g} s"


def _show(found: Backtest) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    from monitor.core.values.wording import grouped
    from monitor.report.backtest import backtest_object

    value = backtest_object(found)
    labels = {candidate["id"]: candidate["label"] for candidate in value["candidates"]}
    console = Console(width=None if sys.stdout.isatty() else _WIDE)
    console.print(f"{value['from']} to {value['to']}, {value['records']:,} journal records, {value['cadence']}", highlight=False)
    for entity in dict.fromkeys(result["entity"] for result in value["results"]):
        table = Table(title=entity, box=box.SIMPLE_HEAD, title_justify="left")
        table.add_column("candidate", overflow="fold")
        for column in ("mean required", "vs first", "days short", "days unknown", "breaches", "worst surplus"):
            table.add_column(column, justify="right")
        table.add_column("at")
        for result in (r for r in value["results"] if r["entity"] == entity):
            required, more, worst = result["required"] or {}, result["difference"] or {}, result["worst"] or {}
            table.add_row(
                labels[result["candidate"]],
                f"{grouped(required.get('mean'))} {result['currency']}",
                grouped(more.get("mean")),
                str(len(result["days_short"])),
                f"{len(result['days_unknown'])} of {result['days_closed']}",
                str(len(result["breaches"])),
                grouped(worst.get("surplus")),
                str(worst.get("at", "")),
            )
        console.print(table)
    console.print(f"digest {value['digest']}", highlight=False)


def _exit_code(found: Backtest) -> int:
    from monitor.core.foresight.comparison import NOT_KNOWN
    from monitor.errors import CHECK_FAILED, GOOD, UNKNOWN

    tracks = list(found.tracks.values())
    if any(track.days_short() for track in tracks):
        return CHECK_FAILED
    never = not tracks or any(all(point.state in NOT_KNOWN for point in track.curve) for track in tracks)
    return UNKNOWN if never else GOOD
