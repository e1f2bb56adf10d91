"""`history`: what was published of an entity, closes and their revisions above all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import Config, command_app, emit
from monitor.cli.completion import entities, methods
from monitor.cli.evidence.archives import InArchive
from monitor.cli.tables import console_for, plain_table, print_table
from monitor.errors import UsageError

if TYPE_CHECKING:
    from monitor.report.history import HistoryRow

app = command_app()

_PIPE_WIDTH = 240
_WORDS = frozenset({"at", "kind", "method", "date", "state", "text"})
FORMATS = ("table", "csv", "json", "svg")


@app.command(epilog="Example: reserve-monitor history jp-main --closes --from 2026-01-01T00:00:00+09:00 --format csv")
def history(
    entity: Annotated[str, typer.Argument(metavar="ENTITY", help="Whose figures.", autocompletion=entities)],
    method: Annotated[
        str | None, typer.Option("--method", metavar="ID", help="Of this method only.", autocompletion=methods)
    ] = None,
    *,
    since: Annotated[str | None, typer.Option("--from", metavar="TIME", help="From this instant on (RFC 3339).")] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="TIME", help="Before this instant.")] = None,
    closes: Annotated[bool, typer.Option("--closes", help="Closed days alone, every revision, by day.")] = False,
    form: Annotated[str, typer.Option("--format", metavar="FORM", help="table, csv, json, or svg: coverage drawn.")] = "table",
    bundle: Annotated[Path | None, typer.Option("--bundle", metavar="FILE", help="From this bundle instead of Kafka.")] = None,
    archive: InArchive = None,
    config: Config = None,
) -> None:
    """List the published figures of an entity in order: closes with their revisions, states, alerts, changes of configuration.

    From Kafka, alerts are those that their compacted topic keeps. Amounts are exact; what was not known is empty.
    """
    from monitor.cli.evidence.entries import in_bundle, in_log, log_at
    from monitor.cli.options import instant
    from monitor.report.history import HistoryFilter
    from monitor.report.history import history as rows_of
    from monitor.settings.load import load_settings

    if form not in FORMATS:
        raise UsageError(f"--format {form}: one of {', '.join(FORMATS)}")
    first = None if since is None else instant("--from", since)
    last = None if until is None else instant("--to", until)
    wanted = HistoryFilter(method, first, last, closes)
    if bundle is not None and archive is not None:
        raise UsageError("--bundle and --archive are two places: name one")
    values: Iterable[Mapping[str, Any]] = (
        in_bundle(bundle) if bundle is not None else in_log(log_at(archive, load_settings(config)), entity)
    )
    entries = [value for value in values if "chain" in value and value["entity"] == entity]
    if not entries:
        raise UsageError(f"nothing published of {entity} is kept there: is its name right?")
    _show(entity, rows_of(entries, wanted), form)


def _show(entity: str, rows: Sequence[HistoryRow], form: str) -> None:
    from monitor.report.history import history_csv, history_objects, history_svg

    if form == "json":
        emit(history_objects(rows))
    elif form == "csv":
        typer.echo(history_csv(rows), nl=False)
    elif form == "svg":
        typer.echo(history_svg(entity, rows))
    else:
        _table(rows)


def _table(rows: Sequence[HistoryRow]) -> None:
    from rich.markup import escape

    from monitor.web.text import amount, clock, percent

    columns = ("at", "kind", "method", "date", "state", "coverage", "required", "available", "text")
    table = plain_table(_WORDS, *columns)
    for row in rows:
        date = None if row.business_date is None else f"{row.business_date} r{row.revision}"
        coverage = percent(row.coverage) if row.coverage is not None else ""
        money = [amount(value) if value is not None else "" for value in (row.required, row.available)]
        table.add_row(clock(row.at), row.kind, row.method or "", date or "", row.state, coverage, *money, escape(row.text))
    print_table(console_for(_PIPE_WIDTH), table, "text")
