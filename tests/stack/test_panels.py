"""Every query of every board and rule, asked of a real Prometheus that scrapes the running demo."""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from deploy.grafana.board import MAY_BE_EMPTY
from tests.deploy.test_grafana import PANELS, expressions
from tests.deploy.tools import rules
from tests.stack.servers import REPOSITORY, Prometheus, eventually, fetch, free_port

pytestmark = [pytest.mark.stack, pytest.mark.timeout(240)]


@pytest.fixture
async def demo() -> AsyncIterator[str]:
    """Address of the demo's admin server; the demo ends with the test."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "monitor", "demo", "--json", "--for", "200s",
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE, cwd=REPOSITORY,
    )  # fmt: skip
    assert process.stderr is not None
    said, found = "", None
    while found is None:
        line = await asyncio.wait_for(process.stderr.readline(), 60)
        assert line, said
        said += line.decode()
        found = re.search(r"127\.0\.0\.1:\d+", said)
    drain = asyncio.create_task(process.stderr.read())
    try:
        yield found.group()
    finally:
        process.terminate()
        await asyncio.wait_for(process.wait(), 30)
        await drain


def filled(expression: str) -> str:
    """The expression with the boards' variables as Grafana would fill them."""
    values = {"$entity": "jp-main", "$method": ".*", "$job": "reserve-monitor", "$__rate_interval": "30s"}
    for name, value in values.items():
        expression = expression.replace(name, value)
    assert "$" not in expression
    return expression


async def test_every_panel_and_rule_reads_data_of_the_running_demo(demo: str, tmp_path: Path) -> None:
    asked = {
        (panel["title"], filled(one)) for _, panel in PANELS for one in expressions(panel) if panel["title"] not in MAY_BE_EMPTY
    }
    seen: set[tuple[str, str]] = set()
    async with Prometheus(tmp_path / "prometheus", [demo], f"127.0.0.1:{free_port()}").running() as prometheus:

        async def all_seen() -> bool:
            for title, expression in asked - seen:
                if await prometheus.query(expression):
                    seen.add((title, expression))
            return seen == asked

        try:
            await eventually(all_seen, 120, "data for every panel")
        except AssertionError:
            pytest.fail(f"no data: {json.dumps(sorted(asked - seen), indent=1)}")
        for panel in (panel for _, panel in PANELS if panel["title"] in MAY_BE_EMPTY):
            for expression in expressions(panel):
                await prometheus.query(filled(expression))
        states = {rule["name"]: rule["health"] for rule in await loaded(prometheus)}
    assert states == {rule["alert"]: "ok" for rule in rules()}


async def loaded(prometheus: Prometheus) -> list[dict[str, Any]]:
    """The rules as Prometheus evaluates them."""
    groups = (await fetch(f"{prometheus.url}/api/v1/rules"))["data"]["groups"]
    return [rule for group in groups for rule in group["rules"]]
