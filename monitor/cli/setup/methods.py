"""`methods list`, `methods show`, `methods check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from monitor.cli import Config, command_app, emit, talk
from monitor.cli.completion import methods

app = command_app(no_args_is_help=True, help="The methods there are: rule packs as data.")

Json = Annotated[bool, typer.Option("--json", help="JSON on stdout.")]
Directories = Annotated[
    list[Path] | None, typer.Option("--packs", metavar="DIR", help="A directory of packs besides those of the configuration.")
]


@app.command("list", epilog="Example: reserve-monitor methods list --json | jq '.[].id'")
def list_methods(config: Config = None, packs: Directories = None, json: Json = False) -> None:
    """List every method: id, version, status, jurisdiction, currency, weakest parameter status and digest."""
    rows = [_row(document) for document in _documents(config, packs).values()]
    if json:
        emit(rows)
        return
    for row in rows:
        currency, weakest = row["currency"] or "-", row["weakest_status"]
        typer.echo(f"{row['id']:24} {row['version']:14} {row['status']:9} {currency:4} {weakest:11} {row['title']}")


@app.command(epilog="Example: reserve-monitor methods show jp.psa_custody --format md")
def show(
    method: Annotated[str, typer.Argument(metavar="ID", help="A method, as `methods list` shows it.", autocompletion=methods)],
    config: Config = None,
    packs: Directories = None,
    format_: Annotated[Literal["text", "md", "json"], typer.Option("--format", help="text, md or json.")] = "text",
    json: Json = False,
) -> None:
    """Show a method: formula, legal basis, parameters with status and source; `md` adds the worked example, computed now."""
    from monitor.errors import UsageError
    from monitor.methods.describe import describe
    from monitor.methods.loader import pack_digest, pack_object

    documents = _documents(config, packs)
    if method not in documents:
        raise UsageError(f"there is no method {method}: `reserve-monitor methods list` shows those there are")
    document = documents[method]
    if json or format_ == "json":
        emit({"digest": pack_digest(pack_object(document)), "pack": document.value})
    elif format_ == "md":
        typer.echo(describe(document), nl=False)
    else:
        _print_text(document.value)


@app.command(epilog="Example: reserve-monitor methods check my-packs/*.yaml")
def check(
    files: Annotated[list[Path] | None, typer.Argument(metavar="FILE", help="Pack files; none: all that are loaded.")] = None,
    config: Config = None,
    packs: Directories = None,
    json: Json = False,
) -> None:
    """Check packs: fields, names, types, parameters. The message names file, line and field; exit 3 when one is wrong."""
    from monitor.methods.loader import read_pack_file

    documents = [read_pack_file(file) for file in files] if files else list(_documents(config, packs).values())
    rows = [_row(document) for document in documents]
    if json:
        emit(rows)
    for row in rows:
        nulls = f", null: {', '.join(row['null_parameters'])}" if row["null_parameters"] else ""
        talk(f"good: {row['id']} {row['version']} {row['digest']}{nulls}")


def _documents(config: Path | None, packs: list[Path] | None) -> dict[str, Any]:
    from monitor.methods.loader import load_documents
    from monitor.settings.load import load_settings

    configured = [Path(directory) for directory in load_settings(config).methods.pack_dirs]
    return dict(load_documents([*configured, *(packs or [])]))


def _row(document: Any) -> dict[str, Any]:
    from monitor.core.components.packs.pack import STATUSES
    from monitor.methods.loader import pack_digest, pack_object

    pack = document.value
    statuses = [parameter["status"] for parameter in pack["parameters"].values()]
    return {
        "id": pack["id"],
        "version": pack["version"],
        "title": pack["title"],
        "status": pack["status"],
        "jurisdiction": pack["jurisdiction"],
        "currency": pack["currency"],
        "effective_from": pack["effective_from"],
        "effective_to": pack["effective_to"],
        "weakest_status": max(statuses, key=STATUSES.index) if statuses else None,
        "null_parameters": sorted(name for name, parameter in pack["parameters"].items() if parameter["value"] is None),
        "digest": pack_digest(pack_object(document)),
        "file": str(document.file.name),
    }


def _print_text(pack: dict[str, Any]) -> None:
    from monitor.methods.describe import parameter_text

    typer.echo(f"{pack['id']} {pack['version']} ({pack['status']}): {pack['title']}")
    for law in pack["law"]:
        typer.echo(f"  law        {law['title']} ({law['status']}) {law['url']}")
    for line in pack.get("documentation", {}).get("formula", ()):
        typer.echo(f"  formula    {line}")
    for name, parameter in pack["parameters"].items():
        shown = parameter_text(parameter["value"], parameter["unit"])
        typer.echo(f"  parameter  {name} = {shown} [{parameter['unit']}] {parameter['status']}, {parameter['ref']}")
    for name, raw in pack["components"].items():
        typer.echo(f"  component  {name} ({raw['type']}), {raw.get('ref') or '-'}")
