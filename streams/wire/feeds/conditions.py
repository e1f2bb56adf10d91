"""`where`: which records and elements a feed is made of. A condition is compiled to a look at one value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from monitor.errors import ConfigurationError
from streams.wire.feeds.paths import MISSING, Path, json_text, parse_path

Holds = Callable[[Any], bool]
"""Whether a value (`MISSING` where the path names nothing) is one that the feed takes."""


def parse_where(raw: Any, place: str) -> list[tuple[Path, Holds]]:
    """The conditions of a `where`, all of which must hold."""
    if not isinstance(raw, Mapping):
        raise ConfigurationError(f"{place}: is a mapping of paths to conditions")
    return [(parse_path(path, place), parse_condition(wanted, f"{place}.{path}")) for path, wanted in raw.items()]


def parse_condition(raw: Any, place: str) -> Holds:
    """A condition: a value, a list of values (any), {present}, {starts}, {ends} or {not: condition}."""
    if isinstance(raw, Mapping):
        if len(raw) != 1:
            raise ConfigurationError(f"{place}: one of present, starts, ends, not")
        ((name, wanted),) = raw.items()
        return _named(name, wanted, place)
    texts = {_text(one, place) for one in (raw if isinstance(raw, list | tuple) else [raw])}

    def equals(value: Any) -> bool:
        return json_text(value) in texts

    return equals


def _named(name: str, wanted: Any, place: str) -> Holds:
    if name == "present" and isinstance(wanted, bool):
        return lambda value: (value is not MISSING) is wanted
    if name in {"starts", "ends"} and isinstance(wanted, str):
        ask = str.startswith if name == "starts" else str.endswith
        return lambda value: (text := json_text(value)) is not None and ask(text, wanted)
    if name == "not":
        inner = parse_condition(wanted, place)
        return lambda value: not inner(value)
    raise ConfigurationError(
        f"{place}: {name}: {wanted!r} is no condition; present: true|false, starts: text, ends: text, not: ..."
    )


def _text(value: Any, place: str) -> str:
    text = json_text(value)
    if text is None:
        raise ConfigurationError(f"{place}: a condition compares texts, numbers and booleans, never objects or lists")
    return text
