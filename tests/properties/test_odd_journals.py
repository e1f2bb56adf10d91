"""Whatever stands in a journal: a record is refused where it stands, or the engine goes on for good, and through a snapshot.

What lets it fail: a balance below zero, a name with a slash, a text where a number belongs, that is taken and stops an evaluation
or a snapshot long after it. Then every record stops the partition, and to leave out the one that it stopped at helps nobody.
"""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.engine import Engine
from monitor.core.journal.records import (
    BadRecord,
    JournalRecord,
    Source,
    SourcePartition,
    Statement,
    decode_record,
    encode_statement,
)
from monitor.core.journal.snapshot import STATE_VERSION
from monitor.core.values.canonical import canonical_bytes
from monitor.core.values.times import DAY, HOUR, SECOND, exact_time
from tests.journal_maker import RULES, START, Journal, configuration_text, house, load, run

METHODS = ("jp.psa_custody", "house.composite", "jp.fiea_175")
REFUSALS = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What an auditor's reading tells as a fault of the record."""
AMOUNTS = ["-1", "-60", "-41", "0", "-0", "-99999999999999999999.999999999999999999", "99999999999999999999", "NaN", "1e9"]
TIMES = ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999-23:59", "1969-12-31T23:59:59Z", "2026-02-28T24:00:00Z"]
TEXTS = ["", "/", "a/b", "x" * 300, "\ud800", "\x00", "JPY", "BTC", "closed", "hot", "9999", "client_asset"]
OTHERS: list[Any] = [None, True, 0, -1, 2**63, -(10**40), [], {}, [None], {"a": 1}, 1.5, [[[[[]]]]]]


@functools.cache
def _text() -> str:
    methods = [{"id": name, "mode": "shadow", "options": {}} for name in METHODS]
    limits = {"custody.balances": {"max_age_s": 90_000, "account_max_age_s": 100_000}}
    entity = house(methods=methods, prices={"max_age_s": 90_000, "pivots": ["USD"]}, freshness=limits)
    sources = {"custody.balances": {"supply": {"BTC": "5000"}, "jump_ratio": "100"}}
    return configuration_text({"jp-main": entity}, sources=sources)


def _of_trades(journal: Journal) -> None:
    journal.trades(10, 10, "1000")
    cell = {"market": "BTC/JPY", "capacity": "venue", "instrument": "spot", "side": "buy"}
    body = cell | {"trade_id": "t10", "price": "5", "quantity": "1", "executed_at": exact_time(journal.now), "log": "log-1"}
    source = Source(SourcePartition("market.trades", 0, 0), 9, 0)
    journal.put(Statement("bust", "jp-main", journal.now, body, source, journal.now, RULES))


def _of_people(journal: Journal) -> None:
    place = {"topic": "custody.balances", "epoch": 0, "partition": 0, "offset": 5}
    for body in (place, {"group": "h"}, {"alert": "0" * 32}):
        journal.operation("dismissal", body=body)
    journal.operation("rehearsal", expires_at=journal.now + HOUR)
    journal.operation("checkpoint")
    digest = "sha256:" + "0" * 64
    named = {"subject": "method", "method": METHODS[0], "mode": "shadow", "replaces": None}
    asked = named | {"pack_digest": digest, "options_digest": digest, "backtest_digest": None}
    signed = [{"by": "a", "key": "k", "signature": "s", "right": True}]
    journal.operation("promotion", expires_at=journal.now + HOUR, body=asked, signatures=signed)


@functools.cache
def _lawful() -> tuple[dict[str, Any], ...]:
    """One of each thing that a journal says, as JSON objects; the first is the configuration."""
    journal = Journal()
    journal.configure(_text())
    load(journal)
    for account in ("a", "b"):
        journal.position(account, "client_asset", "hot", "BTC", "5", group=("g", 2))
    journal.position("c", "client_asset", "hot", "BTC", "5", group=("h", 3))
    journal.position("debt", "client_liability", "ledger", "JPY", "-5")
    for kind in ("capital", "own_funds", "trust_principal", "insurance_limit"):
        journal.declaration(kind, "5")
    losses = [{"asset": "BTC", "quantity": "5", "owner": "client", "account": None}]
    back = [{"asset": "JPY", "quantity": "5", "received_at": exact_time(journal.now)}]
    journal.incident("i", "confirmed", losses=losses, recoveries=back)
    journal.rejected("custody.balances", "x", "BTC", "client_asset")
    journal.progress("custody.balances", 0, 10, dead_letter=9)
    journal.price("BTC", "14000000", kind="daily_close")
    _of_trades(journal)
    _of_people(journal)
    return tuple(json.loads(encode_statement(record.statement)) for record in journal.records)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield (*path, key)
        yield from _paths(item, (*path, key))


