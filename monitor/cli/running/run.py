"""`run`: the daemon."""

from __future__ import annotations

from typing import Annotated

import typer

from monitor.cli import Config, command_app
from monitor.errors import UsageError

app = command_app()


@app.command(epilog="Example: reserve-monitor run --config /etc/reserve-monitor/reserve.yaml --only assessor")
def run(
    only: Annotated[
        list[str] | None, typer.Option(metavar="STAGE", help="intake, assessor or dispatcher; repeat for two of them.")
    ] = None,
    config: Config = None,
) -> None:
    """Run intake, assessor and dispatcher until SIGTERM, with probes, metrics and status over HTTP. Logs go to stdout.

    The topics must be there (`topics create`). A first SIGTERM or Ctrl-C ends it within ten seconds and loses nothing, a
    second ends it at once.
    """
    import asyncio
    import sys

    from monitor.logs import configure_logs, flush_dropped
    from monitor.settings.load import load_settings
    from streams.daemon import STAGES, run_daemon

    stages = tuple(only or STAGES)
    if unknown := sorted(set(stages) - set(STAGES)):
        raise UsageError(f"--only {unknown[0]}: one of {', '.join(STAGES)}")
    settings = load_settings(config)
    configure_logs(settings.log.level, settings.log.format, sys.stdout)
    try:
        asyncio.run(run_daemon(settings, stages))
    finally:
        flush_dropped()
