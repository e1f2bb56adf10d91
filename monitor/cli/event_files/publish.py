"""`publish`: single events to a source topic, judged before they leave."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import Config, DryRun, SignWith, command_app, talk
from monitor.errors import MonitorError, UsageError

if TYPE_CHECKING:
    from monitor.settings.load import Settings
    from streams.eventfiles.trial import Judged
    from streams.wire.signatures import Signing

app = command_app()


@app.command(epilog="Example: reserve-monitor schema --example custody.balances | reserve-monitor publish custody.balances -")
def publish(
    topic: Annotated[str, typer.Argument(metavar="TOPIC", help="A source topic by its default name, or <kind>/<feed>.")],
    file: Annotated[Path, typer.Argument(metavar="[FILE|-]", help="One JSON document, or one a line; - is stdin.")] = Path("-"),
    *,
    config: Config = None,
    key: Annotated[str | None, typer.Option(metavar="KEY", help="Else entity|market of a trade, the entity of others.")] = None,
    sign_with: SignWith = None,
    dry_run: DryRun = False,
) -> None:
    """Send single events to a source topic: all of them, or none if one of them would be a dead letter (exit 1)."""
    import asyncio
    import time

    from monitor.cli.options import signing
    from monitor.settings.load import load_settings

    settings = load_settings(config)
    vouching = signing(settings, sign_with)
    judged = judge_here(settings, topic, _documents(file))
    bad = [one for one in judged if one.refused]
    for one in bad:
        talk(f"event {one.number} of {len(judged)}: {one.refused}")
    if bad:
        told = f"{len(bad)} of {len(judged)} would be dead letters: nothing was sent"
        raise MonitorError(f"{told}; correct them (`schema {topic.partition('/')[0]}` says what a field may hold) and call again")
    records = [(key or one.key, one.value) for one in judged]
    if dry_run:
        for name, value in records:
            signed = vouching.headers(topic, None if name is None else name.encode(), value, time.time_ns())
            talk(f"would be {'signed and ' if signed else ''}sent to {topic} with key {name}: {value.decode(errors='replace')}")
        return
    asyncio.run(send(settings, topic, records, vouching))
    talk(f"{len(judged)} {'event' if len(judged) == 1 else 'events'} sent to {topic}")


def _documents(file: Path) -> list[bytes]:
    """The JSON documents of a file: the whole of it, if that is one, else its lines."""
    try:
        data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from None
    lines = [line for line in data.splitlines() if line.strip()]
    if not lines:
        raise UsageError(f"{'stdin' if str(file) == '-' else file} holds no event")
    if len(lines) > 1:
        try:
            json.loads(data)
        except ValueError:
            return lines  # one a line, then; what each is, the authority says
        return [data.strip()]
    return lines


def judge_here(settings: Settings, topic: str, values: list[bytes]) -> list[Judged]:
    """What intake would say of each value if it came now."""
    import time

    from monitor.settings.record import build_configuration
    from streams.eventfiles.trial import judged
    from streams.intake.segment.rules import IntakeRules

    rules = IntakeRules.of(build_configuration(settings))
    known = [name for kind in settings.sources for name in rules.read_as(kind)]
    if topic not in known:
        raise UsageError(f"there is no source topic {topic}: one of {', '.join(known)}")
    return judged(rules, topic, values, time.time_ns())


async def send(settings: Settings, topic: str, records: list[tuple[str | None, bytes]], vouching: Signing) -> None:
    """Publish (key, value) records to a source topic, and wait until they are acknowledged."""
    from streams.eventfiles.publisher import Publisher
    from streams.kafka.topics import topic_names

    async with Publisher(settings.kafka, topic_names(settings), vouching) as publisher:
        for key, value in records:
            await publisher.publish(topic, key, value)
        await publisher.flush()
