"""Terms read from declarations: one amount, months of a year, the sum or the largest of instruments (INPUTS 1, Declarations)."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from monitor.core.calendar import month_before
from monitor.core.components.computation import Computation, Value
from monitor.core.components.registry import Argument, term_type
from monitor.core.figure import NOTHING, UNKNOWN, Figure, maximum, total

INSTRUMENT_POLICIES = ("insurance_limit", "guarantee_limit", "own_funds", "liability_reserve")
RESERVE_ASSET = "reserve_asset"


@term_type("declared", kind=Argument("text"), attributes=Argument("attributes", needed=False))
def declared(c: Computation, a: Mapping[str, Any]) -> Value:
    """The amount in effect of one kind and its attributes; unknown when it never came or has expired."""
    return c.view.needed(a["kind"], **a.get("attributes", {}))


@term_type("months_before", kind=Argument("text"), months=Argument("amount"))
def months_before(c: Computation, a: Mapping[str, Any]) -> Value:
    """Sum of a monthly declaration over so many months before that of `at`; a missing month leaves a lower bound."""
    day = c.view.local_date()
    months = [month_before(day.year, day.month, n) for n in range(1, int(c.amount(a["months"])) + 1)]
    return total(c.view.needed(a["kind"], month=_month(*month)) for month in months)


@term_type("latest_month", kind=Argument("text"))
def latest_month(c: Computation, a: Mapping[str, Any]) -> Value:
    """A monthly declaration of the latest month declared."""
    found = [d for d in c.view.declarations(a["kind"]) if "month" in d.attributes]
    if not found:
        c.view.gap("declaration_missing", a["kind"])
        return UNKNOWN
    return max(found, key=lambda d: d.attributes["month"]).amount


@term_type(
    "instruments",
    of=Argument("choices", words=(*INSTRUMENT_POLICIES, RESERVE_ASSET)),
    combine=Argument("option", needed=False),
    beside=Argument("choices", needed=False, words=(*INSTRUMENT_POLICIES, RESERVE_ASSET)),
)
def instruments(c: Computation, a: Mapping[str, Any]) -> Value:
    """The available side as a sum of instruments, or as the largest single one where the option `combine` says so.

    One that never came counts 0 as long as another one (or one `beside` them) came; an expired one came. The reserve is
    fiat and crypto in every storage, at current prices.
    """
    came = [kind for kind in a["of"] if _came(c, kind)]
    if not came and not any(_came(c, kind) for kind in a.get("beside", ())):
        for kind in a["of"]:
            c.view.gap("position_missing" if kind == RESERVE_ASSET else "declaration_missing", kind)
        return UNKNOWN
    figures = [figure for kind in came for figure in _each(c, kind)]
    if a.get("combine") is not None and c.option(a["combine"]) == "largest":
        return maximum([NOTHING, *figures])
    return total(figures)


@term_type(
    "highest_service_step", kind=Argument("text"), threshold=Argument("amount"), low=Argument("amount"), high=Argument("amount")
)
def highest_service_step(c: Computation, a: Mapping[str, Any]) -> Value:
    """`low`, or `high` when the mean month of any service in the calendar year of `at` is above the threshold (sg.ps)."""
    low, high = c.amount(a["low"]), c.amount(a["high"])
    year = str(c.view.local_date().year)
    services: dict[str, list[Figure]] = {}
    for found in c.view.declarations(a["kind"]):
        if found.attributes.get("month", "").startswith(year + "-"):
            services.setdefault(found.attributes.get("service", ""), []).append(found.amount)
    if not services:
        c.view.gap("declaration_missing", a["kind"])
        return Figure.between(low, high)
    mean = maximum(total(months).scaled(Fraction(1, len(months))) for months in services.values())
    within = Figure.of(c.amount(a["threshold"])).reaches(mean)
    return Figure.between(low if within is not False else high, high if within is not True else low)


def _month(year: int, month: int) -> str:
    return f"{year:04d}-{month:02d}"


def _came(c: Computation, kind: str) -> bool:
    return c.view.role_seen(kind) if kind == RESERVE_ASSET else c.view.came(kind)


def _each(c: Computation, kind: str) -> list[Figure]:
    if kind == RESERVE_ASSET:
        return [c.view.role_value(RESERVE_ASSET, None, fiat=None)]
    found = c.view.declarations(kind)
    newest = max((d.attributes.get("fiscal_year", "") for d in found), default="")
    return [d.amount for d in found if d.attributes.get("fiscal_year", "") == newest]
