"""What the engine returns: idempotent statements for the output topics (JOURNAL 7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Output:
    """One record for an output topic, named by its default name; `key` is its Kafka key.

    `value` is the whole object of CONTRACT 2, digest included; None is a tombstone. `caused_at` (ns, alerts only) is the
    log time of the newest event that caused the change plus the dwell it had to stand: latency is measured from there.
    """

    topic: str
    key: str
    entity: str
    value: dict[str, Any] | None
    caused_at: int | None = None
