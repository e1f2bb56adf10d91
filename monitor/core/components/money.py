"""Client money that must be entrusted: client by client, with a cure term in business days (INPUTS 3, fiat_trust)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from monitor.core.components.limits import row_of
from monitor.core.components.packs.computation import Computation, Outcome, Row
from monitor.core.components.packs.pack import Element
from monitor.core.components.packs.registry import Argument, rule_type
from monitor.core.journal.vocabulary import ROLES


@rule_type(
    "client_money",
    role=Argument("choice", words=ROLES),
    held=Argument("term", side="available"),
    cure_days=Argument("amount"),
)
def client_money(computation: Computation, element: Element) -> Outcome:
    """Sum over accounts of max(0, money owed in the reporting currency) against what is held in trust.

    Without any such account it does not apply. While breached, `cure_by` is the last date of the term.
    """
    arguments = element.arguments
    currency = computation.view.currency
    if currency not in computation.view.assets(arguments["role"]):
        return Outcome((Row.empty(element.name, "min", currency, "not_applicable", element.ref),))
    with computation.view.reading("required"):
        required = computation.view.positive_quantity(arguments["role"], currency)
    held = computation.figure(arguments["held"])
    short = (required - held).at_least(0)
    row = row_of(computation, element, required, held, short, worth=short, unit=currency, met=held.reaches(required))
    if row.state == "shortfall":
        row = replace(row, cure_by=_cure_by(computation, int(computation.amount(arguments["cure_days"]))))
    return Outcome((row,), required, held)


def _cure_by(computation: Computation, days: int) -> date:
    """The last date of the term, counted from the day after the one on which the present breach began, by event times."""
    began = computation.view.at
    breached = False
    for event_time, owed, held in computation.view.fiat_trust_history():
        if held is None:
            continue  # what is not known neither cures nor begins anything
        if owed > held and not breached:
            began = event_time
        breached = owed > held
    return computation.view.add_business_days(computation.view.local_date(began), days)
