"""YAML nested beyond reason is refused before it is loaded: loaders call themselves for it, which very deep ends the process."""

from __future__ import annotations

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
