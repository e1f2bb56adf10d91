"""Within the trial: install, start, kill and hang a stage, stop one, break the configuration, upgrade. Standard library only."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

SHARE = Path("/run/trial")
SETTINGS = Path("/etc/reserve-monitor/reserve.yaml")
PROGRAM = "/opt/reserve-monitor/bin/reserve-monitor"
PORTS = {"assessor": 9464, "intake": 9465, "dispatcher": 9466}
_WAIT_S = 120


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def ran(*command: str, code: int = 0) -> str:
    """What it says on both streams; it must end with `code`."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - commands of this file
    if done.returncode != code:
        raise SystemExit(f"{' '.join(command)} ended with {done.returncode}: {done.stdout}{done.stderr}\n{log()}")
    return done.stdout + done.stderr


def log() -> str:
    """The newest lines of the trial's journal."""
    newest = ("journalctl", "--no-pager", "--output=cat", "--lines=60")
    return subprocess.run(newest, capture_output=True, text=True, check=False).stdout  # noqa: S603 - as above


def shown(stage: str, name: str) -> str:
    """A property of a stage's unit."""
    return ran("systemctl", "show", "--value", f"--property={name}", f"reserve-monitor@{stage}").strip()


def comes(what: str, test: Callable[[], bool]) -> None:
    """Waits until `test` says yes."""
    deadline = time.monotonic() + _WAIT_S
    while not test():
        if time.monotonic() > deadline:
            raise SystemExit(f"did not come: {what}\n{log()}")
        time.sleep(0.3)
    say(f"held: {what}")


def ready(stage: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{PORTS[stage]}/readyz", timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


def install() -> str:
    return ran("/bin/sh", str(SHARE / "deploy/systemd/install"), "jp")


def begun() -> None:
    """The install script, a broker, topics, and the commands that the script prints."""
    said = install()
    say("held: deploy/systemd/install jp")
    ran("systemd-run", "--unit=broker", PROGRAM, "broker")
    ran(PROGRAM, "topics", "create", "--wait", "60s", "--config", str(SETTINGS))
    (enable,) = re.findall(r"systemctl enable --now (.+)", said)
    ran("systemctl", "enable", "--now", *enable.split())
    for stage in PORTS:
        comes(f"{stage} has told systemd that it is up", lambda stage=stage: shown(stage, "ActiveState") == "active")
        comes(f"{stage} is ready on its port", lambda stage=stage: ready(stage))
        said = ran("systemctl", "status", "reserve-monitor@*")  # as the runbooks ask
        if not re.search(rf"reserve-monitor@{stage}\.service.*?active \(running\)", said, re.DOTALL):
            raise SystemExit(f"the status of all units does not show {stage}: {said}")
        if shown(stage, "MainPID") == "0" or int(shown(stage, "WatchdogTimestampMonotonic")) == 0:
            raise SystemExit(f"{stage} does not feed the watchdog")


def looked_after() -> None:
    """A stage that is killed and one that hangs are started anew."""
    ran("systemctl", "kill", "--signal=KILL", "reserve-monitor@intake")
    comes("intake, killed, is started anew", lambda: shown("intake", "NRestarts") == "1" and ready("intake"))
    before = shown("dispatcher", "MainPID")
    ran("systemctl", "kill", "--signal=STOP", "reserve-monitor@dispatcher")
    comes("dispatcher, hanging, is killed by the watchdog", lambda: shown("dispatcher", "MainPID") not in {before, "0"})
    comes("and started anew", lambda: ready("dispatcher"))


def ended() -> None:
    """A stop is clean; a wrong configuration is not tried again; what a site has stays through an upgrade."""
    began = time.monotonic()
    ran("systemctl", "stop", "reserve-monitor@assessor")
    if shown("assessor", "Result") != "success" or time.monotonic() - began > 15:
        raise SystemExit(f"assessor did not stop cleanly: {shown('assessor', 'Result')}")
    say("held: a stop is clean and within its time")
    good = SETTINGS.read_text(encoding="utf-8")
    SETTINGS.write_text(good + "nonsense: 1\n", encoding="utf-8")
    ran("systemctl", "start", "reserve-monitor@assessor", code=1)
    ran("journalctl", "--no-pager", "-u", "reserve-monitor@*", "-p", "warning")
    if shown("assessor", "NRestarts") != "0" or "nonsense" not in ran(
        "journalctl", "--no-pager", "-u", "reserve-monitor@assessor"
    ):
        raise SystemExit("a wrong configuration is tried again, or its reason is not in the log")
    say("held: a wrong configuration is said once and not tried again")
    SETTINGS.write_text(good + "# a site's own line\n", encoding="utf-8")
    install()
    if not SETTINGS.read_text(encoding="utf-8").endswith("# a site's own line\n"):
        raise SystemExit("the second install wrote over reserve.yaml")
    ran("systemctl", "restart", *(f"reserve-monitor@{stage}" for stage in PORTS))
    for stage in PORTS:
        comes(f"{stage} is ready after the upgrade", lambda stage=stage: ready(stage))


def main() -> None:
    begun()
    looked_after()
    ended()
    (SHARE / "good").touch()
    say(f"all held under {ran('systemctl', '--version').splitlines()[0]}")


if __name__ == "__main__":
    sys.exit(main())
