"""`methods list|show|check`: what they print, and one clear line for what is wrong."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from monitor.cli.setup.methods import app
from monitor.errors import ConfigurationError, UsageError
from monitor.methods.loader import SHIPPED


def run(*arguments: str) -> tuple[str, str]:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=True)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout, result.stderr


def rows(*arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run(*arguments, "--json")[0])
    return found


def test_list_has_every_method_with_version_status_and_digest() -> None:
    found = {row["id"]: row for row in rows("list")}
    assert len(found) == 17
    assert found["jp.crypto_reserve_2026"]["status"] == "draft"
    assert "jp.crypto_reserve.floor" in found["jp.crypto_reserve_2026"]["null_parameters"]
    assert found["hk.vatp"]["weakest_status"] == "unverified"
    assert all(row["digest"].startswith("sha256:") for row in found.values())
    assert len(run("list")[0].splitlines()) == 17


def test_show_prints_text_markdown_and_json() -> None:
    assert "parameter  hk.vatp.hot_max = 0.02" in run("show", "hk.vatp")[0]
    assert run("show", "hk.vatp", "--format", "md")[0].startswith("# hk.vatp\n")
    shown = json.loads(run("show", "hk.vatp", "--json")[0])
    assert shown["pack"]["id"] == "hk.vatp"
    assert shown["digest"] == next(row["digest"] for row in rows("list") if row["id"] == "hk.vatp")


def test_show_of_an_unknown_method_says_where_to_look() -> None:
    with pytest.raises(UsageError, match="there is no method xx: `reserve-monitor methods list`"):
        run("show", "xx")


def test_check_of_files_and_directories(tmp_path: Path) -> None:
    text = (SHIPPED / "us.ny_custody.yaml").read_text(encoding="utf-8")
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yml"
    good.write_text(text.replace("id: us.ny_custody", "id: xx.custody"), encoding="utf-8")
    assert "good: xx.custody 2026.1 sha256:" in run("check", str(good))[1]
    assert "xx.custody" in {row["id"] for row in rows("list", "--packs", str(tmp_path))}
    bad.write_text(text.replace('value: "1"', "value: 1"), encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"bad\.yml, line \d+, parameters\.us\.ny\.holding_ratio\.value"):
        run("check", str(bad))
    assert len(run("check")[1].splitlines()) == 17
