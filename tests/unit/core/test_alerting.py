"""Each rule of the alert life cycle, by itself."""

from typing import Any

import pytest

from monitor.core.alerts.life import (
    KEEP_RESOLVED,
    RESEND_EVERY,
    Change,
    Finding,
    Identity,
    Life,
    Moment,
    Verdict,
    next_instant,
    resend,
    step,
)
from monitor.core.values.times import MINUTE, SECOND

T0 = 1_767_000_000 * SECOND
DWELL = 60 * SECOND


def sight(verdict: Verdict = Verdict.TRUE, **changes: Any) -> Finding:
    return Finding(verdict, **{"enter_dwell": DWELL, "exit_dwell": DWELL, **changes})


def run(
    *timeline: tuple[int, Finding], life: Life | None = None, rehearsal: bool = False
) -> tuple[Life, list[tuple[int, str, str]]]:
    """Life after the sights at T0 + seconds, and (second, reason, status) of every change."""
    seen: list[tuple[int, str, str]] = []
    life = life or Life()
    for second, what in timeline:
        life, changes = step(life, what, Moment(T0 + second * SECOND, rehearsal, MINUTE))
        seen += [(second, change.reason, change.life.status) for change in changes]
    return life, seen


def fired(**changes: Any) -> Life:
    life, _ = run((0, sight(enter_dwell=0, **changes)))
    return life


def test_fires_only_after_its_dwell_and_starts_when_it_became_true() -> None:
    life, seen = run((0, sight()), (59, sight()), (60, sight()))
    assert seen == [(60, "entered", "firing")]
    assert life.starts_at == T0
    assert life.revision == 1


def test_without_dwell_it_fires_at_once() -> None:
    assert run((0, sight(enter_dwell=0)))[1] == [(0, "entered", "firing")]


@pytest.mark.parametrize("verdict", [Verdict.CLEAR, Verdict.BETWEEN])
def test_a_dwell_that_is_broken_begins_again(verdict: Verdict) -> None:
    _, seen = run((0, sight()), (30, sight(verdict)), (60, sight()), (119, sight()), (120, sight()))
    assert seen == [(120, "entered", "firing")]


def test_not_knowing_neither_fires_nor_forgets_a_dwell() -> None:
    _, seen = run((0, sight()), (60, sight(Verdict.UNKNOWN)), (70, sight()))
    assert seen == [(70, "entered", "firing")]


@pytest.mark.parametrize("verdict", [Verdict.UNKNOWN, Verdict.BETWEEN, Verdict.TRUE])
def test_only_positive_evidence_resolves(verdict: Verdict) -> None:
    life, seen = run(*((second, sight(verdict)) for second in range(60, 7200, 60)), life=fired())
    assert life.status == "firing"
    assert seen == []


def test_resolves_after_the_exit_dwell_of_unbroken_evidence() -> None:
    life, seen = run((100, sight(Verdict.CLEAR)), (159, sight(Verdict.CLEAR)), (160, sight(Verdict.CLEAR)), life=fired())
    assert seen == [(160, "recovered", "resolved")]
    assert life.ends_at == T0 + 160 * SECOND
    assert life.revision == 2


@pytest.mark.parametrize("verdict", [Verdict.UNKNOWN, Verdict.BETWEEN, Verdict.TRUE])
def test_evidence_that_is_broken_begins_again(verdict: Verdict) -> None:
    clear = sight(Verdict.CLEAR)
    _, seen = run((100, clear), (130, sight(verdict)), (140, clear), (199, clear), (200, clear), life=fired())
    assert seen == [(200, "recovered", "resolved")]


def test_the_end_of_a_subject_has_its_own_reason() -> None:
    _, seen = run((5, sight(Verdict.CLEAR, exit_dwell=0, ends_as="ended")), life=fired())
    assert seen == [(5, "ended", "resolved")]


def test_a_resolved_alert_that_comes_back_is_reopened_with_the_next_revision() -> None:
    life, seen = run((5, sight(Verdict.CLEAR, exit_dwell=0)), (10, sight()), (70, sight()), life=fired())
    assert seen == [(5, "recovered", "resolved"), (70, "reopened", "firing")]
    assert (life.revision, life.starts_at, life.ends_at) == (3, T0 + 10 * SECOND, None)


def test_severity_escalates_and_eases_at_once() -> None:
    life = fired(severity="warning")
    life, seen = run((1, sight(severity="critical")), (2, sight(severity="info")), life=life)
    assert seen == [(1, "escalated", "firing"), (2, "eased", "firing")]
    assert life.severity == "info"


