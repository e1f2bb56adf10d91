"""Paths into a record: the part of JSONPath (RFC 9535) that names one value, and `[*]` in paths that name several.

`$` begins at the record, `@` at the element of `each`; steps are names (`.a`, `['a b']`) and indexes (`[0]`, `[-1]`). A
dotted name without a sign is `@.` of it. `%key`, `%header.NAME`, `%timestamp` and `%id` are of the Kafka record. `%name` is the
name under which `[*]` found the element in an object (of several, `%name[0]` is the outermost): where it is read, `[*]` names the
members of objects too, as the standard says; elsewhere an object is no list, since answers that hold none are objects.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from monitor.errors import ConfigurationError

MISSING: Final = object()
"""What a path gives where nothing is."""

_STEP = re.compile(
    r"""[ \t\r\n]*(?:
        \.(?P<name>[^.\[\]'"\s@$%*]+)
      | \[[ \t\r\n]*(?:
            (?P<index>0|-?[1-9][0-9]{0,15})
          | '(?P<single>(?:[^'\\]|\\.)*)'
          | "(?P<double>(?:[^"\\]|\\.)*)"
          | (?P<every>\*)
        )[ \t\r\n]*\]
      | (?P<each>\.\*))""",
    re.VERBOSE,
)
_LARGEST_INDEX = 2**53 - 1
_BETWEEN_QUOTES = re.compile(r"""\\'|\\.|"|[^\\"]+""")
_KAFKA = re.compile(r"%(?:key|timestamp|id|header\.[^\s]+)\Z")
_NAMED = re.compile(r"%name(?:\[(-?(?:0|[1-9][0-9]?))\])?\Z")
EVERY: Final = object()
"""The step `[*]`."""

PathStep = str | int | object


@dataclass(frozen=True, slots=True)
class Path:
    """A compiled path: `root` is `$`, `@` or `%`, `steps` are names, indexes and (in paths of several) every element."""

    text: str
    root: str
    steps: tuple[PathStep, ...]

    @property
    def of_kafka(self) -> bool:
        """Whether it names something of the Kafka record and not of its JSON."""
        return self.root == "%"

    @property
    def of_names(self) -> bool:
        """Whether it is a name under which `[*]` found the element."""
        return self.root == "%name"

    def reader(self) -> Callable[[Any], Any]:
        """What gives the one value at the path below its root, or `MISSING`."""
        steps = self.steps
        if not steps:
            return _whole
        if len(steps) == 1 and isinstance(steps[0], str):
            return _Name(steps[0])
        return _Walk(steps)


