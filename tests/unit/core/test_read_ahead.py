"""What means of months are of is added up an asset a step, before anybody asks for a mean."""

from __future__ import annotations

from monitor.core.attribution.attribution import noting
from monitor.core.attribution.split_view import SplitView
from monitor.core.components.lagged import read_ahead
from monitor.core.components.packs.computation import Computation
from monitor.core.configuration.configuration import MethodConfig
from monitor.core.evaluation.assessment import Method
from monitor.core.evaluation.evaluation import Prepared
from monitor.core.values.calendar import UTC_ZONE, WEEKDAYS
from monitor.core.values.figure import Figure
from monitor.core.values.times import parse_time
from monitor.core.view.memory.memo import Memo
from monitor.core.view.view import View
from tests.book_maker import ENTITY, Desk, Maker
from tests.method_bench import packs

NOW = parse_time("2026-03-02T10:00:00Z")
LONG_AGO = "2025-04-01T10:00:00Z"
ASSETS = ("AAA", "BBB", "CCC", "DDD")
METHOD = Method(MethodConfig("eu.ifr_k", "in_force", {"skip": ["k_coh", "k_dtf", "overhead_leg"]}), packs()["eu.ifr_k"])


class Counting(View):
    """A view that counts what it values at instants that are past."""

    valued = 0

    def value_at(self, asset: str, quantity: Figure, instant: int, currency: str | None = None) -> Figure:
        self.valued += 1
        return super().value_at(asset, quantity, instant, currency)


def desk() -> Desk:
    made = Desk()
    for asset in ASSETS:
        made.put(Maker().position("3", LONG_AGO, asset=asset), Maker().price("5", LONG_AGO, asset=asset, currency="EUR"))
    return made


def view(book: Desk, memo: Memo) -> Counting:
    return Counting(book.books[ENTITY], NOW, UTC_ZONE, WEEKDAYS, "EUR", memo=memo)


def mean(of: View) -> Figure:
    return Computation(METHOD.plan, of).figure("mean_asa")


def test_each_step_values_one_asset_and_the_mean_none() -> None:
    book, memo = desk(), Memo()
    ahead = view(book, memo)
    counts = [ahead.valued for _ in read_ahead(METHOD.plan, lambda: ahead)]
    days = counts[0]
    assert counts == [days * step for step in range(1, len(ASSETS) + 1)]
    asked = view(book, memo)
    assert mean(asked) == mean(view(book, Memo())) == Figure.of(60)
    assert (days > 100, asked.valued) == (True, 0)


def test_what_a_figure_is_explained_by_is_noted_as_if_it_were_read_at_once() -> None:
    book, known = desk(), Memo()
    prepared = Prepared(METHOD.config, METHOD, UTC_ZONE, WEEKDAYS, "EUR", "1", "sha256:0")
    at_once = SplitView(prepared, book.books[ENTITY], NOW)
    mean(at_once)
    steps = sum(1 for _ in read_ahead(METHOD.plan, lambda: noting(prepared, book.books[ENTITY], NOW, known)))
    in_steps = noting(prepared, book.books[ENTITY], NOW, known)
    mean(in_steps)
    assert steps == len(ASSETS)
    assert in_steps.finished().state() == at_once.finished().state()
