"""`probe`: one question to the process on this host, answered by the exit code. What health checks of containers call."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from monitor.cli import Config, command_app, talk
from monitor.errors import CHECK_FAILED

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
    from monitor.cli.ask import addresses, get
    from monitor.settings.load import load_settings

    address = addresses(load_settings(config))[0]
    status, body = get(address, f"/{question}")
    checks = body.get("checks", {}) if isinstance(body, dict) else {}
    failed = [f"{name}: {text}" for name, text in checks.items() if text != "ok"]
    if status == 200:
        talk(f"yes: {', '.join(checks) or question}")
        return
    talk(f"no: {'; '.join(failed) or f'HTTP {status}'}")
    raise typer.Exit(CHECK_FAILED)
