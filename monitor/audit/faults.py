"""What a verification finds wrong: its kind, where, what was expected and found, and why that is so."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """Every kind of fault."""

    CONTAINER = "container"
    MANIFEST = "manifest"
    MEMBER = "member"
    SEAL = "seal"
    LINE = "line"
    SNAPSHOT = "snapshot"
    JOURNAL_ORDER = "journal_order"
    RECORD = "record"
    STUB = "stub"
    CONFIGURATION = "configuration"
    PACK = "pack"
    ENTRY_ALTERED = "entry_altered"
    ENTRY_DIFFERS = "entry_differs"
    ENTRY_MISSING = "entry_missing"
    ENTRY_TOO_MANY = "entry_too_many"
    CHECKPOINT = "checkpoint"
    CHECKPOINT_MISSING = "checkpoint_missing"
    SIGNATURE = "signature"
    KEY = "key"
    TIMESTAMP = "timestamp"
    APPROVAL = "approval"
    COMPLETENESS = "completeness"


class Fault(Exception):
    """The first thing that is wrong. `expected` and `found` are texts, None where there is nothing to show."""

    def __init__(self, kind: Kind, place: str, cause: str, expected: str | None = None, found: str | None = None) -> None:
        super().__init__(kind, place, cause, expected, found)
        self.kind, self.place, self.cause, self.expected, self.found = kind, place, cause, expected, found

    def __str__(self) -> str:
        values = "" if self.expected is None and self.found is None else f": expected {self.expected}, found {self.found}"
        return f"{self.kind.value} at {self.place}{values}; {self.cause}"

    def printed(self) -> dict[str, Any]:
        """The fault as a JSON object."""
        found = {"expected": self.expected, "found": self.found}
        return {"result": "mismatch", "kind": self.kind.value, "place": self.place, **found, "cause": self.cause}


def first_difference(expected: Mapping[str, Any], found: Mapping[str, Any]) -> tuple[str, str, str]:
    """Path of the first field in which two objects differ, and both values as texts."""
    return _difference("", expected, found)


def _difference(path: str, expected: Any, found: Any) -> tuple[str, str, str]:
    if isinstance(expected, dict) and isinstance(found, dict):
        for key in sorted({*expected, *found}):
            if expected.get(key, _ABSENT) != found.get(key, _ABSENT):
                return _difference(f"{path}.{key}" if path else key, expected.get(key, _ABSENT), found.get(key, _ABSENT))
    if isinstance(expected, list) and isinstance(found, list):
        for number, (one, other) in enumerate(zip(expected, found, strict=False)):
            if one != other:
                return _difference(f"{path}[{number}]", one, other)
    return path, _text(expected), _text(found)


class _Absent:
    """A field that is not there."""


_ABSENT = _Absent()


def _text(value: Any) -> str:
    if value is _ABSENT:
        return "nothing"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:197]}..."
