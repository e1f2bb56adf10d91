"""The tree of RFC 6962 against the vectors of Certificate Transparency, and its proofs against every size up to 40."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.audit.proofs import consistency_proof, consistent, included, inclusion_proof, root_of
from monitor.core.journal.tree import EMPTY_ROOT, TreeHead, leaf_hash

LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
"""Roots over the first one to eight leaves: test data of the Certificate Transparency reference implementation."""


def _proof(*texts: str) -> list[bytes]:
    return [bytes.fromhex(text) for text in texts]


@pytest.mark.parametrize("size", range(1, 9))
def test_roots_are_those_of_the_reference(size: int) -> None:
    head = TreeHead()
    for leaf in LEAVES[:size]:
        head.append(leaf)
    assert head.root().hex() == ROOTS[size - 1]
    assert root_of([leaf_hash(leaf) for leaf in LEAVES[:size]]).hex() == ROOTS[size - 1]


def test_root_of_nothing() -> None:
    assert TreeHead().root() == EMPTY_ROOT == hashlib.sha256(b"").digest()


def test_proofs_are_those_of_the_reference() -> None:
    leaves = [leaf_hash(leaf) for leaf in LEAVES]
    assert inclusion_proof(leaves, 0) == _proof(
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    )
    assert inclusion_proof(leaves[:3], 1) == _proof("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                                                    leaf_hash(LEAVES[2]).hex())  # fmt: skip
    assert consistency_proof(leaves, 1) == _proof(
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    )
    assert consistency_proof(leaves, 6) == _proof(
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    )


SIZES = st.integers(1, 40)


@given(SIZES, st.data())
def test_every_leaf_is_proven_and_no_other(size: int, data: st.DataObject) -> None:
    leaves = [leaf_hash(bytes([number])) for number in range(size)]
    index = data.draw(st.integers(0, size - 1))
    path, root = inclusion_proof(leaves, index), root_of(leaves)
    assert included(leaves[index], index, size, path, root)
    assert not included(leaf_hash(b"another"), index, size, path, root)
    assert not included(leaves[index], index, size, [*path, root], root)
    assert not included(leaves[index], index, size, path[:-1], root) or not path
    assert not included(leaves[index], size, size, path, root)
    if path:
        flipped = [*path]
        at = data.draw(st.integers(0, len(path) - 1))
        flipped[at] = bytes([flipped[at][0] ^ 1]) + flipped[at][1:]
        assert not included(leaves[index], index, size, flipped, root)


@given(SIZES, st.data())
def test_every_beginning_is_proven_and_no_other(second: int, data: st.DataObject) -> None:
    leaves = [leaf_hash(bytes([number])) for number in range(second)]
    first = data.draw(st.integers(1, second))
    path = consistency_proof(leaves, first)
    old, new = root_of(leaves[:first]), root_of(leaves)
    assert consistent(first, old, second, new, path)
    assert not consistent(first, leaf_hash(b"another"), second, new, path)
    assert not consistent(first, old, second, leaf_hash(b"another"), path)
    assert not consistent(first, old, second, new, [*path, new])
    other = [leaf_hash(b"forged"), *leaves[1:]]
    assert not consistent(first, root_of(other[:first]), second, new, path)
