"""Inclusion and consistency proofs of RFC 6962 (sections 2.1.1, 2.1.2): made from leaf hashes, checked without them.

The checks follow RFC 9162 (2.1.3.2, 2.1.4.2), which says for the same trees how they are done.
"""

from __future__ import annotations

from collections.abc import Sequence

from monitor.core.journal.tree import EMPTY_ROOT, node_hash


def root_of(leaves: Sequence[bytes], start: int = 0, end: int | None = None) -> bytes:
    """The root over leaf hashes `start` to `end`."""
    end = len(leaves) if end is None else end
    if start == end:
        return EMPTY_ROOT
    level = list(leaves[start:end])
    while len(level) > 1:
        paired = [node_hash(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
        level = paired + level[len(level) & ~1 :]
    return level[0]


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """The audit path of leaf `index` (from 0) in the tree over all leaf hashes, from the leaf up."""
    if not 0 <= index < len(leaves):
        raise ValueError(f"leaf {index} is not among {len(leaves)}")
    path: list[bytes] = []
    start, end = 0, len(leaves)
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(root_of(leaves, middle, end))
            end = middle
        else:
            path.append(root_of(leaves, start, middle))
            start = middle
    return path[::-1]


def consistency_proof(leaves: Sequence[bytes], first: int) -> list[bytes]:
    """That the tree over the `first` leaf hashes is the beginning of the tree over all of them; `first` is above 0."""
    if not 0 < first <= len(leaves):
        raise ValueError(f"a tree of {first} leaves is not the beginning of one of {len(leaves)}")
    return _subproof(leaves, first, 0, len(leaves), known=True)


def _subproof(leaves: Sequence[bytes], first: int, start: int, end: int, *, known: bool) -> list[bytes]:
    size = end - start
    if first == size:
        return [] if known else [root_of(leaves, start, end)]
    split = _split(size)
    if first <= split:
        return [*_subproof(leaves, first, start, start + split, known=known), root_of(leaves, start + split, end)]
    return [*_subproof(leaves, first - split, start + split, end, known=False), root_of(leaves, start, start + split)]


def included(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether `path` proves that the leaf hash stands at `index` in the tree of `size` leaves with this root."""
    if not 0 <= index < size:
        return False
    node, last, found = index, size - 1, leaf
    for step in path:
        if last == 0:
            return False
        if node & 1 or node == last:
            found = node_hash(step, found)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found = node_hash(found, step)
        node, last = node >> 1, last >> 1
    return last == 0 and found == root


def consistent(first: int, first_root: bytes, second: int, second_root: bytes, path: Sequence[bytes]) -> bool:
    """Whether `path` proves that the tree of `first` leaves is the beginning of the tree of `second` leaves."""
    if not 0 < first <= second:
        return False
    if first == second:
        return not path and first_root == second_root
    steps = [first_root, *path] if first & (first - 1) == 0 else list(path)
    if not steps:
        return False
    node, last = first - 1, second - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old = new = steps[0]
    for step in steps[1:]:
        if last == 0:
            return False
        if node & 1 or node == last:
            old, new = node_hash(step, old), node_hash(step, new)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            new = node_hash(new, step)
        node, last = node >> 1, last >> 1
    return last == 0 and old == first_root and new == second_root


def _split(size: int) -> int:
    """The largest power of two below `size`."""
    return 1 << (size - 1).bit_length() - 1
