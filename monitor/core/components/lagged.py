"""Means of daily values over completed months, the most recent ones left out: the K-factors (INPUTS 3, eu.ifr_k; REGIMES 4.2)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from datetime import date, timedelta
from fractions import Fraction
from functools import partial
from typing import Any, NamedTuple

from monitor.core.components.custody import ASSETS, STORAGE_WORDS, STORAGES
from monitor.core.components.losses import INSTRUMENTS
from monitor.core.components.packs.computation import Computation, Value
from monitor.core.components.packs.pack import Element
from monitor.core.components.packs.plan import Plan
from monitor.core.components.packs.registry import Argument, term_type
from monitor.core.components.steps import Steps
from monitor.core.journal.vocabulary import ROLES
from monitor.core.values.calendar import month_before, month_end
from monitor.core.values.figure import UNKNOWN, Figure, total
from monitor.core.view.view import View

_STORAGES = {**STORAGES, "trust": frozenset({"trust"}), "bank": frozenset({"bank"})}
_MEASURED = {"mean_closing_value": "role", "mean_traded_value": "capacity"}


@term_type("calculation_date")
def calculation_date(computation: Computation, _arguments: Mapping[str, Any]) -> Value:
    """The latest first business day of a month that is not after the date of `at`."""
    return _calculation_date(computation).isoformat()


@term_type(
    "mean_closing_value",
    figure=Argument("text"),
    role=Argument("choice", words=ROLES),
    storage=Argument("choice", words=(*STORAGE_WORDS, "trust", "bank")),
    assets=Argument("choice", words=tuple(ASSETS)),
    months=Argument("amount"),
    excluded=Argument("amount"),
)
def mean_closing_value(computation: Computation, arguments: Mapping[str, Any]) -> Value:
    """Mean over the window's business days of the value of a role at each day's end, at the prices of that time."""
    days = _days(computation, arguments, "balance")
    if not computation.view.role_seen(arguments["role"]):
        computation.view.gap("position_missing", arguments["role"])
        return UNKNOWN
    if not days:
        return UNKNOWN
    return computation.view.summed_before(*_closing_values(computation, arguments, days)).scaled(Fraction(1, len(days)))


def closing_means(plan: Plan) -> list[Element]:
    """The means of closing values of a pack."""
    return [element for element in plan.pack.terms.values() if element.type == "mean_closing_value"]


def read_ahead(plan: Plan, sight: Callable[[], View]) -> Steps[None]:
    """Adds up what the means of a pack's closing values are of, asset by asset: all at once, the first time, takes seconds.

    The sums are found again by any view that shares the memo. `sight` gives one, where there is anything to add up; it must not
    be that of a result: it has the gaps of all of them, asked for or not.
    """
    means = closing_means(plan)
    if not means or plan.null_parameters:
        return
    computation = Computation(plan, view := sight())
    if not view.begins(("closing_values", plan, _calculation_date(computation))):
        return
    for element in means:
        if not {element.name, element.within} & plan.skip:
            yield from _sum_up(computation, element)


def _sum_up(computation: Computation, element: Element) -> Steps[None]:
    view = computation.view
    with view.term(element.name, computation.plan.sides[element.name]):
        days = _days(computation, element.arguments, "balance")
        yield from view.sums_before(*_closing_values(computation, element.arguments, days))


class _Valued(NamedTuple):
    """What a sum of closing values is told by, the assets it is over, and what one of them adds."""

    key: Hashable
    assets: tuple[str, ...]
    value: Callable[[str], Figure]


def _closing_values(computation: Computation, arguments: Mapping[str, Any], days: list[date]) -> _Valued:
    view, role, storages = computation.view, arguments["role"], _STORAGES[arguments["storage"]]
    ends = [view.day_end(day) for day in days]
    held = _HeldAt(view, role, ends)

    def valued(asset: str) -> Figure:
        return total(view.value_at(asset, view.quantity_at(role, asset, storages, end), end) for end in held.ends_with(asset))

    key = ("closing_values", role, storages, view.currency, tuple(ends))
    return _Valued(key, view.counted(role, fiat=ASSETS[arguments["assets"]]), valued)


@term_type(
    "mean_traded_value",
    figure=Argument("text"),
    capacity=Argument("choice", words=("client_order", "own_account", "venue")),
    instrument=Argument("choice", words=INSTRUMENTS),
    months=Argument("amount"),
    excluded=Argument("amount"),
    without=Argument("choice", words=("stressed_day",), needed=False),
)
def mean_traded_value(computation: Computation, arguments: Mapping[str, Any]) -> Value:
    """Mean over the window's business days of |buys| + |sells|, each day's converted at its end; a quiet day is 0."""
    days = _days(computation, arguments, "trade")
    if "without" in arguments:
        apart = _fact_dates(computation, arguments["without"])
        days = [day for day in days if day not in apart]
    mean = _mean(days, partial(_traded_value, computation, arguments))
    if computation.view.trades_twice():
        return UNKNOWN
    return Figure(mean.low, None) if computation.view.trades_lost() else mean


@term_type(
    "window_days",
    figure=Argument("text"),
    record=Argument("choice", words=("balance", "trade")),
    months=Argument("amount"),
    excluded=Argument("amount"),
)
def window_days(computation: Computation, arguments: Mapping[str, Any]) -> Value:
    """How many business days the mean is of."""
    return Figure.of(len(_days(computation, arguments, arguments["record"])))


def _calculation_date(computation: Computation) -> date:
    today = computation.view.local_date()
    this_month = computation.view.first_business_day(today.year, today.month)
    return this_month if this_month <= today else computation.view.first_business_day(*month_before(today.year, today.month))


def _days(computation: Computation, arguments: Mapping[str, Any], record: str) -> list[date]:
    """Business days of the window, from the first record of what is measured on; fewer than there are: gap `window_short`.

    A house that held coins of its own for years before it had clients has no years of clients with nothing; one that carried
    out orders before it traded on own account none of own trades of nothing.
    """
    computed = _calculation_date(computation)
    months, excluded = int(computation.amount(arguments["months"])), int(computation.amount(arguments["excluded"]))
    first = date(*month_before(computed.year, computed.month, months), 1)
    last = month_end(*month_before(computed.year, computed.month, excluded + 1))
    days = [day for day in _dates(first, last) if computation.view.is_business_day(day)]
    measured = _measured(computation, arguments["figure"])
    begun = computation.view.first_record_date("balance" if record == "balance" else "trade", measured)
    kept = [] if begun is None else [day for day in days if day >= begun]
    if len(kept) < len(days):
        computation.view.gap("window_short", arguments["figure"])
    return kept


def _measured(computation: Computation, figure: str) -> str | None:
    """The role of balances, or the capacity of trades, whose mean a figure is."""
    means = (one for one in computation.plan.pack.terms.values() if one.type in _MEASURED)
    return next((str(one.arguments[_MEASURED[one.type]]) for one in means if one.arguments["figure"] == figure), None)


def _dates(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _mean(days: list[date], value: Callable[[date], Figure]) -> Figure:
    if not days:
        return UNKNOWN
    return total(map(value, days)).scaled(Fraction(1, len(days)))


class _HeldAt:
    """Which assets there were of a role at the ends of days; looked up when first asked."""

    def __init__(self, view: View, role: str, ends: list[int]) -> None:
        self._view, self._role, self._ends = view, role, ends
        self._assets: list[frozenset[str]] = []

    def ends_with(self, asset: str) -> Iterator[int]:
        """The ends at which there was an asset: positions are carried to each."""
        if not self._assets:
            self._assets = [frozenset(self._view.assets_at(self._role, end)) for end in self._ends]
        return (end for end, assets in zip(self._ends, self._assets, strict=True) if asset in assets)


def _traded_value(computation: Computation, arguments: Mapping[str, Any], day: date) -> Figure:
    instant = computation.view.day_end(day)
    traded = computation.view.trade_value_day(day, arguments["instrument"], arguments["capacity"])
    return total(computation.view.value_at(quote, Figure.of(value), instant) for quote, value in traded.items())


def _fact_dates(computation: Computation, fact: str) -> set[date]:
    """Dates of a declared fact; one that is not a date is none."""
    found = (
        d.attributes.get("date", "") for d in computation.view.declarations("method_fact") if d.attributes.get("fact") == fact
    )
    return {day for text in found if (day := _read_date(text)) is not None}


def _read_date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
