"""The configured scenarios as an exposure carries them (CONTRACT 2), within a cost that the book alone decides.

A scenario costs what it touches: one under which no figure can be otherwise has the figures of the evaluation, and of many
assets those of which nothing changed since the last time are not read again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from monitor.core.book.book import Book
from monitor.core.book.valued import valued
from monitor.core.components.lagged import closing_means, read_ahead
from monitor.core.components.steps import Steps
from monitor.core.evaluation.assessment import Brief
from monitor.core.evaluation.evaluation import Evaluation, Evaluator, Prepared
from monitor.core.foresight.overlay import KEPT_FROM, ONE, OverlaidView, Overlay, assets_of, carried_on, memo_under, touches_most
from monitor.core.foresight.printed import shortfall_text
from monitor.core.foresight.scenarios import Ground, NotApplicable, Scenario
from monitor.core.view.memory.memo import Memo
from monitor.core.view.memory.trial import Trial, all_is_well

BUDGET = 1500
"""Most evaluations of one asset under one method in one publication: some 0.2 s of one core. What is beyond it is left out."""

ACCOUNTS = 20_000
"""Where there are more accounts, a scenario that reads all of them is left to `scenario run`."""

_READS_ACCOUNTS = "lose_account"
_UNKNOWN = {"state": "unknown", "required": None, "available": None, "shortfall": None}


def published(
    scenarios: Sequence[Scenario], evaluator: Evaluator, book: Book, evaluation: Evaluation
) -> Steps[list[dict[str, Any]]]:
    """Per scenario, in order: the exposure's requirement under it, and each method in force beside it.

    `evaluation`: what is found without any of them. A scenario beyond the budget, or one that cannot be applied, has null
    figures and says why.
    """
    found = list[dict[str, Any]]()
    at = evaluation.at
    methods = [prepared for prepared in evaluator.methods if prepared.config.mode == "in_force"]
    assets = assets_of(book, at)
    cost, spent = (len(methods) + 1) * max(1, assets), 0
    many = book.positions.account_count() > ACCOUNTS
    known = _tried_on(evaluation.known, evaluator, book, at, assets)
    ground = Ground(evaluator.yardstick, book, at, known)
    for scenario in scenarios:
        too_wide = many and any(stress["type"] == _READS_ACCOUNTS for stress in scenario.stresses)
        if too_wide or spent + cost > BUDGET:
            found.append(_left_out(scenario, "accounts" if too_wide else "budget"))
            continue
        spent += cost
        try:
            overlay = ground.overlay_of(scenario)
        except NotApplicable as error:
            found.append(_left_out(scenario, str(error)))
            continue
        each = list[Brief]()
        if touches(overlay, evaluator, book):
            kept = assets >= KEPT_FROM and touches_most(overlay, assets)
            memo = carried_on(known, scenario.name, overlay) if kept else memo_under(known, overlay, book, at)
            for prepared in (evaluator.yardstick, *methods):
                yield from read_ahead(prepared.method.plan, partial(OverlaidView, prepared, book, at, overlay, memo))
                view = OverlaidView(prepared, book, at, overlay, memo)
                each.append(prepared.method.brief(view, evaluator.entity_config.levels.watch_enter))
                yield
        else:
            each += _untouched(evaluation, methods)
        found.append(_published(scenario, methods, [_figures(brief, book) for brief in each]))
    return found


def _tried_on(known: Memo, evaluator: Evaluator, book: Book, at: int, assets: int) -> Memo:
    """What scenarios read: of few assets, where all is well, their figures alone."""
    ahead = any(closing_means(prepared.method.plan) for prepared in (evaluator.yardstick, *evaluator.methods))
    few = assets < KEPT_FROM and not ahead
    return Trial.of(known) if few and all_is_well(known.completeness(book, at)) else known


def touches(overlay: Overlay, evaluator: Evaluator, book: Book) -> bool:
    """Whether any figure may be otherwise under an overlay: not where it is of trades or prices alone that no figure reads."""
    if overlay.holdings or overlay.losses or overlay.declared:
        return True
    if overlay.volume != ONE and book.trades.first_executed() is not None:
        return True
    currencies = {prepared.currency for prepared in (*evaluator.methods, evaluator.yardstick)}
    named = currencies.union(evaluator.entity_config.pivots)
    return any(asset in named or valued(book, asset) for asset in overlay.prices)


def _untouched(evaluation: Evaluation, methods: Sequence[Prepared]) -> Iterator[Brief]:
    """What was found without any scenario: the exposure's, then each method's."""
    results = {found.prepared.config.id: found.result for found in evaluation.methods}
    yield Brief.of(evaluation.exposure.result)
    yield from (Brief.of(results[prepared.config.id]) for prepared in methods)


def _published(scenario: Scenario, methods: Sequence[Prepared], each: Sequence[dict[str, str | None]]) -> dict[str, Any]:
    whole, *results = each
    rows = [{"method": p.config.id, "currency": p.currency, **of} for p, of in zip(methods, results, strict=True)]
    return {"name": scenario.name, **whole, "left_out": None, "methods": rows}


def _left_out(scenario: Scenario, why: str) -> dict[str, Any]:
    return {"name": scenario.name, **_UNKNOWN, "left_out": why, "methods": []}


def _figures(brief: Brief, book: Book) -> dict[str, str | None]:
    return {
        "state": brief.state,
        "required": brief.required,
        "available": brief.available,
        "shortfall": shortfall_text(brief, book.config.assets.minor_unit(brief.currency)),
    }
