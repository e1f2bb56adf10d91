"""Capital that follows fixed overheads and the services a firm offers (INPUTS 3: eu.mica_67, eu.ifr_k, ae.vara)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monitor.core.components.packs.computation import Computation, Value
from monitor.core.components.packs.registry import Argument, term_type
from monitor.core.values.figure import Figure, total

_DEDUCTIONS = ("variable_pay", "discretionary", "non_recurring")
_KIND = "fixed_overheads"


@term_type("overheads")
def overheads(computation: Computation, _arguments: Mapping[str, Any]) -> Value:
    """`fixed_overheads` of the fiscal year before that of `at`, else `projected_overheads`.

    `net`, else `total` less deductions; a deduction that never came is 0.
    """
    year = str(computation.fiscal_year() - 1)
    net = computation.view.declared(_KIND, fiscal_year=year)
    if net is not None:
        return net
    gross = computation.view.declared(_KIND, fiscal_year=year, item="total")
    if gross is not None:
        deductions = (computation.view.declared(_KIND, fiscal_year=year, item=item) for item in _DEDUCTIONS)
        return gross - total(found for found in deductions if found is not None)
    projected = computation.view.declared("projected_overheads")
    return computation.view.needed(_KIND, fiscal_year=year) if projected is None else projected


@term_type("service_class", option=Argument("option"), services=Argument("option"), classes=Argument("word_cases"))
def service_class(computation: Computation, arguments: Mapping[str, Any]) -> Value:
    """The class given, else the highest class that any of the services offered needs."""
    given = computation.plan.options[arguments["option"]]
    if given is not None:
        return Figure.of(int(given))
    offered = set(computation.words(arguments["services"]))
    needed = [number for number, name in sorted(arguments["classes"].items()) if offered & set(computation.parameter(name).words)]
    return Figure.of(max(int(number) for number in needed))


@term_type("of_class", number=Argument("term"), cases=Argument("cases"))
def of_class(computation: Computation, arguments: Mapping[str, Any]) -> Value:
    """The parameter of the class that a term yields."""
    number = computation.figure(arguments["number"]).value
    return Figure.of(computation.amount(arguments["cases"][str(number)]))


@term_type(
    "activity_capital",
    activities=Argument("option"),
    custodian=Argument("option"),
    overheads=Argument("term"),
    floors=Argument("cases"),
    rates=Argument("cases"),
)
def activity_capital(computation: Computation, arguments: Mapping[str, Any]) -> Value:
    """Sum over activities of max(floor, rate x overheads); floors and rates by activity, or by `activity.custodian`."""
    fixed = computation.figure(arguments["overheads"])
    custodian = computation.option(arguments["custodian"])
    parts = []
    for activity in dict.fromkeys(computation.words(arguments["activities"])):
        case = activity if activity in arguments["floors"] else f"{activity}.{custodian}"
        parts.append(
            fixed.scaled(computation.amount(arguments["rates"][case])).at_least(computation.amount(arguments["floors"][case]))
        )
    return total(parts)
