"""Rehearsals: `reserve.operations` of kind `rehearsal` mark the alerts that begin while they last (CONTRACT 1, 2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from monitor.core.journal.schedule import earliest
from monitor.core.values.times import parse_time


@dataclass(slots=True)
class Rehearsal:
    """The newest rehearsal of an entity by its event time (ns); a later one replaces it, also to end it early."""

    begins_at: int | None = None
    expires_at: int | None = None

    def take(self, body: Mapping[str, Any]) -> None:
        """Takes a rehearsal's journal body; one that is older than the one known changes nothing."""
        begins_at = parse_time(body["at"])
        if self.begins_at is None or begins_at >= self.begins_at:
            self.begins_at = begins_at
            self.expires_at = None if body["expires_at"] is None else parse_time(body["expires_at"])

    def under_way(self, at: int) -> bool:
        """Whether it lasts at `at`; without `expires_at` it lasts until a later one."""
        if self.begins_at is None or at < self.begins_at:
            return False
        return self.expires_at is None or at < self.expires_at

    def next_instant(self, after: int) -> int | None:
        """When it begins or ends, if that lies above `after`."""
        return earliest(instant for instant in (self.begins_at, self.expires_at) if instant is not None and instant > after)
