"""`config check` beside what is held: an asset that is left out and owed is an error, a ticker that may be either is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from monitor.__main__ import program
from monitor.errors import CONFIGURATION, UsageError
from tests.unit.cli.test_status import Worker

DAY = "2026-03-10T12:00:00Z"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RESERVE_HTTP__PORT", "0")
    entity = {"reporting_currency": "USD", "methods": [{"id": "us.ny_custody"}]}
    file = tmp_path / "reserve.yaml"
    file.write_text(yaml.safe_dump({"entities": {"sg-two": entity}, "assets": {"ignore": ["DOGS"]}}))
    return file


def balance(role: str, storage: str, asset: str, quantity: str) -> str:
    value = {"event_id": f"{role}-{asset}", "entity": "sg-two", "account": storage, "role": role, "storage": storage}
    value |= {"asset": asset, "quantity": quantity, "as_of": DAY}
    return json.dumps({"topic": "custody.balances", "timestamp": DAY, "value": value})


def checked(site: Path, *arguments: str) -> dict[str, Any]:
    result = CliRunner().invoke(program, ["config", "check", "--config", str(site), "--json", *arguments])
    found: dict[str, Any] = json.loads(result.stdout)
    assert result.exit_code == (CONFIGURATION if found["errors"] else 0)
    return found


def test_by_event_files_what_is_left_out_and_owed_is_an_error(site: Path, tmp_path: Path) -> None:
    """Fails where only the engine finds it: a start would put the configuration in force first."""
    events = tmp_path / "e.jsonl"
    held = [balance("client_asset", "hot", "DOGS", "5000"), balance("client_asset", "hot", "GEL", "7")]
    spam = [*held, balance("client_liability", "ledger", "GEL", "7")]
    events.write_text("\n".join(spam) + "\n")
    found = checked(site, "--events", str(events))
    assert found["errors"] == [], "what a stranger sent is owed to nobody"
    assert "GEL of sg-two may be a coin or a currency: a line under assets.crypto or assets.fiat decides it" in found["warnings"]
    events.write_text("\n".join([*spam, balance("client_liability", "ledger", "DOGS", "1")]) + "\n")
    (error,) = checked(site, "--events", str(events))["errors"]
    assert "assets.ignore names DOGS, which clients of sg-two are owed" in error
    missing = CliRunner().invoke(program, ["config", "check", "--config", str(site), "--events", str(tmp_path / "none")])
    assert isinstance(missing.exception, UsageError)


@pytest.fixture
def worker() -> Iterator[Worker]:
    one = Worker()
    yield one
    one.close()


def test_beside_a_running_daemon_it_is_asked_what_is_owed(site: Path, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    (warning,) = [line for line in checked(site)["warnings"] if "assets.ignore" in line]
    assert "nobody here knows whether clients are owed any of it" in warning, "never taken for good"
    monkeypatch.setenv("RESERVE_HTTP__PORT", str(worker.port))
    worker.answers |= {
        "/version": (200, {"engine_version": "1"}),
        "/status": (200, {"partitions": [0], "entities": [{"entity": "sg-two"}]}),
        "/status/sg-two": (200, {"entity": "sg-two", "owed": ["BTC", "DOGS"], "methods": []}),
    }
    (error,) = checked(site)["errors"]
    assert "assets.ignore names DOGS, which clients of sg-two are owed" in error
    worker.answers["/status/sg-two"] = (200, {"entity": "sg-two", "owed": ["BTC"], "methods": []})
    found = checked(site)
    assert (found["errors"], [line for line in found["warnings"] if "assets.ignore" in line]) == ([], [])


def test_a_wallet_that_counts_twice_is_warned_of(site: Path, tmp_path: Path) -> None:
    events = tmp_path / "e.jsonl"
    twice = [balance("client_asset", "hot", "BTC", "2"), balance("reserve_asset", "hot", "BTC", "2.5")]
    events.write_text("\n".join([*twice, balance("client_asset", "cold", "BTC", "1")]) + "\n")
    (warning,) = [line for line in checked(site, "--events", str(events))["warnings"] if "held 2 times" in line]
    assert "BTC in account hot is held 2 times, 2 as client_asset of sg-two and 2.5 as reserve_asset of sg-two" in warning
