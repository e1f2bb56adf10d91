"""What is nested beyond reason is refused, YAML before it is loaded: its loaders call themselves, which very deep is a crash."""

from __future__ import annotations

import json
from typing import Any

import yaml

_DEEPEST = 100
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def refuse_deep(text: str) -> None:
    """YAMLError for a text that is no YAML, or in which something is nested more than a hundred deep."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEEPEST:
                raise yaml.YAMLError(f"something in it is nested more than {_DEEPEST} deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def json_of(text: str | bytes) -> Any:
    """What a JSON text says; ValueError for one that is none, or nested deeper than can be read."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("something in it is nested too deep") from None
