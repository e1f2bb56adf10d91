"""Paths into a record: the part of JSONPath (RFC 9535) that names one value, and `[*]` in paths that name several.

`$` begins at the record, `@` at the element of `each`; steps are names (`.a`, `['a b']`) and indexes (`[0]`, `[-1]`). A
dotted name without a sign is `@.` of it. `%key`, `%header.NAME`, `%timestamp` and `%id` are of the Kafka record.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from monitor.errors import ConfigurationError

MISSING: Final = object()
"""What a path gives where nothing is."""

_STEP = re.compile(
    r"""\.(?P<name>[^.\[\]'"\s@$%*]+)
      | \[(?P<index>-?(?:0|[1-9][0-9]{0,8}))\]
      | \['(?P<single>(?:[^'\\]|\\.)*)'\]
      | \["(?P<double>(?:[^"\\]|\\.)*)"\]
      | (?P<every>\[\*\]|\.\*)""",
    re.VERBOSE,
)
_KAFKA = re.compile(r"%(?:key|timestamp|id|header\.[^\s]+)\Z")
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


def parse_path(text: Any, place: str, *, several: bool = False) -> Path:
    """The path in a text; `several` are those of `each`, which end in `[*]`. ConfigurationError naming `place` otherwise."""
    if not isinstance(text, str) or not text:
        raise ConfigurationError(f"{place}: a path is a text such as $.data.price, not {str(text)[:60]!r}")
    if text[0] == "%":
        if several or not _KAFKA.match(text):
            raise ConfigurationError(f"{place}: {text!r} is none of %key, %header.NAME, %timestamp, %id")
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
        if found["index"] is not None:
            yield int(found["index"])
        elif found["every"] is not None:
            yield EVERY
        elif found["name"] is not None:
            yield found["name"]
        else:
            quoted = found["single"] if found["single"] is not None else found["double"]
            yield re.sub(r"\\(.)", r"\1", quoted)


def elements(path: Path, node: Any) -> list[Any] | None:
    """The elements that a path of `each` names below `node`; None where there is no list at its place."""
    found: list[Any] = [node]
    for step in path.steps:
        if step is EVERY:
            lists = [one for one in found if type(one) is list]
            if not lists:
                return None
            found = [element for one in lists for element in one]
        else:
            found = [below for one in found if (below := _stepped(one, step)) is not MISSING]
    return found


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
