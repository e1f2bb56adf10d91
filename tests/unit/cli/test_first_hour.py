"""`broker`, `probe` and `lag`, run as a user runs them; one port in every place that names one."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from monitor import __main__ as program
from monitor.cli.first_hour.broker import PORT
from monitor.cli.running.lag import Lag, lines
from monitor.errors import CHECK_FAILED, CONNECTION, UNKNOWN, ConnectionProblem
from monitor.settings.load import settings_of
from monitor.web import Health, WebParts, start_web
from streams.demo.child import free_port
from tests.unit.web.test_server import FakeMetrics, FakeProbes

ROOT = Path(__file__).resolve().parents[3]
runner = CliRunner()
READ_ONE = """
import asyncio, sys
from monitor.settings.kafka import KafkaSettings
from streams.kafka.clients import consumer
async def main():
    reader = consumer(KafkaSettings(bootstrap_servers=f"127.0.0.1:{sys.argv[1]}", embedded=True), "market.trades")
    await reader.start()
    await asyncio.wait_for(reader.getone(), 40)
    await reader.stop()
asyncio.run(main())
"""


def started(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "monitor", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )


@pytest.mark.broker
def test_the_broker_prints_the_section_that_reaches_it_and_ends_on_ctrl_c() -> None:
    broker = started("broker", "--port", str(free_port()))
    try:
        assert broker.stdout is not None
        section = yaml.safe_load(broker.stdout.readline())
        settings = settings_of(section)
        assert settings.kafka.embedded
        made = runner.invoke(
            program.program,
            ["topics", "create", "--json"],
            env={"RESERVE_KAFKA": json.dumps(section["kafka"])},
            catch_exceptions=False,
        )
        assert "reserve.journal" in json.loads(made.stdout)["created"]
        taken = started("broker", "--port", settings.kafka.bootstrap_servers.rpartition(":")[2])
        _, said = taken.communicate(timeout=30)
        assert taken.returncode == CONNECTION
        assert "choose another port" in said
    finally:
        broker.send_signal(signal.SIGINT)
        broker.communicate(timeout=30)
    assert broker.returncode == 0


@pytest.mark.broker
def test_topics_wait_for_a_broker_and_a_simulation_ends_when_it_is_asked_to(tmp_path: Path) -> None:
    port = free_port()
    configuration = tmp_path / "reserve.yaml"
    configuration.write_text(
        f"kafka: {{bootstrap_servers: '127.0.0.1:{port}', embedded: true, journal_partitions: 1}}\n"
        "entities: {jp-main: {reporting_currency: JPY}}\n"
    )
    topics = started("topics", "create", "--wait", "60s", "--config", str(configuration))
    assert topics.stderr is not None
    assert "trying again for" in topics.stderr.readline()
    broker = started("broker", "--port", str(port))
    try:
        _, said = topics.communicate(timeout=60)
        assert topics.returncode == 0
        assert "created reserve.journal, 1 partition" in said
        simulation = started("simulate", "--rate", "5", "--config", str(configuration))
        consumed = subprocess.run([sys.executable, "-c", READ_ONE, str(port)], cwd=ROOT, timeout=60, check=False)
        assert consumed.returncode == 0
        simulation.terminate()
        simulation.communicate(timeout=30)
        assert simulation.returncode == 0
    finally:
        broker.terminate()
        broker.communicate(timeout=30)


def test_one_port_everywhere() -> None:
    port = str(PORT)
    assert settings_of({}).kafka.bootstrap_servers == f"127.0.0.1:{port}"
    for name in (
        "README.md",
        "Makefile",
        "docker-compose.yml",
        "deploy/kafka/up",
        "deploy/kafka/down",
        ".ci/run",
        "benchmarks/stage.py",
    ):
        text = (ROOT / name).read_text()
        found = set(re.findall(r"\b\d?9092\b", text))
        assert found == {port}, name


class Metrics(FakeMetrics):
    text = ""

    def exposition(self, accept: str = "") -> tuple[bytes, str]:
        return self.text.encode(), "text/plain"


@pytest.fixture
async def process(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[FakeProbes, Metrics]]:
    for name in [name for name in os.environ if name.startswith("RESERVE_")]:
        monkeypatch.delenv(name)
    probes, metrics = FakeProbes(), Metrics()
    server = await start_web(WebParts(probes, metrics, {}), "127.0.0.1", 0)
    monkeypatch.setenv("RESERVE_HTTP__PORT", str(server.port))
    monkeypatch.setenv("RESERVE_KAFKA__JOURNAL_PARTITIONS", "2")
    yield probes, metrics
    await server.stop()


async def called(*arguments: str) -> tuple[int, str, str]:
    """In a thread, because the server answers in this one."""
    import asyncio

    result = await asyncio.to_thread(runner.invoke, program.program, list(arguments))
    if isinstance(result.exception, ConnectionProblem):
        return CONNECTION, "", str(result.exception)
    return result.exit_code, result.stdout, result.stderr


async def test_a_probe_says_yes_no_or_nobody(process: tuple[FakeProbes, Metrics], monkeypatch: pytest.MonkeyPatch) -> None:
    probes, _ = process
    assert await called("probe") == (0, "", "yes: journal\n")
    probes.health = Health(False, {"intake": "ok", "assessor": "catching up"})
    assert await called("probe", "readyz") == (CHECK_FAILED, "", "no: assessor: catching up\n")
    assert (await called("probe", "livez"))[0] == 0
    monkeypatch.setenv("RESERVE_HTTP__PORT", str(free_port()))
    code, _, said = await called("probe", "livez")
    assert code == CONNECTION
    assert "no worker answers" in said


async def test_lag_is_read_from_the_workers(process: tuple[FakeProbes, Metrics]) -> None:
    _, metrics = process
    metrics.text = (
        'reserve_intake_lag_records{topic="market.trades",partition="1"} 1200\n'
        'reserve_intake_lag_records{topic="market.trades",partition="0"} 34\n'
        'reserve_journal_lag_records{partition="0"} 5\nreserve_journal_lag_seconds{partition="0"} 0.25\n'
        'reserve_journal_lag_records{partition="1"} 0\nreserve_journal_lag_seconds{partition="1"} 0\n'
    )
    code, shown, _ = await called("lag")
    assert code == 0
    assert shown.splitlines()[1:] == [
        "market.trades                     2          1,234  partition 1: 1,200",
        "reserve.journal                   2              5  partition 0: 5, 0.2 s",
    ]
    metrics.text = metrics.text.replace('{partition="1"}', '{partition="0"}')
    code, shown, said = await called("lag", "--json")
    assert code == UNKNOWN
    assert json.loads(shown)["journal_partitions_not_read"] == [1]
    assert "read by none of the workers asked: 1;" in said


def test_a_topic_without_lag_names_no_partition() -> None:
    assert lines([Lag("market.prices", 0, 0)])[1].endswith("  -")
