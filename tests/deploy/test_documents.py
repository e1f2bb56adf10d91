"""Every command in the documents is one that the program takes as it is written: its name, its options, its arguments."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from monitor import __main__ as program
from tests.deploy.tools import REPOSITORY

PAGES = [
    REPOSITORY / "README.md",
    *sorted((REPOSITORY / "docs").glob("*.md")),
    *sorted((REPOSITORY / "deploy").rglob("*.md")),
    *sorted((REPOSITORY / "examples").rglob("*.md")),
    *sorted((REPOSITORY / "monitor" / "web" / "runbooks").glob("*.md")),
    *sorted((REPOSITORY / ".github").glob("*.md")),
]
_SPAN = re.compile(r"`(?:\.venv/bin/)?reserve-monitor ([a-z][^`\n]*)`")
_LINE = re.compile(r"^\s*(?:\$ )?(?:\.venv/bin/)?reserve-monitor ([a-z].*)$")
_ENDS = re.compile(r"\s+(?:#|\||>|&&|;).*$")


def commands(page: Path) -> Iterator[str]:
    """What follows `reserve-monitor` in code, without comment, pipe and redirection."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    for line in text.splitlines():
        found = _LINE.match(line)
        spans = [found[1]] if found else _SPAN.findall(line)
        yield from (_ENDS.sub("", span) for span in spans)


def every() -> list[tuple[str, str]]:
    found = {(str(page.relative_to(REPOSITORY)), command) for page in PAGES for command in commands(page)}
    return sorted(found)


def taken(arguments: list[str]) -> None:
    """Parses as the program would and calls nothing. Raises the parser's error; of a group alone nothing is asked."""
    command: Any = typer.main.get_command(program.program)
    context = command.make_context(program.PROGRAM, list(arguments))
    while hasattr(command, "resolve_command"):
        rest = [*getattr(context, "_protected_args", []), *context.args]
        if not rest:
            return
        name, command, rest = command.resolve_command(context, rest)
        if hasattr(command, "resolve_command") and not rest:
            return
        context = command.make_context(name, list(rest), parent=context)


def test_the_documents_name_many_commands() -> None:
    assert len(every()) > 80
    assert len({command.split()[0] for _, command in every()}) >= 20


@pytest.mark.parametrize(("page", "command"), every())
def test_a_command_is_taken_as_it_is_written(page: str, command: str) -> None:
    named = re.fullmatch(r"[a-z]+(?: [a-z-]+)?", command)
    try:
        taken(shlex.split(command))
    except Exception as error:
        if named and type(error).__name__ in {"MissingParameter", "NoArgsIsHelpError"}:
            return  # a sentence that names a command, not a call of it
        raise AssertionError(f"{page}: reserve-monitor {command}: {type(error).__name__}: {error}") from error


@pytest.mark.parametrize("command", ["statuz", "status --nothing", "assess --at"])
def test_what_the_program_does_not_take_is_found(command: str) -> None:
    with pytest.raises(Exception, match=r"No such|requires|not"):
        taken(command.split())
