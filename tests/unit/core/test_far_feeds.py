"""A feed may stand at any offset: a place there, offset and event in one number, is written to a snapshot and read again.

What lets it fail: at an offset above 2**33, which a busy topic reaches within days, the place has no canonical form as an
integer. No snapshot can be written from then on, and none of a partition that stands there ever again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from monitor.core.engine import Engine
from monitor.core.journal.records import JournalRecord, Source, SourcePartition, Statement, decode_record, encode_statement
from monitor.core.journal.snapshot import STATE_VERSION
from monitor.core.values.times import DAY, exact_time
from tests.journal_maker import RULES, Journal, configuration_text, house, load, run

FAR = 2**34
SOURCES = {"custody.balances": {"supply": {"BTC": "5000"}, "jump_ratio": "10"}}
LATER = DAY // 1_000_000_000


def _bust(journal: Journal) -> None:
    cell = {"market": "BTC/JPY", "capacity": "venue", "instrument": "spot", "side": "buy"}
    body = cell | {"trade_id": "t10", "price": "5", "quantity": "1", "executed_at": exact_time(journal.now), "log": "log-1"}
    source = Source(SourcePartition("market.trades", 0, 0), 9, 0)
    journal.put(Statement("bust", "jp-main", journal.now, body, source, journal.now, RULES))


def _trades_of_before(journal: Journal) -> None:
    journal.trades(10, 10, "1000")
    journal.trades(20, 10, "1000", start=10)


def _price_too_old(journal: Journal) -> None:
    journal.price("BTC", "15000000")
    journal.price("BTC", "1", as_of=journal.now - 500 * DAY)


def _balance_too_old(journal: Journal) -> None:
    journal.position("x", "client_asset", "hot", "BTC", "5")
    journal.position("x", "client_asset", "hot", "BTC", "6", as_of=journal.now - 500 * DAY)


def _two_balances(journal: Journal) -> None:
    journal.position("x", "client_asset", "hot", "BTC", "5")
    journal.position("x", "client_asset", "hot", "BTC", "6", as_of=journal.now + 1)


def _dismissed(journal: Journal) -> None:
    place = {"topic": "custody.balances", "epoch": 0, "partition": 0, "offset": FAR, "feed": "node", "index": 3}
    journal.operation("dismissal", body=place)


SAYS: dict[str, Callable[[Journal], None]] = {
    "balance": lambda j: j.position("x", "client_asset", "hot", "BTC", "5"),
    "balances": _two_balances,
    "balance-of-a-group": lambda j: j.position("x", "client_asset", "hot", "BTC", "5", group=("g", 2)),
    "balance-in-doubt": lambda j: j.position("hot", "client_asset", "hot", "BTC", "500000"),
    "balance-too-old": _balance_too_old,
    "price": lambda j: j.price("BTC", "15000000"),
    "price-too-old": _price_too_old,
    "declaration": lambda j: j.declaration("capital", "5"),
    "incident": lambda j: j.incident("i", "confirmed"),
    "trades": lambda j: j.trades(10, 10, "1000"),
    "trades-of-before": _trades_of_before,
    "bust": _bust,
    "rejected": lambda j: j.rejected("custody.balances", "a", "BTC", "client_asset"),
    "dismissed": _dismissed,
}


def _of_a_feed(record: JournalRecord) -> JournalRecord:
    """The same record, read far on in a feed."""
    statement, source = record.statement, record.statement.source
    if source is None:
        return record
    where = replace(source.where, topic=f"{source.where.topic}/node")
    offset, start, upto = (None if n is None else FAR + n for n in (source.offset, source.start, source.upto))
    body = dict(statement.body)
    if statement.kind == "flow":
        trades = [{**trade, "offset": FAR + trade["offset"], "index": 3} for trade in body["cells"][0]["newest"]]
        body["cells"] = [body["cells"][0] | {"newest": trades}]
    moved = replace(statement, source=Source(where, offset, start, upto, 3 if start is None else 0), body=body)
    return decode_record(encode_statement(moved), record.offset, record.journal_time)


@pytest.mark.parametrize("name", SAYS)
def test_what_is_said_far_on_in_a_feed_is_the_same_after_a_restart(name: str) -> None:
    journal = Journal()
    journal.configure(configuration_text({"jp-main": house()}, sources=SOURCES))
    load(journal)
    known = len(journal.records)
    SAYS[name](journal)
    journal.at(1).tick()
    records = [*journal.records[:known], *map(_of_a_feed, journal.records[known:])]
    for second in (90, LATER, 4 * LATER):
        journal.at(second).tick()
    engine = Engine(0, check_journal_time=False)
    list(run(records, engine))
    cut = engine.cut()
    buckets = dict(cut.buckets)
    assert any(str(FAR * 2**20)[:6] in bucket.decode() for bucket in buckets.values()), "nothing is kept of its place"
    again = Engine.restore(0, engine.position, STATE_VERSION, buckets, check_journal_time=False)
    later = journal.records[len(records) :]
    assert list(run(later, engine)) == list(run(later, again))
    whole = Engine.restore(0, engine.position, STATE_VERSION, _all(again), check_journal_time=False)
    assert _all(whole) == _all(again)


def _all(engine: Engine) -> dict[str, bytes]:
    engine._cutter = type(engine._cutter)()
    engine._population.write_whole()
    return dict(engine.cut().buckets)
