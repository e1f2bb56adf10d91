"""`demo`: the whole product on an embedded broker, with a story that ends well."""

from __future__ import annotations

from typing import Annotated

import typer

from monitor.cli import command_app, talk
from monitor.errors import UsageError

app = command_app()

SCENARIOS = ("january-2018",)
LEAST_S = 20
"""A shorter story would end an act before its alerts had passed their dwell."""
STOPPED = 130
"""Exit code of a demo that was ended by hand."""


@app.command(epilog="Example: reserve-monitor demo --for 90s")
def demo(
    scenario: Annotated[str, typer.Option(metavar="NAME", help=f"One of {', '.join(SCENARIOS)}.")] = SCENARIOS[0],
    length: Annotated[str, typer.Option("--for", metavar="DURATION", help="Length of the story, 20 s or more.")] = "70s",
    as_json: Annotated[bool, typer.Option("--json", help="One JSON line for each alert change.")] = False,
    seed: Annotated[int, typer.Option(metavar="S", help="The same seed tells the same story.")] = 2018,
) -> None:
    """Show a reserve shortfall detected, explained and cleared: embedded broker, the daemon, a theft in January 2018.

    Everything is real but the events: they go through the source topics, intake, the journal, the assessor and the
    dispatcher, and the alerts shown are those that its webhook received. Exit 1 naming the alert that did not come.
    """
    import asyncio

    from monitor.cli.first_hour.demonstration import Demonstration
    from monitor.cli.options import seconds

    if scenario not in SCENARIOS:
        raise UsageError(f"there is no scenario {scenario}: one of {', '.join(SCENARIOS)}")
    length_s = max(int(seconds(length)), LEAST_S)
    if length_s > seconds(length):
        talk(f"the story needs {LEAST_S} s, and takes them")
    try:
        asyncio.run(Demonstration(seed, length_s, as_json).run())
    except (KeyboardInterrupt, asyncio.CancelledError):
        talk("the demo was ended before its story was over")
        raise typer.Exit(STOPPED) from None
