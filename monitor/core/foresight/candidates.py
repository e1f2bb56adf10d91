"""What each method of an entity asks now, in one currency: those in force, and candidates (shadow, drafts, studies) beside them.

Figures are those of the newest evaluation, digit for digit; only what is converted into the reporting currency is computed here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from monitor.core.book.book import Book
from monitor.core.components.packs.pack import Pack
from monitor.core.evaluation.evaluation import Evaluator, Prepared
from monitor.core.values.figure import Figure
from monitor.core.values.money import EXACT, plain, round_down, round_up
from monitor.core.values.times import format_time
from monitor.core.view.view import View

_SHOWN = (
    "method", "method_version", "method_digest", "mode", "state", "currency", "required", "available", "surplus", "coverage",
    "coverage_lower", "coverage_upper", "projection", "components", "gaps",
)  # fmt: skip


def compared(evaluator: Evaluator, newest: Mapping[str, Mapping[str, Any]], book: Book, at: int) -> dict[str, Any]:
    """Every method that was evaluated, in the order of the configuration, at `at` (ns).

    `reporting`: required (rounded up), available and surplus (down) in the entity's reporting currency, null where a figure or
    its price is not known. `today`: the method in force that asks most in it, null where none is in force or one is not
    known. `more`: what a method asks beyond that. `parameters` are those of a draft or study, with values as its pack has them.
    """
    view = evaluator.yardstick.view(book, at)
    rows = [_row(prepared, newest[prepared.config.id], view) for prepared in evaluator.methods if prepared.config.id in newest]
    today = _today(rows)
    for row in rows:
        row["more"] = _more(row, today)
    return {
        "entity": evaluator.entity,
        "at": format_time(at),
        "currency": view.currency,
        "today": None if today is None else {"method": today["method"], "required": today["reporting"]["required"]},
        "methods": rows,
    }


def _row(prepared: Prepared, assessment: Mapping[str, Any], view: View) -> dict[str, Any]:
    pack = prepared.method.plan.pack
    return {
        **{name: assessment[name] for name in _SHOWN},
        "study": pack.study,
        "draft": pack.draft,
        "reporting": _reporting(assessment, view),
        "parameters": list(_parameters(pack)) if pack.study or pack.draft else [],
    }


def _reporting(assessment: Mapping[str, Any], view: View) -> dict[str, str | None]:
    roundings: tuple[tuple[str, Callable[[Fraction, int], str]], ...] = (
        ("required", round_up), ("available", round_down), ("surplus", round_down),
    )  # fmt: skip
    return {name: _converted(assessment[name], assessment["currency"], view, rounding) for name, rounding in roundings}


def _converted(text: str | None, currency: str, view: View, rounding: Callable[[Fraction, int], str]) -> str | None:
    if text is None or currency == view.currency:
        return text
    value = view.value(currency, Figure.of(Decimal(text))).value
    return None if value is None else rounding(value, view.minor_unit)


def _today(rows: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    binding = [row for row in rows if row["mode"] == "in_force"]
    if not binding or any(row["reporting"]["required"] is None for row in binding):
        return None
    return max(binding, key=lambda row: Decimal(row["reporting"]["required"]))


def _more(row: Mapping[str, Any], today: Mapping[str, Any] | None) -> str | None:
    asked = row["reporting"]["required"]
    if asked is None or today is None:
        return None
    return plain(EXACT.subtract(Decimal(asked), Decimal(today["reporting"]["required"])))


def _parameters(pack: Pack) -> Iterator[dict[str, Any]]:
    for one in pack.parameters.values():
        value = list(one.value) if isinstance(one.value, tuple) else one.value
        yield {"name": one.name, "value": value, "unit": one.unit, "status": one.status, "ref": one.ref}
