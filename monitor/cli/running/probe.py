"""`probe`: one question to the process on this host, answered by the exit code; for containers `python -m monitor.probe`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from monitor.cli import Config, command_app, talk

app = command_app()


@app.command(epilog="Example: reserve-monitor probe livez")
def probe(
    question: Annotated[
        Literal["readyz", "livez", "startupz"],
        typer.Argument(help="readyz: caught up; livez: a restart would not help; startupz: the first restore is over."),
    ] = "readyz",
    config: Config = None,
) -> None:
    """Ask the process at http.host and http.port. Exit 0 when it says yes, 1 when it says no, 4 when nobody answers."""
    from monitor.probe import probed

    code, line = probed(question, config)
    talk(line)
    raise typer.Exit(code)
