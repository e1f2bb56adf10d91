"""`explain`: why an alert fires or an assessment says what it says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Protocol

import typer

from monitor.cli import Config, command_app, emit
from monitor.cli.completion import alerts
from monitor.core.journal.vocabulary import ALERTS
from monitor.errors import MonitorError, UsageError

if TYPE_CHECKING:
    from monitor.settings.load import Settings

app = command_app()

_FINGERPRINT = re.compile(r"[0-9a-f]{32}\Z", re.ASCII)
_DIGEST = re.compile(r"(sha256:)?[0-9a-f]{64}\Z", re.ASCII)
_PREFIX = re.compile(r"[0-9a-f]{4,31}\Z", re.ASCII)
_ALERTNAME = re.compile(r"[A-Z][A-Za-z]+\Z", re.ASCII)


@app.command(epilog="Example: reserve-monitor explain SecurityIncidentOpen")
def explain(
    name: Annotated[
        str,
        typer.Argument(
            metavar="FINGERPRINT|NAME|DIGEST",
            help="Of an alert (its beginning will do), or of any output.",
            autocompletion=alerts,
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="The records themselves.")] = False,
    config: Config = None,
) -> None:
    """Show the story of an alert, change by change, or an assessment with what is short, what is missing and what caused it."""
    import asyncio

    from monitor.settings.load import load_settings

    if not any(form.match(name) for form in (_FINGERPRINT, _DIGEST, _PREFIX, _ALERTNAME)):
        raise UsageError(
            f"{name} is no fingerprint (32 hex digits, or the first 4 and more), no alert's name and no digest (sha256: and 64)"
        )
    settings = load_settings(config)
    if _PREFIX.match(name) or _ALERTNAME.match(name):
        name = asyncio.run(_fingerprint(settings, name))
    found = asyncio.run(records_of(OutputsInKafka(settings), name))
    if as_json:
        emit(found)
        return
    for record in found:
        for line in story(record):
            typer.echo(line)


async def _fingerprint(settings: Settings, name: str) -> str:
    """The fingerprint of the one alert that begins so or is called so; those that fire before those that are over."""
    from monitor.cli import talk
    from streams.kafka.topics import topic_names
    from streams.lookup.alerts import standing_alerts

    names = topic_names(settings)
    alerts = await standing_alerts(settings.kafka, names, lambda line: talk(f"left out: {line}"))
    found = [one for one in alerts if one.fingerprint.startswith(name) or one.alertname == name]
    found = [one for one in found if one.firing] or found
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
        """The output of this digest; None where it is not kept."""


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
        from streams.lookup.outputs import find_digest

        found = await find_digest(self._kafka, self._names, digest)
        return None if found is None else found[1]


async def records_of(outputs: Outputs, name: str) -> list[dict[str, Any]]:
    """The changes of an alert with the assessment behind the newest, or the one output of a digest."""
    if _FINGERPRINT.match(name):
        changes = await outputs.alert(name)
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


def story(record: Mapping[str, Any]) -> Iterator[str]:
    """What a record of an alert, an assessment or an exposure says, in lines."""
    from monitor.web.text import amount, clock

    if record["schema"].startswith("reserve.alert/"):
        name = " ".join(text for text in (record["alertname"], record["subject"]) if text)
        yield f"{name} {record['status']} at {clock(record['updated_at'])}: {record['reason']}"
        yield f"  {record['summary']}"
        yield f"  {record['description']}"
        yield from (f"  because of {_cause(cause)}" for cause in record["causes"])
        yield f"  runbook {record['runbook_url']}"
    elif record["schema"].startswith("reserve.assessment/"):
        method = f"{record['method']} {record['method_version']}"
        yield f"{record['entity']} under {method} at {clock(record['at'])}: {record['state']}"
        yield f"  required {amount(record['required'])}, available {amount(record['available'])} {record['currency']}"
        for one in record["components"]:
            if one["state"] != "adequate":
                held, wanted = amount(one["held"]), amount(one["required"])
                yield f"  {one['name']}: {one['state']}, held {held}, {one['bound']} {wanted} {one['unit']} ({one['ref']})"
        yield from (f"  not known: {gap['kind']} {gap['subject']} ({gap['effect']})" for gap in record["gaps"])
        yield from (
            f"  changed by {part['part']}: {', '.join(_cause(cause) for cause in part['causes'])}" for part in record["why"]
        )
        yield f"  journal {record['journal']['partition']}:{record['journal']['offset']}, configuration {record['config_digest']}"
    else:
        yield f"{record['entity']} exposure at {clock(record['at'])}: {amount(record['total'])} {record['currency']}"
        yield from (f"  {name} {amount(value)}" for name, value in record["parts"].items())


def _cause(cause: Mapping[str, Any]) -> str:
    name = f" ({cause['event_id']})" if cause.get("event_id") else ""
    from monitor.notify.text import cause_change

    place = f"{cause['topic']} {cause['epoch']}/{cause['partition']}/{cause.get('offset', cause.get('upto'))}"
    return f"{place}{name}{cause_change(cause)}"
