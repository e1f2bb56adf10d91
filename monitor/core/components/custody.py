"""Values of what is kept: by role and storage class, at current prices or at the frozen mean of Korea (INPUTS 1, 3)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from fractions import Fraction
from functools import reduce
from typing import Any

from monitor.core.components.packs.computation import Computation, Value
from monitor.core.components.packs.registry import Argument, term_type
from monitor.core.journal.vocabulary import ROLES
from monitor.core.values.figure import NOTHING, UNKNOWN, Figure
from monitor.core.values.money import EXACT

COLD = frozenset({"cold", "cold_equivalent", "third_party_cold"})
HOT_AND_OTHER = frozenset({"warm", "hot", "third_party", "in_transit"})
MONEY = frozenset({"bank", "trust", "ledger"})
STORAGES: dict[str, frozenset[str] | None] = {
    "cold": COLD,
    "hot": HOT_AND_OTHER,
    "custody": COLD | HOT_AND_OTHER,
    "not_cold": HOT_AND_OTHER | MONEY,
    "all": None,
}
"""Storage classes of INPUTS 1; `custody` is cold with hot and other, `all` has bank, trust and ledger too."""

ASSETS: dict[str, bool | None] = {"crypto": False, "fiat": True, "any": None}
STORAGE_WORDS = tuple(STORAGES)


@term_type(
    "role_value",
    role=Argument("choice", words=ROLES),
    storage=Argument("choice", words=STORAGE_WORDS),
    assets=Argument("choice", words=tuple(ASSETS)),
)
def role_value(computation: Computation, arguments: Mapping[str, Any]) -> Value:
    """Value at `at` of a role in a storage class; a role never seen is unknown."""
    return computation.view.role_value(arguments["role"], STORAGES[arguments["storage"]], fiat=ASSETS[arguments["assets"]])


@term_type(
    "frozen_value",
    role=Argument("choice", words=ROLES),
    storage=Argument("choice", words=STORAGE_WORDS),
    years=Argument("amount"),
)
def frozen_value(computation: Computation, arguments: Mapping[str, Any]) -> Value:
    """Today's quantities at the mean of daily closes of the years that end with the previous month (INPUTS 3, Korea)."""
    view, role = computation.view, arguments["role"]
    if not view.role_seen(role):
        view.gap("position_missing", role)
        return UNKNOWN
    first, last = _closed_years(view.local_date(), int(computation.amount(arguments["years"])))
    storages = STORAGES[arguments["storage"]]

    def frozen(asset: str) -> Figure:
        quantity = view.quantity(role, asset, storages)
        return NOTHING if quantity.high == 0 else _frozen(computation, asset, quantity, (first, last))

    key = ("frozen_value", role, storages, view.currency, view.zone.name, first, last)
    return view.summed(key, view.counted(role, fiat=False), frozen)


def _frozen(computation: Computation, asset: str, quantity: Figure, years: tuple[date, date]) -> Figure:
    return UNKNOWN if computation.view.doubtful(asset) else quantity.times(_mean_close(computation, asset, *years))


def _closed_years(day: date, years: int) -> tuple[date, date]:
    """From the first of the month of `day` so many years earlier to the last day of the month before."""
    return date(day.year - years, day.month, 1), date(day.year, day.month, 1) - timedelta(days=1)


def _mean_close(computation: Computation, asset: str, first: date, last: date) -> Figure:
    closes = computation.view.daily_closes(asset, first, last)
    subject = f"{asset}/{computation.view.currency}"
    if len(closes) < (last - first).days + 1:
        computation.view.gap("window_short", subject)
    if not closes:
        computation.view.gap("price_missing", subject)
        return UNKNOWN
    return Figure.of(Fraction(reduce(EXACT.add, closes.values())) / len(closes))
