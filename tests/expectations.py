"""What a worked case expects of an assessment, and how a found one differs.

A path is dotted and may run through names that hold dots themselves (`components.guarantee_asset.BTC.held`,
`figures.item1.equity_turnover`); of several readings the longest name that fits is meant. Components are found by name.

An expectation is a decimal text (equal as a number), another scalar or a list (equal as it stands), or one of
`{"starts": digits}`, `{"in": [any of]}`, `{"all": [every one of]}`, `{"gap": {"kind", "subject"}}`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any


class Absent:
    """Stands for what is not there."""

    def __repr__(self) -> str:
        return "(absent)"


ABSENT = Absent()


def at(found: Any, path: str) -> Any:
    """What stands at a path of a result, or ABSENT."""
    if not path:
        return found
    names = _by_name(found)
    for end in _ends(path):
        if path[:end] in names:
            return at(names[path[:end]], path[end + 1 :])
    return ABSENT


def meets(found: Any, wanted: Any) -> bool:
    """Whether what was found is what is wanted."""
    match wanted:
        case {"starts": digits}:
            value = _number(found)
            return value is not None and f"{value:f}".startswith(digits)
        case {"in": choices}:
            return any(meets(found, one) for one in choices)
        case {"all": every}:
            return all(meets(found, one) for one in every)
        case {"gap": gap}:
            return any(all(meets(one.get(key), text) for key, text in gap.items()) for one in found)
        case dict():
            raise ValueError(f"no expectation has the form {wanted}")
        case str() if (number := _number(wanted)) is not None:
            return _number(found) == number
        case _:
            return type(found) is type(wanted) and bool(found == wanted)


def differences(expected: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """A line for each path at which a result is not as expected."""
    pairs = ((path, wanted, at(found, path)) for path, wanted in expected.items())
    return [f"{path}: wanted {wanted}, found {value}" for path, wanted, value in pairs if not meets(value, wanted)]


def _by_name(found: Any) -> Mapping[str, Any]:
    if isinstance(found, Mapping):
        return found
    if isinstance(found, Sequence) and not isinstance(found, str):
        return {one["name"]: one for one in found if isinstance(one, Mapping) and "name" in one}
    return {}


def _ends(path: str) -> Iterator[int]:
    """Where a name that begins the path may end, the longest first."""
    yield len(path)
    yield from (place for place in range(len(path) - 1, 0, -1) if path[place] == ".")


def _number(value: Any) -> Decimal | None:
    if not isinstance(value, str):
        return None
    try:
        number = Decimal(value)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
