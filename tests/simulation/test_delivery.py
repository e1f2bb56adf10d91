"""Random lives of alerts, failures of a channel and crashes of the dispatcher: in the end the receiver knows what holds.

No broker and no sockets: the real lane, the real Alertmanager and webhook channels, a log in a list, and a ledger that loses
its newest records in a crash.
"""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any, Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.values.times import SECOND, format_time
from monitor.notify.alert import Alert, read_alert
from monitor.notify.alertmanager import AlertmanagerChannel
from monitor.notify.channel import Channel, Refused, Told, Undelivered
from monitor.notify.settings import AlertmanagerSettings, WebhookSettings
from monitor.notify.webhook import WebhookChannel
from streams.dispatch.board import Board
from streams.dispatch.lane import Lane
from tests.alert_samples import alert_value
from tests.receivers import AlertmanagerReceiver, Received, until

START = 1_770_000_000 * SECOND
FAST: dict[str, Any] = {"retry_first_s": 0.0005, "retry_max_s": 0.002}

Weather = Literal["good", "down", "lost_answers", "refusing"]


@dataclass
class Wire:
    """Stands for HTTP: carries posts to a receiver, or fails as the weather has it."""

    receiver: AlertmanagerReceiver
    weather: Weather = "good"
    bodies: list[tuple[str | None, bytes]] = field(default_factory=list)
    attempts: list[bytes] = field(default_factory=list)

    async def post(self, url: str, body: bytes, headers: dict[str, str]) -> None:
        self.attempts.append(body)
        await asyncio.sleep(0)
        if self.weather == "down":
            raise Undelivered("503")
        if self.weather == "refusing":
            raise Refused("400")
        self.bodies.append((headers.get("Idempotency-Key"), body))
        if url.endswith("/api/v2/alerts"):
            self.receiver.respond(Received("/api/v2/alerts", {}, body, {}, 0.0))
        if self.weather == "lost_answers":
            raise Undelivered("connection reset")

    async def close(self) -> None:
        return


class Nobody:
    def delivered(self, channel: str, outcome: str) -> None:
        return

    def outbox_oldest(self, channel: str, at_ns: int | None) -> None:
        return

    def chain_forked(self, partition: int) -> None:
        return


class World:
    """The compacted log, the ledger, and a dispatcher that dies and comes back."""

    def __init__(self, kind: Literal["alertmanager", "webhook"]) -> None:
        self.kind = kind
        self.wire = Wire(AlertmanagerReceiver())
        self.log: list[bytes] = []
        self.ledger: dict[str, Told] = {}
        self.unwritten: list[tuple[str, Told]] = []
        self.revisions: dict[str, int] = {}
        self.now = START
        self.lane: Lane
        self.board: Board

    def begin(self) -> None:
        self.board = Board()
        channel, limits = self._channel()
        self.lane = Lane(channel, limits, Nobody(), self._record)
        self.lane.told.update(self.ledger)
        for body in self.log:
            self.board.apply(0, None, body)
        self.lane.start()
        for alert in sorted(self.board.of_partition(0), key=lambda one: one.updated_ns):
            self.lane.offer(alert, rebuilt=True)

    async def crash(self, lost: int) -> None:
        """The process dies; the last `lost` records of what was told never reached the ledger."""
        kept = self.unwritten[: max(0, len(self.unwritten) - lost)]
        self.ledger.update(kept)
        self.unwritten.clear()
        await self.lane.stop(0)
        self.unwritten.clear()
        self.begin()

    def publish(self, entity: str, severity: str, status: str, mode: str, rehearsal: bool) -> None:
        self.now += SECOND
        self.revisions[entity] = self.revisions.get(entity, 0) + 1
        changes = {"entity": entity, "severity": severity, "status": status, "mode": mode, "rehearsal": rehearsal}
        value = alert_value(**changes, revision=self.revisions[entity], at=self.now) | {"starts_at": format_time(START)}
        body = json.dumps(value).encode()
        self.log.append(body)
        changed = self.board.apply(0, None, body)
        assert isinstance(changed, Alert)
        self.lane.offer(changed)

    async def settle(self) -> None:
        self.wire.weather = "good"
        await until(lambda: self.lane.pending == 0, 10, "everything told")
        await self.lane.stop(1)

    def firing(self) -> set[tuple[tuple[str, str], ...]]:
        """Label sets that ought to fire."""
        return {
            tuple(sorted(alert.labels(alert.severity, alert.rehearsal).items()))
            for alert in self.board.of_partition(0)
            if alert.firing and not alert.shadow
        }

    def _record(self, _channel: str, fingerprint: str, told: Told) -> None:
        """An intention is waited for before the attempt, so a crash does not lose it; what was told since may be lost."""
        if told.sure:
            self.unwritten.append((fingerprint, told))
        else:
            self.ledger.update([*self.unwritten, (fingerprint, told)])
            self.unwritten.clear()

    def _channel(self) -> tuple[Channel, AlertmanagerSettings | WebhookSettings]:
        if self.kind == "alertmanager":
            limits = AlertmanagerSettings(type="alertmanager", urls=("http://am",), resend_s=60, **FAST)
            pager = AlertmanagerChannel("c", limits)
            pager._http = self.wire  # type: ignore[assignment]
            return pager, limits
        hook = WebhookSettings(type="webhook", url="http://hook", **FAST)
        made = WebhookChannel("c", hook)
        made._http = self.wire  # type: ignore[assignment]
        return made, hook


