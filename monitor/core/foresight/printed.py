"""Outcomes of scenarios as JSON values: before, after and the difference, in the form of an assessment's figures."""

from __future__ import annotations

from typing import Any

from monitor.core.evaluation.assessment import Brief, Result
from monitor.core.foresight.scenarios import StressedResult
from monitor.core.values.figure import Figure
from monitor.core.values.money import round_down, round_up


def outcome_object(outcome: StressedResult) -> dict[str, Any]:
    """One method under one scenario. Differences are of the unrounded figures, each rounded once as its figure is."""
    before, after = outcome.before, outcome.after
    decimals = outcome.decimals
    asked = _difference(after.required_figure, before.required_figure)
    there = _difference(after.available_figure, before.available_figure)
    surplus = None if asked is None or there is None else there - asked
    return {
        "scenario": outcome.scenario,
        "method": outcome.prepared.config.id,
        "mode": outcome.prepared.config.mode,
        "currency": after.currency,
        "before": side_object(before, decimals),
        "after": side_object(after, decimals),
        "difference": {
            "required": None if asked is None or asked.value is None else round_up(asked.value, decimals),
            "available": None if there is None or there.value is None else round_down(there.value, decimals),
            "surplus": None if surplus is None or surplus.value is None else round_down(surplus.value, decimals),
        },
        "broken": sorted(_short(after) - _short(before)),
        "mended": sorted(_short(before) - _short(after)),
    }


def side_object(result: Result, decimals: int) -> dict[str, Any]:
    """State, figures and components of one side; `shortfall` is 0 where there is none, null where not known."""
    return {
        "state": result.state,
        "required": result.required,
        "available": result.available,
        "surplus": result.surplus,
        "shortfall": shortfall_text(result, decimals),
        "coverage": result.coverage,
        "components": [
            {name: component[name] for name in ("name", "state", "required", "held", "shortfall", "amount", "unit", "ref")}
            for component in result.components
        ],
        "gaps": [dict(gap) for gap in result.gaps],
    }


def shortfall_text(result: Result | Brief, decimals: int) -> str | None:
    """What is missing of the headline, rounded up: 0 when nothing is, null when not known."""
    if result.required_figure is None or result.available_figure is None:
        return None
    short = (result.required_figure - result.available_figure).at_least(0)
    return None if short.exact is None else round_up(short.exact, decimals)


def _difference(after: Figure | None, before: Figure | None) -> Figure | None:
    return None if after is None or before is None else after - before


def _short(result: Result) -> set[str]:
    return {row.name for row in result.rows if row.state == "shortfall"}