@functools.cache
def _places() -> list[tuple[int, tuple[Any, ...]]]:
    """Where a record may be odd; `at` is held against the broker's time, and not here."""
    fields = ("entity", "src", "logged_at", "rules", "body")
    records = enumerate(_lawful())
    return [(n, path) for n, record in records if n for path in _paths(record) if path[0] in fields]


def _odd(place: tuple[int, tuple[Any, ...]], value: Any, *, absent: bool) -> dict[str, Any]:
    number, path = place
    record: Any = copy.deepcopy(_lawful()[number])
    record["src"] |= {name: 1000 + record["src"][name] for name in ("offset", "upto") if name in record["src"]}
    within = functools.reduce(lambda of, key: of[key], path[:-1], record)
    if absent:
        del within[path[-1]]
    else:
        within[path[-1]] = value
    return dict(record)


def _read(objects: Sequence[tuple[int, dict[str, Any]]]) -> list[JournalRecord]:
    """Those that can be read at all, each as it lies in the journal."""
    found = list[JournalRecord]()
    for number, (offset, value) in enumerate(objects):
        data = json.dumps(value).encode()
        try:
            found.append(decode_record(data, offset, 0))
        except BadRecord:
            assert number == len(objects) - 1, "a lawful one"
    return found


def _whole(engine: Engine, records: Sequence[JournalRecord], table: dict[str, bytes]) -> Engine:
    """The engine after these, each a step that must not fail; restored from its snapshot."""
    for output in run(records, engine):
        assert output.value is None or canonical_bytes(output.value)
    cut = engine.cut()
    table.update(cut.buckets)
    again = Engine.restore(0, cut.position, STATE_VERSION, {name: table[name] for name in cut.names}, check_journal_time=False)
    for name in engine.entities():
        assert canonical_bytes(again.status(name)) == canonical_bytes(engine.status(name))
        assert engine.measures(name)
    return again


def _ticks(first: int) -> list[JournalRecord]:
    times = (START + SECOND, START + 70 * SECOND, START + DAY, START + 3 * DAY)
    return [JournalRecord(Statement("tick", None, at, {}), first + n, at, b"") for n, at in enumerate(times)]


def _check(odd: dict[str, Any]) -> None:
    lawful = list(enumerate(_lawful()))
    count = len(lawful)
    records = _read([*lawful, (count, odd)])
    engine = Engine(0, check_journal_time=False)
    for record in records[:count]:
        engine.apply(record)
    if len(records) == count:
        return
    try:
        engine.apply(records[count])
    except REFUSALS:
        return  # a person leaves it out, and the newest snapshot does not hold it
    table: dict[str, bytes] = {}
    for tick in _ticks(count + 1):
        engine = _whole(engine, [tick], table)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_an_odd_record_is_refused_where_it_stands_or_harms_nothing(data: st.DataObject) -> None:
    value = data.draw(st.sampled_from([*AMOUNTS, *TIMES, *TEXTS, *OTHERS]))
    _check(_odd(data.draw(st.sampled_from(_places())), value, absent=data.draw(st.integers(0, 9)) == 0))


def _first(kind: str) -> dict[str, Any]:
    return copy.deepcopy(next(one for one in _lawful() if one["kind"] == kind))


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("position", "quantity", "-960"),
        ("position", "asset", "a/b"),
        ("position", "account", "\ud800"),
        ("position", "sequence", "1"),
        ("price", "kind", "a/b"),
        ("price", "asset", "A/B"),
        ("incident", "severity", "none"),
        ("incident", "updated_at", 5),
        ("progress", "short", 2**60),
        ("flow", "newest_log", 5),
        ("rejected", "account", ["x"]),
    ],
)
def test_what_was_taken_and_stopped_the_engine_later_is_refused(kind: str, field: str, value: Any) -> None:
    odd = _first(kind)
    odd["body"][field] = value
    _check(odd)
    engine = Engine(0, check_journal_time=False)
    engine.apply(decode_record(json.dumps(_lawful()[0]).encode(), 0, 0))
    with pytest.raises(BadRecord, match=kind):
        engine.apply(decode_record(json.dumps(odd).encode(), 1, 0))
