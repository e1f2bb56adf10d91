"""Configuration arrives in parts, as records of the journal, and takes hold at the last one (JOURNAL 5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from monitor.core.values.canonical import digest_of_bytes

PENDING_LIMIT = 4
"""Configurations that may stand unfinished at once; the oldest goes first (a writer that died half way never ends its own)."""


@dataclass(frozen=True, slots=True)
class Complete:
    """A configuration whose last part has come and whose digest is right."""

    revision: int
    digest: str
    text: str


class ConfigurationParts:
    """Collects parts by (revision, digest), so that two writers at once do no harm.

    A lower revision than the one in force, the same one with another digest, and parts that do not give their digest
    are refused: they change nothing and are counted in `refused`.
    """

    def __init__(self) -> None:
        self.revision: int | None = None
        self.digest: str | None = None
        self.refused = 0
        self._pending: dict[tuple[int, str], dict[int, str]] = {}

    def add(self, body: Mapping[str, Any]) -> Complete | None:
        """Takes one part; the configuration when it was the last missing one: the caller adopts it when it can be read."""
        revision, digest = int(body["revision"]), str(body["digest"])
        if (revision, digest) == (self.revision, self.digest):
            return None
        if self.revision is not None and revision <= self.revision:
            self.refused += 1
            return None
        pieces = self._pending.setdefault((revision, digest), {})
        pieces[int(body["part"])] = str(body["data"])
        if len(pieces) < int(body["parts"]):
            while len(self._pending) > PENDING_LIMIT:
                self._pending.pop(next(iter(self._pending)))
            return None
        del self._pending[revision, digest]
        text = "".join(pieces[part] for part in sorted(pieces))
        if digest_of_bytes(text.encode()) != digest:
            self.refused += 1
            return None
        return Complete(revision, digest, text)

    def adopt(self, complete: Complete) -> None:
        """Makes a complete configuration the one in force; unfinished ones that it outdates are dropped."""
        self.revision, self.digest = complete.revision, complete.digest
        self._pending = {key: parts for key, parts in self._pending.items() if key[0] > complete.revision}

    def state(self) -> dict[str, Any]:
        """JSON values for a snapshot."""
        pending = [
            {"revision": revision, "digest": digest, "parts": {str(part): text for part, text in pieces.items()}}
            for (revision, digest), pieces in self._pending.items()
        ]
        return {"revision": self.revision, "digest": self.digest, "refused": self.refused, "pending": pending}

    @staticmethod
    def of_state(state: Mapping[str, Any]) -> ConfigurationParts:
        """The parts that `state` wrote."""
        parts = ConfigurationParts()
        parts.revision, parts.digest, parts.refused = state["revision"], state["digest"], state["refused"]
        for entry in state["pending"]:
            pieces = {int(part): text for part, text in entry["parts"].items()}
            parts._pending[entry["revision"], entry["digest"]] = pieces
        return parts
