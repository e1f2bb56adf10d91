"""Questions that compute: one at a time, each paid for by a rest, the ninth that waits is sent away."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from monitor.web.sparing import MOST_WAITING, Questions


async def test_never_two_at_once_and_each_has_its_turn() -> None:
    questions, inside, most, done = Questions(), 0, 0, 0

    async def ask() -> None:
        nonlocal inside, most, done
        async with questions.asking():
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1
            done += 1

    await asyncio.gather(*(ask() for _ in range(MOST_WAITING)))
    assert (most, done) == (1, MOST_WAITING)


async def test_of_too_many_the_next_is_sent_away_and_told_when_to_come_again() -> None:
    questions, gate = Questions(), asyncio.Event()

    async def ask() -> None:
        async with questions.asking():
            await gate.wait()

    waiting = [asyncio.create_task(ask()) for _ in range(MOST_WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(web.HTTPServiceUnavailable) as refused:
        async with questions.asking():
            pass
    assert refused.value.headers["Retry-After"] == "5"
    gate.set()
    await asyncio.gather(*waiting)
    async with questions.asking():
        pass


async def test_a_question_is_paid_for_by_a_rest_also_when_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    rests: list[float] = []

    async def slept(seconds: float) -> None:
        rests.append(seconds)

    questions = Questions()

    async def fail() -> None:
        async with questions.asking():
            await asyncio.sleep(0.01)
            raise ValueError("bad")

    with pytest.raises(ValueError, match="bad"):
        await fail()
    monkeypatch.setattr(asyncio, "sleep", slept)
    async with questions.asking():
        pass
    assert rests[0] > 0.02
