"""`rehearse`: a shortage that has not happened, through to the pager."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from monitor.cli import AsJson, Config, command_app, emit, talk
from monitor.cli.completion import channels, entities, scenarios
from monitor.errors import CHECK_FAILED, CONNECTION, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from monitor.notify.channel import Channel
    from monitor.notify.rehearsal import Rehearsed
    from monitor.settings.load import Settings

app = command_app()

_HOLD_S = 60.0


@app.command(epilog="Example: reserve-monitor rehearse jp-main --scenario hot_tier_lost --channel pager --hold 120")
def rehearse(
    entity: Annotated[str, typer.Argument(metavar="ENTITY", autocompletion=entities)],
    *,
    scenario: Annotated[
        str, typer.Option("--scenario", metavar="NAME", help="What is pretended: see `scenario list`.", autocompletion=scenarios)
    ],
    channel: Annotated[
        list[str] | None,
        typer.Option("--channel", metavar="NAME", help="Tell this one; may be repeated. Absent: all.", autocompletion=channels),
    ] = None,
    hold: Annotated[float, typer.Option("--hold", metavar="SECONDS", min=0, help="Time between alert and end.")] = _HOLD_S,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be sent, and send nothing.")] = False,
    as_json: AsJson = False,
    config: Config = None,
) -> None:
    """Page people as if a scenario had happened to the live book: title, text and labels say REHEARSAL, and the end follows.

    One alert for each method in force that would be short, with the scenario's figures. It goes to the channels directly: nothing
    is written to Kafka, no figure moves, and its fingerprint is that of no real alert. Exit 1 where a channel refuses it
    or nothing would be short, 4 where one cannot be reached.
    """
    from monitor.cli.foresight.foresee import live
    from monitor.cli.foresight.scenario import asked_scenarios
    from monitor.notify.rehearsal import shortage
    from monitor.settings.load import load_settings

    settings = load_settings(config)
    chosen = _channels(settings, channel or [])
    (pretended,) = asked_scenarios(scenario, None, config)
    outcomes = live(entity, pretended, config)
    short = [one for one in outcomes if one["mode"] == "in_force" and one["after"]["state"] == "shortfall"]
    if not short:
        talk(f"{entity}: under {scenario} no method in force would be short: there is nothing to page for")
        raise typer.Exit(CHECK_FAILED)
    told = [shortage(entity, pretended.title, one) for one in short]
    if dry_run:
        for one in told:
            talk(f"would tell {', '.join(chosen)}: {one.summary}")
        return
    reports = asyncio.run(_tell_all(settings, chosen, told, hold))
    if as_json:
        emit(reports)
    raise typer.Exit(max((report["exit_code"] for report in reports), default=0))


def _channels(settings: Settings, wanted: Sequence[str]) -> list[str]:
    known = sorted(settings.alerting.channels)
    for name in wanted:
        if name not in known:
            raise UsageError(f"there is no channel {name} in alerting.channels (there: {', '.join(known) or 'none'})")
    if not known:
        raise UsageError("alerting.channels is empty: there is nobody to tell")
    return list(wanted) or known


async def _tell_all(settings: Settings, names: Sequence[str], told: Sequence[Rehearsed], hold_s: float) -> list[dict[str, Any]]:
    from monitor.notify.channels import make_channel

    made = [
        make_channel(name, settings.alerting.channels[name], hold_s=settings.alerting.hold_s, links=settings.links)
        for name in names
    ]
    try:
        return list(await asyncio.gather(*(_tell(channel, one, hold_s) for channel in made for one in told)))
    finally:
        for channel in made:
            await channel.close()


async def _tell(channel: Channel, told: Rehearsed, hold_s: float) -> dict[str, Any]:
    """What became of one alert and of its end on one channel."""
    from monitor.notify.channel import Notice, Refused, Told, Undelivered

    began = time.time_ns()
    firing = told.at(began)
    report: dict[str, Any] = {"channel": channel.name, "fingerprint": firing.fingerprint, "fired": False, "resolved": False}
    try:
        receipt = await channel.deliver(Notice(firing))
        report["fired"] = True
        talk(f"{channel.name} accepted: {told.summary}; its end follows in {hold_s:g} s")
        await asyncio.sleep(hold_s)
        before = Told(firing.revision, firing.starts_at, told.severity, firing=True, rehearsal=True, handle=receipt.handle)
        await channel.deliver(Notice(told.at(began, time.time_ns()), before))
        report["resolved"] = True
    except (Undelivered, Refused) as error:
        talk(f"{channel.name} was not told: {error}")
        return report | {"detail": str(error), "exit_code": CHECK_FAILED if isinstance(error, Refused) else CONNECTION}
    return report | {"detail": None, "exit_code": 0}
