"""The Basel yardstick: business indicator, marginal rates, loss component and multiplier (INPUTS 3, basel.ope25)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any

from monitor.core.components.packs.computation import Computation, Value
from monitor.core.components.packs.fiscal_years import year_in
from monitor.core.components.packs.registry import Argument, term_type
from monitor.core.values.figure import UNKNOWN, Figure, total
from monitor.core.view.view import IncidentView

_KIND = "business_indicator"
_PARTS = ("ildc", "sc", "fc")
_LOSS = "annual_loss"
_CONTEXT = Context(prec=110)
"""At least 60 digits of every result: 110 leave some 45 guard digits for a logarithm of a power of a quotient."""


@term_type("business_indicator", years=Argument("amount"))
def business_indicator(computation: Computation, arguments: Mapping[str, Any]) -> Value:
    """Sum of |ildc|, |sc| and |fc|, each its mean over the last declared fiscal years; else the mean of `total`.

    Fewer years than asked: those there are, with gap `window_short`.
    """
    count = int(computation.amount(arguments["years"]))
    declared: dict[str, dict[int, Figure]] = {}
    for found in computation.view.declarations(_KIND):
        year = year_in(found.attributes.get("fiscal_year"))
        if year is not None:
            declared.setdefault(found.attributes.get("component", "total"), {})[year] = found.amount
    parts = [part for part in _PARTS if part in declared] or [part for part in ("total",) if part in declared]
    if not parts:
        computation.view.gap("declaration_missing", _KIND)
        return UNKNOWN
    newest = {part: sorted(declared[part])[-count:] for part in parts}
    if len({year for years in newest.values() for year in years}) < count:
        computation.view.gap("window_short", "bi")
    means = (
        total(_size(declared[part][year]) for year in years).scaled(Fraction(1, len(years))) for part, years in newest.items()
    )
    return total(means)


@term_type("marginal", of=Argument("term"), rates=Argument("amounts"))
def marginal(computation: Computation, arguments: Mapping[str, Any]) -> Value:
    """Each rate on the part of a figure up to its parameter's `upto`, the last one on the rest."""
    figure = computation.figure(arguments["of"])
    return Figure(_banded(computation, arguments["rates"], figure.low), _banded(computation, arguments["rates"], figure.high))


@term_type(
    "loss_component",
    of=Argument("term"),
    rates=Argument("amounts"),
    years=Argument("amount"),
    multiple=Argument("amount"),
    use=Argument("option"),
)
def loss_component(computation: Computation, arguments: Mapping[str, Any]) -> Value:
    """A multiple of the mean annual loss of the years before that of `at`: declared, else net of that year's incidents.

    A year without either is 0 if any year is known, else the whole is unknown (without a gap where it is not needed).
    """
    count = int(computation.amount(arguments["years"]))
    this_year = computation.view.local_date().year
    losses = [loss for year in range(this_year - count, this_year) if (loss := _loss_of(computation, year)) is not None]
    if losses:
        return total(losses).scaled(computation.amount(arguments["multiple"]) / count)
    if _needed(computation, arguments):
        computation.view.gap("declaration_missing", _LOSS)
    return UNKNOWN


@term_type(
    "loss_multiplier",
    losses=Argument("term"),
    charge=Argument("term"),
    exponent=Argument("amount"),
    of=Argument("term"),
    rates=Argument("amounts"),
    use=Argument("option"),
)
def loss_multiplier(computation: Computation, arguments: Mapping[str, Any]) -> Value:
    """ln(e - 1 + (LC / BIC)^exponent), at least 60 digits; 1 where loss data is not used, and exactly 1 where LC = BIC."""
    if not _needed(computation, arguments):
        return Figure.of(1)
    losses, charge, exponent = (
        computation.figure(arguments["losses"]).at_least(0),
        computation.figure(arguments["charge"]),
        computation.amount(arguments["exponent"]),
    )
    low, high = _multiplier(losses.low, charge.high, exponent), _multiplier(losses.high, charge.low, exponent)
    if computation.option(arguments["use"]) == "always" or (computation.figure(arguments["of"]).low or 0) > _first_band(
        computation, arguments
    ):
        return Figure(low, high)
    return Figure(None if low is None else min(low, Fraction(1)), None if high is None else max(high, Fraction(1)))


def multiplier(losses: Fraction, charge: Fraction, exponent: Fraction) -> Fraction:
    """ln(e - 1 + (losses / charge)^exponent) for losses >= 0 and charge > 0."""
    if losses == charge:
        return Fraction(1)
    context = _CONTEXT
    e_less_one = context.subtract(context.exp(Decimal(1)), Decimal(1))
    if not losses:
        return Fraction(context.ln(e_less_one))
    quotient = context.divide(*_whole(losses / charge))
    raised = context.exp(context.multiply(context.divide(*_whole(exponent)), context.ln(quotient)))
    return Fraction(context.ln(context.add(e_less_one, raised)))


def _multiplier(losses: Fraction | None, charge: Fraction | None, exponent: Fraction) -> Fraction | None:
    if losses is None:
        return None
    if charge is None:
        return multiplier(Fraction(0), Fraction(1), exponent)
    if charge == 0:
        return Fraction(1) if losses == 0 else None
    return multiplier(losses, charge, exponent)


def _needed(computation: Computation, arguments: Mapping[str, Any]) -> bool:
    """Whether loss data is used: always, or from the second band of the indicator on (it may reach it)."""
    if computation.option(arguments["use"]) == "always":
        return True
    indicator = computation.figure(arguments["of"])
    return indicator.high is None or indicator.high > _first_band(computation, arguments)


def _first_band(computation: Computation, arguments: Mapping[str, Any]) -> Fraction:
    return Fraction(Decimal(str(computation.parameter(arguments["rates"][0]).upto)))


def _loss_of(computation: Computation, year: int) -> Figure | None:
    declared = computation.view.declared(_LOSS, year=str(year))
    if declared is not None:
        return declared
    incidents = list(_incidents_of(computation, year))
    return total(incident.net for incident in incidents) if incidents else None


def _incidents_of(computation: Computation, year: int) -> Iterator[IncidentView]:
    for incident in computation.view.incidents():
        if (
            incident.status in ("confirmed", "contained", "closed")
            and computation.view.local_date(incident.occurred_at).year == year
        ):
            yield incident


def _size(figure: Figure) -> Figure:
    """|figure| of a known one; what is missing stays so."""
    return Figure.of(abs(figure.value)) if figure.value is not None else figure


def _banded(computation: Computation, rates: list[str], value: Fraction | None) -> Fraction | None:
    if value is None:
        return None
    charge, below = Fraction(0), Fraction(0)
    for rate in map(computation.parameter, rates):
        top = value if rate.upto is None else min(value, Fraction(Decimal(rate.upto)))
        charge += rate.amount * max(Fraction(0), top - below)
        below = max(below, top)
    return charge


def _whole(value: Fraction) -> tuple[Decimal, Decimal]:
    return Decimal(value.numerator), Decimal(value.denominator)
