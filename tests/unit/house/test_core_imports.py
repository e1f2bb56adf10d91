"""The core imports itself and a few pure modules of the standard library: what else it may import is listed here."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

CORE = Path(__file__).parents[3] / "monitor" / "core"
ALLOWED = frozenset({
    "__future__", "array", "bisect", "calendar", "collections", "contextlib", "dataclasses", "datetime", "decimal", "enum",
    "fractions", "functools", "hashlib", "heapq", "itertools", "json", "operator", "re", "struct", "typing", "zlib",
})  # fmt: skip
"""No clock, no files, no network, no randomness, no logging; `datetime` for its arithmetic (`now` is a test below)."""


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: imports are written in full"
            yield node.module or ""


@pytest.mark.parametrize("path", sorted(CORE.rglob("*.py")), ids=lambda path: str(path.relative_to(CORE)))
def test_a_file_of_the_core_imports_only_what_is_allowed(path: Path) -> None:
    foreign = {name for name in imported(path) if name.partition(".")[0] not in ALLOWED and not name.startswith("monitor.core")}
    assert foreign == set()


def test_nothing_in_the_core_reads_a_clock() -> None:
    readers = [
        f"{path.relative_to(CORE)}:{node.lineno}"
        for path in CORE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in {"now", "utcnow", "today"} and isinstance(node.value, ast.Name)
        if node.value.id in {"datetime", "date"}
    ]
    assert readers == []
