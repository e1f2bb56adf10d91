import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Sequence

from monitor.core.values.times import SECOND
from monitor.notify.channel import Beat, Notice, Receipt, Refused, Told, Undelivered
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

    def delivered(self, channel: str, outcome: str) -> None:
        self.outcomes[outcome] += 1

    def outbox_oldest(self, channel: str, at_ns: int | None) -> None:
        self.oldest.append(at_ns)

    def chain_forked(self, partition: int) -> None:
        raise AssertionError


@contextlib.asynccontextmanager
async def running(channel: Scripted, settings: ChannelSettings = FAST) -> AsyncIterator[tuple[Lane, Observed, list[Told]]]:
    observed, recorded = Observed(), []
    beat = Beat("Watchdog", None, "2026-01-05T03:00:00Z", 0, "s", "d")
    lane = Lane(channel, settings, observed, lambda _name, _fingerprint, told: recorded.append(told), lambda _every: [beat])
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
        assert channel.names == [("a", 2), ("b", 2), ("c", 1)]
        assert (lane.circuit, lane.failing) == ("closed", False)
        assert observed.outcomes["failed"] >= 5
        assert channel.told[0].maybe_told, "an attempt that failed may have been accepted unseen"
        assert not channel.told[2].maybe_told


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

    async def offered(self, told: Told | None, since_ns: int = 0, **changes: object) -> bool:
        channel = Scripted()
        async with running(channel) as (lane, _, _):
            alert = an_alert(**changes)
            if told is not None:
                lane.told[alert.fingerprint] = told
            lane.offer(alert, since_ns=since_ns, rebuilt=True)
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

    async def test_an_end_never_told_of_counts_only_since_the_channel_is_known(self) -> None:
        at = 1_770_000_000 * SECOND
        assert await self.offered(None, since_ns=at, at=at, status="resolved", revision=2)
        assert not await self.offered(None, since_ns=at + 1000, at=at, status="resolved", revision=2)
        assert await self.offered(None, since_ns=at + 1000, at=at), "what still fires concerns every channel"


async def test_refresh_has_what_was_accepted_and_the_signs_of_life() -> None:
    channel = Scripted(refresh_s=0.02)
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
