"""What a command imports: its own rooms, so that it starts at once."""

import json
import subprocess
import sys
from pathlib import Path

ELSEWHERE = {
    "assess": (
        "aiohttp", "aiokafka", "asyncio", "cryptography", "faust", "jinja2", "obstore", "prometheus_client", "pydantic_settings",
        "rich", "structlog", "typst", "holidays", "monitor.archive", "monitor.metrics", "monitor.report",
        "monitor.web", "streams.archiver", "streams.assessor", "streams.daemon", "streams.demo", "streams.dispatch",
        "streams.intake.worker", "streams.journal", "streams.kafka", "streams.lookup",
    ),
    "--help": ("pydantic", "yaml", "monitor.core", "monitor.settings", "streams.wire"),
}  # fmt: skip
"""By command: packages and modules that are not its own."""


def _imported(arguments: list[str]) -> set[str]:
    program = (
        "import json, sys; from monitor.__main__ import main; sys.argv = json.loads(sys.argv[1])\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    )
    given = json.dumps(["reserve-monitor", *arguments])
    done = subprocess.run([sys.executable, "-c", program, given], capture_output=True, text=True, check=True, env={})
    return set(json.loads(done.stderr.splitlines()[-1]))


def _of(package: str, modules: set[str]) -> list[str]:
    return sorted(name for name in modules if name == package or name.startswith(f"{package}."))


def test_assess_imports_what_assesses(tmp_path: Path) -> None:
    (tmp_path / "reserve.yaml").write_text(
        "entities: {jp: {reporting_currency: JPY, time_zone: Asia/Tokyo, calendar: JP, methods: [{id: jp.psa_custody}]}}\n"
    )
    balance = {"event_id": "b-1", "entity": "jp", "account": "cold-1", "role": "client_asset", "storage": "cold",
               "asset": "BTC", "quantity": "1", "as_of": "2026-01-05T00:00:00Z"}  # fmt: skip
    line = {"topic": "custody.balances", "key": None, "timestamp": "2026-01-05T00:00:00Z", "value": balance}
    (tmp_path / "events.jsonl").write_text(json.dumps(line) + "\n")
    modules = _imported(["assess", "--events", f"{tmp_path}/events.jsonl", "--config", f"{tmp_path}/reserve.yaml"])
    assert {"monitor.core.engine", "streams.intake.segment.readers"} <= modules
    assert {package: found for package in ELSEWHERE["assess"] if (found := _of(package, modules))} == {}


def test_the_list_of_commands_imports_none_of_them() -> None:
    modules = _imported(["--help"])
    assert "typer" in modules
    assert {package: found for package in ELSEWHERE["--help"] if (found := _of(package, modules))} == {}
    assert _of("monitor.cli", modules) == []


def test_a_daemon_imports_the_stages_that_it_runs() -> None:
    program = "import json, sys, streams.daemon, streams.intake.worker; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env={})
    modules = set(json.loads(done.stdout))
    others = (
        "faust",
        "slack_sdk",
        "pagerduty",
        "obstore",
        "streams.assessor",
        "streams.archiver",
        "streams.dispatch.worker",
        "monitor.core.engine",
    )
    assert {name: found for name in others if (found := _of(name, modules))} == {}
