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
    named. What no known move mends is said. Exit 1 where anything is to be done.
    """
    from monitor.cli.foresight.foresee import live_actions, offline_actions
    from monitor.cli.replayed import replayed
    from monitor.errors import CHECK_FAILED, GOOD

    engine = replayed(events, config, method or [], at) if events else None
    found = offline_actions(engine, entity) if engine else live_actions(entity, config)
    found = [proposal for proposal in found if not method or proposal["method"] in method]
    if as_json:
        emit(found)
    else:
        _show(entity, found)
    raise typer.Exit(CHECK_FAILED if found else GOOD)


def _show(entity: str, found: list[dict[str, Any]]) -> None:
    if not found:
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
