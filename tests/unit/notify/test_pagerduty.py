import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from monitor.notify.channel import Notice, Refused, Undelivered
from monitor.notify.pagerduty import PagerDutyChannel, trigger_event
from monitor.notify.settings import Links, PagerDutySettings
from tests.alert_samples import an_alert
from tests.receivers import PagerDutyReceiver


@contextlib.asynccontextmanager
async def channel(receiver: PagerDutyReceiver, tmp_path: Path, timeout_s: float = 5.0) -> AsyncIterator[PagerDutyChannel]:
    key = tmp_path / "key"
    key.write_text("R0UT1NG\n")
    made = PagerDutyChannel(
        "pd", PagerDutySettings(type="pagerduty", routing_key_file=key, url=receiver.url, timeout_s=timeout_s)
    )
    try:
        yield made
    finally:
        await made.close()


async def test_triggers_and_resolves_by_fingerprint_and_never_acknowledges(tmp_path: Path) -> None:
    async with PagerDutyReceiver(routing_key="R0UT1NG").serve() as pd, channel(pd, tmp_path) as pager:
        alert = an_alert()
        await pager.deliver(Notice(alert))
        event = pd.open[alert.fingerprint]
        assert event["payload"]["severity"] == "critical"
        assert event["payload"]["source"] == "jp-main"
        assert event["payload"]["custom_details"]["figures"]["coverage"] == "unknown"
        assert event["payload"]["custom_details"]["causes"] == ["b-1 (custody.balances partition 3 offset 881)"]
        assert event["links"] == [{"href": "https://runbooks.example/reserve#reserveshortfall", "text": "Runbook"}]
        await pager.deliver(Notice(an_alert(status="resolved", revision=2)))
        assert pd.open == {}
        assert [request.json["event_action"] for request in pd.accepted] == ["trigger", "resolve"]


@pytest.mark.parametrize(
    ("status", "expected"), [(400, Refused), (429, Undelivered), (500, Undelivered), (503, Undelivered), (401, Undelivered)]
)
async def test_each_attempt_is_one_request(tmp_path: Path, status: int, expected: type[Exception]) -> None:
    async with (
        PagerDutyReceiver(routing_key="R0UT1NG", status=status, retry_after="3").serve() as pd,
        channel(pd, tmp_path) as pager,
    ):
        with pytest.raises(expected) as caught:
            await pager.deliver(Notice(an_alert()))
        assert len(pd.requests) == 1, "the vendor's client must not retry by itself"
        if isinstance(caught.value, Undelivered):
            assert caught.value.retry_after_s == 3.0


async def test_no_connection_and_a_hanging_service_are_undelivered(tmp_path: Path) -> None:
    async with PagerDutyReceiver(routing_key="R0UT1NG", hanging=True).serve() as pd, channel(pd, tmp_path, timeout_s=1) as pager:
        with pytest.raises(Undelivered):
            await pager.deliver(Notice(an_alert()))
        pd.hanging = False
    async with channel(pd, tmp_path) as pager:
        with pytest.raises(Undelivered):
            await pager.deliver(Notice(an_alert()))


def test_the_summary_fits_and_a_rehearsal_says_so_first() -> None:
    event = trigger_event(an_alert(summary="x" * 2000, rehearsal=True), Links("http://status", "http://grafana/"))
    assert len(event["payload"]["summary"]) == 1024
    assert event["payload"]["summary"].startswith("[REHEARSAL] ReserveShortfall jp-main")
    assert {"href": "http://status/?entity=jp-main", "text": "Status"} in event["links"]


def test_an_alert_leads_to_the_board_of_its_entity_and_one_of_the_dispatcher_to_that_of_operations() -> None:
    to = Links(None, "https://grafana.example/")
    assert trigger_event(an_alert(), to)["links"][-1] == {
        "href": "https://grafana.example/d/reserve-entity?var-entity=jp-main",
        "text": "Board",
    }
    own = trigger_event(an_alert(journal=None), Links("http://status", "https://grafana.example"))["links"]
    assert [one["href"] for one in own[-2:]] == ["http://status/", "https://grafana.example/d/reserve-operations"]


def test_the_headline_names_the_entity_once_and_the_details_the_fingerprint() -> None:
    alert = an_alert(summary="jp-main: short by 25,000,000 JPY under jp.psa_custody")
    payload = trigger_event(alert, Links())["payload"]
    assert payload["summary"] == "ReserveShortfall jp-main: short by 25,000,000 JPY under jp.psa_custody"
    assert payload["custom_details"]["fingerprint"] == alert.fingerprint
    assert payload["custom_details"]["figures"]["required"].startswith("1,850,000,000")
