"""`simulate`: synthetic events to the broker."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import Config, SignWith, command_app, talk
from monitor.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from monitor.settings.load import Settings
    from streams.wire.signatures import Signing

app = command_app()


@app.command(epilog="Example: reserve-monitor simulate --rate 200 --for 5m --seed 7")
def simulate(
    *,
    config: Config = None,
    rate: Annotated[float, typer.Option(metavar="N", help="Trades a second, over all entities.")] = 50.0,
    length: Annotated[
        str | None, typer.Option("--for", metavar="DURATION", help="Such as 90s or 5m; else until stopped.")
    ] = None,
    topics: Annotated[str | None, typer.Option(metavar="T,...", help="Only these source topics.")] = None,
    seed: Annotated[int, typer.Option(metavar="S", help="The same seed gives the same events.")] = 1,
    sign_with: SignWith = None,
) -> None:
    """Publish synthetic events of the configured entities: prices, trades, positions, declarations, incidents."""
    import asyncio
    from contextlib import suppress

    from monitor.cli.options import seconds, signing
    from monitor.core.journal.vocabulary import SOURCE_TOPICS
    from monitor.settings.load import load_settings

    chosen = frozenset(topics.split(",") if topics else SOURCE_TOPICS)
    if unknown := sorted(chosen - set(SOURCE_TOPICS)):
        raise UsageError(f"{', '.join(unknown)}: no source topic; there are {', '.join(SOURCE_TOPICS)}")
    if rate < 0:
        raise UsageError("--rate must not be negative")
    length_s = None if length is None else seconds(length)
    settings = load_settings(config)
    if not settings.entities:
        raise ConfigurationError("no entity is configured: name at least one in section entities")
    with suppress(KeyboardInterrupt):
        asyncio.run(_until_ended(_simulate(settings, rate, length_s, chosen, seed, vouching=signing(settings, sign_with))))


async def _until_ended(work: Coroutine[Any, Any, None]) -> None:
    """Run until done or SIGTERM, which the first process of a container does not get unless it asks for it."""
    import asyncio
    import signal

    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await asyncio.wait({task})
    if not task.cancelled():
        task.result()


async def _simulate(
    settings: Settings, rate: float, length_s: float | None, topics: frozenset[str], seed: int, *, vouching: Signing
) -> None:
    import asyncio
    import time

    from monitor.core.values.times import SECOND
    from streams.demo.simulator import Simulator
    from streams.eventfiles.publisher import Publisher
    from streams.kafka.topics import topic_names

    began = time.time_ns()
    simulator = Simulator(
        {name: one.reporting_currency for name, one in settings.entities.items()}, seed, f"sim-{seed}-{began // SECOND}"
    )
    async with Publisher(settings.kafka, topic_names(settings), vouching) as publisher:
        number = 0
        while length_s is None or number < length_s:
            at = began + number * SECOND
            events = list(simulator.opening(at)) if number == 0 else []
            for event in [*events, *simulator.second(at, number, rate)]:
                if event.topic in topics:
                    await publisher.publish_event(event)
            number += 1
            await asyncio.sleep(max(0.0, (began + number * SECOND - time.time_ns()) / SECOND))
        await publisher.flush()
        talk(f"{publisher.acknowledged} events published")
