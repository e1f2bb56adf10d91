"""The program's frame: every command has help with an example, errors are one line with their exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from monitor import __main__ as program
from monitor.cli import completion, each_with_option
from monitor.cli.options import seconds
from monitor.cli.verdict import exit_code
from monitor.errors import CONFIGURATION, CONNECTION, USAGE, UsageError

ROOT = Path(__file__).resolve().parents[3]
runner = CliRunner()


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The program as a process, in a folder without configuration."""
    import os

    env = {name: value for name, value in os.environ.items() if not name.startswith("RESERVE_")}
    return subprocess.run(
        [sys.executable, "-m", "monitor", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT / "tests",
        env={**env, "PYTHONPATH": str(ROOT), **environment},
    )


@pytest.mark.parametrize("name", list(program.COMMANDS))
def test_every_command_shows_help_with_an_example(name: str) -> None:
    command = program.LazyGroup(name="x").get_command(None, name)
    several = getattr(command, "commands", None) or {name: command}
    for one in several.values():
        result = runner.invoke(program.program, [name, *([one.name] if one is not command else []), "--help"])
        assert result.exit_code == 0
        assert "Example: reserve-monitor " in result.output, one.name


def test_help_names_every_command_without_importing_any() -> None:
    result = run("--help")
    assert result.returncode == 0
    for name in program.COMMANDS:
        assert f"  {name} " in result.stdout
    code = "import sys; from monitor import __main__ as m\ntry: m.program(['--help'])\nexcept SystemExit: pass\n"
    code += "sys.exit(any(name.startswith(('monitor.cli.', 'streams', 'pydantic', 'yaml')) for name in sys.modules))"
    checked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False, cwd=ROOT)
    assert checked.returncode == 0


def test_version() -> None:
    assert run("--version").stdout.startswith("reserve-monitor 0.")


def test_a_typing_error_is_answered_with_what_was_meant() -> None:
    result = run("stauts")
    assert result.returncode == USAGE
    assert "'status'" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("config", "check", "--config", "absent.yaml"), CONFIGURATION, "absent.yaml: cannot be read"),
        (("status", "jp-main"), CONNECTION, "no worker answers at http://127.0.0.1:1"),
        (("status", "--date", "2026-01-05"), USAGE, "--date needs an entity"),
        (("explain", "nonsense"), USAGE, "is no fingerprint"),
        (("assess", "--events", "absent.jsonl", "--method", "us.ny_custody"), USAGE, "absent.jsonl"),
        (("assess", "--events", __file__, "--method", "no.method"), USAGE, "no method no.method"),
        (("assess", "--events", __file__, "--method", "us.ny_custody"), USAGE, "test_program.py:1: not an event line"),
        (("assess", "--events", __file__, "--at", "noon", "--method", "us.ny_custody"), USAGE, "--at: "),
        (("assess", "--events", __file__), USAGE, "no method is configured"),
        (("convert", "nothing", __file__), USAGE, "no format nothing"),
        (("convert", "candles", "absent"), USAGE, "absent: cannot be read"),
        (("replay", "--events", "absent.jsonl"), USAGE, "absent.jsonl: cannot be read"),
        (("simulate", "--for", "soon"), USAGE, "no duration"),
        (("simulate", "--topics", "x"), USAGE, "no source topic"),
        (("simulate",), CONFIGURATION, "no entity is configured"),
        (("run", "--only", "everything"), USAGE, "--only everything"),
        (("demo", "--scenario", "x"), USAGE, "no scenario x"),
        (("demo", "--for", "soon"), USAGE, "no duration"),
        (("schema", "x"), USAGE, "no topic x"),
    ],
)
def test_an_error_is_one_line_with_its_exit_code(arguments: tuple[str, ...], code: int, said: str) -> None:
    result = run(*arguments, RESERVE_HTTP__PORT="1")
    assert result.returncode == code, result.stderr
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_closed_pipe_is_quiet() -> None:
    shell = f"{sys.executable} -m monitor schema | head -1"
    result = subprocess.run(shell, shell=True, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT)
    assert result.stderr == ""


def test_schemas_are_json_of_the_dialect() -> None:
    result = run("schema", "market.trades")
    assert json.loads(result.stdout)["$schema"].endswith("2020-12/schema")
    assert json.loads(run("schema", "--asyncapi").stdout)["asyncapi"] == "3.0.0"


def test_events_take_every_path_up_to_the_next_option() -> None:
    args = ["--events", "a", "b", "--at", "T", "--events", "c"]
    assert each_with_option(args, "--events") == ["--events", "a", "--events", "b", "--at", "T", "--events", "c"]
    assert each_with_option(["--events", "a", "--method", "m"], "--events") == ["--events", "a", "--method", "m"]


