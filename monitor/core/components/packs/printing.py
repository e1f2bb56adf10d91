"""How figures and components are printed: required up, available down, once (INPUTS 1, Rounding)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

from monitor.core.components.packs.computation import Row
from monitor.core.values.figure import Exact, Figure
from monitor.core.values.money import exact_text, ratio_down, round_down, round_up

RATIO_DECIMALS = 8
_ALL_DIGITS = 400


Rounding = Callable[[Decimal | Fraction, int], str]


def figure_text(figure: Figure | None, decimals: int, rounding: Rounding) -> str | None:
    """A known figure rounded at `decimals`; null for one that is not known."""
    exact = None if figure is None else figure.exact
    return None if exact is None else rounding(exact, decimals)


def coverage_text(available: Exact | None, required: Exact | None) -> str | None:
    """`available / required` down to 8 decimals; null where nothing is required or a bound is missing."""
    return None if available is None or not required else ratio_down(available, required, RATIO_DECIMALS)


def row_object(row: Row, decimals: int) -> dict[str, Any]:
    """A component in CONTRACT form; `decimals` of amounts in its currency."""
    up, held = _roundings(row)
    result: dict[str, Any] = {
        "name": row.name,
        "bound": row.bound,
        "required": _in_unit(row.required, row, decimals, round_up) if row.unit != "1" else _exact(row.required),
        "held": _in_unit(row.held, row, decimals, held),
        "shortfall": "0" if row.state == "adequate" else _in_unit(_if_short(row.shortfall, row), row, decimals, up),
        "amount": "0" if row.state == "adequate" else figure_text(_if_short(row.worth, row), decimals, round_up),
        "unit": row.unit,
        "ref": row.ref,
        "state": row.state,
        "cure_by": None if row.cure_by is None else row.cure_by.isoformat(),
    }
    if row.status is not None:
        result["status"] = row.status
    return result


def _roundings(row: Row) -> tuple[Rounding, Rounding]:
    return round_up, round_up if row.bound == "max" else round_down


def _if_short(figure: Figure | None, row: Row) -> Figure | None:
    return figure if row.state in ("shortfall", "watch") else None


def _in_unit(figure: Figure | None, row: Row, decimals: int, rounding: Rounding) -> str | None:
    if row.unit == "1":
        return figure_text(figure, RATIO_DECIMALS, rounding)
    if row.quantity:
        return _exact(figure)
    return figure_text(figure, decimals, rounding)


def _exact(figure: Figure | None) -> str | None:
    exact = None if figure is None else figure.exact
    return None if exact is None else exact_text(exact, _ALL_DIGITS)
