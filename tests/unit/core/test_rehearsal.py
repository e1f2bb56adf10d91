"""Rehearsals: the newest by its own time counts, from its own time until it expires or is replaced."""

from monitor.core.alerts.rehearsal import Rehearsal
from monitor.core.values.times import exact_time

T = 1_767_000_000_000_000_000


def taken(*several: tuple[int, int | None]) -> Rehearsal:
    rehearsal = Rehearsal()
    for at, expires_at in several:
        rehearsal.take({"at": exact_time(at), "expires_at": None if expires_at is None else exact_time(expires_at)})
    return rehearsal


def test_it_lasts_from_its_own_time_until_it_expires_exclusively() -> None:
    rehearsal = taken((T, T + 10))
    assert [rehearsal.under_way(at) for at in (T - 1, T, T + 9, T + 10)] == [False, True, True, False]
    assert [rehearsal.next_instant(at) for at in (T - 1, T, T + 10)] == [T, T + 10, None]


def test_without_an_end_it_lasts_until_a_later_one_that_has() -> None:
    assert taken((T, None)).under_way(T + 10**18)
    assert not taken((T, None), (T + 5, T + 5)).under_way(T + 6)


def test_an_older_one_that_arrives_late_changes_nothing() -> None:
    assert not taken((T + 5, T + 6), (T, None)).under_way(T + 7)


def test_there_is_none_before_the_first() -> None:
    assert not Rehearsal().under_way(T)
