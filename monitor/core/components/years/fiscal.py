"""Reserves accrued on the turnover of fiscal years, with a cap over several of them (INPUTS 3: jp.fiea_175, jp.commodity_111)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

from monitor.core.components.packs.computation import Computation, Value
from monitor.core.components.packs.fiscal_years import fiscal_year_of, year_in
from monitor.core.components.packs.registry import Argument, term_type
from monitor.core.values.figure import NOTHING, UNKNOWN, Figure, maximum, minimum, total
from monitor.core.view.view import DeclarationView

_TURNOVER = "turnover_fiscal_year"
_RESERVE = "liability_reserve"
_MONTHS = "12"


class FiscalYears:
    """What was declared for the fiscal years around that of `at`; years before the firm's first one are 0.

    `customers` is the class of a line that is declared without one (`futures` for `futures.ordinary`).
    """

    def __init__(self, computation: Computation, customers: str | None = None) -> None:
        self._view = computation.view
        self._customers = customers
        self.current = computation.fiscal_year()
        self.first = self._first_year()
        self._turnover: dict[tuple[str, int], tuple[Figure, int]] = {}
        for found in sorted(computation.view.declarations(_TURNOVER), key=lambda d: d.effective_from):
            self._take(found)
        self.lines = tuple(dict.fromkeys(line for line, _ in self._turnover))

    def counts(self, line: str, years: Iterable[int]) -> bool:
        """Whether the line is declared for any of the years."""
        return any((line, year) in self._turnover or self._came(line, year) for year in years)

    def turnover(self, line: str, year: int, *, annualised: bool = False) -> Figure:
        """Turnover of a line: as declared, or over 12 months; a missing year is unknown."""
        found = self._turnover.get((line, year))
        if found is None:
            return NOTHING if self._before(year) else self._missing(_TURNOVER)
        amount, months = found
        return amount.scaled(Fraction(12, months)) if annualised else amount

    def payouts(self, year: int) -> Figure:
        """Payouts for accidents in a year; a missing year is unknown."""
        if self._before(year) and not self._view.came("accident_payouts_fiscal_year", fiscal_year=str(year)):
            return NOTHING
        return self._view.needed("accident_payouts_fiscal_year", fiscal_year=str(year))

    def stored(self) -> Figure:
        """R(t-1) less what was used this year. None ever booked is 0 in the firm's first year only."""
        booked = self._view.declared(_RESERVE, fiscal_year=str(self.current - 1))
        if booked is None:
            booked = NOTHING if self.first == self.current else self._missing(_RESERVE)
        used = self._view.declared("reserve_used", fiscal_year=str(self.current))
        return booked - (NOTHING if used is None else used)

    def booked(self) -> Figure | None:
        """The balance booked for the current year; None before it is."""
        return self._view.declared(_RESERVE, fiscal_year=str(self.current))

    def missing_turnover(self) -> Figure:
        """No line at all: unknown, with its gap."""
        return self._missing(_TURNOVER)

    def _take(self, found: DeclarationView) -> None:
        year, line = year_in(found.attributes.get("fiscal_year")), found.attributes.get("line", "")
        if year is None or not line:
            return
        months = found.attributes.get("months", _MONTHS)
        readable = len(months) <= len(_MONTHS) and months.isdecimal() and int(months) > 0
        amount = (found.amount, int(months)) if readable else (self._missing(_TURNOVER), int(_MONTHS))
        told = self._turnover.get((self._of_class(line), year))
        if told is not None and (told[1] != amount[1] or told[0] is UNKNOWN):
            amount = (self._missing(_TURNOVER), int(_MONTHS))  # one year is not of two lengths
        self._turnover[self._of_class(line), year] = amount

    def _first_year(self) -> int | None:
        years = (year_in(d.attributes.get("fiscal_year")) for d in self._view.declarations("first_fiscal_year"))
        return max((year for year in years if year is not None), default=None)

    def _before(self, year: int) -> bool:
        return self.first is not None and year < self.first

    def _came(self, line: str, year: int) -> bool:
        short = line.removesuffix(f".{self._customers}")
        return any(self._view.came(_TURNOVER, line=name, fiscal_year=str(year)) for name in {line: 0, short: 0})

    def _of_class(self, line: str) -> str:
        return line if self._customers is None or "." in line else f"{line}.{self._customers}"

    def _missing(self, kind: str) -> Figure:
        self._view.gap("declaration_missing", kind)
        return UNKNOWN


@term_type(
    "turnover_reserve",
    outputs=("item1", "cap", "item2", "accrual", "reserve", "releasable", "available"),
    rates=Argument("cases"),
    cap_multiple=Argument("amount"),
    lookback_years=Argument("amount"),
)
def turnover_reserve(computation: Computation, arguments: Mapping[str, Any]) -> Value:
    """FIB Order 175: item 1 and cap by line, accrual up to the cap, what is stored and what may be released."""
    years = FiscalYears(computation)
    window = range(years.current - int(computation.amount(arguments["lookback_years"])) + 1, years.current + 1)
    rated = {line: name for line, name in arguments["rates"].items() if computation.parameter(name).value is not None}
    lines = [line for line in sorted({*arguments["rates"], *years.lines}) if years.counts(line, window)]
    parts: dict[str, Figure | None] = {}
    for line in lines:
        if line not in rated:
            computation.view.gap("no_rate", line)
            parts |= {f"item1.{line}": NOTHING, f"cap.{line}": NOTHING}
            continue
        rate = computation.amount(rated[line])
        values = {year: years.turnover(line, year) for year in window}
        parts[f"item1.{line}"] = values[years.current].scaled(rate)
        parts[f"cap.{line}"] = maximum(values.values()).scaled(rate * computation.amount(arguments["cap_multiple"]))
    item1, cap = _sum_of(parts, "item1."), _sum_of(parts, "cap.")
    if not lines:
        item1 = cap = years.missing_turnover()
    return parts | _accrued(years, item1, cap, "item2")