changes = st.tuples(
    st.just("publish"),
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from(["info", "warning", "critical"]),
    st.sampled_from(["firing", "firing", "resolved"]),
    st.sampled_from(["in_force", "in_force", "in_force", "shadow"]),
    st.booleans(),
)
weather = st.tuples(st.just("weather"), st.sampled_from(["good", "down", "lost_answers"]))
crashes = st.tuples(st.just("crash"), st.integers(0, 3))
pauses = st.tuples(st.just("pause"), st.integers(1, 4))
steps = st.lists(st.one_of(changes, changes, weather, crashes, pauses), max_size=30)


async def play(world: World, script: list[Any]) -> None:
    world.begin()
    for what, *details in script:
        if what == "publish":
            world.publish(*details)
        elif what == "weather":
            world.wire.weather = details[0]
        elif what == "crash":
            await world.crash(*details)
        else:
            for _ in range(details[0] * 3):
                await asyncio.sleep(0)
    await world.settle()


@settings(max_examples=150, deadline=None)
@given(steps)
def test_alertmanager_ends_with_exactly_the_label_sets_that_hold(script: list[Any]) -> None:
    world = World("alertmanager")
    asyncio.run(play(world, script))
    assert {tuple(sorted(labels.items())) for labels in world.wire.receiver.firing()} == world.firing()


@settings(max_examples=150, deadline=None)
@given(steps)
def test_a_webhook_hears_the_newest_state_last_and_shadow_never_fires(script: list[Any]) -> None:
    world = World("webhook")
    asyncio.run(play(world, script))
    heard: dict[str, Alert] = {}
    for key, body in world.wire.bodies:
        alert = read_alert(body)
        assert key == f"{alert.fingerprint}/{alert.revision}"
        heard[alert.entity] = alert
    for alert in world.board.of_partition(0):
        last = heard.get(alert.entity)
        if alert.shadow:
            assert last is None or last.shadow or not last.firing or last.revision < alert.revision
        elif last is None or not last.firing:
            assert not alert.firing, "at least once; what was never told of is not ended there"
        else:
            assert last.revision == alert.revision, "the newest last"
    begun: set[str] = set()
    for alert in (read_alert(body) for body in world.wire.attempts):
        assert alert.firing or alert.fingerprint in begun, "an end without a beginning"
        begun.add(alert.fingerprint)


def test_what_was_accepted_just_before_a_kill_comes_again_under_the_same_key_and_with_the_same_bytes() -> None:
    """Between the receiver's answer and its place on record nobody knows of it: so a receiver drops a repeat by its key."""

    async def heard(world: World, bodies: int) -> None:
        await until(lambda: len(world.wire.bodies) == bodies and world.lane.pending == 0, 10, f"{bodies} tellings")

    async def killed(world: World) -> None:
        world.begin()
        for number, status in enumerate(("firing", "resolved")):
            world.publish("a", "critical", status, "in_force", False)
            await heard(world, 2 * number + 1)
            await world.crash(lost=1)
            await heard(world, 2 * number + 2)
        await world.settle()

    world = World("webhook")
    asyncio.run(killed(world))
    assert len(world.wire.bodies) == 4
    assert world.wire.bodies[0] == world.wire.bodies[1] != world.wire.bodies[2] == world.wire.bodies[3]
