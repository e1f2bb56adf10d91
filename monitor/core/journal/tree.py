"""The Merkle tree of RFC 6962 (section 2.1) as it grows: its hashes, and a head that takes leaves and gives roots.

A leaf is hashed after a zero byte, a node after a one, so that no node can pass for a leaf. The head keeps one hash for each
one-bit of the number of leaves: the roots of the perfect trees that the whole consists of.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """The 32 bytes that stand for a leaf of these bytes."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The 32 bytes that stand for a node of two children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(slots=True)
class TreeHead:
    """A tree of `size` leaves, to which more are added. `peaks` are the roots of its perfect parts, the largest first."""

    size: int = 0
    peaks: list[bytes] = field(default_factory=list)

    def append(self, data: bytes) -> None:
        """Adds a leaf of these bytes at the end."""
        node, size = leaf_hash(data), self.size
        while size & 1:
            node = node_hash(self.peaks.pop(), node)
            size >>= 1
        self.peaks.append(node)
        self.size += 1

    def root(self) -> bytes:
        """The root over all leaves so far; that of no leaves is the SHA-256 of nothing."""
        if not self.peaks:
            return EMPTY_ROOT
        root = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            root = node_hash(peak, root)
        return root
