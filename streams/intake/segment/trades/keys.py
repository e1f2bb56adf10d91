"""Whether the keys of a topic's records keep all that is said of one trade id in one partition (JOURNAL 4).

Only who reads the whole log could tell for sure; the key rule is held where it can be seen, and cheaply: at the first
offsets of each segment, which are the same for whoever reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from monitor.core.values.times import exact_time, from_ms
from streams.intake.segment.batches import clamped

LOOKED_AT = 1000
"""Offsets of each segment whose keys are looked at."""


def is_safe(key: bytes | None, entity: str, market: str, trade_id: str) -> bool:
    """Whether a record's key is one of the two that the rule allows."""
    return key is not None and key in (trade_id.encode(), f"{entity}|{market}".encode())


@dataclass(slots=True)
class UnsafeRecords:
    """Those of one entity in a segment so far: how many, the last offset, the log time of the first."""

    count: int
    last: int
    since_ms: int

    def body(self) -> dict[str, Any]:
        """As it stands in a flow record."""
        return {"count": self.count, "last": self.last, "since": exact_time(from_ms(clamped(self.since_ms)))}
