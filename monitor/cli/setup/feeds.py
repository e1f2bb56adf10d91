"""`feeds list`, `feeds show`, `feeds try`: mappings that ship with the product, and the tool with which one is written."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from monitor.cli import AsJson, Config, command_app, emit, talk
from monitor.cli.completion import entities, feeds, shipped_feeds
from monitor.core.values.wording import count_of
from monitor.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.eventfiles.trial import TriedEvent, TriedRecord
    from streams.wire import Known
    from streams.wire.feeds import FeedPlan

app = command_app(no_args_is_help=True, help="Mappings of foreign records: those that ship, and yours tried out.")

_REASONS_SHOWN = 10
_ANY_AGE_NS = 1 << 62
"""Old frames may be tried: that they come too late is not the mapping's fault."""


@app.command("list", epilog="Example: reserve-monitor feeds list")
def list_feeds(as_json: AsJson = False) -> None:
    """List the systems whose mapping ships with the product; a feed takes one with `use: NAME`."""
    from monitor.settings.feeds import shipped_mapping, shipped_names

    found = [
        {"name": name, **{key: shipped_mapping(name)[key] for key in ("kind", "about", "lacks")}} for name in shipped_names()
    ]
    if as_json:
        emit(found)
        return
    for one in found:
        typer.echo(f"{one['name']:<18}{one['kind']:<20}{one['about']}")


@app.command(epilog="Example: reserve-monitor feeds show kraken")
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As `feeds list` prints it.", autocompletion=shipped_feeds)],
) -> None:
    """Print a shipped mapping, with what its system does not say."""
    from monitor.settings.feeds import shipped_text

    try:
        typer.echo(shipped_text(name), nl=False)
    except ValueError as error:
        raise UsageError(str(error)) from None


@app.command("try", epilog="Example: reserve-monitor feeds try market.trades/kraken frames.jsonl --config reserve.yaml")
def try_feed(
    feed: Annotated[
        str,
        typer.Argument(
            metavar="FEED", help="A feed of the configuration, FEED or KIND/FEED, or a shipped name.", autocompletion=feeds
        ),
    ],
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILE|-",
            help="One record a line, JSON whatever the feed's format, plain or gzip; event lines too; - is stdin.",
        ),
    ] = None,
    *,
    from_topic: Annotated[
        int | None, typer.Option("--from-topic", metavar="N", min=1, help="The newest N records of each partition of its topic.")
    ] = None,
    config: Config = None,
    entity: Annotated[
        str, typer.Option(metavar="ID", help="The entity, where a shipped mapping is tried as it is.", autocompletion=entities)
    ] = "try",
    as_json: AsJson = False,
) -> None:
    """Run records through a feed and show each event, what is left out, and what would be a dead letter and why.

    Exit 1 where something would be a dead letter.
    """
    from streams.eventfiles.trial import tried

    plan, known = _plan(feed, config, entity)
    if (file is None) == (from_topic is None):
        raise UsageError("name a FILE with records, or how many to read with --from-topic N")
    records = _records(file, plan) if file is not None else _newest(plan, config, from_topic or 1)
    found = list(tried(plan, known, records))
    if as_json:
        emit([one.shown() for one in found])
    else:
        _print(found)
    if file is not None and any(one.reason == "bad_json" for one in found) and _is_one_document(file):
        talk(f"{file} is one JSON document over several lines, and a record is a line: `jq -c . {file}` makes it one")
    if any(one.outcome == "dead_letter" for one in found):
        raise typer.Exit(1)


def _is_one_document(file: Path) -> bool:
    from monitor.nesting import json_of

    try:
        json_of(file.read_bytes())
    except (OSError, ValueError):
        return False
    return True


