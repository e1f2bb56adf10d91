"""`simulate`: synthetic events to the broker."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import Config, DryRun, SignWith, command_app, talk
from monitor.core.values.wording import count_of
from monitor.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from monitor.settings.load import Settings
    from streams.demo.feed_records import SimulatedRecords
    from streams.demo.simulator import Simulator
    from streams.wire.signatures import Signing

app = command_app()
_LOOKED_AT = 20
"""Trades of which one at least shows whether a feed can be written."""


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
    dry_run: DryRun = False,
) -> None:
    """Publish synthetic events of the configured entities: prices, trades, positions, declarations, incidents.

    They are canonical; a kind that is read by feeds is sent as the first feed's own records that can say an event. A feed whose
    mapping cannot be read backwards is left out, and said so.
    """
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
    vouching = signing(settings, sign_with)
    if dry_run:
        _told(settings, rate, chosen, seed, vouching)
        return
    with suppress(KeyboardInterrupt):
        asyncio.run(_until_ended(_simulate(settings, rate, length_s, chosen, seed, vouching=vouching)))


def _records(settings: Settings, topics: frozenset[str], simulator: Simulator, now: int, rate: float) -> SimulatedRecords:
    """What events become. Feeds whose form simulate cannot write are named; UsageError where nothing is left."""
    from monitor.settings.record import build_configuration
    from streams.demo.feed_records import SimulatedRecords
    from streams.wire.feeds import plans_of

    feeds = {f"{topic}/{name}" for topic in topics for name in settings.source(topic).feeds}
    records = SimulatedRecords(plans_of(build_configuration(settings)).values() if feeds else (), topics)
    sample = [*simulator.opening(now), *simulator.second(now, 0, max(rate, _LOOKED_AT))] if feeds else []
    written = {found[0] for found in map(records.of, sample) if found is not None}
    for feed in sorted(feeds - written):
        talk(
            f"{feed} is left out: simulate has no event of it, or cannot write its form (its mapping is read backwards); "
            f"send records of it with `reserve-monitor publish {feed} FILE`"
        )
    if feeds and not written:
        raise UsageError("nothing is left to simulate: choose other --topics, or a configuration without feeds for these")
    return records


def _told(settings: Settings, rate: float, topics: frozenset[str], seed: int, vouching: Signing) -> None:
    """Say what the first second would publish; UsageError for a source that no key vouches for."""
    import time
    from collections import Counter

    now = time.time_ns()
    records = _records(settings, topics, _simulator(settings, seed, now), now, rate)
    simulator = _simulator(settings, seed, now)
    found = [records.of(one) for one in (*simulator.opening(now), *simulator.second(now, 0, rate))]
    events = [one for one in found if one is not None]
    for name, value in events:
        vouching.headers(name, None, value, now)
    for topic, count in Counter(name for name, _ in events).items():
        talk(f"{topic}: {count:,}")
    talk(f"{count_of(len(events), 'event')} would be published in the first second, about {rate:g} trades in each that follows")


def _simulator(settings: Settings, seed: int, began: int) -> Simulator:
    from monitor.core.values.times import SECOND
    from streams.demo.simulator import Simulator

    currencies = {name: one.reporting_currency for name, one in settings.entities.items()}
    return Simulator(currencies, seed, f"sim-{seed}-{began // SECOND}")


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
    from streams.eventfiles.publisher import Publisher
    from streams.kafka.topics import topic_names

    began = time.time_ns()
    records = _records(settings, topics, _simulator(settings, seed, began), began, rate)
    simulator = _simulator(settings, seed, began)
    async with Publisher(settings.kafka, topic_names(settings), vouching) as publisher:
        number = 0
        while length_s is None or number < length_s:
            at = began + number * SECOND
            events = list(simulator.opening(at)) if number == 0 else []
            for event in [*events, *simulator.second(at, number, rate)]:
                found = records.of(event)
                if found is not None:
                    await publisher.publish(found[0], event.key, found[1])
            number += 1
            await asyncio.sleep(max(0.0, (began + number * SECOND - time.time_ns()) / SECOND))
        await publisher.flush()
        talk(f"{count_of(publisher.acknowledged, 'event')} published")
