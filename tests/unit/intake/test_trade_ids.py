"""What intake says of trade ids that contradict each other, and of keys that may part the records of one id."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.core.journal.records import SourcePartition, Statement
from streams.intake.segment.batches import Batch
from streams.intake.segment.readers import reader_of_topic
from tests.intake_logs import START_MS, intake_rules, trade_value

WHERE = SourcePartition("market.trades", 0, 3)
SIZES = {"segment_records": 5000, "block_records": 5000}


def read(
    values: list[bytes | None], keys: list[bytes | None] | None = None, *, several: bool = True
) -> tuple[dict[str, int], list[Statement], int]:
    """Counts and flow records of a segment, and how many unsafe keys were seen."""
    reader = reader_of_topic([WHERE], intake_rules(**SIZES), "log", 0, several=several)
    given: list[bytes | None] = keys or [None] * len(values)
    batch = Batch(list(range(len(values))), [START_MS] * len(values), values, lambda row: (given[row], ()))
    reader.feed(batch, 0, 1)
    flush = reader.flush(1)
    assert flush is not None
    flows = [statement for _, statement in flush.contents if statement.kind == "flow"]
    return flush.progress[0][1].body["counts"], flows, reader.contents[0].findings.unsafe_keys


def test_a_venue_whose_ids_are_all_0_does_not_shrink_silently() -> None:
    """What lets it fail: all but one trade are repeats like any other, and nobody can see that they say something else."""
    counts, flows, _ = read([trade_value("0", price=str(price)) for price in range(100, 110)])
    assert counts == {"applied": 1, "duplicate": 0, "conflict": 9, "late": 0, "dead_letter": 0}
    assert [cell["trades"] for flow in flows for cell in flow.body["cells"]] == [1]


@pytest.mark.parametrize("change", [{"price": "100.50"}, {"side": "sell"}, {"executed_at": "2026-01-04T23:59:00Z"}])
def test_a_repeat_that_says_the_same_price_and_quantity_is_a_repeat(change: dict[str, Any]) -> None:
    counts, *_ = read([trade_value("7"), trade_value("7", **change), trade_value("8")])
    assert (counts["applied"], counts["duplicate"], counts.get("conflict", 0)) == (2, 1, 0)


@pytest.mark.parametrize("change", [{"price": "100.6"}, {"quantity": "3"}, {"price": "50.25", "quantity": "4"}])
def test_other_figures_conflict_also_where_the_value_is_the_same(change: dict[str, Any]) -> None:
    counts, *_ = read([trade_value("7"), trade_value("7", **change), trade_value("8")])
    assert (counts["applied"], counts["duplicate"], counts["conflict"]) == (2, 0, 1)


@pytest.mark.parametrize("key", [None, b"a", b"BTC/JPY", b"8"])
def test_a_key_that_may_part_the_records_of_an_id_is_counted_and_told(key: bytes | None) -> None:
    """What lets it fail: a producer without keys sends a trade again into another partition, and it counts twice."""
    _, flows, unsafe = read([trade_value("6"), trade_value("7")], [b"6", key])
    assert unsafe == 1
    assert flows[0].body["keys_unsafe"] == {"count": 1, "last": 1, "since": "2026-01-05T00:00:00.000000Z"}


@pytest.mark.parametrize("key", [b"7", b"a|BTC/JPY"])
def test_the_two_lawful_keys_are_safe(key: bytes) -> None:
    _, flows, unsafe = read([trade_value("7")], [key])
    assert (unsafe, "keys_unsafe" in flows[0].body) == (0, False)


def test_a_topic_of_one_partition_needs_no_key() -> None:
    assert read([trade_value("7")], [None], several=False)[2] == 0


def test_what_only_the_authority_can_read_is_looked_at_too() -> None:
    assert read([trade_value("7", quantity=2)], [None])[2] == 1


def test_keys_are_looked_at_at_the_first_offsets_of_a_segment() -> None:
    values: list[bytes | None] = [trade_value(number) for number in range(1500)]
    assert read(values, [None] * 1500)[2] == 1000
