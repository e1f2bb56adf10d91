"""Daemons that are restarted one after another under load, and what of the alerts is told meanwhile; and how long the entities of
one that ends wait for another.

    BROKER=kafka python -m benchmarks rolling

Two daemons of each stage. While one is down, every entity is taken into a shortage, or out of it: each of these must be told, and
told once. Times depend on the machine: they are printed and nothing is held against them.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.fleet import HELD, SHORT, Fleet, Shape, a_fleet
from benchmarks.load import Trades
from benchmarks.runs import check
from benchmarks.stage import Stage
from monitor.core.journal.vocabulary import BALANCES, TRADES
from monitor.errors import MonitorError
from streams.demo.child import DaemonProcess

STAGES = ("intake", "assessor", "dispatcher", "archiver")
TELLING = ("intake", "assessor", "dispatcher")
"""Those that an alert passes."""

_HEARD_S = 60.0
_TICK_S = 0.1


@dataclass
class Restarts:
    """What came of restarting: seconds to stop and to be ready again by stage, and the tellings."""

    took: list[tuple[str, float, float]] = field(default_factory=list)
    wanted: int = 0
    told: int = 0
    repeated: int = 0
    trades: int = 0

    @property
    def missed(self) -> int:
        """Changes of which nobody was told."""
        return self.wanted - self.told


class Switch:
    """Takes all entities into a shortage and out of it by turns, and waits for what is told of it."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._short = False
        self.turns = 0

    async def turn(self, over_s: float = 0.0) -> dict[str, float]:
        """Every entity changes, spread over so many seconds; when each was said (monotonic)."""
        self._short, self.turns = not self._short, self.turns + 1
        said = {}
        for entity in self._fleet.entities:
            said[entity] = await self._fleet.hold(entity, SHORT if self._short else HELD)
            await asyncio.sleep(over_s / len(self._fleet.entities))
        return said

    async def heard(self) -> dict[str, float]:
        """By entity when its newest change was told first; MonitorError if one is not."""
        status, hearing = "firing" if self._short else "resolved", self._fleet.hearing
        nth = (self.turns + 1) // 2 if self._short else self.turns // 2

        def moments() -> dict[str, float]:
            found: dict[str, list[float]] = {}
            for at, entity, is_now in hearing.shortages():
                if is_now == status:
                    found.setdefault(entity, []).append(at)
            return {entity: times[nth - 1] for entity, times in found.items() if len(times) >= nth}

        count = len(self._fleet.entities)
        await self._fleet.heard(lambda: len(moments()) == count, _HEARD_S, f"turn {self.turns} of all entities")
        return moments()


async def restarted(fleet: Fleet, trades_per_s: int) -> Restarts:
    """Restart every daemon of a fleet that is ready, one after another, while trades come in; what was told of it."""
    found, switch, trades = Restarts(), Switch(fleet), Trades(fleet.run.load)
    ending = asyncio.Event()
    traffic = asyncio.create_task(_trade(fleet, trades, trades_per_s, ending))
    try:
        for daemon in fleet.daemons:
            turning = asyncio.create_task(switch.turn(2.0))
            found.took.append((" ".join(daemon.stages), *await _again(daemon)))
            await turning
            await switch.heard()
    finally:
        ending.set()
        found.trades = await traffic
    await _counted(fleet, trades)
    found.wanted, found.told = switch.turns * len(fleet.entities), len(fleet.hearing.shortages())
    found.repeated = len(fleet.hearing.repeated())
    return found


async def hand_over(fleet: Fleet, switch: Switch, daemon: DaemonProcess, *, kill: bool) -> list[float]:
    """End one of two daemons of a stage; how many seconds later each entity's change is told that comes just behind that."""
    began = time.monotonic()
    if kill:
        await daemon.kill()
        await switch.turn()
    else:
        ending = asyncio.create_task(daemon.stop())
        await switch.turn()
    heard = await switch.heard()
    if not kill:
        await ending
    await daemon.start()
    await fleet.ready()
    return sorted(at - began for at in heard.values())


async def show(stage: Stage) -> None:
    """The tables."""
    with tempfile.TemporaryDirectory() as folder:
        async with a_fleet(stage.settings, Shape(16, partitions=8, trades=200_000), Path(folder)) as fleet:
            pairs = {name: [await fleet.start(name) for _ in range(2)] for name in TELLING}
            await fleet.open()
            await fleet.settled()
            print(f"\n{'an entity whose worker ends, to its alert (s)':46} {'least':>9} {'median':>9} {'most':>9}")
            switch = Switch(fleet)
            await switch.turn()
            usual = await _usual(switch)
            print(f"{'nobody ends':46} {usual[0]:>9.2f} {statistics.median(usual):>9.2f} {usual[-1]:>9.2f}", flush=True)
            for name, pair in pairs.items():
                for how, kill in (("SIGKILL", True), ("planned stop", False)):
                    ending = await fleet.reader(BALANCES, pair) if name == "intake" else pair[0]
                    times = await hand_over(fleet, switch, ending, kill=kill)
                    line = f"{times[0]:>9.2f} {statistics.median(times):>9.2f} {times[-1]:>9.2f}"
                    print(f"{f'{name}, {how}':46} {line}", flush=True)
            again = len(fleet.hearing.repeated())
            print(f"tellings {len(fleet.hearing.told)}, of which {again} came twice under one key (a kill may tell again)")


async def _usual(switch: Switch) -> list[float]:
    await switch.heard()
    said = await switch.turn()
    heard = await switch.heard()
    return sorted(heard[entity] - at for entity, at in said.items())


async def _again(daemon: DaemonProcess) -> tuple[float, float]:
    began = time.monotonic()
    code = await daemon.stop()
    if code:
        raise MonitorError(f"a daemon ended with {code}: {daemon.last_words()}")
    stopped = time.monotonic()
    await daemon.start()
    await daemon.ready(_HEARD_S)
    return stopped - began, time.monotonic() - stopped


async def _trade(fleet: Fleet, trades: Trades, per_s: int, ending: asyncio.Event) -> int:
    """Trades at a steady rate until `ending`, or until the load's are used up; how many."""
    count, batch = 0, max(1, int(per_s * _TICK_S))
    while not ending.is_set() and count < trades.wanted:
        for _, value in trades.take(min(batch, trades.wanted - count)):
            await fleet.publisher.publish(TRADES, _key(value), value)
            count += 1
        await asyncio.sleep(_TICK_S)
    await fleet.publisher.flush()
    return count


def _key(value: bytes) -> str:
    """Records of one market meet in one partition."""
    return value.partition(b'"market":"')[2].partition(b'"')[0].decode()


async def _counted(fleet: Fleet, trades: Trades) -> None:
    """Every trade once in the journal's totals; MonitorError if they do not become so."""
    deadline = time.monotonic() + _HEARD_S
    while (found := await fleet.run.totals()) != trades.totals() and time.monotonic() < deadline:  # noqa: ASYNC110 - on a broker
        await asyncio.sleep(1.0)
    check("intake under restarts", found, trades.totals())


def told(found: Restarts) -> str:
    """The counts in a line."""
    counts = f"{found.wanted} changes, {found.missed} not told, {found.repeated} told twice"
    return f"{len(found.took)} restarts, {found.trades:,} trades counted once each, {counts}"
