"""`actions`: the smallest moves that mend each broken or threatened rule."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from monitor.cli import Config, ManyPaths, command_app, emit
from monitor.cli.completion import entities
from monitor.cli.foresight.asking import AtTime, Methods, OfEvents

app = command_app()


@app.command(cls=ManyPaths, epilog="Example: reserve-monitor actions jp-main")
def actions(
    entity: Annotated[str, typer.Argument(metavar="ENTITY", autocompletion=entities)],
    *,
    method: Methods = None,
    events: OfEvents = None,
    at: AtTime = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the proposals as JSON.")] = False,
    config: Config = None,
) -> None:
    """Print, for each rule that is broken or below the watch level, the smallest moves that mend it, and by when.

    Each proposal was evaluated on what the ones before it leave: its rule is mended, and a rule it would break elsewhere is
    named. What no known move mends is said. Exit 1 where anything is to be done, 5 where it cannot be said since a method in
    force is not known.
    """
    from monitor.cli.foresight.foresee import live_actions, offline_actions, undecided
    from monitor.cli.replayed import replayed
    from monitor.errors import CHECK_FAILED, GOOD, UNKNOWN

    engine = replayed(events, config, method or [], at) if events else None
    found = offline_actions(engine, entity) if engine else live_actions(entity, config)
    found = [proposal for proposal in found if not method or proposal["method"] in method]
    open_ones = [one for one in undecided(engine, entity, config) if not method or one in method]
    if as_json:
        emit(found)
    else:
        _show(entity, found, open_ones)
    raise typer.Exit(CHECK_FAILED if found else UNKNOWN if open_ones else GOOD)


def _show(entity: str, found: list[dict[str, Any]], undecided: list[str]) -> None:
    if undecided:
        typer.echo(f"{', '.join(undecided)}: what is to be done is not known, as inputs are missing: see `explain {entity}`")
    elif not found:
        typer.echo(f"{entity}: nothing to do")
    for proposal in found:
        ref = f" ({proposal['ref']})" if proposal["ref"] else ""
        typer.echo(f"{proposal['method']} {proposal['rule']}{ref}: {proposal['state']}")
        for move in proposal["moves"]:
            typer.echo(f"  - {move['text']}")
        for cost in proposal["costs"]:
            typer.echo(f"    this breaks {cost}")
        if proposal["reason"]:
            typer.echo(f"  - no move is known: {proposal['reason']}")
