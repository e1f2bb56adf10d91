"""The wheel of `make wheel` in an environment that holds nothing else, far from the project's folder: a second machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.deploy.tools import REPOSITORY

pytestmark = [pytest.mark.wheel, pytest.mark.timeout(420)]

DIST = REPOSITORY / "dist"


PIPX = "pipx==1.18.4"


def ran(folder: Path, *command: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("RESERVE_", "PYTHON", "VIRTUAL_ENV"))
    } | more
    done = subprocess.run(list(map(str, command)), cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stderr[-2000:]}"
    return done


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("second-machine")
    (wheel,) = DIST.glob("*.whl")
    ran(folder, sys.executable, "-m", "venv", folder / "env")
    pip = folder / "env" / "bin" / "pip"
    ran(folder, pip, "install", "--quiet", "--require-hashes", "-r", DIST / "requirements.txt")
    ran(folder, pip, "install", "--quiet", "--no-deps", wheel)
    ran(folder, pip, "check")
    installed = {one["name"] for one in json.loads(ran(folder, pip, "list", "--format", "json").stdout)}
    assert not installed & {"pytest", "mypy", "ruff", "hypothesis"}
    return folder / "env" / "bin" / "reserve-monitor"


def test_the_first_commands_work_where_only_the_wheel_is(program: Path, tmp_path: Path) -> None:
    assert ran(tmp_path, program, "--version").stdout.startswith("reserve-monitor 0.")
    ran(tmp_path, program, "config", "init", "--for", "jp")
    checked = json.loads(ran(tmp_path, program, "config", "check", "--json").stdout)
    assert checked["digest"].startswith("sha256:")
    assert "jp.psa_custody" in ran(tmp_path, program, "methods", "list").stdout
    assert "## `kafka`" in ran(tmp_path, program, "config", "reference").stdout


def test_the_demo_plays_where_only_the_wheel_is(program: Path, tmp_path: Path) -> None:
    lines = ran(tmp_path, program, "demo", "--for", "20s", "--json").stdout.splitlines()
    assert {json.loads(line)["status"] for line in lines} >= {"firing", "resolved"}


def test_pipx_installs_it_with_the_same_versions(tmp_path: Path) -> None:
    (wheel,) = DIST.glob("*.whl")
    ran(tmp_path, sys.executable, "-m", "venv", tmp_path / "tool")
    ran(tmp_path, tmp_path / "tool" / "bin" / "pip", "install", "--quiet", PIPX)
    homes = {"PIPX_HOME": str(tmp_path / "home"), "PIPX_BIN_DIR": str(tmp_path / "bin"), "PIPX_MAN_DIR": str(tmp_path / "man")}
    pipx = tmp_path / "tool" / "bin" / "pipx"
    ran(tmp_path, pipx, "install", "--python", sys.executable, wheel, **homes)
    ran(tmp_path, pipx, "runpip", "reserve-monitor", "install", "--require-hashes", "-r", DIST / "requirements.txt", **homes)
    program = tmp_path / "bin" / "reserve-monitor"
    assert ran(tmp_path, program, "--version").stdout.startswith("reserve-monitor 0.")
    ran(tmp_path, program, "config", "init", "--for", "kr")
    assert json.loads(ran(tmp_path, program, "config", "check", "--json").stdout)["good"]
