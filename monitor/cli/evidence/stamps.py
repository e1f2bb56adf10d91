"""Time stamps of checkpoints, as `audit stamp` writes and `audit verify` reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from monitor.cli import emit, mismatch, talk
from monitor.errors import ConfigurationError, UsageError
from monitor.files import write_new

if TYPE_CHECKING:
    from monitor.audit.signatures.keys import PublicKey
    from monitor.settings.load import Settings
    from monitor.settings.sections import TimestampAuthoritySettings

_MARK = b'"reserve.timestamp/1"'


def is_stamp(path: Path) -> bool:
    """Whether a file holds a time stamp."""
    with path.open("rb") as file:
        beginning = file.read(1)
        return beginning == b"{" and _MARK in file.read(1 << 20)


def authority_of(settings: Settings) -> TimestampAuthoritySettings:
    """The configured authority; ConfigurationError where there is none."""
    if settings.audit.timestamp_authority is None:
        raise ConfigurationError("audit.timestamp_authority names nobody: give url and ca_file of an authority (RFC 3161)")
    return settings.audit.timestamp_authority


def write_stamp(checkpoint: Mapping[str, Any], settings: Settings, out: Path) -> None:
    """Asks the configured authority, and writes its answer with the checkpoint into a new file."""
    from monitor.audit.signatures.timestamps import check_timestamp, read_roots, stamp_content, stamped

    authority = authority_of(settings)
    roots = read_roots(authority.ca_file)
    record = stamped(checkpoint, authority.url, roots)
    try:
        write_new(out, stamp_content(record))
    except OSError as error:
        raise UsageError(f"{out} cannot be written anew ({error.strerror})") from None
    told = check_timestamp(record, roots)
    talk(f"{out} written: the checkpoint up to entry {checkpoint['tree_size']} was there at {told}, says {authority.url}")


def verify_stamp(path: Path, keys: Sequence[PublicKey], authority: Path | None, *, as_json: bool) -> None:
    """Prints when the checkpoint was there at the latest, or the fault, which is exit 1."""
    from monitor.audit.checkpoints import is_signed_by
    from monitor.audit.faults import Fault, Kind
    from monitor.audit.signatures.timestamps import check_timestamp, read_roots
    from monitor.nesting import json_of

    if authority is None or not keys:
        raise UsageError("a time stamp names nobody that could be trusted: give --authority ROOT.pem and the firm's --key")
    try:
        record = json_of(path.read_text(encoding="utf-8"))
        at = check_timestamp(record, read_roots(authority))
        signer = next((key.id for key in keys if is_signed_by(record["checkpoint"], key)), None)
        if signer is None:
            raise Fault(Kind.SIGNATURE, "the checkpoint", "it is not signed by a key that is trusted")  # noqa: TRY301 - printed below
    except ValueError as error:
        raise UsageError(f"{path}: is not a time stamp as `audit stamp` writes it: {error}") from None
    except Fault as fault:
        mismatch(fault, as_json=as_json)
    checkpoint = record["checkpoint"]
    facts = {name: checkpoint[name] for name in ("entity", "tree_size", "root")}
    if as_json:
        emit({"result": "match", **facts, "at": at, "key_id": signer})
        return
    typer.echo(f"match: the checkpoint of {facts['entity']} up to entry {facts['tree_size']} was there at {at}")