@term_type("lines", of=Argument("term"))
def by_line(computation: Computation, arguments: Mapping[str, Any]) -> Value:
    """The figures by line of a turnover reserve, named `item1.<line>` and `cap.<line>`."""
    found = computation.value(arguments["of"])
    return {name: figure for name, figure in found.items() if "." in name} if isinstance(found, dict) else None


@term_type("drawable", kinds=Argument("names"))
def drawable(computation: Computation, arguments: Mapping[str, Any]) -> Value:
    """Client part, net of receipts, of this fiscal year's incidents of the kinds the reserve may be used for."""
    kinds, start, current = (
        computation.parameter(arguments["kinds"]).words,
        computation.option("fiscal_year_start"),
        computation.fiscal_year(),
    )
    return total(
        incident.client_net
        for incident in computation.view.incidents()
        if incident.kind in kinds
        and incident.status in ("confirmed", "contained", "closed")
        and fiscal_year_of(computation.view.local_date(incident.occurred_at), start) == current
    )


@term_type(
    "accident_reserve",
    outputs=("accident_rate", "item1", "cap", "room", "accrual", "reserve", "available"),
    customers=Argument("option"),
    minimum_rates=Argument("cases"),
    newcomer_rates=Argument("cases"),
    newcomer_years=Argument("amount"),
    cap_rates=Argument("cases"),
    cap_floor=Argument("amount"),
    years=Argument("amount"),
    decimals=Argument("amount"),
)
def accident_reserve(computation: Computation, arguments: Mapping[str, Any]) -> Value:
    """Item 1, cap and accrual of commodity rule 111.

    Ordinary lines accrue at the accident rate of earlier years (at least the minimum rate), or at the newcomer rate;
    professional ones at the minimum rate.
    """
    years = FiscalYears(computation, computation.option(arguments["customers"]))
    newcomer = years.first is not None and 0 <= years.current - years.first < int(computation.amount(arguments["newcomer_years"]))
    rate = None if newcomer else _accident_rate(computation, arguments, years)
    count = int(computation.amount(arguments["years"]))
    window = range(years.current - count + 1, years.current + 1)
    item1, caps = [], []
    for line, cap_rate in sorted(arguments["cap_rates"].items()):
        if not years.counts(line, window):
            continue
        product, customers = line.split(".")
        asked = Figure.of(computation.amount(arguments["minimum_rates"][product]))
        if customers == "ordinary":
            asked = (
                Figure.of(computation.amount(arguments["newcomer_rates"][product])) if rate is None else maximum([asked, rate])
            )
        item1.append(years.turnover(line, years.current).times(asked))
        caps.append(maximum(years.turnover(line, y, annualised=True) for y in window).scaled(computation.amount(cap_rate)))
    _note_unrated(computation, arguments, years, window)
    if not item1:
        item1 = caps = [years.missing_turnover()]
    accrued = _accrued(years, total(item1), total(caps).at_least(computation.amount(arguments["cap_floor"])), "room")
    return {"accident_rate": rate} | accrued


def _accident_rate(computation: Computation, arguments: Mapping[str, Any], years: FiscalYears) -> Figure:
    """Payouts over turnover of ordinary lines in the previous years, cut after the given decimals."""
    before = range(years.current - int(computation.amount(arguments["years"])), years.current)
    lines = [line for line in sorted(arguments["cap_rates"]) if line.endswith(".ordinary") and years.counts(line, before)]
    turnover = total(years.turnover(line, year) for line in lines for year in before)
    if not lines:
        turnover = years.missing_turnover()
    payouts = total(years.payouts(year) for year in before)
    unit = 10 ** int(computation.amount(arguments["decimals"]))
    return Figure(_cut(payouts.low, turnover.high, unit) or Fraction(0), _cut(payouts.high, turnover.low, unit))


def _cut(payouts: Fraction | None, turnover: Fraction | None, unit: int) -> Fraction | None:
    """The quotient truncated; None where a bound is missing, 0 when nothing was paid."""
    if payouts == 0:
        return Fraction(0)
    return None if payouts is None or not turnover else Fraction(payouts * unit // turnover, unit)


def _note_unrated(computation: Computation, arguments: Mapping[str, Any], years: FiscalYears, window: range) -> None:
    for line in years.lines:
        if line not in arguments["cap_rates"] and years.counts(line, window):
            computation.view.gap("no_rate", line)


def _accrued(years: FiscalYears, item1: Figure, cap: Figure, room_name: str) -> dict[str, Figure | None]:
    """What both rules share: accrual = max(0, min(item 1, cap - stored)), on top of what is stored."""
    stored, booked = years.stored(), years.booked()
    room = cap - stored
    accrual = minimum([item1, room]).at_least(0)
    return {
        "item1": item1,
        "cap": cap,
        room_name: room,
        "accrual": accrual,
        "reserve": stored + accrual,
        "releasable": (stored - cap).at_least(0),
        "available": stored if booked is None else booked,
    }


def _sum_of(parts: Mapping[str, Figure | None], prefix: str) -> Figure:
    return total(figure for name, figure in parts.items() if name.startswith(prefix) and figure is not None)
