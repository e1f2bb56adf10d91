"""What turned too old of an entity that waits for a price or a trade: its owner asks, since that is no deadline (JOURNAL 2)."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.core.engine import Engine
from monitor.core.values.times import SECOND
from tests.journal_maker import START, Journal, configuration_text, house, load
from tests.properties.test_snapshots_whole import whole


class Desk:
    """An entity that was evaluated at 1 s and waits since a price of BTC at 2 s."""

    def __init__(self, **own: Any) -> None:
        self.journal, self.engine = Journal(), Engine(0, check_journal_time=True)
        self._applied = 0
        self.journal.configure(configuration_text({"jp-main": house(**own)}))
        self.journal.price("ETH", "300000")
        load(self.journal)
        self.journal.position("ether", "client_asset", "cold", "ETH", "10")
        self.journal.at(1).tick()
        self.prices(2)

    def prices(self, second: float) -> None:
        self.journal.at(second).price("BTC", str(15_000_000 + round(second)))
        self.read()

    def read(self) -> None:
        for record in self.journal.records[self._applied :]:
            self.engine.apply(record)
        self._applied = len(self.journal.records)

    def turned(self, second: float) -> bool:
        return self.engine.turned(START + round(second * SECOND))

    def turns_at(self, second: float) -> bool:
        """Whether something has turned just behind that second, and nothing by then."""
        assert self.engine.waiting
        return not self.turned(second) and self.turned(second + 1e-6)


def test_a_price_that_is_too_old() -> None:
    desk = Desk(prices={"max_age_s": 30})
    for second in range(3, 35):
        desk.prices(second)
    assert desk.turns_at(30), "of ETH, whose price is of the start"


def test_not_one_of_an_asset_that_no_figure_is_of() -> None:
    desk = Desk(prices={"max_age_s": 30})
    desk.journal.at(2).price("DOGE", "20")
    for second in range(3, 28, 5):
        desk.journal.at(second).price("ETH", "300000")
        desk.prices(second)
    desk.journal.at(29).tick()
    desk.journal.at(31).price("ETH", "300001")
    desk.prices(31)
    assert desk.turns_at(61)


def test_not_one_of_a_pair_that_was_traded_since() -> None:
    desk = Desk(prices={"max_age_s": 30})
    desk.journal.at(20).trades(10, 10, "15000000")
    desk.journal.at(21).price("ETH", "300001")
    desk.read()
    assert desk.turns_at(50), "the trade of 20 s; the price of BTC is of 2 s"


def test_an_account_that_is_too_old() -> None:
    desk = Desk(freshness={"custody.balances": {"account_max_age_s": 40}})
    assert desk.turns_at(40)


def test_an_account_that_became_too_old_on_the_way_of_a_trade() -> None:
    """Fails where a trade, with which the book comes to its clock, hides what turned too old by then."""
    desk = Desk(freshness={"custody.balances": {"account_max_age_s": 40}})
    desk.journal.at(39).trades(10, 10, "15000000")
    desk.read()
    assert not desk.turned(39.5)
    desk.journal.at(41).trades(12, 12, "15000000")
    desk.read()
    assert not desk.turned(40.5)
    assert desk.turned(41)
    desk.journal.at(42).tick()
    desk.prices(43)
    assert not desk.turned(50), "it was looked at"


def test_a_group_that_applied_incomplete_on_the_way_of_a_trade() -> None:
    desk = Desk()
    desk.journal.at(3).position("hot", "client_asset", "hot", "BTC", "39", group=("sweep", 2))
    desk.journal.at(3.1).tick()
    desk.prices(4)
    assert not desk.turned(7.9)
    assert desk.turned(8)
    desk.journal.at(9).trades(10, 10, "15000000")
    desk.read()
    assert desk.turned(9)


def test_a_feed_that_is_silent() -> None:
    assert Desk(freshness={"custody.balances": {"max_age_s": 50}}).turns_at(50)


def test_a_declaration_that_begins() -> None:
    desk = Desk()
    desk.journal.declaration("capital", "1000", effective_from=START + 20 * SECOND)
    desk.journal.at(2.1).tick()
    desk.prices(3)
    assert not desk.turned(20 - 1e-6)
    assert desk.turned(20)


def test_a_dwell_that_is_over_where_no_record_comes_any_more() -> None:
    desk = Desk(levels={"enter_dwell_s": 10})
    desk.journal.at(3).position("hot", "client_asset", "hot", "BTC", "300")
    desk.journal.at(3.1).tick()
    desk.prices(4)
    assert not desk.turned(13.1 - 1e-6)
    assert desk.turned(13.1)


def test_nothing_where_a_price_lay_ahead_or_figures_that_moved_are_due() -> None:
    """Those come all the time, and wait for ticks as what only moves a figure does."""
    desk = Desk()
    desk.journal.at(4).price("BTC", "15000001", as_of=START + 9 * SECOND)
    desk.read()
    assert not desk.turned(3 * 3600)


@pytest.mark.parametrize("pressed", [False, True])
def test_nothing_of_what_has_deadlines_or_is_looked_at_at_once(pressed: bool) -> None:
    desk = Desk(prices={"max_age_s": 30})
    desk.journal.at(3).tick()
    if pressed:
        desk.journal.position("ether", "client_asset", "cold", "ETH", "11")
    desk.read()
    assert desk.engine.waiting == pressed
    assert not desk.turned(100)


def test_asking_changes_nothing() -> None:
    """Fails where something is kept of an answer, which is asked for at no place of the log."""
    own: dict[str, Any] = {"prices": {"max_age_s": 5}, "freshness": {"custody.balances": {"account_max_age_s": 40}}}
    asked, steady = Desk(**own), Desk(**own)
    for second in range(3, 80):
        for tenth in range(10):
            asked.turned(second + tenth / 10)
        for desk in (asked, steady):
            desk.prices(second)
            if second % 20 == 0:
                desk.journal.at(second + 0.5).tick()
                desk.read()
        assert asked.engine.next_deadline == steady.engine.next_deadline
    assert whole(asked.engine) == whole(steady.engine)
