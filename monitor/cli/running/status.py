"""`status`: what now, from the workers that run; with `--date` what was traded on a past business date."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import Config, command_app, emit, say
from monitor.cli.completion import entities
from monitor.cli.tables import console_for, plain_table, print_table
from monitor.core.values.wording import count_of
from monitor.errors import GOOD, UNKNOWN, UsageError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from monitor.settings.load import Settings

app = command_app()

_STYLES = {"adequate": "green", "watch": "yellow", "shortfall": "bold red", "unknown": "magenta", "not_computable": "magenta"}
_PIPE_WIDTH = 200
_LATE_SHOWN = 3
_WORDS = frozenset({"entity", "method", "mode", "state", "market", "window", "source", "currency"})


@app.command(epilog="Example: reserve-monitor status jp-main --date 2026-01-05 --json")
def status(
    entity: Annotated[
        str | None,
        typer.Argument(metavar="ENTITY", help="One entity in full; without it all of them.", autocompletion=entities),
    ] = None,
    day: Annotated[str | None, typer.Option("--date", metavar="YYYY-MM-DD", help="Trade flow of a past business date.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The status object of the HTTP interface.")] = False,
    config: Config = None,
) -> None:
    """Show states, the worst broken rule, coverage, exposure, alerts, incidents, trade flow and sources, as held now.

    An answer older than http.stale_after_s is unknown, with what it was. Exit 1 in a shortfall, 5 where something is
    unknown or stale or the entity was never seen, 4 when no worker answers. With --date only what was traded on that
    business date, exactly, and exit 5 where nothing was; figures of past dates: `history`.
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
    elif day is None:
        _show(found)
        for line in _ways(settings):
            typer.echo(line)
    if day is not None:
        _day_shown(found, _day(day), quiet=as_json)
    raise typer.Exit(exit_code(found["methods"]))


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise UsageError(f"--date {text}: is not a date YYYY-MM-DD") from None


def _day_shown(found: Mapping[str, Any], day: str, *, quiet: bool) -> None:
    """What was traded on that business date, under its own heading; ends the command, with 5 where nothing was recorded."""
    rows = [row for row in found["trade_flow"] if row["window"] == "day" and row["date"] == day]
    if not quiet:
        console = console_for(_PIPE_WIDTH)
        console.print(f"{found['entity']}, business date {day}", style="bold", highlight=False)
        if rows:
            print_table(console, _flow_table(rows))
        else:
            console.print("nothing recorded: no trade of that date is held here", highlight=False)
    raise typer.Exit(GOOD if rows else UNKNOWN)


def _ways(settings: Settings) -> list[str]:
    """How far the stages are behind and whether people are told, as the workers' own metrics say it."""
    from monitor.cli.running.lag import asked, behind, waiting
    from monitor.web.text import clock

    if not (texts := asked(settings)):
        return ["behind and delivery: not known, no worker gave its metrics"]
    late = sorted((one for one in behind(texts) if one.records), key=lambda one: -one.records)
    told = [f"{one.topic} {one.partition} by {count_of(one.records, 'record')}" for one in late[:_LATE_SHOWN]]
    more = f", {count_of(len(late) - _LATE_SHOWN, 'partition')} more (`lag`)" if len(late) > _LATE_SHOWN else ""
    untold = [f"{channel} waits since {clock(since)}" for channel, since in waiting(texts)]
    return [f"behind: {', '.join(told) or 'nothing'}{more}", f"delivery: {', '.join(untold) or 'nothing waits'}"]


def _all(settings: Settings, as_json: bool) -> None:
    from monitor.cli.ask import every_answer
    from monitor.cli.verdict import exit_code

    answers = [(address, body) for address, code, body in every_answer(settings, "/status") if code == 200]
    rows = sorted((row for _, body in answers for row in body["entities"]), key=lambda row: row["entity"])
    if as_json:
        emit({"workers": [{"url": address, "partitions": body["partitions"]} for address, body in answers], "entities": rows})
    elif rows:
        _overview(console_for(_PIPE_WIDTH), rows)
    else:
        say("no entity has a figure yet: `reserve-monitor probe readyz` says what is waited for, `reserve-monitor lag` how much")
    raise typer.Exit(exit_code(method for row in rows for method in row["methods"]) if rows else UNKNOWN)


def _overview(console: Console, rows: list[Mapping[str, Any]]) -> None:
    from monitor.web.text import UNTOLD_UNKNOWN, clock, refused_sentence, rule_sentence

    table = plain_table(_WORDS, "entity", "method", "mode", "state", "coverage", "alerts")
    for row in rows:
        for method in row["methods"]:
            table.add_row(row["entity"], method["method"], method["mode"], _state(method), _coverage(method), str(row["alerts"]))
    print_table(console, table)
    for row in rows:
        if row.get("stale_since"):
            console.print(f"{row['entity']}: nothing is evaluated since {clock(row['stale_since'])}", highlight=False)
        for method in row["methods"]:
            if method.get("worst"):
                console.print(f"{row['entity']}, {method['method']}: {rule_sentence(method['worst'])}", highlight=False)
        if row.get("refused"):
            console.print(f"{row['entity']}: {refused_sentence(row['refused'])}", highlight=False)
        if row.get("undelivered"):
            changes = count_of(row["undelivered"], "change")
            console.print(f"{row['entity']}: {changes} of alerts did not reach a channel", highlight=False)
        elif row["alerts"] and row.get("undelivered") is None:
            console.print(f"{row['entity']}: {UNTOLD_UNKNOWN}", highlight=False)


