"""`rehearse`: a pretended shortage reaches every channel marked as one, and ends; nothing else is touched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from monitor.__main__ import program
from monitor.core.alerts.life import Identity
from monitor.errors import CHECK_FAILED, UsageError
from tests.unit.cli.test_alerts import Served
from tests.unit.cli.test_status import Worker

runner = CliRunner()


def outcome(mode: str, state: str, method: str = "jp.psa_custody") -> dict[str, Any]:
    after = {"state": state, "required": "100", "available": "60", "surplus": "-40", "coverage": "0.6"}
    return {
        "scenario": "hot_tier_lost", "method": method, "mode": mode, "currency": "JPY", "after": after,
        "broken": ["client_asset.BTC"],
    }  # fmt: skip


@pytest.fixture
def served() -> Iterator[Served]:
    made = Served()
    made.start()
    yield made
    made.stop()


@pytest.fixture
def config(served: Served, tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("s3")
    path = tmp_path / "reserve.yaml"
    hook = f"hook: {{type: webhook, url: '{served.hook.url}', secret_file: {tmp_path / 'secret'}}}"
    path.write_text(f"alerting: {{channels: {{{hook}, pager: {{type: alertmanager, urls: ['{served.am.url}']}}}}}}\n")
    return path


def asked(config: Path, worker: Worker, outcomes: list[dict[str, Any]], *more: str) -> Result:
    worker.answers["/foresee/jp-main"] = (200, outcomes)
    words = ["rehearse", "jp-main", "--scenario", "hot_tier_lost", "--hold", "0", "--config", str(config), *more]
    return runner.invoke(program, words)


def test_every_channel_is_told_of_it_marked_and_then_of_its_end(served: Served, config: Path, worker: Worker) -> None:
    outcomes = [
        outcome("in_force", "shortfall"),
        outcome("shadow", "shortfall", "hk.vatp"),
        outcome("in_force", "adequate", "sg.ps"),
    ]
    result = asked(config, worker, outcomes)
    assert result.exit_code == 0, result.output
    firing, over = served.hook.alerts
    assert [body["status"] for body in (firing, over)] == ["firing", "resolved"]
    for body in (firing, over):
        assert body["rehearsal"] is True
        assert body["summary"].startswith("REHEARSAL")
        assert (body["method"], body["chain"], body["journal"]) == ("jp.psa_custody", None, None)
    real = Identity("ReserveShortfall", "jp-main", "jp.psa_custody", "headline", None).fingerprint
    assert firing["fingerprint"] == over["fingerprint"] != real
    labels = [alert["labels"] for request in served.am.accepted for alert in request.json]
    assert {label["rehearsal"] for label in labels} == {"true"}
    assert {label["subject"] for label in labels} == {"hot_tier_lost"}


def test_a_dry_run_sends_nothing_and_one_channel_may_be_named(served: Served, config: Path, worker: Worker) -> None:
    result = asked(config, worker, [outcome("in_force", "shortfall")], "--dry-run", "--channel", "hook")
    assert (result.exit_code, served.hook.alerts) == (0, [])
    assert "would tell hook: REHEARSAL" in result.output


def test_where_nothing_would_be_short_nobody_is_paged(served: Served, config: Path, worker: Worker) -> None:
    assert asked(config, worker, [outcome("shadow", "shortfall")]).exit_code == CHECK_FAILED
    assert served.hook.alerts == []


def test_an_unknown_channel_is_named(config: Path, worker: Worker) -> None:
    result = asked(config, worker, [], "--channel", "nobody")
    assert isinstance(result.exception, UsageError)
    assert "there is no channel nobody" in str(result.exception)
