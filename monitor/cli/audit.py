"""`audit`: evidence for people who do not run this system (DESIGN P7)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from monitor.cli import command_app, emit, talk

app = command_app(no_args_is_help=True, help="Evidence for outsiders: keys, bundles, proofs.")


@app.callback()
def _group() -> None:
    """Evidence for outsiders: keys, bundles, proofs."""


@app.command(epilog="Example: reserve-monitor audit keygen --out /etc/reserve-monitor/audit-2026.pem")
def keygen(
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="New file for the private key, for its owner alone.")],
) -> None:
    """Make a key that signs checkpoints, and print its id and the public key to hand to the auditor.

    Name the file in `audit.keys`. To change keys, add the new file behind the old one: checkpoints then carry the old key's
    signature under the new one. Take the old file out once every entity has had a checkpoint.
    """
    from monitor.audit.keys import new_key

    public = new_key(out).public
    emit({"key_id": public.id, "public_key": public.text})
    talk(f"private key written to {out}: add it to audit.keys, give the public key to the auditor")