def _show(found: Mapping[str, Any]) -> None:
    from monitor.web.text import amount, clock

    console = console_for(_PIPE_WIDTH)
    console.print(f"{found['entity']} at {clock(found['at'])}", style="bold", highlight=False)
    if found.get("stale_since"):
        since = clock(found["stale_since"])
        console.print(f"[bold red]unknown[/]: nothing is evaluated since {since}; it was {found['was']} then", highlight=False)
    for one in found["methods"]:
        _show_method(console, one)
    table = plain_table(_WORDS, "method", "mode", "state", "coverage", "required", "available", "surplus", "currency")
    for one in found["methods"]:
        figures = (amount(one["required"]), amount(one["available"]), amount(one["surplus"]))
        table.add_row(one["method"], one["mode"], _state(one), _coverage(one), *figures, one["currency"])
    print_table(console, table)
    _show_rest(console, found)


def _show_method(console: Console, one: Mapping[str, Any]) -> None:
    """One method's state, what is broken (the worst first), by when it is to be cured, and its own gaps."""
    from monitor.core.components.worst import worst_rule
    from monitor.web.text import figure, gap_sentence, ignored_sentence, rule_sentence

    worst = worst_rule(one["components"])
    lead = rule_sentence(worst.component) if worst else _headline(one)
    if worst is None and any(gap["kind"] == "record_rejected" for gap in one["gaps"]):
        lead += ", by what was accepted: a record was refused"
    console.print(f"[bold]{one['method']}[/] {_state(one)}: {lead}", highlight=False)
    if one.get("ignored"):
        console.print(f"  left out of every figure: {ignored_sentence(one['ignored'])}", highlight=False)
    broken = [row for row in one["components"] if row["state"] == "shortfall"]
    for component in sorted(broken, key=lambda row: worst is None or row is not worst.component):
        cure = f", to cure by {component['cure_by']}" if component["cure_by"] else ""
        console.print(
            f"  short: {component['name']} by {figure(component['shortfall'], component['unit'])} ({component['ref']}){cure}",
            highlight=False,
        )
    for gap in one["gaps"]:
        console.print(f"  not known: {gap['kind']} {gap['subject']}: {gap_sentence(gap)}", highlight=False)


def _headline(one: Mapping[str, Any]) -> str:
    """What is said of a method of which no rule is broken; a coverage is not the news where it cannot be decided."""
    from monitor.core.foresight.comparison import NOT_KNOWN
    from monitor.web.text import scope

    if one["state"] in NOT_KNOWN:
        return "cannot be decided"
    return f"headline ({scope(one)}) covered {_coverage(one)}"


def _show_rest(console: Console, found: Mapping[str, Any]) -> None:
    from rich.markup import escape

    from monitor.web.text import (
        amount,
        feed_age,
        feed_word,
        held_twice_sentence,
        told_sentence,
        untold_mark,
        untold_sentence,
        waiting_sentence,
    )

    exposure = found["exposure"]
    if exposure:
        parts = ", ".join(f"{name} {amount(value)}" for name, value in exposure["parts"].items())
        console.print(f"exposure {amount(exposure['total'])} {exposure['currency']} ({parts})", highlight=False)
    for alert in found["alerts"]:
        mark = untold_mark(found.get("undelivered"), alert["fingerprint"])
        mark = "" if mark is None else f" [bold red]({mark})[/]"
        about = " ".join(filter(None, (alert["alertname"], alert["subject"])))
        console.print(
            f"[{_STYLES['shortfall']}]firing[/] {about}: {alert['summary']}{mark}",
            highlight=False,
        )
        console.print(f"  {'. '.join(filter(None, (waiting_sentence(alert), told_sentence(alert))))}", highlight=False)
    if said := untold_sentence(found["alerts"], found.get("undelivered")):
        console.print(f"[bold red]{escape(said)}[/]", highlight=False)
    for incident in found["incidents"]:
        console.print(f"incident {incident['incident_id']} revision {incident['revision']} {incident['status']}", highlight=False)
    for one in found.get("held_twice", {}).get("accounts", ()):
        console.print(escape(held_twice_sentence(one)), highlight=False)
    if found["trade_flow"]:
        print_table(console, _flow_table(found["trade_flow"]))
    else:
        console.print("no trades: none was received for it", highlight=False)
    sources = plain_table(_WORDS, "source", "state", "age", "applied", "duplicate", "conflict", "late", "dead letter")
    for row in found["sources"]:
        outcomes = ("applied", "duplicate", "conflict", "late", "dead_letter")
        counts = ("—" if row[name] is None else f"{row[name]:,}" for name in outcomes)
        sources.add_row(row["topic"], feed_word(row), feed_age(row), *counts)
    print_table(console, sources)


def _flow_table(rows: Iterable[Mapping[str, Any]]) -> Table:
    from monitor.web.text import amount

    flow = plain_table(_WORDS, "market", "window", "trades", "quantity", "value", "last price")
    for row in rows:
        window = row["date"] if row["window"] == "day" else row["window"]
        figures = (amount(row["quantity"]), amount(row["value"]), amount(row["last_price"]))
        flow.add_row(row["market"], window, f"{row['trades']:,}", *figures)
    return flow


def _coverage(method: Mapping[str, Any]) -> str:
    from monitor.web.text import coverage_range, percent

    if method["coverage"] is not None:
        return percent(method["coverage"])
    return coverage_range(method["coverage_lower"], method["coverage_upper"])


def _state(method: Mapping[str, Any]) -> str:
    was = f" (was {method['was']})" if "was" in method else ""
    return f"[{_STYLES.get(method['state'], 'default')}]{method['state']}[/]{was}"
