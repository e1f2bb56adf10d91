"""A rehearsal end to end in one process: journal, engine, the dispatcher's lanes, real HTTP receivers; the rest stays."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from monitor.core.engine import Engine
from monitor.core.foresight.scenarios import Scenario
from monitor.core.journal.outputs import Output
from monitor.core.values.times import SECOND
from monitor.methods.stresses import load_scenarios
from monitor.notify.alert import Alert, alert_of
from monitor.notify.alertmanager import AlertmanagerChannel
from monitor.notify.channel import Channel
from monitor.notify.rehearsal import shortage
from monitor.notify.settings import AlertmanagerSettings, ChannelSettings, SlackSettings, WebhookSettings
from monitor.notify.slack import SlackChannel
from monitor.notify.webhook import WebhookChannel
from streams.dispatch.lane import Lane
from tests.journal_maker import Journal, configuration_text, house, load
from tests.receivers import AlertmanagerReceiver, SlackReceiver, WebhookReceiver, until
from tests.unit.dispatch.test_lane import Observed

TEXT = configuration_text({"jp-main": house()})
EVIDENCE = {
    "chain",
    "digest",
    "journal",
    "inputs_digest",
    "previous_digest",
    "result_digest",
    "assessment_digest",
    "causes",
    "sources",
    "explained",
    "why",
}
CLOCKS = {"at", "updated_at", "starts_at", "why_since"}


def short_house(*, drill: bool) -> tuple[Engine, list[Output]]:
    """A theft and a shortage; as a drill, marked by an operation of kind rehearsal from a second before."""
    made = Journal()
    made.configure(TEXT)
    load(made)
    made.at(20).tick()
    if drill:
        made.at(29).operation("rehearsal", expires_at=made.start + 3600 * SECOND)
    made.at(30).incident("inc-1", "confirmed")
    made.position("own", "guarantee_asset", "cold", "BTC", "30")
    made.at(40).tick()
    engine = Engine(0, check_journal_time=False)
    return engine, [output for record in made.records for output in engine.apply(record)]


def alerts_of(outputs: list[Output]) -> list[Alert]:
    return [alert_of(one.value) for one in outputs if one.topic == "reserve.alerts" and one.value is not None]


def figures_of(outputs: list[Output]) -> list[dict[str, Any]]:
    """What was published but for what names its place in the log."""
    found = [one.value for one in outputs if one.topic in {"reserve.assessments", "reserve.exposures"} and one.value is not None]
    return [{name: value for name, value in one.items() if name not in EVIDENCE | CLOCKS} for one in found]


@contextlib.asynccontextmanager
async def receivers(
    tmp_path: Path,
) -> AsyncIterator[tuple[list[Lane], WebhookReceiver, AlertmanagerReceiver, SlackReceiver]]:
    """Lanes to a webhook, an Alertmanager and Slack, each a real server."""
    token = tmp_path / "token"
    token.write_text("xoxb-1")
    async with (
        WebhookReceiver().serve() as hook,
        AlertmanagerReceiver().serve() as pager,
        SlackReceiver(token="xoxb-1").serve() as slack,
    ):
        chat = {"type": "slack", "url": f"{slack.url}/api", "channel": "C1", "token_file": token}
        told = WebhookSettings.model_validate({"type": "webhook", "url": hook.url})
        posted = SlackSettings.model_validate(chat)
        asked = AlertmanagerSettings.model_validate({"type": "alertmanager", "urls": [pager.url]})
        channels: list[tuple[Channel, ChannelSettings]] = [
            (WebhookChannel("hook", told), told),
            (SlackChannel("chat", posted), posted),
            (AlertmanagerChannel("pager", asked, 240), asked),
        ]
        lanes = [Lane(channel, settings, Observed(), lambda *_: None, lambda _: []) for channel, settings in channels]
        for lane in lanes:
            lane.start()
        try:
            yield lanes, hook, pager, slack
        finally:
            for lane in lanes:
                await lane.stop(0.5)


async def test_a_drill_is_marked_in_label_and_text_on_every_channel_and_moves_no_figure(tmp_path: Path) -> None:
    _, real = short_house(drill=False)
    _, marked = short_house(drill=True)
    assert figures_of(marked) == figures_of(real)
    drilled = alerts_of(marked)
    assert {alert.alertname for alert in drilled} >= {"SecurityIncidentOpen", "SameAssetShortfall", "ReserveShortfall"}
    assert [alert.fingerprint for alert in drilled] == [alert.fingerprint for alert in alerts_of(real)]
    async with receivers(tmp_path) as (lanes, hook, pager, slack):
        for alert in drilled:
            for lane in lanes:
                lane.offer(alert)
        await until(lambda: len(hook.alerts) == len(pager.known) == len(slack.parents) == len(drilled))
        assert all(body["rehearsal"] is True for body in hook.alerts)
        assert {labels["rehearsal"] for labels in pager.firing()} == {"true"}
        assert all(one["annotations"]["summary"].startswith("REHEARSAL") for one in pager.known.values())
        assert all("REHEARSAL" in message["text"] for message in slack.parents)


async def test_a_pretended_shortage_is_told_beside_real_alerts_which_stay_as_they_are(tmp_path: Path) -> None:
    engine, outputs = short_house(drill=False)
    assert list(engine.cut().buckets), "everything is new to the first cut"
    before = copy.deepcopy(engine.status("jp-main"))
    scenario: Scenario = load_scenarios()["hot_tier_lost"]
    outcomes = [one for one in engine.foresee("jp-main", scenario) if one["method"] == "jp.psa_custody"]
    (pretended,) = [shortage("jp-main", scenario.title, one) for one in outcomes]
    real = alerts_of(outputs)
    now = 1_770_000_000 * SECOND
    async with receivers(tmp_path) as (lanes, hook, pager, slack):
        for alert in (*real, pretended.at(now)):
            for lane in lanes:
                lane.offer(alert)
        await until(lambda: len(hook.alerts) == len(pager.known) == len(slack.parents) == len(real) + 1)
        (told,) = [body for body in hook.alerts if body["rehearsal"]]
        assert told["summary"].startswith("REHEARSAL")
        assert (told["journal"], told["chain"]) == (None, None)
        assert told["fingerprint"] not in {alert.fingerprint for alert in real}
        for lane in lanes:
            lane.offer(pretended.at(now, now + 60 * SECOND))
        await until(lambda: len(hook.alerts) == len(real) + 2 and not [one for one in pager.firing() if "rehearsal" in one])
        assert sorted(one["alertname"] for one in pager.firing()) == sorted(alert.alertname for alert in real)
    assert list(engine.cut().buckets) == [], "not a byte of the record moved"
    assert engine.status("jp-main") == before
