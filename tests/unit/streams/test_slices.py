"""Long work in slices: who goes on next, and what the others have meanwhile."""

import asyncio
import time
from collections.abc import Callable, Generator

from streams.slices import Slices, Turns

SLICE_S = 0.001


def steps(note: Callable[[], None], count: int) -> Generator[None, None, None]:
    """Work that holds the loop for a slice at each of its steps."""
    for _ in range(count):
        until = time.perf_counter() + SLICE_S
        while time.perf_counter() <= until:
            pass
        note()
        yield


async def test_of_several_long_works_one_goes_on_at_a_time_and_those_who_have_little_to_do_in_between() -> None:
    """Fails where each takes a slice at every pass of the loop: then a pass lasts as long as there are works."""
    turns, taken = Turns(SLICE_S), list[str]()

    async def long(name: str) -> None:
        slices = Slices(SLICE_S, turns)
        await slices.let_others()
        await slices.take(steps(lambda: taken.append(name), 6))

    works = [asyncio.create_task(long(name)) for name in "abcd"]
    most, before = 0, 0
    while not all(work.done() for work in works):
        await asyncio.sleep(0)
        most, before = max(most, len(taken) - before), len(taken)
    assert (most, len(taken)) == (1, 24)
    assert "".join(taken) == "a" * 6 + "b" * 6 + "c" * 6 + "d" * 6, "each is over as soon as it can be"


async def test_a_work_that_lasts_lets_the_others_have_their_turn() -> None:
    turns, taken = Turns(SLICE_S), list[str]()

    async def long(name: str, count: int) -> None:
        slices = Slices(SLICE_S, turns)
        await slices.let_others()
        await slices.take(steps(lambda: taken.append(name), count))

    await asyncio.gather(long("a", 30), long("b", 5))
    assert "".join(taken).index("b") < 15
    assert taken[-1] == "a"


async def test_what_is_urgent_goes_on_before_the_others() -> None:
    turns, taken = Turns(SLICE_S), list[str]()

    async def long(name: str, urgent: Callable[[], bool]) -> None:
        slices = Slices(SLICE_S, turns, urgent)
        await slices.let_others()
        await slices.take(steps(lambda: taken.append(name), 4))

    await asyncio.gather(long("a", lambda: False), long("b", lambda: "a" in taken), long("c", lambda: True))
    assert taken[:4] == ["c"] * 4
    assert "".join(taken[4:]) == "abbbbaaa", "b becomes urgent while a works"


async def test_a_work_goes_on_at_last_where_others_are_always_urgent() -> None:
    """Fails where two partitions that get balances all the time keep a third from evaluating what prices moved."""
    turns, over = Turns(SLICE_S, patience_s=0.05), asyncio.Event()

    async def urgent() -> None:
        while not over.is_set():
            slices = Slices(SLICE_S, turns, lambda: True)
            await slices.let_others()
            await slices.take(steps(lambda: None, 4))

    async def other() -> None:
        slices = Slices(SLICE_S, turns)
        await slices.let_others()
        await slices.take(steps(lambda: None, 4))

    always = [asyncio.create_task(urgent()) for _ in "ab"]
    try:
        await asyncio.wait_for(other(), 10)
    finally:
        over.set()
        await asyncio.gather(*always)


async def test_who_gives_up_waiting_for_a_turn_keeps_nobody_waiting() -> None:
    turns = Turns(SLICE_S)
    gone, next_one = (asyncio.create_task(turns.take(turns.place(), lambda: False)) for _ in range(2))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.wait_for(next_one, 5)
