"""Where a bundle begins that does not begin with its journal: a state of the engine whose digest the journal carries.

The owner of a journal partition puts the digest of each snapshot it has taken into its next tick, so that the digest is among
what later entries were made from and under the seals over them.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from monitor.core.configuration.reconfiguration import ConfigurationParts
from monitor.core.entity.sealing import Seal
from monitor.core.journal.chain import Chain
from monitor.core.journal.records import Statement
from monitor.core.journal.snapshot import snapshot_digest, values_of
from monitor.core.values.canonical import canonical_bytes, digest_of_bytes
from monitor.nesting import json_of

MEMBER = "snapshot.ndjson.gz"
NAMED = ("position", "version", "digest")


@dataclass(frozen=True)
class StartingState:
    """The state right after journal offset `position`, as the buckets of a snapshot."""

    position: int
    version: int
    buckets: Mapping[str, bytes]

    @cached_property
    def digest(self) -> str:
        """What the journal calls it by."""
        digests = {name: digest_of_bytes(data) for name, data in self.buckets.items()}
        return snapshot_digest(self.position, self.version, digests)

    @cached_property
    def values(self) -> Mapping[str, Any]:
        """The state by name; `NewerState`, `OlderState` or `TornSnapshot` where it cannot be read."""
        return dict(values_of(self.buckets, self.version))

    @property
    def entities(self) -> list[str]:
        """Whose state it holds."""
        return sorted({name.split("/")[1] for name in self.values if name.startswith("entity/")})

    @property
    def parts(self) -> ConfigurationParts:
        """What was known of configurations."""
        return ConfigurationParts.of_state(self.values["engine"]["parts"])

    @property
    def configuration(self) -> str | None:
        """The text of the configuration in force; None before the first."""
        text: str | None = self.values.get("configuration")
        return text

    def chain(self, entity: str) -> Chain:
        """The head of an entity's chain."""
        return Chain.of_state(self.values[f"entity/{entity}/standing"]["chain"])

    def seal(self, entity: str) -> Seal:
        """The newest checkpoint of an entity."""
        return Seal.of_state(self.values[f"entity/{entity}/standing"]["seal"])

    def named_by(self, statement: Statement) -> bool | None:
        """Whether a record of the journal names just this state; None for one that names none at this place."""
        told = snapshot_named(statement)
        if told is None or told["position"] != self.position:
            return None
        return dict(told) == self.printed()

    def printed(self) -> dict[str, Any]:
        """As the manifest, and the tick that names it, say it."""
        return {"position": self.position, "version": self.version, "digest": self.digest}

    def lines(self) -> Iterator[bytes]:
        """The lines of the bundle's member: each bucket with its bytes in base64."""
        for name, data in sorted(self.buckets.items()):
            yield canonical_bytes({"name": name, "data": base64.b64encode(data).decode()})


def beginning_of(told: Mapping[str, Any], lines: Iterable[bytes]) -> StartingState:
    """The state in a bundle; ValueError, KeyError or TypeError for lines that hold none."""
    entries = [json_of(line) for line in lines]
    buckets = {entry["name"]: base64.b64decode(entry["data"], validate=True) for entry in entries}
    if len(buckets) != len(entries):
        raise ValueError("a bucket is there twice")
    return StartingState(int(told["position"]), int(told["version"]), buckets)


def snapshot_named(statement: Statement) -> Mapping[str, Any] | None:
    """The snapshot that a tick puts on record: {position, version, digest}; None for every other record."""
    told = statement.body.get("snapshot") if statement.kind == "tick" else None
    return told if isinstance(told, dict) and all(name in told for name in NAMED) else None
