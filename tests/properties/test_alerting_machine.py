"""The life of an alert under any sequence of sights: hypothesis plays the evaluations and the clock."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from monitor.core.alerts.life import KEEP_RESOLVED, Change, Finding, Identity, Life, Moment, Verdict, next_instant, resend, step
from monitor.core.values.times import HOUR, MINUTE, SECOND

SUBJECTS = ("BTC", "ETH")
VERDICTS = st.sampled_from(Verdict)
SEVERITIES = st.sampled_from(("info", "warning", "critical"))
ENDINGS = {"recovered", "ended", "method_changed"}


class AlertMachine(RuleBasedStateMachine):
    """Two alerts side by side, and the list of what a channel was told."""

    @initialize(dwell=st.sampled_from((0, SECOND, 60 * SECOND)))
    def begin(self, dwell: int) -> None:
        self.dwell = dwell
        self.now = 1_767_000_000 * SECOND
        self.lives: dict[str, Life] = {}
        self.told: dict[str, list[Change]] = {}
        self.identities = {name: Identity("SameAssetShortfall", "jp", "m", "guarantee_asset", name) for name in SUBJECTS}
        self.clear_from: dict[str, int | None] = {}
        self.true_from: dict[str, int | None] = {}
        self.mode = "in_force"

    @rule(seconds=st.sampled_from((0, 1, 30, 60, 3600)))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds * SECOND

    @rule(
        subject=st.sampled_from(SUBJECTS),
        verdict=VERDICTS,
        severity=SEVERITIES,
        shown=st.sampled_from("ab"),
        rehearsal=st.booleans(),
    )
    def evaluate(self, subject: str, verdict: Verdict, severity: str, shown: str, rehearsal: bool) -> None:
        sight = Finding(verdict, severity, self.mode, self.dwell, self.dwell, shown=shown)  # type: ignore[arg-type]
        before = self.lives.get(subject, Life())
        self._watch_evidence(subject, verdict)
        life, changes = step(before, sight, Moment(self.now, rehearsal, MINUTE))
        for change in changes:
            self._check_change(subject, verdict, before, change)
        self.told.setdefault(self.identities[subject].fingerprint, []).extend(changes)
        self.lives[subject] = life

    @rule(mode=st.sampled_from(("in_force", "shadow")))
    def configure(self, mode: str) -> None:
        self.mode = mode

    @rule()
    def repeat(self) -> None:
        for subject in SUBJECTS:
            before = self.lives.get(subject, Life())
            after, change = resend(before, self.now)
            if after is None:
                assert before.status == "resolved"
                assert before.ends_at is not None
                assert self.now >= before.ends_at + KEEP_RESOLVED
                self.told.pop(self.identities[subject].fingerprint, None)
            if change is not None:
                assert change.life.revision == before.revision
                assert self.now - before.sent_at >= HOUR
            self.lives[subject] = after or Life()

    def _watch_evidence(self, subject: str, verdict: Verdict) -> None:
        if verdict is not Verdict.CLEAR:
            self.clear_from[subject] = None
        elif self.clear_from.get(subject) is None:
            self.clear_from[subject] = self.now
        if verdict in {Verdict.CLEAR, Verdict.BETWEEN}:
            self.true_from[subject] = None
        elif verdict is Verdict.TRUE and self.true_from.get(subject) is None:
            self.true_from[subject] = self.now

    def _check_change(self, subject: str, verdict: Verdict, before: Life, change: Change) -> None:
        if change.reason == "recovered":
            since = self.clear_from[subject]
            assert verdict is Verdict.CLEAR
            assert since is not None
            assert self.now - since >= self.dwell
        if change.reason in {"entered", "reopened"}:
            assert verdict is Verdict.TRUE
            assert change.life.starts_at is not None
            assert self.now - change.life.starts_at >= self.dwell
        if change.reason == "method_changed":
            assert before.mode != change.life.mode == self.mode
            assert change.life.status == "firing"
        assert verdict is not Verdict.UNKNOWN or change.reason in {"updated", "method_changed"}

    @invariant()
    def no_two_fire_with_one_fingerprint(self) -> None:
        for changes in self.told.values():
            firing = False
            for number, change in enumerate(changes, start=1):
                assert change.life.revision >= number
                assert change.reason not in {"entered", "reopened"} or not firing
                assert change.reason not in ENDINGS or firing
                firing = change.life.status == "firing"

    @invariant()
    def every_firing_has_ended_or_is_still_true(self) -> None:
        for subject, life in self.lives.items():
            changes = self.told.get(self.identities[subject].fingerprint, [])
            told = changes[-1].life.status if changes else "none"
            assert told == life.status

    @invariant()
    def every_wait_has_an_instant(self) -> None:
        for life in self.lives.values():
            waits = life.clear_since is not None or (life.true_since is not None and life.status != "firing")
            assert not waits or next_instant(life, MINUTE) is not None
            assert Life.of_state(life.state()) == life


AlertMachine.TestCase.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)
TestAlertMachine = AlertMachine.TestCase
