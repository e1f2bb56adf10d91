"""All worked cases through the command line, as a reader of the results runs them."""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from monitor.cli.event_files.assess import app
from tests import worked_cases
from tests.expectations import differences

STATES_AS_EXIT_CODES = (0, 1, 5)


def assessed(folder: Path, at: str, methods: list[str]) -> list[dict[str, Any]]:
    """What `reserve-monitor assess` prints for a case at a time."""
    config = folder / "config.yaml"
    chosen = ["--config", str(config)] if config.exists() else [word for method in methods for word in ("--method", method)]
    events = [str(path) for path in worked_cases.event_files(folder)]
    done = CliRunner().invoke(app, ["--events", *events, "--at", at, *chosen], catch_exceptions=False)
    assert done.exit_code in STATES_AS_EXIT_CODES, done.output
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("folder", worked_cases.folders(), ids=lambda folder: folder.name)
def test_worked_case(folder: Path) -> None:
    checks = sorted(worked_cases.checks(folder), key=lambda check: str(check["at"]))
    for at, together in groupby(checks, key=lambda check: str(check["at"])):
        these = list(together)
        results = assessed(folder, at, list(dict.fromkeys(check["method"] for check in these)))
        for check in these:
            (found,) = [one for one in results if (one["entity"], one["method"]) == (check["entity"], check["method"])]
            assert differences(check["expect"], found) == [], f"{at} {check['entity']} {check['method']}"


def test_all_cases_are_here() -> None:
    assert len(worked_cases.folders()) == 48
    assert sum(len(list(worked_cases.checks(folder))) for folder in worked_cases.folders()) == 110
