"""The fast way and the authority say the same of every record: same verdict, same reason, same totals."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.journal.records import SourcePartition, encode_statement
from monitor.core.journal.vocabulary import TRADES
from monitor.core.values.times import DAY, SECOND, exact_time
from streams.intake.segment.batches import Batch
from streams.intake.segment.content import Findings
from streams.intake.segment.events import events_of_records
from streams.intake.segment.rules import IntakeRules
from streams.intake.segment.segments import SegmentReader
from streams.intake.segment.trades.counted import CountedTrades
from streams.wire import Known, SourceFormat, lean_trades
from streams.wire.mapping import PLACES
from tests.intake_logs import START_MS, intake_rules

WHERE = SourcePartition(TRADES, 0, 0)

FORMATS = {
    "canonical": SourceFormat(TRADES),
    "ignore_unknown": SourceFormat(TRADES, ignore_unknown=True),
    "lenient": SourceFormat(TRADES, lenient=True),
    "late": SourceFormat(TRADES, late_after_ns=0),
    "mapped": SourceFormat(
        TRADES,
        fields={"trade_id": "id", "price": "data.p", "quantity": "data.q", "side": "data.more.side"},
        constants={"market": "BTC/JPY", "capacity": None, "instrument": "spot"},
        ignore_unknown=True,
        lenient=True,
    ),
    "mapped_strictly": SourceFormat(TRADES, fields={"trade_id": "data.id", "side": "opt.side", "status": "opt.status"}),
    "constants": SourceFormat(TRADES, constants={"entity": "a", "status": "new"}),
    "seconds": SourceFormat(TRADES, fields={"executed_at": "executed_at"}, times="s"),
    "milliseconds": SourceFormat(TRADES, fields={"executed_at": "data.t", "trade_id": "id"}, times="ms", lenient=True),
    "microseconds": SourceFormat(TRADES, fields={"executed_at": "t"}, times="us", ignore_unknown=True),
    "nanoseconds": SourceFormat(TRADES, fields={"executed_at": "t"}, times="ns", late_after_ns=0),
    "counts_not_mapped": SourceFormat(TRADES, fields={"price": "p"}, times="ms"),
}
START_S = START_MS // 1000

TEXTS = st.one_of(
    st.sampled_from(
        ["", "1", "0", "00", "-1", "1.5", "1e5", ".5", "5.", "1..2", "1.2.3", "NaN", " 1", "1_0", "+1", "١", "1\n2", "\u0000"]
    ),
    st.sampled_from(
        ["9" * 20, "9" * 21, "0." + "1" * 18, "0." + "1" * 19, "99999999999999999999.999999999999999999", "1" * 19 + ".5"]
    ),
    st.text(max_size=6),
)
NUMBERS = st.one_of(
    st.integers(-3, 10**22), st.integers(1, 99), st.floats(allow_nan=False, width=32), st.booleans(), st.none(), st.just(10**41)
)
TIMES = st.one_of(
    st.sampled_from(
        [
            "2026-01-05T00:00:00Z",
            "2026-01-05T00:00:00.123Z",
            "2026-01-05T00:00:00.123456Z",
            "2026-01-05T00:00:00.123456789Z",
            "2026-01-05T00:00:00.1234567890Z",
            "2026-01-05T00:00:00.Z",
            "2026-01-05T00:00:00.12x456Z",
            "2026-01-05T00:00:00.１２３456Z",
            "2026-01-05t00:00:00z",
            "2026-01-05T09:00:00.123456+09:00",
            "2026-01-05T00:00:59.999999Z",
            "2026-01-05T00:01:00.000000Z",
            "2026-01-05T00:01:00.000001Z",
            "2024-12-01T00:00:00.000000Z",
            "2024-11-30T23:59:59.999999Z",
            "2026-01-05 00:00:00Z",
            "2026-01-05T00:00:00",
            "2026-13-05T00:00:00Z",
            "0000-01-05T00:00:00Z",
        ]
    ),
    st.text(max_size=27),
)
IDS = st.one_of(st.sampled_from(["1", "0001", "1001", "t-1", "x" * 64, "x" * 65, "a\u0085", "١٢٣", "id 1"]), st.text(max_size=5))
ANYTHING: st.SearchStrategy[Any] = st.one_of(TEXTS, NUMBERS, st.builds(list), st.builds(dict), st.builds(lambda: {"a": [1.5]}))

WRITTEN = st.sampled_from(
    ["{}", "{}", "0{}", "000000{}", "-{}", "+{}", " {}", "{}\n", "{}_", "{}.0", "{}e0", "\u0661{}", "{}\u0661", ""]
)


@st.composite
def counts(draw: st.DrawFn, places: int) -> Any:
    """A count near the start, at the edges of what is lawful, or anything; as an integer, as digits, or oddly written."""
    unit = 10**places
    near = st.integers(-62 * unit, 62 * unit).map(lambda off: START_S * unit + off)
    edges = st.sampled_from([0, 1, unit - 1, unit, 253_402_300_799 * unit, 253_402_300_800 * unit - 1, 253_402_300_800 * unit])
    count = draw(st.one_of(near, near, edges, st.integers(-3, 10**24)))
    return draw(st.one_of(st.just(count), st.just(str(count)), WRITTEN.map(lambda form: form.format(count)), TIMES, ANYTHING))


FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "trade_id": st.one_of(IDS, NUMBERS),
    "entity": st.one_of(st.sampled_from(["a", "b", "zz", "A", ""]), ANYTHING),
    "market": st.one_of(st.sampled_from(["BTC/JPY", "ETH/JPY", "btc/jpy", "BTC"]), ANYTHING),
    "price": st.one_of(TEXTS, NUMBERS),
    "quantity": st.one_of(TEXTS, NUMBERS),
    "executed_at": st.one_of(TIMES, ANYTHING),
    "side": st.one_of(st.sampled_from(["buy", "sell", "BUY", None]), ANYTHING),
    "capacity": st.one_of(st.sampled_from(["venue", "own_account", "client_order", None]), ANYTHING),
    "instrument": st.one_of(st.sampled_from(["spot", "derivative", "future", None]), ANYTHING),
    "status": st.one_of(st.sampled_from(["new", "busted", "x", None]), ANYTHING),
    "schema": st.one_of(st.sampled_from(["market.trade/1", "market.trade/2", None]), ANYTHING),
}
GOOD: dict[str, Any] = {
    "trade_id": "5001",
    "entity": "a",
    "market": "BTC/JPY",
    "price": "1.5",
    "quantity": "2",
    "executed_at": "2026-01-05T00:00:00.123456Z",
}


@st.composite
def records(draw: st.DrawFn, source: SourceFormat) -> bytes | None:
    """A good record with some fields changed, left out or added, put at the source's own paths; sometimes broken bytes."""
    record, fields = dict(GOOD), dict(FIELDS)
    if source.counted:
        places = PLACES[source.times]
        fields["executed_at"] = counts(places)
        record["executed_at"] = START_S * 10**places + draw(st.integers(0, 10**places))
    for name in draw(st.lists(st.sampled_from(sorted(fields)), max_size=2)):
        record[name] = draw(fields[name])
    if draw(st.integers(0, 9)) == 0:
        record.pop(draw(st.sampled_from(sorted(GOOD))))
    raw: dict[str, Any] = {}
    for name, value in record.items():
        if name in source.constants and draw(st.integers(0, 9)):
            continue
        node, path = raw, source.fields.get(name, name).split(".")
        for step in path[:-1]:
            node = node.setdefault(step, {})
        node[path[-1]] = value
    if draw(st.integers(0, 6)) == 0:
        holder = draw(st.sampled_from([raw, *(value for value in raw.values() if isinstance(value, dict))]))
        holder[draw(st.sampled_from(["x", "schema_", "é", "data", "opt"]))] = draw(ANYTHING)
    value = json.dumps(raw, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    broken = draw(st.integers(0, 19))
    if broken in {2, 3} and raw:
        name = draw(st.sampled_from(sorted(raw)))
        again = {name: draw(st.one_of(st.just(raw[name]), st.sampled_from(["b", "5001", {}, {"side": "buy"}, {"p": "7"}, None])))}
        return json.dumps(again).encode()[:-1] + draw(st.sampled_from([b",", b" , "])) + value[1:]
    if broken == 0:
        at = draw(st.integers(0, len(value)))
        return (
            value[:at]
            + draw(st.sampled_from([b"", b"\xff", b"\x00", b"}", b"[", b'"', b" ", b"\\"]))
            + value[at + draw(st.integers(0, 1)) :]
        )
    if broken == 1:
        return draw(st.sampled_from([None, b"", b"[]", b"1", b"[" * 2000, b'{"x":' * 70 + b"1" + b"}" * 70]))
    return value


def told(rules: IntakeRules, values: list[bytes | None], *, lean: bool) -> tuple[list[Any], list[bytes]]:
    """Dead letters, and all that a reader says of the values."""
    decoder = lean_trades(rules.sources[TRADES]) if lean else None
    sighted = events_of_records(rules.judge(TRADES), decoder)
    reader = SegmentReader(rules, "log", 0, [CountedTrades(Findings(WHERE, rules), sighted, "log")])
    count = len(values)
    reader.feed(Batch(list(range(count)), [START_MS] * count, values), 0, 1)
    flush = reader.flush(1)
    letters = [(letter.offset, letter.reason, letter.detail) for letter in reader.take_dead_letters()]
    assert flush is not None
    return letters, [encode_statement(statement) for _, statement in (*flush.contents, *flush.progress)]


@pytest.mark.parametrize("name", sorted(FORMATS))
@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_the_lean_way_says_what_the_authority_says(name: str, data: st.DataObject) -> None:
    source = FORMATS[name]
    plain = intake_rules(segment_records=1000, block_records=1000)
    rules = IntakeRules(
        plain.rules, 3, Known(frozenset({"a", "b"}), 400 * DAY), {**plain.sources, TRADES: source}, 1000, block_records=1000
    )
    values = data.draw(st.lists(records(source), min_size=1, max_size=8))
    assert told(rules, values, lean=True) == told(rules, values, lean=False)


@pytest.mark.parametrize(("name", "time"), [("late", {}), ("microseconds", {"t": START_MS * 1000})])
def test_a_key_that_one_record_lacks_does_not_make_up_for_one_that_another_has_twice(name: str, time: dict[str, int]) -> None:
    """What lets it fail: keys counted over the whole run, those of the refused record among them."""
    fields = {field: value for field, value in GOOD.items() if not time or field != "executed_at"} | time
    good = json.dumps(fields).encode()
    lacking = json.dumps({field: value for field, value in fields.items() if field != "price"}).encode()
    doubled = b'{"price": "1.5", ' + good[1:]
    plain = intake_rules(segment_records=1000, block_records=1000)
    letters, _ = told(replace(plain, sources={**plain.sources, TRADES: FORMATS[name]}), [good, lacking, doubled], lean=True)
    assert [offset for offset, *_ in letters] == [1, 2]


@pytest.mark.parametrize("name", ["ignore_unknown", "mapped", "mapped_strictly", "milliseconds", "late"])
@pytest.mark.parametrize("doubled", ["entity", "market", "price", "executed_at", "x"])
def test_the_verdict_on_a_key_given_twice_does_not_hang_on_what_is_fetched_with_it(name: str, doubled: str) -> None:
    """What lets it fail: a fetch over more than a minute of log times, whose newest records the authority looks at."""
    source = FORMATS[name]
    plain = intake_rules(segment_records=1000, block_records=1000)
    rules = replace(plain, sources={**plain.sources, TRADES: source})
    values: list[bytes] = []
    for seconds in [0, *[120] * 12]:
        raw: dict[str, Any] = {}
        own = START_S + seconds
        texts = {
            **GOOD,
            "trade_id": str(6000 + len(values)),
            "executed_at": own * 1000 if source.counted else exact_time(own * SECOND),
        }
        for field, value in texts.items():
            *steps, last = source.fields.get(field, field).split(".")
            node = raw
            for step in steps:
                node = node.setdefault(step, {})
            if field not in source.constants:
                node[last] = value
        values.append(json.dumps(raw).encode())
    values[5] = (
        json.dumps({doubled: "b", doubled.upper(): 1} if source.ignore_unknown else {doubled: "b"}).encode()[:-1]
        + b","
        + values[5][1:]
    )
    times = [START_MS] + [START_MS + 120_000] * 12
    said = []
    for cuts in ([0, 13], [0, 1, 13], list(range(14))):
        decoder = lean_trades(source)
        sighted = events_of_records(rules.judge(TRADES), decoder)
        reader = SegmentReader(rules, "log", 0, [CountedTrades(Findings(WHERE, rules), sighted, "log")])
        for begin, end in pairwise(cuts):
            reader.feed(Batch(list(range(begin, end)), times[begin:end], values[begin:end]), 0, 1)
        said.append((reader.flush(1), [(letter.offset, letter.detail) for letter in reader.take_dead_letters()]))
    assert said[0] == said[1] == said[2]


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_every_format_tried_has_a_lean_decoder(name: str) -> None:
    FORMATS[name].check()
    assert lean_trades(FORMATS[name]) is not None
