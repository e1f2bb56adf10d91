"""Paths of feeds name what JSONPath (RFC 9535) names, by an implementation of it that is not ours."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonpath_rfc9535 as rfc9535
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.errors import ConfigurationError
from streams.wire.feeds.paths import EVERY, MISSING, elements, named_elements, parse_path

NAMES = st.sampled_from(["a", "b", "price", "", "a b", "it's", 'say "p"', "\\", "é", "\u2028", "0", "*", "a.b", "x\n"])
DOCUMENTS = st.recursive(
    st.none() | st.integers(-2, 2) | st.sampled_from(["", "a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=12,
)
SHORTHAND = re.compile(r"\.([A-Za-z0-9_-]*[-0-9][A-Za-z0-9_-]*)")


def quoted(name: str, quote: str) -> str:
    inner = json.dumps(name)[1:-1]
    return f'"{inner}"' if quote == '"' else "'" + inner.replace('\\"', '"').replace("'", "\\'") + "'"


@st.composite
def paths(draw: st.DrawFn, document: Any) -> str:
    """A path, often to something that is there, in one of the ways it may be written."""
    text, node, steps = "$", document, draw(st.integers(0, 4))
    for _ in range(steps):
        space = draw(st.sampled_from(["", "", "", " ", "\n"]))
        if draw(st.integers(0, 3)) == 0:
            text += space + draw(st.sampled_from(["[*]", ".*", "[ * ]"]))
            below = node if isinstance(node, list) else list(node.values()) if isinstance(node, dict) else []
            node = draw(st.sampled_from(below)) if below else None
        elif isinstance(node, list) and draw(st.booleans()):
            index = draw(st.integers(-4, 3))
            text += f"{space}[{index}]"
            node = node[index] if -len(node) <= index < len(node) else None
        else:
            name = draw(st.sampled_from(sorted(node)) if isinstance(node, dict) and node else NAMES)
            plain = [f".{name}"] if name.isidentifier() else []
            text += space + draw(st.sampled_from([f"[{quoted(name, chr(39))}]", f"[ {quoted(name, chr(34))} ]", *plain]))
            node = node.get(name) if isinstance(node, dict) else None
    return text


def ours(text: str, document: Any) -> list[Any]:
    several = text.rstrip(" ]").endswith("*")
    path = parse_path(text, "here", several=several)
    if several:
        return [element for _, element in named_elements(path, document)]
    found = path.reader()(document)
    return [] if found is MISSING else [found]


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_path_names_what_the_standard_says(data: st.DataObject) -> None:
    document = data.draw(DOCUMENTS)
    text = data.draw(paths(document))
    query = rfc9535.compile(text)
    wanted = query.find(document)
    if not query.singular_query() and not text.rstrip(" ]").endswith("*"):
        with pytest.raises(ConfigurationError, match="names several"):
            parse_path(text, "here")
        return
    assert ours(text, document) == wanted.values()
    if not query.singular_query():
        path = parse_path(text, "here", several=True)
        stars = [number for number, step in enumerate(path.steps) if step is EVERY]
        names = [tuple(one.location[star] for star in stars if isinstance(one.location[star], str)) for one in wanted]
        assert [named for named, _ in named_elements(path, document)] == names
        lists_alone = [one.value for named, one in zip(names, wanted, strict=True) if not named]
        assert (elements(path, document) or []) == lists_alone


PIECES = st.sampled_from(
    ["$", "@", ".", "a", "b1", "[", "]", "0", "-", "1", "*", "'", '"', "\\", "u00e9", " ", ",", ":", "..", "?", "ü"]
)


@settings(max_examples=150, deadline=None)
@given(tail=st.lists(PIECES, max_size=7).map("".join))
def test_what_the_standard_refuses_is_refused_but_for_names_that_need_no_quotes_here(tail: str) -> None:
    text = "$" + tail
    try:
        taken = parse_path(text, "here", several=text.endswith(("*]", "* ]", ".*")))
    except ConfigurationError:
        taken = None
    try:
        query = rfc9535.compile(text)
    except (rfc9535.JSONPathError, ValueError, IndexError):
        query = None
    if query is not None and query.singular_query():
        assert taken is not None, text
    if query is None and taken is not None:
        assert SHORTHAND.search(text), text
