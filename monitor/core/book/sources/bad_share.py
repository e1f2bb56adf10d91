"""Bad share: what became of the records of a source, and whether too many of them are refused (CONTRACT 4)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass
from decimal import Decimal
from typing import Any

JUDGED_FROM = 100
"""Records of a segment from which its bad share is judged."""
VERDICTS_KEPT = 1000


@dataclass(frozen=True, slots=True)
class OutcomeCounts:
    """Outcomes of records; disjoint. `conflict`: trades that repeat the id of another with other figures."""

    applied: int = 0
    duplicate: int = 0
    late: int = 0
    dead_letter: int = 0
    filtered: int = 0
    conflict: int = 0

    def plus(self, other: OutcomeCounts) -> OutcomeCounts:
        """The sum."""
        return OutcomeCounts(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def values(self) -> tuple[int, ...]:
        """In the order of the fields; the last two only where there were any."""
        return astuple(self)[: 6 if self.conflict else 5 if self.filtered else 4]

    def unhealthy(self, bad_share: Decimal | None) -> bool:
        """Whether dead letters are past the share, from 100 records on; those that a feed leaves out do not count."""
        return self.past(bad_share) and self.enough

    def of_each(self) -> dict[str, int]:
        """By outcome."""
        return asdict(self)

    @property
    def enough(self) -> bool:
        """Whether there are records enough to judge by."""
        return self.taken >= JUDGED_FROM

    def past(self, bad_share: Decimal | None) -> bool:
        """Whether dead letters are past the share, of however few records."""
        return bad_share is not None and self.dead_letter > bad_share * self.taken

    @property
    def taken(self) -> int:
        """Records that are meant for the feed."""
        return self.applied + self.duplicate + self.conflict + self.late + self.dead_letter


class Verdicts:
    """Whether each topic's bad share was too high, kept over time where it changed."""

    def __init__(self) -> None:
        self._kept: dict[str, list[tuple[int, bool]]] = {}

    def judge(self, topic: str, clock: int, *, unhealthy: bool) -> bool:
        """The verdict at `clock` (ns); whether it is another than before."""
        kept = self._kept.get(topic, [])
        if unhealthy == (kept[-1][1] if kept else False):
            return False
        kept.append((clock, unhealthy))
        self._kept[topic] = kept[-VERDICTS_KEPT:]
        return True

    def at(self, topic: str, instant: int) -> bool:
        """The verdict that held at an instant (ns)."""
        return next((verdict for since, verdict in reversed(self._kept.get(topic, ())) if since <= instant), False)

    def state(self) -> dict[str, Any]:
        """As JSON values."""
        return {topic: [[str(at), bad] for at, bad in kept] for topic, kept in self._kept.items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take what `state` gave."""
        self._kept = {topic: [(int(at), bad) for at, bad in several] for topic, several in state.items()}
