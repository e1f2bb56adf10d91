import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from monitor.core.values.times import SECOND, format_time, parse_time
from monitor.notify.alertmanager import AlertmanagerChannel
from monitor.notify.channel import Beat, Notice, Refused, Told, Undelivered
from monitor.notify.settings import AlertmanagerSettings, Links
from tests.alert_samples import an_alert
from tests.receivers import AlertmanagerReceiver, until

NOW = parse_time("2026-01-05T03:04:05Z")


def receiver() -> AlertmanagerReceiver:
    return AlertmanagerReceiver(clock=lambda: datetime.fromtimestamp(NOW / SECOND, UTC))


@contextlib.asynccontextmanager
async def channel(*receivers: AlertmanagerReceiver, timeout_s: float = 5.0) -> AsyncIterator[AlertmanagerChannel]:
    settings = AlertmanagerSettings(type="alertmanager", urls=tuple(one.url for one in receivers), timeout_s=timeout_s)
    made = AlertmanagerChannel(
        "pager", settings, hold_s=86_400, links=Links("http://status", "http://grafana/"), clock=lambda: NOW
    )
    try:
        yield made
    finally:
        await made.close()


def told(**changes: object) -> Told:
    return Told(**({"revision": 1, "starts_at": "2026-01-05T03:00:00Z", "severity": "warning", "firing": True} | changes))  # type: ignore[arg-type]


async def test_fires_with_the_labels_and_holds_the_end_a_day_ahead() -> None:
    async with receiver().serve() as am, channel(am) as pager:
        alert = an_alert(at=NOW)
        await pager.deliver(Notice(alert))
        (posted,) = am.accepted[0].json
        assert posted["labels"] == alert.labels("critical", rehearsal=False)
        assert posted["annotations"]["dashboard_url"] == "http://grafana/d/reserve-entity?var-entity=jp-main"
        assert posted["startsAt"] == alert.starts_at
        assert posted["endsAt"] == format_time(NOW + 86_400 * SECOND)
        assert posted["annotations"]["fingerprint"] == alert.fingerprint
        assert posted["generatorURL"] == "http://status/?entity=jp-main"
        assert posted["annotations"]["figures"].startswith("required 1,850,000,000, available 1,825,000,000")
        assert posted["annotations"]["causes"] == "b-1 (custody.balances partition 3 offset 881)"
        assert posted["annotations"]["cure_by"] == "2026-01-09"
        assert all(isinstance(text, str) for text in posted["annotations"].values())


async def test_resolve_sets_the_true_end() -> None:
    async with receiver().serve() as am, channel(am) as pager:
        alert = an_alert(at=NOW - 7 * SECOND, status="resolved", revision=2)
        await pager.deliver(Notice(alert, told(severity="critical")))
        (posted,) = am.accepted[0].json
        assert posted["endsAt"] == alert.ends_at == format_time(NOW - 7 * SECOND)
        assert am.firing() == []


async def test_a_new_severity_ends_the_old_label_set_in_the_same_post() -> None:
    async with receiver().serve() as am, channel(am) as pager:
        await pager.deliver(Notice(an_alert(at=NOW - SECOND, severity="warning")))
        await pager.deliver(Notice(an_alert(at=NOW, severity="critical", revision=2), told()))
        ended, started = am.accepted[1].json
        assert (ended["labels"]["severity"], ended["endsAt"]) == ("warning", format_time(NOW))
        assert (started["labels"]["severity"], started["endsAt"]) == ("critical", format_time(NOW + 86_400 * SECOND))
        assert [labels["severity"] for labels in am.firing()] == ["critical"]


async def test_the_end_of_a_rehearsal_ends_the_marked_label_set() -> None:
    async with receiver().serve() as am, channel(am) as pager:
        await pager.deliver(Notice(an_alert(at=NOW - SECOND, rehearsal=True)))
        await pager.deliver(Notice(an_alert(at=NOW, revision=2), told(severity="critical", rehearsal=True)))
        assert [labels.get("rehearsal") for labels in am.firing()] == [None]


