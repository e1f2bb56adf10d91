"""`replay`: event files to the broker."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import Config, DryRun, EventFiles, ManyPaths, SignWith, command_app, talk
from monitor.core.values.wording import count_of
from monitor.errors import UsageError

if TYPE_CHECKING:
    from monitor.settings.load import Settings
    from streams.wire.signatures import Signing

app = command_app()


@app.command(cls=ManyPaths, epilog="Example: reserve-monitor replay --events day.jsonl --speed 60")
def replay(
    events: EventFiles,
    *,
    config: Config = None,
    speed: Annotated[
        float | None, typer.Option(metavar="X", help="X times as fast as it was logged; without it as fast as it goes.")
    ] = None,
    keep_timestamps: Annotated[
        bool, typer.Option("--keep-timestamps", help="Stamp records with their log time, if the topic's retention allows it.")
    ] = False,
    sign_with: SignWith = None,
    dry_run: DryRun = False,
) -> None:
    """Publish event files to the source topics, trades keyed by entity and market, stamped with the present.

    Published again, a trade still counts once: repeats are told by their id (CONTRACT 1).
    """
    import asyncio

    from monitor.cli.options import signing
    from monitor.cli.progress import readable
    from monitor.settings.load import load_settings

    readable(events)
    if speed is not None and speed <= 0:
        raise UsageError("--speed must be above 0")
    settings = load_settings(config)
    vouching = signing(settings, sign_with)
    if dry_run:
        _told(events, vouching)
        return
    asyncio.run(_replay(events, settings, speed, keep_timestamps, vouching))


def _told(events: list[Path], vouching: Signing) -> None:
    """Say how many events of which topics would be published; UsageError for a line that is none, or that no key vouches for."""
    import time
    from collections import Counter

    from monitor.cli.progress import shown_lines
    from streams.eventfiles.publisher import records

    found: Counter[str] = Counter()
    with shown_lines(events, "reading", keep_bytes=True) as lines:
        for record in records(lines):
            vouching.headers(record.topic, None, record.value, time.time_ns())
            found[record.topic] += 1
    for topic, count in found.items():
        talk(f"{topic}: {count:,}")
    talk(f"{count_of(sum(found.values()), 'event')} would be published")


async def _replay(events: list[Path], settings: Settings, speed: float | None, keep_timestamps: bool, vouching: Signing) -> None:
    from monitor.cli.progress import shown_lines
    from streams.eventfiles.publisher import Publisher, check_retention, oldest_by_topic, replay
    from streams.kafka.topics import topic_names

    names = topic_names(settings)
    if keep_timestamps:
        with shown_lines(events, "reading", keep_bytes=True) as lines:
            oldest = oldest_by_topic(lines)
        await check_retention(settings.kafka, names, oldest)
    async with Publisher(settings.kafka, names, vouching) as publisher:
        with shown_lines(events, "replaying", keep_bytes=True) as lines:
            count = await replay(publisher, lines, speed, keep_timestamps)
    talk(f"{count_of(count, 'event')} published")
