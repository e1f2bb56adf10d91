"""`assess`: event files through the engine, offline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import Config, EventFiles, ManyPaths, command_app, emit, talk
from monitor.cli.completion import methods
from monitor.errors import UNKNOWN

if TYPE_CHECKING:
    from monitor.core.journal.outputs import Output

app = command_app()


@app.command(
    cls=ManyPaths, epilog="Example: reserve-monitor assess --events day.jsonl --at 2026-01-05T01:00:00Z --method us.ny_custody"
)
def assess(
    events: EventFiles,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="RFC 3339; when absent, after the last line, and 5 s later for what waits for a group."
        ),
    ] = None,
    method: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Assess under this method; may be repeated.", autocompletion=methods)
    ] = None,
    closes: Annotated[
        bool, typer.Option("--closes", help="Print the close of each business day that ended by TIME too, with its revisions.")
    ] = False,
    config: Config = None,
) -> None:
    """Replay event files in log order and print the assessments that hold at TIME, as a JSON array.

    Methods and options are the configuration's. With --method and no configuration every entity seen is assessed, in the
    method's own currency, zone and calendar; with both, the configured entities under those methods alone. A line that
    the daemon would refuse is left out and named on stderr. Exit 1 for a shortfall, 5 for what is not known, also
    where TIME lies before the first line.

    With --closes the figures at the end of each business day follow (`kind` close), as they were published first and
    each time something that came later changed them: sorted by entity, method, business date and revision.
    """
    from monitor.cli.replayed import replayed
    from monitor.cli.verdict import exit_code
    from monitor.core.journal.vocabulary import ASSESSMENTS

    closed: list[Mapping[str, Any]] = []

    def published(output: Output) -> None:
        if output.topic == ASSESSMENTS and output.value and output.value["kind"] == "close":
            closed.append(output.value)

    engine = replayed(events, config, method or [], at, on_output=published if closes else None)
    found = [assessment for entity in engine.entities() for assessment in engine.evaluations(entity)["assessments"]]
    emit([*found, *sorted(closed, key=_day_and_revision)])
    if not found:
        talk(
            "nothing was received by then: no entity can be assessed" if at else "no line of these files is an event that counts"
        )
        raise typer.Exit(UNKNOWN)
    raise typer.Exit(exit_code(found))


def _day_and_revision(close: Mapping[str, Any]) -> tuple[str, str, str, int]:
    return close["entity"], close["method"], close["business_date"], close["revision"]
