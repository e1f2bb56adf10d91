"""Balances that are lawful and odd: one record read again under other rules, and one that its producer stamped with no such time.

What lets it fail: a comparison, or a number of so many bits, that does not hold them stops the partition, at every restart again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from monitor.core.engine import Engine
from monitor.core.journal.records import JournalRecord
from monitor.core.journal.snapshot import STATE_VERSION
from monitor.core.values.times import parse_time
from tests.journal_maker import Journal, configuration_text, house, run

LAST, FIRST = (parse_time(text) for text in ("9999-12-31T23:59:59.999999Z", "0001-01-01T00:00:00Z"))


def _held(records: Iterable[JournalRecord]) -> list[Any]:
    """What is reckoned of them, and again after a restart."""
    engine = Engine(0, check_journal_time=False)
    list(run(records, engine))
    again = Engine.restore(0, engine.position, STATE_VERSION, dict(engine.cut().buckets), check_journal_time=False)
    assert again.status("jp-main") == engine.status("jp-main")
    return [method["components"] for method in engine.evaluations("jp-main")["assessments"]]


def _read_as(sources: Sequence[str | None], group: tuple[str, int] | None) -> list[JournalRecord]:
    """One record of a balance, read under a mapping that makes it of each of these sources, one after the other."""
    journal = Journal()
    journal.configure(configuration_text({"jp-main": house()}))
    journal.price("BTC", "15000000")
    journal.position("hot", "client_asset", "hot", "BTC", "5", group=group)
    read = journal.records[-1].statement
    for source in sources:
        journal.put(replace(read, body={**read.body, "source": source}))
    journal.at(7).tick()
    return [*journal.records[:2], *journal.records[3:]]


@pytest.mark.parametrize("group", [None, ("g", 2)])
def test_a_balance_read_again_under_a_mapping_that_names_its_source_is_held_once(group: tuple[str, int] | None) -> None:
    found = [_held(_renumbered(_read_as(sources, group))) for sources in permutations((None, "bank", "node"))]
    assert [each for each in found if each != found[0]] == []
    assert found[0] == _held(_renumbered(_read_as(["node"], group)))


def _renumbered(records: list[JournalRecord]) -> list[JournalRecord]:
    return [replace(record, offset=number) for number, record in enumerate(records)]


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("logged_at", [LAST, FIRST])
def test_a_first_balance_stamped_with_no_such_time_is_held(logged_at: int, *, together: bool) -> None:
    journal = Journal()
    journal.configure(configuration_text({"jp-main": house()}))
    journal.position("hot", "client_liability", "ledger", "BTC", "5")
    records = [
        *journal.records[:1],
        replace(journal.records[1], statement=replace(journal.records[1].statement, logged_at=logged_at)),
    ]
    engine = Engine(0, check_journal_time=False)
    engine.apply(records[0])
    if together:
        assert engine.take(records[1:]) == 1
    else:
        assert engine.apply(records[1]) == []
    again = Engine.restore(0, 1, STATE_VERSION, dict(engine.cut().buckets), check_journal_time=False)
    assert again.status("jp-main")["owed"] == engine.status("jp-main")["owed"] == ["BTC"]
