"""`status`: what now, from the workers that run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import Config, command_app, emit
from monitor.errors import UNKNOWN, UsageError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

app = command_app()

_STYLES = {"adequate": "green", "watch": "yellow", "shortfall": "bold red", "unknown": "magenta", "not_computable": "magenta"}
_PIPE_WIDTH = 200
_WORDS = frozenset({"entity", "method", "mode", "state", "market", "window", "source", ""})


@app.command(epilog="Example: reserve-monitor status jp-main --date 2026-01-05 --json")
def status(
    entity: Annotated[str | None, typer.Argument(metavar="[ENTITY]", help="One entity in full; without it all of them.")] = None,
    day: Annotated[str | None, typer.Option("--date", metavar="YYYY-MM-DD", help="Trade flow of a past business date.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The status object of the HTTP interface.")] = False,
    config: Config = None,
) -> None:
    """Show states, coverage, exposure, alerts, incidents, trade flow and sources, as the workers hold them now.

    Exit 1 in a shortfall, 5 where something is unknown or the entity was never seen, 4 when no worker answers.
    """
    from monitor.cli.ask import of_entity
    from monitor.settings.load import load_settings

    settings = load_settings(config)
    if entity is None:
        if day is not None:
            raise UsageError("--date needs an entity")
        _all(settings, as_json)
        return
    found = of_entity(settings, entity, f"?date={_day(day)}" if day else "")
    if found is None:
        typer.echo(
            f"reserve-monitor: no worker that answers holds {entity}: is it configured, was anything received for it?", err=True
        )
        raise typer.Exit(UNKNOWN)
    from monitor.cli.verdict import exit_code

    if as_json:
        emit(found)
    else:
        _show(found)
    raise typer.Exit(exit_code(found["methods"]))


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise UsageError(f"--date {text}: is not a date YYYY-MM-DD") from None


def _all(settings: Any, as_json: bool) -> None:
    from monitor.cli.ask import every_answer
    from monitor.cli.verdict import exit_code

    answers = [(address, body) for address, code, body in every_answer(settings, "/status") if code == 200]
    rows = sorted((row for _, body in answers for row in body["entities"]), key=lambda row: row["entity"])
    if as_json:
        emit({"workers": [{"url": address, "partitions": body["partitions"]} for address, body in answers], "entities": rows})
    else:
        table = _table("entity", "method", "mode", "state", "coverage", "alerts")
        for row in rows:
            for method in row["methods"]:
                table.add_row(
                    row["entity"],
                    method["method"],
                    method["mode"],
                    _state(method["state"]),
                    _coverage(method),
                    str(row["alerts"]),
                )
        _console().print(table)
    raise typer.Exit(exit_code(method for row in rows for method in row["methods"]))


def _show(found: Mapping[str, Any]) -> None:
    from monitor.web.text import amount, clock

    console = _console()
    console.print(f"{found['entity']} at {clock(found['at'])}", style="bold", highlight=False)
    table = _table("method", "mode", "state", "coverage", "required", "available", "surplus", "")
    for one in found["methods"]:
        figures = (amount(one["required"]), amount(one["available"]), amount(one["surplus"]))
        table.add_row(one["method"], one["mode"], _state(one["state"]), _coverage(one), *figures, one["currency"])
    console.print(table)
    for one in found["methods"]:
        for component in one["components"]:
            if component["state"] == "shortfall":
                console.print(
                    f"  short: {component['name']} by {amount(component['shortfall'])} {component['unit']} ({component['ref']})"
                )
        for gap in one["gaps"]:
            console.print(f"  not known: {gap['kind']} {gap['subject']}", highlight=False)
    _show_rest(console, found)


def _show_rest(console: Console, found: Mapping[str, Any]) -> None:
    from monitor.web.text import age, amount

    exposure = found["exposure"]
    if exposure:
        parts = ", ".join(f"{name} {amount(value)}" for name, value in exposure["parts"].items())
        console.print(f"exposure {amount(exposure['total'])} {exposure['currency']} ({parts})", highlight=False)
    for alert in found["alerts"]:
        console.print(
            f"[{_STYLES['shortfall']}]firing[/] {alert['alertname']} {alert['subject'] or ''}: {alert['summary']}",
            highlight=False,
        )
    for incident in found["incidents"]:
        console.print(f"incident {incident['incident_id']} revision {incident['revision']} {incident['status']}", highlight=False)
    flow = _table("market", "window", "trades", "quantity", "value", "last price")
    for row in found["trade_flow"]:
        window = row["date"] if row["window"] == "day" else row["window"]
        flow.add_row(
            row["market"], window, str(row["trades"]), amount(row["quantity"]), amount(row["value"]), amount(row["last_price"])
        )
    console.print(flow)
    sources = _table("source", "state", "age", "applied", "duplicate", "late", "dead letter")
    for row in found["sources"]:
        counts = (str(row[name]) for name in ("applied", "duplicate", "late", "dead_letter"))
        sources.add_row(row["topic"], row["state"], age(None if row["age_s"] is None else float(row["age_s"])), *counts)
    console.print(sources)


def _coverage(method: Mapping[str, Any]) -> str:
    from monitor.web.text import coverage_range, percent

    if method["coverage"] is not None:
        return percent(method["coverage"])
    return coverage_range(method["coverage_lower"], method["coverage_upper"])


def _state(state: str) -> str:
    return f"[{_STYLES.get(state, 'default')}]{state}[/]"


def _console() -> Console:
    import sys

    from rich.console import Console

    return Console() if sys.stdout.isatty() else Console(width=_PIPE_WIDTH)


def _table(*columns: str) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column, justify="left" if column in _WORDS else "right", overflow="fold")
    return table