async def test_after_an_attempt_of_unknown_outcome_every_other_label_set_is_ended() -> None:
    async with receiver().serve() as am, channel(am) as pager:
        await pager.deliver(Notice(an_alert(at=NOW - SECOND, severity="warning")))
        await pager.deliver(Notice(an_alert(at=NOW, severity="critical", revision=2), None, maybe_told=True))
        assert [labels["severity"] for labels in am.firing()] == ["critical"]


async def test_a_shadow_method_ends_what_was_told() -> None:
    async with receiver().serve() as am, channel(am) as pager:
        await pager.deliver(Notice(an_alert(at=NOW - SECOND)))
        await pager.deliver(Notice(an_alert(at=NOW, mode="shadow", revision=2), told(severity="critical")))
        assert am.firing() == []


async def test_every_address_is_sent_to_and_one_that_is_down_is_counted_and_caught_up() -> None:
    async with receiver().serve() as one, receiver().serve() as two, channel(one, two) as pager:
        two.status = 503
        first = an_alert(at=NOW - 2 * SECOND)
        assert (await pager.deliver(Notice(first))).absent_peers == 1
        asked = len(two.requests)
        over = an_alert(at=NOW - SECOND, status="resolved", revision=2)
        other = an_alert(at=NOW, entity="kr-main")
        for notice in (Notice(over, told(severity="critical")), Notice(other)):
            assert (await pager.deliver(notice)).absent_peers == 1
        assert len(two.requests) == asked, "an address that did not answer is left out of the direct path"
        two.status = None
        await pager.refresh([Notice(other)], [])
        await until(lambda: len(two.known) == 2, what="catching up")
        assert [labels["entity"] for labels in two.firing()] == ["kr-main"], "it learns what fires and the end it missed"
        assert (await pager.deliver(Notice(an_alert(at=NOW, entity="hk-main")))).absent_peers == 0


async def test_all_addresses_down_is_undelivered_and_tried_on_all_again() -> None:
    async with receiver().serve() as one, receiver().serve() as two, channel(one, two) as pager:
        one.status = two.status = 503
        for _ in range(2):
            with pytest.raises(Undelivered, match="503"):
                await pager.deliver(Notice(an_alert(at=NOW)))
        assert (len(one.requests), len(two.requests)) == (2, 2)
        two.status = None
        assert (await pager.deliver(Notice(an_alert(at=NOW)))).absent_peers == 1


async def test_an_address_that_hangs_delays_only_the_first_change() -> None:
    async with receiver().serve() as one, receiver().serve() as two, channel(one, two, timeout_s=0.1) as pager:
        two.hanging = True
        for number in range(5):
            await pager.deliver(Notice(an_alert(at=NOW, entity=f"e-{number}")))
        assert len(two.requests) == 1
        assert len(one.firing()) == 5


async def test_what_is_refused_is_not_tried_again() -> None:
    async with receiver().serve() as am, channel(am) as pager:
        am.status = 400
        with pytest.raises(Refused):
            await pager.deliver(Notice(an_alert(at=NOW)))


async def test_refresh_sends_in_batches_what_stands_and_the_signs_of_life() -> None:
    async with receiver().serve() as am, channel(am) as pager:
        standing = [Notice(an_alert(at=NOW, entity=f"e-{number}")) for number in range(250)]
        beat = Beat("Watchdog", None, format_time(NOW), NOW + 180 * SECOND, "alive", "always firing")
        await pager.refresh(standing, [beat])
        assert [len(request.json) for request in am.accepted] == [200, 51]
        assert len(am.firing("ReserveShortfall")) == 250
        assert am.firing("Watchdog") == [{"alertname": "Watchdog", "severity": "none"}]
        assert am.known[("alertname", "Watchdog"), ("severity", "none")]["endsAt"] == format_time(NOW + 180 * SECOND)


async def test_closing_resolves_nothing() -> None:
    async with receiver().serve() as am:
        async with channel(am) as pager:
            await pager.deliver(Notice(an_alert(at=NOW)))
        assert len(am.requests) == 1
        assert len(am.firing()) == 1
