import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Sequence

from monitor.core.values.times import SECOND
from monitor.notify.alert import Alert
from monitor.notify.channel import Beat, Group, Grouping, Notice, Receipt, Refused, Told, Undelivered
from monitor.notify.settings import ChannelSettings
from streams.dispatch.lane import Lane
from tests.alert_samples import an_alert
from tests.receivers import until

FAST = ChannelSettings(retry_first_s=0.001, retry_max_s=0.01, undelivered_after_s=0.02)


class Scripted:
    """A channel that fails as it is told to; `told` is what it accepted."""

    def __init__(self, refresh_s: float | None = None) -> None:
        self.name = "scripted"
        self.refresh_s = refresh_s
        self.ends_disturb = True
        self.grouping: Grouping | None = self
        self.grouped: list[Group] = []
        self.error: Exception | None = None
        self.poison: str | None = None
        self.refuse: str | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.attempts: list[Notice] = []
        self.told: list[Notice] = []
        self.refreshed: list[tuple[Sequence[Notice], Sequence[Beat]]] = []
        self.closed = False

    async def deliver(self, notice: Notice) -> Receipt:
        self.attempts.append(notice)
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        if notice.alert.entity == self.poison:
            raise Undelivered("500 for this one")
        if notice.alert.entity == self.refuse:
            raise Refused("bad content")
        self.told.append(notice)
        return Receipt(f"handle-{notice.alert.revision}", absent_peers=1)

    async def deliver_group(self, group: Group) -> Receipt:
        if self.error is not None:
            raise self.error
        self.grouped.append(group)
        return Receipt(f"handle-{group.key}")

    async def refresh(self, standing: Sequence[Notice], beats: Sequence[Beat]) -> int:
        self.refreshed.append((list(standing), list(beats)))
        if self.error is not None:
            raise self.error
        return 0

    async def close(self) -> None:
        self.closed = True

    @property
    def names(self) -> list[tuple[str, int]]:
        return [(notice.alert.entity, notice.alert.revision) for notice in self.told]


