from hypothesis import given
from hypothesis import strategies as st

from streams.dispatch.outbox import Outbox
from tests.alert_samples import an_alert


def names(outbox: Outbox, now: float = 0.0) -> list[tuple[str, int]]:
    """Empties the box in order."""
    found = []
    while batch := outbox.next(now):
        (entry,) = batch
        found.append((entry.alert.entity, entry.alert.revision))
        outbox.done(entry, entry.alert, now)
    return found


def test_newest_state_at_the_place_of_the_oldest() -> None:
    outbox = Outbox()
    for entity, revision in (("a", 1), ("b", 1), ("a", 2), ("c", 1), ("a", 3)):
        outbox.put(an_alert(entity=entity, revision=revision), maybe_told=False, now=0)
    assert names(outbox) == [("a", 3), ("b", 1), ("c", 1)]


def test_a_state_that_came_during_the_attempt_waits_behind_the_others() -> None:
    outbox = Outbox()
    outbox.put(an_alert(entity="a", revision=1), maybe_told=True, now=0)
    outbox.put(an_alert(entity="b"), maybe_told=False, now=0)
    (entry,) = outbox.next(0)
    told = entry.alert
    outbox.put(an_alert(entity="a", revision=2), maybe_told=False, now=1)
    outbox.done(entry, told, 2)
    assert names(outbox) == [("b", 1), ("a", 2)]


def test_an_alert_forgotten_during_the_attempt_does_not_come_back() -> None:
    outbox = Outbox()
    outbox.put(an_alert(), maybe_told=False, now=0)
    (entry,) = outbox.next(0)
    outbox.drop(entry.alert.fingerprint)
    outbox.done(entry, an_alert(), 1)
    assert len(outbox) == 0


def test_ages_are_those_of_the_oldest_change_not_told() -> None:
    outbox = Outbox()
    assert (outbox.oldest_ns, outbox.waiting_since, outbox.next_parked) == (None, None, None)
    first, second = an_alert(at=1_000_000_000_000), an_alert(at=2_000_000_000_000, revision=2)
    outbox.put(first, maybe_told=False, now=10)
    outbox.put(second, maybe_told=False, now=20)
    assert (outbox.oldest_ns, outbox.waiting_since) == (1_000_000_000_000, 10)


def test_a_parked_entry_is_passed_over_until_its_time_or_its_news() -> None:
    outbox = Outbox()
    for entity in ("a", "b"):
        outbox.put(an_alert(entity=entity), maybe_told=False, now=0)
    (entry,) = outbox.next(0)
    entry.parked_until = 60
    assert [one.alert.entity for batch in (outbox.next(59), outbox.next(60)) for one in batch] == ["b", "a"]
    outbox.put(an_alert(entity="a", revision=2), maybe_told=False, now=1)
    (again,) = outbox.next(1)
    assert again.alert.entity == "a"


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=60))
def test_bounded_by_alerts_and_never_an_older_state_after_a_newer(steps: list[tuple[int, bool]]) -> None:
    outbox = Outbox()
    newest: dict[str, int] = {}
    delivered: dict[str, list[int]] = {}
    for number, deliver in steps:
        entity = f"e{number}"
        newest[entity] = newest.get(entity, 0) + 1
        outbox.put(an_alert(entity=entity, revision=newest[entity]), maybe_told=False, now=0)
        assert len(outbox) <= len(newest)
        for entry in outbox.next(0) if deliver else ():
            delivered.setdefault(entry.alert.entity, []).append(entry.alert.revision)
            outbox.done(entry, entry.alert, 0)
    for entity, revision in names(outbox):
        delivered.setdefault(entity, []).append(revision)
    assert all(revisions == sorted(set(revisions)) for revisions in delivered.values())
    assert {entity: revisions[-1] for entity, revisions in delivered.items()} == newest
