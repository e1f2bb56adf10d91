"""`audit export --events` and `audit verify`: one file, checked without anything else; a difference is exit 1 and one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from monitor.audit.signatures.keys import new_key
from monitor.cli.evidence.audit import app
from monitor.errors import UsageError
from tests.random_logs import RandomLog


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A bundle of a random log's entity, and the public key that signed it."""
    folder = tmp_path_factory.mktemp("audit")
    events = RandomLog(5, 60).write(folder / "events.jsonl")
    public = new_key(folder / "k.pem").public.text
    config = folder / "reserve.yaml"
    methods = "{reporting_currency: JPY, time_zone: Asia/Tokyo, methods: [{id: house.composite}]}"
    config.write_text(f"audit: {{keys: ['{folder / 'k.pem'}']}}\nentities: {{a-1: {methods}, b-2: {methods}}}\n")
    out = folder / "a.bundle"
    arguments = ["export", "--entity", "a-1", "--out", str(out), "--config", str(config), "--events", str(events)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    assert "audit verify" in result.stderr
    return out, public


def test_a_bundle_matches(exported: tuple[Path, str]) -> None:
    path, public = exported
    result = CliRunner().invoke(app, ["verify", str(path), "--key", public, "--json"])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["result"], found["entity"]) == ("match", "a-1")
    assert found["entries"] > 0
    assert found["stubs"] > 0
    told = CliRunner().invoke(app, ["verify", str(path)])
    assert told.stdout.startswith("match: a-1, ")
    assert "give the firm's public key" in told.stdout


def test_a_difference_is_exit_1_and_says_what(exported: tuple[Path, str], tmp_path: Path) -> None:
    data = bytearray(exported[0].read_bytes())
    data[len(data) // 2] ^= 1
    path = tmp_path / "b.bundle"
    path.write_bytes(data)
    result = CliRunner().invoke(app, ["verify", str(path)])
    assert result.exit_code == 1
    assert result.stdout.startswith("mismatch: ")
    found = json.loads(CliRunner().invoke(app, ["verify", str(path), "--json"]).stdout)
    assert found["result"] == "mismatch"
    assert found["cause"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["verify", "absent.bundle"], "there is no such file"),
        (["verify", "absent.bundle", "--key", "x"], "is not a public key"),
        (["verify", "absent.bundle", "--checkpoint", "absent.json"], "is not a checkpoint"),
    ],
)
def test_what_cannot_be_used_is_said(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, UsageError)
    assert message in str(result.exception)
