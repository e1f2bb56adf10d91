"""The benchmark command at a tiny size: it runs, and its programs agree on the totals (it ends with an error if not)."""

import asyncio
import shlex
import signal
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from benchmarks.by_hand import HandSums
from benchmarks.children import Child
from benchmarks.load import MAPPED, Load, Trades
from benchmarks.rivals import totals
from benchmarks.runs import intake_processes
from benchmarks.stage import Stage
from monitor.errors import MonitorError
from streams.kafka.embedded import EmbeddedBroker


@pytest.mark.broker
@pytest.mark.timeout(300)
def test_programs_and_stages_agree_on_a_tiny_load(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["programs", "stages", "--records", "1500"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    for line in ("this intake", "only fetching, getmany", "a pydantic model", "plain Faust agent, Tables", "decode and validate"):
        assert line in printed.out


@pytest.mark.broker
async def test_an_intake_that_fails_ends_the_run_with_its_words() -> None:
    async with asyncio.timeout(60), EmbeddedBroker() as broker:
        stage = Stage(broker.settings, "embedded broker")
        run = await stage.run(await stage.fill(Load(100)))
        async with Child("benchmarks.intake", {**run.as_json(), "flush_s": "never"}) as child:
            with pytest.raises(MonitorError, match=r"(?s)ended early.*TypeError"):
                await child.until("count", lambda event: event["count"] >= 100)


@pytest.mark.broker
async def test_processes_of_intake_that_joined_beforehand_share_a_load() -> None:
    async with asyncio.timeout(60), EmbeddedBroker() as broker:
        stage = Stage(broker.settings, "embedded broker")
        cost = await intake_processes(stage, await stage.fill(Load(400, partitions=2)), 2)
        assert sum(cost.found["shares"]) == 400
        assert min(cost.found["shares"]) > 0


def test_the_program_by_hand_finds_the_totals_of_a_load_of_many_kinds() -> None:
    load = Load(3000, markets=100, entities=5, repeats=0.02, late=0.1, rubbish=0.01, mapped=True)
    trades, sums = Trades(load), HandSums(MAPPED)
    values = [value for part in (1000, 2000) for _, value in trades.take(part)]
    sums.take(values)
    assert sum(not value.endswith(b"}") for value in values) > 10
    assert (sums.read, totals(sums.cells())) == (3000, trades.totals())


def test_an_unknown_part_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["speed"])
    assert ended.value.code == 2
    assert "no part speed" in capsys.readouterr().err


def children(pid: int) -> dict[int, str]:
    """Process ids and command lines of what a process started; those that have ended are left out."""
    found = {}
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        command = Path(f"/proc/{child}/cmdline")
        if command.exists():
            found[int(child)] = command.read_text().replace("\0", " ")
    return found


def alive(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


@pytest.mark.broker
@pytest.mark.timeout(90)
@pytest.mark.parametrize("ignored", ["", "trap '' INT; "], ids=["by hand", "in the background of a script"])
async def test_a_run_that_is_told_to_stop_leaves_no_daemon_behind(ignored: str) -> None:
    command = f"{ignored}exec {shlex.quote(sys.executable)} -m benchmarks idle"
    run = await asyncio.create_subprocess_exec(
        "/bin/sh", "-c", command, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    try:
        while run.returncode is None and not any("-m monitor run" in of for of in children(run.pid).values()):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        found = children(run.pid)
    finally:
        run.send_signal(signal.SIGTERM)
        _, said = await run.communicate()
    assert (run.returncode, said) == (130, b"")
    assert len(found) > 1, "a broker and a daemon"
    assert not [pid for pid in found if alive(pid)]
