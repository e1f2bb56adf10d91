"""`reserve-monitor`: the command line. Each command's module is imported when that command is called."""

from __future__ import annotations

import errno
import importlib
import os
import select
import signal
import sys
from typing import Annotated, Any, ClassVar, NamedTuple, NoReturn

import typer
from typer.core import TyperGroup

from monitor.collector import rare_collections
from monitor.errors import CHECK_FAILED, MonitorError

PROGRAM = "reserve-monitor"


class Command(NamedTuple):
    """A command: the room of `monitor.cli` that holds its module, and its line in the list."""

    room: str
    says: str


COMMANDS = {
    "demo": Command("first_hour", "Show a reserve shortfall detected, explained and cleared, on an embedded broker."),
    "broker": Command("first_hour", "Run the embedded broker alone, to try things without Apache Kafka."),
    "run": Command("running", "Run the daemon: intake, assessor, dispatcher and archiver."),
    "assess": Command("event_files", "Assess event files offline and print the assessments as JSON."),
    "backtest": Command("event_files", "Try one history under several methods, versions and parameter values."),
    "actions": Command("foresight", "Show the smallest moves that mend what is broken or threatened."),
    "scenario": Command("foresight", "Stress today's holdings: list and run scenarios."),
    "whatif": Command("foresight", "Show the figures with other balances, prices, volume or declarations."),
    "rehearse": Command("foresight", "Page people as if a scenario had happened, marked as a rehearsal."),
    "replay": Command("event_files", "Publish event files to Kafka."),
    "publish": Command("event_files", "Send single events to a source topic, judged before they leave."),
    "simulate": Command("first_hour", "Publish synthetic events of the configured entities, seeded."),
    "convert": Command("event_files", "Turn real captures and published files into event lines."),
    "status": Command("running", "Show what now: states, coverage, alerts, sources."),
    "explain": Command("evidence", "Show why: the alert or the assessment behind a fingerprint or digest."),
    "alerts": Command("running", "List alerts, test the channels."),
    "feeds": Command("setup", "Mappings of foreign records: list and show those that ship, try yours."),
    "methods": Command("setup", "List, show and check methods."),
    "lag": Command("running", "Show how far intake and assessor are behind."),
    "probe": Command("running", "Ask the process on this host whether it is well: what health checks call."),
    "config": Command("setup", "Write, check and show the configuration."),
    "schema": Command("setup", "Print the JSON Schemas or the AsyncAPI document of the topics."),
    "topics": Command("setup", "Create and check the topics."),
    "history": Command("evidence", "List published figures: closes and their revisions, states, alerts."),
    "report": Command("evidence", "Report capital adequacy of a day or a month, as page, PDF, table or JSON."),
    "audit": Command("evidence", "Export evidence, verify it without Kafka, make keys."),
    "promote": Command("control", "Put a method in force, or change assets and limits, by the signatures of two people."),
    "archive": Command("evidence", "What is kept beyond Kafka: list it, check it."),
    "dlq": Command("running", "List, show, requeue and dismiss dead letters."),
}


LASTING = frozenset({"broker", "demo", "run"})
"""Commands that run until they are told to stop: what they do about garbage their stages decide (`monitor.collector`)."""


class LazyGroup(TyperGroup):
    """The commands by name; a command's module `monitor.cli.<room>.<name>` gives its `app`."""

    loaded: ClassVar[dict[str, Any]] = {}

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - the library's signature
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - the library's signature
        if cmd_name not in COMMANDS:
            return None
        if cmd_name not in self.loaded:
            app: typer.Typer = importlib.import_module(f"monitor.cli.{COMMANDS[cmd_name].room}.{cmd_name}").app
            app._add_completion = False  # noqa: SLF001 - completion is an option of the program, not of each command
            command = typer.main.get_command(app)
            command.name = cmd_name
            self.loaded[cmd_name] = command
        return self.loaded[cmd_name]

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        names: Any = dict.fromkeys(COMMANDS)
        self.commands = names  # read by the library for its suggestion after a typing error
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002 - the library's signature
        with formatter.section("Commands"):
            formatter.write_dl([(name, command.says) for name, command in COMMANDS.items()])


program = typer.Typer(
    cls=LazyGroup,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        typer.echo(f"{PROGRAM} {version(PROGRAM)}")
        raise typer.Exit


@program.callback(epilog=f"Example: {PROGRAM} demo")
def _program(
    context: typer.Context,
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version and stop.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Watch the reserve a crypto exchange must hold against operational-risk losses, live and with evidence.

    Exit codes: 0 good, 1 a check failed (shortfall, mismatch), 2 usage, 3 configuration, 4 connection, 5 unknown or not
    computable.
    """
    if context.invoked_subcommand not in LASTING:  # to look for cycles while importing took a fifth of a short command's time
        context.with_resource(rare_collections())


def main() -> None:
    """Run the command line; an error a user can act on is one line and its exit code."""
    try:
        program(prog_name=PROGRAM)
    except SystemExit as ending:
        if isinstance(ending.__context__, BrokenPipeError) and _nobody_reads():
            _end_as_a_filter()
        raise
    except MonitorError as error:
        from monitor.cli import talk

        sys.stdout.flush()
        talk(f"{PROGRAM}: {error}")
        sys.exit(error.exit_code)
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        _full(error)


def _nobody_reads() -> bool:
    """Whether stdout is a pipe whose reader is gone."""
    looking = select.poll()
    looking.register(sys.__stdout__ or 1, 0)
    return any(event & select.POLLERR for _, event in looking.poll(0))


def _end_as_a_filter() -> None:
    """By the signal of such pipes: an exit code of our own would say that a check failed."""
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGPIPE)


def _full(error: OSError) -> NoReturn:
    """Say that there is no room, and end without writing what is still held for a stdout that takes nothing."""
    where = f"for {error.filename}" if error.filename else "where the output goes"
    sys.stderr.write(f"{PROGRAM}: no room is left {where}: make some, and call again\n")
    sys.stderr.flush()
    os._exit(CHECK_FAILED)


if __name__ == "__main__":
    main()
