"""From an event to the webhook that is told of it, while trades come in.

    BROKER=kafka python -m benchmarks alerts

Ten entities of a hundred assets under five methods, a daemon for each stage; then the same while every asset's price moves once
a second; with `--full` also a thousand entities of three assets on one assessor, with a price of each asset a second and no
trades. Every second one entity's balance takes it into a shortage, or out of it: the clock starts when the balance is handed to
the producer and stops when a telling is at the webhook. Each telling counts, so that an entity of five methods is as late as its
last one; but not those that only say anew what fires, as they do once a minute without a change. Beside it how long the
assessor's `/readyz` took to answer, and how often it did not say yes.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from benchmarks.fleet import HELD, SHORT, Fleet, Shape, a_fleet
from benchmarks.latency import Sent, produce
from benchmarks.load import BATCH_BYTES, Trades
from benchmarks.stage import Stage
from monitor.core.journal.vocabulary import TRADES
from streams.kafka.clients import producer

METHODS = ("us.ny_custody", "jp.psa_custody", "hk.vatp", "sg.ps", "ae.vara")
"""Each has a rule that the change breaks; some lack declarations besides, and say so all the while."""

RATE = 5_000
_EVERY_S = 1.0
_LAST_S = 5.0
_PROBE_S = 0.25
_BEGIN_S = 600.0
_MANY = 100
"""Of more entities not each is changed in a run."""

_HEAD = f"{'trades/s':>10} {'changes':>8} {'tellings':>9} {'p50':>8} {'p99':>8} {'most':>8} {'readyz':>8} {'not':>5}"


@dataclass(frozen=True, slots=True)
class Traffic:
    """What comes in while entities change: trades and rounds of prices a second, and how many changes are made at most."""

    shape: Shape
    trades: int = RATE
    prices: bool = False

    @property
    def name(self) -> str:
        """Printed."""
        shape, prices = self.shape, ", prices move" if self.prices else ""
        return f"{shape.entities:,} x {shape.assets} assets x {len(shape.methods)} methods{prices}"


@dataclass(frozen=True)
class Told:
    """Tellings and how late they were, seconds, least first; trades a second that were really produced."""

    late: list[float]
    changes: int
    produced: float
    probes: list[tuple[float, bool]]

    def line(self) -> str:
        """Printed."""
        cuts = statistics.quantiles(self.late, n=100)
        slowest, refused = max(took for took, _ in self.probes), sum(not ok for _, ok in self.probes)
        return (
            f"{self.produced:>10,.0f} {self.changes:>8} {len(self.late):>9} {cuts[49] * 1000:>8.0f} {cuts[98] * 1000:>8.0f} "
            f"{self.late[-1] * 1000:>8.0f} {slowest * 1000:>8.0f} {refused:>5}"
        )


async def show(stage: Stage, *, full: bool) -> None:
    """The table."""
    seconds = 60.0 if full else 30.0
    print(f"\n{'event to webhook (ms)':46} {_HEAD}")
    trades, wide = int(RATE * seconds), (10, 100, METHODS, 16)
    loads = [
        Traffic(Shape(1, 1, METHODS[:1], 16, trades)),
        Traffic(Shape(*wide, trades)),
        Traffic(Shape(*wide, trades), prices=True),
        *([Traffic(Shape(1_000, 3, ("jp.psa_custody",), 16, int(10 * seconds)), trades=10, prices=True)] if full else ()),
    ]
    for load in loads:
        with tempfile.TemporaryDirectory() as folder:
            async with a_fleet(stage.settings, load.shape, Path(folder)) as fleet:
                for name in ("intake", "assessor", "dispatcher"):
                    await fleet.start(name)
                await fleet.open()
                await fleet.ready(_BEGIN_S)
                await fleet.read()
                await fleet.quiet(_LAST_S)
                print(f"{load.name:46} {(await told(fleet, load)).line()}", flush=True)


async def told(fleet: Fleet, load: Traffic) -> Told:
    """Change one entity after another while trades come in."""
    trades = Trades(fleet.run.load)
    pen = producer(fleet.kafka, max_batch_size=BATCH_BYTES, linger_ms=0)
    await pen.start()
    before, probes = len(fleet.hearing.told), list[tuple[float, bool]]()
    beside = [asyncio.create_task(_probe(fleet, probes))]
    if load.prices:
        beside.append(asyncio.create_task(_move_prices(fleet)))
    try:
        trading = asyncio.create_task(produce(pen, fleet.names.of(TRADES), trades, load.trades, Sent()))
        await asyncio.sleep(_LAST_S)  # the first trades after a silence evaluate everybody at once
        said: dict[str, list[float]] = {entity: [] for entity in fleet.entities}
        for turn in itertools.count():
            for entity in fleet.entities:
                said[entity].append(await fleet.hold(entity, HELD if turn % 2 else SHORT))
                await asyncio.sleep(_EVERY_S)
                if trading.done() and load.shape.entities > _MANY:
                    break
            if trading.done():
                break
        took = await trading
    finally:
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        await pen.stop()
    await fleet.quiet(_LAST_S)
    changed = [(at, alert["entity"]) for at, _, alert in fleet.hearing.told[before:] if alert["reason"] != "updated"]
    heard = [(at, said[entity]) for at, entity in changed]
    late = [at - max(moment for moment in moments if moment <= at) for at, moments in heard if moments and moments[0] <= at]
    return Told(sorted(late), sum(map(len, said.values())), trades.wanted / took, probes)


async def _move_prices(fleet: Fleet) -> None:
    """Every asset's price moves once a second."""
    for turn in itertools.count():
        began = time.monotonic()
        await fleet.prices(turn)
        await asyncio.sleep(max(0.0, _EVERY_S - (time.monotonic() - began)))


async def _probe(fleet: Fleet, found: list[tuple[float, bool]]) -> None:
    """How long the assessor's readiness takes to be told (s), and whether it says yes."""
    url = next(daemon.url for daemon in fleet.daemons if daemon.stages == ("assessor",))
    async with aiohttp.ClientSession() as session:
        while True:
            began = time.monotonic()
            async with session.get(f"{url}/readyz") as answer:
                found.append((time.monotonic() - began, answer.status == 200))
            await asyncio.sleep(_PROBE_S)
