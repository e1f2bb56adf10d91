"""What the assessor tells whoever watches it: metrics implement this, tests may, nothing here knows how."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from monitor.core.engine import Engine
from monitor.core.journal.vocabulary import Unheeded


class AssessorObserver(Protocol):
    """Called from the assessor's event loop; an implementation returns at once and does not raise."""

    def journal_lag(self, partition: int, records: int, seconds: float) -> None:
        """What is in the journal partition and not yet applied; `seconds` is the age of the last applied record, 0 at the end."""

    def engine_clock(self, partition: int, clock_ns: int) -> None:
        """The engine clock of a partition, ns since 1970."""

    def unheeded(self, partition: int, counts: Mapping[Unheeded, int]) -> None:
        """Records of a partition so far that its engine did not heed, by reason."""

    def snapshot_taken(self, partition: int, at_ns: int) -> None:
        """A snapshot is complete and acknowledged."""

    def evaluated(self, engine: Engine, entities: Iterable[str]) -> None:
        """These entities may have newer evaluations; at most once a second per partition, and once after each output."""

    def output_published(self, entity: str) -> None:
        """An output of the entity's chain is acknowledged."""

    def dead_letter(self, topic: str, reason: str) -> None:
        """A record that intake had taken was refused by an engine, and its dead letter is acknowledged."""

    def alert_published(self, seconds: float) -> None:
        """From the log time of the newest cause to the acknowledged alert."""

    def records_applied(self, partition: int, seconds: float) -> None:
        """Time the engine took for one record that led to evaluations."""

    def partition_released(self, partition: int, entities: Iterable[str]) -> None:
        """The partition went to another worker: its series and those of its entities end here."""

    def chain_forked(self, partition: int) -> None:
        """A published chain differs from what the engine computes: the partition has stopped."""

    def evaluation_differed(self, partition: int) -> None:
        """A checked evaluation differed from one that read everything anew; the latter's figures stand."""

    def partition_stopped(self, partition: int, reason: str) -> None:
        """The partition stands still until somebody acts.

        `reason`: `journal_hole`, `chain_fork`, `other_engine`, `bad_record` or `engine_error`.
        """
