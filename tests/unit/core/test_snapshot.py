"""Buckets of bounded size, only the changed ones, whole or not there."""

import pytest

from monitor.core.journal.snapshot import BUCKET_BYTES, STATE_VERSION, Cutter, NewerState, TornSnapshot, values_of


def cut(cutter: Cutter, **values: object) -> tuple[dict[str, bytes], set[str]]:
    names: set[str] = set()
    return dict(cutter.cut(values.items(), names)), names


def test_a_cut_gives_back_its_values() -> None:
    buckets, names = cut(Cutter(), a={"x": "1"}, b=[1, 2])
    assert values_of(buckets, STATE_VERSION) == {"a": {"x": "1"}, "b": [1, 2]}
    assert names == {"a", "b"}


def test_a_large_value_is_cut_into_buckets_of_bounded_size() -> None:
    value = ["é" * 100_000 for _ in range(5)]
    buckets, names = cut(Cutter(), big=value)
    assert len(buckets) > 3
    assert max(map(len, buckets.values())) <= BUCKET_BYTES
    assert names == set(buckets)
    assert values_of(buckets, STATE_VERSION) == {"big": value}


def test_only_what_changed_is_written_again_but_all_is_named() -> None:
    cutter = Cutter()
    cut(cutter, a=1, b=2)
    buckets, names = cut(cutter, a=1, b=3)
    assert set(buckets) == {"b"}
    assert names == {"a", "b"}


def test_a_value_not_given_stays_and_one_of_none_is_gone() -> None:
    cutter = Cutter()
    cut(cutter, a=1, b=2)
    buckets, names = cut(cutter, b=None)
    assert (buckets, names) == ({}, {"a"})


def test_a_shrunken_value_names_fewer_parts() -> None:
    cutter = Cutter()
    cut(cutter, big="x" * (3 * BUCKET_BYTES))
    _, names = cut(cutter, big="x")
    assert names == {"big"}


def test_a_cut_given_up_half_way_was_none() -> None:
    cutter = Cutter()
    names: set[str] = set()
    next(cutter.cut([("a", 1), ("b", 2)], names))
    assert names == set()
    assert set(cut(cutter, a=1, b=2)[0]) == {"a", "b"}


def test_after_a_restore_only_what_differs_is_written() -> None:
    buckets, _ = cut(Cutter(), a=1, b="x" * (2 * BUCKET_BYTES))
    cutter = Cutter()
    cutter.restored(buckets)
    again, names = cut(cutter, a=2, b="x" * (2 * BUCKET_BYTES))
    assert set(again) == {"a"}
    assert names == {"a", "b", "b~1", "b~2"}


def test_a_newer_state_is_refused_and_says_what_to_do() -> None:
    with pytest.raises(NewerState, match="run the newer one"):
        values_of({}, STATE_VERSION + 1)


@pytest.mark.parametrize("lost", ["big", "big~1", "big~2"])
def test_a_missing_part_is_noticed(lost: str) -> None:
    buckets, _ = cut(Cutter(), big="x" * (2 * BUCKET_BYTES + 10))
    del buckets[lost]
    with pytest.raises(TornSnapshot):
        dict(values_of(buckets, STATE_VERSION))
