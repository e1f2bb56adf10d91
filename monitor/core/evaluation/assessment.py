"""From one view of a book to one printed result: figures, components, state of the whole (INPUTS 1, CONTRACT 2).

States are decided on unrounded intervals; digits are cut here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from monitor.core.components.packs.computation import Computation, Outcome, Row
from monitor.core.components.packs.plan import Plan, plan_of
from monitor.core.components.packs.printing import coverage_text, figure_text, row_object
from monitor.core.components.steps import Steps, finished
from monitor.core.configuration.configuration import MethodConfig
from monitor.core.journal.vocabulary import NOT_APPLICABLE, WORST_FIRST
from monitor.core.values.canonical import Fixed, canonical_text, fixed
from monitor.core.values.figure import Figure, minimum
from monitor.core.values.money import plain, round_down, round_up
from monitor.core.values.times import format_time
from monitor.core.view.view import Gap, View


@dataclass(frozen=True, slots=True)
class Result:
    """One evaluation of one method.

    Printed texts are in CONTRACT form; `rows`, `required_figure`, `available_figure` and `watch_ratio` (smallest held /
    required among the headline's `min` components, None: there is none) are unrounded.
    """

    state: str
    required: str | None
    available: str | None
    surplus: str | None
    coverage: str | None
    coverage_lower: str | None
    coverage_upper: str | None
    figures: Mapping[str, str | None]
    components: Sequence[Mapping[str, Any]]
    gaps: Sequence[Mapping[str, Any]]
    business_date: str
    currency: str
    projection: bool
    rows: tuple[Row, ...]
    required_figure: Figure | None
    available_figure: Figure | None
    watch_ratio: Figure | None
    ignored: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Brief:
    """What `Result` says of a headline and of the rows, which are not printed."""

    state: str
    required: str | None
    available: str | None
    currency: str
    required_figure: Figure | None
    available_figure: Figure | None
    rows: tuple[Row, ...]

    @staticmethod
    def of(result: Result) -> Brief:
        """A result in brief."""
        figures = result.required_figure, result.available_figure
        return Brief(result.state, result.required, result.available, result.currency, *figures, result.rows)


class Method:
    """A pack with an entity's options, made ready once: `evaluate` is then called for every evaluation.

    Raises ValueError for options the pack does not know; the configuration was checked where it was loaded.
    """

    def __init__(self, config: MethodConfig, pack: Mapping[str, Any]) -> None:
        self.config = config
        self.plan: Plan = plan_of(pack, config.options)

    def currency(self, reporting_currency: str | None) -> str | None:
        """Currency of the method: its pack's, else the entity's."""
        return self.plan.pack.currency or reporting_currency

    def evaluate(self, view: View, watch_enter: Decimal | None = None) -> Result:
        """The result at `view.at`; `watch_enter` is the entity's level (None: it has no watch level)."""
        return finished(self.steps(view, watch_enter))

    def steps(self, view: View, watch_enter: Decimal | None = None) -> Steps[Result]:
        """The same, a step for each component."""
        if self._not_computable(view):
            return _not_computable(self.plan, view)
        computation = Computation(self.plan, view)
        return _result(computation, (yield from computation.outcomes()), watch_enter)

    def brief(self, view: View, watch_enter: Decimal | None = None) -> Brief:
        """What `evaluate` finds, in brief."""
        if self._not_computable(view):
            row = _row_not_computable(self.plan, view)
            return Brief("not_computable", None, None, view.currency, None, None, (row,))
        computation = Computation(self.plan, view)
        outcomes = finished(computation.outcomes())
        if view.notes_gaps:
            computation.printed_figures()  # what they read may be impaired
        ratio = None if watch_enter is None else _watch_ratio(computation, outcomes)
        found = _found(computation, outcomes, ratio, watch_enter)
        required, available = _headline_texts(found, view.minor_unit)
        return Brief(found.state, required, available, view.currency, found.required, found.available, found.rows)

    def figures(self, view: View) -> Steps[tuple[Figure | None, Figure | None]]:
        """Required and available as `evaluate` finds them, with all that it reads of the view; nothing is printed."""
        if self._not_computable(view):
            return None, None
        computation = Computation(self.plan, view)
        outcomes = yield from computation.outcomes()
        computation.printed_figures()
        return computation.headline(outcomes)

    def _not_computable(self, view: View) -> bool:
        """Notes the gaps that leave the method without a number: null parameters, a date outside its time."""
        pack = self.plan.pack
        for name in self.plan.null_parameters:
            view.gap("parameter_null", name, "both")
        day = view.local_date()
        begun = day >= pack.effective_from if pack.effective_from else not pack.draft
        over = pack.effective_to is not None and day >= pack.effective_to
        if not self.plan.null_parameters and (not begun or over):
            view.gap("not_in_force", pack.id, "both")
        return bool(self.plan.null_parameters) or not begun or over


def result_object(result: Result) -> dict[str, Any]:
    """The part of an assessment object that the method itself decides (CONTRACT 2)."""
    return {
        "business_date": result.business_date,
        "currency": result.currency,
        "projection": result.projection,
        "state": result.state,
        "required": result.required,
        "available": result.available,
        "surplus": result.surplus,
        "coverage": result.coverage,
        "coverage_lower": result.coverage_lower,
        "coverage_upper": result.coverage_upper,
        "figures": dict(result.figures),
        "components": list(result.components),
        "gaps": list(result.gaps),
        "ignored": [dict(one) for one in result.ignored],
    }


def _result(computation: Computation, outcomes: Mapping[str, Outcome], watch_enter: Decimal | None) -> Result:
    figures = computation.printed_figures()
    ratio = _watch_ratio(computation, outcomes)
    return _printed(computation, _found(computation, outcomes, ratio, watch_enter), figures, ratio)


def _found(
    computation: Computation, outcomes: Mapping[str, Outcome], ratio: Figure | None, watch_enter: Decimal | None
) -> _Parts:
    """`ratio`: see `_watch_ratio`; it is not needed without a watch level."""
    required, available = computation.headline(outcomes)
    projection = computation.is_projection()
    rows = tuple(row if not projection else row.as_projection() for outcome in outcomes.values() for row in outcome.rows)
    decided = required is None or (_known(required) and _known(available)) or computation.decided_by_quantity(outcomes)
    state = _state(rows, ratio, watch_enter, decided=decided)
    if computation.view.forced_unknown and state != "shortfall":
        state = "unknown"
    return _Parts(state, rows, required, available)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What was found, before it is printed."""

    state: str
    rows: tuple[Row, ...]
    required: Figure | None
    available: Figure | None


def _headline_texts(found: _Parts, decimals: int) -> tuple[str | None, str | None]:
    """Required and available as they are printed."""
    return figure_text(found.required, decimals, round_up), figure_text(found.available, decimals, round_down)


def _printed(computation: Computation, found: _Parts, figures: Mapping[str, str | None], ratio: Figure | None) -> Result:
    view, required, available = computation.view, found.required, found.available
    decimals = view.minor_unit
    required_text, available_text = _headline_texts(found, decimals)
    surplus = available - required if required is not None and available is not None else None
    coverage, coverage_lower, coverage_upper = _coverages(required, available)
    return Result(
        state=found.state,
        required=required_text,
        available=available_text,
        surplus=figure_text(surplus, decimals, round_down),
        coverage=coverage,
        coverage_lower=coverage_lower,
        coverage_upper=coverage_upper,
        figures=figures,
        components=_components(computation, found.rows),
        gaps=_gaps(computation.plan, view),
        ignored=_ignored(view),
        business_date=view.local_date().isoformat(),
        currency=view.currency,
        projection=computation.is_projection(),
        rows=found.rows,
        required_figure=required,
        available_figure=available,
        watch_ratio=ratio,
    )


def _not_computable(plan: Plan, view: View) -> Result:
    """A method without a number: every figure null, its one component not computable."""
    row = _row_not_computable(plan, view)
    return Result(
        state="not_computable",
        required=None,
        available=None,
        surplus=None,
        coverage=None,
        coverage_lower=None,
        coverage_upper=None,
        figures=dict.fromkeys(plan.pack.figures),
        components=fixed([row_object(row, view.minor_unit)]),
        gaps=_gaps(plan, view),
        ignored=_ignored(view),
        business_date=view.local_date().isoformat(),
        currency=view.currency,
        projection=False,
        rows=(row,),
        required_figure=None,
        available_figure=None,
        watch_ratio=None,
    )


def _row_not_computable(plan: Plan, view: View) -> Row:
    name = plan.pack.headline.components[0]
    return Row.empty(name, "min", view.currency, "not_computable", plan.pack.components[name].ref)


def _state(rows: tuple[Row, ...], ratio: Figure | None, watch_enter: Decimal | None, *, decided: bool) -> str:
    """Of the whole. `decided`: whether the headline has a value, needs none, or is skipped."""
    states = {row.state for row in rows} - {NOT_APPLICABLE}
    if not decided:
        states.add("unknown")
    if watch_enter is not None and ratio is not None:
        above = ratio.reaches(Figure.of(watch_enter))
        states.add({True: "adequate", False: "watch", None: "unknown"}[above])
    return next((state for state in WORST_FIRST if state in states), "adequate")


def _components(computation: Computation, rows: tuple[Row, ...]) -> Fixed:
    """The rows as they are printed, with their canonical texts; a row that is the same object is not printed again."""
    view = computation.view
    decimals = view.minor_unit

    def printed(row: Row) -> tuple[dict[str, Any], str]:
        component = row_object(row, decimals)
        return component, canonical_text(component)

    key = ("components", computation.plan, view.currency)
    found: Fixed = view.made_of(key, rows, printed, _fixed)
    return found


def _fixed(printed: list[tuple[dict[str, Any], str]]) -> Fixed:
    return Fixed([component for component, _ in printed], [text for _, text in printed])


def _watch_ratio(computation: Computation, outcomes: Mapping[str, Outcome]) -> Figure | None:
    """Smallest held / required among the headline's `min` components."""
    names = computation.plan.pack.headline.components
    rows = tuple(row for name in names for row in outcomes[name].rows if row.bound == "min")
    return computation.view.made_of(("ratios", computation.plan, computation.view.currency), rows, _ratio, _least)


def _ratio(row: Row) -> Figure | None:
    return row.ratio


def _least(ratios: list[Figure | None]) -> Figure | None:
    known = [ratio for ratio in ratios if ratio is not None]
    return minimum(known) if known else None


def _known(figure: Figure | None) -> bool:
    return figure is not None and figure.known


def _coverages(required: Figure | None, available: Figure | None) -> tuple[str | None, str | None, str | None]:
    """The coverage, and within what it lies: all one where both sides are known."""
    if required is None or available is None:
        return None, None, None
    if required.known and available.known:
        both = coverage_text(available.exact, required.exact)
        return both, both, both
    lower = coverage_text(available.exact_low, required.exact_high)
    upper = coverage_text(available.exact_high, required.exact_low)
    return None, lower, upper


def _ignored(view: View) -> tuple[Mapping[str, str], ...]:
    return tuple({"asset": one.asset, "quantity": plain(one.quantity)} for one in view.ignored())


def _gaps(plan: Plan, view: View) -> Fixed:
    """The gaps as they are printed, with their canonical texts."""

    def printed(gap: Gap) -> tuple[dict[str, Any], str]:
        shown = _gap_object(gap)
        return shown, canonical_text(shown)

    found: Fixed = view.made_of(("gaps", plan), view.gaps, printed, _fixed)
    return found


def _gap_object(gap: Gap) -> dict[str, Any]:
    since = None if gap.since is None else format_time(gap.since)
    return {"kind": gap.kind, "subject": gap.subject, "effect": gap.effect, "since": since}
