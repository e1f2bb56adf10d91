"""No record that intake accepts can stop the engine: every extreme the models allow, in zones at both ends of the day.

What lets it fail: a date before the calendar's first or behind its last in a zone east or west of UTC, an amount at the limit
of digits in a product, a window that reaches out of the calendar: the partition dies, and dies again at every restart.
"""

from __future__ import annotations

import functools
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.engine import Engine
from monitor.core.journal.records import JournalRecord, Source, SourcePartition, Statement
from monitor.core.journal.vocabulary import BALANCES, DECLARATIONS, INCIDENTS, OPERATIONS, PRICES
from monitor.core.values.times import HOUR, MINUTE, exact_time, parse_time
from streams.wire import Judge, Known, SourceFormat, Valid
from tests.journal_maker import Journal, configuration_text, house

FIRST, LAST = parse_time("1990-01-01T00:00:00Z"), parse_time("2199-12-31T23:59:59.999999Z")
METHODS = ["jp.psa_custody", "jp.fiea_175", "house.composite", "us.ny_custody", "ae.vara", "eu.ifr_k"]
TIMES = st.sampled_from([FIRST, FIRST + MINUTE, parse_time("2026-01-05T00:00:00Z"), LAST - MINUTE, LAST])
AMOUNTS = st.sampled_from(["0", "0.000000000000000001", "1", "99999999999999999999.999999999999999999", "99999999999999999999"])
ASSETS = st.sampled_from(["BTC", "JPY", "MNT", "A", "A" * 20, "USD"])
KINDS = st.sampled_from(
    [
        ("capital", {}),
        ("trust_principal", {}),
        ("net_assets", {}),
        ("fixed_overheads", {"fiscal_year": "2199"}),
        ("fixed_overheads", {"fiscal_year": "1990"}),
        ("turnover_fiscal_year", {"line": "type_1_clearing", "fiscal_year": "2199"}),
        ("first_fiscal_year", {"fiscal_year": "9999"}),
        ("operating_expenses_monthly", {"month": "2199-12"}),
        ("annual_loss", {"year": "1990"}),
        ("insurance_limit", {"policy": "p"}),
    ]
)


@functools.cache
def _configuration() -> str:
    options = {"ae.vara": {"activities": ["exchange"]}}
    methods = [{"id": name, "mode": "shadow", "options": options.get(name, {})} for name in METHODS]
    east = house(time_zone="Pacific/Kiritimati", methods=methods, prices={"max_age_s": 60, "pivots": ["USD"]})
    return configuration_text({"jp-main": east, "kr-main": east | {"time_zone": "Pacific/Midway"}})


def _balance(asset: str, quantity: str, at: int, role: str) -> tuple[str, dict[str, Any]]:
    own = {"event_id": "b", "account": role, "role": role, "storage": "ledger" if role == "client_liability" else "hot"}
    return BALANCES, own | {"asset": asset, "quantity": quantity, "as_of": exact_time(at)}


def _price(asset: str, price: str, at: int, kind: str) -> tuple[str, dict[str, Any]]:
    own = {"event_id": "p", "asset": asset, "currency": "JPY", "price": price, "source": "s", "kind": kind}
    return PRICES, own | {"as_of": exact_time(at)}


def _declared(kind: tuple[str, dict[str, str]], amount: str, at: int, to: int | None) -> tuple[str, dict[str, Any]]:
    own = {"event_id": "d", "kind": kind[0], "attributes": kind[1], "amount": amount, "currency": "JPY"}
    end = None if to is None or to <= at else exact_time(to)
    return DECLARATIONS, own | {"effective_from": exact_time(at), "effective_to": end}


def _incident(asset: str, quantity: str, at: int, received: int) -> tuple[str, dict[str, Any]]:
    times = dict.fromkeys(("occurred_at", "detected_at", "updated_at"), exact_time(at))
    own = {"incident_id": "i", "revision": 10_000, "kind": "other", "severity": "critical", "status": "confirmed"}
    lost = [{"asset": asset, "quantity": quantity, "owner": "client"}]
    back = [{"asset": asset, "quantity": quantity, "received_at": exact_time(max(at, received))}]
    more = {"losses": lost, "loss_estimate": None, "recoveries": back, "reported_by": "internal", "summary": "s"}
    return INCIDENTS, own | times | more


def _act(at: int, expires: int) -> tuple[str, dict[str, Any]]:
    own = {"event_id": "o", "kind": "rehearsal", "at": exact_time(at), "by": ["r"], "reason": "r", "body": {}}
    return OPERATIONS, own | {"expires_at": exact_time(max(at, expires))}


ROLES = st.sampled_from(["client_asset", "client_liability", "guarantee_asset", "house_asset", "reserve_asset"])
EVENTS = st.one_of(
    st.builds(_balance, ASSETS, AMOUNTS, TIMES, ROLES),
    st.builds(_price, ASSETS, AMOUNTS, TIMES, st.sampled_from(["spot", "daily_close"])),
    st.builds(_declared, KINDS, AMOUNTS, TIMES, st.one_of(st.none(), TIMES)),
    st.builds(_incident, ASSETS, AMOUNTS, TIMES, TIMES),
    st.builds(_act, TIMES, TIMES),
)
KNOWN = Known(frozenset({"jp-main", "kr-main"}), 20_000 * 24 * 60 * MINUTE)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(EVENTS, TIMES, st.sampled_from(["jp-main", "kr-main"])), min_size=1, max_size=8), TIMES)
def test_no_accepted_record_stops_the_engine(events: list[tuple[tuple[str, dict[str, Any]], int, str]], start: int) -> None:
    journal = Journal(start)
    journal.configure(_configuration())
    journal.tick()
    for number, ((topic, value), logged_at, entity) in enumerate(events):
        named = value if topic == PRICES else value | {"entity": entity}
        verdict = Judge(SourceFormat(topic), KNOWN).verdict(json.dumps(named).encode(), logged_at)
        if isinstance(verdict, Valid):
            source = Source(SourcePartition(topic, 0, 0), offset=number)
            journal.put(Statement(verdict.kind, verdict.entity, journal.now, verdict.body, source, logged_at))
        journal.tick()
    engine = Engine(0, check_journal_time=False)
    for record in [*journal.records, _tick_at(min(start + 13 * HOUR, LAST), len(journal.records))]:
        engine.apply(record)
    assert engine.position == len(journal.records)


def _tick_at(at: int, offset: int) -> JournalRecord:
    return JournalRecord(Statement("tick", None, at, {}), offset, at, b"")
