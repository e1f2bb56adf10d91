"""The unit as systemd reads it, the install script below a folder, and the daemon's words to a service manager."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from monitor.settings.load import load_settings
from monitor.settings.service import ServiceManager
from streams.demo.child import free_port
from streams.kafka.embedded import EmbeddedBroker
from tests.deploy.tools import DEPLOY, REPOSITORY, run, tool

SYSTEMD = DEPLOY / "systemd"
UNIT = SYSTEMD / "reserve-monitor@.service"
STAGES = ("intake", "assessor", "dispatcher", "archiver")


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    done = subprocess.run(
        [SYSTEMD / "install", "jp"],
        env=os.environ | {"DESTDIR": str(tmp_path), "FILES_ONLY": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return tmp_path


def test_the_unit_is_exposed_little() -> None:
    checked = run(tool("systemd-analyze"), "security", "--offline=true", "--threshold=20", str(UNIT))
    assert checked.returncode == 0, checked.stdout[-500:]


def test_systemd_finds_nothing_to_say_of_the_installed_unit(installed: Path) -> None:
    program = installed / "opt/reserve-monitor/bin/reserve-monitor"
    program.parent.mkdir(parents=True)
    shutil.copy("/bin/true", program)  # systemd asks only whether it is there and may be run
    text = (installed / "etc/systemd/system/reserve-monitor@.service").read_text()
    unit = installed / "reserve-monitor@intake.service"
    unit.write_text(text.replace("/opt/reserve-monitor", str(program.parents[1])))
    checked = run(tool("systemd-analyze"), "verify", "--man=false", "--recursive-errors=no", str(unit))
    said = [line for line in checked.stderr.splitlines() if "reserve-monitor" in line]
    assert said == []
    assert checked.returncode == 0, checked.stderr


def test_each_stage_has_a_port_of_its_own(installed: Path) -> None:
    ports = set()
    for stage in STAGES:
        text = (installed / "etc/reserve-monitor" / f"{stage}.env").read_text()
        ports |= set(re.findall(r"^RESERVE_HTTP__PORT=(\d+)$", text, re.MULTILINE))
    assert len(ports) == len(STAGES)
    assert str(load_settings(DEPLOY / "compose" / "reserve.yaml").http.port) in ports


def test_what_a_site_has_changed_stays_when_it_is_installed_again(installed: Path) -> None:
    changed = installed / "etc/reserve-monitor/intake.env"
    changed.write_text("RESERVE_HTTP__PORT=7000\n")
    assert (installed / "etc/reserve-monitor/secrets").stat().st_mode & 0o077 == 0
    subprocess.run([SYSTEMD / "install", "jp"], env=os.environ | {"DESTDIR": str(installed), "FILES_ONLY": "1"}, check=True)
    assert changed.read_text() == "RESERVE_HTTP__PORT=7000\n"


def test_the_trial_says_why_it_cannot_run_and_is_of_shells_that_read_it() -> None:
    """`make test-systemd` itself needs root and minutes: it is no part of the fast tests."""
    trial = SYSTEMD / "trial"
    for script in ("run", "unable", "boot"):
        assert run("bash", "-n", str(trial / script)).returncode == 0
    asked = subprocess.run([trial / "unable"], capture_output=True, text=True, check=False)
    assert (asked.returncode, bool(asked.stdout.strip())) in {(0, True), (1, False)}


def test_the_unit_stops_within_its_time_and_does_not_repeat_what_cannot_heal() -> None:
    text = UNIT.read_text()
    assert "TimeoutStopSec=15" in text
    assert "RestartPreventExitStatus=2 3" in text
    assert re.search(r"ExecStart=\S+ run --only %i", text)
    assert re.search(r"^Type=notify$", text, re.MULTILINE)
    assert re.search(r"^WatchdogSec=\d+$", text, re.MULTILINE)


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(60)
        yield listener


def test_without_a_manager_nothing_is_sent() -> None:
    ServiceManager.of_environment({}).ready("x")


@pytest.mark.broker
async def test_the_daemon_tells_its_manager_that_it_started_moves_and_stops(tmp_path: Path, manager: socket.socket) -> None:
    import asyncio

    async with EmbeddedBroker() as broker:
        configuration = tmp_path / "reserve.yaml"
        port = free_port()
        content = {
            "kafka": {"bootstrap_servers": broker.bootstrap, "embedded": True, "journal_partitions": 1},
            "http": {"port": port},
        }
        configuration.write_text(yaml.safe_dump(content))
        program = (sys.executable, "-m", "monitor")
        made = await asyncio.create_subprocess_exec(*program, "topics", "create", "--config", str(configuration))
        assert await made.wait() == 0
        daemon = await asyncio.create_subprocess_exec(
            *program, "run", "--only", "intake", "--config", str(configuration),
            cwd=REPOSITORY, env=os.environ | {"NOTIFY_SOCKET": str(tmp_path / "notify")}, stdout=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            heard = await asyncio.to_thread(manager.recv, 4096)
            assert heard.decode() == f"READY=1\nSTATUS=intake at http://127.0.0.1:{port}"
            assert await asyncio.to_thread(manager.recv, 4096) == b"WATCHDOG=1"
            daemon.terminate()
            while (heard := await asyncio.to_thread(manager.recv, 4096)) == b"WATCHDOG=1":
                pass
            assert heard == b"STOPPING=1"
            assert await daemon.wait() == 0
        finally:
            if daemon.returncode is None:
                daemon.kill()
