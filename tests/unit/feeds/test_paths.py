"""Paths and conditions: what they name, what they refuse, what they compare."""

from __future__ import annotations

from typing import Any

import pytest

from monitor.errors import ConfigurationError
from streams.wire.feeds.conditions import parse_condition
from streams.wire.feeds.paths import MISSING, elements, json_text, parse_path
from streams.wire.fields import JsonNumber

RECORD: dict[str, Any] = {"a": {"b c": [1, {"d": None}], "": 2}, "list": [[1, 2], [3]], "e'f": 4}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("$", RECORD),
        ("$.a", RECORD["a"]),
        ("$.a['b c'][0]", 1),
        ('$.a["b c"][-1].d', None),
        ("$.a['b c'][2]", MISSING),
        ("$.a['b c'][-3]", MISSING),
        ("$['e\\'f']", 4),
        ("$.list[0][1]", 2),
        ("$.list.a", MISSING),
        ("$.a[0]", MISSING),
        ("$.absent.below", MISSING),
        ("a.absent", MISSING),
        ("list[1][0]", 3),
    ],
)
def test_a_path_names_one_value(path: str, value: Any) -> None:
    assert parse_path(path, "here").reader()(RECORD) == value


@pytest.mark.parametrize("path", ["", "$.", "$..a", "$.a[", "$.a[01]", "$.a[1.5]", "$[*]", "%what", "%header.", 5, "$.a b", "$a"])
def test_what_is_no_path_is_refused_with_its_place(path: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"sources\.x"):
        parse_path(path, "sources.x")


@pytest.mark.parametrize(
    ("path", "found"),
    [("$.list[*]", [[1, 2], [3]]), ("$.list[*][*]", [1, 2, 3]), ("$.list[0][*]", [1, 2]), ("$.a[*]", None), ("$.no[*]", None)],
)
def test_each_names_the_elements_of_lists(path: str, found: Any) -> None:
    assert elements(parse_path(path, "here", several=True), RECORD) == found


def test_each_must_end_in_every_element() -> None:
    for path in ("$.list", "$.list[*].a", "%key"):
        with pytest.raises(ConfigurationError):
            parse_path(path, "here", several=True)


@pytest.mark.parametrize(
    ("value", "text"),
    [(1, "1"), (True, "true"), (None, "null"), ("x", "x"), (JsonNumber("1.50"), "1.50"), ([], None), ({}, None), (MISSING, None)],
)
def test_values_compare_by_their_json_text(value: Any, text: str | None) -> None:
    assert json_text(value) == text


@pytest.mark.parametrize(
    ("condition", "holds", "not_for"),
    [
        ("trade", ["trade"], ["x", MISSING, None, ["trade"]]),
        (1, [1, "1"], [True, JsonNumber("1.0")]),
        (["a", "b"], ["a", "b"], ["c", MISSING]),
        ({"present": True}, [None, 1], [MISSING]),
        ({"present": False}, [MISSING], [None]),
        ({"starts": "tr"}, ["trade"], ["xtr", MISSING]),
        ({"ends": "de"}, ["trade"], ["dex"]),
        ({"not": "a"}, ["b", MISSING], ["a"]),
        ({"not": {"starts": "a"}}, ["b", MISSING], ["ab"]),
    ],
)
def test_conditions(condition: Any, holds: list[Any], not_for: list[Any]) -> None:
    asked = parse_condition(condition, "here")
    assert all(asked(value) for value in holds)
    assert not any(asked(value) for value in not_for)


@pytest.mark.parametrize("condition", [{"starts": 1}, {"like": "x"}, {"a": 1, "b": 2}, [[1]], {"present": "yes"}])
def test_what_is_no_condition_is_refused(condition: Any) -> None:
    with pytest.raises(ConfigurationError, match="here"):
        parse_condition(condition, "here")
