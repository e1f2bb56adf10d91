"""The command line: one file a noun. Data goes to stdout, talk and progress to stderr (CONTRACT 3)."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, NoReturn

import typer
from typer.core import TyperCommand

from monitor.errors import CHECK_FAILED

if TYPE_CHECKING:
    from monitor.audit.faults import Fault

_CONFIG_HELP = "Configuration; else RESERVE_CONFIG, else reserve.yaml if it is there."

Config = Annotated[Path | None, typer.Option("--config", metavar="FILE", help=_CONFIG_HELP)]
"""The option `--config` of every command that reads the configuration."""


AsJson = Annotated[bool, typer.Option("--json", help="Stable JSON on stdout instead of lines.")]
"""The option `--json` of commands whose object is part of the contract."""


SignWith = Annotated[
    list[Path] | None,
    typer.Option("--sign-with", metavar="FILE", help="Ed25519 key that vouches for them, where the source asks for it."),
]
"""The option `--sign-with` of every command that sends records to source topics."""


SecondSigner = Annotated[
    str | None, typer.Option("--second", metavar="NAME", help="Who signs too, where controls.four_eyes lists dismissals.")
]
KeyForTwo = Annotated[Path | None, typer.Option("--key", metavar="FILE", help="Your private key, where two must sign.")]
OutForTwo = Annotated[Path | None, typer.Option("--out", metavar="FILE", help="New file for the second to sign.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
"""The option `--dry-run` of every command that changes something: topics, records, receivers, or a file that others stand on."""


class ManyPaths(TyperCommand):
    """A command whose option `--events` takes every path up to the next option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        return super().parse_args(ctx, each_with_option(args, "--events"))


def each_with_option(args: list[str], option: str) -> list[str]:
    """`--events a b --at T` as `--events a --events b --at T`."""
    result: list[str] = []
    following = False
    for position, arg in enumerate(args):
        if following and not arg.startswith("-") and args[position - 1] != option:
            result.append(option)
        elif arg.startswith("-") and arg != "-":
            following = arg == option
        result.append(arg)
    return result


EventFiles = Annotated[list[Path], typer.Option("--events", metavar="PATH...", help="Event files, in the order of their log.")]


def command_app(**context: Any) -> typer.Typer:
    """A Typer for one noun: plain help, errors left to `monitor.__main__`."""
    return typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False, **context)


def mismatch(fault: Fault, *, as_json: bool) -> NoReturn:
    """Print what does not hold; exit 1."""
    if as_json:
        emit(fault.printed())
    else:
        typer.echo(f"mismatch: {fault}")
    raise typer.Exit(CHECK_FAILED) from None


def emit(value: Any) -> None:
    """Print a JSON value, indented, to stdout."""
    sys.stdout.write(json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def say(line: str) -> None:
    """A line of text that is the answer, to stdout."""
    sys.stdout.write(fitted(line, sys.stdout) + "\n")


def talk(line: str) -> None:
    """A line for the reader, to stderr."""
    sys.stderr.write(fitted(line, sys.stderr) + "\n")


def fitted(text: str, stream: IO[str]) -> str:
    """The text as it is; on a terminal its lines broken between words, with what goes on two columns further in."""
    if not stream.isatty():
        return text
    import shutil
    import textwrap

    width = shutil.get_terminal_size().columns
    lines = []
    for line in text.split("\n"):
        further = " " * (len(line) - len(line.lstrip()) + 2)
        kept = textwrap.wrap(line, width, subsequent_indent=further, break_long_words=False, break_on_hyphens=False)
        lines += kept or [""]
    return "\n".join(lines)


@contextmanager
def output(path: Path | None) -> Iterator[IO[str]]:
    """Stdout, or the file at `path`, written whole."""
    if path is None:
        yield sys.stdout
        return
    with path.open("w", encoding="utf-8") as file:
        yield file
