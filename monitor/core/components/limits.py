"""Components decided by one figure against another: amounts, shares and ratios (INPUTS 1, A component)."""

from __future__ import annotations

from monitor.core.components.packs.computation import Computation, Outcome, Row
from monitor.core.components.packs.pack import Element
from monitor.core.components.packs.registry import Argument, rule_type
from monitor.core.values.figure import Figure

STATES = {True: "adequate", False: "shortfall", None: "unknown"}


@rule_type(
    "amount",
    required=Argument("term", side="required"),
    held=Argument("term", side="available"),
)
def amount(computation: Computation, element: Element) -> Outcome:
    """At least `required` must be `held`, both in the reporting currency. Not applicable when all of `required` is skipped."""
    arguments = element.arguments
    required = computation.value(arguments["required"])
    if not isinstance(required, Figure):
        return Outcome((Row.empty(element.name, "min", computation.view.currency, "not_applicable", element.ref),))
    held = computation.figure(arguments["held"])
    short = (required - held).at_least(0)
    row = row_of(
        computation, element, required, held, short, worth=short, unit=computation.view.currency, met=held.reaches(required)
    )
    return Outcome((row,), required, held)


@rule_type(
    "share",
    bound=Argument("choice", words=("min", "max")),
    part=Argument("term"),
    rest=Argument("term"),
    limit=Argument("amount"),
)
def share(computation: Computation, element: Element) -> Outcome:
    """`part / (part + rest)` must not exceed (max), or must reach (min), the limit.

    Decided by amounts, so that of nothing nothing is asked; `amount` is |limit x total - part|.
    """
    arguments = element.arguments
    part, rest, limit = (
        computation.figure(arguments["part"]),
        computation.figure(arguments["rest"]),
        computation.amount(arguments["limit"]),
    )
    weighed, allowed = part.scaled(1 - limit), rest.scaled(limit)
    measured, demanded = part.share_of_rest(rest), Figure.of(limit)
    if arguments["bound"] == "max":
        met, short, worth = allowed.reaches(weighed), measured - demanded, weighed - allowed
    else:
        met, short, worth = weighed.reaches(allowed), demanded - measured, allowed - weighed
    nothing = part.high == 0 and rest.high == 0
    row = row_of(
        computation,
        element,
        demanded,
        measured,
        short.at_least(0),
        worth=worth.at_least(0),
        unit="1",
        met=met,
        bound=arguments["bound"],
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
def ratio(computation: Computation, element: Element) -> Outcome:
    """`of / to` must reach the limit; below it is the state `below`. Nothing is asked of a divisor of 0."""
    arguments = element.arguments
    part, whole, limit = (
        computation.figure(arguments["of"]),
        computation.figure(arguments["to"]),
        computation.amount(arguments["limit"]),
    )
    demanded = whole.scaled(limit)
    measured = _ratio_of(part, whole)
    row = row_of(
        computation,
        element,
        Figure.of(limit),
        measured,
        (Figure.of(limit) - measured).at_least(0),
        worth=(demanded - part).at_least(0),
        unit="1",
        met=part.reaches(demanded),
        below=arguments["below"],
        counted=whole.high != 0,
    )
    return Outcome((row,), demanded, part)


def row_of(
    computation: Computation,
    element: Element,
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
    status = computation.plan.statuses[element.name]
    return Row(element.name, bound, required, held, short, worth, unit, element.ref, state, None, status, counted)


def _ratio_of(part: Figure, whole: Figure) -> Figure:
    if part.value is None or not whole.value:
        return Figure(None, None)
    return Figure.of(part.value / whole.value)
