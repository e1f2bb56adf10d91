"""From an event to the webhook that is told of it, while trades come in.

    BROKER=kafka python -m benchmarks alerts

Ten entities of a hundred assets under five methods, a daemon for each stage. Every second one entity's balance takes it into a
shortage, or out of it: the clock starts when the balance is handed to the producer and stops when a telling is at the webhook.
Each telling counts, so that an entity of five methods is as late as its last one.
"""

from __future__ import annotations

import asyncio
import itertools
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

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


@dataclass(frozen=True)
class Told:
    """Tellings and how late they were, seconds, least first; trades a second that were really produced."""

    late: list[float]
    changes: int
    produced: float

    def line(self) -> str:
        """Printed."""
        cuts = statistics.quantiles(self.late, n=100)
        return (
            f"{self.produced:>10,.0f} {self.changes:>8} {len(self.late):>9} {cuts[49] * 1000:>8.0f} {cuts[98] * 1000:>8.0f} "
            f"{self.late[-1] * 1000:>8.0f}"
        )


async def show(stage: Stage, *, full: bool) -> None:
    """The table."""
    seconds = 60.0 if full else 25.0
    print(f"\n{'event to webhook (ms)':46} {'trades/s':>10} {'changes':>8} {'tellings':>9} {'p50':>8} {'p99':>8} {'most':>8}")
    for entities, assets, methods in ((1, 1, METHODS[:1]), (10, 100, METHODS)):
        shape = Shape(entities, assets, methods, partitions=16, trades=int(RATE * seconds))
        with tempfile.TemporaryDirectory() as folder:
            async with a_fleet(stage.settings, shape, Path(folder)) as fleet:
                for name in ("intake", "assessor", "dispatcher"):
                    await fleet.start(name)
                await fleet.open()
                await fleet.ready()
                await fleet.read()
                await fleet.quiet(_LAST_S)
                name = f"{entities} x {assets} assets x {len(methods)} methods"
                print(f"{name:46} {(await told(fleet)).line()}", flush=True)


async def told(fleet: Fleet) -> Told:
    """Change one entity after another while trades come in."""
    trades = Trades(fleet.run.load)
    pen = producer(fleet.kafka, max_batch_size=BATCH_BYTES, linger_ms=0)
    await pen.start()
    before = len(fleet.hearing.told)
    try:
        trading = asyncio.create_task(produce(pen, fleet.names.of(TRADES), trades, RATE, Sent()))
        said: dict[str, list[float]] = {entity: [] for entity in fleet.entities}
        for turn in itertools.count():
            for entity in fleet.entities:
                said[entity].append(await fleet.hold(entity, HELD if turn % 2 else SHORT))
                await asyncio.sleep(_EVERY_S)
            if trading.done():
                break
        took = await trading
    finally:
        await pen.stop()
    await fleet.quiet(_LAST_S)
    late = [at - max(moment for moment in said[alert["entity"]] if moment <= at) for at, _, alert in fleet.hearing.told[before:]]
    return Told(sorted(late), sum(map(len, said.values())), trades.wanted / took)
