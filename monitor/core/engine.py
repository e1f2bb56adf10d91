"""The one door of the core: journal records in, output records out; a pure state machine over one log (DESIGN 4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, Literal

from monitor.core.configuration import Configuration
from monitor.core.outputs import Output
from monitor.core.records import JournalRecord
from monitor.core.snapshot import Cut

EvaluateWhen = Literal["always", "at_ticks"]


class Engine:
    """One journal partition's engine. Not thread-safe; every method returns at once and does no I/O.

    `check_journal_time`: whether the journal keeps the broker's time, so that a record's `at` is held against it.
    `evaluate`: `at_ticks` evaluates at ticks alone (offline, where only the last instant matters).
    """

    def __init__(self, partition: int, *, check_journal_time: bool, evaluate: EvaluateWhen = "always") -> None:
        raise NotImplementedError

    partition: int

    def apply(self, record: JournalRecord) -> list[Output]:
        """Takes the next record of the partition and returns what is to be published, in order.

        Raises `chain.Forked` (see `expect`) and ValueError for a record at or before `position`.
        """
        raise NotImplementedError

    @property
    def position(self) -> int:
        """Offset of the last record applied; -1 before the first."""
        raise NotImplementedError

    @property
    def clock(self) -> int:
        """The engine clock in ns; 0 before the first record."""
        raise NotImplementedError

    @property
    def clock_refused(self) -> int:
        """Records so far whose `at` lay more than 5 s from their journal time."""
        raise NotImplementedError

    @property
    def configuration_refused(self) -> int:
        """Configurations so far that were refused: lower revision, same revision with another digest, wrong digest."""
        raise NotImplementedError

    @property
    def waiting(self) -> bool:
        """Whether something waits for evaluation: the owner writes a tick soon (at most every 100 ms)."""
        raise NotImplementedError

    @property
    def next_deadline(self) -> int | None:
        """Engine-clock instant (ns) at which the owner should write a tick although nothing waits; None for none."""
        raise NotImplementedError

    @property
    def config(self) -> Configuration | None:
        """The configuration in force; None before the first."""
        raise NotImplementedError

    def expect(self, newest: Mapping[str, tuple[int, str]]) -> None:
        """On take-over: the newest (sequence, digest) found published per entity. Outputs up to them are not returned by
        `apply`, and `chain.Forked` is raised where a digest differs (JOURNAL 7)."""
        raise NotImplementedError

    def standing_alerts(self) -> list[Output]:
        """The newest record, byte for byte, of each alert that fires or was resolved in the last 7 days: sent again on
        take-over, because compaction keeps the last written (JOURNAL 7)."""
        raise NotImplementedError

    def entities(self) -> tuple[str, ...]:
        """The configured (or seen, under `any_entity`) entities of this partition, sorted."""
        raise NotImplementedError

    def status(self, entity: str, day: date | None = None) -> dict[str, Any]:
        """The object of CONTRACT 5 for an entity, ages reckoned at the engine clock; `day`: a business date for its trade
        flow. KeyError for an entity that is not here."""
        raise NotImplementedError

    def evaluations(self, entity: str) -> dict[str, Any]:
        """{"assessments": [newest evaluation of each method], "exposure": newest or None}; the figures of the newest
        evaluation, with chain and digest null where it was not published."""
        raise NotImplementedError

    def measures(self, entity: str) -> dict[str, Any]:
        """Numbers for the metrics of CONTRACT 6 that are not in `status`; see status.measures_of."""
        raise NotImplementedError

    def cut(self) -> Cut:
        """A snapshot at `position`: see snapshot.Cut."""
        raise NotImplementedError

    @staticmethod
    def restore(
        partition: int, position: int, version: int, buckets: Mapping[str, bytes], *, check_journal_time: bool,
        evaluate: EvaluateWhen = "always",
    ) -> Engine:
        """The engine as it was at a cut, from all its buckets by name; `snapshot.NewerState` for a newer version."""
        raise NotImplementedError

    def touched(self) -> Iterable[str]:
        """Entities evaluated since the last call: those whose metrics may have moved."""
        raise NotImplementedError
