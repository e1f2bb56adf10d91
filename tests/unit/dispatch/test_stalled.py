"""The dispatcher's own word that nothing is evaluated: told once, ended on proof alone, also over a restart."""

from monitor.core.values.times import SECOND, parse_time
from monitor.notify.alert import Alert
from monitor.notify.channel import Told
from streams.dispatch.stalled import ALERTNAME, Stall

NOW = parse_time("2026-01-05T03:04:05Z")


class StandIn:
    """What Stall sees of a lane."""

    def __init__(self) -> None:
        self.told: dict[str, Told] = {}
        self.offered: list[Alert] = []

    def offer(self, alert: Alert) -> None:
        self.offered.append(alert)


class Why:
    def __init__(self, text: str | None) -> None:
        self.text = text

    def __call__(self) -> str | None:
        return self.text


def watched(why: Why) -> tuple[StandIn, Stall]:
    lane = StandIn()
    return lane, Stall([lane], "reserve-monitor", "https://runbooks.example/", why)  # type: ignore[list-item]


def test_told_once_with_the_reason_and_ended_when_it_moves() -> None:
    why = Why("the broker does not answer")
    lane, stall = watched(why)
    for second in range(3):
        stall.watch(NOW + second * SECOND)
    why.text = None
    stall.watch(NOW + 4 * SECOND)
    assert len(lane.offered) == 1, "what cannot be told ends nothing"
    why.text = ""
    stall.watch(NOW + 5 * SECOND)
    fired, ended = lane.offered
    assert (fired.alertname, fired.severity, fired.firing) == (ALERTNAME, "critical", True)
    assert "the broker does not answer" in fired.description
    assert (ended.fingerprint, ended.starts_at, ended.firing) == (fired.fingerprint, fired.starts_at, False)
    assert ended.revision > fired.revision


def test_after_a_restart_what_was_told_ends_on_proof() -> None:
    why = Why(None)
    lane, stall = watched(why)
    first, again = watched(Why("x"))
    again.watch(NOW)
    lane.told[first.offered[0].fingerprint] = Told(9_999_999_999, "2026-01-05T01:00:00Z", "critical", firing=True)
    stall.recall()
    stall.watch(NOW)
    assert lane.offered == []
    why.text = ""
    stall.watch(NOW)
    (ended,) = lane.offered
    assert (ended.firing, ended.starts_at, ended.revision) == (False, "2026-01-05T01:00:00Z", 10_000_000_000)
