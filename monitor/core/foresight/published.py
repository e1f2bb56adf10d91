"""The configured scenarios as an exposure carries them (CONTRACT 2), within a cost that the book alone decides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from monitor.core.book.book import Book
from monitor.core.components.steps import Steps
from monitor.core.evaluation.assessment import Result
from monitor.core.evaluation.evaluation import Evaluator
from monitor.core.foresight.overlay import result_under
from monitor.core.foresight.printed import shortfall_text
from monitor.core.foresight.scenarios import NotApplicable, Scenario, overlay_of
from monitor.core.journal.vocabulary import ROLES
from monitor.core.view.memo import Memo

BUDGET = 1500
"""Most evaluations of one asset under one method in one publication: some 0.2 s of one core. What is beyond it is left out."""

ACCOUNTS = 20_000
"""Where there are more accounts, a scenario that reads all of them is left to `scenario run`."""

_READS_ACCOUNTS = "lose_account"
_UNKNOWN = {"state": "unknown", "required": None, "available": None, "shortfall": None}


def published(
    scenarios: Sequence[Scenario], evaluator: Evaluator, book: Book, at: int, known: Memo
) -> Steps[list[dict[str, Any]]]:
    """Per scenario, in order: the exposure's requirement under it, and each method in force beside it.

    `known`: what is read at `at` without any of them. A scenario beyond the budget, or one that cannot be applied, has null
    figures and says why.
    """
    found = list[dict[str, Any]]()
    methods = [prepared for prepared in evaluator.methods if prepared.config.mode == "in_force"]
    assets = len({asset for role in ROLES for asset in book.positions.assets(role, at + 1)})
    cost, spent = (len(methods) + 1) * max(1, assets), 0
    many = book.positions.account_count() > ACCOUNTS
    for scenario in scenarios:
        too_wide = many and any(stress["type"] == _READS_ACCOUNTS for stress in scenario.stresses)
        if too_wide or spent + cost > BUDGET:
            found.append(_left_out(scenario, "accounts" if too_wide else "budget"))
            continue
        spent += cost
        try:
            overlay = overlay_of(scenario, evaluator.yardstick, book, at, known)
        except NotApplicable as error:
            found.append(_left_out(scenario, str(error)))
            continue
        memo, watch = known.lent(), evaluator.entity_config.levels.watch_enter
        each = list[Result]()
        for prepared in (evaluator.yardstick, *methods):
            each.append(result_under(prepared, book, at, overlay, watch_enter=watch, memo=memo))
            yield
        whole, *results = (_figures(result, book) for result in each)
        rows = [{"method": p.config.id, "currency": p.currency, **of} for p, of in zip(methods, results, strict=True)]
        found.append({"name": scenario.name, **whole, "left_out": None, "methods": rows})
    return found


def _left_out(scenario: Scenario, why: str) -> dict[str, Any]:
    return {"name": scenario.name, **_UNKNOWN, "left_out": why, "methods": []}


def _figures(result: Result, book: Book) -> dict[str, str | None]:
    return {
        "state": result.state,
        "required": result.required,
        "available": result.available,
        "shortfall": shortfall_text(result, book.config.assets.minor_unit(result.currency)),
    }
