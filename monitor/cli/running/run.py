"""`run`: the daemon."""

from __future__ import annotations

from typing import Annotated

import typer

from monitor.cli import Config, command_app
from monitor.errors import ConfigurationError, UsageError

app = command_app()


@app.command(epilog="Example: reserve-monitor run --config /etc/reserve-monitor/reserve.yaml --only assessor")
def run(
    only: Annotated[
        list[str] | None, typer.Option(metavar="STAGE", help="intake, assessor, dispatcher or archiver; repeat for some.")
    ] = None,
    config: Config = None,
) -> None:
    """Run intake, assessor, dispatcher and archiver until SIGTERM, with probes, metrics and status over HTTP. Logs go to stdout.

    The archiver runs where `archive.target` names a place. The topics must be there (`topics create`). A first SIGTERM or
    Ctrl-C ends it within ten seconds and loses nothing, a second ends it at once.
    """
    import asyncio
    import sys

    from monitor.cli.running.ending import close
    from monitor.collector import building

    with building():  # what is imported stays; to look through it for cycles is a tenth of a start
        from monitor.logs import configure_logs, flush_dropped
        from monitor.settings.load import load_settings
        from streams.daemon import STAGES, run_daemon

    stages = tuple(only or STAGES)
    if unknown := sorted(set(stages) - set(STAGES)):
        raise UsageError(f"--only {unknown[0]}: one of {', '.join(STAGES)}")
    settings = load_settings(config)
    if "archiver" in (only or ()) and settings.archive.target is None:
        raise ConfigurationError("there is no place to archive to: set archive.target to a folder or s3://bucket/prefix")
    configure_logs(settings.log.level, settings.log.format, sys.stdout)
    runner = asyncio.Runner()
    ended_by: Exception | None = None
    try:
        runner.run(run_daemon(settings, stages))
    except Exception as error:
        ended_by = error
        raise
    finally:
        close(runner, ended_by)
        flush_dropped()
