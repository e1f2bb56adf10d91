"""`audit`: evidence for people who do not run this system (DESIGN P7)."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import Config, DryRun, ManyPaths, command_app, emit, mismatch, talk
from monitor.cli.completion import entities
from monitor.cli.evidence.archives import InArchive
from monitor.cli.evidence.stamps import authority_of, is_stamp, verify_stamp, write_stamp
from monitor.errors import UsageError

if TYPE_CHECKING:
    from monitor.audit.bundle import BundleWriter, Origin
    from monitor.audit.signatures.keys import Keyring, PublicKey
    from monitor.settings.load import Settings
    from streams.eventfiles.offline import Rejection
    from streams.lookup.logs import TopicLog

app = command_app(no_args_is_help=True, help="Evidence for outsiders: keys, bundles, proofs.")

_EVENTS_HELP = "Event files instead of Kafka: what the daemon would have made of them."


@app.command(epilog="Example: reserve-monitor audit keygen --out /etc/reserve-monitor/audit-2026.pem")
def keygen(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="New file for the private key, for its owner alone.")],
    dry_run: DryRun = False,
) -> None:
    """Make a key that signs checkpoints, and print its id and the public key to hand to the auditor.

    Name the file in `audit.keys`. To change keys, add the new file behind the old one: checkpoints then carry the old key's
    signature under the new one. Take the old file out once every entity has had a checkpoint.
    """
    from monitor.audit.signatures.keys import new_key

    if dry_run:
        if out.exists():
            raise UsageError(f"{out} is there already: a key is never overwritten, name another file")
        talk(f"would write a new private key to {out}, for its owner alone")
        return
    public = new_key(out).public
    emit({"key_id": public.id, "public_key": public.text})
    talk(f"private key written to {out}: add it to audit.keys, give the public key to the auditor")


@app.command(cls=ManyPaths, epilog="Example: reserve-monitor audit export --entity jp-main --out jp-main-2026-01.bundle")
def export(
    entity: Annotated[str, typer.Option("--entity", metavar="ENTITY", help="Whose evidence.", autocompletion=entities)],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="New file; it needs nothing beside it.")],
    *,
    since: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="Begin at the newest snapshot on record by then."),
    ] = None,
    to: Annotated[str | None, typer.Option("--to", metavar="TIME", help="RFC 3339; when absent, the present end.")] = None,
    events: Annotated[list[Path] | None, typer.Option("--events", metavar="PATH...", help=_EVENTS_HELP)] = None,
    archive: InArchive = None,
    dry_run: DryRun = False,
    config: Config = None,
) -> None:
    """Write one file from which anyone can compute every published figure of an entity again, and check the seals on them.

    It holds the entity's journal records whole and those of other entities as stubs, what was published, packs,
    configurations, checkpoints and public keys. Signed where `audit.keys` names a key. Nothing in Kafka is changed. From an
    archive it reaches as far as all that was published is archived: days that are over.
    """
    from importlib.metadata import version

    from monitor.audit.bundle import BundleWriter, Origin
    from monitor.audit.signatures.keys import read_keyring
    from monitor.cli.evidence.entries import log_at
    from monitor.cli.options import instant
    from monitor.core.journal.records import journal_partition
    from monitor.settings.load import load_settings

    if events and archive is not None:
        raise UsageError("--events and --archive are two sources: name one")
    if events and since is not None:
        raise UsageError("--from begins at a snapshot that a running daemon has put on record: event files have none")
    settings = load_settings(config)
    keys = read_keyring(settings.audit.keys)
    begin = None if since is None else instant("--from", since)
    upto = None if to is None else instant("--to", to)
    log = None if events else log_at(archive, settings)
    count, broker_time = (1, False) if log is None else (log.partitions, log.broker_time)
    origin = Origin(entity, journal_partition(entity, count), count, broker_time)
    if dry_run:
        _is_new(out)
        signed = "unsigned" if keys.signing is None else f"signed by {keys.signing.public.id}"
        talk(f"would write {out}: the evidence of {entity}, {signed}")
        return
    with BundleWriter(out, origin, keys, version("reserve-monitor")) as bundle:
        if log is None:
            _from_events(events or [], settings, bundle, origin, keys=keys, upto=upto)
        else:
            _from_log(log, bundle, origin, begin, upto)
    if keys.signing is None:
        talk("not signed: audit.keys names no key (make one with `audit keygen`)")
    talk(f"{out} written: check it anywhere with `reserve-monitor audit verify {out}`")


def _is_new(out: Path) -> None:
    if out.exists():
        raise UsageError(f"{out} is there already: name a new file with --out")


def _from_events(
    events: list[Path], settings: Settings, bundle: BundleWriter, origin: Origin, *, keys: Keyring, upto: int | None
) -> None:
    from monitor.settings.record import build_configuration
    from streams.eventfiles.evidence import export_events

    alone = settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"journal_partitions": 1})})

    def refused(rejection: Rejection) -> None:
        talk(f"left out: {rejection}")

    export_events(events, build_configuration(alone), bundle, origin, keys=keys, until_ns=upto, on_rejected=refused)


def _from_log(log: TopicLog, bundle: BundleWriter, origin: Origin, begin: int | None, upto: int | None) -> None:
    from monitor.cli.progress import counted
    from streams.lookup.evidence import export_log

    with counted() as told:
        asyncio.run(export_log(log, bundle, origin, from_ns=begin, upto_ns=upto, told=told))


@app.command(epilog="Example: reserve-monitor audit verify jp-main-2026-01.bundle --key ed25519:9f2c...e1")
def verify(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="A bundle of `audit export`, or a proof of `audit prove`.")],
    key: Annotated[
        list[str] | None, typer.Option("--key", metavar="KEY", help="The firm's public key, from another source than the file.")
    ] = None,
    checkpoint: Annotated[
        list[Path] | None,
        typer.Option("--checkpoint", metavar="FILE", help="A checkpoint kept from earlier: nothing under it may have changed."),
    ] = None,
    authority: Annotated[
        Path | None, typer.Option("--authority", metavar="FILE", help="Root certificates (PEM) of a time stamp's authority.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The result as a JSON object.")] = False,
) -> None:
    """Compute every figure in a bundle again, byte for byte, and check chain, tree, signatures and completeness.

    No Kafka, no network. Of a proof, check its two paths, and its signatures under --key; of a time stamp (`audit stamp`),
    that an authority of --authority put it on the checkpoint, and the signature of that. Prints `match` with counts, or the
    first difference with both values and its cause, and exits with 1.
    """
    from monitor.audit.container import Reader
    from monitor.audit.faults import Fault
    from monitor.audit.verification import Trust
    from monitor.audit.verification import verify as verified

    trust = Trust(tuple(_public_key(text) for text in key or ()), tuple(_kept(one) for one in checkpoint or ()))
    if not path.is_file():
        raise UsageError(f"{path}: there is no such file")
    if is_stamp(path):
        verify_stamp(path, trust.keys, authority, as_json=as_json)
        return
    if _is_proof(path):
        _verify_proof(path, trust.keys, as_json=as_json)
        return
    try:
        with _bar(path) as advance:
            found = verified(Reader(path), trust, advance).printed()
    except Fault as fault:
        mismatch(fault, as_json=as_json)
    if as_json:
        emit(found)
        return
    for line in _match(found):
        typer.echo(line)


def _match(found: Mapping[str, Any]) -> Iterator[str]:
    from monitor.core.values.wording import count_of

    entries, records = count_of(found["entries"], "entry", "entries"), count_of(found["records"], "record")
    yield f"match: {found['entity']}, {entries} computed again from {records}, byte for byte"
    checkpoints = count_of(found["checkpoints"], "checkpoint")
    yield f"  chain to {found['last_sequence']:,}, sealed up to {found['sealed_up_to']:,} by {checkpoints}"
    stubs = count_of(found["stubs"], "record")
    yield f"  signed by {', '.join(found['key_ids']) or 'nobody'}; as stubs: {stubs} of other entities"
    if found["kept_checkpoints"]:
        yield f"  nothing changed under {count_of(found['kept_checkpoints'], 'checkpoint')} you kept"
    yield from (f"  note: {note}" for note in found["notes"])


@app.command(epilog="Example: reserve-monitor audit prove sha256:4f1c...9a --bundle jp-main.bundle > figure.proof")
def prove(
    digest: Annotated[str, typer.Argument(metavar="DIGEST", help="Of an assessment, exposure or alert, or its beginning.")],
    bundle: Annotated[Path | None, typer.Option("--bundle", metavar="FILE", help="From this bundle instead of Kafka.")] = None,
    since: Annotated[
        Path | None, typer.Option("--since", metavar="FILE", help="A checkpoint kept from earlier, which the newest must add to.")
    ] = None,
    archive: InArchive = None,
    config: Config = None,
) -> None:
    """Print a proof that a published figure is under a signed checkpoint, and that the newest checkpoint adds to an earlier one.

    `audit verify` checks it with the public key alone: some kilobytes, no chain, no journal.
    """
    from monitor.audit.proving import CannotProve, Digests
    from monitor.audit.proving import prove as proven
    from monitor.cli.evidence.entries import in_bundle

    wanted = digest if digest.startswith("sha256:") else f"sha256:{digest}"
    kept = None if since is None else _kept(since)
    values = in_bundle(bundle) if bundle is not None else _in_log(config, archive, wanted)
    entry, digests, checkpoints = None, Digests(), []
    for value in values:
        if "chain" not in value:
            checkpoints.append(value)
            continue
        digests.take(value)
        if value["digest"].startswith(wanted):
            if entry is not None and entry["digest"] != value["digest"]:
                raise UsageError(f"{digest} is the beginning of several digests: give more of it")
            entry = value
    if entry is None:
        raise CannotProve(f"no entry with the digest {digest} is there: is it of another entity, or a result_digest?")
    emit(proven(entry, digests, sorted(checkpoints, key=lambda one: int(one["tree_size"])), kept))


@app.command(epilog="Example: reserve-monitor audit stamp --entity jp-main --out jp-main-2026-01-05.stamp")
def stamp(
    entity: Annotated[str, typer.Option("--entity", metavar="ENTITY", help="Whose checkpoint.", autocompletion=entities)],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="New file for checkpoint and time stamp.")],
    *,
    bundle: Annotated[Path | None, typer.Option("--bundle", metavar="FILE", help="From this bundle instead of Kafka.")] = None,
    archive: InArchive = None,
    dry_run: DryRun = False,
    config: Config = None,
) -> None:
    """Let the authority of `audit.timestamp_authority` say when the newest checkpoint was there (RFC 3161), and keep its answer.

    It is told a SHA-256 and nothing else. Call it once a day after the closes; `audit verify FILE --authority ROOT.pem` checks it
    without a network.
    """
    from monitor.cli.evidence.entries import in_bundle, log_at
    from monitor.cli.evidence.entries import in_log as in_topics
    from monitor.settings.load import load_settings

    settings = load_settings(config)
    values = in_bundle(bundle) if bundle is not None else in_topics(log_at(archive, settings), entity)
    seals = [value for value in values if "tree_size" in value and value["entity"] == entity]
    if not seals:
        raise UsageError(f"no checkpoint of {entity} is kept there: one is cut each local day")
    newest = max(seals, key=lambda one: int(one["tree_size"]))
    if dry_run:
        _is_new(out)
        url = authority_of(settings).url
        talk(f"would write {out}: the checkpoint of {entity} up to entry {newest['tree_size']}, stamped by {url}")
        return
    write_stamp(newest, settings, out)


def _in_log(config: Path | None, archive: str | None, digest: str) -> list[Mapping[str, Any]]:
    from monitor.audit.proving import CannotProve
    from monitor.cli.evidence.entries import in_log, log_at
    from monitor.settings.load import load_settings
    from streams.kafka.topics import topic_names
    from streams.lookup.evidence import entity_of
    from streams.lookup.outputs import find_beginning

    settings = load_settings(config)
    log = log_at(archive, settings)
    if archive is None:
        found = asyncio.run(find_beginning(settings.kafka, topic_names(settings), digest))
        entity = None if found is None else found["entity"]
    else:
        entity = asyncio.run(entity_of(log, digest))
    if entity is None:
        raise CannotProve(f"no entry with the digest {digest} is kept there: is it a result_digest, or of another system?")
    return in_log(log, entity)


def _is_proof(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(1) == b"{"


def _verify_proof(path: Path, keys: tuple[PublicKey, ...], *, as_json: bool) -> None:
    from monitor.audit.faults import Fault
    from monitor.audit.proving import SCHEMA, check_proof
    from monitor.nesting import json_of

    try:
        proof = json_of(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UsageError(f"{path}: is not a proof as `audit prove` prints it: {error}") from None
    if (schema := proof.get("schema")) != SCHEMA:
        raise UsageError(f"{path}: is no bundle, no time stamp and no {SCHEMA}, but of the schema {str(schema)[:60]}")
    if not keys:
        raise UsageError("a proof names no key that could be trusted: give the firm's public key with --key")
    try:
        signers = check_proof(proof, keys)
    except Fault as fault:
        mismatch(fault, as_json=as_json)
    sizes = proof["earlier"]["tree_size"], proof["checkpoint"]["tree_size"]
    if as_json:
        facts = {name: proof[name] for name in ("entity", "sequence", "digest")}
        emit({"result": "match", **facts, "sealed_up_to": sizes[1], "adds_to": sizes[0], "key_ids": signers})
        return
    typer.echo(f"match: entry {proof['sequence']} of {proof['entity']} is under the checkpoint up to entry {sizes[1]},")
    typer.echo(f"  which only adds to the one up to {sizes[0]}; signed by {', '.join(dict.fromkeys(signers))}")


def _public_key(text: str) -> PublicKey:
    from monitor.audit.signatures.keys import PublicKey

    try:
        return PublicKey.of(text)
    except ValueError as error:
        raise UsageError(f"--key: {error}") from None


def _kept(path: Path) -> Mapping[str, Any]:
    from monitor.core.entity.sealing import SCHEMA
    from monitor.nesting import json_of

    try:
        found = json_of(path.read_text(encoding="utf-8"))
        if found["schema"] != SCHEMA or type(found["tree_size"]) is not int or not isinstance(found["root"], str):
            raise ValueError("it is another object")  # noqa: TRY301 - one message for all that is no checkpoint
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"--checkpoint {path}: is not a checkpoint as `reserve.checkpoints` or /status gives it: {error}"
        ) from None
    kept: Mapping[str, Any] = found
    return kept


@contextmanager
def _bar(path: Path) -> Iterator[Callable[[int], None]]:
    """Bytes read, on stderr where that is a terminal: each is read twice, once for its digest."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(TextColumn("verifying"), BarColumn(), TimeRemainingColumn(), console=Console(stderr=True)) as bar:
        task = bar.add_task("verify", total=2 * path.stat().st_size)
        yield lambda count: bar.advance(task, count)