@pytest.mark.parametrize(
    ("text", "length"), [("90", 90), ("90s", 90), ("1.5m", 90), ("2h", 7200), ("500ms", 0.5), ("1d", 86_400)]
)
def test_durations(text: str, length: float) -> None:
    assert seconds(text) == length


@pytest.mark.parametrize("text", ["", "x", "0", "-1s", "5 m", "1e3"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(UsageError):
        seconds(text)


def assessment(state: str, mode: str = "in_force") -> dict[str, str]:
    return {"state": state, "mode": mode}


def test_exit_code_of_states() -> None:
    assert exit_code([]) == 0
    assert exit_code([assessment("adequate"), assessment("watch")]) == 0
    assert exit_code([assessment("unknown"), assessment("shortfall")]) == 1
    assert exit_code([assessment("adequate"), assessment("not_computable")]) == 5
    assert exit_code([assessment("adequate"), assessment("shortfall", "shadow")]) == 0
    assert exit_code([assessment("shortfall", "shadow")]) == 1


def test_the_program_is_one_group() -> None:
    assert isinstance(get_command(program.program), program.LazyGroup)


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("assess --method jp.psa", ["jp.psa_custody"]),
        ("status jp", ["jp-main"]),
        ("alerts list --entity ", ["jp-main"]),
        ("alerts test p", ["pager"]),
        ("convert bit", ["bitflyer-executions"]),
        ("explain SourceU", ["SourceUnhealthy"]),
        ("explain jp", ["jp-main"]),
        ("explain jp-main --method jp.psa", ["jp.psa_custody"]),
        ("alerts dismiss SourceU", ["SourceUnhealthy"]),
        ("backtest --method jp.psa", ["jp.psa_custody"]),
        ("config init --for k", ["kr"]),
        ("feeds show bitf", ["bitfinex", "bitfinex-wallets", "bitflyer"]),
        ("feeds try market.trades/", ["market.trades/venue"]),
        ("feeds try bitflyer --entity j", ["jp-main"]),
        ("publish market.", ["market.prices", "market.trades", "market.trades/venue"]),
        ("dlq list --topic security", ["security.incidents"]),
        ("schema reserve.al", ["reserve.alerts"]),
        ("scenario run hot", ["hot_tier_lost"]),
        ("rehearse jp-main --scenario hot", ["hot_tier_lost"]),
        ("convert bitflyer-executions f --entity j", ["jp-main"]),
    ],
)
def test_the_shell_completes_names(words: str, offered: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "r.yaml"
    pager = 'alerting: {channels: {pager: {type: alertmanager, urls: ["http://127.0.0.1:9093"]}}}'
    feed = "sources: {market.trades: {feeds: {venue: {topic: frames, use: bitflyer, constants: {entity: jp-main}}}}}"
    config.write_text(f"entities: {{jp-main: {{reporting_currency: JPY}}}}\n{pager}\n{feed}\n")
    monkeypatch.setenv("RESERVE_CONFIG", str(config))
    count = len(words.split()) + (1 if words.endswith(" ") else 0)
    environment = {"_RESERVE_MONITOR_COMPLETE": "complete_bash", "COMP_CWORD": str(count)}
    result = runner.invoke(
        program.program, [], prog_name="reserve-monitor", env={**environment, "COMP_WORDS": f"reserve-monitor {words}"}
    )
    assert result.stdout.split() == offered


def test_the_shell_is_offered_nothing_from_a_configuration_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RESERVE_CONFIG", str(tmp_path / "absent.yaml"))
    assert (completion.entities(""), completion.channels("")) == ([], [])
    assert completion.methods("jp.psa") == ["jp.psa_custody"]


def test_what_is_called_by_a_name_is_offered_by_it() -> None:
    """Every argument and option whose form says that it takes a name the program knows."""
    known = {"ENTITY", "CHANNEL", "FORMAT", "FEED", "TOPIC", "CODE", "FINGERPRINT|NAME", "ID|FILE"}
    silent = []
    for name in program.COMMANDS:
        command = program.LazyGroup(name="x").get_command(None, name)
        for one in (getattr(command, "commands", None) or {name: command}).values():
            for parameter in one.params:
                named = parameter.metavar in known or parameter.name in {"entity", "channel"}
                if named and getattr(parameter, "_custom_shell_complete", None) is None:
                    silent.append(f"{name} {one.name} {parameter.name}")
    assert silent == []


def test_help_writes_no_brackets_twice() -> None:
    for name in program.COMMANDS:
        command = program.LazyGroup(name="x").get_command(None, name)
        for one in (getattr(command, "commands", None) or {name: command}).values():
            shown = runner.invoke(program.program, [name, *([one.name] if one is not command else []), "--help"]).output
            assert "[[" not in shown.splitlines()[0], shown.splitlines()[0]
            assert "...}..." not in shown, shown.splitlines()[0]
