"""Lines of event files: one record of a source topic each, in log order (CONTRACT 3)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from monitor.core.values.times import exact_time


@dataclass(frozen=True, slots=True)
class Event:
    """One record of a source topic, by the topic's default name; `logged_at` (ns) is its log time."""

    topic: str
    key: str | None
    logged_at: int
    value: dict[str, Any]

    def line(self) -> str:
        """The JSON text, with its line end."""
        record = {"topic": self.topic, "key": self.key, "timestamp": exact_time(self.logged_at), "value": self.value}
        return json.dumps(record, ensure_ascii=False) + "\n"

    def payload(self) -> bytes:
        """The value's bytes as they are published."""
        return json.dumps(self.value, ensure_ascii=False, separators=(",", ":")).encode()