def _plan(feed: str, config: Path | None, entity: str) -> tuple[FeedPlan, Known]:
    from monitor.settings.feeds import FeedSettings, shipped_mapping, shipped_names
    from streams.wire import Known
    from streams.wire.feeds import FeedFormat, FeedPlan

    if feed in shipped_names():
        raw = FeedSettings.model_validate({"topic": feed, "use": feed}).model_dump()
        shipped = shipped_mapping(feed)
        if shipped["kind"] != "market.prices" and "entity" not in raw["fields"]:
            raw["constants"].setdefault("entity", entity)
        return FeedPlan(FeedFormat.of(shipped["kind"], feed, raw, {})), Known(None, _ANY_AGE_NS)
    from monitor.settings.load import load_settings
    from monitor.settings.record import build_configuration
    from streams.intake.segment.rules import IntakeRules

    rules = IntakeRules.of(build_configuration(load_settings(config)))
    named = [name for name in rules.plans if feed in {name, name.partition("/")[2]}]
    plan = rules.plan(named[0]) if len(named) == 1 else None
    if plan is None:
        configured = ", ".join(rules.plans) or "none"
        raise UsageError(f"there is no feed {feed}: configured are {configured}; `feeds list` names those that ship")
    return plan, replace(rules.known, horizon_ns=_ANY_AGE_NS)


def _newest(plan: FeedPlan, config: Path | None, count: int) -> list[TriedRecord]:
    """The newest records of a feed's topic, read outside of any group."""
    import asyncio

    from monitor.settings.load import load_settings
    from streams.eventfiles.trial import TriedRecord
    from streams.kafka.reading import newest
    from streams.wire.feeds import RecordPlace

    found = asyncio.run(newest(load_settings(config).kafka, plan.feed.topic, count))
    return [
        TriedRecord(
            f"{one.partition}:{one.offset}",
            one.value,
            RecordPlace(plan.feed.epoch, one.partition, one.offset, one.timestamp, one.key, one.headers),
        )
        for one in found
    ]


def _records(file: Path, plan: FeedPlan) -> Iterator[TriedRecord]:
    """The records in a file with their log times in ms; a line that is no event line is a record of now.

    A line of JSON stands for the record that holds it in the feed's format.
    """
    import itertools
    import time

    from streams.eventfiles.codec import binary_lines, decode_line
    from streams.eventfiles.trial import TriedRecord
    from streams.wire.feeds import RecordPlace
    from streams.wire.feeds.formats import wrapped

    now_ms, count = time.time_ns() // 1_000_000, itertools.count()
    for number, text in enumerate(binary_lines(file), 1):
        if text.startswith(b'{"topic"') and b'"value"' in text:
            record = decode_line(text, f"{file}:{number}", topics=None)
            value, time_ms, key = record.value, record.logged_at // 1_000_000, record.key
        elif text.strip():
            value, time_ms, key = wrapped(plan.feed.format, text.rstrip(b"\r\n")), now_ms, None
        else:
            continue
        place = next(count)
        yield TriedRecord(place, value, RecordPlace(0, 0, place, time_ms, None if key is None else key.encode()))


def _print(found: list[TriedEvent]) -> None:
    for one in found:
        if one.outcome == "filtered":
            continue
        place = f"{one.record}" if one.index is None else f"{one.record}.{one.index}"
        if one.outcome == "event":
            typer.echo(f"{place:<8}" + "  ".join(f"{name}={value}" for name, value in sorted(one.canonical.items())))
        else:
            typer.echo(f"{place:<8}dead letter: {one.reason}: {one.detail}{f'; {one.next}' if one.next else ''}")
    counts, reasons = Counter(one.outcome for one in found), Counter(why for one in found for why in one.left_out)
    for why, count in reasons.most_common(_REASONS_SHOWN):
        talk(f"left out: {count} by {why}")
    left_out = sum(one.filtered for one in found)
    talk(f"{count_of(counts['event'], 'event')}, {count_of(counts['dead_letter'], 'dead letter')}, {left_out:,} left out")
    if left_out and len(counts) == 1:
        talk("nothing came through: `where` and `each` of the feed say what it takes")
