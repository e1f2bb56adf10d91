"""`explain`: why an alert fires or an assessment says what it says."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from monitor.cli import Config, command_app, emit, say
from monitor.cli.completion import explainable, methods
from monitor.cli.evidence.archives import InArchive
from monitor.errors import MonitorError, UsageError

if TYPE_CHECKING:
    from monitor.cli.evidence.choosing import Wanted
    from monitor.settings.load import Settings
    from streams.lookup.logs import TopicLog

app = command_app()

_FINGERPRINT = re.compile(r"[0-9a-f]{32}\Z", re.ASCII)


@app.command(epilog="Example: reserve-monitor explain jp-main --at 2026-01-05T03:04:05Z")
def explain(
    name: Annotated[
        str,
        typer.Argument(
            metavar="FINGERPRINT|NAME|DIGEST|ENTITY",
            help="Of an alert or any output (its beginning will do), or an entity: its figures now, or of --at or --date.",
            autocompletion=explainable,
        ),
    ],
    at: Annotated[str | None, typer.Option("--at", metavar="TIME", help="What held at this instant (RFC 3339).")] = None,
    day: Annotated[str | None, typer.Option("--date", metavar="D", help="The close of this business date.")] = None,
    method: Annotated[
        str | None, typer.Option("--method", metavar="ID", help="Of this method only.", autocompletion=methods)
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="The records themselves, each with its `explanation`.")] = False,
    bundle: Annotated[Path | None, typer.Option("--bundle", metavar="FILE", help="From this bundle instead of Kafka.")] = None,
    archive: InArchive = None,
    config: Config = None,
) -> None:
    """Tell what is broken, what changed it and by how much, what is not known, how it clears, and the command that proves it.

    Of an alert its story change by change, then the assessment behind it. Amounts of the change sum to its last digit.
    """
    from monitor.cli.evidence.choosing import Wanted
    from monitor.cli.options import instant
    from monitor.report.explanation import explained

    if bundle is not None and archive is not None:
        raise UsageError("--bundle and --archive are two places: name one")
    asked = Wanted(name, None if at is None else instant("--at", at), None if day is None else _date(day), method)
    if bundle is not None:
        records = _in_bundle(bundle, _checked(asked, None))
    else:
        settings = _settings(config)
        records = asyncio.run(_find(settings, _checked(asked, settings.entities), archive))
    place = f" --bundle {bundle}" if bundle is not None else f" --archive {archive}" if archive is not None else ""
    told = [explained(record).proved_from(place) for record in records]
    if as_json:
        emit([{**record, "explanation": one.printed()} for record, one in zip(records, told, strict=True)])
        return
    for one in told:
        for line in one.lines():
            say(line)


def _checked(asked: Wanted, entities: Container[str] | None) -> Wanted:
    wanted = asked.or_now(time.time_ns(), entities)
    wanted.check()
    return wanted


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--date {text}: is not a date, write YYYY-MM-DD") from None


def _settings(config: Path | None) -> Settings:
    from monitor.settings.load import load_settings

    return load_settings(config)


def _in_bundle(bundle: Path, wanted: Wanted) -> Sequence[Mapping[str, Any]]:
    from monitor.cli.evidence.choosing import choose
    from monitor.cli.evidence.entries import in_bundle

    return choose((value for value in in_bundle(bundle) if "chain" in value), wanted)


async def _find(settings: Settings, wanted: Wanted, archive: str | None) -> Sequence[Mapping[str, Any]]:
    from monitor.cli.evidence.entries import log_at

    if wanted.is_entity:
        return await _figures(log_at(archive, settings), wanted)
    if archive is not None:
        return await _in_archive(log_at(archive, settings), wanted)
    if not wanted.is_digest and not _FINGERPRINT.match(wanted.name):
        wanted = replace(wanted, name=await _fingerprint(settings, wanted.name))
    return await records_of(OutputsInKafka(settings), wanted)


async def _figures(log: TopicLog, wanted: Wanted) -> Sequence[Mapping[str, Any]]:
    """The figures of an entity, from no more of the log than they may lie in."""
    from monitor.cli.evidence.choosing import figures, found_each
    from monitor.cli.evidence.entries import entries_of

    for since, until in wanted.spans():
        entries = [value for value in await entries_of(log, wanted.name, since, until) if "chain" in value]
        if since is None or found_each(entries, wanted):
            break
    return figures(entries, wanted)


async def _in_archive(log: TopicLog, wanted: Wanted) -> Sequence[Mapping[str, Any]]:
    """An alert's changes and the assessment behind, or the output of a digest: no index leads there, so every day is read."""
    from monitor.cli.evidence.choosing import choose
    from monitor.core.journal.vocabulary import ALERTS, ASSESSMENTS, EXPOSURES
    from streams.lookup.evidence import outputs_with

    text = wanted.name.removeprefix("sha256:")
    found = [value async for value in outputs_with(log, (ALERTS, ASSESSMENTS, EXPOSURES), text)]
    behind = {value["assessment_digest"] for value in found if wanted.of_alert(value)} - {None}
    for digest in sorted(behind):
        found += [value async for value in outputs_with(log, (ASSESSMENTS,), f'"digest":"{digest}"')]
    return choose(found, wanted)


