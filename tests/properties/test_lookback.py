"""The look-back says of every id what a list of all that was seen says, in any order of ids and of log times."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.intake.segment.trades.ids import Ids, Shape, mark_of, marks_of
from streams.intake.segment.trades.lookback import Arrived, LookBack
from streams.intake.segment.trades.shared_pages import SharedPages

MANY = st.one_of(
    st.builds(lambda n: str(5000 + n), st.integers(0, 300)),
    st.builds(lambda n: f"{n:04d}", st.integers(0, 30)),
    st.builds(lambda n: f"t{n}", st.integers(0, 12)),
    st.builds(lambda n: str(n * 1009), st.integers(0, 40)),
)
RUNS = st.lists(
    st.tuples(st.booleans(), st.integers(0, 2), st.integers(-4, 3), st.lists(MANY, max_size=12)), min_size=1, max_size=25
)


SCATTERED = Shape(most_places=12, pages_before_sparse=1, names_before_dense=3, fewest_in_page=200, fewest_in_shared_page=2)


class ByTheLetter:
    """Every place ever seen, looked through from the beginning."""

    def __init__(self, blocks: int, hours: int) -> None:
        self.blocks, self.hours = blocks, hours
        self.seen: list[tuple[int, int, int, str]] = []

    def repeats(self, segment: int, first: tuple[int, int], place: tuple[int, int], trade_id: str) -> bool:
        found = any(
            was == trade_id and (of == segment or (block >= first[0] - self.blocks and hour >= first[1] - self.hours))
            for of, block, hour, was in self.seen
        )
        self.seen.append((segment, *place, trade_id))
        return found


def walk(runs: list[tuple[bool, int, int, list[str]]], blocks: int, hours: int, shape: Shape | None = None) -> None:
    """Take the runs in: each begins a segment or goes on with one, some blocks and hours on from the one before."""
    real, letter = LookBack(blocks, hours, shape or Shape()), ByTheLetter(blocks, hours)
    segment, block, hour, first = 0, 0, 100, (0, 100)
    real.open(*first)
    for opens, further, later, ids in runs:
        block, hour = block + further, max(0, hour + later)
        if opens:
            segment, first = segment + 1, (block, hour)
            real.open(*first)
        number = real.number(block, hour)
        kept = real.ids("e", "m")
        for trade_id in ids:
            place = kept.place(trade_id)
            assert place is not None
            where, slot = place
            seen, where[slot] = where[slot], mark_of(number, hash(trade_id))  # type: ignore[index]
            said = bool(seen) and real.again(kept, trade_id, seen, number)
            assert said == letter.repeats(segment, first, (block, hour), trade_id)


@settings(max_examples=200, deadline=None)
@given(RUNS, st.integers(0, 3), st.integers(0, 4))
def test_any_order_of_ids_blocks_and_hours(runs: list[tuple[bool, int, int, list[str]]], blocks: int, hours: int) -> None:
    walk(runs, blocks, hours)


COUNTED = st.builds(lambda page, one: 1000 * page + one, st.integers(0, 3), st.integers(0, 7))


@settings(max_examples=600, deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, 2)] * 3, st.lists(COUNTED, min_size=1, max_size=12)), min_size=1, max_size=25))
def test_markets_that_share_a_counter_have_ids_of_their_own(runs: list[tuple[int, int, int, list[int]]]) -> None:
    """What lets it fail: the number of another market is taken for a repeat, or an id that moved is forgotten."""
    real, letters = LookBack(2, 3, SCATTERED), [ByTheLetter(2, 3) for _ in range(3)]
    segment, block, first = 0, 0, (0, 100)
    real.open(*first)
    for market, further, later, numbers in runs:
        block += further
        if further:
            segment, first = segment + 1, (block, 100 + later)
            real.open(*first)
        number, kept = real.number(block, 100 + later), real.ids("e", str(market))
        counted = [7_000_000 + one for one in numbers]
        repeated, _ = real.repeats(kept, Arrived(range(len(counted)), (), counted, marks_of(number, counted)), number)
        place = block, 100 + later
        assert repeated == [row for row, one in enumerate(counted) if letters[market].repeats(segment, first, place, str(one))]


def test_a_number_that_is_kept_by_name_is_so_throughout_a_run() -> None:
    places = SharedPages(1, 2).places(7, [1000, 2000, 1001, 2000])
    assert [place is None for place in places] == [False, True, False, True], "the second page is lawful by then"
    assert SharedPages(1, 2).places(7, [1000, 1001], {1001})[1] is None


RANGES = st.lists(st.tuples(st.sampled_from([0, 1, 5, 12, 30]), st.sampled_from([1, 1, 3, 7, 8, 20])), max_size=5)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(st.booleans(), st.sampled_from([0, 0, 1]), RANGES, st.sampled_from([0, 0, 0, 1, 2])), min_size=1, max_size=8
    )
)
def test_ids_that_follow_one_another_are_told_as_by_one(runs: list[tuple[bool, int, list[tuple[int, int]], int]]) -> None:
    """What lets it fail: a stretch is noted at once though one of it was seen, or it lies in two pages, or in none."""
    real, single = (LookBack(2, 3, Shape(pages_before_sparse=2, names_before_dense=8, fewest_in_page=4)) for _ in range(2))
    block = 0
    for opens, further, ranges, base in runs:
        block += further
        if opens:
            for lookback in (real, single):
                lookback.open(block, 100)
        number = {lookback.number(block, 100) for lookback in (real, single)}.pop()
        numbers = [(990, 5_990, 0)[base] + first + one for first, count in ranges for one in range(count)]
        figures = [hash((one, further)) for one in numbers]
        marks = marks_of(number, figures)
        assert list(marks) == [mark_of(number, told) for told in figures]
        whole = real.repeats(real.ids("e", "m"), Arrived(range(len(numbers)), (), numbers, marks), number) if numbers else ([], 0)
        each = [
            single.repeats(single.ids("e", "m"), Arrived([row], [str(one)], None, marks[row : row + 1]), number)
            for row, one in enumerate(numbers)
        ]
        assert whole == ([row for rows, _ in each for row in rows], sum(conflicts for _, conflicts in each))


def test_one_counter_over_many_markets_takes_pages_and_not_names() -> None:
    lookback = LookBack(20, 72)
    number = lookback.number(0, 0)
    for one in range(100_000):
        kept = lookback.ids("e", str(one % 100))
        assert lookback.repeats(kept, Arrived([0], (), [10**6 + one], marks_of(number, [1])), number) == ([], 0)
    assert not any(lookback.ids("e", str(market)).named for market in range(100)), "the first ones have moved there too"


@pytest.mark.parametrize("limit", [8, 16])
def test_places_are_numbered_anew(limit: int) -> None:
    shape = Shape(most_places=limit, pages_before_sparse=2, names_before_dense=2, fewest_in_page=2)
    for seed in range(40):
        rng = Random(seed)
        runs = [
            (rng.random() < 0.5, rng.choice([0, 0, 1]), rng.randrange(-3, 4), [str(rng.randrange(4990, 5040)) for _ in range(5)])
            for _ in range(60)
        ]
        walk(runs, 2, 5, shape)


def test_dense_ids_become_pages_and_scattered_ones_names() -> None:
    ids = LookBack(20, 72).ids("e", "m")
    for number in range(10_000, 12_000):
        place = ids.place(str(number))
        assert place is not None
        place[0][place[1]] = mark_of(1, 0)  # type: ignore[index]
    assert len(ids.pages) == 2
    assert not ids.named
    for number in range(200):
        place = ids.place(str(10**9 + number * 5000))
        assert place is not None
        place[0][place[1]] = mark_of(1, 0)  # type: ignore[index]
    assert ids.sparse
    assert 2200 // Shape().fewest_in_shared_page >= 200 - len(ids.named), "shared pages are not made for one id each"


def test_what_is_kept_by_name_moves_into_pages_at_a_segment_but_not_very_many_at_once() -> None:
    """What lets it fail: names stay when pages take them, or every segment looks through 200,000 of them."""
    shape = Shape(pages_before_sparse=1, names_before_dense=3, fewest_in_page=2000, fewest_in_shared_page=2)
    lookback = LookBack(20, 72, shape)
    number = lookback.number(0, 0)

    def note(market: str, ids: list[int]) -> Ids:
        lookback.repeats(lookback.ids("e", market), Arrived(range(len(ids)), (), ids, marks_of(number, ids)), number)
        return lookback.ids("e", market)

    many, few = (
        note(market, [10**9 + one * 1000 + at for one in range(count)]) for market, at, count in (("m", 1, 3000), ("f", 2, 9))
    )
    before = len(many.named)
    assert (before > 2000, len(few.named) > 5) == (True, True)
    note("dense", [10**9 + one for one in range(10, 500)])
    lookback.open(1, 0)
    assert (len(many.named), len(few.named)) == (before, 0)


@pytest.mark.parametrize("trade_id", ["", "x" * 65, "a\u0000", "001\u0085"])
def test_what_can_be_no_id_has_no_place(trade_id: str) -> None:
    assert LookBack(20, 72).ids("e", "m").place(trade_id) is None
