"""Tests try the code that runs: none puts something of its own in the place of one of our functions or classes."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]


def patches(source: str) -> Iterator[str]:
    """What a file of tests patches, as `line: name`: constants may be smaller in a test, the standard library is not ours."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom | ast.Import):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [one.name for one in node.names]
            yield from (f"{node.lineno}: {name}" for name in names if {"mock", "pytest_mock"} & set(name.split(".")))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "setattr":
            name = _patched(node)
            if name is not None:
                yield f"{node.lineno}: {name}"
        elif isinstance(node, ast.Assign):
            yield from (f"{node.lineno}: {ast.unparse(one)}" for one in node.targets if _of_a_class(one))


def _patched(call: ast.Call) -> str | None:
    """The name that a `setattr` of pytest's gives something else to, where it is a function or a class of ours."""
    texts = [one.value if isinstance(one, ast.Constant) else ast.unparse(one) for one in call.args[:-1]]
    owner, _, name = ".".join(map(str, texts)).rpartition(".")
    ours = not {owner.split(".")[0], owner.split(".")[-1]} & sys.stdlib_module_names
    return f"{owner}.{name}" if ours and not name.isupper() else None


def _of_a_class(target: ast.expr) -> bool:
    """Whether an assignment is to a name within a class, known by its spelling."""
    if not isinstance(target, ast.Attribute) or not isinstance(target.value, ast.Name):
        return False
    owner = target.value.id
    return owner[0].isupper() and not owner.isupper() and not target.attr.isupper()


def test_no_test_patches_what_is_ours() -> None:
    found = [f"{file.relative_to(TESTS)}:{patch}" for file in TESTS.rglob("*.py") for patch in patches(file.read_text("utf-8"))]
    assert found == []


@pytest.mark.parametrize(
    "source",
    [
        "monkeypatch.setattr(View, 'value_at', told)",
        "patch.setattr('monitor.cli.ask.fetch', told)",
        "monkeypatch.setattr(restoring, 'check_topics', found)",
        "View.value_at = told",
        "from unittest.mock import patch",
        "import unittest.mock",
    ],
)
def test_patches_are_seen(source: str) -> None:
    assert len(list(patches(source))) == 1


@pytest.mark.parametrize(
    "source",
    [
        "monkeypatch.setattr(asyncio, 'sleep', slept)",
        "monkeypatch.setattr('a.b.asyncio.to_thread', at_once)",
        "monkeypatch.setattr('a.b.ANSWER_S', 1)",
        "self.a = 1",
    ],
)
def test_constants_and_the_standard_library_may_be_set(source: str) -> None:
    assert not list(patches(source))
