"""Proofs (`reserve.proof/1`) that one entry is under a checkpoint, and that a later checkpoint only adds to an earlier one.

A proof is some kilobytes and needs neither the chain nor the journal: two hash paths of RFC 6962 and two signed checkpoints.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from monitor.audit.checkpoints import is_signed_by
from monitor.audit.faults import Fault, Kind
from monitor.audit.proofs import consistency_proof, consistent, included, inclusion_proof
from monitor.audit.signatures.keys import PublicKey, vouched
from monitor.core.journal.tree import leaf_hash
from monitor.errors import MonitorError

SCHEMA = "reserve.proof/1"
_PREFIX = "sha256:"

Object = Mapping[str, Any]


class CannotProve(MonitorError):
    """What is there does not make a proof."""


class Digests:
    """The digests of a chain's entries by sequence, from whatever entries are given: each also names the one before it."""

    def __init__(self) -> None:
        self._known: dict[int, str] = {}

    def take(self, entry: Object) -> None:
        """One entry; `CannotProve` where two say different things."""
        chain = entry["chain"]
        self._note(chain["sequence"], entry["digest"])
        if chain["previous_digest"] is not None:
            self._note(chain["sequence"] - 1, chain["previous_digest"])

    def leaves(self, size: int) -> list[bytes]:
        """The leaf hashes of the first `size` entries."""
        absent = next((number for number in range(1, size + 1) if number not in self._known), None)
        if absent is not None:
            raise CannotProve(
                f"entry {absent} of the chain is not kept, and no kept entry names it (the alert topic is compacted): "
                "prove from a bundle that was exported while it was"
            )
        return [leaf_hash(_raw(self._known[number])) for number in range(1, size + 1)]

    def _note(self, sequence: int, digest: str) -> None:
        if self._known.setdefault(sequence, digest) != digest:
            raise CannotProve(f"the chain forks at {sequence}: two entries are there under it")


def prove(entry: Object, digests: Digests, checkpoints: Sequence[Object], since: Object | None = None) -> dict[str, Any]:
    """The proof that `entry` is under the newest checkpoint, and that it adds to `since` (else to the first above the entry)."""
    sequence = entry["chain"]["sequence"]
    above = [one for one in checkpoints if one["tree_size"] >= sequence]
    if not above:
        raise CannotProve(
            f"entry {sequence} is under no checkpoint yet: one is cut each local day, and when an operation `checkpoint` asks"
        )
    newest, earlier = above[-1], since or above[0]
    if earlier["tree_size"] > newest["tree_size"]:
        raise CannotProve("the checkpoint given is newer than every one that is there")
    leaves = digests.leaves(newest["tree_size"])
    return {
        "schema": SCHEMA,
        "entity": entry["entity"],
        "sequence": sequence,
        "digest": entry["digest"],
        "checkpoint": dict(newest),
        "inclusion": _texts(inclusion_proof(leaves, sequence - 1)),
        "earlier": dict(earlier),
        "consistency": _texts(consistency_proof(leaves, earlier["tree_size"])),
    }


def check_proof(proof: Object, keys: Sequence[PublicKey]) -> list[str]:
    """Checks a proof and gives the ids of the keys that signed its checkpoints; `Fault` for what is wrong."""
    try:
        return _checked(proof, list(keys))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Fault(Kind.LINE, "the proof", f"it cannot be read: {error!r}") from error


def _checked(proof: Object, keys: list[PublicKey]) -> list[str]:
    later, earlier = proof["checkpoint"], proof["earlier"]
    for one in (later, earlier):
        if one["entity"] != proof["entity"]:
            raise Fault(Kind.CHECKPOINT, "the proof", "a checkpoint is of another entity", proof["entity"], str(one["entity"]))
    leaf, place = leaf_hash(_raw(proof["digest"])), proof["sequence"] - 1
    if not included(leaf, place, later["tree_size"], _bytes(proof["inclusion"]), _raw(later["root"])):
        raise Fault(
            Kind.CHECKPOINT, "inclusion", f"the path does not lead from entry {proof['sequence']} to the checkpoint's root"
        )
    sizes = earlier["tree_size"], later["tree_size"]
    if not consistent(sizes[0], _raw(earlier["root"]), sizes[1], _raw(later["root"]), _bytes(proof["consistency"])):
        raise Fault(
            Kind.CHECKPOINT, "consistency", f"the tree over {sizes[1]} entries does not begin with the one over {sizes[0]}"
        )
    return [_signer(one, keys) for one in ((earlier, later) if earlier != later else (later,))]


def _signer(checkpoint: Object, keys: list[PublicKey]) -> str:
    rotation = checkpoint.get("rotation")
    if isinstance(rotation, Mapping):
        keys += [after for one in list(keys) if (after := vouched(rotation, one)) is not None]
    for key in keys:
        if is_signed_by(checkpoint, key):
            return key.id
    place = f"the checkpoint over {checkpoint['tree_size']} entries"
    raise Fault(Kind.SIGNATURE, place, "it is not signed by a key that is trusted", None, str(checkpoint.get("key_id")))


def _texts(path: Iterable[bytes]) -> list[str]:
    return [step.hex() for step in path]


def _bytes(path: Iterable[str]) -> list[bytes]:
    return [bytes.fromhex(step) for step in path]


def _raw(digest: str) -> bytes:
    if not digest.startswith(_PREFIX):
        raise ValueError(f"{digest[:40]!r} is not a digest")
    return bytes.fromhex(digest[len(_PREFIX) :])
