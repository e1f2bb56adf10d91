"""What the compiled parts of a feed look at: a record's place, and one event within it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class RecordPlace:
    """What a record is besides its value: its place in the log, its Kafka time, key and headers."""

    epoch: int
    partition: int
    offset: int
    time_ms: int
    key: bytes | None = None
    headers: Sequence[tuple[str, bytes]] = ()


@dataclass(slots=True)
class EventSight:
    """One event as paths see it: the record's JSON, the element of `each`, one of a nested list, and what is finished of it."""

    root: Any
    element: Any
    record: RecordPlace
    index: int
    nested: Any = None
    done: dict[str, Any] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    """Under which `each`, or the path of the nested list, found the element in objects."""
