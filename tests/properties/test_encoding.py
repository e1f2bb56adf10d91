"""The fast encoding of statements is the core's canonical one, byte for byte."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.journal.records import Rules, Source, SourcePartition, Statement, encode_statement
from streams.journal.encoding import encode_fast

NAMES = st.text(st.characters(max_codepoint=127), max_size=8)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**53) + 1, 2**53 - 1), st.text(st.characters(exclude_categories=["Cs"]))),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(NAMES, inner, max_size=4)),
    max_leaves=12,
)
TIMES = st.integers(0, 253_402_300_799_999_999_999)
WHERE = st.builds(SourcePartition, st.text(max_size=5).filter(str.isascii), st.integers(0, 9), st.integers(0, 99))
SOURCES = st.builds(Source, WHERE, *(st.one_of(st.none(), st.integers(0, 2**53 - 1)) for _ in range(3)))


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(NAMES, VALUES, max_size=5),
    st.one_of(st.none(), SOURCES),
    TIMES,
    st.one_of(st.none(), TIMES),
    st.one_of(st.none(), st.just(Rules(3, "sha256:x"))),
)
def test_both_encodings_are_one(
    body: dict[str, Any], source: Source | None, at: int, logged: int | None, rules: Rules | None
) -> None:
    statement = Statement("flow", "jp-main", at, body, source, logged, rules)
    assert encode_fast(statement) == encode_statement(statement)