class Observed:
    """Counts outcomes and remembers the age of the outbox."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.oldest: list[int | None] = []
        self.intended: list[Told] = []

    def delivered(self, channel: str, outcome: str) -> None:
        self.outcomes[outcome] += 1

    def outbox_oldest(self, channel: str, at_ns: int | None) -> None:
        self.oldest.append(at_ns)

    def chain_forked(self, partition: int) -> None:
        raise AssertionError


@contextlib.asynccontextmanager
async def running(
    channel: Scripted, settings: ChannelSettings = FAST, group_above: int | None = None
) -> AsyncIterator[tuple[Lane, Observed, list[Told]]]:
    observed = Observed()
    recorded: list[Told] = []
    beat = Beat("Watchdog", None, "2026-01-05T03:00:00Z", 0, "s", "d")

    def record(_name: str, _fingerprint: str, told: Told) -> None:
        (recorded if told.sure else observed.intended).append(told)

    lane = Lane(channel, settings, observed, record, lambda _every: [beat], group_above=group_above)
    lane.start()
    try:
        yield lane, observed, recorded
    finally:
        await lane.stop(0.01)


async def test_told_in_order_recorded_and_counted() -> None:
    channel = Scripted()
    async with running(channel) as (lane, observed, recorded):
        for entity in "abc":
            lane.offer(an_alert(entity=entity))
        await until(lambda: len(recorded) == 3)
        assert channel.names == [("a", 1), ("b", 1), ("c", 1)]
        assert recorded[0].handle == "handle-1"
        assert observed.outcomes == {"delivered": 3, "peer_failed": 3}
        assert observed.oldest[-1] is None


async def test_a_channel_that_was_down_gets_what_is_still_relevant_in_order() -> None:
    channel = Scripted()
    channel.error = Undelivered("503")
    async with running(channel) as (lane, observed, _):
        lane.offer(an_alert(entity="a"))
        await until(lambda: lane.circuit == "open")
        for entity, revision, status in (("b", 1, "firing"), ("c", 1, "firing"), ("b", 2, "resolved"), ("a", 2, "firing")):
            lane.offer(an_alert(entity=entity, revision=revision, status=status))
        await until(lambda: lane.failing)
        assert channel.told == []
        channel.error = None
        await until(lambda: lane.pending == 0)
        assert channel.names == [("a", 2), ("c", 1)], "what was never told and is over is not ended there"
        assert (lane.circuit, lane.failing) == ("closed", False)
        assert observed.outcomes["failed"] >= 5
        assert channel.told[0].maybe_told, "an attempt that failed may have been accepted unseen"
        assert not channel.told[1].maybe_told


async def test_the_wait_before_the_next_attempt_is_the_one_the_receiver_named() -> None:
    channel = Scripted()
    channel.error = Undelivered("429", retry_after_s=0.3)
    async with running(channel) as (lane, _, _):
        lane.offer(an_alert())
        await until(lambda: len(channel.attempts) == 1)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 0.1)
        assert len(channel.attempts) == 1, "the lane's own wait would have been ten milliseconds at most"
        channel.error = None
        await until(lambda: lane.pending == 0)


async def test_one_alert_that_always_fails_does_not_hold_up_the_others() -> None:
    channel = Scripted()
    channel.poison = "a"
    async with running(channel) as (lane, _, _):
        for entity in "abc":
            lane.offer(an_alert(entity=entity))
        await until(lambda: len(channel.told) == 2)
        assert channel.names == [("b", 1), ("c", 1)]
        assert sum(notice.alert.entity == "a" for notice in channel.attempts) == 5
        lane.offer(an_alert(entity="d"))
        await until(lambda: len(channel.told) == 3)
        await until(lambda: lane.failing, what="the parked alert counting as undelivered")
        channel.poison = None
        lane.offer(an_alert(entity="a", revision=2))
        await until(lambda: lane.pending == 0)
        assert channel.names[-1] == ("a", 2)


async def test_what_is_refused_is_recorded_shown_as_failing_and_not_tried_again() -> None:
    channel = Scripted()
    channel.refuse = "a"
    async with running(channel) as (lane, observed, recorded):
        lane.offer(an_alert(entity="a"))
        lane.offer(an_alert(entity="b"))
        await until(lambda: len(recorded) == 2)
        assert (recorded[0].refused, recorded[0].firing) == (True, False)
        assert observed.outcomes["refused"] == 1
        assert lane.failing
        channel.refuse = None
        lane.offer(an_alert(entity="a", revision=2))
        await until(lambda: not lane.failing)
        assert channel.names == [("b", 1), ("a", 2)]


async def test_a_fault_in_a_channels_code_does_not_end_its_lane() -> None:
    channel = Scripted()
    channel.error = KeyError("bug")
    async with running(channel) as (lane, _, _):
        lane.offer(an_alert())
        await until(lambda: len(channel.attempts) > 2)
        channel.error = None
        await until(lambda: lane.pending == 0)


async def test_a_state_that_comes_during_an_attempt_is_told_next() -> None:
    channel = Scripted()
    channel.gate.clear()
    async with running(channel) as (lane, _, recorded):
        lane.offer(an_alert(severity="warning"))
        await until(lambda: len(channel.attempts) == 1)
        lane.offer(an_alert(revision=2))
        channel.gate.set()
        await until(lambda: len(recorded) == 2)
        told = channel.told[1].told
        assert told is not None
        assert (told.revision, told.severity) == (1, "warning")


async def test_a_state_that_waits_is_replaced_by_any_newer_one() -> None:
    channel = Scripted()
    channel.error = Undelivered("503")
    async with running(channel) as (lane, _, _):
        lane.offer(an_alert())
        await until(lambda: len(channel.attempts) >= 1)
        over = an_alert(status="resolved", revision=2)
        lane.offer(over, since_ns=over.updated_ns + 1)
        channel.error = None
        await until(lambda: lane.pending == 0)
        assert [(notice.alert.revision, notice.firing) for notice in channel.told] == [(2, False)]


class TestNews:
    """What is told to a channel, given what it was told before."""

    async def offered(
        self, told: Told | None, since_ns: int = 0, ends_disturb: bool = True, rebuilt: bool = True, **changes: object
    ) -> bool:
        channel = Scripted()
        channel.ends_disturb = ends_disturb
        async with running(channel) as (lane, _, _):
            alert = an_alert(**changes)
            if told is not None:
                lane.told[alert.fingerprint] = told
            lane.offer(alert, since_ns=since_ns, rebuilt=rebuilt)
            return lane.pending > 0

    async def test_shadow_methods_notify_nobody(self) -> None:
        assert not await self.offered(None, mode="shadow")
        assert not await self.offered(None, mode="shadow", status="resolved")

    async def test_a_method_that_becomes_shadow_ends_what_was_told(self) -> None:
        firing = Told(1, "2026-01-05T03:00:00Z", "critical", firing=True)
        assert await self.offered(firing, mode="shadow", revision=2)
        assert not await self.offered(Told(1, "2026-01-05T03:00:00Z", "critical", firing=False), mode="shadow", revision=2)

    async def test_the_same_or_an_older_revision_is_no_news(self) -> None:
        start = "2026-01-05T03:00:00Z"
        for revision, expected in ((1, False), (2, False), (3, True)):
            assert await self.offered(Told(2, start, "critical", firing=True), revision=revision, starts_at=start) is expected

    async def test_a_new_life_after_the_tombstone_is_news_at_any_revision(self) -> None:
        assert await self.offered(Told(7, "2026-01-05T03:00:00Z", "critical", firing=False), revision=1)

    async def test_an_end_never_told_of_is_no_news(self) -> None:
        at = 1_770_000_000 * SECOND
        over = Told(1, "2026-01-05T03:00:00Z", "critical", firing=False)
        for told in (None, over):
            for rebuilt in (True, False):
                assert not await self.offered(told, rebuilt=rebuilt, since_ns=at, at=at, status="resolved", revision=3)
        assert await self.offered(None, since_ns=at + 1000, at=at), "what still fires concerns every channel"

    async def test_after_a_start_an_end_that_may_be_missing_is_told_where_that_costs_nothing(self) -> None:
        at = 1_770_000_000 * SECOND
        for since_ns, rebuilt, expected in ((at, True, True), (at + 1000, True, False), (at, False, False)):
            found = await self.offered(
                None, since_ns=since_ns, ends_disturb=False, rebuilt=rebuilt, at=at, status="resolved", revision=2
            )
            assert found is expected

    async def test_what_the_record_does_not_name_waits_after_a_start_and_ends_untold(self) -> None:
        for ends_disturb in (True, False):
            channel = Scripted()
            channel.ends_disturb = ends_disturb
            async with running(channel) as (lane, _, _):
                lane.offer(an_alert(revision=1), rebuilt=True)
                lane.offer(an_alert(revision=2, status="resolved"))
                assert lane.pending == (0 if ends_disturb else 1)

    async def test_what_was_about_to_be_told_before_a_crash_is_told_or_ended(self) -> None:
        intended = Told(1, "2026-01-05T03:00:00Z", "critical", firing=True, sure=False)
        assert await self.offered(intended, revision=1)
        assert await self.offered(intended, revision=2, status="resolved")


async def test_the_intention_is_on_record_before_the_first_attempt_only() -> None:
    channel = Scripted()
    channel.error = Undelivered("503")
    async with running(channel) as (lane, observed, recorded):
        lane.offer(an_alert())
        await until(lambda: len(channel.attempts) >= 3)
        assert [(told.revision, told.firing) for told in observed.intended] == [(1, True)]
        assert recorded == []
        channel.error = None
        await until(lambda: len(recorded) == 1)
        lane.offer(an_alert(revision=2, status="resolved"))
        await until(lambda: len(recorded) == 2)
        assert len(observed.intended) == 1, "an end is no new intention"


async def test_the_grave_and_the_new_go_first() -> None:
    channel = Scripted()
    channel.error = Undelivered("503")
    async with running(channel) as (lane, _, _):
        known = an_alert(entity="known")
        lane.told[known.fingerprint] = Told(1, known.starts_at, "critical", firing=True)
        lane.offer(known, rebuilt=True)
        lane.offer(an_alert(entity="known", revision=2, status="resolved"))
        lane.offer(an_alert(entity="warns", severity="warning"))
        for number in range(3):
            lane.offer(an_alert(entity="flood", subject=f"A{number}", alertname="SameAssetShortfall"))
        lane.offer(an_alert(entity="flood", alertname="SecurityIncidentOpen", method=None))
        await until(lambda: len(channel.attempts) >= 1)
        channel.error = None
        await until(lambda: lane.pending == 0)
        order = [(one.alert.entity, one.alert.alertname, one.alert.subject) for one in channel.told]
        assert order[:2] == [("flood", "SameAssetShortfall", "A0"), ("flood", "SecurityIncidentOpen", None)]
        assert [subject for _, _, subject in order[2:4]] == ["A1", "A2"]
        assert [entity for entity, _, _ in order[4:]] == ["warns", "known"]


async def test_a_first_critical_waits_neither_for_the_pace_nor_for_the_time_that_the_receiver_named() -> None:
    channel = Scripted()
    slow = ChannelSettings(max_per_minute=1, retry_first_s=0.001, retry_max_s=0.01)
    async with running(channel, slow) as (lane, _, _):
        for number in range(3):
            lane.offer(an_alert(alertname="SameAssetShortfall", subject=f"A{number}"))
        await until(lambda: len(channel.told) == 1)
        lane.offer(an_alert(alertname="SecurityIncidentOpen", method=None))
        await until(lambda: len(channel.told) == 2, within_s=2)
        assert channel.told[1].alert.alertname == "SecurityIncidentOpen"
        channel.error = Undelivered("429", retry_after_s=60)
        lane.offer(an_alert(entity="second"))
        await until(lambda: channel.attempts[-1].alert.entity == "second")
        channel.error = None
        lane.offer(an_alert(entity="third"))
        await until(lambda: [one.alert.entity for one in channel.told[2:]] == ["second", "third"], within_s=2)


async def settled(lane: Lane) -> None:
    await until(lambda: lane.pending == 0)


class TestGroups:
    """Many new alerts of one entity and method at once are one."""

    @staticmethod
    def flood(count: int, **changes: object) -> list[Alert]:
        return [an_alert(alertname="SameAssetShortfall", subject=f"A{number}", **changes) for number in range(count)]

    async def test_a_channel_that_does_not_group_ends_one_by_one_what_was_told_as_one(self) -> None:
        channel = Scripted()
        channel.grouping = None
        async with running(channel, group_above=3) as (lane, _, recorded):
            alerts = self.flood(4)
            for alert in alerts:
                lane.told[alert.fingerprint] = Told(1, alert.starts_at, alert.severity, firing=True, group="as-one")
            for alert in self.flood(4, status="resolved", revision=2):
                lane.offer(alert)
            await settled(lane)
            assert len(channel.told) == len(recorded) == 4
            assert channel.grouped == []

    async def test_up_to_the_number_they_are_told_one_by_one_above_it_as_one(self) -> None:
        for count, groups in ((3, 0), (4, 1)):
            channel = Scripted()
            async with running(channel, group_above=3) as (lane, observed, recorded):
                for alert in self.flood(count):
                    lane.offer(alert)
                await settled(lane)
                assert len(recorded) == count
                assert len(channel.grouped) == groups
                assert observed.outcomes["delivered"] == (1 if groups else count)
                assert len({told.group for told in recorded}) == 1

    async def test_the_worst_leads_and_each_end_is_told_until_none_is_left(self) -> None:
        channel = Scripted()
        async with running(channel, group_above=3) as (lane, _, recorded):
            alerts = [*self.flood(4, severity="warning"), an_alert(alertname="HotStorageLimitExceeded")]
            for alert in alerts:
                lane.offer(alert)
            await until(lambda: len(recorded) == 5)
            assert [group.worst.alertname for group in channel.grouped] == ["HotStorageLimitExceeded"]
            for alert in self.flood(4, severity="warning", revision=2, status="resolved")[:3]:
                lane.offer(alert)
            await until(lambda: len(recorded) == 8)
            ended = channel.grouped[-1]
            assert (ended.key, ended.begun, len(ended.standing)) == (channel.grouped[0].key, True, 2)
            assert ended.handle == f"handle-{ended.key}"
            lane.offer(an_alert(alertname="HotStorageLimitExceeded", revision=2, status="resolved"))
            lane.offer(self.flood(4, revision=2, status="resolved")[3])
            await until(lambda: len(recorded) == 10)
            assert channel.grouped[-1].standing == ()
            assert channel.told == [], "nothing of a group is told by itself while the group is not over"
            lane.offer(self.flood(1, revision=3)[0])
            await until(lambda: len(channel.told) == 1, what="the new life, told by itself")

    async def test_after_a_crash_the_group_is_the_one_that_may_have_been_told(self) -> None:
        channel = Scripted()
        channel.error = Undelivered("503")
        async with running(channel, group_above=3) as (lane, observed, _):
            for alert in self.flood(4):
                lane.offer(alert)
            await until(lambda: len(observed.intended) == 4)
        remembered = dict(zip([alert.fingerprint for alert in self.flood(4)], observed.intended, strict=True))
        channel = Scripted()
        async with running(channel, group_above=3) as (lane, _, recorded):
            lane.told.update(remembered)
            for alert in self.flood(4, revision=2, status="resolved"):
                lane.offer(alert, rebuilt=True)
            await until(lambda: len(recorded) == 4)
            (group,) = channel.grouped
            assert (group.key, group.standing, group.maybe_told) == (observed.intended[0].group, (), True)


async def test_refresh_has_what_was_accepted_and_the_signs_of_life() -> None:
    channel = Scripted(refresh_s=0.02)
    channel.ends_disturb = False
    async with running(channel) as (lane, _, _):
        recent = an_alert(entity="b", status="resolved", revision=2)
        old = an_alert(entity="c", status="resolved", revision=2, at=1_770_000_000 * SECOND)
        known = an_alert(entity="d")
        lane.told[known.fingerprint] = Told(1, known.starts_at, "critical", firing=True)
        for alert in (an_alert(entity="a"), recent, old, known):
            lane.offer(alert, rebuilt=True)
        await until(lambda: len(channel.told) == 3)
        seen = len(channel.refreshed)
        await until(lambda: len(channel.refreshed) > seen + 1)
        standing, beats = channel.refreshed[-1]
        assert sorted((notice.alert.entity, notice.firing) for notice in standing) == [("a", True), ("b", False), ("d", True)]
        assert [beat.alertname for beat in beats] == ["Watchdog"]


async def test_a_refresh_that_fails_is_counted_and_comes_again() -> None:
    channel = Scripted(refresh_s=0.01)
    channel.error = Undelivered("503")
    async with running(channel) as (_, observed, _):
        await until(lambda: len(channel.refreshed) > 2)
        assert observed.outcomes["failed"] >= 2


async def test_a_pause_waits_for_what_is_being_told_and_begins_nothing_more() -> None:
    channel = Scripted()
    channel.gate.clear()
    async with running(channel) as (lane, _, recorded):
        for entity in "ab":
            lane.offer(an_alert(entity=entity))
        await until(lambda: len(channel.attempts) == 1)
        pausing = asyncio.create_task(lane.pause(5))
        await asyncio.sleep(0.05)
        assert not pausing.done()
        channel.gate.set()
        await pausing
        assert (channel.names, len(recorded)) == ([("a", 1)], 1)
        await asyncio.sleep(0.05)
        assert channel.names == [("a", 1)]
        lane.go_on()
        await until(lambda: lane.pending == 0)
        assert channel.names == [("a", 1), ("b", 1)]


async def test_a_pause_does_not_wait_for_ever() -> None:
    channel = Scripted()
    channel.gate.clear()
    async with running(channel) as (lane, _, recorded):
        lane.offer(an_alert())
        await until(lambda: len(channel.attempts) == 1)
        await lane.pause(0.02)
        assert recorded == []


async def test_stopping_tells_what_is_left_and_closes() -> None:
    channel = Scripted()
    channel.gate.clear()
    async with running(channel) as (lane, _, recorded):
        lane.offer(an_alert())
        await until(lambda: len(channel.attempts) == 1)
        stopping = asyncio.create_task(lane.stop(5))
        channel.gate.set()
        await stopping
        assert (len(recorded), channel.closed) == (1, True)


async def test_stopping_does_not_wait_for_a_channel_that_is_down_and_resolves_nothing() -> None:
    channel = Scripted()
    channel.error = Undelivered("503")
    async with running(channel) as (lane, _, recorded):
        lane.offer(an_alert())
        await until(lambda: len(channel.attempts) >= 1)
        await lane.stop(0.05)
        assert recorded == []
        assert all(notice.firing for notice in channel.attempts)


async def test_forgotten_alerts_are_neither_told_nor_refreshed() -> None:
    channel = Scripted(refresh_s=0.01)
    async with running(channel) as (lane, _, recorded):
        alert = an_alert()
        lane.offer(alert)
        await until(lambda: len(recorded) == 1)
        lane.forget(alert.fingerprint)
        seen = len(channel.refreshed)
        await until(lambda: len(channel.refreshed) > seen + 1)
        assert channel.refreshed[-1][0] == []
        assert alert.fingerprint not in lane.told
