"""Runs counted column by column and record by record say the same, and columns of times are judged as their times are."""

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.journal.records import SourcePartition
from monitor.core.journal.vocabulary import TRADES
from monitor.core.values.times import HOUR, QUARTER, BadTime, exact_time, from_ms, hour_of, parse_time, quarter_of
from streams.intake.segment.columns import log_texts, times_of_one_hour, times_of_one_quarter
from streams.intake.segment.content import Findings
from streams.intake.segment.events import events_of_records
from streams.intake.segment.segments import SegmentReader
from streams.intake.segment.trades.counted import CountedTrades, Run
from streams.wire import lean_trades
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


class RecordByRecord(CountedTrades):
    """Counts no run by the column."""

    def _one_cell(self, texts: list[str], run: Run) -> bool:
        return False


def said(log: list[Logged], late_after_ns: int | None, counted: type[CountedTrades] = CountedTrades, width: int = HOUR) -> object:
    rules = intake_rules(late_after_ns=late_after_ns, segment_records=1000, block_records=1000, lookback_h=72, cell_ns=width)
    findings = Findings(SourcePartition(TRADES, 0, 0), rules)
    sighted = events_of_records(rules.judge(TRADES), lean_trades(rules.sources[TRADES]))
    reader = SegmentReader(rules, "log", 0, [counted(findings, sighted, "log")])
    reader.feed(batch_of(log), 0, 0)
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


@given(st.lists(times, min_size=1, max_size=6), st.integers(0, 30), st.sampled_from("0569:.ZzT- \u0661"))
def test_a_column_taken_for_times_of_one_hour_holds_only_such(column: list[str], place: int, sign: str) -> None:
    spoiled = column[0][:place] + sign + column[0][place + 1 :]
    for texts in (column, [spoiled, *column], [*column, spoiled, column[-1]]):
        found = times_of_one_hour(texts)
        quarter = times_of_one_quarter(texts)
        if found is None:
            assert quarter is None
            continue
        try:
            first, last = map(parse_time, found)
        except BadTime:
            continue
        read = [parse_time(text) for text in texts]
        assert (min(read), max(read)) == (first, last)
        assert len({hour_of(ns) for ns in read}) == 1
        assert quarter == (found if len({quarter_of(ns) for ns in read}) == 1 else None)


def test_log_times_are_cut_to_the_digits_of_the_column() -> None:
    assert log_texts([START_MS + 7, START_MS], 24) == ["2026-01-05T00:00:00.007Z", "2026-01-05T00:00:00.000Z"]
    assert log_texts([START_MS + 7], 30) == ["2026-01-05T00:00:00.007000000Z"]
    assert log_texts([START_MS + 7], 20) == ["2026-01-05T00:00:00Z"]
