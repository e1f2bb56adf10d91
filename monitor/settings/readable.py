"""What can be read of a configuration that has wrong values, so that one check tells of everything at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from monitor.settings.load import Settings, read_yaml

KeyPath = tuple[int | str, ...]

_ROUNDS = 20
"""So often what is wrong is left out: leaving out one value may show another."""


def readable_part(path: Path) -> tuple[Settings | None, frozenset[str]]:
    """The settings of a file without what is wrong in it (None where nothing is left), and the sections that are left out.

    A key that nobody knows is left out alone; a wrong value with its section, or the method, entity, channel, feed or source
    that it is of.
    """
    content, gone = read_yaml(path), set[str]()
    for _ in range(_ROUNDS):
        try:
            return Settings.model_validate(content), frozenset(gone)
        except ValidationError as error:
            wrong = {_left_out(one["type"], tuple(one["loc"])) for one in error.errors(include_url=False)}
        gone |= {str(place[0]) for place in wrong if len(place) == 1}
        _remove_all(content, wrong)
    return None, frozenset(gone)


def _left_out(kind: str, place: KeyPath) -> KeyPath:
    """The smallest part without which the others mean what they meant."""
    if kind == "extra_forbidden":
        return place
    match place:
        case ("sources", _, "feeds", _, *_):
            return place[:4]
        case ("entities", _, "methods", int(), *_):
            return place[:4]
        case ("alerting", "channels", _, *_):
            return place[:3]
        case ("sources" | "entities" | "calendars", _, *_):
            return place[:2]
    return place[:1]


def _remove_all(content: Any, places: Iterable[KeyPath]) -> None:
    """Take them out, the last of a list first, so that the places of the others stay."""
    for place in sorted(places, key=lambda one: [(isinstance(part, int), str(part).zfill(6)) for part in one], reverse=True):
        holder = _holder(content, place[:-1])
        if isinstance(holder, dict):
            holder.pop(place[-1], None)
        elif isinstance(holder, list) and isinstance(place[-1], int) and place[-1] < len(holder):
            del holder[place[-1]]


def _holder(content: Any, place: Sequence[int | str]) -> Any:
    for part in place:
        if isinstance(content, list):
            content = content[part] if isinstance(part, int) and part < len(content) else None
        elif isinstance(content, dict) and part in content:
            content = content[part]  # else the type by which a model was chosen, which is no key
    return content
