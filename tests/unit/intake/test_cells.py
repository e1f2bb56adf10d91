"""Flow records: split below their bound, times as the core writes them."""

from __future__ import annotations

from decimal import localcontext

import pytest

from monitor.core.journal.records import SourcePartition, encode_statement
from monitor.core.values.money import EXACT, parse_decimal
from monitor.core.values.times import HOUR, exact_time, from_ms
from streams.intake.segment.batches import Batch
from streams.intake.segment.readers import reader_of
from streams.intake.segment.trades.cells import FLOW_BYTES, TRADES_A_CELL, Cell, Tally, _time_text, in_parts
from tests.intake_logs import START_MS, intake_rules, trade_value

LONGEST = "9" * 20 + "." + "9" * 18


def test_a_great_flow_is_split_below_its_bound_and_says_everything() -> None:
    count = 3000
    rules = intake_rules(segment_records=10_000, block_records=10_000)
    reader = reader_of(SourcePartition("market.trades", 0, 0), rules, "log", 0)
    values = [
        trade_value("é" * 60 + str(1000 + n), market=f"A{n % 600}/JPY", price=LONGEST, quantity=LONGEST) for n in range(count)
    ]
    reader.feed(Batch(list(range(count)), [START_MS] * count, values), 0, 1)
    flush = reader.flush(1)
    assert flush is not None
    flows = [statement for _, statement in flush.contents]
    assert len(flows) > 1
    assert max(len(encode_statement(flow)) for flow in flows) <= FLOW_BYTES + 1024
    assert all(flow.source == flows[0].source for flow in flows)
    assert sum(cell["trades"] for flow in flows for cell in flow.body["cells"]) == count
    assert len({cell["market"] for flow in flows for cell in flow.body["cells"]}) == 600


def test_the_newest_log_time_is_that_of_the_segments_own_records() -> None:
    """A batch may reach beyond the segment, and its times may fall."""
    reader = reader_of(SourcePartition("market.trades", 0, 0), intake_rules(segment_records=3), "log", 0)
    times = [START_MS, START_MS + 2, START_MS + 1, START_MS + 9]
    reader.feed(Batch(list(range(4)), times, [trade_value(n) for n in range(4)]), 0, 1)
    flush = reader.flush(1)
    assert flush is not None
    assert {statement.body["newest_log"] for _, statement in flush.progress} == {exact_time(from_ms(START_MS + 2))}


def test_the_estimate_of_a_cells_size_is_an_upper_bound() -> None:
    cell = Cell(Tally("e"), ("A" * 20 + "/" + "B" * 20, "client_order", "derivative", "sell"), 5 * HOUR)
    cell.spot = True
    with localcontext(EXACT):
        amount = parse_decimal(LONGEST)
        cell.pending = [(n, n, 2**52 + n, n, "\U0001f600" * 64, amount, amount, n) for n in range(10)]
        cell.fold()
    assert len(cell.newest) == TRADES_A_CELL
    assert len(str(cell.body()).encode()) <= cell.most_bytes()
    assert in_parts([cell] * 500)


@pytest.mark.parametrize(
    "ns", [0, 1, 999, 1000, 1_000_000, 1_767_571_200_123_456_789, 253_402_300_799_999_999_999, -1, -62_135_596_800_000_000_000]
)
def test_times_are_written_as_the_core_writes_them(ns: int) -> None:
    assert _time_text(ns) == exact_time(ns)
