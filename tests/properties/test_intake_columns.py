"""Runs counted column by column and record by record say the same, and columns of times are judged as their times are."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.journal.records import SourcePartition
from monitor.core.journal.vocabulary import TRADES
from monitor.core.values.times import HOUR, QUARTER, SECOND, BadTime, exact_time, from_ms, hour_of, parse_time
from streams.intake.segment.columns.decoding import Columns, keys_of
from streams.intake.segment.columns.lean import columns_of
from streams.intake.segment.columns.texts import in_one_form, log_texts, times_of_one_form
from streams.intake.segment.content import Findings
from streams.intake.segment.events import events_of_records
from streams.intake.segment.segments import SegmentReader
from streams.intake.segment.trades.acceptance import Acceptance
from streams.intake.segment.trades.alike import in_journal_form
from streams.intake.segment.trades.counted import CountedTrades, Run
from streams.intake.segment.trades.ids import numbers_of
from streams.wire import SourceFormat, lean_trades
from tests.intake_logs import START_MS, Logged, batch_of, intake_rules, trade_value

MARKETS = st.sampled_from(["BTC/JPY", "BTC/JPY", "BTC/JPY", "ETH/JPY"])
widths = st.sampled_from([HOUR, QUARTER])
times = st.builds(
    lambda ms, digits: exact_time(from_ms(START_MS + ms))[: 19 + (digits and digits + 1)] + "Z",
    st.sampled_from([0, 1, 999, 59_999, 60_000, 899_999, 900_000, 3_599_999, 3_600_000]),
    st.sampled_from([0, 3, 3, 3, 6]),
)


@st.composite
def records(draw: st.DrawFn) -> list[Logged]:
    digits, late = draw(st.sampled_from([0, 1, 3, 6])), draw(st.sampled_from([0, 0, 500]))
    time_ms, log = START_MS + 10_000, []
    for offset in range(draw(st.integers(1, 30))):
        time_ms += draw(st.sampled_from([0, 0, 1, 250, 1000, -3]))
        own = exact_time(from_ms(time_ms + draw(st.integers(-2000, 2000)) - late))
        changes = {
            "market": draw(st.sampled_from(["BTC/JPY", "ETH/JPY"])),
            "price": draw(st.sampled_from(["1", "2.5", "1e3", "0"])),
            "executed_at": own[: 19 + (digits and digits + 1)] + "Z",
            "instrument": draw(st.sampled_from(["spot", "derivative"])),
        }
        log.append(Logged(offset, time_ms, trade_value(draw(st.sampled_from(["1", "1001", "1002", "t-x", "1003"])), **changes)))
    return log


@st.composite
def runs_of_one_hour(draw: st.DrawFn) -> list[Logged]:
    """Trades of few cells within four seconds of one hour, own and log times rising or not, some records twice."""
    count, digits = draw(st.integers(5, 24)), draw(st.sampled_from([0, 1, 3, 6]))
    columns = []
    for rises in (draw(st.booleans()), draw(st.booleans())):
        column = draw(st.lists(st.integers(0, 4000), min_size=count, max_size=count))
        columns.append(sorted(column) if rises else column)
    log: list[Logged] = []
    for own_ms, log_ms in zip(*columns, strict=True):
        own = exact_time(from_ms(START_MS + 600_000 + own_ms))[: 19 + (digits and digits + 1)] + "Z"
        value = trade_value(2000 + len(log), price=str(1000 + len(log)), executed_at=own, market=draw(MARKETS))
        if log and draw(st.integers(0, 5)) == 0:
            value = draw(st.sampled_from(log)).value or value
        log.append(Logged(len(log), START_MS + 600_000 + log_ms, value))
    return log


BASE = [Logged(offset, START_MS, trade_value(2000 + offset, side="buy" if offset % 2 else "sell")) for offset in range(100)]
"""Enough ids of one market for them to be kept in pages."""

ODD: list[dict[str, object]] = [
    {"price": "1e2"},
    {"price": 7},
    {"quantity": "0"},
    {"executed_at": "2026-01-05T09:10:00+09:00"},
    {"executed_at": "2026-01-05T25:00:00.000Z"},
    {"executed_at": "2020-01-05T00:00:00.000Z"},
    {"executed_at": "2027-01-05T00:00:00.000Z"},
    {"status": "busted"},
    {"entity": "nobody"},
    {"trade_id": ""},
]


@st.composite
def runs_of_any_kind(draw: st.DrawFn) -> list[Logged]:
    """Behind `BASE` trades of several hours, markets, sides and forms of time; repeats, other ids, some odd records."""
    log, odd = list(BASE), draw(st.booleans())
    digits = draw(st.sampled_from([[6], [3, 6], [0, 3, 6, 9]]))
    hours = draw(st.sampled_from([[0], [0, 0, 0, 1], [0, 1, 30]]))
    logged = draw(st.sampled_from([[0], [0, 1, 1000], [0, 600_000]]))
    for number in range(draw(st.integers(9, 40))):
        own = START_MS - 3_600_000 * draw(st.sampled_from(hours)) + draw(st.integers(0, 900_000))
        fraction = draw(st.sampled_from(digits))
        changes: dict[str, object] = {
            "market": draw(MARKETS),
            "side": draw(st.sampled_from(["buy", "sell", None])),
            "price": draw(st.sampled_from(["100.5", "100.50", "0100.5", "7"])),
            "executed_at": f"{exact_time(from_ms(own))[:23]}000000"[: 19 + (fraction and fraction + 1)] + "Z",
        }
        trade_id = draw(st.sampled_from([str(2050 + number), str(2200 + number), str(2200 + number // 2), "02050", "t-1"]))
        if odd and draw(st.integers(0, 15)) == 0:
            changes |= draw(st.sampled_from(ODD))
        log.append(Logged(len(log), START_MS + 900_000 + draw(st.sampled_from(logged)), trade_value(trade_id, **changes)))
    return log


class RecordByRecord(CountedTrades):
    """Counts no run by the column."""

    def _count_alike(self, run: Run, columns: Columns, taken: Acceptance) -> bool:
        return False


def said(log: list[Logged], late_after_ns: int | None, counted: type[CountedTrades] = CountedTrades, width: int = HOUR) -> object:
    rules = intake_rules(late_after_ns=late_after_ns, segment_records=1000, block_records=1000, lookback_h=72, cell_ns=width)
    findings = Findings(SourcePartition(TRADES, 0, 0), rules)
    sighted = events_of_records(rules.judge(TRADES), lean_trades(rules.sources[TRADES]))
    reader = SegmentReader(rules, "log", 0, [counted(findings, sighted, "log")])
    cut = 100 if len(log) > 100 else 0
    for part in (log[:cut], log[cut:]):
        reader.feed(batch_of(part), 0, 0)
    return reader.flush(0), reader.take_dead_letters()


@given(records(), st.sampled_from([None, 0, 1_000_000_000]), widths)
def test_columns_and_records_say_the_same(log: list[Logged], late_after_ns: int | None, width: int) -> None:
    by_column = said(log, late_after_ns, width=width)
    assert said(log, late_after_ns, RecordByRecord, width) == by_column


@settings(max_examples=400, deadline=None)
@given(runs_of_one_hour(), widths)
def test_the_newest_of_a_run_are_found_in_any_order_of_times(log: list[Logged], width: int) -> None:
    by_column = said(log, None, width=width)
    assert said(log, None, RecordByRecord, width) == by_column


@settings(max_examples=300, deadline=None)
@given(runs_of_any_kind(), st.sampled_from([None, 0, 1_000_000, 4_000_000_000_000]), widths)
def test_runs_of_any_kind_say_the_same(log: list[Logged], late_after_ns: int | None, width: int) -> None:
    by_column = said(log, late_after_ns, width=width)
    assert said(log, late_after_ns, RecordByRecord, width) == by_column


@given(st.lists(st.integers(0, 10**9 - 1), min_size=1, max_size=5), st.integers(0, 9))
def test_times_of_a_column_are_written_as_the_core_writes_them(fractions: list[int], digits: int) -> None:
    times = [from_ms(START_MS) + fraction - fraction % 10 ** (9 - digits) for fraction in fractions]
    texts = [f"{exact_time(at)[:19]}.{at % SECOND:09d}"[: 19 + (digits and digits + 1)] + "Z" for at in times]
    written = in_journal_form(texts)
    assert [f"{text}Z" for text in written] == list(map(exact_time, times))
    assert sorted(written) == [exact_time(at)[:-1] for at in sorted(times)], "they sort as the times do"


VALUES: list[bytes | None] = [
    *(trade_value(number, side=side) for number, side in ((1, "buy"), (2, "sell"), (3, None))),
    trade_value(4).replace(b'"2"', b'"2","quantity":"2"'),
    trade_value(5).replace(b": ", b":").replace(b", ", b","),
    trade_value(6, price="1e3"),
    trade_value("7 7"),
    trade_value(8, market="BTC-JPY", more=1),
    trade_value(9, status="busted"),
    trade_value(10, capacity="own_account", instrument="spot"),
    trade_value(11, capacity="x", status="x").replace(b'"x"', b"null"),
    trade_value(12, schema="market.trade/1"),
    trade_value(13, status="x"),
    trade_value(14, status="busted").replace(b'"busted"', b'"busted","status":null'),
    b"{",
    None,
]


@given(st.lists(st.sampled_from(VALUES), max_size=12), st.integers(1, 5), st.sampled_from([{}, {"price": "p"}]))
def test_a_run_read_in_pieces_is_what_it_is_as_a_whole(values: list[bytes | None], size: int, mapped: dict[str, str]) -> None:
    lean = lean_trades(SourceFormat(TRADES, fields=mapped))
    if mapped:
        values = [value and value.replace(b'"price"', b'"p"') for value in values]
    whole, pieces = columns_of(lean, values), columns_of(lean, values, size)
    assert keys_of(pieces) == keys_of(whole)
    judged = [row for row, key in enumerate(keys_of(whole)) if key is not None]
    for column, other in zip(pieces[1:-1], whole[1:-1], strict=True):
        assert [column[row] for row in judged] == [other[row] for row in judged]  # type: ignore[index]


runs = st.lists(st.lists(st.sampled_from(VALUES), min_size=1, max_size=6), max_size=6)


@given(runs, st.sampled_from([{}, {"fields": {"price": "p"}}, {"constants": {"side": "buy"}}, {"ignore_unknown": True}]))
def test_what_was_there_before_changes_nothing_of_a_run(runs: list[list[bytes | None]], changes: dict[str, Any]) -> None:
    form = SourceFormat(TRADES, **changes)
    learning = lean_trades(form)
    assert learning is not None
    for run in runs:
        values = [value and value.replace(b'"price"', b'"p"') for value in run] if "fields" in changes else run
        found, anew = columns_of(learning, values), columns_of(lean_trades(form), values)
        assert keys_of(found) == keys_of(anew)
        judged = [row for row, key in enumerate(keys_of(anew)) if key is not None]
        for column, other in zip(found[1:-1], anew[1:-1], strict=True):
            assert [column[row] for row in judged] == [other[row] for row in judged]  # type: ignore[index]


def test_only_what_is_there_of_what_may_be_left_out_is_read() -> None:
    lean = lean_trades(SourceFormat(TRADES))
    assert lean is not None
    assert lean.reading is lean.whole

    def read() -> list[str]:
        return list(lean.reading.differ)

    columns_of(lean, [trade_value(1, side="buy")])
    assert read() == ["entity", "market", "side"]
    columns_of(lean, [trade_value(2, side="buy"), trade_value(3, status="busted"), b"rubbish"])
    assert read() == ["entity", "market", "side", "status"]
    columns_of(lean, [trade_value(4, side="sell"), b"rubbish"])
    assert read() == ["entity", "market", "side", "status"], "what was there once is read from then on"
    columns_of(lean, [trade_value(5, capacity="venue", instrument="spot", schema="market.trade/1")])
    assert lean.reading is lean.whole


@pytest.mark.parametrize(
    "form", [SourceFormat(TRADES, ignore_unknown=True), SourceFormat(TRADES, fields={"price": "price.amount"})]
)
def test_all_is_read_where_what_is_not_read_would_be_passed_over(form: SourceFormat) -> None:
    lean = lean_trades(form)
    assert lean is not None
    value = trade_value(1).replace(b'"price": "', b'"price": {"amount": "').replace(b'", "quantity"', b'"}, "quantity"')
    columns_of(lean, [value if form.fields else trade_value(1)])
    assert lean.reading is lean.whole


def test_where_nulls_are_written_all_is_read() -> None:
    lean = lean_trades(SourceFormat(TRADES, fields={"price": "p"}))
    assert lean is not None
    values: list[bytes | None] = [trade_value(1, side="buy", status="x").replace(b'"x"', b"null").replace(b'"price"', b'"p"')]
    for _ in range(2):
        assert None not in keys_of(columns_of(lean, values))
    assert lean.reading is lean.whole, "else each run were decoded twice"


@given(st.lists(st.sampled_from(["1", "01", "10", "1000", "0", "", "\u0661", "1\n2", "+1", "9" * 18, "9" * 19, "x"]), min_size=1))
def test_ids_have_numbers_where_these_tell_them_apart(ids: list[str]) -> None:
    numbers = numbers_of(ids)
    plain = all(text.isascii() and text.isdigit() and text == str(int(text)) and len(text) <= 18 for text in ids)
    assert numbers == (list(map(int, ids)) if plain and "0" not in ids else None)


@given(st.lists(times, min_size=1, max_size=6), st.integers(0, 30), st.sampled_from("0569:.ZzT- \u0661"))
def test_a_column_taken_for_times_of_one_form_holds_only_such(column: list[str], place: int, sign: str) -> None:
    spoiled = column[0][:place] + sign + column[0][place + 1 :]
    for texts in (column, [spoiled, *column], [*column, spoiled, column[-1]]):
        found = times_of_one_form(texts)
        if found is None:
            continue
        try:
            days = [parse_time(f"{text[:13]}:00:00Z") for text in texts]  # are there such days and hours?
        except BadTime:
            continue
        if len(texts[0]) == len("2026-01-05T09:00:00.Z"):
            continue  # no digit behind the point: the first is read, and is no time
        read = [parse_time(text) for text in texts]
        assert [hour_of(ns) for ns in read] == days
        assert tuple(map(parse_time, found)) == (min(read), max(read))


@given(st.lists(times, min_size=1, max_size=6), st.integers(0, 30), st.sampled_from("0569:.ZzT- \u0661"))
def test_times_brought_into_one_form_are_the_same_times(column: list[str], place: int, sign: str) -> None:
    spoiled = column[0][:place] + sign + column[0][place + 1 :]
    texts = [*column, spoiled, column[-1]]
    formed, odd = in_one_form(texts)
    assert len(set(map(len, formed))) == 1
    assert set(odd) <= {len(column)}
    for index, (text, padded) in enumerate(zip(texts, formed, strict=True)):
        if index not in odd:
            try:
                assert parse_time(text) == parse_time(padded)
            except BadTime:  # of a day or an hour that is none
                with pytest.raises(BadTime):
                    parse_time(padded)


def test_log_times_are_cut_to_the_digits_of_the_column() -> None:
    assert log_texts([START_MS + 7, START_MS], 24) == ["2026-01-05T00:00:00.007Z", "2026-01-05T00:00:00.000Z"]
    assert log_texts([START_MS + 7], 30) == ["2026-01-05T00:00:00.007000000Z"]
    assert log_texts([START_MS + 7], 20) == ["2026-01-05T00:00:00Z"]
