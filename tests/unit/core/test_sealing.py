"""Checkpoints: cut once a local day and on demand, over the whole chain, the same whatever was restored on the way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from monitor.core.engine import Engine
from monitor.core.journal.snapshot import OlderState, values_of
from monitor.core.journal.tree import TreeHead
from monitor.core.values.canonical import digest_of
from monitor.core.values.times import HOUR, SECOND
from tests.journal_maker import Journal, configuration_text, house, load

MIDNIGHT_S = 15 * HOUR // SECOND
"""From the start, 09:00 in Tokyo, to the end of the day there."""


def _two_days() -> Journal:
    journal = Journal()
    journal.configure(configuration_text({"jp-main": house()}))
    load(journal)
    for second in (1, 2000, MIDNIGHT_S - 10, MIDNIGHT_S + 10, MIDNIGHT_S + 5000):
        journal.at(second).position("hot-1", "client_asset", "hot", "BTC", str(1 + second % 7))
        journal.at(second + 1).tick()
    return journal


def _run(journal: Journal, restore_at: int | None = None) -> tuple[list[dict[str, Any]], list[Mapping[str, Any]]]:
    engine, values, checkpoints = Engine(0, check_journal_time=True), [], []
    for record in journal.records:
        values += [output.value for output in engine.apply(record) if output.value is not None]
        checkpoints += engine.checkpoints()
        if record.offset == restore_at:
            cut = engine.cut()
            engine = Engine.restore(0, cut.position, cut.version, dict(cut.buckets), check_journal_time=True)
    return values, checkpoints


def test_one_is_cut_at_the_first_entry_of_each_local_day_and_covers_the_closes_of_the_day_before() -> None:
    values, checkpoints = _run(_two_days())
    assert [one["business_date"] for one in checkpoints] == ["2026-01-05", "2026-01-06"]
    first, second = checkpoints
    closes = [value["chain"]["sequence"] for value in values if value.get("kind") == "close"]
    assert closes
    assert max(closes) <= second["last_sequence"]
    assert (first["first_sequence"], second["first_sequence"]) == (1, first["last_sequence"] + 1)
    assert first["previous"] is None
    assert second["previous"] == digest_of(dict(first))


def test_the_root_is_that_of_the_tree_over_the_digests() -> None:
    values, checkpoints = _run(_two_days())
    for one in checkpoints:
        tree = TreeHead()
        for value in values[: one["tree_size"]]:
            tree.append(bytes.fromhex(value["digest"].removeprefix("sha256:")))
        assert one["root"] == "sha256:" + tree.root().hex()


def test_an_operation_asks_for_one_and_nothing_new_gives_none() -> None:
    journal = _two_days()
    journal.at(MIDNIGHT_S + 6000).operation("checkpoint")
    journal.at(MIDNIGHT_S + 6001).tick()
    journal.at(MIDNIGHT_S + 6002).operation("checkpoint")
    journal.at(MIDNIGHT_S + 6003).tick()
    values, checkpoints = _run(journal)
    assert [one["business_date"] for one in checkpoints] == ["2026-01-05", "2026-01-06", "2026-01-06"]
    assert checkpoints[-1]["last_sequence"] == max(value["chain"]["sequence"] for value in values)


@pytest.mark.parametrize("restore_at", range(3, 20))
def test_a_restore_leaves_no_trace(restore_at: int) -> None:
    journal = _two_days()
    assert _run(journal, restore_at) == _run(journal)


def test_the_status_shows_the_newest() -> None:
    journal, engine = _two_days(), Engine(0, check_journal_time=True)
    for record in journal.records:
        engine.apply(record)
    assert engine.status("jp-main")["checkpoint"] == engine.checkpoints()[-1]


def test_a_snapshot_without_a_tree_is_not_read() -> None:
    with pytest.raises(OlderState, match="journal is read again"):
        values_of({}, 1)
