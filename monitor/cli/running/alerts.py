"""`alerts`: what fires, whether a channel can be told, and that one is over of which nothing is looked at any more."""

from __future__ import annotations

import asyncio
import getpass
import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import AsJson, Config, DryRun, KeyForTwo, OutForTwo, SecondSigner, SignWith, command_app, emit, talk
from monitor.cli.completion import alerts as alert_names
from monitor.cli.completion import channels, entities
from monitor.core.journal.vocabulary import SEVERITIES
from monitor.errors import CHECK_FAILED, CONNECTION, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table
    from rich.text import Text

    from monitor.notify.alert import Alert
    from monitor.notify.channel import Channel
    from monitor.settings.load import Settings

app = command_app(no_args_is_help=True, help="List alerts, test the channels, end what nothing is looked at for.")

_STYLES = {"critical": "bold red", "warning": "yellow", "info": "cyan"}
_HOLD_S = 5.0
_NOBODY = "anybody: no channel"
_PIPE_WIDTH, _TABLE_WIDTH = 200, 140
_SHOWN = 12
"""Hex digits of a fingerprint that are shown: `explain` takes them, and they fit beside the rest."""


@app.command("list", epilog="Example: reserve-monitor alerts list --entity jp-main --json")
def show(
    entity: Annotated[
        str | None, typer.Option("--entity", metavar="E", help="Only of this entity.", autocompletion=entities)
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also what was resolved in the last 7 days.")] = False,
    shadow: Annotated[bool, typer.Option("--shadow", help="Also of shadow methods, which notify nobody.")] = False,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """List the alerts that fire, from the topic `reserve.alerts`, and which channel was not told.

    With --json the published objects as an array, each with `undelivered`: the channels not told (null: there is none).
    """
    from monitor.settings.load import load_settings

    settings = load_settings(config)
    found = _standing(settings)
    wanted = [
        alert
        for alert in sorted(found, key=lambda one: (-SEVERITIES.index(one.severity), one.entity, one.starts_at, one.fingerprint))
        if (everything or alert.firing) and (shadow or not alert.shadow) and entity in {None, alert.entity}
    ]
    untold = _untold(settings, wanted)
    if as_json:
        emit([{**alert.value, "undelivered": untold.get(alert.fingerprint, [])} for alert in wanted])
    else:
        _show(wanted, untold)


@app.command("test", epilog="Example: reserve-monitor alerts test pager --severity critical --hold 60")
def try_out(
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="A name in alerting.channels.", autocompletion=channels)],
    *,
    severity: Annotated[str, typer.Option("--severity", metavar="S", help="critical, warning or info.")] = "info",
    hold: Annotated[
        float, typer.Option("--hold", metavar="SECONDS", min=0, help="Time between the alert and its end.")
    ] = _HOLD_S,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Send one alert marked as a rehearsal to a channel, and its resolve after --hold seconds.

    Alertmanager passes on only what still fires after its group_wait: hold longer than that to see the whole way. Exit 1
    when the channel refuses the alert, 4 when it cannot be reached.
    """
    from monitor.notify.channels import make_channel
    from monitor.settings.load import load_settings

    settings = load_settings(config)
    chosen = settings.alerting.channels.get(channel)
    if chosen is None:
        known = ", ".join(sorted(settings.alerting.channels)) or "none"
        raise UsageError(f"there is no channel {channel} in alerting.channels (there: {known})")
    if severity not in SEVERITIES:
        raise UsageError(f"--severity {severity}: one of {', '.join(reversed(SEVERITIES))}")
    if dry_run:
        talk(f"would send {channel} ({chosen.type}) a rehearsal of severity {severity}, and its end after {hold:g} s")
        return
    made = make_channel(channel, chosen, hold_s=settings.alerting.hold_s, links=settings.links)
    report, code = asyncio.run(_rehearse(made, settings.kafka.prefix, severity, hold))
    if as_json:
        emit(report)
    if code:
        raise typer.Exit(code)


@app.command("dismiss", epilog="Example: reserve-monitor alerts dismiss 3f9a0c11d2e4 --reason 'the entity is closed'")
def dismiss(
    name: Annotated[
        str,
        typer.Argument(metavar="FINGERPRINT|NAME", help="Of the alert; the first digits will do.", autocompletion=alert_names),
    ],
    *,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; it stays on record.")],
    by: Annotated[str | None, typer.Option("--by", metavar="NAME", help="Who does it; else the user of this system.")] = None,
    sign_with: SignWith = None,
    second: SecondSigner = None,
    key: KeyForTwo = None,
    out: OutForTwo = None,
    dry_run: DryRun = False,
    config: Config = None,
) -> None:
    """Put on record that an alert is over of which nothing is looked at any more, since the configuration took that away.

    An alert that is still looked at ends by its figures alone, whatever is dismissed. Where controls.four_eyes lists
    dismissals it takes two: with --second, --key and --out it is signed and written, and counts once the second has run
    `promote sign` on it.
    """
    from monitor.cli.control.signing import left_to_second
    from monitor.cli.options import signing
    from monitor.settings.load import load_settings
    from streams.kafka.topics import topic_names
    from streams.lookup.dead_letters import Act, alert_dismissal, put_on_record

    settings = load_settings(config)
    act = Act(by or getpass.getuser(), reason, time.time_ns(), signing(settings, sign_with))
    alert = _one_firing(_standing(settings), name)
    made = alert_dismissal(alert, act)
    needed = "dismissals" in settings.controls.four_eyes
    if left_to_second(made, second, key, out, config, needed=needed, dry_run=dry_run):
        return
    if not dry_run:
        asyncio.run(put_on_record(settings.kafka, topic_names(settings), [made], act))
    talk(f"{'would be ' if dry_run else ''}dismissed: {alert.alertname} {alert.fingerprint} of {alert.entity}")


def _one_firing(alerts: Sequence[Alert], name: str) -> Alert:
    """The alert that fires whose fingerprint begins so or that is called so; UsageError for none or several."""
    found = [alert for alert in alerts if alert.fingerprint.startswith(name) or (alert.alertname == name and alert.firing)]
    if not found:
        raise UsageError(
            f"no alert that fires is called {name} or has a fingerprint that begins so: `alerts list --all` has them"
        )
    if len(found) > 1:
        several = "; ".join(
            f"{one.fingerprint[:_SHOWN]} {one.alertname} {one.entity} {one.subject or ''}".rstrip() for one in found
        )
        raise UsageError(f"{name} is {len(found)} alerts, name one: {several}")
    if not found[0].firing:
        raise UsageError(f"{found[0].fingerprint} does not fire any more: it ended at {found[0].ends_at}")
    return found[0]


def _standing(settings: Settings) -> list[Alert]:
    from streams.kafka.topics import topic_names
    from streams.lookup.alerts import standing_alerts

    names = topic_names(settings)
    return asyncio.run(standing_alerts(settings.kafka, names, lambda line: talk(f"left out: {line}")))


async def _rehearse(channel: Channel, installation: str, severity: str, hold_s: float) -> tuple[dict[str, Any], int]:
    """What became of the alert and of its resolve, and the exit code."""
    from monitor.notify.channel import Notice, Refused, Told, Undelivered
    from monitor.notify.rehearsal import delivery_test

    began = time.time_ns()
    test = delivery_test(channel.name, installation, severity)
    firing = test.at(began)
    report: dict[str, Any] = {
        "channel": channel.name,
        "fingerprint": firing.fingerprint,
        "fired": False,
        "resolved": False,
        "detail": None,
    }
    try:
        receipt = await channel.deliver(Notice(firing))
        report["fired"] = True
        talk(f"{channel.name} accepted the rehearsal{_absent(receipt.absent_peers)}; its end follows in {hold_s:g} s")
        await asyncio.sleep(hold_s)
        told = Told(firing.revision, firing.starts_at, severity, firing=True, rehearsal=True, handle=receipt.handle)
        receipt = await channel.deliver(Notice(test.at(began, time.time_ns()), told))
        report["resolved"] = True
        talk(f"{channel.name} accepted the end{_absent(receipt.absent_peers)}")
    except (Undelivered, Refused) as error:
        report["detail"] = str(error)
        what = "its end" if report["fired"] else "the rehearsal"
        refused = isinstance(error, Refused)
        talk(f"{channel.name} {'refused' if refused else 'could not be told'} {what}: {error}")
        return report, CHECK_FAILED if refused else CONNECTION
    finally:
        await channel.close()
    return report, 0


def _absent(peers: int) -> str:
    return f" ({peers} of its addresses did not)" if peers else ""


def _untold(settings: Settings, alerts: list[Alert]) -> dict[str, list[str | None]]:
    """Of each alert that fires the channels (None: there is none) not told of its newest state, by the record of deliveries."""
    from streams.kafka.topics import topic_names
    from streams.lookup.alerts import told_so_far
    from streams.lookup.told import has_been_told

    firing = [alert for alert in alerts if alert.firing and not alert.shadow]
    if not firing:
        return {}
    told = asyncio.run(told_so_far(settings.kafka, topic_names(settings)))
    channels = sorted(settings.alerting.channels or {name for name, _ in told})
    return {
        alert.fingerprint: [name for name in channels if not has_been_told(alert.value, told.get((name, alert.fingerprint)))]
        if channels
        else [None]
        for alert in firing
    }


def _show(alerts: list[Alert], untold: dict[str, list[str | None]]) -> None:
    from rich.console import Console

    if not alerts:
        typer.echo("nothing fires")
        return
    console = Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH, highlight=False)
    shown = _blocks if console.width < _TABLE_WIDTH else _table
    console.print(shown(alerts, untold))


def _blocks(alerts: list[Alert], untold: dict[str, list[str | None]]) -> Text:
    """One alert under another, for a terminal on which the columns of the table would be a few letters wide."""
    from rich.text import Text

    from monitor.web.text import clock

    lines: list[Text] = []
    for alert in alerts:
        about = " ".join(part for part in (alert.alertname, alert.entity, alert.method, alert.subject) if part)
        state = "" if alert.firing else " resolved"
        lines.append(Text.assemble((alert.severity, _STYLES[alert.severity]), f"{state} {about}"))
        lines.append(Text(f"  {'rehearsal: ' if alert.rehearsal else ''}{alert.summary}"))
        lines.append(Text(f"  since {clock(alert.starts_at)}; explain {alert.fingerprint[:_SHOWN]}"))
        missing = untold.get(alert.fingerprint)
        if missing:
            lines.append(Text(f"  not told: {', '.join(name or _NOBODY for name in missing)}", "bold red"))
    return Text("\n").join(lines)


def _table(alerts: list[Alert], untold: dict[str, list[str | None]]) -> Table:
    from rich.table import Table
    from rich.text import Text

    from monitor.web.text import clock

    table = Table(box=None, pad_edge=False)
    for name in ("fingerprint", "severity", "status", "alert", "entity", "method", "subject", "since", "summary", "not told"):
        table.add_column(name, overflow="fold", no_wrap=name == "fingerprint")
    for alert in alerts:
        mark = "rehearsal: " if alert.rehearsal else ""
        texts = ("firing" if alert.firing else "resolved", alert.alertname, alert.entity, alert.method or "", alert.subject or "",
                 clock(alert.starts_at), mark + alert.summary)  # fmt: skip
        missing = Text(", ".join(name or _NOBODY for name in untold.get(alert.fingerprint, ())), "bold red")
        short = Text(alert.fingerprint[:_SHOWN])
        table.add_row(short, Text(alert.severity, _STYLES[alert.severity]), *(Text(text) for text in texts), missing)
    return table
