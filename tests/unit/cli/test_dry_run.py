"""`--dry-run`: every command that changes something has it, says what it would do, and does nothing."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner, Result

from monitor import __main__ as program
from monitor.core.journal.vocabulary import SOURCE_TOPICS
from monitor.errors import USAGE, MonitorError

runner = CliRunner()
CHANGES_SOMETHING = {
    "topics create",
    "replay",
    "publish",
    "simulate",
    "alerts test",
    "convert",
    "config init",
    "audit keygen",
}
MARKS = {"--sign-with", "--by", "--reason"}
"""Options of commands that put something on record: such a command changes something, whatever it is called."""
LINE = '{"topic": "market.prices", "key": "k", "timestamp": "2026-01-26T00:00:01Z", "value": {"b": 1}}\n'


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, set[str]]]:
    """Every command that does something, by its words, with its options."""
    if not hasattr(command, "list_commands"):
        yield " ".join(path), {option for parameter in command.params for option in parameter.opts}
        return
    context = typer.Context(command)
    for name in command.list_commands(context):
        yield from commands(command.get_command(context, name), (*path, name))


def test_every_command_that_changes_something_can_be_tried() -> None:
    tree = dict(commands(typer.main.get_command(program.program)))
    changing = CHANGES_SOMETHING | {name for name, options in tree.items() if (options & MARKS and name != "dlq list")}
    assert {"dlq requeue", "dlq dismiss"} <= changing
    assert sorted(name for name in changing if "--dry-run" not in tree[name]) == []


@pytest.fixture(autouse=True)
def _apart(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No broker, no receiver: whoever wanted one would be told that nobody answers."""
    for name in [name for name in os.environ if name.startswith("RESERVE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "reserve.yaml").write_text(
        "kafka: {bootstrap_servers: '127.0.0.1:1'}\nentities: {a: {reporting_currency: USD}}\n"
        "alerting: {channels: {pager: {type: alertmanager, urls: ['http://127.0.0.1:1']}}}\n"
    )
    (tmp_path / "events.jsonl").write_text(LINE * 3)


def dry(*arguments: str) -> Result:
    return runner.invoke(program.program, [*arguments, "--dry-run"])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["replay", "--events", "events.jsonl"], "3 events would be published"),
        (["simulate", "--topics", "market.prices"], "would be published in the first second"),
        (["alerts", "test", "pager"], "would send pager (alertmanager) a rehearsal of severity info"),
        (["config", "init", "--for", "jp", "--out", "new.yaml"], "would write new.yaml"),
        (["audit", "keygen", "--out", "new.pem"], "would write a new private key to new.pem"),
        (
            ["audit", "export", "--events", "events.jsonl", "--entity", "jp-main", "--out", "new.bundle"],
            "would write new.bundle: the evidence of jp-main, unsigned",
        ),
    ],
)
def test_it_says_what_it_would_do_and_does_nothing(arguments: list[str], said: str, tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    result = dry(*arguments)
    assert result.exception is None, result.exception
    assert said in result.stderr
    assert sorted(tmp_path.iterdir()) == before


def test_a_trial_finds_what_the_deed_would_stumble_over(tmp_path: Path) -> None:
    for arguments in (
        ["config", "init", "--for", "jp"],
        ["audit", "keygen", "--out", "events.jsonl"],
        ["audit", "export", "--events", "events.jsonl", "--entity", "jp-main", "--out", "events.jsonl"],
    ):
        result = dry(*arguments)
        assert isinstance(result.exception, MonitorError)
        assert (result.exception.exit_code, "is there already" in str(result.exception)) == (USAGE, True)
    (tmp_path / "bad.jsonl").write_text(LINE + "{\n")
    assert "bad.jsonl:2" in str(dry("replay", "--events", "bad.jsonl").exception)


def test_a_simulation_is_counted_by_topic() -> None:
    told = dry("simulate").stderr.splitlines()
    assert {line.partition(":")[0] for line in told[:-1]} <= set(SOURCE_TOPICS)
    assert any(line.startswith("market.trades: ") for line in told)


def test_a_conversion_is_counted_and_not_written(tmp_path: Path) -> None:
    header, row = (
        "product_code,loaded,id,exec_date,side,price,size",
        "BTC_JPY,2018-01-26T00:00:01Z,1,2018-01-26T00:00:00Z,BUY,1,1",
    )
    (tmp_path / "x.csv").write_text(f"{header}\n{row}\n")
    result = dry("convert", "bitflyer-executions", "x.csv", "--entity", "a", "--out", "events.out")
    assert result.stdout == ""
    assert not (tmp_path / "events.out").exists()
    assert "1 event of" in result.stderr, result.exception


@pytest.mark.broker
def test_topics_are_named_and_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    from streams.kafka.embedded import EmbeddedBroker

    loop = asyncio.new_event_loop()
    broker = EmbeddedBroker()
    loop.run_until_complete(broker.start())
    try:
        monkeypatch.setenv("RESERVE_KAFKA__BOOTSTRAP_SERVERS", broker.bootstrap)
        monkeypatch.setenv("RESERVE_KAFKA__EMBEDDED", "true")
        assert "would be created: market.trades, 12 partitions" in dry("topics", "create").stderr
        told = json.loads(dry("topics", "create", "--json").stdout)
        assert told["created"] == []
        assert told["absent"] == told["topics"]
    finally:
        loop.run_until_complete(broker.stop())
        loop.close()
