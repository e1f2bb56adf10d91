"""Exposure from flow and incidents: the parts of house.composite and the reserve of the draft ordinance (INPUTS 3)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from monitor.core.components.packs.computation import Computation, Value
from monitor.core.components.packs.registry import Argument, term_type
from monitor.core.journal.vocabulary import INCIDENTS, TRADES
from monitor.core.values.figure import UNKNOWN, Figure, minimum, total

INSTRUMENTS = ("spot", "derivative")
STATUSES = ("suspected", "confirmed", "contained", "closed", "withdrawn")
MEASURES = ("loss", "recovered", "net", "client", "client_net")
_CAPACITIES = ("client_order", "own_account", "venue")


@term_type("flow_24h", instrument=Argument("choice", words=INSTRUMENTS))
def flow_24h(computation: Computation, arguments: Mapping[str, Any]) -> Value:
    """Value of trades executed in the UTC hour of `at` and the 23 before it, all capacities; no trade ever seen: unknown."""
    if not computation.view.trades_seen():
        computation.view.gap("source_silent", TRADES)
        return UNKNOWN
    return computation.view.trade_value_24h(arguments["instrument"])


@term_type(
    "incident_losses",
    statuses=Argument("choices", words=STATUSES),
    measure=Argument("choice", words=MEASURES),
    years=Argument("amount", needed=False),
)
def incident_losses(computation: Computation, arguments: Mapping[str, Any]) -> Value:
    """Sum over incidents of these statuses of one of their figures; a lower bound while their topic cannot be believed.

    With `years`, of those that occurred less than so many years before `at`.
    """
    incidents, after = computation.view.incidents(), None
    if "years" in arguments and (incidents or computation.view.notes_gaps):
        after = _years_before(computation, int(computation.amount(arguments["years"])))
    found = total(
        getattr(incident, arguments["measure"])
        for incident in incidents
        if incident.status in arguments["statuses"] and (after is None or incident.occurred_at > after)
    )
    return Figure(found.low, None) if computation.view.impaired(INCIDENTS) else found


@term_type("year_of_trades", instruments=Argument("choices", words=INSTRUMENTS))
def year_of_trades(computation: Computation, arguments: Mapping[str, Any]) -> Value:
    """Value of all trades of the 12 months that end with the date of `at`, each day's at the prices of its end."""
    if not computation.view.trades_seen():
        computation.view.gap("source_silent", TRADES)
        return UNKNOWN
    last = computation.view.local_date()
    first = _same_day(last, last.year - 1) + timedelta(days=1)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    figure = total(_value_of_day(computation, day, instrument) for day in days for instrument in arguments["instruments"])
    return Figure(figure.low, None) if computation.view.trades_lost() else figure


@term_type("less_insurance", of=Argument("term"), insurance=Argument("term"), share=Argument("amount"))
def less_insurance(computation: Computation, arguments: Mapping[str, Any]) -> Value:
    """A requirement less insurance, which takes the place of at most a share of it."""
    required, share = computation.figure(arguments["of"]), computation.amount(arguments["share"])
    return required - minimum([required.scaled(share), computation.figure(arguments["insurance"])])


def _value_of_day(computation: Computation, day: date, instrument: str) -> Figure:
    instant = min(computation.view.day_end(day), computation.view.at)
    return total(
        computation.view.value_at(quote, Figure.of(value), instant)
        for capacity in _CAPACITIES
        for quote, value in computation.view.trade_value_day(day, instrument, capacity).items()
    )


def _years_before(computation: Computation, years: int) -> int:
    """The instant (ns) with the same local date and time of day so many years before `at`."""
    view = computation.view
    today = view.local_date()
    into_day = view.now - view.zone.day_start(today)
    return view.zone.day_start(_same_day(today, today.year - years)) + into_day


def _same_day(day: date, year: int) -> date:
    """The same month and day of another year; 28 February for a leap day."""
    try:
        return day.replace(year=year)
    except ValueError:
        return date(year, 2, 28)
