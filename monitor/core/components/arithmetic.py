"""Terms that only reckon: sums, products, the greatest and the least of other terms. A skipped term is no part of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from monitor.core.components.computation import Computation, Value
from monitor.core.components.registry import Argument, term_type
from monitor.core.figure import UNKNOWN, Figure, maximum, minimum, total
from monitor.core.money import parse_decimal


@term_type("parameter", name=Argument("amount"))
def parameter(c: Computation, a: Mapping[str, Any]) -> Value:
    """The number of a parameter."""
    return Figure.of(c.amount(a["name"]))


@term_type("option_amount", option=Argument("option"))
def option_amount(c: Computation, a: Mapping[str, Any]) -> Value:
    """The amount an option gives."""
    return Figure.of(parse_decimal(c.option(a["option"])))


@term_type("choice", option=Argument("option"), cases=Argument("cases"))
def choice(c: Computation, a: Mapping[str, Any]) -> Value:
    """The parameter that belongs to the choice made by an option."""
    return Figure.of(c.amount(a["cases"][c.option(a["option"])]))


@term_type("sum", of=Argument("terms"))
def sum_of(c: Computation, a: Mapping[str, Any]) -> Value:
    """The sum of terms; nothing when all are skipped."""
    figures = c.figures(a["of"])
    return total(figures) if figures else None


@term_type("difference", of=Argument("term"), less=Argument("term"))
def difference(c: Computation, a: Mapping[str, Any]) -> Value:
    """One term less another."""
    return c.figure(a["of"]) - c.figure(a["less"])


@term_type("scaled", of=Argument("term"), by=Argument("amount"))
def scaled(c: Computation, a: Mapping[str, Any]) -> Value:
    """A term times a parameter; nothing of a skipped term."""
    found = c.value(a["of"])
    return found.scaled(c.amount(a["by"])) if isinstance(found, Figure) else None


@term_type("product", of=Argument("terms"))
def product(c: Computation, a: Mapping[str, Any]) -> Value:
    """The product of terms that are not negative."""
    result = Figure.of(1)
    for figure in c.figures(a["of"]):
        result = result.times(figure)
    return result


@term_type("greatest", of=Argument("terms"))
def greatest(c: Computation, a: Mapping[str, Any]) -> Value:
    """The greatest of terms; nothing when all are skipped."""
    figures = c.figures(a["of"])
    return maximum(figures) if figures else None


@term_type("least", of=Argument("terms"))
def least(c: Computation, a: Mapping[str, Any]) -> Value:
    """The least of terms; nothing when all are skipped."""
    figures = c.figures(a["of"])
    return minimum(figures) if figures else None


@term_type("quotient", of=Argument("term"), by=Argument("term"))
def quotient(c: Computation, a: Mapping[str, Any]) -> Value:
    """One known term by another; not known where either is not, or where the divisor is 0."""
    part, whole = c.figure(a["of"]).value, c.figure(a["by"]).value
    return UNKNOWN if part is None or not whole else Figure.of(part / whole)
