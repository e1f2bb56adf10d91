"""Options of every command that looks ahead: of which methods, and on what, if not on the running workers' book."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monitor.cli.completion import methods

Methods = Annotated[
    list[str] | None,
    typer.Option("--method", metavar="ID", help="Only this method; may be repeated.", autocompletion=methods),
]
OfEvents = Annotated[
    list[Path] | None, typer.Option("--events", metavar="PATH...", help="Ask event files instead of the running workers.")
]
AtTime = Annotated[str | None, typer.Option("--at", metavar="TIME", help="With --events: as of this time.")]
