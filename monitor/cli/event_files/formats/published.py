"""Figures venues and institutes published: proof-of-reserves balances and incident reports."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from typing import Any

from monitor.cli.event_files.formats import Given, LogClock, exact_json, plain_number, time_or_none
from monitor.core.journal.vocabulary import BALANCES, INCIDENTS
from monitor.errors import UsageError
from monitor.events import Event

_BALANCES = ("customer_net_balance", "venue_net_balance", "exchange_balance", "third_party_custody")
_COLUMNS = {"venue", "snapshot_date", "asset", *_BALANCES}
_DATE = re.compile(r"\d{4}-\d\d-\d\d\Z", re.ASCII)
_CLOCK = re.compile(r"\d\d:\d\d(:\d\d)?\Z", re.ASCII)
_UNKNOWN_TIME = 0


def balances(lines: Iterable[str], given: Given) -> Iterator[Event]:
    """What clients are owed (`client_liability`, the ledger) and what is held for them (`client_asset`) at each snapshot.

    The venue's holding is split into its own and its custodian's where the report splits it. Ratios alone give no balance.
    Reports do not say how coins are stored: `--storage`. A date without a time of day is its beginning in UTC, or
    `--time-of-day`. Raises UsageError when a needed column or option is absent.
    """
    rows = csv.DictReader(lines)
    absent = _COLUMNS - set(rows.fieldnames or ())
    if absent:
        raise UsageError(f"no published balances: the first line does not name {', '.join(sorted(absent))}")
    entity = given.need("entity", "a balance belongs to an entity")
    storage = given.need("storage", "the reports do not say in what storage the coins are")
    clock = LogClock()
    for row in rows:
        if given.venue is not None and row["venue"] != given.venue:
            continue
        as_of = _moment(row["snapshot_date"], row.get("snapshot_time_utc"), given)
        logged_at = clock.at(time_or_none(as_of) if as_of else _UNKNOWN_TIME, f"line {rows.line_num}")
        for account, role, where, quantity in _positions(row, storage):
            value = {
                "event_id": f"por-{rows.line_num}-{account}",
                "entity": entity,
                "account": f"{row['venue']}/{account}",
                "role": role,
                "storage": where,
                "asset": row["asset"],
                "quantity": plain_number(quantity),
                "as_of": as_of,
            }
            yield Event(BALANCES, entity, logged_at, value)


def incidents(lines: Iterable[str], given: Given) -> Iterator[Event]:
    """One incident for each report, at revision 1; its loss is an estimate in US dollars, or unknown, never nothing.

    Reports lack severity and kind (`--severity`, `--kind`), and whose loss it was (`--owner`, needed where it is unknown).
    Their date is that of the event or of the publication; a date is its beginning in UTC, or `--time-of-day`.
    """
    entity = given.need("entity", "an incident belongs to an entity")
    severity = given.need("severity", "the reports do not grade incidents")
    kind = given.need("kind", "the reports' attack types are not kinds of this project")
    clock = LogClock()
    for number, line in enumerate(lines, 1):
        report = exact_json(line)
        if not isinstance(report, dict):
            continue
        if given.venue is not None and given.venue not in _several(report.get("target-entities")):
            continue
        moment = _moment(report.get("date"), None, given)
        loss = plain_number(str(report.get("loss", "")).strip())
        known = bool(loss) and loss.replace(".", "", 1).isdigit()
        value = {
            "incident_id": str(report.get("file") or f"report-{number}").removesuffix(".md"),
            "revision": 1,
            "entity": entity,
            "kind": kind,
            "severity": severity,
            "status": given.status or "confirmed",
            "occurred_at": moment,
            "detected_at": moment,
            "updated_at": moment,
            "losses": [] if known else [{"asset": "USD", "quantity": None, "owner": given.owner}],
            "loss_estimate": {"amount": loss, "currency": "USD"} if known else None,
            "recoveries": [],
            "reported_by": "third_party",
            "summary": str(report.get("title") or ""),
        }
        logged_at = clock.at(time_or_none(moment) if moment else _UNKNOWN_TIME, f"line {number}")
        yield Event(INCIDENTS, entity, logged_at, value)


def _positions(row: dict[str, Any], storage: str) -> Iterator[tuple[str, str, str, str]]:
    """Account, role, storage and quantity of each balance in a row; blank is not published."""
    if row["customer_net_balance"]:
        yield "customers", "client_liability", "ledger", row["customer_net_balance"]
    if row["exchange_balance"] or row["third_party_custody"]:
        if row["exchange_balance"]:
            yield "exchange", "client_asset", storage, row["exchange_balance"]
        if row["third_party_custody"]:
            yield "third-party", "client_asset", "third_party", row["third_party_custody"]
    elif row["venue_net_balance"]:
        yield "venue", "client_asset", storage, row["venue_net_balance"]


def _moment(day: Any, time_of_day: Any, given: Given) -> str | None:
    """RFC 3339 of a published date; None where there is no whole date."""
    if not isinstance(day, str) or not _DATE.match(day):
        return None
    clock = time_of_day or given.time_of_day or "00:00"
    if not _CLOCK.match(clock):
        return None
    return f"{day}T{clock if len(clock) == 8 else clock + ':00'}Z"


def _several(value: Any) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else [str(value)]
