"""One evaluation of one plan: terms are computed when they are asked for, once, under the effect of the side they feed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from functools import lru_cache

from monitor.core.components.packs.fiscal_years import fiscal_year_of, last_day_of_fiscal_year
from monitor.core.components.packs.pack import Element, Parameter
from monitor.core.components.packs.plan import Plan
from monitor.core.components.packs.registry import RULES, TERMS
from monitor.core.components.steps import Steps
from monitor.core.values.figure import Exact, Figure, total
from monitor.core.values.money import exact_text
from monitor.core.view.view import View

Value = Figure | str | None | dict[str, Figure | None]
"""What a term yields: a figure, a text (a date), nothing (it is skipped), or several named figures."""


@dataclass(slots=True)  # not frozen, though nobody changes one: to freeze it takes thrice as long, and scenarios make hundreds
class Row:
    """One component before printing.

    Figures in `unit`; `worth` is the shortfall in the reporting currency (None: no price);
    `counted` rows count for the watch ratio; a `quantity` is printed exactly.
    """

    name: str
    bound: str
    required: Figure | None
    held: Figure | None
    shortfall: Figure | None
    worth: Figure | None
    unit: str
    ref: str | None
    state: str
    cure_by: date | None
    status: str | None
    counted: bool
    quantity: bool = False

    @staticmethod
    @lru_cache(maxsize=4096)
    def empty(name: str, bound: str, unit: str, state: str, ref: str | None = None) -> Row:
        """A row without figures: skipped, or without a number. The same one is the same object, and is not printed again."""
        return Row(name, bound, None, None, None, None, unit, ref, state, None, None, counted=False)

    @property
    def ratio(self) -> Figure | None:
        """Held over required; None where nothing is required or the row does not count."""
        if not self.counted or self.held is None or self.required is None:
            return None
        return self.held.ratio_to(self.required)

    def of_rule(self, ref: str) -> Row:
        """The row with the reference of its rule: not by `replace`, which takes twice as long, for each row of an evaluation."""
        return Row(
            self.name,
            self.bound,
            self.required,
            self.held,
            self.shortfall,
            self.worth,
            self.unit,
            ref,
            self.state,
            self.cure_by,
            self.status,
            self.counted,
            self.quantity,
        )

    def as_projection(self) -> Row:
        """The row within the fiscal year: what would be a shortfall is a watch (INPUTS 3, jp.fiea_175)."""
        return replace(self, state="watch") if self.state == "shortfall" else self


@dataclass(slots=True)  # not frozen, as rows are not
class Outcome:
    """What a component yields: its rows and, for a headline, what it asks and what there is in the reporting currency.

    `by_quantity`: the rows alone say whether a headline of it is met, whatever prices are.
    """

    rows: tuple[Row, ...]
    required: Figure | None = None
    available: Figure | None = None
    by_quantity: bool = False


class Computation:
    """The evaluation of `plan` on `view`."""

    def __init__(self, plan: Plan, view: View) -> None:
        self.plan = plan
        self.view = view
        self._terms: dict[str, Value] = {}

    # --- reading
    def value(self, reference: str) -> Value:
        """What `term` or `term:part` yields; None when it is skipped."""
        name, _, part = reference.partition(":")
        if name not in self._terms:
            self._terms[name] = self._compute(self.plan.pack.terms[name])
        found = self._terms[name]
        return found.get(part) if part and isinstance(found, dict) else found

    def figure(self, reference: str) -> Figure:
        """The figure a reference yields; a pack is checked so that it is one."""
        found = self.value(reference)
        if not isinstance(found, Figure):
            raise TypeError(f"{self.plan.pack.id}: {reference} is not a figure")
        return found

    def figures(self, references: list[str]) -> list[Figure]:
        """The figures of those references that are not skipped."""
        return [found for found in map(self.value, references) if isinstance(found, Figure)]

    def parameter(self, name: str) -> Parameter:
        """A parameter of the pack."""
        return self.plan.pack.parameters[name]

    def amount(self, name: str) -> Fraction:
        """The exact number of a parameter."""
        return self.plan.pack.parameters[name].amount

    def factor(self, name: str) -> Exact:
        """The same in the form in which figures are scaled by it."""
        return self.plan.pack.parameters[name].factor

    def option(self, name: str) -> str:
        """An option with its default, as text."""
        return str(self.plan.options[name])

    def words(self, name: str) -> tuple[str, ...]:
        """An option that is a list; nothing given is an empty one."""
        return tuple(self.plan.options[name] or ())

    def fiscal_year(self) -> int:
        """The fiscal year of the local date of `at`: the calendar year in which it begins."""
        return fiscal_year_of(self.view.local_date(), self.option("fiscal_year_start"))

    def is_projection(self) -> bool:
        """Whether the figure is a projection: a fiscal-year method on any date but the year's last (INPUTS 3)."""
        if not self.plan.pack.projection:
            return False
        last = last_day_of_fiscal_year(self.fiscal_year(), self.option("fiscal_year_start"))
        return self.view.local_date() != last

    # --- results
    def outcomes(self) -> Steps[dict[str, Outcome]]:
        """What every component of the pack yields; a step each."""
        found = dict[str, Outcome]()
        for name in self.plan.pack.components:
            found[name] = self.outcome(name)
            yield
        return found

    def outcome(self, name: str) -> Outcome:
        """The rows of a component, each with the rule's reference; one row `not_applicable` when it is skipped."""
        element = self.plan.pack.components[name]
        rule = RULES[element.type]
        if name in self.plan.skip:
            unit = self.view.currency if element.type in ("amount", "client_money") or rule.family else "1"
            bound = str(element.arguments.get("bound", "min"))
            return Outcome((Row.empty(name, bound, unit, "not_applicable", element.ref),))
        found: Outcome = rule.function(self, element)
        if element.ref is None or all(row.ref for row in found.rows):
            return found
        rows = tuple(row if row.ref else row.of_rule(element.ref) for row in found.rows)
        return Outcome(rows, found.required, found.available, found.by_quantity)

    def headline(self, outcomes: Mapping[str, Outcome]) -> tuple[Figure | None, Figure | None]:
        """`required` and `available` of the whole; None for a headline of which every part is skipped."""
        headline = self.plan.pack.headline
        counted = [outcomes[name] for name in headline.components if name not in self.plan.skip]
        if not counted:
            return None, None
        required = [outcome.required for outcome in counted if outcome.required is not None]
        available = [outcome.available for outcome in counted if outcome.available is not None]
        if not required and not headline.required:
            return None, None
        return (
            self._headline_term(headline.required) or total(required),
            self._headline_term(headline.available) or total(available),
        )

    def decided_by_quantity(self, outcomes: Mapping[str, Outcome]) -> bool:
        """Whether the rows of the headline say by themselves if it is met, so that it needs no value."""
        headline = self.plan.pack.headline
        counted = [outcomes[name] for name in headline.components if name not in self.plan.skip]
        return not headline.required and all(outcome.by_quantity for outcome in counted)

    def printed_figures(self) -> dict[str, str | None]:
        """The named figures, exact or 34 digits; a name that ends in `*` prints every part of a term."""
        printed: dict[str, str | None] = {}
        for name, reference in self.plan.pack.figures.items():
            found = self.value(reference)
            if isinstance(found, dict):
                printed |= {name.removesuffix("*") + part: _text(figure) for part, figure in sorted(found.items())}
            elif not name.endswith("*"):
                printed[name] = _text(found)
        return printed

    def _headline_term(self, reference: str | None) -> Figure | None:
        return None if reference is None else self.figure(reference)

    def _compute(self, element: Element) -> Value:
        if element.name in self.plan.skip or element.within in self.plan.skip:
            return None
        if not self.view.notes_gaps:
            return self._term(element)
        with self.view.term(element.name, self.plan.sides[element.name]):
            return self._term(element)

    def _term(self, element: Element) -> Value:
        value: Value = TERMS[element.type].function(self, element.arguments)
        return value


def _text(value: Value) -> str | None:
    if isinstance(value, str):
        return value
    exact = value.exact if isinstance(value, Figure) else None
    return None if exact is None else exact_text(exact)
