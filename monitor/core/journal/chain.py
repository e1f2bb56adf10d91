"""The evidence chain of one entity: sequence, previous digest, digest, and the running digest of what was read (JOURNAL 7)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from monitor.core.journal.outputs import Output
from monitor.core.journal.tree import TreeHead
from monitor.core.values.canonical import digest_of

ENGINE_VERSION = "1"
NO_INPUTS = bytes(32)
"""The running digest before the first record."""


class Forked(Exception):
    """The journal gives another record than the one published under its sequence: somebody else wrote, or releases differ."""

    def __init__(self, entity: str, sequence: int, published: str, computed: str) -> None:
        super().__init__(
            f"chain of {entity} forks at sequence {sequence}: published {published}, computed {computed}; "
            "stop every other assessor of this partition and compare engine versions before going on"
        )
        self.entity = entity
        self.sequence = sequence
        self.published = published
        self.computed = computed


def fold(running: bytes, record_digest: bytes) -> bytes:
    """The running SHA-256 after one more record: over the 32 bytes so far and the 32 bytes of the record's own digest."""
    return hashlib.sha256(running + record_digest).digest()


def inputs_text(running: bytes) -> str:
    """`sha256:<hex>` of a running digest."""
    return "sha256:" + running.hex()


@dataclass(slots=True)
class Chain:
    """Head of one entity's chain over assessments, exposures and alerts, and of the Merkle tree over its digests.

    The leaf of an entry is the 32 bytes of its digest: entry n is leaf n - 1.
    """

    sequence: int = 0
    digest: str | None = None
    tree: TreeHead = field(default_factory=TreeHead)

    def stamp(self, value: dict[str, Any]) -> dict[str, Any]:
        """`value` with its place in the chain and its digest, which covers all of it; the head moves on."""
        value["chain"] = {"sequence": self.sequence + 1, "previous_digest": self.digest}
        digest = value["digest"] = digest_of(value)
        self.sequence += 1
        self.digest = digest
        self.tree.append(bytes.fromhex(digest.removeprefix("sha256:")))
        return value

    def state(self) -> dict[str, Any]:
        """The head as JSON values."""
        return {"sequence": self.sequence, "digest": self.digest, "peaks": [peak.hex() for peak in self.tree.peaks]}

    @staticmethod
    def of_state(state: Mapping[str, Any]) -> Chain:
        """The head that `state` wrote."""
        peaks = [bytes.fromhex(peak) for peak in state["peaks"]]
        return Chain(state["sequence"], state["digest"], TreeHead(state["sequence"], peaks))


class Published:
    """What a take-over found published already: those outputs are not sent again but compared (JOURNAL 7)."""

    def __init__(self) -> None:
        self._newest: dict[str, tuple[int, str]] = {}

    def expect(self, newest: Mapping[str, tuple[int, str]], heads: Mapping[str, Chain]) -> None:
        """Notes the newest published (sequence, digest) of each entity; `Forked` when the restored head already differs."""
        for entity, (sequence, digest) in newest.items():
            head = heads.get(entity)
            if head is not None and head.sequence == sequence and head.digest is not None and head.digest != digest:
                raise Forked(entity, sequence, digest, head.digest)
            if head is None or head.sequence < sequence:
                self._newest[entity] = (sequence, digest)

    def unsent(self, outputs: list[Output]) -> list[Output]:
        """The outputs that are not published yet, in order; `Forked` when one differs from what is."""
        return [output for output in outputs if not self._known(output)] if self._newest else outputs

    def _known(self, output: Output) -> bool:
        expected = self._newest.get(output.entity)
        if expected is None:
            return False
        if output.value is None:
            return True
        sequence, digest = expected
        reached = output.value["chain"]["sequence"]
        if reached == sequence:
            del self._newest[output.entity]
            if output.value["digest"] != digest:
                raise Forked(output.entity, sequence, digest, output.value["digest"])
        return True
