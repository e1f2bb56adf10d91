"""`promote`: change control, where a method, assets, limits or the approvers themselves take the signatures of two people."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import AsJson, Config, SignWith, command_app, emit, talk
from monitor.cli.completion import entities, methods
from monitor.cli.control.signing import approver, private_key, read, write
from monitor.errors import UNKNOWN, UsageError

if TYPE_CHECKING:
    from monitor.settings.load import Settings

app = command_app(
    no_args_is_help=True, help="Put a method in force, or change assets and limits, by the signatures of two people."
)

Key = Annotated[Path, typer.Option("--key", metavar="FILE", help="Your private key (`audit keygen` makes one).")]
DrySigning = Annotated[bool, typer.Option("--dry-run", help="Say what would be signed, and write nothing.")]


@app.command(
    epilog="Example: reserve-monitor promote propose jp-main --method kr.vaupa_reserve --backtest year.json --by ann "
    "--second bob --key ann.pem --reason 'board decision 12' --out promotion.json"
)
def propose(
    entity: Annotated[
        str, typer.Argument(metavar="ENTITY", help="Whose method; whose journal keeps it.", autocompletion=entities)
    ],
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="You, by your name in controls.approvers.")],
    second: Annotated[str, typer.Option("--second", metavar="NAME", help="Who else is to sign.")],
    key: Key,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it stays on record.")],
    *,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="New file for the proposal: hand it to the second.")],
    method: Annotated[
        str | None, typer.Option("--method", metavar="ID", help="The method that is promoted.", autocompletion=methods)
    ] = None,
    to: Annotated[str, typer.Option("--to", metavar="MODE", help="in_force, or shadow to take it out of force.")] = "in_force",
    replaces: Annotated[
        str | None,
        typer.Option("--replaces", metavar="ID", help="A method that only informs from then on.", autocompletion=methods),
    ] = None,
    backtest: Annotated[
        Path | None, typer.Option("--backtest", metavar="FILE", help="What `backtest --json` printed of the method.")
    ] = None,
    part: Annotated[
        str | None, typer.Option("--part", metavar="PART", help="Instead of a method: assets, limits or controls as in --config.")
    ] = None,
    expires: Annotated[str, typer.Option("--expires", metavar="DURATION", help="Until when it may be signed and used.")] = "7d",
    dry_run: DrySigning = False,
    config: Config = None,
) -> None:
    """Write a proposal, signed by you: it holds once the second person has signed it too (`promote sign`).

    A method is named with the digests of its pack, its options and its back-test, all as --config has them; it takes effect when
    the signed promotion reaches the engine, without a restart. A part of the configuration is named by its digest; it may then
    change to that with a configuration that lists the file under controls.approvals.
    """
    from monitor.audit.signatures.approvals import proposal, signed_by
    from monitor.cli.options import seconds
    from monitor.core.values.times import SECOND
    from monitor.settings.load import load_settings
    from monitor.settings.record import build_configuration

    settings = load_settings(config)
    content = build_configuration(settings)
    if (method is None) == (part is None):
        raise UsageError("name what is promoted: --method ID or --part assets, limits or controls")
    approver(settings, second)
    body = _part(part, content) if method is None else _method(content, entity, method, to, replaces=replaces, backtest=backtest)
    at = time.time_ns()
    made = proposal(entity, "promotion", body, [by, second], reason, at=at, expires_at=at + round(seconds(expires) * SECOND))
    made = signed_by(made, by, private_key(settings, by, key))
    _show(made)
    if not dry_run:
        write(out, made, new=True)
        talk(f"{out} written: {second} signs it with `reserve-monitor promote sign {out} --by {second} --key FILE`")


@app.command(epilog="Example: reserve-monitor promote sign promotion.json --by bob --key bob.pem --backtest year.json")
def sign(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="A proposal of `promote propose`, or of `dlq dismiss` or `alerts dismiss` with --out."
        ),
    ],
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="You, by your name in controls.approvers.")],
    key: Key,
    *,
    backtest: Annotated[
        Path | None, typer.Option("--backtest", metavar="FILE", help="The back-test you looked at: it must be the one named.")
    ] = None,
    send: Annotated[bool, typer.Option("--send/--no-send", help="Publish it once two have signed.")] = True,
    sign_with: SignWith = None,
    dry_run: DrySigning = False,
    config: Config = None,
) -> None:
    """Sign a proposal as the second person, and publish it to `reserve.operations`.

    What it names is held against --config first: a pack, options or a back-test that are not the ones named are refused before
    you sign. Whether the engine took it: `promote status`.
    """
    from monitor.audit.signatures.approvals import signed_by
    from monitor.settings.load import load_settings
    from monitor.settings.record import build_configuration

    settings = load_settings(config)
    made = _proposal(file)
    _check(made, build_configuration(settings), backtest)
    if by not in made["by"]:
        raise UsageError(f"{by} is not named in {file}, which is for {' and '.join(made['by'])}: propose it anew")
    made = signed_by(made, by, private_key(settings, by, key))
    refusal = _refusal(made, settings)
    _show(made)
    if refusal not in {None, "too_few_signatures"}:
        raise UsageError(f"it would be refused as {refusal}: propose it anew")
    if dry_run:
        talk("nothing was written or sent")
        return
    write(file, made)
    if refusal is not None:
        talk(f"{file}: one more signature is needed")
    elif send:
        _send(settings, made, sign_with)
        talk(f"sent: `reserve-monitor promote status {made['entity']}` shows what the engine made of it")
    else:
        talk(f"{file} is complete: name it in controls.approvals, or `reserve-monitor publish reserve.operations {file}`")


@app.command(epilog="Example: reserve-monitor promote status jp-main")
def status(
    entity: Annotated[str, typer.Argument(metavar="ENTITY", help="Whose acts of two people.", autocompletion=entities)],
    *,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Show the modes of an entity's methods, and every act of two people with the engine's verdict and its reason."""
    from monitor.cli.ask import of_entity
    from monitor.settings.load import load_settings

    found = of_entity(load_settings(config), entity)
    if found is None:
        talk(f"no worker that answers holds {entity}: is it configured, was anything received for it?")
        raise typer.Exit(UNKNOWN)
    modes = {one["method"]: one["mode"] for one in found["methods"]}
    if as_json:
        emit({"entity": entity, "at": found["at"], "modes": modes, "promotions": found["promotions"]})
        return
    for name, mode in modes.items():
        typer.echo(f"{name}: {mode}")
    for one in found["promotions"]:
        why = "" if one["reason"] is None else f" ({one['reason']})"
        what = " ".join(str(one[name]) for name in ("kind", "subject", "method", "mode") if one.get(name))
        typer.echo(
            f"{one['judged_at']}  {one['outcome']}{why}  {what}  by {', '.join(one['by'])}  journal {one['journal_offset']}"
        )


