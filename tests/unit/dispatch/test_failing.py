from monitor.core.values.times import SECOND, parse_time
from monitor.notify.channel import Told
from streams.dispatch.failing import ALERTNAME, Failures

NOW = parse_time("2026-01-05T03:04:05Z")


class StandIn:
    """What Failures sees of a lane."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.failing = False
        self.pending = 0
        self.refused: dict[str, str] = {}
        self.last_failure: str | None = None
        self.told: dict[str, Told] = {}
        self.offered: list[object] = []

    def offer(self, alert: object) -> None:
        self.offered.append(alert)


def watched(*names: str) -> tuple[list[StandIn], Failures]:
    lanes = [StandIn(name) for name in names]
    return lanes, Failures(lanes, "reserve-monitor", "https://runbooks.example/")  # type: ignore[arg-type]


def test_the_other_channels_are_told_once_that_one_fails_and_once_that_it_does_no_more() -> None:
    (pager, chat, hook), failures = watched("pager", "chat", "hook")
    failures.watch(NOW)
    assert chat.offered == []
    pager.failing, pager.pending, pager.last_failure = True, 3, "503"
    for second in range(3):
        failures.watch(NOW + second * SECOND)
    pager.failing = False
    failures.watch(NOW + 60 * SECOND)
    assert pager.offered == []
    assert len(chat.offered) == len(hook.offered) == 2
    fired, ended = chat.offered
    assert (fired.alertname, fired.subject, fired.severity, fired.firing) == (ALERTNAME, "pager", "critical", True)  # type: ignore[attr-defined]
    assert "503" in fired.description  # type: ignore[attr-defined]
    assert fired.runbook_url == "https://runbooks.example/#alertdeliveryfailing"  # type: ignore[attr-defined]
    assert (ended.fingerprint, ended.starts_at, ended.firing) == (fired.fingerprint, fired.starts_at, False)  # type: ignore[attr-defined]
    assert ended.revision > fired.revision  # type: ignore[attr-defined]


def test_after_a_restart_what_was_told_ends_when_it_no_longer_holds() -> None:
    (pager, chat), failures = watched("pager", "chat")
    chat.told[failures.fingerprint("pager")] = Told(9_999_999_999, "2026-01-05T01:00:00Z", "critical", firing=True)
    failures.recall()
    failures.watch(NOW)
    (ended,) = chat.offered
    assert (ended.firing, ended.starts_at, ended.revision) == (False, "2026-01-05T01:00:00Z", 10_000_000_000)  # type: ignore[attr-defined]
    pager.failing = True
    failures.watch(NOW + SECOND)
    assert chat.offered[-1].firing  # type: ignore[attr-defined]


def test_after_a_restart_a_failure_that_goes_on_is_not_told_twice() -> None:
    (pager, chat), failures = watched("pager", "chat")
    chat.told[failures.fingerprint("pager")] = Told(5, "2026-01-05T01:00:00Z", "critical", firing=True)
    pager.failing = True
    failures.recall()
    failures.watch(NOW)
    assert chat.offered == []
