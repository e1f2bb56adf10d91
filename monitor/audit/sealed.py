"""The checkpoints of a bundle: each is what the engine cuts again, and signed by a key in succession."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from monitor.audit.checkpoints import content_of, is_signed_by
from monitor.audit.faults import Fault, Kind, first_difference
from monitor.audit.signatures.keys import PublicKey, vouched
from monitor.core.journal.chain import Chain
from monitor.core.journal.tree import TreeHead
from monitor.core.values.canonical import digest_of
from monitor.core.values.wording import count_of
from monitor.nesting import json_of

Checkpoint = Mapping[str, Any]


class Checkpoints:
    """Takes entries and cut checkpoints as they are computed, and holds the file's and the kept ones against them."""

    def __init__(
        self,
        lines: Iterator[bytes],
        entity: str,
        listed: Sequence[PublicKey],
        trusted: Sequence[PublicKey],
        kept: Sequence[Checkpoint],
    ) -> None:
        self._lines = lines
        self._entity = entity
        self._known = list(trusted or listed)
        self._pinned = bool(trusted)
        self._kept = sorted(kept, key=lambda one: int(one["tree_size"]))
        self._tree = TreeHead()
        self._used: dict[str, None] = {}
        self._published_roots = False
        self._roots: dict[int, str] = {}
        self._newest: str | None = None
        self.count = 0
        self.signed = 0
        self.sealed_up_to = 0
        self.notes: list[str] = []
        for one in self._kept:
            self._check_kept(one)

    def begin(self, head: Chain, newest: Checkpoint | None) -> None:
        """The chain stands here, under this checkpoint, before the first entry: one kept from before proves nothing of it."""
        self._tree = TreeHead(head.sequence, list(head.tree.peaks))
        self._newest = None if newest is None else digest_of(dict(newest))
        self.sealed_up_to = 0 if newest is None else int(newest["last_sequence"])
        before = [one for one in self._kept if one["tree_size"] < head.sequence]
        self._kept = self._kept[len(before) :]
        if before:
            self.notes.append(
                f"older than the beginning of the file, so not held against it: {count_of(len(before), 'checkpoint')} you kept"
            )

    def knows(self, key_id: str | None) -> bool:
        """Whether the key is trusted by now: given, or vouched for by one that is."""
        return any(key.id == key_id for key in self._known)

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The keys that signed, in the order of their first use."""
        return tuple(self._used)

    def entry(self, digest: str, *, other_engine: bool) -> None:
        """The next entry of the chain, by its digest there.

        `other_engine`: another engine version made it, so that a checkpoint over it has another root than one computed here.
        """
        self._tree.append(bytes.fromhex(digest.removeprefix("sha256:")))
        self._published_roots = self._published_roots or other_engine
        if self._published_roots:
            self._roots[self._tree.size] = "sha256:" + self._tree.root().hex()
        while self._kept and self._kept[0]["tree_size"] <= self._tree.size:
            one = self._kept.pop(0)
            root = "sha256:" + self._tree.root().hex()
            if one["tree_size"] == self._tree.size and one["root"] != root:
                place = f"the checkpoint you kept over {one['tree_size']} entries"
                raise Fault(Kind.CHECKPOINT, place, "entries under a seal that you hold were changed since", one["root"], root)

    def cut(self, computed: Checkpoint) -> None:
        """The next checkpoint as the engine cuts it."""
        found = self._next()
        place = f"checkpoint {self.count + 1}"
        if found is None:
            cause = "the journal asks for it: it was cut off or left out"
            raise Fault(Kind.CHECKPOINT_MISSING, place, cause, computed["root"], "nothing")
        content = content_of(found)
        if self._published_roots:
            root = self._roots.get(computed["tree_size"], computed["root"])
            computed = {**computed, "root": root, "previous": self._newest}
            self._roots.clear()
        if content != computed:
            path, expected, other = first_difference(computed, content)
            cause = "it is of another entity" if content.get("entity") != self._entity else "it seals another chain"
            raise Fault(Kind.CHECKPOINT, f"{place}, {path}", cause, expected, other)
        self._check_signature(found, place)
        self._newest = digest_of(content)
        self.count += 1
        self.sealed_up_to = computed["last_sequence"]

    def end(self) -> None:
        """The journal has ended."""
        if self._next() is not None:
            raise Fault(Kind.CHECKPOINT, f"checkpoint {self.count + 1}", "the journal gives no such checkpoint")
        if self._kept:
            size = self._kept[0]["tree_size"]
            cause, place = "the chain in the file is shorter: its end was cut off", f"the checkpoint you kept over {size} entries"
            raise Fault(Kind.COMPLETENESS, place, cause, str(size), str(self._tree.size))
        if self.signed < self.count:
            self.notes.append(
                f"{count_of(self.count - self.signed, 'checkpoint')} without a signature: no key was configured then"
            )
        if self.signed and not self._pinned:
            self.notes.append("the key is the one the file names: give the firm's public key with --key to pin it")

    def _next(self) -> Checkpoint | None:
        line = next(self._lines, None)
        if line is None:
            return None
        try:
            value = json_of(line)
        except ValueError as error:
            raise Fault(Kind.LINE, f"checkpoint {self.count + 1}", f"the line cannot be read: {error}") from error
        if not isinstance(value, dict):
            raise Fault(Kind.LINE, f"checkpoint {self.count + 1}", "the line is no object")
        return value

    def _check_signature(self, found: Checkpoint, place: str) -> None:
        if found.get("signature") is None and found.get("key_id") is None:
            if self._used or self._pinned:
                raise Fault(Kind.SIGNATURE, place, "the signature is missing", "a signature", "nothing")
            return
        rotation = found.get("rotation")
        key = next((one for one in self._known if one.id == found.get("key_id")), None)
        if key is None and isinstance(rotation, dict):
            key = next((after for one in self._known if (after := vouched(rotation, one)) is not None), None)
            if key is not None and key.id == found.get("key_id"):
                self._known.append(key)
        if key is None:
            known = ", ".join(one.id for one in self._known) or "none"
            raise Fault(Kind.KEY, place, "it is signed by a key that no known key vouches for", known, str(found.get("key_id")))
        if not is_signed_by(found, key):
            raise Fault(Kind.SIGNATURE, place, f"the signature is not that of key {key.id} over this checkpoint")
        self._used[key.id] = None
        self.signed += 1

    def _check_kept(self, one: Checkpoint) -> None:
        found = str(one.get("entity"))
        if found != self._entity:
            raise Fault(Kind.CHECKPOINT, "the checkpoint you kept", "it is of another entity", self._entity, found)
