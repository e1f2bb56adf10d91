"""A worker whose evaluations take longer than it has for them: it comes to a pace, and stays as far behind as a round takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from monitor.core.engine import Engine
from monitor.core.entity import population
from monitor.core.values.times import SECOND
from streams.assessor.ticks import Cost, Ticker
from tests.journal_maker import START, Journal, configuration_text, house, load

ENTITIES = [f"e-{number}" for number in range(6)]
EVALUATION_S = 2.0
ROUND_S = EVALUATION_S * len(ENTITIES)
RECORD_S = 0.001


class Written:
    """A tick that the broker has."""

    def __init__(self, offset: int) -> None:
        self.offset = offset

    def done(self) -> bool:
        return True

    def cancelled(self) -> bool:
        return False

    def exception(self) -> None:
        return None

    def result(self) -> Written:
        return self


class Owner:
    """Of one partition, on a clock of its own: each evaluation takes so long, and a price comes every second whatever is done.

    `partitions`: so many like it are of the same worker. `own`: what the entities' configuration says besides.
    """

    def __init__(self, evaluation_s: float = EVALUATION_S, partitions: int = 1, **own: Any) -> None:
        self.engine, self.ticker = Engine(0, check_journal_time=True), Ticker()
        self.journal = Journal()
        self.journal.configure(configuration_text({name: house(**own) for name in ENTITIES}))
        for name in ENTITIES:
            load(self.journal, entity=name)
            self.journal.position("ether", "client_asset", "cold", "ETH", "10", entity=name)
            self.journal.position("owed", "client_liability", "ledger", "ETH", "10", entity=name)
        self.now = 0.0
        self.evaluations = 0
        self.ticks: list[float] = []
        self._evaluation_s, self._partitions = evaluation_s, partitions
        self._prices = 0
        self._cost = 0.0

    def work(self, until_s: float) -> Iterator[float]:
        """How far (s) the engine's clock is behind, after each record."""
        while self.now < until_s:
            self._prices_until_now()
            self._tick()
            if self.engine.position + 1 == len(self.journal.records):
                self.now += 0.05
                continue
            self.engine.apply(self.journal.records[self.engine.position + 1])
            evaluated = len(list(self.engine.touched()))
            self.evaluations += evaluated
            self._cost = evaluated * self._evaluation_s or self._cost
            self.now += RECORD_S + evaluated * self._evaluation_s
            yield self.now - (self.engine.clock - START) / SECOND

    def _prices_until_now(self) -> None:
        while self._prices + 1 <= self.now:
            self._prices += 1
            self.journal.at(self._prices).price("BTC", str(5_000_000 + self._prices))

    def _tick(self) -> None:
        own = round(self._cost * SECOND)
        cost = Cost(own, own * self._partitions)
        at = self.ticker.due(self.engine, START + round(self.now * SECOND), begun=True, cost=cost)
        if at is not None:
            self.journal.at(self.now).tick()
            self.ticks.append(self.now)
            self.ticker.written(at, Written(len(self.journal.records) - 1))


@pytest.mark.parametrize("pace_s", [0, 4])
def test_a_worker_that_cannot_carry_what_prices_ask_for_falls_no_further_behind(
    pace_s: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fails where each second of the journal asks for as much work of one that is behind as of one that is not."""
    if pace_s:
        monkeypatch.setattr(population, "PACED_FROM", 1)
        monkeypatch.setattr(population, "PACE_NS", pace_s * SECOND // len(ENTITIES))
    owner = Owner()
    list(owner.work(60))
    late = list(owner.work(600))
    assert max(late) < 2 * ROUND_S
    assert owner.evaluations > 540 / ROUND_S / 4 * len(ENTITIES)


def _with_ether(every_s: float, max_age_s: float) -> tuple[Owner, list[float]]:
    """One of ten partitions whose rounds take 15 s, after 600 s; when the price of ether became too old there."""
    owner = Owner(0.25, 10, prices={"max_age_s": max_age_s})
    old, priced = list[float](), 0.0
    for _ in owner.work(600):
        if owner.now >= priced + every_s:
            priced = owner.now
            owner.journal.at(priced).price("ETH", str(300_000 + round(priced)))
            old.append(priced + max_age_s)
    return owner, [at for at in old if at < 570]


def test_what_turns_too_old_is_not_left_to_a_tick_that_is_far_off() -> None:
    """Fails where an entity that waits for a price hides until the next tick that another one has become too old."""
    owner, old = _with_ether(47, 20)
    late = [min(tick for tick in owner.ticks if tick >= at) - at for at in old]
    assert len(late) > 10
    assert max(late) < 2


def test_what_turns_too_old_again_and_again_asks_for_no_more_than_a_core_has() -> None:
    """Fails where each price that becomes too old is looked at as soon, however often one does."""
    owner, old = _with_ether(4, 3)
    assert len(old) > 100
    assert owner.evaluations * 0.25 * 10 < 600 * 1.1