def _method(
    content: Mapping[str, Any], entity: str, method: str, mode: str, *, replaces: str | None, backtest: Path | None
) -> dict[str, Any]:
    from monitor.core.journal.vocabulary import MODES
    from monitor.core.values.canonical import digest_of

    if mode not in MODES:
        raise UsageError(f"--to {mode}: is one of {', '.join(MODES)}")
    listed = {one["id"]: one for one in content["entities"].get(entity, {}).get("methods", ())}
    for name in (method, *([replaces] if replaces else [])):
        if name not in listed:
            raise UsageError(
                f"{entity} is not assessed under {name}: list it under its methods with mode: shadow, and let it run"
            )
    if content["packs"][method]["status"] == "study":
        raise UsageError(f"{method} is a study, which is never in force")
    pack_digest = content["pack_digests"][method]
    if mode == "in_force" and backtest is None:
        raise UsageError("give the back-test that speaks for it with --backtest: what `backtest --json` printed")
    return {
        "subject": "method",
        "method": method,
        "mode": mode,
        "pack_digest": pack_digest,
        "options_digest": digest_of(listed[method]["options"]),
        "backtest_digest": None if backtest is None else _backtest(backtest, pack_digest),
        "replaces": replaces,
    }


def _part(part: str | None, content: Mapping[str, Any]) -> dict[str, Any]:
    from monitor.core.configuration.guard import part_digest
    from monitor.core.journal.vocabulary import CONFIGURATION_PARTS

    for one in CONFIGURATION_PARTS:
        if one == part:
            return {"subject": one, "digest": part_digest(content, one)}
    raise UsageError(f"--part {part}: is one of {', '.join(CONFIGURATION_PARTS)}")


