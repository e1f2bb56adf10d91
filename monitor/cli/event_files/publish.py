"""`publish`: single events to a source topic, judged before they leave."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import Config, DryRun, SignWith, command_app, talk
from monitor.cli.completion import sources
from monitor.core.values.wording import count_of
from monitor.errors import MonitorError, UsageError

if TYPE_CHECKING:
    from monitor.settings.load import Settings
    from streams.eventfiles.trial import Judged
    from streams.wire.signatures import Signing

app = command_app()

_TOLD = 10
"""Refused events that are told one by one."""


@app.command(epilog="Example: reserve-monitor schema --example custody.balances | reserve-monitor publish custody.balances -")
def publish(
    topic: Annotated[
        str, typer.Argument(metavar="TOPIC", help="A source topic by its default name, or <kind>/<feed>.", autocompletion=sources)
    ],
    file: Annotated[Path, typer.Argument(metavar="FILE|-", help="One JSON document, or one a line; - is stdin.")] = Path("-"),
    *,
    config: Config = None,
    key: Annotated[str | None, typer.Option(metavar="KEY", help="Else entity|market of a trade, the entity of others.")] = None,
    sign_with: SignWith = None,
    dry_run: DryRun = False,
) -> None:
    """Send single events to a source topic: all of them, or none if one of them would be a dead letter (exit 1).

    What a feed leaves out is sent too, as its topic has it, and told; where all is left out nothing is sent.
    """
    import asyncio
    import time

    from monitor.cli.options import signing
    from monitor.settings.load import load_settings

    settings = load_settings(config)
    vouching = signing(settings, sign_with)
    judged = judge_here(settings, topic, _documents(file))
    _agreed(judged, topic)
    records = [(key or one.key, one.value) for one in judged]
    if dry_run:
        for name, value in records:
            signed = vouching.headers(topic, None if name is None else name.encode(), value, time.time_ns())
            talk(f"would be {'signed and ' if signed else ''}sent to {topic} with key {name}: {value.decode(errors='replace')}")
        return
    asyncio.run(send(settings, topic, records, vouching))
    talk(f"{count_of(len(judged), 'event')} sent to {topic}")


def _agreed(judged: list[Judged], topic: str) -> None:
    """Tell what would be refused or left out, the first of each; MonitorError where nothing is to be sent for it."""
    bad, left_out = [one for one in judged if one.refused], [one for one in judged if one.left_out]
    for one in bad[:_TOLD]:
        talk(f"event {one.number} of {len(judged)}: {one.refused}")
    if len(bad) > _TOLD:
        talk(f"and {len(bad) - _TOLD} more")
    if bad:
        kind, _, feed = topic.partition("/")
        help_ = f"`feeds try {topic} FILE` says where to look" if feed else f"`schema {kind}` says what a field may hold"
        many = f"{len(bad)} of {len(judged)} would be {'a dead letter' if len(bad) == 1 else 'dead letters'}"
        raise MonitorError(f"{many}: nothing was sent; correct them ({help_}) and call again")
    if not left_out:
        return
    reasons = Counter(one.left_out for one in left_out).most_common(1)[0][0]
    if len(left_out) == len(judged):
        raise MonitorError(f"{topic} would leave out all of it, so nothing was sent: {reasons}")
    talk(f"{len(left_out)} of {len(judged)} say nothing to {topic}, which leaves them out: {reasons}")


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