class DoubledKeys(dict[str, Any]):
    """An object of which some keys are given `twice`."""

    __slots__ = ("twice",)

    def __init__(self, pairs: Sequence[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        names = Counter(name for name, _ in pairs)
        self.twice = frozenset(name for name, count in names.items() if count > 1)


class GivenTwice(Exception):
    """A path runs through a key that has two values: two readers would not agree on it."""

    def __init__(self, name: str) -> None:
        super().__init__(f"key {name[:60]!r} is given twice")


def object_of(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object of its keys and values."""
    found = dict(pairs)
    return found if len(found) == len(pairs) else DoubledKeys(pairs)


class _Name:
    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, node: Any) -> Any:
        return node.get(self._name, MISSING) if type(node) is dict else _stepped(node, self._name)


class _Walk:
    __slots__ = ("_steps",)

    def __init__(self, steps: tuple[PathStep, ...]) -> None:
        self._steps = steps

    def __call__(self, node: Any) -> Any:
        for step in self._steps:
            node = _stepped(node, step)
            if node is MISSING:
                return MISSING
        return node


def _whole(node: Any) -> Any:
    return node


def _stepped(node: Any, step: PathStep) -> Any:
    if type(step) is str:
        if type(node) is DoubledKeys and step in node.twice:
            raise GivenTwice(step)
        return node.get(step, MISSING) if isinstance(node, dict) else MISSING
    if type(node) is not list or type(step) is not int or not -len(node) <= step < len(node):
        return MISSING
    return node[step]


def parse_each(texts: Sequence[Any], place: str) -> list[Path]:
    """The paths of `each`: of several, all but one may name one value, which is then the one element."""
    if len(texts) < 2:
        return [parse_path(text, place, several=True) for text in texts]
    found = [parse_path(text, place, several=isinstance(text, str) and text.endswith(("*]", ".*"))) for text in texts]
    if not any(EVERY in path.steps for path in found):
        raise ConfigurationError(f"{place}: one of {', '.join(texts)} has to end in [*]")
    return found


def parse_path(text: Any, place: str, *, several: bool = False) -> Path:
    """The path in a text; `several` are those of `each`, which end in `[*]`. ConfigurationError naming `place` otherwise."""
    if not isinstance(text, str) or not text:
        raise ConfigurationError(f"{place}: a path is a text such as $.data.price, not {str(text)[:60]!r}")
    if text[0] == "%":
        if not several and (named := _NAMED.match(text)):
            return Path(text, "%name", (int(named[1] or -1),))
        if several or not _KAFKA.match(text):
            raise ConfigurationError(f"{place}: {text!r} is none of %key, %header.NAME, %timestamp, %id, %name, %name[0]")
        return Path(text, "%", (text[1:],))
    full = text if text[0] in "$@" else f"@.{text}"
    steps = tuple(_steps(full, text, place))
    if several and (not steps or steps[-1] is not EVERY):
        raise ConfigurationError(f"{place}: {text!r} names one value; a path of several elements ends in [*]")
    if not several and EVERY in steps:
        raise ConfigurationError(f"{place}: {text!r} names several values; [*] belongs in `each`")
    return Path(text, full[0], steps)


def _steps(full: str, text: str, place: str) -> Iterator[PathStep]:
    at = 1
    while at < len(full):
        found = _STEP.match(full, at)
        if found is None:
            raise ConfigurationError(
                f"{place}: {text!r} is no path from {full[at : at + 20]!r} on; steps are .name, ['a b'], [0]"
            )
        at = found.end()
        kind = found.lastgroup
        if kind == "index" and abs(int(found["index"])) <= _LARGEST_INDEX:
            yield int(found["index"])
        elif kind in {"every", "each"}:
            yield EVERY
        elif kind == "name":
            yield found["name"]
        elif kind in {"single", "double"} and (name := _unquoted(found[kind], single=kind == "single")) is not None:
            yield name
        else:
            raise ConfigurationError(f"{place}: {text!r}: {found[0]} is no name or index of JSONPath (RFC 9535)")


def _unquoted(raw: str, *, single: bool) -> str | None:
    """The name in a quoted text, whose escapes are those of JSON; None where there are others."""
    if single:
        if '\\"' in re.sub(r"\\\\", "", raw):
            return None
        turned = {"\\'": "'", '"': '\\"'}
        raw = "".join(turned.get(part[0], part[0]) for part in _BETWEEN_QUOTES.finditer(raw))
    try:
        name = json.loads(f'"{raw}"')
        name.encode()
    except ValueError:
        return None
    return str(name)


def elements(path: Path, node: Any) -> list[Any] | None:
    """The elements that a path of `each` names below `node`; None where there is no list at its place.

    A path of one value names it where it is there and not null nor an empty list.
    """
    found: list[Any] = [node]
    for step in path.steps:
        if step is EVERY:
            lists = [one for one in found if type(one) is list]
            if not lists:
                return None
            found = [element for one in lists for element in one]
        else:
            found = [below for one in found if (below := _stepped(one, step)) is not MISSING]
    return found if EVERY in path.steps else [one for one in found if one is not None and one != []]


def named_elements(path: Path, node: Any) -> list[tuple[tuple[str, ...], Any]]:
    """Elements of lists and members of objects, in the order of the record, each with the names of members on the way to it.

    GivenTwice for an object of which a member is.
    """
    found: list[tuple[tuple[str, ...], Any]] = [((), node)]
    for step in path.steps:
        if step is EVERY:
            found = [below for names, one in found for below in _every(names, one)]
        else:
            found = [(names, below) for names, one in found if (below := _stepped(one, step)) is not MISSING]
    return found if EVERY in path.steps else [(names, one) for names, one in found if one is not None and one != []]


def _every(names: tuple[str, ...], node: Any) -> list[tuple[tuple[str, ...], Any]]:
    if type(node) is list:
        return [(names, element) for element in node]
    if type(node) is DoubledKeys:
        raise GivenTwice(min(node.twice))
    return [((*names, name), element) for name, element in node.items()] if type(node) is dict else []


def json_text(value: Any) -> str | None:
    """A value by its JSON text, as conditions and tables compare it; None for objects, lists and what is absent."""
    kind = type(value)
    if kind is str:
        return str(value)
    if kind is bool:
        return "true" if value else "false"
    if value is None:
        return "null"
    if kind is dict or kind is list or kind is DoubledKeys or value is MISSING:
        return None
    return str(value)
