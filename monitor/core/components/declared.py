"""Terms read from declarations: one amount, months of a year, the sum or the largest of instruments (INPUTS 1, Declarations)."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from monitor.core.components.packs.computation import Computation, Value
from monitor.core.components.packs.registry import Argument, term_type
from monitor.core.values.calendar import month_before
from monitor.core.values.figure import NOTHING, UNKNOWN, Figure, maximum, total

INSTRUMENT_POLICIES = ("insurance_limit", "guarantee_limit", "own_funds", "liability_reserve")
POLICIES = ("insurance_limit", "guarantee_limit")
RESERVE_ASSET = "reserve_asset"


@term_type("declared", kind=Argument("text"), attributes=Argument("attributes", needed=False))
def declared(computation: Computation, arguments: Mapping[str, Any]) -> Value:
    """The amount in effect of one kind and its attributes; unknown when it never came or has expired.

    A policy or guarantee that has expired is known to cover nothing any more (INPUTS 1: an expired one came).
    """
    view, kind, attributes = computation.view, arguments["kind"], arguments.get("attributes", {})
    if kind in POLICIES and view.came(kind, **attributes) and all(d.attributes != attributes for d in view.declarations(kind)):
        return NOTHING
    return view.needed(kind, **attributes)


@term_type("months_before", kind=Argument("text"), months=Argument("amount"))
def months_before(computation: Computation, arguments: Mapping[str, Any]) -> Value:
    """Sum of a monthly declaration over so many months before that of `at`; a missing month leaves a lower bound."""
    day = computation.view.local_date()
    months = [month_before(day.year, day.month, n) for n in range(1, int(computation.amount(arguments["months"])) + 1)]
    return total(computation.view.needed(arguments["kind"], month=_month(*month)) for month in months)


@term_type("latest_month", kind=Argument("text"))
def latest_month(computation: Computation, arguments: Mapping[str, Any]) -> Value:
    """A monthly declaration of the latest month declared."""
    found = [d for d in computation.view.declarations(arguments["kind"]) if "month" in d.attributes]
    if not found:
        computation.view.gap("declaration_missing", arguments["kind"])
        return UNKNOWN
    return max(found, key=lambda d: d.attributes["month"]).amount


@term_type(
    "instruments",
    of=Argument("choices", words=(*INSTRUMENT_POLICIES, RESERVE_ASSET)),
    combine=Argument("option", needed=False),
    beside=Argument("choices", needed=False, words=(*INSTRUMENT_POLICIES, RESERVE_ASSET)),
)
def instruments(computation: Computation, arguments: Mapping[str, Any]) -> Value:
    """The available side as a sum of instruments, or as the largest single one where the option `combine` says so.

    One that never came counts 0 as long as another one (or one `beside` them) came; an expired one came. The reserve is
    fiat and crypto in every storage, at current prices.
    """
    came = [kind for kind in arguments["of"] if _came(computation, kind)]
    if not came and not any(_came(computation, kind) for kind in arguments.get("beside", ())):
        for kind in arguments["of"]:
            computation.view.gap("position_missing" if kind == RESERVE_ASSET else "declaration_missing", kind)
        return UNKNOWN
    figures = [figure for kind in came for figure in _each(computation, kind)]
    if arguments.get("combine") is not None and computation.option(arguments["combine"]) == "largest":
        return maximum([NOTHING, *figures])
    return total(figures)


@term_type(
    "highest_service_step", kind=Argument("text"), threshold=Argument("amount"), low=Argument("amount"), high=Argument("amount")
)
def highest_service_step(computation: Computation, arguments: Mapping[str, Any]) -> Value:
    """`low`, or `high` when the mean month of any service in the calendar year of `at` is above the threshold (sg.ps)."""
    low, high = computation.amount(arguments["low"]), computation.amount(arguments["high"])
    year = str(computation.view.local_date().year)
    services: dict[str, list[Figure]] = {}
    for found in computation.view.declarations(arguments["kind"]):
        if found.attributes.get("month", "").startswith(year + "-"):
            services.setdefault(found.attributes.get("service", ""), []).append(found.amount)
    if not services:
        computation.view.gap("declaration_missing", arguments["kind"])
        return Figure.between(low, high)
    mean = maximum(total(months).scaled(Fraction(1, len(months))) for months in services.values())
    within = Figure.of(computation.amount(arguments["threshold"])).reaches(mean)
    return Figure.between(low if within is not False else high, high if within is not True else low)


def _month(year: int, month: int) -> str:
    return f"{year:04d}-{month:02d}"


def _came(computation: Computation, kind: str) -> bool:
    return computation.view.role_seen(kind) if kind == RESERVE_ASSET else computation.view.came(kind)


def _each(computation: Computation, kind: str) -> list[Figure]:
    if kind == RESERVE_ASSET:
        return [computation.view.role_value(RESERVE_ASSET, None, fiat=None)]
    found = computation.view.declarations(kind)
    newest = max((d.attributes.get("fiscal_year", "") for d in found), default="")
    return [d.amount for d in found if d.attributes.get("fiscal_year", "") == newest]
