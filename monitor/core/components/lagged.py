"""Means of daily values over completed months, the most recent ones left out: the K-factors (INPUTS 3, eu.ifr_k; REGIMES 4.2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from fractions import Fraction
from functools import partial
from typing import Any

from monitor.core.calendar import month_before, month_end
from monitor.core.components.computation import Computation, Value
from monitor.core.components.custody import ASSETS, ROLES, STORAGE_WORDS, STORAGES
from monitor.core.components.losses import INSTRUMENTS
from monitor.core.components.registry import Argument, term_type
from monitor.core.figure import NOTHING, UNKNOWN, Figure, total

_STORAGES = {**STORAGES, "trust": frozenset({"trust"}), "bank": frozenset({"bank"})}


@term_type("calculation_date")
def calculation_date(c: Computation, _a: Mapping[str, Any]) -> Value:
    """The latest first business day of a month that is not after the date of `at`."""
    return _calculation_date(c).isoformat()


@term_type(
    "mean_closing_value",
    figure=Argument("text"),
    role=Argument("choice", words=ROLES),
    storage=Argument("choice", words=(*STORAGE_WORDS, "trust", "bank")),
    assets=Argument("choice", words=tuple(ASSETS)),
    months=Argument("amount"),
    excluded=Argument("amount"),
)
def mean_closing_value(c: Computation, a: Mapping[str, Any]) -> Value:
    """Mean over the window's business days of the value of a role at each day's end, at the prices of that time."""
    days = _days(c, a, "balance")
    if not c.view.role_seen(a["role"]):
        c.view.gap("position_missing", a["role"])
        return UNKNOWN
    fiat = ASSETS[a["assets"]]
    assets = frozenset(asset for asset in c.view.assets(a["role"]) if fiat is None or c.view.is_fiat(asset) == fiat)
    return _mean(days, partial(_closing_value, c, a, assets) if assets else _nothing)


@term_type(
    "mean_traded_value",
    figure=Argument("text"),
    capacity=Argument("choice", words=("client_order", "own_account", "venue")),
    instrument=Argument("choice", words=INSTRUMENTS),
    months=Argument("amount"),
    excluded=Argument("amount"),
    without=Argument("choice", words=("stressed_day",), needed=False),
)
def mean_traded_value(c: Computation, a: Mapping[str, Any]) -> Value:
    """Mean over the window's business days of |buys| + |sells|, each day's converted at its end; a quiet day is 0."""
    days = _days(c, a, "trade")
    if "without" in a:
        apart = _fact_dates(c, a["without"])
        days = [day for day in days if day not in apart]
    mean = _mean(days, partial(_traded_value, c, a))
    return Figure(mean.low, None) if c.view.trades_lost() else mean


@term_type(
    "window_days",
    figure=Argument("text"),
    record=Argument("choice", words=("balance", "trade")),
    months=Argument("amount"),
    excluded=Argument("amount"),
)
def window_days(c: Computation, a: Mapping[str, Any]) -> Value:
    """How many business days the mean is of."""
    return Figure.of(len(_days(c, a, a["record"])))


def _calculation_date(c: Computation) -> date:
    today = c.view.local_date()
    this_month = c.view.first_business_day(today.year, today.month)
    return this_month if this_month <= today else c.view.first_business_day(*month_before(today.year, today.month))


def _days(c: Computation, a: Mapping[str, Any], record: str) -> list[date]:
    """Business days of the window, from the entity's first record on; fewer than there are: gap `window_short`."""
    computed = _calculation_date(c)
    months, excluded = int(c.amount(a["months"])), int(c.amount(a["excluded"]))
    first = date(*month_before(computed.year, computed.month, months), 1)
    last = month_end(*month_before(computed.year, computed.month, excluded + 1))
    days = [day for day in _dates(first, last) if c.view.is_business_day(day)]
    begun = c.view.first_record_date("balance" if record == "balance" else "trade")
    kept = [] if begun is None else [day for day in days if day >= begun]
    if len(kept) < len(days):
        c.view.gap("window_short", a["figure"])
    return kept


def _dates(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def _mean(days: list[date], value: Callable[[date], Figure]) -> Figure:
    if not days:
        return UNKNOWN
    return total(map(value, days)).scaled(Fraction(1, len(days)))


def _closing_value(c: Computation, a: Mapping[str, Any], assets: frozenset[str], day: date) -> Figure:
    """Value of these assets of the role at the end of a day: positions carried to it, prices of that time."""
    instant, role = c.view.day_end(day), a["role"]
    return total(
        c.view.value_at(asset, c.view.quantity_at(role, asset, _STORAGES[a["storage"]], instant), instant)
        for asset in c.view.assets_at(role, instant)
        if asset in assets
    )


def _nothing(_day: date) -> Figure:
    return NOTHING


def _traded_value(c: Computation, a: Mapping[str, Any], day: date) -> Figure:
    instant = c.view.day_end(day)
    traded = c.view.trade_value_day(day, a["instrument"], a["capacity"])
    return total(c.view.value_at(quote, Figure.of(value), instant) for quote, value in traded.items())


def _fact_dates(c: Computation, fact: str) -> set[date]:
    """Dates of a declared fact; one that is not a date is none."""
    found = (d.attributes.get("date", "") for d in c.view.declarations("method_fact") if d.attributes.get("fact") == fact)
    return {day for text in found if (day := _read_date(text)) is not None}


def _read_date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
