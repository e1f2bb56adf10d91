"""What the engine refuses for its age: told once, in one partition, and never for a record that was counted (CONTRACT 7)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from monitor.core.engine import Engine
from monitor.core.journal.outputs import TooOld
from monitor.core.journal.records import JournalRecord, SourcePartition
from monitor.core.values.times import DAY, SECOND
from streams.eventfiles.codec import event_lines
from streams.eventfiles.offline import FileLines, Rejection
from tests.journal_maker import START, Journal, configuration_text, house

ENTITIES = {"jp-main": house()}
OLD = START - 500 * DAY


def journal(partitions: int = 1) -> Journal:
    made = Journal()
    made.configure(configuration_text(ENTITIES, kafka={"journal_partitions": partitions}))
    return made.at(1)


def told(records: list[JournalRecord], partition: int = 0) -> list[TooOld]:
    engine = Engine(partition, check_journal_time=False)
    found: list[TooOld] = []
    for record in records:
        engine.apply(record)
        found += engine.too_old
    return found


def test_a_balance_past_the_horizon_is_told_with_its_place_once_each_time_it_is_read() -> None:
    """Fails where the refusal is told again by records that have nothing to do with it, or without its place."""
    made = journal()
    made.position("hot", "client_asset", "hot", "BTC", "450")
    made.position("hot", "client_asset", "hot", "BTC", "3", as_of=OLD)
    made.tick()
    made.at(2).tick()
    where = SourcePartition("custody.balances", 0, 0)
    wanted = TooOld(where, 1, START + SECOND, OLD, "jp-main")
    assert told(made.records) == [wanted]
    assert (wanted.offset, wanted.index) == (1, None)


def test_the_first_of_an_account_that_is_delivered_again_behind_a_newer_one_was_no_lie() -> None:
    """Fails where intake's repeat after a restart makes a dead letter of a balance, or a price, that counted."""
    made = journal()
    made.position("hot", "client_asset", "hot", "BTC", "3", as_of=OLD)
    made.price("BTC", "5000000", as_of=OLD)
    first = made.records[-2:]
    made.at(2).position("hot", "client_asset", "hot", "BTC", "450")
    made.price("BTC", "6000000")
    for record in first:
        made.put(record.statement)
    made.tick()
    engine = Engine(0, check_journal_time=False)
    for record in made.records:
        engine.apply(record)
        assert engine.too_old == ()
    gaps = engine.evaluations("jp-main")["assessments"][0]["gaps"]
    assert "record_rejected" not in {gap["kind"] for gap in gaps}


def test_a_member_of_a_group_is_told_when_its_group_applies() -> None:
    """Fails where only what applies at once is told: a snapshot of an exchange whose clock lies comes as a group."""
    made = journal()
    made.position("hot", "client_asset", "hot", "BTC", "450")
    made.position("hot", "client_asset", "hot", "BTC", "3", as_of=OLD, group=("sweep", 2))
    assert told(made.records) == []
    made.position("cold", "client_asset", "cold", "BTC", "3", group=("sweep", 2))
    assert [one.place for one in told(made.records)] == [1]


@pytest.mark.parametrize("partitions", [1, 3])
def test_a_price_is_told_by_one_partition_of_all_that_hold_it(partitions: int) -> None:
    """Fails where every journal partition writes the same dead letter, or none does."""
    made = journal(partitions)
    made.price("BTC", "5000000")
    for price in ("1", "2", "3", "4"):
        made.price("BTC", price, as_of=OLD)
    made.price("BTC", "5", as_of=OLD, kind="daily_close")
    found = [one.place for partition in range(partitions) for one in told(made.records, partition)]
    assert sorted(found) == [1, 2, 3, 4]


def test_an_engine_from_a_snapshot_tells_the_same_of_the_records_after_it() -> None:
    """Fails where what was refused is forgotten or told otherwise after a restart: the place is what makes it one letter."""
    made = journal()
    made.position("hot", "client_asset", "hot", "BTC", "450")
    for quantity in ("1", "2", "450"):
        made.at(2).position("hot", "client_asset", "hot", "BTC", quantity, as_of=OLD)
    made.tick()
    everything = told(made.records)
    assert [one.place for one in everything] == [1, 2, 3]
    for cut_at in range(2, len(made.records)):
        engine = Engine(0, check_journal_time=False)
        before = [one for record in made.records[:cut_at] for one in (engine.apply(record), engine.too_old)[1]]
        cut = engine.cut()
        again = Engine.restore(0, cut.position, cut.version, dict(cut.buckets), check_journal_time=False)
        after = [one for record in made.records[cut_at:] for one in (again.apply(record), again.too_old)[1]]
        assert before + after == everything


def test_what_is_told_of_files_names_the_file_and_the_line_in_it(tmp_path: Path) -> None:
    """Fails where the line is counted over all files, or empty lines are not."""
    line = json.dumps({"topic": "custody.balances", "timestamp": "2026-01-05T00:00:00Z", "value": {}})
    first, second = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    first.write_text(f"{line}\n\n{line}\n")
    second.write_text(f"\n{line}\n")
    lines, found = FileLines(), list[Rejection]()
    for read in event_lines([first, second]):
        lines.note(read)
    where = SourcePartition("custody.balances", 0, 0)
    lines.tell((TooOld(where, place, START, OLD, "jp-main") for place in (0, 2, 4)), found.append)
    assert [(one.path, one.line) for one in found] == [(first, 1), (first, 3), (second, 2)]
