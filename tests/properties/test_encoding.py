"""The fast encoding of statements is the core's canonical one, byte for byte; the fast reading finds what the core's finds."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.core.journal.records import (
    BadRecord,
    JournalRecord,
    Rules,
    Source,
    SourcePartition,
    Statement,
    decode_record,
    encode_statement,
)
from streams.journal.decoding import decoded
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
    assert decoded(encode_fast(statement), 1, at) == decode_record(encode_statement(statement), 1, at)


def _read(read: Callable[[bytes, int, int], JournalRecord], data: bytes) -> str:
    try:
        return repr(read(data, 3, 4))
    except BadRecord as bad:
        return f"refused at {str(bad).partition(':')[0]}"


VALUE = encode_statement(Statement("position", "e", 5, {"quantity": "VALUE"}))


@pytest.mark.parametrize(
    "text",
    [
        b"NaN",
        b"1e400",
        b'"\\ud800"',
        b"1180591620717411303424",
        b"-0",
        b"1.50",
        b'{"a":1,"a":2}',
        b"01",
        b'"\x01"',
        b'"\xff"',
        b"tru",
        b"",
    ],
)
def test_both_readings_find_the_same_in_what_nobody_writes(text: bytes) -> None:
    data = VALUE.replace(b'"VALUE"', text)
    assert _read(decoded, data) == _read(decode_record, data)
    assert _read(decoded, b"\xef\xbb\xbf" + data) == _read(decode_record, b"\xef\xbb\xbf" + data)


@given(st.binary(max_size=40))
def test_both_readings_refuse_the_same_bytes(data: bytes) -> None:
    assert _read(decoded, data) == _read(decode_record, data)


def test_a_record_of_a_newer_release_is_refused_by_both() -> None:
    data = json.dumps(json.loads(VALUE) | {"v": 2}).encode()
    assert (
        _read(decoded, data)
        == _read(decode_record, data)
        == "refused at journal record at offset 3 has version 2, this release reads up to 1"
    )