async def _fingerprint(settings: Settings, name: str) -> str:
    """The fingerprint of the one alert that begins so or is called so; those that fire before those that are over.

    A beginning that no alert has may be a digest's, and is given back as that.
    """
    from monitor.cli import talk
    from streams.kafka.topics import topic_names
    from streams.lookup.alerts import standing_alerts

    names = topic_names(settings)
    alerts = await standing_alerts(settings.kafka, names, lambda line: talk(f"left out: {line}"))
    found = [one for one in alerts if one.fingerprint.startswith(name) or one.alertname == name]
    found = [one for one in found if one.firing] or found
    if not found and name.islower():
        return f"sha256:{name}"
    if not found:
        raise MonitorError(f"no alert is called {name} or begins so: `alerts list --all` shows those of the last 7 days")
    if len(found) > 1:
        listed = "; ".join(f"{one.fingerprint[:12]} {one.alertname} {one.entity} {one.subject or ''}".rstrip() for one in found)
        raise UsageError(f"{name} is {len(found)} alerts, name one: {listed}")
    return found[0].fingerprint


class Outputs(Protocol):
    """Where outputs are kept."""

    async def alert(self, fingerprint: str) -> list[dict[str, Any]]:
        """Every record of an alert, oldest first."""

    async def digest(self, digest: str) -> dict[str, Any] | None:
        """The output of this digest, or of one that begins so; None where it is not kept."""


class OutputsInKafka:
    """The output topics of the configured broker."""

    def __init__(self, settings: Settings) -> None:
        from streams.kafka.topics import topic_names

        self._kafka = settings.kafka
        self._names = topic_names(settings)

    async def alert(self, fingerprint: str) -> list[dict[str, Any]]:
        """See `Outputs`."""
        from streams.lookup.outputs import find_alerts

        return await find_alerts(self._kafka, self._names, fingerprint)

    async def digest(self, digest: str) -> dict[str, Any] | None:
        """See `Outputs`."""
        from streams.lookup.outputs import find_beginning, find_digest

        found = await find_digest(self._kafka, self._names, digest)
        return await find_beginning(self._kafka, self._names, digest) if found is None else found[1]


async def records_of(outputs: Outputs, wanted: Wanted) -> Sequence[Mapping[str, Any]]:
    """The changes of an alert with the assessment behind the newest, or the one output of a digest."""
    from monitor.cli.evidence.choosing import without_repeats
    from monitor.core.journal.vocabulary import ALERTS

    name = wanted.name
    if _FINGERPRINT.match(name):
        changes = without_repeats([one for one in await outputs.alert(name) if wanted.in_time(one)])
        if not changes:
            raise MonitorError(f"no alert {name} is kept in {ALERTS}: resolved ones leave after 7 days")
        behind = await outputs.digest(changes[-1]["assessment_digest"]) if changes[-1]["assessment_digest"] else None
        return [*changes, *([] if behind is None else [behind])]
    digest = name if name.startswith("sha256:") else f"sha256:{name}"
    found = await outputs.digest(digest)
    if found is None:
        raise MonitorError(
            f"no output with the digest {digest} is kept in the output topics: is it of another system, or a pack's?"
        )
    return [found]
