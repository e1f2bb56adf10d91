"""Prometheus rules: checked and tested by promtool, complete in what they tell, and only about metrics that exist."""

import asyncio
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.links import BOARDS
from monitor.core.journal.vocabulary import ALERT_SEVERITIES
from monitor.core.values.times import parse_time
from monitor.metrics.registry import Metrics
from monitor.settings.sections import RUNBOOKS
from tests import status_examples as examples
from tests.deploy.tools import DEPLOY, EXPOSED, FOREIGN, RULES, metric_names, rules, run, tool
from tests.unit.test_metrics import FOLD, MEASURES

TESTS = DEPLOY / "prometheus" / "tests" / "reserve-monitor.yml"
NAMES = [rule["alert"] for rule in rules()]


def cases(name: str) -> list[dict[str, Any]]:
    return [case for case in yaml.safe_load(TESTS.read_text())["tests"] if case["name"].split(" ", 1)[0] == name]


def test_promtool_accepts_rules_and_configuration() -> None:
    assert run(tool("promtool"), "check", "rules", str(RULES)).returncode == 0
    checked = run(tool("promtool"), "check", "config", "prometheus.yml", cwd=DEPLOY / "prometheus")
    assert checked.returncode == 0, checked.stderr


@pytest.mark.timeout(400)
def test_promtool_passes_every_rule_test() -> None:
    tested = run(tool("promtool"), "test", "rules", str(TESTS))
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_promtool_finds_a_rule_test_that_is_wrong(tmp_path: Path) -> None:
    """A guard against tests that pass whatever the rules say."""
    tests = yaml.safe_load(TESTS.read_text())
    quiet = next(test for test in tests["tests"] if not test["alert_rule_test"][0]["exp_alerts"])
    quiet["alert_rule_test"][0]["exp_alerts"] = [{"exp_labels": {"severity": "critical"}}]
    (tmp_path / "broken.yml").write_text(yaml.safe_dump(tests | {"rule_files": [str(RULES)], "tests": [quiet]}))
    assert run(tool("promtool"), "test", "rules", str(tmp_path / "broken.yml")).returncode != 0


@pytest.mark.parametrize("name", NAMES)
def test_every_rule_is_tested_firing_and_quiet_and_without_data(name: str) -> None:
    found = cases(name)
    fires = [bool(case["alert_rule_test"][0]["exp_alerts"]) for case in found]
    assert len(found) >= (2 if name == "Watchdog" else 3), f"{name}: write a positive, a negative and a missing-data case"
    assert any(fires)
    assert name == "Watchdog" or not all(fires)
    assert all(case["alert_rule_test"][0]["alertname"] == name for case in found)


@pytest.mark.parametrize("rule", rules(), ids=NAMES)
def test_every_rule_tells_what_on_call_needs(rule: dict[str, Any]) -> None:
    assert re.fullmatch(r"Watchdog|ReserveMonitor[A-Z][A-Za-z]+", rule["alert"])
    assert rule["alert"] not in ALERT_SEVERITIES, "an alert of the daemon has this name"
    assert rule["labels"]["severity"] in {"critical", "warning", "info", "none"}
    annotations = rule["annotations"]
    assert annotations.keys() == {"summary", "description", "runbook_url", "dashboard_url"}
    assert "{{" not in annotations["summary"], "the summary is the same for the whole group"
    assert annotations["runbook_url"] == f"{RUNBOOKS}#{rule['alert'].lower()}"
    assert re.match(rf"{BOARDS}/d/reserve-(overview|entity|operations)\b", annotations["dashboard_url"])


@pytest.mark.parametrize("rule", rules(), ids=NAMES)
def test_every_rule_waits_or_holds(rule: dict[str, Any]) -> None:
    """One odd scrape pages nobody: a rule has `for`, or looks back over a range and holds."""
    if rule["labels"]["severity"] != "none":
        assert "for" in rule or "keep_firing_for" in rule


@pytest.mark.parametrize("rule", rules(), ids=NAMES)
def test_every_rule_reads_metrics_that_exist(rule: dict[str, Any]) -> None:
    names = metric_names(rule["expr"])
    assert names <= EXPOSED | FOREIGN, names - EXPOSED - FOREIGN


def test_no_rule_turns_absent_into_zero() -> None:
    for rule in rules():
        assert "or vector(" not in rule["expr"], rule["alert"]


def test_safety_net_knows_every_alert_that_tells_a_shortfall() -> None:
    (net,) = [rule for rule in rules() if rule["alert"] == "ReserveMonitorShortfallNotAlerted"]
    (listed,) = re.findall(r'alertname=~"([^"]+)"', net["expr"])
    assert set(listed.split("|")) == {"ReserveShortfall", "SameAssetShortfall", "ClientAssetShortfall", "HotStorageLimitExceeded"}


async def test_promtool_has_nothing_against_the_real_exposition() -> None:
    metrics = Metrics(version="0.1.0", engine_version="1", channels=("pager",), fold=FOLD)
    metrics.update_entity(examples.shortfall(), MEASURES)
    metrics.engine_clock(0, parse_time(examples.AT))
    process = await asyncio.create_subprocess_exec(
        tool("promtool"), "check", "metrics", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate(metrics.exposition()[0])
    assert (process.returncode, said.decode()) == (0, "")
