"""`config init`, `config check`, `config show`, `config reference`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import AsJson, Config, DryRun, ManyPaths, command_app, emit, talk
from monitor.cli.completion import jurisdictions
from monitor.core.values.wording import count_of
from monitor.errors import CONFIGURATION, ConfigurationError, UsageError
from monitor.files import write_new, write_over

if TYPE_CHECKING:
    from monitor.settings.load import Settings

app = command_app(no_args_is_help=True, help="Write, check and show the configuration.")


@app.command(epilog="Example: reserve-monitor config init --for jp")
def init(
    code: Annotated[
        str, typer.Option("--for", metavar="CODE", help="ae, eu, hk, jp, kr, sg, uk or us.", autocompletion=jurisdictions)
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where to; `-` is stdout.")] = Path("reserve.yaml"),
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
    dry_run: DryRun = False,
) -> None:
    """Write a commented configuration for a jurisdiction, with every limit set: what to begin with, and to change."""
    from monitor.settings.jurisdictions import JURISDICTIONS, first_configuration

    if code not in JURISDICTIONS:
        raise UsageError(f"--for {code}: one of {', '.join(sorted(JURISDICTIONS))}")
    text = first_configuration(code)
    if str(out) == "-":
        typer.echo(text, nl=False)
        return
    if dry_run:
        if out.exists() and not force:
            raise UsageError(f"{out} is there already: choose another with --out, or write over it with --force")
        talk(f"would write {out}, {count_of(len(text.splitlines()), 'line')}; see them with --out -")
        return
    try:
        (write_over if force else write_new)(out, text.encode())
    except FileExistsError:
        raise UsageError(f"{out} is there already: choose another with --out, or write over it with --force") from None
    except OSError as error:
        raise UsageError(f"{out} cannot be written: {error.strerror}") from None
    talk(f"wrote {out}; next: reserve-monitor config check --config {out}")


@app.command(cls=ManyPaths, epilog="Example: reserve-monitor config check --config reserve.yaml --events day.jsonl")
def check(
    config: Config = None,
    events: Annotated[
        list[Path] | None,
        typer.Option(metavar="PATH...", help="Event files that say what is held and owed, where no reserve-monitor runs here."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check all that a start checks but the broker: values, secrets, certificates, methods, mappings, channels, the port.

    Lists every error (exit 3) and warns of every limit that is absent. Without a file there is nothing to check: exit 3.
    An asset in `assets.ignore` that clients are owed is an error; an account under which one coin is held in several roles
    or by several entities is warned of. Who holds and is owed what is asked of the reserve-monitor that runs on this
    configuration's port and of its peers, or read from --events.
    """
    from monitor.settings.checks import warnings
    from monitor.settings.load import SettingsProblems, found_path, load_settings
    from monitor.settings.record import build_configuration, configuration_digest

    if found_path(config) is None:
        raise ConfigurationError(
            "there is no configuration: name one with --config or RESERVE_CONFIG, or write one with "
            "`reserve-monitor config init --for jp`"
        )
    try:
        settings = load_settings(config)
    except SettingsProblems as error:
        _report([*error.lines, *_beside(found_path(config))], [], None, as_json)
        return
    errors = _errors(settings)
    warned = list(warnings(settings))
    if not errors:
        owed, unclear = _held(settings, config, events or [])
        errors, warned = errors + owed, warned + unclear
    digest = None if errors else configuration_digest(build_configuration(settings))
    entities = f"{count_of(len(settings.entities), 'entity', 'entities')}"
    _report(errors, warned, digest, as_json, f"{entities}, revision {settings.revision}")
    if not as_json:
        talk(f"next: reserve-monitor topics create{'' if config is None else f' --config {config}'}, and `run`")


@app.command(epilog="Example: reserve-monitor config show | jq .digest")
def show(config: Config = None) -> None:
    """Print the effective values as JSON, secrets masked, with the digest that every output will carry."""
    from monitor.settings.load import load_settings
    from monitor.settings.record import build_configuration, configuration_digest, shown

    settings = load_settings(config)
    emit({"digest": configuration_digest(build_configuration(settings)), "settings": shown(settings)})


