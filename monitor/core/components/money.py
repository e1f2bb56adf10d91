"""Client money that must be entrusted: client by client, with a cure term in business days (INPUTS 3, fiat_trust)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from monitor.core.components.computation import Computation, Outcome, Row
from monitor.core.components.custody import ROLES
from monitor.core.components.limits import row_of
from monitor.core.components.registry import Argument, rule_type


@rule_type(
    "client_money",
    role=Argument("choice", words=ROLES),
    held=Argument("term", side="available"),
    cure_days=Argument("amount"),
)
def client_money(c: Computation, a: Mapping[str, Any]) -> Outcome:
    """Sum over accounts of max(0, money owed in the reporting currency) against what is held in trust.

    Without any such account it does not apply. While breached, `cure_by` is the last date of the term.
    """
    currency = c.view.currency
    if currency not in c.view.assets(a["role"]):
        return Outcome((Row.empty(c.component.name, "min", currency, "not_applicable"),))
    with c.view.reading("required"):
        required = c.view.positive_quantity(a["role"], currency)
    held = c.figure(a["held"])
    short = (required - held).at_least(0)
    row = row_of(c, required, held, short, worth=short, unit=currency, met=held.reaches(required))
    if row.state == "shortfall":
        row = replace(row, cure_by=_cure_by(c, int(c.amount(a["cure_days"]))))
    return Outcome((row,), required, held)


def _cure_by(c: Computation, days: int) -> date:
    """The last date of the term, counted from the day after the one on which the present breach began, by own times."""
    began = c.view.at
    breached = False
    for own_time, owed, held in c.view.fiat_trust_history():
        short = held is not None and owed > held
        if short and not breached:
            began = own_time
        breached = short
    return c.view.add_business_days(c.view.local_date(began), days)
