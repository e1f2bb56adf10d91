"""What is read of a record as a tree of places, and the types by which msgspec decodes it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any

import msgspec

from streams.wire.feeds.paths import Path, PathStep

Getter = Callable[[Any], Any]


class NotLean(Exception):
    """The feed is for its plan alone."""


@dataclass(slots=True)
class Node:
    """What is read at one place: an object by names or an array by numbers, the list of elements, or a value of `kind`."""

    children: dict[PathStep, Node] = field(default_factory=dict)
    kind: Any = None
    listed: bool = False
    constants: dict[str, Any] = field(default_factory=dict)
    """Attributes of what is decoded here that are the same of every record."""

    def put(self, steps: Sequence[PathStep], kind: Any) -> None:
        """A value below; two readers may share one of the same kind."""
        node = self.at(steps)
        if node is self or node.children or node.listed or (node.kind is not None and node.kind != kind):
            raise NotLean
        node.kind = kind

    def need(self, steps: Sequence[PathStep]) -> None:
        """Something has to be there, whatever it is."""
        node = self
        for number, step in enumerate(steps):
            if step not in node.children:
                node.put(steps[number:], msgspec.Raw)
                return
            node = node.children[step]

    def at(self, steps: Sequence[PathStep]) -> Node:
        node = self
        for step in steps:
            if node.kind is not None or node.listed or (type(step) is int and step < 0):
                raise NotLean
            node = node.children.setdefault(step, Node())
        return node

    def every(self) -> Iterator[tuple[PathStep | None, Node]]:
        """This place and those below, each with the step to it."""
        yield None, self
        for step, child in self.children.items():
            yield from ((step if below is child else inner, below) for inner, below in child.every())

    @property
    def depth(self) -> int:
        """Levels of objects and arrays."""
        return 0 if self.kind is not None else 1 + max((child.depth for child in self.children.values()), default=0)

    @property
    def brackets(self) -> int:
        """Objects and arrays here and below, one element's own left out."""
        return sum(node.kind is None for _, node in self.every())

    @property
    def keys(self) -> int:
        """Keys of objects here and below."""
        return sum(type(step) is str for step, _ in self.every())

    @property
    def skips(self) -> bool:
        """Whether the decoder passes over something here or below unread."""
        return any(node.kind is msgspec.Raw or any(type(step) is int for step in node.children) for _, node in self.every())

    def names(self) -> Counter[bytes]:
        """JSON texts of the keys here and below, and how often each occurs."""
        return Counter(msgspec.json.encode(step) for step, _ in self.every() if type(step) is str)


def attribute(step: PathStep) -> str:
    """A Python name for a step, one to one."""
    return f"i{step}" if type(step) is int else "f_" + str(step).encode().hex()


def getter(steps: Sequence[PathStep]) -> Getter:
    return attrgetter(name_of(steps)) if steps else itself


def getters(paths: Sequence[Path]) -> Getter | None:
    return attrgetter(*(name_of(path.steps) for path in paths)) if paths else None


def name_of(steps: Sequence[PathStep]) -> str:
    """The attributes to a place below, with dots."""
    return ".".join(map(attribute, steps))


def itself(node: Any) -> Any:
    return node


def type_of(node: Node, element: Any) -> Any:
    """What msgspec is to decode: everything that is read has to be there."""
    if node.kind is not None:
        return node.kind
    if node.listed:
        return list[element]
    if not node.children:
        raise NotLean
    steps = node.children
    if all(type(step) is int for step in steps):
        last = max(step for step in steps if type(step) is int)
        fields = [(attribute(n), type_of(steps[n], element) if n in steps else msgspec.Raw) for n in range(last + 1)]
        return msgspec.defstruct("Array", fields, array_like=True, gc=False, namespace=dict(node.constants))
    names = {attribute(step): step for step in steps if type(step) is str}
    if len(names) < len(steps):
        raise NotLean
    fields = [(attribute(step), type_of(child, element)) for step, child in steps.items()]
    return msgspec.defstruct("Object", fields, rename=names, gc=False, namespace=dict(node.constants))
