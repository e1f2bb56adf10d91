"""A worker whose evaluations take longer than it has for them: it comes to a pace, and stays as far behind as a round takes."""

from __future__ import annotations

from collections.abc import Iterator

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
    """Of one partition, on a clock of its own: each evaluation takes so long, and a price comes every second whatever is done."""

    def __init__(self) -> None:
        self.engine, self.ticker = Engine(0, check_journal_time=True), Ticker()
        self.journal = Journal()
        self.journal.configure(configuration_text({name: house() for name in ENTITIES}))
        for name in ENTITIES:
            load(self.journal, entity=name)
        self.now = 0.0
        self.evaluations = 0
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
            self._cost = evaluated * EVALUATION_S or self._cost
            self.now += RECORD_S + evaluated * EVALUATION_S
            yield self.now - (self.engine.clock - START) / SECOND

    def _prices_until_now(self) -> None:
        while self._prices + 1 <= self.now:
            self._prices += 1
            self.journal.at(self._prices).price("BTC", str(5_000_000 + self._prices))

    def _tick(self) -> None:
        cost = Cost(round(self._cost * SECOND), round(self._cost * SECOND))
        at = self.ticker.due(self.engine, START + round(self.now * SECOND), begun=True, cost=cost)
        if at is not None:
            self.journal.at(self.now).tick()
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