@app.command(epilog="Example: reserve-monitor config reference > docs/configuration.md")
def reference() -> None:
    """Print every key with type, default, unit, reason and example, as Markdown."""
    from monitor.settings.reference import reference_page

    typer.echo(reference_page(), nl=False)


def _beside(path: Path | None) -> list[str]:
    """What is wrong beside values that are: of all that can be read without them."""
    from monitor.settings.load import has_variables
    from monitor.settings.readable import readable_part

    if path is None:
        return []
    settings, left_out = readable_part(path)
    if settings is None:
        return []
    meaningless = ("entities.",) if "methods" in left_out else ()
    port = "http" not in left_out and not has_variables()  # else another port than the file's is meant
    return [line for line in _errors(settings, port=port) if not line.startswith(meaningless)]


def _errors(settings: Settings, *, port: bool = True) -> list[str]:
    """Every reason why a start would end at once; what needs the broker is `topics check`."""
    from monitor.settings.checks import problems
    from streams.kafka.clients import security
    from streams.wire.feeds import plans_of
    from streams.wire.mapping import SourceFormat

    found = problems(settings)
    if not any(line.startswith("kafka.") for line in found):
        found += _refusals(lambda: security(settings.kafka))
    for topic, source in settings.sources.items():
        found += _refusals(lambda topic=topic, source=source: SourceFormat.of(topic, source.model_dump()))
    found += _refusals(lambda: plans_of({"sources": {topic: source.model_dump() for topic, source in settings.sources.items()}}))
    return found + (_port_problems(settings) if port else [])


def _held(settings: Settings, config: Path | None, events: list[Path]) -> tuple[list[str], list[str]]:
    """Errors and warnings about what is held and owed: by event files, else by whoever runs here."""
    from monitor.cli.setup.held import either, held_twice, of_events, of_workers, owed_and_ignored
    from monitor.errors import ConnectionProblem

    if events:
        statuses = of_events(settings, events, config)
    else:
        try:
            statuses = of_workers(settings) if settings.http.port else []
        except ConnectionProblem:
            statuses = []
    if not statuses and settings.assets.ignore:
        unasked = (
            f"assets.ignore names {', '.join(settings.assets.ignore)}: nobody here knows whether clients are owed any of it; "
            "check again beside the running reserve-monitor, or with --events"
        )
        return [], [unasked]
    return owed_and_ignored(settings, statuses), [*either(settings, statuses), *held_twice(statuses)]


def _refusals(attempt: Any) -> list[str]:
    try:
        attempt()
    except ConfigurationError as error:
        return [str(error)]
    return []


def _port_problems(settings: Settings) -> list[str]:
    """None where the port is free, or where a running reserve-monitor is what holds it."""
    import errno
    import socket

    from monitor.cli.ask import addresses, get
    from monitor.errors import ConnectionProblem

    host, port = settings.http.host, settings.http.port
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(address)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            return [f"http.host {host} and http.port {port} cannot be listened on: {error.strerror}"]
    else:
        return []
    try:
        _, body = get(settings, addresses(settings)[0], "/version")
    except ConnectionProblem:
        body = None
    if isinstance(body, dict) and "engine_version" in body:
        talk(f"http.port {port} is held by a reserve-monitor that runs here")
        return []
    return [f"http.port {port} on {host} is in use by another program: stop it, or set http.port (RESERVE_HTTP__PORT)"]


def _report(errors: list[str], warned: list[str], digest: str | None, as_json: bool, what: str = "") -> None:
    if as_json:
        emit({"good": not errors, "errors": errors, "warnings": warned, "digest": digest})
    else:
        for line in errors:
            talk(f"error: {line}")
        for line in warned:
            talk(f"warning: {line}")
        talk(f"bad: {count_of(len(errors), 'error')}" if errors else f"good: {what}\n  {digest}")
    if errors:
        raise typer.Exit(CONFIGURATION)