def test_what_is_not_known_does_not_change_the_severity() -> None:
    life, seen = run((1, sight(Verdict.UNKNOWN, severity="info")), life=fired(severity="critical"))
    assert (life.severity, seen) == ("critical", [])


def test_changed_figures_are_published_once_an_interval() -> None:
    life = fired(shown="a")
    life, seen = run((1, sight(shown="b")), (30, sight(shown="c")), life=life)
    assert seen == []
    assert next_instant(life, MINUTE) == T0 + MINUTE
    life, seen = run((60, sight(shown="c")), (61, sight(shown="c")), life=life)
    assert seen == [(60, "updated", "firing")]
    assert next_instant(life, MINUTE) == T0 + MINUTE + RESEND_EVERY


def test_figures_that_return_before_the_interval_need_no_update() -> None:
    _, seen = run((1, sight(shown="b")), (60, sight(shown="a")), life=fired(shown="a"))
    assert seen == []


@pytest.mark.parametrize("verdict", [Verdict.TRUE, Verdict.UNKNOWN, Verdict.BETWEEN])
def test_a_change_of_mode_is_told_and_resolves_nothing(verdict: Verdict) -> None:
    """Fails where a configuration ends what still holds, or what nobody can see: in force to shadow resolved an alert."""
    life, seen = run((90, sight(verdict, mode="shadow")), life=fired())
    assert seen == [(90, "method_changed", "firing")]
    assert (life.mode, life.starts_at) == ("shadow", T0)


def test_what_is_over_under_the_new_mode_ends_after_its_dwell() -> None:
    _, seen = run(
        (90, sight(Verdict.CLEAR, mode="shadow", exit_dwell=10 * SECOND)),
        (100, sight(Verdict.CLEAR, mode="shadow", exit_dwell=10 * SECOND)),
        life=fired(),
    )
    assert seen == [(90, "method_changed", "firing"), (100, "recovered", "resolved")]


def test_what_begins_in_a_rehearsal_is_marked_until_the_rehearsal_is_over() -> None:
    life, _ = run((0, sight(enter_dwell=0)), rehearsal=True)
    assert life.rehearsal
    life, seen = run((10, sight(Verdict.UNKNOWN)), life=life)
    assert seen == [(10, "updated", "firing")]
    assert not life.rehearsal


def test_a_real_alert_is_not_marked_by_a_later_rehearsal() -> None:
    life, seen = run((10, sight()), life=fired(), rehearsal=True)
    assert (life.rehearsal, seen) == (False, [])


def test_what_fires_is_repeated_every_hour_at_the_same_revision() -> None:
    life = fired()
    assert resend(life, T0 + RESEND_EVERY - 1) == (life, None)
    again, change = resend(life, T0 + RESEND_EVERY)
    assert change is not None
    assert (change.reason, change.life.revision) == ("resent", 1)
    assert again is not None
    assert resend(again, T0 + RESEND_EVERY)[1] is None


def test_what_is_resolved_is_repeated_for_seven_days_and_then_over() -> None:
    life, _ = run((5, sight(Verdict.CLEAR, exit_dwell=0)), life=fired())
    over_at = T0 + 5 * SECOND + KEEP_RESOLVED
    _, change = resend(life, over_at - 1)
    assert change == Change(change.life, "resent") if change else False
    assert resend(life, over_at) == (None, None)


def test_a_resolved_alert_that_is_true_again_is_not_forgotten_while_its_dwell_runs() -> None:
    life, _ = run((5, sight(Verdict.CLEAR, exit_dwell=0)), (10, sight(enter_dwell=2 * KEEP_RESOLVED)), life=fired())
    assert resend(life, T0 + 10 * SECOND + KEEP_RESOLVED)[0] is not None


def test_every_dwell_has_its_instant() -> None:
    life, _ = run((0, sight()))
    assert next_instant(life, MINUTE) == T0 + DWELL
    life, _ = run((100, sight(Verdict.CLEAR)), life=fired())
    assert next_instant(life, MINUTE) == T0 + 160 * SECOND


def test_a_life_survives_its_state() -> None:
    life, _ = run((100, sight(Verdict.CLEAR)), life=fired(shown="x", severity="warning"))
    assert Life.of_state(life.state()) == life


def test_the_fingerprint_is_the_contracts() -> None:
    identity = Identity("ReserveShortfall", "jp-main", "jp.psa_custody", "headline", None)
    # printf '["ReserveShortfall","jp-main","jp.psa_custody","headline",null]' | sha256sum | cut -c1-32
    assert identity.fingerprint == "3a840642a910f717586a6b7fd897789e"
