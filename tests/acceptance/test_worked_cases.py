"""All worked cases through the command line, as a reader of the results runs them."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests import worked_cases

COMMAND = Path(sys.executable).parent / "reserve-monitor"


@pytest.mark.skipif(not worked_cases.folders(), reason=worked_cases.ABSENT)
@pytest.mark.skipif(not COMMAND.exists(), reason="the command reserve-monitor is not installed in this environment")
@pytest.mark.timeout(900)
def test_every_worked_case_passes() -> None:
    program = [sys.executable, str(worked_cases.METHODOLOGY / "check.py"), "--command", str(COMMAND), "--timeout", "120"]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    count = sum(len(list(worked_cases.checks(folder))) for folder in worked_cases.folders())
    assert done.stdout.endswith(f"{count} passed, 0 failed\n")
