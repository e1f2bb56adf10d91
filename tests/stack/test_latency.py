"""From the produce of an event to the webhook's receipt of the alert it causes, under 5,000 trades a second: measured, printed.

Nothing here asserts a time: the machine may be busy. What is asserted is that every change arrives, once.
"""

import asyncio
import contextlib
import random
import re
import statistics
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Literal

import pytest

from tests.receivers import until
from tests.stack.plant import Daemon, Plant, a_plant
from tests.stack.servers import Child, fetch

pytestmark = [pytest.mark.stack, pytest.mark.slow, pytest.mark.timeout(560)]

TRADES_PER_S = 5000
SAMPLES = 40
"""Of each kind of event; each is a change of the alert's state."""

Act = Callable[[int], Awaitable[float]]


@pytest.mark.parametrize("broker", ["kafka", "embedded"])
async def test_event_to_alert(tmp_path: Path, broker: Literal["kafka", "embedded"], capsys: pytest.CaptureFixture[str]) -> None:
    async with a_plant(tmp_path, broker) as plant:
        daemon = plant.daemon("daemon", "intake", "assessor", "dispatcher")
        async with daemon.running():
            plant.feeds.keep_alive()
            await plant.feeds.open_book()
            await plant.feeds.open_second_asset()
            await plant.settle(daemon, "adequate", 60)
            lines = [f"event to alert on {broker}, {SAMPLES} changes each"]
            async with _trades(plant):
                applied, began = await _applied(daemon), asyncio.get_running_loop().time()
                for name, alertname, act in _acts(plant):
                    lines.append(_line(name, await _measure(plant, alertname, act)))
                rate = (await _applied(daemon) - applied) / (asyncio.get_running_loop().time() - began)
            lines.append(f"  trades applied meanwhile: {rate:,.0f}/s of {TRADES_PER_S:,}/s asked")
        with capsys.disabled():
            print("\n" + "\n".join(lines))  # noqa: T201


def _acts(plant: Plant) -> list[tuple[str, str, Act]]:
    """Even numbers begin the alert, odd ones end it."""
    feeds = plant.feeds
    return [
        ("balance", "SameAssetShortfall", lambda number: feeds.guarantee("50" if number % 2 else "30")),
        ("declaration", "ReserveShortfall", lambda number: feeds.declaration("net_assets", "99000000000" if number % 2 else "1")),
        (
            "incident",
            "SecurityIncidentOpen",
            lambda number: feeds.incident(f"i-{number // 2}", 1 + number % 2, "closed" if number % 2 else "confirmed"),
        ),
        ("price", "HotStorageLimitExceeded", lambda number: feeds.price("QTUM", "50000" if number % 2 else "400000")),
    ]


async def _measure(plant: Plant, alertname: str, act: Act) -> list[float]:
    """Seconds from produce to receipt of each change, one after the other, at random distances."""
    pause = random.Random(7)
    times = []
    for number in range(SAMPLES):
        wanted = "resolved" if number % 2 else "firing"
        seen = len(plant.hook.accepted)
        sent = await act(number)
        arrived: list[float] = []

        def here(seen: int = seen, wanted: str = wanted, arrived: list[float] = arrived) -> bool:
            arrived[:] = [
                one.at
                for one in plant.hook.accepted[seen:]
                if one.json["alertname"] == alertname and one.json["status"] == wanted
            ]
            return bool(arrived)

        await until(here, 30, f"{alertname} {wanted}, change {number}")
        times.append(arrived[0] - sent)
        await asyncio.sleep(pause.uniform(0.2, 0.9))
    return times


def _line(name: str, times: list[float]) -> str:
    cuts = statistics.quantiles(times, n=100, method="inclusive")
    return f"  {name:<12} p50 {cuts[49] * 1000:6.0f} ms   p99 {cuts[98] * 1000:6.0f} ms   max {max(times) * 1000:6.0f} ms"


@contextlib.asynccontextmanager
async def _trades(plant: Plant) -> AsyncIterator[None]:
    child = Child("simulate", plant.folder)
    options = ["--rate", str(TRADES_PER_S), "--for", "30m", "--topics", "market.trades", "--config", str(plant.config)]
    await child.start(sys.executable, "-m", "monitor", "simulate", *options)
    try:
        yield
    finally:
        assert child.process is not None
        assert child.process.returncode is None, child.log_path.read_text()[-1000:]
        await child.stop(kill=True)


async def _applied(daemon: Daemon) -> float:
    """Trades applied so far, as the daemon's metrics say."""
    text = await fetch(f"{daemon.url}/metrics")
    series = re.findall(r"^reserve_events_total\{(.*)\} (\S+)", text, re.MULTILINE)
    return sum(float(value) for labels, value in series if 'topic="market.trades"' in labels and 'outcome="applied"' in labels)
