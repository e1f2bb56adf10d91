"""The demo as a stranger runs it: every expected alert comes and clears, each line is an alert of the contract."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from monitor.cli.first_hour.demonstration import Demonstration
from monitor.errors import CHECK_FAILED, MonitorError
from streams.demo.scenario import EXPECTED
from streams.schemas import json_schemas

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.broker
@pytest.mark.timeout(200)
async def test_every_expected_alert_comes_and_clears() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RESERVE_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "monitor", "demo", "--for", "20s", "--json",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=ROOT, env=environment,
    )  # fmt: skip
    out, talk = await asyncio.wait_for(process.communicate(), 180)
    assert process.returncode == 0, talk.decode()
    lines = [json.loads(line) for line in out.splitlines()]
    schema = Draft202012Validator(json_schemas()["reserve.alerts"])
    ends: dict[str, str] = {}
    for line in lines:
        assert line.pop("elapsed_s") > 0
        assert [error.message for error in schema.iter_errors(line)] == []
        ends[line["fingerprint"]] = line["status"]
    assert set(ends.values()) == {"resolved"}
    entered = [line for line in lines if line["reason"] == "entered"]
    assert {line["alertname"] for line in entered} >= set(EXPECTED)
    shortfall = next(line for line in entered if line["alertname"] == "ClientAssetShortfall")
    assert shortfall["subject"] == "XEM"
    assert any(cause["event_id"] == "stolen-hot-xem" for cause in shortfall["causes"])
    incident = [line for line in lines if line["alertname"] == "SecurityIncidentOpen"]
    assert len(incident) >= 2, "a revised incident is told again"
    assert "http://127.0.0.1:" in talk.decode(), "the status page is named"


@pytest.mark.broker
@pytest.mark.timeout(200)
async def test_a_reader_that_has_seen_enough_ends_it_without_a_traceback() -> None:
    """Fails where each alert that comes afterwards is an error of its receiver, with a traceback, until the story is over."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RESERVE_")}
    process = await asyncio.create_subprocess_shell(
        f"{sys.executable} -m monitor demo --for 20s --json | head -n 1",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=ROOT, env=environment,
    )  # fmt: skip
    out, talk = await asyncio.wait_for(process.communicate(), 180)
    assert len(out.splitlines()) == 1
    assert "Traceback" not in talk.decode()
    assert "ended before its story was over" in talk.decode()


def judged(came: set[str], standing: dict[str, str]) -> MonitorError | None:
    demonstration = Demonstration(1, 60, as_json=True)
    demonstration._came = came
    demonstration._alerts = {name: {"alertname": name, "status": status} for name, status in standing.items()}
    try:
        demonstration._judge()
    except MonitorError as error:
        return error
    return None


def test_an_alert_that_did_not_come_is_named() -> None:
    resolved = dict.fromkeys(EXPECTED, "resolved")
    assert judged(set(EXPECTED), resolved) is None
    error = judged(set(EXPECTED[1:]), resolved)
    assert error is not None
    assert error.exit_code == CHECK_FAILED
    assert EXPECTED[0] in str(error)
    error = judged(set(EXPECTED), {**resolved, "SourceStale": "firing"})
    assert error is not None
    assert "SourceStale" in str(error)
