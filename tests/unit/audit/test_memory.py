"""What verification holds in memory: of a record nothing, but of the entity's balances and prices what 48 hours may still ask."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

from monitor.audit.container import Reader
from monitor.audit.verification import Trust, verify
from monitor.core.values.times import SECOND
from tests.evidence_maker import ENTITY, METHODS, OTHER, export, published
from tests.journal_maker import Journal, configuration_text, house, load

ANY_RECORD, KEPT_RECORD = 20, 450
"""Bytes: the most that any record may leave behind, and one of the entity's balances or a price."""
KEPT_A_ROUND = 12


def journal_of(rounds: int) -> Journal:
    """Each round two flushes of another entity, then balances and prices of this one, all looked at once."""
    journal = Journal()
    journal.configure(configuration_text({ENTITY: house(methods=METHODS[:1]), OTHER: house()}))
    load(journal)
    journal.at(3600)
    for number in range(rounds):
        for flush in range(2 * number, 2 * number + 2):
            journal.trades(flush + 1, flush + 1, f"{flush}000", entity=OTHER)
        for one in range(number * KEPT_A_ROUND // 2, (number + 1) * KEPT_A_ROUND // 2):
            then = journal.start + one * SECOND
            journal.position("hot-1", "client_asset", "hot", "BTC", f"500.{one:08d}", as_of=then, source="wallets")
            journal.price("BTC", f"5000000.{one}", as_of=then)
    journal.tick()
    return journal


def peak_of(path: Path) -> int:
    tracemalloc.start()
    try:
        verify(Reader(path), Trust())
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_twice_the_records_take_no_more_memory_than_is_kept_of_them(tmp_path: Path) -> None:
    """Fails where anything is remembered of every record, or where each balance and price holds names of its own."""
    peaks, records = [], []
    for rounds in (30, 60):
        journal = journal_of(rounds)
        peaks.append(peak_of(export(tmp_path / str(rounds), journal, published(journal))))
        records.append(len(journal.records))
    kept = 30 * KEPT_A_ROUND
    assert peaks[1] - peaks[0] < ANY_RECORD * (records[1] - records[0] - kept) + KEPT_RECORD * kept, peaks
