"""The core's canonical bytes are those of RFC 8785 on the values the journal holds."""

import copy
from typing import Any

import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from monitor.core.values.canonical import canonical_bytes, fixed

SCALARS = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(st.characters(exclude_categories=["Cs"]))
KEYS = st.text(st.characters(max_codepoint=127), max_size=8)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=20
)


@given(VALUES)
def test_same_bytes_as_rfc_8785(value: Any) -> None:
    assert canonical_bytes(value) == rfc8785.dumps(value)


@given(st.lists(VALUES, max_size=4), SCALARS)
def test_a_fixed_list_changes_no_byte_wherever_it_stands(items: list[Any], other: Any) -> None:
    for place in (lambda held: held, lambda held: {"b": held, "a": other}, lambda held: [other, held], lambda held: [[held]]):
        assert canonical_bytes(place(fixed(items))) == canonical_bytes(place(items))


def test_a_copy_of_a_fixed_list_may_be_changed() -> None:
    copied = copy.deepcopy({"a": fixed([1])})
    copied["a"].append(2)
    assert canonical_bytes(copied) == b'{"a":[1,2]}'
