"""A daemon ends though a task of it does not: tried in a process of its own, which would otherwise stand for ever."""

from __future__ import annotations

import subprocess
import sys

import pytest

STUBBORN = """
import asyncio, sys
from monitor.cli.running.ending import close
from monitor.errors import ConnectionProblem
async def stubborn():
    while True:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            pass
async def main():
    asyncio.create_task(stubborn())
    await asyncio.sleep(0)
runner = asyncio.Runner()
runner.run(main())
errors = {"error": ConnectionProblem("the broker is gone"), "fault": ValueError("the broker is gone")}
close(runner, errors.get(sys.argv[1]), 0.05)
"""


@pytest.mark.parametrize(("how", "code"), [("well", 0), ("error", 4), ("fault", 1)])
def test_a_task_that_takes_no_cancellation_ends_with_the_process(how: str, code: int) -> None:
    done = subprocess.run([sys.executable, "-c", STUBBORN, how], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == code
    assert "a task did not end" in done.stderr
    assert ("the broker is gone" in done.stderr) is (how != "well")
    assert ("ValueError" in done.stderr) is (how == "fault")
