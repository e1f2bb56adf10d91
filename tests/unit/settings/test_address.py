"""The address found without the models is the one that the settings name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from monitor.cli.ask import addresses
from monitor.errors import ConfigurationError
from monitor.settings.admin.address import admin_address
from monitor.settings.load import load_settings

UNDER_TLS = "http: {tls: {cert_file: a, key_file: b}}"
FILES = [
    "",
    "{}",
    "http: {port: 7001}",
    "http: {host: 0.0.0.0, port: 7002}",
    "http: {host: '::1'}",
    UNDER_TLS,
    "http:\n",
]
VARIABLES: list[dict[str, str]] = [
    {},
    {"RESERVE_HTTP__PORT": "7003"},
    {"RESERVE_HTTP__HOST": "10.0.0.1"},
    {"RESERVE_HTTP__TLS__CERT_FILE": "a", "RESERVE_HTTP__TLS__KEY_FILE": "b"},
    {"RESERVE_HTTP": '{"port": 7004}'},
    {"RESERVE_HTTP": '{"port": 7004}', "RESERVE_HTTP__PORT": "7005"},
]


@pytest.fixture(autouse=True)
def _apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith("RESERVE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("text", FILES[:-1])
@pytest.mark.parametrize("variables", VARIABLES)
def test_it_is_the_address_of_the_settings(
    text: str, variables: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "reserve.yaml").write_text(text)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert admin_address(None) == addresses(load_settings())[0]


def test_the_file_is_the_one_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other.yaml"
    other.write_text("http: {port: 7006}")
    assert admin_address(other) == "http://127.0.0.1:7006"
    monkeypatch.setenv("RESERVE_CONFIG", str(other))
    assert admin_address(None) == "http://127.0.0.1:7006"
    assert admin_address(tmp_path / "none.yaml") == "http://127.0.0.1:9464"


def test_what_cannot_be_read_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("http: [", "http: " + "[" * 200_000, "revision: 2026-13-45"):
        (tmp_path / "reserve.yaml").write_text(text)
        with pytest.raises(ConfigurationError, match="config check"):
            admin_address(None)
    (tmp_path / "reserve.yaml").write_text("")
    monkeypatch.setenv("RESERVE_HTTP", "{")
    with pytest.raises(ConfigurationError, match="RESERVE_HTTP"):
        admin_address(None)


def test_a_health_check_loads_neither_models_nor_the_command_line() -> None:
    code = (
        "import sys, monitor.probe as p; p.main(['livez']); sys.exit(bool({'pydantic', 'typer', 'aiohttp'} & set(sys.modules)))"
    )
    environment = os.environ | {"RESERVE_HTTP__PORT": "1", "PYTHONPATH": str(Path(__file__).resolve().parents[3])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith("no worker answers at http://127.0.0.1:1 ")
