"""Checkpoints of an entity's chain: when one is cut, and what it says before it is signed (JOURNAL 7).

Cut after the first evaluation of a local day that added to the chain, so that the closes of the day before are under it
at once, and when an operation asks. What it says is a pure function of the journal; the signature is put on at the edge.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from monitor.core.journal.chain import Chain
from monitor.core.values.canonical import digest_of
from monitor.core.values.times import format_time

SCHEMA = "reserve.checkpoint/1"


@dataclass(slots=True)
class Seal:
    """The newest checkpoint of an entity (None before the first), and whether another one is asked for."""

    newest: Mapping[str, Any] | None = None
    asked: bool = False

    def cut(self, entity: str, chain: Chain, day: date, at: int) -> Mapping[str, Any] | None:
        """The checkpoint that is due at `at` (ns), whose local date is `day`; None for none."""
        before = self.newest
        sealed = 0 if before is None else before["tree_size"]
        if chain.sequence == sealed:
            self.asked = False
            return None
        if before is not None and day.isoformat() <= before["business_date"] and not self.asked:
            return None
        self.asked = False
        self.newest = {
            "schema": SCHEMA,
            "entity": entity,
            "at": format_time(at),
            "business_date": day.isoformat(),
            "first_sequence": sealed + 1,
            "last_sequence": chain.sequence,
            "tree_size": chain.tree.size,
            "root": "sha256:" + chain.tree.root().hex(),
            "previous": None if before is None else digest_of(dict(before)),
        }
        return self.newest

    def state(self) -> dict[str, Any]:
        """JSON values for a snapshot."""
        return {"newest": None if self.newest is None else dict(self.newest), "asked": self.asked}

    @staticmethod
    def of_state(state: Mapping[str, Any]) -> Seal:
        """The seal that `state` wrote."""
        return Seal(state["newest"], state["asked"])
