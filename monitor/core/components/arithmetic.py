"""Terms that only reckon: sums, products, the greatest and the least of other terms. A skipped term is no part of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monitor.core.components.packs.computation import Computation, Value
from monitor.core.components.packs.registry import Argument, term_type
from monitor.core.values.figure import UNKNOWN, Figure, maximum, minimum, total
from monitor.core.values.money import parse_decimal


@term_type("parameter", name=Argument("amount"))
def parameter(computation: Computation, arguments: Mapping[str, Any]) -> Value:
    """The number of a parameter."""
    return Figure.of(computation.amount(arguments["name"]))


@term_type("option_amount", option=Argument("option"))
def option_amount(computation: Computation, arguments: Mapping[str, Any]) -> Value:
    """The amount an option gives."""
    return Figure.of(parse_decimal(computation.option(arguments["option"])))


@term_type("choice", option=Argument("option"), cases=Argument("cases"))
def choice(computation: Computation, arguments: Mapping[str, Any]) -> Value:
    """The parameter that belongs to the choice made by an option."""
    return Figure.of(computation.amount(arguments["cases"][computation.option(arguments["option"])]))


@term_type("sum", of=Argument("terms"))
def sum_of(computation: Computation, arguments: Mapping[str, Any]) -> Value:
    """The sum of terms; nothing when all are skipped."""
    figures = computation.figures(arguments["of"])
    return total(figures) if figures else None


@term_type("difference", of=Argument("term"), less=Argument("term"))
def difference(computation: Computation, arguments: Mapping[str, Any]) -> Value:
    """One term less another."""
    return computation.figure(arguments["of"]) - computation.figure(arguments["less"])


@term_type("scaled", of=Argument("term"), by=Argument("amount"))
def scaled(computation: Computation, arguments: Mapping[str, Any]) -> Value:
    """A term times a parameter; nothing of a skipped term."""
    found = computation.value(arguments["of"])
    return found.scaled(computation.factor(arguments["by"])) if isinstance(found, Figure) else None


@term_type("product", of=Argument("terms"))
def product(computation: Computation, arguments: Mapping[str, Any]) -> Value:
    """The product of terms that are not negative."""
    result = Figure.of(1)
    for figure in computation.figures(arguments["of"]):
        result = result.times(figure)
    return result


@term_type("greatest", of=Argument("terms"))
def greatest(computation: Computation, arguments: Mapping[str, Any]) -> Value:
    """The greatest of terms; nothing when all are skipped."""
    figures = computation.figures(arguments["of"])
    return maximum(figures) if figures else None


@term_type("least", of=Argument("terms"))
def least(computation: Computation, arguments: Mapping[str, Any]) -> Value:
    """The least of terms; nothing when all are skipped."""
    figures = computation.figures(arguments["of"])
    return minimum(figures) if figures else None


@term_type("quotient", of=Argument("term"), by=Argument("term"))
def quotient(computation: Computation, arguments: Mapping[str, Any]) -> Value:
    """One known term by another; not known where either is not, or where the divisor is 0."""
    part, whole = computation.figure(arguments["of"]).value, computation.figure(arguments["by"]).value
    return UNKNOWN if part is None or not whole else Figure.of(part / whole)
