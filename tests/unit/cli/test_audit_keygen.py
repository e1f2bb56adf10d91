"""`audit keygen`: the key in its file, the public key on stdout, the advice on stderr."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from monitor.audit.signatures.keys import PublicKey, read_keyring
from monitor.cli.evidence.audit import app


def test_a_key_is_made_and_told(tmp_path: Path) -> None:
    path = tmp_path / "k.pem"
    result = CliRunner().invoke(app, ["keygen", "--out", str(path)])
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    signing = read_keyring([path]).signing
    assert signing is not None
    assert PublicKey.of(told["public_key"]) == signing.public
    assert told["key_id"] == signing.public.id
    assert "audit.keys" in result.stderr