def _backtest(path: Path, pack_digest: str | None) -> str:
    """The digest of a back-test that is whole and, where a pack's digest is given, tried that pack."""
    from monitor.core.values.canonical import digest_of

    found = read(path)
    try:
        tried = {one["digest"] for one in found["candidates"]}
        whole = digest_of({name: value for name, value in found.items() if name != "digest"}) == found["digest"]
    except (KeyError, TypeError):
        raise UsageError(f"{path}: is not what `backtest --json` prints") from None
    if not whole:
        raise UsageError(f"{path}: was changed after it was made: its digest is not its own")
    if pack_digest is not None and pack_digest not in tried:
        raise UsageError(f"{path}: tried {', '.join(sorted(tried))}, not the pack as it is configured ({pack_digest})")
    return str(found["digest"])


def _check(made: Mapping[str, Any], content: Mapping[str, Any], backtest: Path | None) -> None:
    """What is to be signed is what the configuration and the back-test at hand say."""
    body = made["body"]
    subject = body.get("subject")
    if subject == "method":
        named = {name: body[name] for name in ("pack_digest", "options_digest")}
        here = _method(content, made["entity"], body["method"], "shadow", replaces=body["replaces"], backtest=None)
        for name, digest in named.items():
            if here[name] != digest:
                raise UsageError(f"it names another {name} than the configuration here: {digest}, not {here[name]}")
    elif subject is not None and _part(subject, content)["digest"] != body["digest"]:
        raise UsageError(f"it names other {subject} than the configuration here: give the changed one with --config")
    if backtest is not None and _backtest(backtest, body.get("pack_digest")) != body.get("backtest_digest"):
        raise UsageError(f"{backtest}: is another back-test than the one named ({body.get('backtest_digest')})")


def _refusal(made: Mapping[str, Any], settings: Settings) -> str | None:
    """What the engine would say of the signatures now."""
    from monitor.audit.signatures.approvals import approval_of
    from monitor.core.configuration.controls import Controls

    return Controls(settings.controls.approvers).refusal(approval_of(made), time.time_ns())


def _send(settings: Settings, made: Mapping[str, Any], sign_with: SignWith) -> None:
    from monitor.cli.event_files.publish import judge_here, send
    from monitor.cli.options import signing
    from monitor.core.journal.vocabulary import OPERATIONS
    from monitor.core.values.canonical import canonical_bytes

    value = canonical_bytes(dict(made))
    for one in judge_here(settings, OPERATIONS, [value]):
        if one.refused:
            raise UsageError(f"it would be a dead letter: {one.refused}")
    asyncio.run(send(settings, OPERATIONS, [(made["entity"], value)], signing(settings, sign_with)))


def _show(made: Mapping[str, Any]) -> None:
    typer.echo(f"{made['kind']} of {made['entity']}, until {made['expires_at']}: {made['reason']}")
    for name, value in made["body"].items():
        if value is not None:
            typer.echo(f"  {name}: {value}")
    typer.echo(f"  for {' and '.join(made['by'])}; signed by {', '.join(one['by'] for one in made['signatures'])}")


def _proposal(path: Path) -> dict[str, Any]:
    from monitor.audit.signatures.approvals import approval_of

    made = read(path)
    try:
        approval_of(made)
    except (KeyError, TypeError, ValueError, AttributeError):
        raise UsageError(f"{path}: is no proposal as `promote propose` writes it") from None
    return made
