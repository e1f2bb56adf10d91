"""`status` and `explain`: what people read, whom is asked, what the exit code says."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from typer.testing import CliRunner

from monitor.__main__ import program
from monitor.cli import ask, explain
from monitor.errors import ConnectionProblem, MonitorError
from monitor.settings.load import settings_of
from tests.alert_samples import alert_value
from tests.status_examples import adequate, shortfall, unknown

runner = CliRunner()

Answers = Mapping[str, tuple[int, Any]]


def answering(monkeypatch: pytest.MonkeyPatch, answers: Answers) -> list[str]:
    """Workers by address and path; others do not answer. Gives what was asked."""
    asked: list[str] = []

    def get(address: str, path: str) -> tuple[int, Any]:
        asked.append(address + path)
        if address + path not in answers:
            raise ConnectionProblem(f"no worker answers at {address}")
        return answers[address + path]

    monkeypatch.setattr(ask, "get", get)
    return asked


LOCAL = "http://127.0.0.1:9464"


@pytest.mark.parametrize(("example", "code"), [(adequate, 0), (shortfall, 1), (unknown, 5)])
def test_a_status_in_full(monkeypatch: pytest.MonkeyPatch, example: Any, code: int) -> None:
    value = example()
    answering(monkeypatch, {f"{LOCAL}/status/jp-main": (200, value)})
    shown = runner.invoke(program, ["status", "jp-main"])
    assert shown.exit_code == code
    for method in value["methods"]:
        assert method["method"] in shown.output
        assert method["state"] in shown.output
        for component in method["components"]:
            assert (f"short: {component['name']}" in shown.output) is (component["state"] == "shortfall")
        for gap in method["gaps"]:
            assert f"not known: {gap['kind']}" in shown.output
    for firing in value["alerts"]:
        assert f"firing {firing['alertname']}" in shown.output
    for row in value["sources"]:
        assert row["topic"] in shown.output
    exact = runner.invoke(program, ["status", "jp-main", "--json"])
    assert (exact.exit_code, json.loads(exact.stdout)) == (code, value)


def test_a_past_date_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = answering(monkeypatch, {f"{LOCAL}/status/jp-main?date=2026-01-05": (200, adequate())})
    assert runner.invoke(program, ["status", "jp-main", "--date", "2026-01-05"]).exit_code == 0
    assert asked == [f"{LOCAL}/status/jp-main?date=2026-01-05"]


def test_all_entities_of_all_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    def row(entity: str, state: str) -> dict[str, Any]:
        method = {
            "method": "m.x",
            "mode": "in_force",
            "state": state,
            "coverage": None,
            "coverage_lower": "0.5",
            "coverage_upper": None,
        }
        return {"entity": entity, "at": "2026-01-05T00:00:00Z", "methods": [method], "alerts": 1}

    monkeypatch.setenv("RESERVE_HTTP__PEERS", '["http://b:1/", "http://dead:1"]')
    answers = {
        f"{LOCAL}/status": (200, {"partitions": [0], "entities": [row("b-1", "adequate")]}),
        "http://b:1/status": (200, {"partitions": [1], "entities": [row("a-1", "unknown")]}),
    }
    answering(monkeypatch, answers)
    shown = runner.invoke(program, ["status"])
    assert shown.exit_code == 5
    assert shown.output.index("a-1") < shown.output.index("b-1")
    assert "At least 50.00 %" in shown.output
    exact = json.loads(runner.invoke(program, ["status", "--json"]).stdout)
    assert [worker["partitions"] for worker in exact["workers"]] == [[0], [1]]


def test_the_owner_named_by_a_worker_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {
        f"{LOCAL}/status/jp-main": (421, {"error": "held elsewhere", "owner": "http://c:1"}),
        "http://c:1/status/jp-main": (200, {"entity": "jp-main"}),
    }
    asked = answering(monkeypatch, answers)
    assert ask.of_entity(settings_of({}), "jp-main") == {"entity": "jp-main"}
    assert len(asked) == 2


def test_nobody_knows_the_entity_or_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, {f"{LOCAL}/status/x": (404, {"error": "none"})})
    assert ask.of_entity(settings_of({}), "x") is None
    assert runner.invoke(program, ["status", "x"]).exit_code == 5
    with pytest.raises(ConnectionProblem):
        ask.of_entity(settings_of({}), "other")


def test_a_server_for_all_addresses_is_asked_on_loopback() -> None:
    assert ask.addresses(settings_of({"http": {"host": "0.0.0.0", "port": 1}})) == ["http://127.0.0.1:1"]
    assert ask.addresses(settings_of({"http": {"host": "::1", "port": 1}})) == ["http://[::1]:1"]


def explained(monkeypatch: pytest.MonkeyPatch, records: list[dict[str, Any]], name: str) -> str:
    async def find(_settings: object, _name: str) -> list[dict[str, Any]]:
        return records

    monkeypatch.setattr(explain, "_find", find)
    result = runner.invoke(program, ["explain", name])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_story_of_an_alert(monkeypatch: pytest.MonkeyPatch) -> None:
    cause = {"topic": "custody.balances", "epoch": 0, "partition": 3, "offset": 881, "event_id": "b-1"}
    changes = [alert_value(causes=[cause]), alert_value(status="resolved", revision=2)]
    text = explained(monkeypatch, [*changes, shortfall()["methods"][0]], "ab" * 16)
    assert text.index("ReserveShortfall firing") < text.index("ReserveShortfall resolved") < text.index("under jp.psa_custody")
    assert "because of custody.balances 0/3/881 (b-1)" in text
    assert "runbook https://runbooks.example" in text


def test_an_assessment_says_what_is_short_and_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for example in (shortfall(), unknown()):
        record = example["methods"][0]
        text = explained(monkeypatch, [record], "sha256:" + "ab" * 32)
        for component in record["components"]:
            assert (f"  {component['name']}: {component['state']}" in text) is (component["state"] != "adequate")
        for gap in record["gaps"]:
            assert f"not known: {gap['kind']} {gap['subject']}" in text


def test_what_is_not_kept_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    from streams.lookup import outputs as lookup

    async def none(*_: object) -> None:
        return None

    monkeypatch.setattr(lookup, "find_alerts", none)
    monkeypatch.setattr(lookup, "find_digest", none)
    for name, said in (("ab" * 16, "reserve.alerts"), ("ab" * 32, "output topics")):
        result = runner.invoke(program, ["explain", name])
        assert isinstance(result.exception, MonitorError)
        assert said in str(result.exception)
