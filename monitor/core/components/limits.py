"""Components decided by one figure against another: amounts, shares and ratios (INPUTS 1, A component)."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from monitor.core.components.computation import Computation, Outcome, Row
from monitor.core.components.registry import Argument, rule_type
from monitor.core.figure import Figure

STATES = {True: "adequate", False: "shortfall", None: "unknown"}


@rule_type(
    "amount",
    required=Argument("term", side="required"),
    held=Argument("term", side="available"),
)
def amount(c: Computation, a: Mapping[str, Any]) -> Outcome:
    """At least `required` must be `held`, both in the reporting currency. Not applicable when all of `required` is skipped."""
    required = c.value(a["required"])
    if not isinstance(required, Figure):
        return Outcome((Row.empty(c.component.name, "min", c.view.currency, "not_applicable"),))
    held = c.figure(a["held"])
    short = (required - held).at_least(0)
    row = row_of(c, required, held, short, worth=short, unit=c.view.currency, met=held.reaches(required))
    return Outcome((row,), required, held)


@rule_type(
    "share",
    bound=Argument("choice", words=("min", "max")),
    part=Argument("term"),
    rest=Argument("term"),
    limit=Argument("amount"),
)
def share(c: Computation, a: Mapping[str, Any]) -> Outcome:
    """`part / (part + rest)` must not exceed (max), or must reach (min), the limit.

    Decided by amounts, so that of nothing nothing is asked; `amount` is |limit x total - part|.
    """
    part, rest, limit = c.figure(a["part"]), c.figure(a["rest"]), c.amount(a["limit"])
    weighed, allowed = part.scaled(1 - limit), rest.scaled(limit)
    measured, demanded = part.share_of_rest(rest), Figure.of(limit)
    if a["bound"] == "max":
        met, short, worth = allowed.reaches(weighed), measured - demanded, weighed - allowed
    else:
        met, short, worth = weighed.reaches(allowed), demanded - measured, allowed - weighed
    nothing = part.high == 0 and rest.high == 0
    row = row_of(
        c,
        demanded,
        measured,
        short.at_least(0),
        worth=worth.at_least(0),
        unit="1",
        met=met,
        bound=a["bound"],
        counted=not nothing,
    )
    return Outcome((row,))


@rule_type(
    "ratio",
    of=Argument("term", side="available"),
    to=Argument("term", side="required"),
    limit=Argument("amount"),
    below=Argument("choice", words=("shortfall", "watch")),
)
def ratio(c: Computation, a: Mapping[str, Any]) -> Outcome:
    """`of / to` must reach the limit; below it is the state `below`. Nothing is asked of a divisor of 0."""
    part, whole, limit = c.figure(a["of"]), c.figure(a["to"]), c.amount(a["limit"])
    demanded = whole.scaled(limit)
    measured = _ratio_of(part, whole)
    row = row_of(
        c,
        Figure.of(limit),
        measured,
        (Figure.of(limit) - measured).at_least(0),
        worth=(demanded - part).at_least(0),
        unit="1",
        met=part.reaches(demanded),
        below=a["below"],
        counted=whole.high != 0,
    )
    return Outcome((row,), demanded, part)


def row_of(
    c: Computation,
    required: Figure,
    held: Figure,
    short: Figure,
    *,
    worth: Figure | None,
    unit: str,
    met: bool | None,
    bound: str = "min",
    below: str = "shortfall",
    counted: bool = True,
) -> Row:
    """A row of the component being computed; `counted` False leaves it out of the watch ratio."""
    state = below if met is False else STATES[met]
    held_share = ratio_figure(held, required) if counted else None
    status = c.plan.statuses[c.component.name]
    return Row(c.component.name, bound, required, held, short, worth, unit, c.component.ref, state, None, status, held_share)


def ratio_figure(held: Figure, required: Figure) -> Figure | None:
    """The quotient held / required as an interval; None when nothing is required."""
    if required.high == 0:
        return None
    low = None if held.low is None else _over(held.low, required.high if held.low >= 0 else required.low)
    high = None if held.high is None else _over(held.high, required.low if held.high >= 0 else required.high)
    return Figure(low, high)


def _over(part: Fraction, whole: Fraction | None) -> Fraction | None:
    if whole is None:
        return Fraction(0)
    return None if whole == 0 else part / whole


def _ratio_of(part: Figure, whole: Figure) -> Figure:
    if part.value is None or not whole.value:
        return Figure(None, None)
    return Figure.of(part.value / whole.value)
