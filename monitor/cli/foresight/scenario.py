"""`scenario`: stresses of today's holdings, on the live book or on event files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import Config, ManyPaths, command_app, emit
from monitor.cli.completion import entities, scenarios
from monitor.cli.foresight.asking import AtTime, Methods, OfEvents
from monitor.errors import UsageError

if TYPE_CHECKING:
    from monitor.core.foresight.scenarios import Scenario

app = command_app(no_args_is_help=True)


@app.command("list", epilog="Example: reserve-monitor scenario list")
def list_scenarios(
    as_json: Annotated[bool, typer.Option("--json", help="Print them whole, as JSON.")] = False, config: Config = None
) -> None:
    """List the shipped scenarios and the site's."""
    from monitor.methods.stresses import scenario_object

    found = _scenarios(config)
    if as_json:
        emit({name: scenario_object(scenario) for name, scenario in found.items()})
        return
    width = max(map(len, found))
    for name, scenario in found.items():
        typer.echo(f"{name:<{width}}  {scenario.title}")


@app.command("run", cls=ManyPaths, epilog="Example: reserve-monitor scenario run hot_tier_lost --entity jp-main")
def run(
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="A shipped or configured scenario.", autocompletion=scenarios)
    ] = None,
    *,
    entity: Annotated[
        str | None, typer.Option(metavar="ENTITY", help="One entity; else every configured one.", autocompletion=entities)
    ] = None,
    file: Annotated[Path | None, typer.Option(metavar="FILE", help="Run every scenario of a file instead.")] = None,
    method: Methods = None,
    events: OfEvents = None,
    at: AtTime = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcomes as JSON.")] = False,
    config: Config = None,
) -> None:
    """Print what each method finds before and after a scenario, on the live book. Nothing changes by asking.

    A file has the form of the shipped scenarios: `schema: reserve.scenarios/1` and a mapping `scenarios`. Exit 1 where a method
    in force would be short, 5 where it would not be known.
    """
    from monitor.cli.foresight.foresee import chosen, live, offline, show
    from monitor.cli.replayed import replayed
    from monitor.cli.verdict import exit_code

    scenarios = asked_scenarios(name, file, config)
    engine = replayed(events, config, method or [], at) if events else None
    names = [entity] if entity else list(engine.entities()) if engine else _configured(config)
    printed = []
    for one in names:
        for scenario in scenarios:
            found = offline(engine, one, scenario) if engine else live(one, scenario, config)
            found = chosen(found, method or [])
            printed += [{"entity": one, **outcome} for outcome in found]
            if not as_json:
                show(one, scenario.title, found)
    if as_json:
        emit(printed)
    raise typer.Exit(exit_code({"mode": outcome["mode"], "state": outcome["after"]["state"]} for outcome in printed))


def _scenarios(config: Path | None) -> dict[str, Scenario]:
    from monitor.methods.stresses import load_scenarios
    from monitor.settings.load import asked_path, load_settings

    return load_scenarios(None if asked_path(config) is None else load_settings(config).scenarios)


def asked_scenarios(name: str | None, file: Path | None, config: Path | None) -> list[Scenario]:
    """The scenario of that name, or those of a file; UsageError where there is none."""
    from monitor.methods.stresses import read_scenarios

    if (name is None) == (file is None):
        raise UsageError("name one scenario (`scenario list` shows them), or give --file FILE")
    if file is not None:
        return list(read_scenarios(file).values())
    known = _scenarios(config)
    if name not in known:
        raise UsageError(f"there is no scenario {name}: there are {', '.join(known)}")
    return [known[str(name)]]


def _configured(config: Path | None) -> list[str]:
    from monitor.settings.load import load_settings

    return sorted(load_settings(config).entities)
